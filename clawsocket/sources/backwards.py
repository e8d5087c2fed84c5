"""The last lines of a file, read from its end, however long it is."""

from __future__ import annotations

import os
from pathlib import Path

from clawsocket.sources.files import opened

BLOCK = 1 << 20
"""Bytes read at once."""


def last_lines(path: Path, count: int, *, max_bytes: int, end: int | None = None) -> tuple[list[bytes], int]:
    r"""Return the last complete lines of a file, or of its first ``end`` bytes.

    Args:
        path: the file; lines end at ``\n`` alone.
        count: how many lines, at most.
        max_bytes: how much to read, at most; a single line that is longer is left out.
        end: the byte at which to end, for a line's beginning; None or beyond the file: its end.

    Returns:
        The lines, oldest first, and the byte at which the first of them begins.

    Raises:
        OSError: the file can't be read.
    """
    with opened(path) as (descriptor, _), open(descriptor, "rb", closefd=False) as file:
        size = file.seek(0, os.SEEK_END)
        at = end = size if end is None else min(end, size)
        blocks: list[bytes] = []
        found = 0
        while at > 0 and found <= count and end - at < max_bytes:
            size = min(BLOCK, at)
            at -= size
            file.seek(at)
            blocks.append(file.read(size))
            found += blocks[-1].count(b"\n")
    data = b"".join(reversed(blocks))
    data = data[: data.rfind(b"\n") + 1]
    lines = data.split(b"\n")[:-1]
    if at > 0:
        lines = lines[1:]
    lines = lines[-count:]
    return lines, at + len(data) - sum(len(line) + 1 for line in lines)
