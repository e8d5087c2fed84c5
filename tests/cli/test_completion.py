"""Completion, in the shells themselves: commands, flags, settings, files, and the sessions that live."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from clawsocket import config
from clawsocket.cli import COMMANDS, main
from clawsocket.cli.completion import FILES, FOLDER, sessions
from clawsocket.doctor import running
from clawsocket.paths import Home
from scripts import export_completions
from scripts.completions.commands import Value, command_line, walk
from tests.support.feed import session_file
from tests.support.screen import Screen
from tests.support.service import PROGRAM, ROOT, Service
from tests.support.waiting import wait_for

NASTY = "a b $(touch pwned) `touch pwned`; x:y 'z"

_PROGRAM = f"""\
#!/bin/sh
[ "$1" != wait ] || {{ printf '<%s>' "$@"; exit; }}
PYTHONPATH={ROOT} exec {shlex.join(PROGRAM)} "$@"
"""
"""Our command line, but for the command that shows what it was given."""

START = {
    "bash": (["bash", "--norc", "-i"], ["bind 'set show-all-if-ambiguous on'"]),
    "zsh": (
        ["zsh", "-f", "-i"],
        ["autoload -U compinit && compinit -u -d $HOME/.zcompdump", "zstyle ':completion:*' menu no"],
    ),
    "fish": (["fish", "--no-config", "-i"], []),
}
SOURCE = {
    "bash": "source <(claw-socket completion bash)",
    "zsh": "source <(claw-socket completion zsh)",
    "fish": "claw-socket completion fish | source",
}


def test_the_files_are_those_of_the_command_line_as_it_is() -> None:
    for name, text in export_completions.files().items():
        assert (FOLDER / name).read_text("utf-8") == text, "run: make completions"


def test_all_that_there_is_can_be_completed() -> None:
    found = {command.words: command for command in walk(command_line())}
    assert {words[0] for words in found if words} == set(COMMANDS)
    assert {action.words[-1] for action in found["history",].actions} == {"show", "export", "purge"}
    flags = {name: flag for flag in found["wait",].flags for name in flag.names}
    assert flags["--session"].value == Value("session", "session", [])
    assert flags["--until"].value is not None
    assert "requires_action" in flags["--until"].value.words
    assert flags["--next"].value is None
    assert {name for flag in found[()].flags for name in flag.names} >= {"--port", "--uninstall-statusline", "--set"}
    assert found["upgrade",].argument == Value("file", "file", [])
    assert "--take-over" not in {name for flag in found["upgrade",].flags for name in flag.names}


@pytest.mark.parametrize("shell", FILES)
def test_a_shell_can_ask_for_it(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    assert capsys.readouterr().out == (FOLDER / FILES[shell]).read_text("utf-8")


def test_another_shell_is_told_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "--help"]) == 0
    assert "source <(claw-socket completion zsh)" in capsys.readouterr().out
    for words in (["completion"], ["completion", "csh"], ["completion", "bash", "zsh"]):
        assert main(words) == 1
        assert capsys.readouterr().err.startswith("claw-socket: completion is for bash, zsh or fish")


def test_without_a_service_there_are_no_sessions(home: Path) -> None:
    assert list(sessions(Home(home / ".claw-socket"))) == []


@pytest.fixture(scope="module")
def lively(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with a service that has two sessions, one with a name that no shell must take for more than a name."""
    home = tmp_path_factory.mktemp("lively")
    (home / "bin").mkdir()
    program = home / "bin" / "claw-socket"
    program.write_text(_PROGRAM)
    program.chmod(0o755)
    with session_file(home), session_file(home, "bbbb1111-2222-4333-8444-555555555555") as pid:
        path = home / ".claude" / "sessions" / f"{pid}.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "name": NASTY}))
        with Service(home):
            wait_for(
                lambda: (seen := running.look(Home(home / ".claw-socket"))) and seen.states.total() == 2, "the sessions"
            )
            yield home


def test_sessions_are_those_that_live(lively: Path) -> None:
    assert sorted(sessions(Home(lively / ".claw-socket"))) == [(NASTY, "idle, /w"), ("w-1", "idle, /w")]


@pytest.fixture(params=FILES)
def shell(request: pytest.FixtureRequest, lively: Path) -> Iterator[tuple[str, Screen]]:
    if shutil.which(request.param) is None and not os.environ.get("CI"):
        pytest.skip(f"needs {request.param}")
    program, first = START[request.param]
    more = {"PATH": f"{lively / 'bin'}:{os.environ['PATH']}", "PS1": "> ", "SHELL": "/bin/sh"}
    with Screen(lively, program=program, more=more, width=200) as screen:
        for line in [*first, SOURCE[request.param], "cd", "echo rea''dy"]:
            screen.write(line)
            screen.press("Enter")
        screen.shows("\nready")
        yield request.param, screen


def complete(screen: Screen, text: str, wanted: str) -> None:
    """Type a text on an empty line, press Tab, wait for what is shown then, and empty the line."""
    screen.write(text)
    screen.shows(text.rstrip())
    screen.press("Tab")
    screen.shows(wanted)

    def is_empty() -> bool:
        """Empty it, and look when a key that was pressed later is shown: a busy shell paints the old line once more."""
        for key in ("C-c", "C-l", "="):
            screen.press(key)
        empty = wanted not in screen.shows("=")
        screen.press("BSpace")
        return empty

    wait_for(is_empty, "an empty screen")


def test_it_completes_what_there_is(shell: tuple[str, Screen], lively: Path) -> None:
    _, screen = shell
    (lively / "my download.tar.gz").touch()
    complete(screen, "claw-socket upg", "claw-socket upgrade")
    complete(screen, "claw-socket history ex", "claw-socket history export")
    complete(screen, "claw-socket install --no-s", "claw-socket install --no-service")
    complete(screen, "claw-socket wait --until requ", "claw-socket wait --until requires_action")
    complete(screen, "claw-socket wait --session w", "claw-socket wait --session w-1")
    complete(screen, "claw-socket tail tool.perm", "claw-socket tail tool.permission_")
    complete(screen, "claw-socket install --set log_to", "claw-socket install --set log_to_disk=")
    complete(screen, "claw-socket upgrade my", "claw-socket upgrade my\\ download.tar.gz")
    complete(screen, "claw-socket token ", "restore")


def test_a_session_s_name_is_completed_as_one_word_that_nobody_runs(shell: tuple[str, Screen], lively: Path) -> None:
    _, screen = shell
    screen.write("claw-socket wait --session a")
    screen.press("Tab")
    screen.shows("touch")
    screen.press("Enter")
    screen.shows(f"<{NASTY}>")
    assert not (lively / "pwned").exists()


def test_settings_are_those_of_the_table() -> None:
    for name in FILES.values():
        text = (FOLDER / name).read_text("utf-8")
        assert all(row.name in text for row in config.rows())
