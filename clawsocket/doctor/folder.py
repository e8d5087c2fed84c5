"""Our folder: who can read it, what waits in it, the disk under it."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import stat
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from clawsocket.doctor.case import Case
from clawsocket.doctor.finding import Finding, age
from clawsocket.errors import StoreRefusedError
from clawsocket.log.database import refuse_network

OLD = 30.0
"""Seconds that a hook may wait in the spool while the service runs. It takes milliseconds."""

LITTLE = 100_000_000
"""Bytes of free space below which it is soon too little."""

AHEAD = 60.0
"""Seconds that a file of ours may come from the future."""


def privacy(case: Case) -> Iterator[Finding]:
    """Look whether only their owner can read our folder and what is secret in it."""
    home = case.home
    if home.root.exists() and not home.root.is_dir():
        yield Finding("folder", "error", f"{home.root} is no folder", f"mv {_word(home.root)} {_word(home.root)}.aside")
        return
    if not home.root.exists() and case.manager.enabled:
        what = f"{home.root} is not there: hooks are lost, and a service in a sandbox can't make it"
        yield Finding("folder", "error", what, "claw-socket install", home.create)
        return
    found = [one for path in (home.root, home.spool, home.token, home.log) for one in _private(path)]
    yield from found
    if home.root.exists() and not found:
        yield Finding("folder", "ok", f"{home.root} and its files are yours alone")


def _word(path: Path) -> str:
    """Return a path as a word of a command: its name may have spaces."""
    return shlex.quote(str(path))


def _private(path: Path) -> Iterator[Finding]:
    try:
        status = path.stat()
    except OSError:
        return
    if status.st_uid != os.getuid():
        yield Finding("folder", "error", f"{path} belongs to another user", f"sudo chown {os.getuid()} {_word(path)}")
    elif status.st_mode & 0o077:
        mode = 0o700 if stat.S_ISDIR(status.st_mode) else 0o600
        what = f"{path} is open to others (mode {stat.S_IMODE(status.st_mode):o})"
        yield Finding("folder", "error", what, f"chmod {mode:o} {_word(path)}", partial(path.chmod, mode))


def settings(case: Case) -> Iterator[Finding]:
    """Look whether the settings can be read."""
    if case.settings_problem:
        what = f"{case.settings_problem}; the service would not start"
        where = case.settings_problem.partition(":")[0]
        mend = f"unset {where}" if where.startswith("CLAW_SOCKET_") else f"edit {case.home.config}"
        yield Finding("settings", "error", what, mend)
    else:
        yield Finding("settings", "ok", f"{case.home.config} can be read" if case.home.config.exists() else "defaults")


def spool(case: Case) -> Iterator[Finding]:
    """Look whether hooks can leave their payloads, and whether somebody takes them."""
    folder, restart = case.home.spool, case.restart
    if not folder.is_dir():
        if case.home.root.exists():
            yield Finding("spool", "error", f"{folder} is not there", f"mkdir -m 700 {_word(folder)}", case.home.create)
        return
    if not os.access(folder, os.W_OK | os.X_OK) or not folder.stat().st_mode & 0o200:
        what = f"{folder} can't be written: hooks are lost"
        yield Finding("spool", "error", what, f"chmod 700 {_word(folder)}", partial(folder.chmod, 0o700))
        return
    ages = list(_ages(folder))
    oldest = age(max(ages, default=0))
    if (folder / ".full").exists():
        yield Finding("spool", "error", "it is full, and hooks are lost until the service empties it", restart)
    elif not ages:
        yield Finding("spool", "ok", "nothing waits")
    elif case.running is None:
        yield Finding("spool", "warning", f"hooks that wait for the service: {len(ages)}, the oldest for {oldest}")
    elif max(ages) > OLD:
        yield Finding("spool", "error", f"nobody takes the hooks: {len(ages)} wait, the oldest for {oldest}", restart)
    else:
        yield Finding("spool", "ok", f"hooks that are being taken: {len(ages)}")


def _ages(spool: Path) -> Iterator[float]:
    """Yield how long, in seconds, each hook has waited; the service may take one meanwhile."""
    now = time.time()
    for one in spool.glob("[!.]*.json"):
        with contextlib.suppress(FileNotFoundError):
            yield now - one.stat().st_mtime


def disk(case: Case) -> Iterator[Finding]:
    """Look whether there is room, on a disk that can be trusted."""
    root = case.home.root
    if not root.exists():
        return
    try:
        refuse_network(root)
    except StoreRefusedError as error:
        yield Finding("disk", "error", str(error), "export CLAW_SOCKET_DIR=/a/folder/on/a/disk")
    free = shutil.disk_usage(root).free
    if free < LITTLE:
        what = f"{free / 1e6:.0f} MB are free under {root}: soon hooks and events are lost"
        yield Finding("disk", "error", what, "claw-socket history purge --before 7d")
    else:
        yield Finding("disk", "ok", f"{free / 1e9:.1f} GB are free")
    for why, which in (("damaged", "damaged logs"), ("newer", "logs of a newer version")):
        if aside := case.home.logs_aside(why):
            what = f"{which} were set aside: {len(aside)}"
            yield Finding("disk", "warning", what, f"rm {_word(case.home.log)}.{why}-*")


def clock(case: Case) -> Iterator[Finding]:
    """Look whether the clock was set back: what is dated later than now was not written now."""
    now, newest = time.time(), 0.0
    for path in (case.home.log, case.home.log.with_name("log.db-wal"), case.home.endpoint, case.home.token):
        if path.exists():
            newest = max(newest, path.stat().st_mtime)
    if newest > now + AHEAD:
        what = f"a file of ours is {age(newest - now)} ahead of the clock, which was set back or is wrong"
        yield Finding("clock", "warning", what, "sudo timedatectl set-ntp true")
    else:
        yield Finding("clock", "ok", "it has not been set back")
