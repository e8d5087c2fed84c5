"""What systemd or launchd knows of our service, whoever installed it. Nothing is changed here."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from clawsocket.setup.service import FOLDER
from clawsocket.setup.service.launchd import LABEL
from clawsocket.setup.service.systemd import SERVICE, SOCKET

LIMIT = 2.0
"""Seconds that a manager has for its answer."""

_PROPERTIES = (
    "LoadState",
    "UnitFileState",
    "ActiveState",
    "SubState",
    "Result",
    "MainPID",
    "NRestarts",
    "ExecStart",
    "Environment",
)
_WHY = {
    "start-limit-hit": "it ended too often in a row, and systemd gave up",
    "exit-code": "it ended with an error",
    "signal": "it was killed",
    "core-dump": "it crashed",
    "watchdog": "it hung, and the watchdog ended it",
    "timeout": "it did not start or stop in time",
    "oom-kill": "it used too much memory and was killed",
}


class ManagerState(NamedTuple):
    """Our service as its manager sees it.

    Attributes:
        manager: ``systemd`` or ``launchd``; None: there is none here, or it does not answer, and the rest is unknown.
        installed: it knows our service.
        enabled: it starts it at login.
        active: it runs it, or will with the first connection.
        exec_path: the program that it starts, None where unknown.
        running_pid: the process, None where it runs none.
        waits: it listens, and starts it with the first connection.
        failed_why: why it does not run it although it should, as a clause; None: it has not failed.
        folder: which folder of ours it has it use; None: the usual one, or unknown.
    """

    manager: str | None = None
    installed: bool = False
    enabled: bool = False
    active: bool = False
    exec_path: Path | None = None
    running_pid: int | None = None
    waits: bool = False
    failed_why: str | None = None
    folder: Path | None = None


def look() -> ManagerState:
    """Ask the manager of this system; it takes at most :data:`LIMIT` for each of at most two questions."""
    return _launchd() if sys.platform == "darwin" or not shutil.which("systemctl") else _systemd()


def _ask(*command: str) -> str | None:
    """Return what a command prints; None where it is not there, fails or does not end."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode(errors="replace") if done.returncode == 0 else None


# systemd


def _systemd() -> ManagerState:
    answer = _ask("systemctl", "--user", "show", SERVICE, SOCKET, f"--property={','.join(_PROPERTIES)}")
    if answer is None:
        return ManagerState()
    blocks = [_properties(block) for block in answer.split("\n\n")]
    found, listener = blocks[0], blocks[1] if len(blocks) > 1 else {}
    state, result = found.get("ActiveState"), found.get("Result", "")
    program = re.search(r"\bpath=(.+?) ;", found.get("ExecStart", ""))
    pid = int(found.get("MainPID") or 0)
    waits = listener.get("ActiveState") == "active"
    failed = state == "failed" or found.get("SubState") == "auto-restart"
    return ManagerState(
        "systemd",
        installed=found.get("LoadState") not in ("not-found", None),
        enabled=any(one.get("UnitFileState", "").startswith("enabled") for one in (found, listener)),
        active=waits or state in ("active", "activating", "reloading"),
        exec_path=Path(program[1]) if program else None,
        running_pid=pid or None,
        waits=waits,
        failed_why=_why(result, state, int(found.get("NRestarts") or 0)) if failed else None,
        folder=_folder(found.get("Environment", "")),
    )


def _folder(environment: str) -> Path | None:
    with contextlib.suppress(ValueError):
        for one in shlex.split(environment):
            name, _, value = one.partition("=")
            if name == FOLDER:
                return Path(value)
    return None


def _why(result: str, state: str | None, restarts: int) -> str:
    why = _WHY.get(result, result or "it failed")
    gave_up = state == "failed" and restarts and result != "start-limit-hit"
    return f"{why}, and after {restarts} restarts systemd gave up" if gave_up else why


def _properties(block: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in block.splitlines() if "=" in line)


# launchd


def _launchd() -> ManagerState:
    domain = f"gui/{os.getuid()}"
    disabled = _ask("launchctl", "print-disabled", domain)
    if disabled is None:
        return ManagerState()
    answer = _ask("launchctl", "print", f"{domain}/{LABEL}")
    found = dict(re.findall(r"^\t([a-z ]+) = (.*)$", answer or "", re.MULTILINE))  # deeper lines are of its parts
    there = (Path.home() / "Library" / "LaunchAgents" / f"{LABEL}.plist").exists()
    is_off = re.search(rf'"{re.escape(LABEL)}" => (?:true|disabled)', disabled) is not None
    pid, program, code = found.get("pid", ""), found.get("program"), found.get("last exit code", "")
    failed = answer is not None and not pid and code.partition(":")[0] not in ("", "0", "(never exited)")
    return ManagerState(
        "launchd",
        installed=there or answer is not None,
        enabled=there and not is_off,
        active=answer is not None and not failed,
        exec_path=Path(program) if program else None,
        running_pid=int(pid) if pid.isdigit() else None,
        failed_why=f"it ended with exit code {code}" if failed else None,
    )
