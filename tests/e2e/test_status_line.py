"""The recorder changes nothing of the user's status line, and from it come the context and the account's limits."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.claude_code import ClaudeCode, Run
from tests.support.service import Service, run_command
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

Json = dict[str, Any]

KEEP = "cat >>$HOME/given.jsonl; "
LINES = {
    "fast": KEEP + "echo a fast one",
    "colours and lines": KEEP
    + "printf '  \\033[31mred\\033[0m \\033[1;44m é \\033[0m\\n\\n  two \\t x  \\n\\033[32mgreen\\n'",
    "fails": KEEP + "echo not shown; echo trouble >&2; exit 3",
    "slow": KEEP + "echo $$ >>$HOME/pids; sleep 60; echo never",
    "slow enough": KEEP + "sleep 0.4; echo after a while",
}


def settings_of(home: Path, command: str | None) -> Path:
    path = home / ".claude" / "settings.json"
    path.parent.mkdir(parents=True)
    line = {} if command is None else {"statusLine": {"type": "command", "command": command, "padding": 1}}
    path.write_text(json.dumps({"model": "opus", **line}, indent=4))
    return path


def under_prompt(run: Run) -> list[tuple[str, str, str]]:
    """What the terminal shows below the prompt: each character with its colour and its other attributes.

    How a program got there, tmux tells differently each time.
    """
    shown: list[tuple[str, str, str]] = []
    colour = other = ""
    for codes, character in re.findall(
        r"\x1b\[([0-9;]*)m|(.)", (run.out / "screens" / "line.ansi").read_text(), re.DOTALL
    ):
        if codes:
            plain = codes in ("0", "39")
            colour = "" if plain else codes if codes[0] in "39" else colour
            other = "" if codes in ("0", "49") else other if plain or codes[0] == "3" else other + codes
        elif character == "─":
            shown = []
        elif character:
            shown.append((character, "" if character.isspace() else colour, other))
    return shown


def given(home: Path) -> list[dict[str, Any]]:
    """What the user's command read, each time that it ran."""
    return [json.loads(text) for text in (home / "given.jsonl").read_text().split("\n") if text]


def gone(pid: int) -> Callable[[], bool]:
    return lambda: not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("command", LINES.values(), ids=LINES.keys())
def test_the_users_line_is_the_same_with_the_recorder(tmp_path: Path, claude_binary: Path, command: str) -> None:
    homes = {name: tmp_path / name for name in ("plain", "recorded")}
    settings = [settings_of(home, command) for home in homes.values()]
    before = settings[1].read_bytes()
    assert run_command(homes["recorded"], "--install-statusline").returncode == 0
    assert settings[1].read_bytes() != before
    with ThreadPoolExecutor() as both:  # they wait most of the time
        runs = [ClaudeCode(claude_binary, home) for home in homes.values()]
        plain, run = both.map(lambda one: one.run("t2_status_lines", "--keep-settings"), runs)
    assert under_prompt(run) == under_prompt(plain)

    home = homes["recorded"]
    assert len(given(home)) == pytest.approx(len(given(homes["plain"])), abs=2)
    spool = list((home / ".claw-socket" / "spool").iterdir())
    assert [path.name for path in spool] == [f"status-{run.session}.json"], "the newest alone, and nothing half written"
    assert json.loads(spool[0].read_bytes()) == given(home)[-1]
    if command == LINES["slow"]:
        pids = [int(pid) for pid in (home / "pids").read_text().split()]
        assert len(pids) > 1
        for pid in pids[:-1]:  # the last one Claude Code leaves to itself when it exits, with the recorder or without
            wait_for(gone(pid), "the cancelled commands to go")
    run_command(home, "--uninstall-statusline")
    assert settings[1].read_bytes() == before


def test_without_a_line_of_the_users_none_is_shown(tmp_path: Path, claude_binary: Path) -> None:
    settings = settings_of(tmp_path, None)
    before = settings.read_bytes()
    assert run_command(tmp_path, "--install-statusline").returncode == 0
    run = ClaudeCode(claude_binary, tmp_path).run("t2_status_lines", "--keep-settings")
    below = (run.out / "screens" / "line.txt").read_text().rpartition("─")[2]
    assert "claw-socket" not in below
    assert "session_id" not in below
    (kept,) = (tmp_path / ".claw-socket" / "spool").iterdir()
    assert json.loads(kept.read_bytes())["session_id"] == run.session
    assert run_command(tmp_path, "--uninstall-statusline").returncode == 0
    assert settings.read_bytes() == before


def recorded(home: Path, binary: Path) -> tuple[list[Json], Json]:
    """Run a session with the recorder; return what was told of its context and the limits, and the usage of all."""
    settings_of(home, KEEP + "echo line")
    assert run_command(home, "--install-statusline").returncode == 0
    with Service(home) as service, service.connect() as client:
        service.wait_for_hooks()
        client.follow()
        run = ClaudeCode(binary, home).run("t_status_line", "--keep-settings")
        wait_for(lambda: client.of(run.session, "session.removed"), "session.removed")
        told = client.of(run.session, "usage.context", "usage.rate_limit")
        usage = client.ask("get_usage")
        assert client.problems == []
    assert {event["source"] for event in told} == {"status_line"}
    return told, usage


def test_the_context_is_told_as_claude_code_tells_it(tmp_path: Path, claude_binary: Path) -> None:
    events, _ = recorded(tmp_path, claude_binary)
    told = [line["context_window"] for line in given(tmp_path)]
    expected = [
        {
            "percentUsed": one["used_percentage"],
            "tokensUsed": one["total_input_tokens"],
            "tokensMax": one["context_window_size"],
            "official": True,
        }
        for one in told
        if one["current_usage"]
    ]
    changes = [one for one, before in zip(expected, [None, *expected], strict=False) if one != before]
    assert [event["data"] for event in events if event["type"] == "usage.context"] == changes
    assert [one["tokensUsed"] for one in changes] == [16_395, 16_453, 0, 16_453], "a compaction resets it"


def test_the_limits_are_told_as_claude_code_tells_them(tmp_path: Path, older_claude: Path) -> None:
    events, usage = recorded(tmp_path, older_claude)
    limits = [event["data"] for event in events if event["type"] == "usage.rate_limit"]
    assert [(one["type"], one["percentUsed"], one["resetsAt"]) for one in limits] == [
        ("five_hour", 7.0, 1_999_990_000_000),
        ("seven_day", 50.0, 2_000_000_000_000),
        ("five_hour", 29.0, 1_999_990_000_000),
    ]
    assert all(one["official"] for one in limits)
    assert {one["type"]: one["percentUsed"] for one in usage["rateLimits"]} == {"five_hour": 29.0, "seven_day": 50.0}


def test_without_the_recorder_the_transcript_tells_the_context_and_nobody_the_limits(
    tmp_path: Path, claude_binary: Path
) -> None:
    with Service(tmp_path) as service, service.connect() as client:
        service.wait_for_hooks()
        client.follow()
        run = ClaudeCode(claude_binary, tmp_path).run("t_status_line", "--keep-settings")
        wait_for(lambda: client.of(run.session, "session.removed"), "session.removed")
        contexts = [event["data"] for event in client.of(run.session, "usage.context")]
        assert client.of(run.session, "usage.rate_limit") == []
        assert "rateLimits" not in client.ask("get_usage")
    used = [one["tokensUsed"] for one in contexts]
    assert used[:2] == [16_395, 16_453]
    assert 0 < used[2] < 5000, "what Claude Code counted after the compaction"
    assert used[3:] == [16_453]
    assert not any(one["official"] for one in contexts)
