"""Replacing a file that other programs write too, without a lock that they know, and without losing what they write.

Every change is a compare-and-swap: it is made only if the file still is what it was, and says so if not. The file is
never half written, and never absent while it is changed.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import stat
import sys
import tempfile
from pathlib import Path

_CURRENT_FOLDER = -100
_EXCHANGE = 2


def read(path: Path) -> bytes | None:
    """Return the content of a file; None: there is none.

    Raises:
        OSError: it can't be read, or is not a regular file.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        return path.read_bytes()
    except FileNotFoundError:
        return None


def swap(path: Path, before: bytes | None, after: bytes | None) -> bool:
    """Make ``after`` the content of a file if it is ``before`` now; None stands for no file.

    A new file gets mode 0600, a new folder for it 0700; an old file keeps its mode and owner, and if it can its group.

    Returns:
        Whether that was done. If not, somebody else has written, and his content stands.

    Raises:
        OSError: it can't be done; the file is as it was.
    """
    refuse_read_only(path)
    if before is None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = _beside(path)
    try:
        if after is None:
            return _remove(path, before, partial)
        _write(partial, after, like=path)
        done = _create(path, partial) if before is None else _replace(path, before, partial)
    finally:
        partial.unlink(missing_ok=True)
    _sync_folder(path.parent)
    return done


def refuse_read_only(path: Path) -> None:
    """Take a missing write permission as the owner's word, also where we (as root) could pass over it.

    Raises:
        OSError: the file, or its folder, is read-only.
    """
    for item, name in ((path, "it"), (path.parent, "its folder")):
        if item.exists() and not (item.stat().st_mode & 0o222 and os.access(item, os.W_OK)):
            raise OSError(errno.EACCES, f"{name} is read-only")


def _beside(path: Path) -> Path:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(descriptor)
    return Path(name)


def _write(partial: Path, content: bytes, like: Path) -> None:
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileNotFoundError):
        wanted, given = like.stat(), partial.stat()
        mode = stat.S_IMODE(wanted.st_mode)
        try:
            if (wanted.st_uid, wanted.st_gid) != (given.st_uid, given.st_gid):
                os.chown(partial, wanted.st_uid, wanted.st_gid)
        except PermissionError:
            if wanted.st_uid != given.st_uid:
                raise
            mode &= ~stat.S_IRWXG  # a group that the owner is not in, as after `sudo chown USER`, can't be kept
        partial.chmod(mode)


def _create(path: Path, partial: Path) -> bool:
    try:
        path.hardlink_to(partial)
    except FileExistsError:
        return False
    except OSError:  # a file system without links
        partial.rename(path)
    return True


def _replace(path: Path, before: bytes, partial: Path) -> bool:
    if read(path) != before:
        return False
    if not exchange(partial, path):
        partial.replace(path)
        return True
    # `partial` is now what was there: if somebody has written since the first look, that is put back.
    if read(partial) == before:
        return True
    exchange(partial, path)
    return False


def _remove(path: Path, before: bytes | None, aside: Path) -> bool:
    path.replace(aside)
    if read(aside) == before:
        return True
    with contextlib.suppress(FileExistsError):  # a newer one is there already
        path.hardlink_to(aside)
    return False


def exchange(first: Path, second: Path) -> bool:
    """Let two files swap their names in one step.

    Returns:
        Whether that was done: not every system and file system can.
    """
    libc = ctypes.CDLL(None)
    names = os.fsencode(first), os.fsencode(second)
    if sys.platform == "darwin":
        return bool(libc.renamex_np(*names, _EXCHANGE) == 0)
    if not hasattr(libc, "renameat2"):
        return False
    return bool(libc.renameat2(_CURRENT_FOLDER, names[0], _CURRENT_FOLDER, names[1], _EXCHANGE) == 0)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # the change is made; not every file system can promise more
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
