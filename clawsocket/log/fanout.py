"""Cursors into the log, and the one place where they move.

At the end of a loop tick the frames since a position are joined once per distinct filter, and the same bytes go to
every client that shares it: one write per client and tick, or in so many ms to one that asked for batches. A client
that does not take its bytes keeps its position and nothing else; it goes on from there when its socket has room again,
from disk if memory has gone on without it.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import math
import time
from collections.abc import Callable
from typing import Protocol

from clawsocket.errors import StoreError
from clawsocket.log.disk import Disk
from clawsocket.log.eventlog import EventLog
from clawsocket.log.slices import Slice
from clawsocket.protocol.frame import gathered
from clawsocket.protocol.replies import Gap
from clawsocket.protocol.topics import Filter

ROUND = 0.01
"""Seconds that a round may hold the loop, about: hundreds of clients may be replaying, each from a place of its own."""

BUSY = 0.0003
"""Seconds after a round in which another one finds the loop busy."""

TURNS = 8
"""Turns of a busy loop before a round, at most; it waits only as long as each brings something. Measured with eight
producers and ten clients, for none, two and eight: 30, 24 and 20 µs of CPU time an event."""

LONG = 0.0002
"""Seconds of a round that is worth a wait for more events."""

LEAST_WAIT = 0.001
"""Seconds; uvloop's timers have no less."""

WAIT = 2
"""How many times as long as the last round a saturated loop waits, once nobody has more to take. Measured with 100
clients and eight producers, for not at all, once, twice and three times: 0.64, 0.66, 0.52 and 0.51 of the CPU time of a
server in C that never waits, and 0.7, 0.8, 2.6 and 4 ms from a POST to the clients."""

FAR = 4096
"""Events that a cursor is behind if it is told of what was: that must not hold up what is."""

PAST_SLICE = 131_072
"""Bytes that such a cursor is given at once, at most; with rests, or the loop and the client keep two CPUs busy, and
the system lets everybody else wait for one. Measured for half, this and twice as much: 69,000, 110,000 and 147,000
events a second, and 0.6, 0.6 and 1.2 ms of latency of others (p99)."""

REST = 3
"""How many times as long as a read from disk took nothing is read from there."""

logger = logging.getLogger(__name__)


class Sink(Protocol):
    """Where a cursor's frames go."""

    def send_frames(self, frames: bytes) -> bool:
        """Take ready WebSocket frames; return whether there is room for more."""

    def takes_gaps(self) -> bool:
        """Learn that a gap is ahead; return whether it wants to go on."""

    def send_gap(self, gap: Gap) -> bool:
        """Tell that events are missing; return whether it wants to go on."""

    def reached(self, position: int) -> None:
        """Learn that the cursor stands at its barrier."""

    def fail(self) -> None:
        """Learn that its frames could not be made."""


class Cursor:
    """A client's place in the log.

    Attributes:
        position: the last ``seq`` that it has.
        filter: what it wants.
        barrier: a ``seq`` to stop at once, so that something can be sent exactly there; None for none.
        ready: whether its sink has room.
        pace: seconds between two writes of what is new, at least, each of them one message; None for each event
            as a message of its own, at once.
        due: when the next of these may come.
        read: its read from disk that is under way; None for none.
    """

    __slots__ = ("barrier", "due", "filter", "pace", "position", "read", "ready", "sink")

    def __init__(self, sink: Sink, position: int) -> None:
        """Start at a position, wanting nothing yet."""
        self.sink = sink
        self.position = position
        self.filter = Filter()
        self.barrier: int | None = None
        self.ready = True
        self.pace: float | None = None
        self.due = 0.0
        self.read: asyncio.Future[Slice] | None = None


_Place = tuple[int, Filter, int | None]


class FanOut:
    """Moves cursors to the log's head, once a tick, a slice at a time.

    Attributes:
        cursors: those that there are.
        gaps: how often a client was told that events are not kept any more.
    """

    def __init__(self, log: EventLog, *, slice_bytes: int) -> None:
        """Attach to a log.

        Args:
            log: the log to follow.
            slice_bytes: how much a cursor is given in one tick, at most.
        """
        self.log = log
        self.slice_bytes, self._past_slice = slice_bytes, min(slice_bytes, PAST_SLICE)
        self.cursors: dict[Cursor, None] = {}
        self.gaps = 0
        self._reads: dict[_Place, asyncio.Future[Slice]] = {}
        self._disk_turn = asyncio.Lock()
        self._scheduled = self._idle = False
        self._later: asyncio.TimerHandle | None = None
        self._last_end = 0.0
        self._last_took = 0.0
        log.on_append = self.wake

    def add(self, sink: Sink) -> Cursor:
        """Return a new cursor at the head."""
        cursor = Cursor(sink, self.log.head)
        self.cursors[cursor] = None
        return cursor

    def remove(self, cursor: Cursor) -> None:
        """Forget a cursor."""
        self.cursors.pop(cursor, None)

    def wake(self) -> None:
        """Move the cursors at the end of this tick.

        A loop that is busy takes a few more turns first, and one that would be in its rounds for most of the time
        waits for twice as long as the last took, so that more events share a write; one with time to spare never waits.
        """
        if self._scheduled:
            return
        rest = time.perf_counter() - self._last_end
        if rest < self._last_took and self._last_took > LONG:
            self._scheduled = True
            asyncio.get_running_loop().call_later(max(LEAST_WAIT, WAIT * self._last_took - rest), self._round)
        else:
            self._idle = rest >= BUSY
            self._soon(0 if self._idle else TURNS)

    def _soon(self, turns: int = 0) -> None:
        """Make a round when this tick ends, or so many later if each brings something."""
        self._scheduled = True
        asyncio.get_running_loop().call_soon(self._turn, turns, 0)

    def hurry(self) -> None:
        """Move the cursors at once if a loop with time to spare would do it next, before it does anything else."""
        if self._idle:
            self._round()

    def _turn(self, left: int, head: int) -> None:
        """Make a round, or let the loop have another turn if the one before brought events after ``head``."""
        if not self._scheduled:
            return  # somebody was in a hurry
        if left and self.log.head > head:
            asyncio.get_running_loop().call_soon(self._turn, left - 1, self.log.head)
        else:
            self._round()

    def advance(self, cursor: Cursor) -> None:
        """Give a cursor its next slice at once, so that what is sent after this comes after what was due."""
        if cursor.ready and cursor.position < self.log.head:
            self._move(cursor, {})

    def resume(self, cursor: Cursor) -> None:
        """Learn that a cursor's sink has room again."""
        cursor.ready = True
        self._go_on(self.log.head - cursor.position, self.wake)

    def tell(self, cursor: Cursor, gap: Gap) -> bool:
        """Tell a client that events are missing, and count what was here; return whether it wants to go on."""
        self.gaps += gap.reason == "evicted"
        return cursor.sink.send_gap(gap)

    def _go_on(self, lag: int, soon: Callable[[], None]) -> None:
        """Move a cursor that is so many events behind: soon, or after a rest if that is far."""
        if lag < FAR:
            soon()
        else:
            self._rest(WAIT * self._last_took)

    def _rest(self, seconds: float) -> None:
        """Come back after a time, unless there is something to do before that."""
        loop = asyncio.get_running_loop()
        when = loop.time() + max(LEAST_WAIT, seconds)
        if self._scheduled or (self._later is not None and self._later.when() <= when):
            return
        if self._later is not None:
            self._later.cancel()
        self._later = loop.call_at(when, self._round)

    def _round(self) -> None:
        self._scheduled = self._idle = False
        if self._later is not None:
            self._later.cancel()
            self._later = None
        began = time.perf_counter()
        shared: dict[_Place, Slice] = {}
        lags: list[int] = []
        due = math.inf
        cursors = list(self.cursors)
        for done, cursor in enumerate(cursors):
            if cursor.ready and cursor.position < self.log.head and cursor in self.cursors:
                if cursor.due > began:
                    due = min(due, cursor.due)
                elif self._try(cursor, shared):
                    lags.append(self.log.head - cursor.position)
                if time.perf_counter() - began > ROUND:
                    self._put_last(cursors[: done + 1])
                    left = [one for one in cursors[done + 1 :] if one.ready and one.position < self.log.head]
                    lags += [self.log.head - one.position for one in left]
                    break
        self._last_end = time.perf_counter()
        self._last_took = self._last_end - began
        if lags:  # there is more already: to wait for more would only let it grow
            self._go_on(min(lags), self._soon)
        if due < math.inf:
            self._rest(due - self._last_end)

    def _put_last(self, done: list[Cursor]) -> None:
        """Let the next round begin with those that this one did not come to."""
        for cursor in done:
            if cursor in self.cursors:
                del self.cursors[cursor]
                self.cursors[cursor] = None

    def _try(self, cursor: Cursor, shared: dict[_Place, Slice]) -> bool:
        """Move a cursor; one that can't be moved leaves the others alone."""
        try:
            return self._move(cursor, shared)
        except Exception:
            logger.exception("the events for a client could not be made")
            self.remove(cursor)
            cursor.sink.fail()
            return False

    def _move(self, cursor: Cursor, shared: dict[_Place, Slice]) -> bool:
        """Give a cursor its next slice; return whether there is more for it and room."""
        if cursor.read is not None:
            return False
        if cursor.position < self.log.last_loss and cursor.filter.topics and not cursor.sink.takes_gaps():
            return False
        is_behind_memory = cursor.position < self.log.oldest_in_memory - 1
        if is_behind_memory and not self._skip(cursor):
            return False
        if cursor.barrier is not None and cursor.position >= cursor.barrier:  # a gap went past it
            return self._give(cursor, Slice(b"", cursor.position))
        if is_behind_memory and self.log.on_disk(cursor.position):
            self._fetch(cursor)
            return False
        key = (cursor.position, cursor.filter, cursor.barrier)
        slice = shared.get(key)
        if slice is None:
            size = self.slice_bytes if self.log.head - cursor.position < FAR else self._past_slice
            slice = self.log.read(cursor.position, cursor.filter, max_bytes=size, upto=cursor.barrier)
            shared[key] = slice
        return self._give(cursor, slice)

    def _give(self, cursor: Cursor, slice: Slice) -> bool:
        cursor.position = slice.position
        if slice.frames:
            cursor.ready = cursor.sink.send_frames(slice.frames if cursor.pace is None else gathered(slice.frames))
            if cursor.pace and cursor.position >= self.log.head:
                cursor.due = time.perf_counter() + cursor.pace
        if cursor.barrier is not None and cursor.position >= cursor.barrier:
            cursor.barrier = None
            cursor.sink.reached(cursor.position)
        return cursor.ready and cursor.position < self.log.head

    def _skip(self, cursor: Cursor) -> bool:
        """Pass over what is not kept any more, and tell of it; return whether the cursor goes on."""
        gap = self.log.gap(cursor.position)
        if gap is None:
            return True
        cursor.position = gap.oldest_seq - 1
        return not cursor.filter.topics or self.tell(cursor, gap)

    # From disk

    def _fetch(self, cursor: Cursor) -> None:
        """Read a cursor's next slice from disk; those at the same place share it."""
        disk = self.log.disk
        assert disk is not None
        place = (cursor.position, cursor.filter, cursor.barrier)
        read = self._reads.get(place)
        if read is None:
            upto = disk.committed if cursor.barrier is None else min(cursor.barrier, disk.committed)
            read = self._reads[place] = asyncio.ensure_future(self._read(disk, cursor.position, cursor.filter, upto))
            read.add_done_callback(lambda _read: self._reads.pop(place))
        cursor.read = read
        read.add_done_callback(functools.partial(self._fetched, cursor, place))

    async def _read(self, disk: Disk, after: int, filter: Filter, upto: int) -> Slice:
        """Read one slice at a time, and rest as long: what is live goes first, also where there are few CPUs."""
        async with self._disk_turn:
            began = time.perf_counter()
            slice = await disk.read(after, filter, max_bytes=self._past_slice, upto=upto)
            await asyncio.sleep(REST * (time.perf_counter() - began))
        return slice

    def _fetched(self, cursor: Cursor, place: _Place, read: asyncio.Future[Slice]) -> None:
        cursor.read = None
        if cursor not in self.cursors:
            return
        error = read.exception()
        if isinstance(error, StoreError):
            self._lost(cursor)
        elif error is not None:
            logger.error("the events for a client could not be read", exc_info=error)
            self.remove(cursor)
            cursor.sink.fail()
            return
        elif place == (cursor.position, cursor.filter, cursor.barrier) and cursor.ready and not self._misses(cursor):
            self._give(cursor, read.result())
        self.wake()

    def _misses(self, cursor: Cursor) -> bool:
        """Tell whether something was deleted while a cursor's read waited for its turn; that is to be told first."""
        return self.log.gap(cursor.position) is not None

    def _lost(self, cursor: Cursor) -> None:
        """What is on disk can't be read: go on with what is in memory."""
        start, position = self.log.oldest_in_memory, cursor.position
        if position < start - 1:
            cursor.position = start - 1
            if cursor.filter.topics:
                self.tell(cursor, Gap(from_=position + 1, to=start - 1, oldest_seq=start, reason="evicted"))
