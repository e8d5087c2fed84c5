"""``claw-socket``: serve until told to stop."""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import logging
import os
import resource
import sys

import uvloop

from clawsocket.app import serve as run
from clawsocket.config import Settings
from clawsocket.paths import Home

FILES = 8192
"""Open files wanted: clients, watched folders, transcripts."""

SWITCH = 0.00005
"""Seconds that the loop keeps the interpreter's lock when another thread waits for it (Python's own: 5 ms).
uvloop gives it up around every callback, and each time wakes who waits, mostly in vain: that cost a seventh of all."""


def serve(settings: Settings, home: Home) -> int:
    """Run the service in the foreground; return the exit code."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Journal() if _is_journal() else logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    logging.basicConfig(level=logging.DEBUG if settings.verbose else logging.INFO, handlers=[handler])
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    faulthandler.enable()  # a watchdog ends a stuck service with SIGABRT: the log then tells where it was
    _raise_file_limit()
    home.create()
    gc.freeze()  # what was imported stays: looking at it again and again would hold the loop
    sys.setswitchinterval(SWITCH)
    with home.lock():
        uvloop.run(run(settings, home))
    return 0


class _Journal(logging.Formatter):
    """For systemd's journal, which has the time itself, and takes the priority from the beginning of a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines of a record."""
        debug, info, warning, error, critical = 7, 6, 4, 3, 2
        priority = (debug, info, warning, error, critical)[max(1, min(record.levelno // 10, 5)) - 1]
        return "\n".join(f"<{priority}>{line}" for line in super().format(record).split("\n"))


def _is_journal() -> bool:
    """Tell whether standard error goes to the journal, by what systemd says of it."""
    told = os.environ.get("JOURNAL_STREAM")
    if not told:
        return False
    status = os.fstat(sys.stderr.fileno())
    return told == f"{status.st_dev}:{status.st_ino}"


def _raise_file_limit() -> None:
    """Allow more open files than the usual 1024 (macOS: 256): those are fewer than the clients allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
