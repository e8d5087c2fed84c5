"""``claw-socket``: serve until told to stop."""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import resource
import sys

import uvloop

from clawsocket.app import serve as run
from clawsocket.config import Settings
from clawsocket.paths import Home

FILES = 8192
"""Open files wanted: clients, watched folders, transcripts."""


def serve(settings: Settings, home: Home) -> int:
    """Run the service in the foreground; return the exit code."""
    logging.basicConfig(
        level=logging.DEBUG if settings.verbose else logging.INFO,
        format="%(asctime)s %(levelname)-7s %(message)s",
        stream=sys.stderr,
    )
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    faulthandler.enable()  # a watchdog ends a stuck service with SIGABRT: the log then tells where it was
    _raise_file_limit()
    home.create()
    with home.lock():
        uvloop.run(run(settings, home))
    return 0


def _raise_file_limit() -> None:
    """Allow more open files than the usual 1024 (macOS: 256): those are fewer than the clients allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
