"""What one read of the log gives, from memory or from disk."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from clawsocket.log.block import Row
from clawsocket.protocol.aliases import alias_frames
from clawsocket.protocol.topics import Filter

SCAN = 4096
"""How many events one read looks at, at most: a filter that wants little must not hold the loop."""

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
