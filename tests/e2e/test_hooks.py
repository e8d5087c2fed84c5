"""Hooks cost nothing and lose nothing, and the owner's settings come back as they were."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.claude_code import ClaudeCode, Run, lines
from tests.support import oracle, told
from tests.support.oracle import Json
from tests.support.service import Service, run
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

HOOKS_OF_B_BASH = [
    "SessionStart",
    "UserPromptSubmit",
    "PreToolUse",
    "PostToolUse",
    "PostToolBatch",
    "Stop",
    "SessionEnd",
]

# Not as any program would write it.
SETTINGS = b"""{ "model":"opus",
    "hooks": {"Stop": [ {"hooks":[{"type":"command","command":"true"}]} ], "Mine":[]},
\t"unknown": {"b":1, "a":[1.50, 2e3, "\\u00e4"]}   }"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    return home


def shape(run: Run) -> tuple[list[tuple[str, str]], list[tuple[str, str, str]]]:
    """What a run showed to its caller and wrote into the transcript, without what differs from run to run."""
    shown = [(line["type"], line.get("subtype", "")) for line in lines(run.output)]
    kept = [
        (line["type"], line.get("attachment", {}).get("type", ""), line.get("subtype", ""))
        for line in oracle.transcript_lines(run.projects, run.session)
    ]
    return shown, kept


def test_hooks_leave_no_trace_while_the_service_is_down_and_arrive_later(
    tmp_path: Path, home: Path, claude_binary: Path
) -> None:
    plain = ClaudeCode(claude_binary, tmp_path / "plain").run("b_bash", "--no-recorder")
    with Service(home) as service:
        service.wait_for_hooks()
    hooked = ClaudeCode(claude_binary, home).run("b_bash", "--no-recorder", "--keep-settings")

    assert shape(hooked) == shape(plain)
    assert hooked.errors == plain.errors
    spooled = [json.loads(path.read_text()) for path in waiting(home)]
    assert [hook["hook_event_name"] for hook in spooled] == HOOKS_OF_B_BASH
    left = [path.stat().st_mtime_ns // 1_000_000 for path in waiting(home)]

    with Service(home) as service, service.connect() as client:
        client.follow(back=True)
        wait_for(lambda: client.of(hooked.session, "hook.session_end"), "the last hook")
        events = [event for event in client.of(hooked.session) if event["type"].startswith("hook.")]
        assert [event["data"] | payload for event, payload in zip(events, spooled, strict=True)] == [
            event["data"] for event in events
        ]
        assert [event["timestamp"] for event in events] == left
        told.check_tools(client.of(hooked.session), truth_by_hooks(hooked, spooled))
        wait_for(lambda: not waiting(home), "the spool to be emptied")
        assert client.problems == []


def waiting(home: Path) -> list[Path]:
    """The files that hooks left, oldest first."""
    files = (home / ".claw-socket" / "spool").glob("[!.]*")
    return sorted(files, key=lambda path: (path.stat().st_mtime_ns, path.name))


def truth_by_hooks(run: Run, payloads: list[Json]) -> oracle.Truth:
    record = run.out / "spooled.jsonl"
    record.write_text(
        "\n".join(json.dumps({"event": one["hook_event_name"], "payload": one, "recv": 0}) for one in payloads)
    )
    return oracle.read(run.session, run.projects, [record])


def test_uninstalling_restores_the_settings_byte_for_byte(home: Path, claude_binary: Path) -> None:
    settings = home / ".claude" / "settings.json"
    settings.parent.mkdir()
    settings.write_bytes(SETTINGS)
    with Service(home) as service:
        service.wait_for_hooks()
    installed = settings.read_bytes()
    assert installed != SETTINGS
    ran = ClaudeCode(claude_binary, home).run("a_plain", "--no-recorder", "--keep-settings")
    assert ran.errors == ""
    assert waiting(home)
    assert settings.read_bytes() == installed

    removed = run(home, "--uninstall-hooks")
    assert removed.returncode == 0, removed.stderr
    assert settings.read_bytes() == SETTINGS
    before = len(waiting(home))
    ClaudeCode(claude_binary, home).run("a_plain", "--no-recorder", "--keep-settings")
    assert len(waiting(home)) == before
