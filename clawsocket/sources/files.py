"""Reading files that others write."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path


@contextlib.contextmanager
def opened(path: str | Path) -> Iterator[tuple[int, os.stat_result]]:
    """Open a file; a pipe in its place does not make us wait.

    Returns:
        Its descriptor, closed at the end, and its status.

    Raises:
        OSError: there is none, it can't be read, or it is something else.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, "not a file")
        yield descriptor, status
    finally:
        os.close(descriptor)


def mtime(status: os.stat_result) -> int:
    """Return when a file was written last, in ms since 1970."""
    return status.st_mtime_ns // 1_000_000


def may_pass(error: OSError) -> bool:
    """Return whether an error may pass by itself; one that somebody ends by a change to the file is told then."""
    lasting = FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError
    return not isinstance(error, lasting) and error.errno != errno.ELOOP


def status(path: Path) -> os.stat_result | None:
    """Return the status of what is there, None where nothing is or it can't be known."""
    try:
        return path.stat()
    except (OSError, ValueError):
        return None


def distinct(folders: Iterable[Path]) -> list[Path]:
    """Return folders as absolute paths, each once, whatever links lead to it."""
    return list({folder.resolve(): folder.absolute() for folder in folders}.values())


def is_folder(path: Path) -> bool:
    """Return whether there is a folder."""
    found = status(path)
    return found is not None and stat.S_ISDIR(found.st_mode)
