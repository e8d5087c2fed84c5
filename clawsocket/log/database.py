"""SQLite as the log uses it: its errors as ours, transactions, and the files that a database is."""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import time
from pathlib import Path

from clawsocket.errors import StoreDamagedError, StoreError, StoreRefusedError

_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_IOERR_SHORT_READ")
_NETWORK = frozenset(
    "9p afs beegfs ceph cifs fuse.ceph fuse.glusterfs fuse.s3fs fuse.sshfs glusterfs lustre ncpfs nfs nfs4 smb2 smb3 "
    "smbfs".split()
)


def set_aside(path: Path) -> Path:
    """Give a damaged database another name, so that a new one can be made.

    Returns:
        Its new name; of one that was taken away, nothing is left.
    """
    aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}")
    there = path.exists()
    for end in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            part = path.with_name(path.name + end)
            if there:
                part.rename(aside.with_name(aside.name + end))
            else:
                part.unlink()
    return aside


def refuse_network(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> None:
    """SQLite's WAL needs memory that all its users share, and locks that hold: no network file system gives both.

    Raises:
        StoreRefusedError: the folder is on one.
    """
    try:
        lines = os.fsdecode(mounts.read_bytes()).split("\n")
    except OSError:
        return  # not Linux
    place = str(folder.resolve())
    best, kind = "", ""
    for line in filter(None, lines):
        _, point, type, *_ = line.split(" ")
        point = point.replace("\\040", " ")
        if len(point) >= len(best) and (place + "/").startswith(point.rstrip("/") + "/"):
            best, kind = point, type
    if kind in _NETWORK:
        raise StoreRefusedError(
            folder, f"is on a network file system ({kind}); set CLAW_SOCKET_DIR to a folder on a disk"
        )


class Transaction:
    """What is written in the context is on disk after it, or none of it."""

    def __init__(self, db: sqlite3.Connection) -> None:
        """Take the connection."""
        self._db = db

    def __enter__(self) -> None:
        """Begin."""
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Commit, or take all of it back."""
        try:
            if kind is None:
                self._db.execute("COMMIT")
                return
        except BaseException:
            self._back()
            raise
        self._back()

    def _back(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._db.execute("ROLLBACK")


class errors_of:  # noqa: N801 - it reads as a function
    """Raise our errors for SQLite's.

    A table that is missing at the start (``opening``) says that this is no store of ours, and a value of another type
    than was written (``reading``) that it is damaged. (A class, since a generator takes three times as long.)
    """

    __slots__ = ("_opening", "_path", "_reading")

    def __init__(self, path: Path, *, opening: bool = False, reading: bool = False) -> None:
        """Take the database's path, for the message."""
        self._path, self._opening, self._reading = path, opening, reading

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Raise what it means."""
        path = self._path
        if isinstance(error, sqlite3.Error):
            name = getattr(error, "sqlite_errorname", "") or ""
            damaged = name.startswith(_DAMAGED) or (self._opening and name == "SQLITE_ERROR")
            if damaged or (self._reading and not name):
                raise StoreDamagedError(path, str(error)) from error
            raise StoreError(path, str(error)) from error
        if isinstance(error, OSError):
            raise StoreError(path, error.strerror or str(error)) from error
        if isinstance(error, (TypeError, ValueError, LookupError)) and (self._opening or self._reading):
            raise StoreDamagedError(path, "a value in it is not what was written") from error
