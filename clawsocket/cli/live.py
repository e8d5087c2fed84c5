"""What the commands have in common that show what happens while it does."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from typing import Any

from clawsocket.cli import skew
from clawsocket.client import Gap, Lost, Notice, connect
from clawsocket.protocol.replies import Snapshot

BATCH = 50
"""ms that events may wait for others, so that they come in one message: nobody sees them come one by one."""

AWAY = 1.0
"""Seconds without the service before that is said."""

MISSING = {
    "evicted": "what was before this is no longer kept",
    "epoch": "the service has begun a new log; what came in between may be missing here",
    "spool_full": "hooks could not be written; some events are missing here",
    "crash": "the service crashed; some events may be missing here",
    "source": "something could not be read; some events may be missing here",
}
"""What a gap means, by its reason."""


def run(command: Coroutine[Any, Any, int]) -> int:
    """Run a command that writes a line at a time, until it ends or nobody reads any more; return the exit code.

    Raises:
        BrokenPipeError: nobody reads what it writes.
    """
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(line_buffering=True)
    return asyncio.run(_while_read(command))


async def _while_read(command: Coroutine[Any, Any, int]) -> int:
    """Run a command. SIGTERM ends it in order, and so does a pipe that nobody reads any more, before the next line."""
    task = asyncio.ensure_future(command)
    loop = asyncio.get_running_loop()
    descriptor = _pipe()
    ended: list[int] = []

    def end(number: signal.Signals) -> None:
        ended.append(number)
        task.cancel()

    loop.add_signal_handler(signal.SIGTERM, end, signal.SIGTERM)
    if descriptor is not None:
        # The end for writing is never readable: this is its other end being closed.
        loop.add_reader(descriptor, end, signal.SIGPIPE)
    try:
        return await task
    except asyncio.CancelledError:
        if not ended:
            raise
        if ended[0] == signal.SIGPIPE:
            raise BrokenPipeError from None
        return 128 + ended[0]
    finally:
        if descriptor is not None:
            loop.remove_reader(descriptor)


def _pipe() -> int | None:
    try:
        descriptor = sys.stdout.fileno()
        return descriptor if stat.S_ISFIFO(os.fstat(descriptor).st_mode) else None
    except (OSError, ValueError):
        return None


async def print_changes(shown: Callable[[Snapshot], str], off: str) -> int:
    """Print what is to be shown of all sessions, and again whenever that is something else; it does not end.

    Args:
        shown: makes a text of how everything is.
        off: what is printed while the service is stopped.

    Raises:
        TokenRefusedError: the service refuses the token.
    """
    last: str | None = None

    def show(text: str) -> None:
        nonlocal last
        if text != last:
            last = text
            print(text, flush=True)

    def noticed(notice: Notice) -> None:
        if isinstance(notice, Lost):
            show(off)

    async with connect(wait=True) as claw, aclosing(claw.watch(noticed)) as snapshots:
        async for snapshot in snapshots:
            skew.tell(snapshot.server.version)
            show(shown(snapshot))
    return 0


class Tell:
    """Says on standard error what a stream has to tell of itself.

    A service that is back at once was not away: it gives up who was kept from reading for long, by a pager or Ctrl-Z.
    """

    def __init__(self) -> None:
        """Have nothing to say."""
        self._later: asyncio.TimerHandle | None = None

    def __call__(self, notice: Notice) -> None:
        """Say it."""
        if isinstance(notice, Gap):
            _say(MISSING.get(notice.reason, "some events may be missing here"))
        elif isinstance(notice, Lost):
            self._later = asyncio.get_running_loop().call_later(AWAY, self._say_lost, f"{notice.error}; waiting for it")
        else:
            if self._later is None:
                _say("the service is here")
            else:
                self._later.cancel()
            skew.tell(notice.snapshot.server.version)

    def _say_lost(self, text: str) -> None:
        self._later = None
        _say(text)


def _say(text: str) -> None:
    print(f"claw-socket: {text}", file=sys.stderr, flush=True)
