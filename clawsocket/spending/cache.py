"""What the transcripts said when they were read last, so that only what is new of them is read."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import msgspec

from clawsocket.spending.scan import Found, Message
from clawsocket.spending.transcripts import File

FORM = 2
"""Of what is kept; another one is thrown away."""

_encode = msgspec.msgpack.Encoder().encode
_messages = msgspec.msgpack.Decoder(list[Message])


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
                except sqlite3.DatabaseError as error:
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
                CREATE TABLE files (path TEXT PRIMARY KEY, device INT, inode INT, size INT, changed INT,
                  offset INT, tail BLOB, born INT, cwd TEXT, prompt TEXT, messages BLOB);
                CREATE TABLE reports (made_of BLOB PRIMARY KEY, report BLOB);
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
        row = self._try("SELECT report FROM reports WHERE made_of = ?", made_of)
        return row[0] if row else None

    def keep_report(self, made_of: bytes, report: bytes) -> None:
        """Keep a report, instead of the one before."""
        self._try("DELETE FROM reports")
        self._try("INSERT INTO reports VALUES (?, ?)", made_of, report)

    def get(self, file: File) -> tuple[Found, bool] | None:
        """Return what a file said, and whether it is as it was; None if it was not read, or is another one."""
        row = self._try(
            "SELECT size, changed, offset, tail, born, cwd, prompt, messages FROM files"
            " WHERE path = ? AND device = ? AND inode = ?",
            file.path, file.device, file.inode,
        )  # fmt: skip
        if row is None:
            return None
        size, changed, offset, tail, born, cwd, prompt, packed = row
        if file.size < offset or (file.size == size and file.changed != changed):
            return None
        messages = {one.key: one for one in _messages.decode(packed)}
        return Found(offset, tail, born, cwd, prompt, messages), file.size == size

    def put(self, file: File, found: Found) -> None:
        """Keep what a file said."""
        self._try(
            "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            file.path, file.device, file.inode, file.size, file.changed,
            found.offset, found.tail, found.born, found.cwd, found.prompt, _encode(list(found.messages.values())),
        )  # fmt: skip

    def begin(self) -> None:
        """Begin to write many at once."""
        self._try("BEGIN IMMEDIATE")

    def end(self, files: list[File]) -> None:
        """Write what was put, and forget all other files."""
        there = {file.path for file in files}
        with contextlib.suppress(sqlite3.Error):
            gone = [row for row in self._db.execute("SELECT path FROM files") if row[0] not in there]
            self._db.executemany("DELETE FROM files WHERE path = ?", gone)
        if self._db.in_transaction:
            self._try("COMMIT")

    def _try(self, statement: str, *values: object) -> tuple[Any, ...] | None:
        """Execute a statement; a cache that fails costs time, and nothing else."""
        try:
            row: tuple[Any, ...] | None = self._db.execute(statement, values).fetchone()
        except sqlite3.Error:
            return None
        return row
