"""``claw-socket``: serve until told to stop."""

from __future__ import annotations

import asyncio
import logging
import sys

from clawsocket.app import serve as run
from clawsocket.config import Settings
from clawsocket.paths import Home


def serve(settings: Settings, home: Home) -> int:
    """Run the service in the foreground; return the exit code."""
    logging.basicConfig(
        level=logging.DEBUG if settings.verbose else logging.INFO,
        format="%(asctime)s %(levelname)-7s %(message)s",
        stream=sys.stderr,
    )
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    home.create()
    with home.lock():
        _run(settings, home)
    return 0


def _run(settings: Settings, home: Home) -> None:
    if sys.platform == "win32":
        asyncio.run(run(settings, home))
    else:
        import uvloop

        uvloop.run(run(settings, home))
