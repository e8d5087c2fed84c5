"""The log: every event appended once, encoded once, numbered once.

It keeps its newest part in memory as ready WebSocket frames. A reader is a cursor: the number of the last event it has
seen. The log knows nothing of its readers but the one function that it calls when there is something new.
"""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable
from typing import Literal, NamedTuple

import msgspec

from clawsocket.protocol.aliases import alias_frames
from clawsocket.protocol.envelope import Event, encode
from clawsocket.protocol.events import EVENTS
from clawsocket.protocol.frame import text_frame
from clawsocket.protocol.replies import Gap
from clawsocket.protocol.topics import GAP, Filter

SCAN = 4096
"""How many events one read looks at, at most: a filter that wants little must not hold the loop."""

ALIAS_COST = 2048
"""What an alias counts for in the size of a read, at least: it is made anew each time."""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An event in memory: what filters look at, and its frame.

    The garbage collector passes them over: it would look at all of them each time, and hold the loop for it.
    """

    type: str
    session_id: str
    frame: bytes


_GONE = Entry("", "", b"")
_encoder = msgspec.json.Encoder()


class Slice(NamedTuple):
    """What a read gave: frames for the wire, and where to go on."""

    frames: bytes
    position: int


class EventLog:
    """Events by number, the newest of them in memory."""

    def __init__(self, *, max_bytes: int, max_events: int, known: int = 300_000) -> None:
        """Start an empty log.

        Args:
            max_bytes: size of the frames kept.
            max_events: number of the events kept.
            known: number of fact ids remembered, so that a fact is not appended twice.
        """
        self.epoch = secrets.token_hex(8)
        self.head = time.time_ns() // 1000
        self.first = self.head + 1
        self.last_loss = 0
        self.on_append: Callable[[], None] = lambda: None
        self._max_bytes, self._max_events, self._max_known = max_bytes, max_events, known
        self._entries: list[Entry] = []
        self._start = 0
        self._bytes = 0
        self._known: set[str] = set()
        self._known_in_order: deque[str] = deque()

    @property
    def oldest(self) -> int:
        """The number of the oldest event kept; ``head + 1`` while there is none."""
        return self.head - (len(self._entries) - self._start) + 1

    def gap(self, after: int, *, foreign: bool = False) -> Gap | None:
        """Tell what is missing for a reader.

        Args:
            after: the last ``seq`` that it has; 0 for none.
            foreign: whether that is known to be of another log.
        """
        oldest = self.oldest
        if foreign or 0 < after < self.first - 1:
            return Gap(from_=after + 1, to=max(after, oldest - 1), oldest_seq=oldest, reason="epoch")
        if after < oldest - 1 and oldest > self.first:
            return Gap(from_=max(after + 1, self.first), to=oldest - 1, oldest_seq=oldest, reason="evicted")
        return None

    def append(self, event: Event) -> int | None:
        """Give an event its number and keep it.

        Returns:
            Its ``seq``, or None for a fact that the log already has.
        """
        kind = EVENTS.get(event.type)
        is_fact = kind is None or kind.fact
        if is_fact and event.id in self._known:
            return None
        frame = text_frame(encode(event, self.head + 1))  # first, since one that can't be encoded must leave no trace
        self.head += 1
        if is_fact:
            self._remember(event.id)
        self._keep(Entry(event.type, event.session_id, frame))
        return self.head

    def lose(self, reason: Literal["spool_full", "source"]) -> int:
        """Note that events were lost before they came here: every cursor that crosses this place is told.

        Returns:
            The number that stands for them; no event has it.
        """
        oldest = self.oldest
        self.head += 1
        self.last_loss = self.head
        gap = Gap(from_=self.head, to=self.head, oldest_seq=oldest, reason=reason)
        self._keep(Entry(GAP, "", text_frame(_encoder.encode(gap))))
        return self.head

    def read(self, after: int, filter: Filter, *, max_bytes: int, upto: int | None = None) -> Slice:
        """Return the frames that pass a filter, joined, from the event after a position on.

        Args:
            after: the last ``seq`` that the reader has; older than what is kept counts as the oldest.
            filter: what the reader wants.
            max_bytes: stop when there is as much as this.
            upto: the last ``seq`` to look at; the head by default.
        """
        at = max(after, self.oldest - 1)
        end = min(self.head if upto is None else upto, at + SCAN)
        base = len(self._entries) - 1 - self.head
        frames: list[bytes] = []
        size = 0
        while at < end and size < max_bytes:
            at += 1
            entry = self._entries[base + at]
            if filter.wants(entry.type, entry.session_id):
                frames.append(entry.frame)
                size += len(entry.frame)
            if aliases := filter.aliases(entry.type, entry.session_id):
                made = alias_frames(entry.type, entry.frame, aliases)
                frames += made
                size += max(ALIAS_COST, sum(map(len, made)))
        return Slice(b"".join(frames), at)

    def _keep(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._bytes += len(entry.frame)
        self._evict()
        self.on_append()

    def _remember(self, id: str) -> None:
        self._known.add(id)
        self._known_in_order.append(id)
        if len(self._known) > self._max_known:
            self._known.discard(self._known_in_order.popleft())

    def _evict(self) -> None:
        while self._bytes > self._max_bytes or len(self._entries) - self._start > self._max_events:
            if self._start == len(self._entries) - 1:
                break
            self._bytes -= len(self._entries[self._start].frame)
            self._entries[self._start] = _GONE
            self._start += 1
        if self._start > 1024 and self._start * 2 > len(self._entries):
            del self._entries[: self._start]
            self._start = 0
