"""Processes: whether one lives and is the one that was meant, and when it ends. The system tells of ends; nothing polls."""

from __future__ import annotations

import asyncio
import errno
import os
import select
import sys
from collections.abc import Callable
from pathlib import Path

_PID_LIMIT = 1 << 31


def lives(pid: int, start: str | None) -> bool:
    """Return whether a process lives.

    Args:
        pid: its id.
        start: clock ticks from the boot to its start (Linux: field 22 of ``/proc/<pid>/stat``), None where unknown. A
            pid is given again after its process ended; with the start it names one process for good.
    """
    if sys.platform != "linux":
        return _signalable(pid)
    try:
        status = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    # The name in parentheses may hold spaces and parentheses itself.
    fields = status[status.rindex(b")") + 2 :].split()
    return fields[0] not in (b"Z", b"X") and (start is None or fields[19].decode() == start)


def _signalable(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


class Processes:
    """Tells when processes end.

    Args:
        interval: seconds between looks at processes that the system can't tell of.
    """

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._stops: set[Callable[[], None]] = set()

    def watch(self, pid: int, start: str | None, ended: Callable[[], None]) -> Callable[[], None] | None:
        """Call ``ended`` once when a process ends.

        Args:
            pid: its id.
            start: see :func:`lives`.
            ended: called on the loop.

        Returns:
            A function that stops the watch, or None if there is no such process.
        """
        if not 0 < pid < _PID_LIMIT:
            return None
        try:
            descriptor = _open(pid)
        except OSError as error:
            if error.errno == errno.ESRCH or not lives(pid, start):
                return None
            return self._poll(pid, start, ended)
        if not lives(pid, start):
            os.close(descriptor)
            return None
        return self._wait(descriptor, ended)

    def close(self) -> None:
        """Stop all watches."""
        for stop in tuple(self._stops):
            stop()

    def _wait(self, descriptor: int, ended: Callable[[], None]) -> Callable[[], None]:
        loop = asyncio.get_running_loop()

        def stop() -> None:
            if stop in self._stops:
                self._stops.discard(stop)
                loop.remove_reader(descriptor)
                os.close(descriptor)

        def readable() -> None:
            stop()
            ended()

        self._stops.add(stop)
        loop.add_reader(descriptor, readable)
        return stop

    def _poll(self, pid: int, start: str | None, ended: Callable[[], None]) -> Callable[[], None]:
        loop = asyncio.get_running_loop()

        def look() -> None:
            nonlocal timer
            if lives(pid, start):
                timer = loop.call_later(self._interval, look)
            else:
                stop()
                ended()

        def stop() -> None:
            self._stops.discard(stop)
            timer.cancel()

        timer = loop.call_later(self._interval, look)
        self._stops.add(stop)
        return stop


if sys.platform == "linux":

    def _open(pid: int) -> int:
        """Return a descriptor that becomes readable when the process ends."""
        return os.pidfd_open(pid)

else:

    def _open(pid: int) -> int:
        """Return a descriptor that becomes readable when the process ends."""
        queue = select.kqueue()
        event = select.kevent(pid, select.KQ_FILTER_PROC, select.KQ_EV_ADD | select.KQ_EV_ONESHOT, select.KQ_NOTE_EXIT)
        try:
            queue.control([event], 0)
            return os.dup(queue.fileno())
        finally:
            queue.close()
