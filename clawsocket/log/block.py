"""Events as they lie on disk: many in one block, since what a row costs is by the row and not by the byte."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple
from zlib import crc32

import msgspec

BLOCK_BYTES = 262_144
"""Size of a block's frames, about: who wants one event of it has all of it read. Of smaller ones a busy service writes
more, and for each the writer and the loop hand the interpreter's lock to and fro."""

BLOCK_EVENTS = 1024
"""Events of a block, at most."""


class Row(msgspec.Struct, frozen=True, gc=False):
    """An event as it is kept: its number, ms since 1970, type, session, id, and its WebSocket frame.

    The garbage collector passes them over: it would look at all of them each time, and hold the loop for it.
    """

    seq: int
    at: int
    type: str
    session_id: str
    id: str
    frame: bytes


class Heads(msgspec.Struct, array_like=True, frozen=True):
    """What is known of a block's events but for their frames, a list of each; ``sessions`` are places in ``names``."""

    seqs: list[int]
    ats: list[int]
    types: list[str]
    ids: list[str]
    sizes: list[int]
    sessions: list[int]
    names: list[str]


class Block(NamedTuple):
    """Events that follow each other.

    Attributes:
        last: the number of its last event.
        at: ms since 1970, of its newest event.
        events: how many it holds.
        heads: :class:`Heads`, encoded.
        crc: of all of it.
        frames: the frames, one behind the other.
    """

    last: int
    at: int
    events: int
    heads: bytes
    crc: int
    frames: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Heads).decode


def pack(rows: list[Row]) -> tuple[Block, list[str]]:
    """Return the block of some events, one at least, and the sessions that it has events of."""
    seqs, ats = [row.seq for row in rows], [row.at for row in rows]
    types, ids = [row.type for row in rows], [row.id for row in rows]
    sessions, frames = [row.session_id for row in rows], [row.frame for row in rows]
    names = list(dict.fromkeys(sessions))
    places = {name: place for place, name in enumerate(names)}
    heads = _encode((seqs, ats, types, ids, list(map(len, frames)), list(map(places.__getitem__, sessions)), names))
    last, at, joined = seqs[-1], max(ats), b"".join(frames)
    return Block(last, at, len(rows), heads, checksum(last, at, len(rows), heads, joined), joined), names


def heads_of(packed: bytes) -> Heads:
    """Decode the heads of a block's events.

    Raises:
        ValueError: they are not what was written.
    """
    heads = _decode(packed)
    if not heads.seqs:
        raise ValueError("a block without events")
    return heads


def unpack(block: Block) -> list[Row]:
    """Return the events of a block.

    Raises:
        ValueError: it is not what was written.
    """
    if checksum(*block[:4], block.frames) != block.crc:
        raise ValueError("its checksum is another")
    heads, start = heads_of(block.heads), 0
    rows = []
    for seq, at, type, id, size, session in zip(
        heads.seqs, heads.ats, heads.types, heads.ids, heads.sizes, heads.sessions, strict=True
    ):
        rows.append(Row(seq, at, type, heads.names[session], id, block.frames[start : start + size]))
        start += size
    return rows


def checksum(last: int, at: int, events: int, heads: bytes, frames: bytes) -> int:
    """Return what is stored with a block to know it again."""
    return crc32(frames, crc32(heads, crc32(b"%d %d %d" % (last, at, events))))


def parts(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Yield events in parts, each for a block."""
    part: list[Row] = []
    size = 0
    for row in rows:
        part.append(row)
        size += len(row.frame)
        if size >= BLOCK_BYTES or len(part) >= BLOCK_EVENTS:
            yield part
            part, size = [], 0
    if part:
        yield part
