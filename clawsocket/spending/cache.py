"""What the transcripts said when they were read last, so that only what is new of them is read."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from clawsocket.spending.scan import Found, Message
from clawsocket.spending.transcripts import File

FORM = 6
"""Of what is kept; another one is thrown away."""

SUM = 8
"""Bytes of a checksum."""

DAMAGED = (sqlite3.Error, UnicodeDecodeError)
"""How SQLite fails; where a name in it is damaged, Python can't read the words for it."""


class _Kept(NamedTuple):
    """A file as it was, and what it said.

    Attributes:
        changed: as text, as some file systems have times beyond 64 bits.
    """

    device: int
    inode: int
    size: int
    changed: str
    offset: int
    tail: bytes
    born: int
    cwd: str
    prompt: str
    messages: list[Message]


_encode = msgspec.msgpack.Encoder().encode
_kept = msgspec.msgpack.Decoder(_Kept)


class Cache:
    """A database of what files said. One that can't be used is left alone, and all files are read."""

    def __init__(self, path: Path | None) -> None:
        """Open it.

        Args:
            path: of the database, which is made if there is none; None: nothing is kept.
        """
        self._db = self._open(path)

    def _open(self, path: Path | None) -> sqlite3.Connection:
        if path is not None and path.parent.is_dir():
            for _ in range(2):
                try:
                    return self._ready(sqlite3.connect(path, timeout=2, isolation_level=None), path)
                except DAMAGED as error:
                    if isinstance(error, sqlite3.OperationalError):
                        break
                    with contextlib.suppress(OSError):
                        path.unlink()  # it holds nothing that is not in the transcripts
        return self._ready(sqlite3.connect(":memory:", isolation_level=None), None)

    def _ready(self, db: sqlite3.Connection, path: Path | None) -> sqlite3.Connection:
        [form] = db.execute("PRAGMA user_version").fetchone()
        if path is not None:
            path.chmod(0o600)
        if form != FORM:
            db.executescript(
                f"""
                PRAGMA journal_mode = TRUNCATE;
                DROP TABLE IF EXISTS files; DROP TABLE IF EXISTS reports;
                CREATE TABLE files (path BLOB PRIMARY KEY, kept BLOB);
                CREATE TABLE reports (made_of BLOB PRIMARY KEY, kept BLOB);
                PRAGMA user_version = {FORM};
                """
            )
        db.execute("PRAGMA synchronous = OFF")
        return db

    def close(self) -> None:
        """Close it."""
        self._db.close()

    def report(self, made_of: bytes) -> bytes | None:
        """Return the report that was made of the same files."""
        return self._get("SELECT kept FROM reports WHERE made_of = ?", made_of)

    def keep_report(self, made_of: bytes, report: bytes) -> None:
        """Keep a report, instead of the one before."""
        self._try("DELETE FROM reports")
        self._put("INSERT INTO reports VALUES (?, ?)", made_of, report)

    def get(self, file: File) -> tuple[Found, bool] | None:
        """Return what a file said, and whether it is as it was; None if it was not read, or is another one."""
        packed = self._get("SELECT kept FROM files WHERE path = ?", os.fsencode(file.path))
        if packed is None:
            return None
        device, inode, size, changed, offset, tail, born, cwd, prompt, messages = _kept.decode(packed)
        if (device, inode) != (file.device, file.inode):
            return None
        if file.size < offset or (file.size == size and str(file.changed) != changed):
            return None
        return Found(offset, tail, born, cwd, prompt, {one.key: one for one in messages}), file.size == size

    def put(self, file: File, found: Found) -> None:
        """Keep what a file said."""
        kept = _Kept(
            file.device, file.inode, file.size, str(file.changed),
            found.offset, found.tail, found.born, found.cwd, found.prompt, list(found.messages.values()),
        )  # fmt: skip
        self._put("INSERT OR REPLACE INTO files VALUES (?, ?)", os.fsencode(file.path), _encode(kept))

    def begin(self) -> None:
        """Begin to write many at once."""
        self._try("BEGIN IMMEDIATE")

    def end(self, files: list[File]) -> None:
        """Write what was put, and forget all other files."""
        there = {os.fsencode(file.path) for file in files}
        with contextlib.suppress(*DAMAGED):
            gone = [row for row in self._db.execute("SELECT path FROM files") if row[0] not in there]
            self._db.executemany("DELETE FROM files WHERE path = ?", gone)
        if self._db.in_transaction:
            self._try("COMMIT")

    def _get(self, statement: str, key: object) -> bytes | None:
        """Return what was put under a key, None if there is nothing, or damage."""
        row = self._try(statement, key)
        whole = row[0] if row else None
        if not isinstance(whole, bytes) or _sum(whole[SUM:]) != whole[:SUM]:
            return None
        return whole[SUM:]

    def _put(self, statement: str, key: object, data: bytes) -> None:
        self._try(statement, key, _sum(data) + data)

    def _try(self, statement: str, *values: object) -> tuple[Any, ...] | None:
        """Execute a statement; a cache that fails costs time, and nothing else."""
        try:
            row: tuple[Any, ...] | None = self._db.execute(statement, values).fetchone()
        except DAMAGED:
            return None
        return row


def _sum(data: bytes) -> bytes:
    """Return a checksum: SQLite has none, and a byte that is another may make a number that no report can take."""
    return blake2b(data, digest_size=SUM).digest()
