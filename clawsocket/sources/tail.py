"""A growing file of lines, read in bounded slices."""

from __future__ import annotations

import os

from clawsocket.sources.files import mtime, opened

SLICE = 262_144
"""Bytes read at a time."""

_FINGERPRINT = 512
"""Bytes before the offset that must be the same at the next read, or the file was rewritten.

Enough to hold a line's uuid and timestamp: the ends of a session's lines are all alike."""


class Tail:
    """Where a file was read to. It holds no descriptor: any number of files can be followed.

    A file that was truncated, rewritten or replaced is read again from its beginning. One that was moved, or replaced
    by one that is the same up to the offset, is read on.

    Args:
        path: of the file; change it when the file moves.
        line_limit: longest line in bytes; a longer one is skipped.

    Attributes:
        offset: bytes read, the unfinished line at the end included.
        more: whether the last read may have left something.
        restarted: whether the last read began again at the beginning.
        skipped: number of lines that were too long.
        size: of the file in bytes at the last read.
        mtime: of the file in ms since 1970 at the last read.
    """

    __slots__ = (
        "_fingerprint",
        "_held",
        "_held_size",
        "_limit",
        "_skipping",
        "more",
        "mtime",
        "offset",
        "path",
        "restarted",
        "size",
        "skipped",
    )

    def __init__(self, path: str, line_limit: int) -> None:
        self.path, self._limit = path, line_limit
        self.more = self.restarted = False
        self.skipped = self.size = self.mtime = self.offset = 0
        self._fingerprint = b""
        self._held: list[bytes] = []
        self._held_size = 0
        self._skipping = False

    def read(self, limit: int = SLICE) -> list[tuple[int, bytes]]:
        """Read on.

        Args:
            limit: bytes to read at most.

        Returns:
            The lines that were finished: the offset behind each, and the line without its newline.

        Raises:
            OSError: the file is gone or can't be read.
        """
        data = self._bytes(limit)
        self.restarted = not data.startswith(self._fingerprint)
        if self.restarted:
            self._rewind()
            data = self._bytes(limit)
        new = data[len(self._fingerprint) :]
        start, self.offset = self.offset, self.offset + len(new)
        self.more = len(new) == limit
        self._fingerprint = data[-_FINGERPRINT:]
        return self._lines(start, new)

    def _bytes(self, limit: int) -> bytes:
        before = len(self._fingerprint)
        with opened(self.path) as (descriptor, status):
            self.size, self.mtime = status.st_size, mtime(status)
            return os.pread(descriptor, before + limit, self.offset - before)

    def _rewind(self) -> None:
        self.offset, self._fingerprint = 0, b""
        self._held, self._held_size, self._skipping = [], 0, False

    def _lines(self, end: int, new: bytes) -> list[tuple[int, bytes]]:
        lines = []
        *finished, rest = new.split(b"\n")
        for piece in finished:
            end += len(piece) + 1
            self._hold(piece)
            if not self._skipping:
                lines.append((end, b"".join(self._held)))
            self._held, self._held_size, self._skipping = [], 0, False
        self._hold(rest)
        return lines

    def _hold(self, piece: bytes) -> None:
        """Keep a piece of the unfinished line, unless that is too long already."""
        if not piece or self._skipping:
            return
        self._held.append(piece)
        self._held_size += len(piece)
        if self._held_size > self._limit:
            self._held, self._held_size, self._skipping = [], 0, True
            self.skipped += 1
