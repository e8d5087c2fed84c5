"""The service: installed, started at login, running, and this version of it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from clawsocket import __version__
from clawsocket.doctor import running
from clawsocket.doctor.case import Case
from clawsocket.doctor.finding import Finding
from clawsocket.setup.program import bundle, is_one_file

INSTALL = "claw-socket install"


def installed(case: Case) -> Iterator[Finding]:
    """Look what the service manager would do."""
    state = case.manager
    if state.manager is None:
        has_systemd = Path("/run/systemd/system").is_dir() and shutil.which("loginctl")
        linger = "loginctl enable-linger" if has_systemd else None
        yield Finding("service", "warning", "no service manager of this user answers here", linger)
        return
    if not state.installed:
        yield Finding("service", "warning", "it is not installed, and not there after the next login", INSTALL)
        return
    if state.exec_path is not None and not os.access(state.exec_path, os.X_OK):
        yield Finding("service", "error", f"{state.manager} starts {state.exec_path}, which is not there", INSTALL)
    elif mine := _other_than(state.exec_path):
        yield Finding("service", "warning", f"{state.manager} starts {state.exec_path}, and this is {mine}", INSTALL)
    if not state.enabled:
        yield Finding("service", "warning", "it does not start at login", INSTALL)
    if state.failed_why:
        yield Finding(
            "service", "error", f"it failed: {state.failed_why}", "claw-socket logs tells more; claw-socket restart"
        )
    elif not state.active:
        yield Finding("service", "error", f"{state.manager} does not run it", "claw-socket start")
    elif state.enabled:
        when = "by the first connection" if state.waits else "at login"
        yield Finding("service", "ok", f"installed, started {when}, active ({state.manager})")


def answers(case: Case) -> Iterator[Finding]:
    """Look whether it runs, and what runs."""
    start = "claw-socket start" if case.manager.installed else INSTALL if case.manager.manager else "claw-socket"
    if case.running is None:
        if case.manager.waits and not (case.endpoint and running.lives(case.home)):
            yield Finding("running", "ok", "it waits for the first connection")
        elif case.endpoint is None and (pid := case.manager.running_pid):
            what = f"it was started (pid {pid}), and {case.home.endpoint}, by which clients find it, is not there"
            yield Finding("running", "error", what, "claw-socket restart")
        elif case.endpoint is None:
            yield Finding("running", "error", "it does not run", start)
        elif running.lives(case.home):
            pid = case.endpoint.pid
            yield Finding("running", "error", f"it does not answer (pid {pid})", case.restart)
        else:
            what = f"it does not run; {case.home.endpoint} is of a process that died, and leads clients astray"
            yield Finding("running", "error", what, start, case.home.endpoint.unlink)
        return
    found = case.running.endpoint
    managed = case.manager.running_pid
    if found.version != __version__:
        what = f"version {found.version} runs (pid {found.pid}), this is {__version__}"
        mend = INSTALL if managed and _other_than(case.manager.exec_path) else case.restart
        yield Finding("running", "error", what, mend)
    elif _is_replaced(found.pid):
        what = f"its program was replaced or deleted since it was started (pid {found.pid})"
        yield Finding("running", "error", what, case.restart)
    elif managed and managed != found.pid:
        what = f"pid {found.pid} uses the folder, and the service (pid {managed}) can't"
        yield Finding("running", "error", what, f"kill {found.pid}; claw-socket restart")
    else:
        yield Finding("running", "ok", f"version {found.version} answers at {found.url}, pid {found.pid}")


def _program() -> Path | None:
    """Return the program that this command is; None: it is run in another way, as a module or a download."""
    if bundle() is not None:
        return None if is_one_file() else Path(sys.executable)
    path = Path(sys.argv[0])
    return path.absolute() if path.name.startswith("claw-socket") and path.exists() else None


def _other_than(path: Path | None) -> Path | None:
    """Return the program that this command is if that is another one; None: it is not, or that is unknown."""
    mine = _program()
    return mine if mine and path and not _same(path, mine) else None


def _same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _is_replaced(pid: int) -> bool:
    try:
        return str(Path(f"/proc/{pid}/exe").readlink()).endswith(" (deleted)")
    except OSError:
        return False
