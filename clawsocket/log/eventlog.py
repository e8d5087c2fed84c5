"""The log: every event appended once, encoded once, numbered once.

It keeps its newest part in memory as ready WebSocket frames; all of it goes to disk, where older parts stay. A reader
is a cursor: the number of the last event it has seen. The log knows nothing of its readers but the one function that it
calls when there is something new.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable
from typing import Literal

import msgspec

from clawsocket.log.block import Row
from clawsocket.log.disk import Disk, chunk
from clawsocket.log.recent import Recent
from clawsocket.log.slices import SCAN, Batch, Slice
from clawsocket.log.store import Store
from clawsocket.protocol.envelope import POSTED, Event, encode
from clawsocket.protocol.events import LEVELS
from clawsocket.protocol.frame import text_frame
from clawsocket.protocol.replies import Gap
from clawsocket.protocol.topics import GAP, Filter

_GONE = Row(0, 0, "", "", "", b"")
_OWN = f"h:{POSTED}"
_encoder = msgspec.json.Encoder()

KNOWN = 100_000
"""How many of the newest facts are known, at least; so many ids are read from disk: what comes again is not older."""

LET_GO = 20_000
"""Events that memory lets go of at a time, at most: that takes 10 ms."""


class EventLog:
    """Events by number, the newest of them in memory.

    Attributes:
        epoch: names the log.
        head: the last number given.
        first: the first number that its events could have.
        last_loss: the number of the last gap in it, 0 for none.
        disk: where it is kept; None if nowhere but in memory.
        on_append: called when there is something new.
    """

    def __init__(self, *, max_bytes: int, max_events: int, known: int = KNOWN) -> None:
        """Start an empty log, in memory alone.

        Args:
            max_bytes: size of the frames kept in memory.
            max_events: number of the events kept in memory.
            known: number of the newest facts that are known, at least, so that none is appended twice.
        """
        self.epoch = secrets.token_hex(8)
        self.head = time.time_ns() // 1000
        self.first = self.head + 1
        self.last_loss = 0
        self.disk: Disk | None = None
        self.on_append: Callable[[], None] = lambda: None
        self._max_bytes, self._max_events = max_bytes, max_events
        self._entries: list[Row] = []
        self._start = 0
        self._bytes = 0
        self._batch: tuple[int, int, Batch] | None = None
        self._known = Recent(known)

    def resume(self, disk: Disk, store: Store, ids: Iterable[str]) -> None:
        """Go on with a log that is on disk; nothing was appended yet.

        Args:
            disk: its way to disk.
            store: what is there.
            ids: of its newest events.
        """
        self.epoch, self.head, self.first, self.last_loss = store.epoch, store.head, store.first, store.last_loss
        self._known.update(id for id in ids if not id.startswith(_OWN))
        self.disk, disk.rows, disk.hole, disk.head = disk, self._rows, self._hole, lambda: self.head

    @property
    def oldest_in_memory(self) -> int:
        """The number of the oldest event in memory; ``head + 1`` while there is none."""
        return self.head - (len(self._entries) - self._start) + 1

    @property
    def bytes_in_memory(self) -> int:
        """The size of the frames in memory."""
        return self._bytes

    @property
    def oldest(self) -> int:
        """The number of the oldest event kept; ``head + 1`` while there is none."""
        memory = self.oldest_in_memory
        return min(memory, (self.disk and self.disk.oldest) or memory)

    def knows(self, id: str) -> bool:
        """Tell whether a fact is in the log already; of very old ones nobody knows."""
        return id in self._known

    def has_room(self) -> bool:
        """Tell whether to take more of what is safe where it is: memory must not let go of it before it is on disk."""
        disk = self.disk
        if disk is None or not disk.works:
            return True
        held = len(self._entries) - self._start
        is_half_full = 2 * self._bytes > self._max_bytes or 2 * held > self._max_events
        return not is_half_full or 2 * (self.head - disk.committed) < held

    def on_disk(self, after: int) -> bool:
        """Tell whether what comes after a number is to be read from disk."""
        disk = self.disk
        return disk is not None and after < min(self.oldest_in_memory - 1, disk.committed)

    def kept_after(self, after: int) -> int:
        """Return the first number after this one whose event is kept, or was given to none and is passed over."""
        memory = self.oldest_in_memory
        disk = self.disk
        if disk is not None and after < min(memory - 1, disk.committed):
            return max(after + 1, min(disk.oldest or disk.floor, disk.floor, memory))
        return max(after + 1, memory)

    def gap(self, after: int, *, foreign: bool = False) -> Gap | None:
        """Tell what is missing for a reader.

        Args:
            after: the last ``seq`` that it has; 0 for none.
            foreign: whether that is known to be of another log.
        """
        oldest = self.oldest
        if foreign or 0 < after < self.first - 1:
            return Gap(from_=min(after + 1, oldest - 1), to=oldest - 1, oldest_seq=oldest, reason="epoch")
        kept = self.kept_after(after)
        start = max(after + 1, self.first)
        return Gap(from_=start, to=kept - 1, oldest_seq=kept, reason="evicted") if start < kept else None

    def is_whole(self, after: int, *, foreign: bool = False) -> bool:
        """Tell whether nothing is missing between what a reader has and the head; the arguments are those of a gap."""
        lost_on_the_way = self.disk is not None and self.gap(max(after, self.disk.committed)) is not None
        return after >= self.last_loss and not lost_on_the_way and self.gap(after, foreign=foreign) is None

    def append(self, event: Event) -> int | None:
        """Give an event its number and keep it.

        Returns:
            Its ``seq``, or None for a fact that the log already has.
        """
        kind, id = event.type, event.id
        may_repeat = kind not in LEVELS and not id.startswith(_OWN)
        if may_repeat and id in self._known:
            return None
        seq = self.head + 1
        frame = text_frame(encode(event, seq))  # first, since one that can't be encoded must leave no trace
        self.head = seq
        if may_repeat:
            self._known.update((id,))
        self._keep(Row(seq, event.timestamp, kind, event.session_id, id, frame))
        return seq

    def lose(self, reason: Literal["spool_full", "source", "crash"]) -> int:
        """Note that events were lost before they came here: every cursor that crosses this place is told.

        Returns:
            The number that stands for them; no event has it.
        """
        oldest = self.oldest
        self.head += 1
        self._keep(self._loss(Gap(from_=self.head, to=self.head, oldest_seq=oldest, reason=reason)))
        return self.head

    def _hole(self, start: int, end: int) -> Row:
        """Note that events never came to disk; the last of their numbers stands for them."""
        return self._loss(Gap(from_=start, to=end, oldest_seq=end + 1, reason="evicted"))

    def _loss(self, gap: Gap) -> Row:
        self.last_loss = max(self.last_loss, gap.to)
        at = time.time_ns() // 1_000_000
        return Row(gap.to, at, GAP, "", f"gap:{gap.to}", text_frame(_encoder.encode(gap)))

    def read(self, after: int, filter: Filter, *, max_bytes: int, upto: int | None = None) -> Slice:
        """Return the frames that pass a filter, joined, from the event after a position on, as far as memory goes.

        Args:
            after: the last ``seq`` that the reader has; older than what memory holds counts as the oldest there.
            filter: what the reader wants.
            max_bytes: stop when there is as much as this.
            upto: the last ``seq`` to look at; the head by default.
        """
        at = max(after, self.oldest_in_memory - 1)
        end = min(self.head if upto is None else upto, at + SCAN)
        if self._batch is None or self._batch[:2] != (at, end):
            base = len(self._entries) - self.head
            self._batch = at, end, Batch(self._entries[base + at : base + end])
        return self._batch[2].read(filter, max_bytes=max_bytes) or Slice(b"", at)

    def purge(self, wanted: Callable[[str], bool]) -> None:
        """Forget what memory holds of some sessions; their numbers stay empty.

        Args:
            wanted: tells of a session whether it is one of them.
        """
        for index in range(self._start, len(self._entries)):
            entry = self._entries[index]
            if entry.session_id and wanted(entry.session_id):
                self._bytes -= len(entry.frame)
                self._entries[index] = Row(entry.seq, 0, "", "", "", b"")
        self._batch = None

    def let_go(self, before: int) -> None:
        """Keep in memory none of the oldest events that are from before a time, ms since 1970, and on disk as well.

        Not all at once if they are many: it holds the loop.
        """
        disk = self.disk
        if disk is None or not disk.oldest:
            return
        for oldest in self._entries[self._start : self._start + LET_GO]:
            if oldest.at >= before or not disk.oldest <= oldest.seq <= disk.committed:
                break
            self._drop_oldest()
        self._batch = None  # it holds some of them
        self._close_up()

    def _rows(self, after: int, count: int, max_bytes: int) -> list[Row]:
        start = len(self._entries) - self.head + max(after, self.oldest_in_memory - 1)
        rows = self._entries[start : start + count]
        if not all(row.frame for row in rows):  # some were purged
            rows = [row for row in self._entries[start:] if row.frame][:count]
        return chunk(rows, max_bytes)

    def _keep(self, entry: Row) -> None:
        self._entries.append(entry)
        self._batch = None
        self._bytes += len(entry.frame)
        if self._bytes > self._max_bytes or len(self._entries) - self._start > self._max_events:
            self._evict()
        if self.disk is not None:
            self.disk.wake()
        self.on_append()

    def _evict(self) -> None:
        start = self._start
        while self._bytes > self._max_bytes or len(self._entries) - self._start > self._max_events:
            if self._start == len(self._entries) - 1:
                break
            self._drop_oldest()
        if self._start != start and self.disk is not None:
            self.disk.evicted(self.oldest_in_memory - 1)
        self._close_up()

    def _drop_oldest(self) -> None:
        self._bytes -= len(self._entries[self._start].frame)
        self._entries[self._start] = _GONE
        self._start += 1

    def _close_up(self) -> None:
        """Forget the places of what was dropped, once they are most of all: each time all others move."""
        if self._start > 1024 and self._start * 2 > len(self._entries):
            del self._entries[: self._start]
            self._start = 0
