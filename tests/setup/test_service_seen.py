"""What the service manager says is understood, and one that says nothing is unknown."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from clawsocket.setup.service import seen
from clawsocket.setup.service.seen import ManagerState, look


@pytest.fixture
def bin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path) -> Path:
    """A folder that is all of the PATH but for a shell."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "cat", "sleep"):
        (folder / name).symlink_to(f"/bin/{name}")
    monkeypatch.setenv("PATH", str(folder))
    return folder


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_no_manager_is_unknown(bin: Path) -> None:
    assert look() == ManagerState()


@pytest.mark.parametrize("name", ["systemctl", "launchctl"])
def test_a_manager_that_refuses_is_unknown(bin: Path, name: str) -> None:
    program(bin / name, "echo 'Failed to connect to bus: No medium found' >&2; exit 1")
    assert look() == ManagerState()


@pytest.mark.parametrize("name", ["systemctl", "launchctl"])
def test_a_manager_that_does_not_answer_is_given_up(bin: Path, name: str) -> None:
    program(bin / name, "exec sleep 60")
    began = time.monotonic()
    assert look() == ManagerState()
    assert time.monotonic() - began < 2.5


# systemd: as systemd 252 prints it

ACTIVE = """\
Result=success
NRestarts=0
MainPID=4242
ExecStart={ path=/home/u/.local/bin/claw socket ; argv[]=/home/u/.local/bin/claw socket ; ignore_errors=no }
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
"""


def systemd(bin: Path, text: str) -> ManagerState:
    program(bin / "systemctl", f"cat <<'END'\n{text}END")
    return look()


def test_systemd_runs_it(bin: Path) -> None:
    path = Path("/home/u/.local/bin/claw socket")
    assert systemd(bin, ACTIVE) == ManagerState("systemd", True, True, True, path, 4242)


def test_systemd_does_not_know_it(bin: Path) -> None:
    text = "Result=success\nMainPID=0\nLoadState=not-found\nActiveState=inactive\nSubState=dead\nUnitFileState=\n"
    assert systemd(bin, text) == ManagerState("systemd")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"Result": "start-limit-hit", "ActiveState": "failed"}, "it ended too often in a row, and systemd gave up"),
        ({"Result": "watchdog", "ActiveState": "failed"}, "it hung, and the watchdog ended it"),
        (
            {"Result": "exit-code", "ActiveState": "failed", "NRestarts": "9"},
            "it ended with an error, and after 9 restarts systemd gave up",
        ),
        ({"Result": "something", "ActiveState": "failed"}, "something"),
        ({"Result": "exit-code", "ActiveState": "activating", "SubState": "auto-restart"}, "it ended with an error"),
    ],
)
def test_systemd_says_why_it_does_not_run(bin: Path, changes: dict[str, str], why: str) -> None:
    lines = dict(line.split("=", 1) for line in ACTIVE.splitlines()) | {"MainPID": "0"} | changes
    state = systemd(bin, "".join(f"{name}={value}\n" for name, value in lines.items()))
    assert (state.failed_why, state.running_pid) == (why, None)
    assert state.active == (changes["ActiveState"] == "activating")


def test_systemd_starts_it_with_the_first_connection(bin: Path) -> None:
    stopped = ACTIVE.replace("=active", "=inactive").replace("=enabled", "=disabled").replace("4242", "0")
    state = systemd(bin, f"{stopped}\nResult=success\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\n")
    assert (state.installed, state.enabled, state.active, state.waits) == (True, True, True, True)
    assert (state.running_pid, state.failed_why) == (None, None)


def test_systemd_does_not_start_it_at_login(bin: Path) -> None:
    assert not systemd(bin, ACTIVE.replace("UnitFileState=enabled", "UnitFileState=disabled")).enabled


# launchd: as its manual page and published outputs show it; only a Mac can prove it

PRINT = """\
gui/501/claw-socket = {
\tactive count = 1
\tpath = /Users/u/Library/LaunchAgents/claw-socket.plist
\ttype = LaunchAgent
\tstate = running

\tprogram = /Users/u/.local/bin/claw-socket
\targuments = {
\t\t/Users/u/.local/bin/claw-socket
\t}

\truns = 1
\tpid = 501
\tlast exit code = (never exited)

\tspawn type = daemon (3)
}
"""


def launchd(bin: Path, printed: str | None, *, disabled: str = "enabled") -> ManagerState:
    answer = "exit 113" if printed is None else f"cat <<'END'\n{printed}END"
    program(
        bin / "launchctl",
        f'echo "$@" >>{bin}/calls\n'
        f"case $1 in print-disabled) echo '\t\"claw-socket\" => {disabled}';; *) {answer}\nesac",
    )
    return look()


@pytest.fixture
def plist(home: Path) -> Path:
    path = home / "Library" / "LaunchAgents" / "claw-socket.plist"
    path.parent.mkdir(parents=True)
    path.touch()
    return path


def test_launchd_runs_it(bin: Path, plist: Path) -> None:
    state = launchd(bin, PRINT)
    assert state == ManagerState("launchd", True, True, True, Path("/Users/u/.local/bin/claw-socket"), 501)
    domain = f"gui/{os.getuid()}"
    assert (bin / "calls").read_text() == f"print-disabled {domain}\nprint {domain}/claw-socket\n"


def test_launchd_does_not_know_it(bin: Path) -> None:
    assert launchd(bin, None) == ManagerState("launchd")


def test_launchd_was_told_not_to_start_it(bin: Path, plist: Path) -> None:
    for word in ("true", "disabled"):
        state = launchd(bin, None, disabled=word)
        assert (state.installed, state.enabled, state.active) == (True, False, False)


def test_launchd_says_how_it_ended(bin: Path, plist: Path) -> None:
    state = launchd(bin, PRINT.replace("\tpid = 501\n", "").replace("(never exited)", "78: EX_CONFIG"))
    assert (state.failed_why, state.active) == ("it ended with exit code 78: EX_CONFIG", False)


def test_the_limit_is_what_callers_are_promised() -> None:
    assert seen.LIMIT == 2
