"""Agent logs: the raw lines of a transcript, as they are written.

A follower is a byte offset into the file and nothing else. It reads a slice when its client has room, so that a slow
reader costs nothing.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec

from clawsocket.protocol.frame import text_frame
from clawsocket.protocol.replies import AgentLog

SLICE = 65_536
"""Bytes read at a time; more only where a line is longer."""

Key = tuple[str, str | None]
"""A session, and one of its subagents, or None for the main agent."""

logger = logging.getLogger(__name__)
_encoder = msgspec.json.Encoder()


class _Object(msgspec.Struct):
    """Any JSON object."""


_object = msgspec.json.Decoder(_Object)


class Reader(Protocol):
    """The client of a follower."""

    @property
    def room(self) -> bool:
        """Whether it takes more now."""

    def write(self, frames: bytes) -> None:
        """Send it ready frames."""

    def fail(self) -> None:
        """Close, since something went wrong here."""


class Follower:
    """One client's offset into one transcript."""

    def __init__(self, key: Key, reader: Reader, path: Callable[[], Path | None], line_limit: int) -> None:
        """Start at the end of the file, or at the start of one that is still to come.

        Args:
            key: whose transcript.
            reader: who gets the lines.
            path: tells the file's name now: Claude Code renames it when the session changes its folder.
            line_limit: the longest line that is sent, in bytes.
        """
        self._key, self._reader, self._path, self._line_limit = key, reader, path, line_limit
        self._scheduled = False
        self._size = SLICE
        self._offset = 0
        with self._opened() as file:
            self._offset = _last_line_end(file)

    def wake(self) -> None:
        """Read on, at the end of this tick, if the client has room by then."""
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        self._scheduled = False
        if not self._reader.room:
            return
        try:
            with self._opened() as file:
                more = self._read(file)
        except Exception:
            logger.exception("a transcript could not be read")
            self._reader.fail()
            return
        if more:
            self.wake()

    def _opened(self) -> BinaryIO:
        """Open the transcript; one that is not there, or between two names, is as good as an empty one."""
        path = self._path()
        if path is not None:
            with suppress(OSError):
                return path.open("rb", buffering=0)
        return io.BytesIO()

    def _read(self, file: BinaryIO) -> bool:
        """Send the whole lines of the next slice; return whether there may be more."""
        size = file.seek(0, io.SEEK_END)
        if 0 < size < self._offset:  # another file under the same name
            self._offset = 0
        file.seek(self._offset)
        data = file.read(self._size)
        end = data.rfind(b"\n") + 1
        full = len(data) == self._size
        if not end and full:
            self._grow(data)
        elif end:
            self._offset += end
            self._size = SLICE
            self._send(data[:end])
        return full

    def _grow(self, data: bytes) -> None:
        """Take a bigger slice for a long line, and step over one that is too long: its end is no object by itself."""
        if self._size >= self._line_limit:
            self._offset += len(data)
            self._size = SLICE
        else:
            self._size = min(self._size * 4, self._line_limit)

    def _send(self, lines: bytes) -> None:
        session_id, agent_id = self._key
        frames = [
            text_frame(_encoder.encode(AgentLog(session_id=session_id, agent_id=agent_id, line=msgspec.Raw(line))))
            for line in lines.split(b"\n")
            if _is_object(line)
        ]
        if frames:
            self._reader.write(b"".join(frames))


class AgentLogs:
    """Who follows which transcript."""

    def __init__(self) -> None:
        """Start with nobody."""
        self._followers: dict[Key, dict[Follower, None]] = {}

    def add(self, key: Key, follower: Follower) -> None:
        """Let a follower be woken when its transcript grows."""
        self._followers.setdefault(key, {})[follower] = None

    def remove(self, key: Key, follower: Follower) -> None:
        """Forget a follower."""
        followers = self._followers[key]
        del followers[follower]
        if not followers:
            del self._followers[key]

    def grew(self, key: Key) -> None:
        """Wake those who follow a transcript."""
        for follower in self._followers.get(key, ()):
            follower.wake()


def _last_line_end(file: BinaryIO) -> int:
    """Return the offset after the last whole line, so that one that is just being written comes whole."""
    at = file.seek(0, io.SEEK_END)
    while at > 0:
        begin = max(0, at - SLICE)
        file.seek(begin)
        end = file.read(at - begin).rfind(b"\n") + 1
        if end:
            return begin + end
        at = begin
    return 0


def _is_object(line: bytes) -> bool:
    """Tell whether a line is a JSON object that every client can read."""
    try:
        line.decode()
        _object.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return _is_odd_object(line)
    except UnicodeDecodeError:
        return False
    return True


def _is_odd_object(line: bytes) -> bool:
    """Look again, for half a surrogate pair in an escape: JavaScript writes it, and msgspec does not read it."""
    try:
        return b"\\u" in line and isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
