"""Uninstalling: the steps back. What the user has changed by hand since is shown, and stays."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from clawsocket.config import Settings, claude_dirs
from clawsocket.paths import Home
from clawsocket.setup import keyring
from clawsocket.setup.install import Wishes, job_of
from clawsocket.setup.installed import Installed, Written, text_of
from clawsocket.setup.program import Programs, gone, programs_of_this
from clawsocket.setup.service import MARK, Manager
from clawsocket.setup.settings_file import every, remembered
from clawsocket.setup.steps import Step, commands, take_out, undo

_OURS = (
    "token", ".token.*", "hook", ".hook.*", "log.db*", "usage.db*", "spool", "socket", "endpoint", ".endpoint.*",
    "purge", ".purge", ".purge.*", "backups", "settings.lock", "signed-out", ".signed-out.*",
)  # fmt: skip
"""What the program itself makes in our folder: nothing that a person wrote."""


def steps(home: Home, settings: Settings, manager: Manager, *, running: bool, purge: bool) -> Iterator[Step]:
    """Yield what is to be done so that nothing of ours is left.

    Args:
        home: our folder.
        settings: the settings.
        manager: what runs services.
        running: whether the manager is there; if it is not, no service of ours runs.
        purge: also remove the token and its copy in the keyring, the log, the settings that install wrote, and the
            programs that it put below the home.
    """
    installed = Installed(home)
    _recognize(home, settings, installed, manager)
    units = installed.files(besides=home.config)
    for path in units if running else ():
        if text_of(path) is None:  # systemd neither stops nor disables what has no file
            yield Step(f"{path} is gone; it is written again, to be ended", partial(_rewrite, installed, path))
    if units or (manager.is_installed() and not (running and _rests(manager))):
        yield from commands(manager.end() if running else manager.detach())
    yield from take_out(home, every(claude_dirs(settings), remembered(home)))
    if home.hook.exists() and not purge:
        yield Step(f"remove {home.hook}", partial(gone, home.hook))
    for path in units:
        yield undo(installed, path)
        drop_ins = path.with_name(f"{path.name}.d")
        if drop_ins.exists():
            yield Step(f"{drop_ins} is yours, and stays", partial("{} is yours, and stays".format, drop_ins))
    if units and running:
        yield from commands(manager.forget())
    if purge:
        yield from _purge(home, installed, manager)
        yield from Programs.default().remove()  # perhaps of what runs here: it has loaded by now what it still needs
    if home.root.exists():
        yield Step("", lambda: _finish(home, installed, purge=purge))


def _rewrite(installed: Installed, path: Path) -> str:
    installed.write(path, installed.record.files[str(path)].after)
    return ""


def _rests(manager: Manager) -> bool:
    """Tell whether nothing runs or would run; what a package brought may lie there unused."""
    state = manager.state()
    return not (state.enabled or state.active)


def _recognize(home: Home, settings: Settings, installed: Installed, manager: Manager) -> None:
    """Know the files of our service again where the record of them was lost: by what they would be if new."""
    there = [path for path in manager.known() if (text := text_of(path)) is not None and MARK in text]
    lost = [path for path in there if str(path) not in installed.record.files]
    if lost:
        job = job_of(home, Wishes(settings, {}, on_demand=len(there) > 1, programs=programs_of_this()))
        wanted = manager.files(job)
        installed.record.files.update({str(path): Written(None, wanted[path]) for path in lost if path in wanted})


def _forget() -> str:
    gone = keyring.delete()
    return "" if gone.state in ("absent", "missing") else f"keyring: {gone.words}"


def _purge(home: Home, installed: Installed, manager: Manager) -> Iterator[Step]:
    yield Step("keyring: the copy of the token is removed", _forget)
    if str(home.config) in installed.record.files:
        yield undo(installed, home.config)
    logged = [path for path in manager.logged() if path.exists()]
    ours = [path for pattern in _OURS for path in sorted(home.root.glob(pattern))] if home.root.exists() else []
    for path in (*ours, *logged):
        yield Step(f"remove {path}", partial(_remove, home, path))


def _remove(home: Home, path: Path) -> str:
    with home.lock():  # not under a server that runs
        return gone(path)


def _finish(home: Home, installed: Installed, *, purge: bool) -> str:
    """Remove the folders of ours that are empty, and after a purge what we remember."""
    installed.record.running, installed.record.on_demand = "", False
    if purge:
        with contextlib.suppress(OSError):
            home.installed.unlink(missing_ok=True)
            home.root.rmdir()
    installed.tidy()
    if not home.root.exists():
        return ""
    if not purge:
        installed.save()
    left = sorted(path.name for path in home.root.iterdir() if path != home.installed)
    return f"left in {home.root}: {', '.join(left)}" if left else ""
