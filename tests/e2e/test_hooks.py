"""Hooks cost nothing and lose nothing, and the owner's settings come back as they were."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.claude_code import ClaudeCode, Run, lines
from tests.support import oracle, told
from tests.support.oracle import Json
from tests.support.service import Service, run_command
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
def scratch(tmp_path: Path) -> Path:
    """A home for the program and Claude Code, but not this process's own."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def shape(run: Run) -> tuple[list[tuple[str, str]], list[tuple[str, str, str]]]:
    """What a run showed to its caller and to the model, without what differs from run to run.

    Where there is any hook for SessionStart, Claude Code itself tells its caller that it began and ended; and newer
    versions note in the transcript that hooks ran at the end of the turn.
    """
    shown = [(line["type"], line.get("subtype", "")) for line in lines(run.output) if "hook_id" not in line]
    kept = [
        (line["type"], line.get("attachment", {}).get("type", ""), line.get("subtype", ""))
        for line in oracle.transcript_lines(run.projects, run.session)
        if line["type"] in ("user", "assistant", "attachment")
    ]
    return shown, kept


def test_hooks_leave_no_trace_while_the_service_is_down_and_arrive_later(
    tmp_path: Path, scratch: Path, claude_binary: Path
) -> None:
    plain = ClaudeCode(claude_binary, tmp_path / "plain").run("b_bash", "--no-recorder")
    with Service(scratch) as service:
        service.wait_for_hooks()
    hooked = ClaudeCode(claude_binary, scratch).run("b_bash", "--no-recorder", "--keep-settings")

    assert shape(hooked) == shape(plain)
    assert hooked.errors == plain.errors == ""
    answers = [line for line in lines(hooked.output) if line.get("subtype") == "hook_response"]
    assert [(line["output"], line["exit_code"], line["outcome"]) for line in answers] == [("", 0, "success")]
    spooled = [json.loads(path.read_text()) for path in waiting(scratch)]
    assert [hook["hook_event_name"] for hook in spooled] == HOOKS_OF_B_BASH
    left = [path.stat().st_mtime_ns // 1_000_000 for path in waiting(scratch)]

    with Service(scratch) as service, service.connect() as client:
        client.follow(back=True)
        wait_for(lambda: client.of(hooked.session, "hook.session_end"), "the last hook")
        events = [event for event in client.of(hooked.session) if event["type"].startswith("hook.")]
        assert [event["data"] | payload for event, payload in zip(events, spooled, strict=True)] == [
            event["data"] for event in events
        ]
        assert [event["timestamp"] for event in events] == left
        told.check_tools(client.of(hooked.session), truth_by_hooks(hooked, spooled))
        wait_for(lambda: not waiting(scratch), "the spool to be emptied")
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


def test_uninstalling_restores_the_settings_byte_for_byte(scratch: Path, claude_binary: Path) -> None:
    settings = scratch / ".claude" / "settings.json"
    settings.parent.mkdir()
    settings.write_bytes(SETTINGS)
    with Service(scratch) as service:
        service.wait_for_hooks()
    installed = settings.read_bytes()
    assert installed != SETTINGS
    ran = ClaudeCode(claude_binary, scratch).run("a_plain", "--no-recorder", "--keep-settings")
    assert ran.errors.count("(hooks.") == ran.errors.count("(hooks.Mine)"), "newer versions tell what they skip"
    assert waiting(scratch)
    assert settings.read_bytes() == installed

    removed = run_command(scratch, "--uninstall-hooks")
    assert removed.returncode == 0, removed.stderr
    assert settings.read_bytes() == SETTINGS
    before = len(waiting(scratch))
    ClaudeCode(claude_binary, scratch).run("a_plain", "--no-recorder", "--keep-settings")
    assert len(waiting(scratch)) == before
