"""Processes: whether one lives and is the one that was meant, and when it ends, told by the system."""

from __future__ import annotations

import asyncio
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
        return _takes_signals(pid)
    try:
        status = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    # The name in parentheses may hold spaces and parentheses itself.
    fields = status[status.rindex(b")") + 2 :].split()
    return fields[0] not in (b"Z", b"X") and (start is None or fields[19].decode() == start)


def _takes_signals(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError as error:
        return isinstance(error, PermissionError)
    return True


class Processes:
    """Tells when processes end.

    Args:
        interval: seconds between looks at processes that the system can't tell of.
    """

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._watches: set[_Ended | _Polled] = set()

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

        def stop() -> None:
            self._watches.discard(watch)
            watch.close()

        def over() -> None:
            stop()
            ended()

        watch: _Ended | _Polled
        try:
            watch = _Ended(_open(pid), over)
        except ProcessLookupError:
            return None
        except OSError:
            watch = _Polled(lambda: lives(pid, start), self._interval, over)
        # Only now, with a hold on it, is it sure that the process that was looked at is the one that is watched.
        if not lives(pid, start):
            watch.close()
            return None
        self._watches.add(watch)
        return stop

    def close(self) -> None:
        """Stop all watches."""
        for watch in self._watches:
            watch.close()
        self._watches.clear()


class _Ended:
    """Waits for a descriptor that becomes readable when a process ends."""

    def __init__(self, descriptor: int, over: Callable[[], None]) -> None:
        self._descriptor, self._loop = descriptor, asyncio.get_running_loop()
        self._loop.add_reader(descriptor, over)

    def close(self) -> None:
        if self._descriptor >= 0:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1


class _Polled:
    """Looks at a process in intervals: there are too many descriptors, or the system is too old."""

    def __init__(self, lives: Callable[[], bool], interval: float, over: Callable[[], None]) -> None:
        self._lives, self._interval, self._over = lives, interval, over
        self._timer = asyncio.get_running_loop().call_later(interval, self._look)

    def _look(self) -> None:
        if self._lives():
            self._timer = asyncio.get_running_loop().call_later(self._interval, self._look)
        else:
            self._over()

    def close(self) -> None:
        self._timer.cancel()


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
