"""What one read of the log gives, from memory or from disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import NamedTuple

from clawsocket.log.block import Row
from clawsocket.protocol.aliases import alias_frames
from clawsocket.protocol.topics import Filter

SCAN = 4096
"""How many events one read looks at, at most: a filter that wants little must not hold the loop."""

TOGETHER = 1024
"""How many events readers share, at most: one who has more before him is alone there, mostly, and stops far earlier."""

ALIAS_COST = 2048
"""What an alias counts for in the size of a read, at least: it is made anew each time."""


class Slice(NamedTuple):
    """What a read gave: frames for the wire, and where to go on."""

    frames: bytes
    position: int


def collect(rows: Iterable[Row], filter: Filter, *, max_bytes: int) -> Slice | None:
    """Join the frames that pass a filter.

    Args:
        rows: events, in order.
        filter: what the reader wants.
        max_bytes: stop when there is as much as this.

    Returns:
        The frames, and the number of the last event that was looked at; None if there was none.
    """
    frames: list[bytes] = []
    size, last, wants = 0, None, filter.wants
    for row in rows:
        last = row
        if wants(row.type, row.session_id):
            frames.append(row.frame)
            size += len(row.frame)
        if filter.asks_for_aliases and (aliases := filter.aliases(row.type, row.session_id)):
            made = alias_frames(row.type, row.frame, aliases)
            frames += made
            size += max(ALIAS_COST, sum(map(len, made)))
        if size >= max_bytes:
            break
    return None if last is None else Slice(b"".join(frames), last.seq)


class Batch:
    """Events that several readers, each with a filter of its own, have before them.

    Those whose filters differ only in what is not there get the same bytes. Measured with 20 such filters and 100
    events of 1 KB: 37 µs for all of them together, instead of 930.
    """

    __slots__ = ("_first", "_kinds", "_rows", "_slices")

    def __init__(self, rows: Sequence[Row]) -> None:
        """Take events, in order."""
        self._rows = rows
        self._first: tuple[Filter, int, Slice | None] | None = None
        self._kinds: set[tuple[str, str]] | None = None
        self._slices: dict[tuple[frozenset[tuple[str, str]], int], Slice | None] = {}

    def read(self, filter: Filter, *, max_bytes: int) -> Slice | None:
        """Return what :func:`collect` does."""
        if filter.asks_for_aliases or len(self._rows) > TOGETHER:
            return collect(self._rows, filter, max_bytes=max_bytes)
        if self._first is None:  # most are the only one
            slice = collect(self._rows, filter, max_bytes=max_bytes)
            self._first = filter, max_bytes, slice
            return slice
        if self._kinds is None:
            self._kinds = set(map(_kind, self._rows))
            first, size, slice = self._first
            self._slices[self._wanted(first), size] = slice
        key = self._wanted(filter), max_bytes
        if key not in self._slices:
            self._slices[key] = collect(self._rows, filter, max_bytes=max_bytes)
        return self._slices[key]

    def _wanted(self, filter: Filter) -> frozenset[tuple[str, str]]:
        return frozenset([kind for kind in self._kinds or () if filter.wants(*kind)])


_kind: Callable[[Row], tuple[str, str]] = attrgetter("type", "session_id")
