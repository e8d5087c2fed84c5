"""The tables of the log's database, and the way from one version of them to the next."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from zlib import crc32

from clawsocket.log.block import Row, pack, parts
from clawsocket.log.database import Transaction
from clawsocket.protocol.topics import GAP


def run(*statements: str) -> Callable[[sqlite3.Connection], None]:
    """Return a migration of some statements."""

    def migrate(db: sqlite3.Connection) -> None:
        for statement in statements:
            db.execute(statement)

    return migrate


def _into_blocks(db: sqlite3.Connection) -> None:
    """Put events that had a row each into blocks, and name sessions by their ids."""
    rows = db.execute(
        "SELECT seq, at, type, session, coalesce(sessions.id, ''), events.id, frame, crc"
        " FROM events LEFT JOIN sessions ON key = session ORDER BY seq"
    )
    for statement in _BLOCKS:
        db.execute(statement)
    put_blocks(db, _checked(rows))
    lost = db.execute("SELECT max(seq) FROM events WHERE type = ? AND session = 0", (GAP,)).fetchone()[0]
    if lost is not None:
        db.execute("INSERT INTO meta VALUES ('loss', ?)", (lost,))
    for statement in (
        "INSERT INTO saved SELECT id, project, ended, last_at, saved FROM sessions WHERE saved IS NOT NULL",
        "DROP TABLE events",
        "DROP TABLE sessions",
        "ALTER TABLE saved RENAME TO sessions",
    ):
        db.execute(statement)


_BLOCKS = (
    """
    CREATE TABLE blocks (
        last INTEGER PRIMARY KEY, at INTEGER NOT NULL, events INTEGER NOT NULL, heads BLOB NOT NULL,
        crc INTEGER NOT NULL, frames BLOB NOT NULL
    )
    """,
    "CREATE TABLE blocks_of (session TEXT NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (session, last)) WITHOUT ROWID",
    """
    CREATE TABLE saved (
        id TEXT PRIMARY KEY, project TEXT NOT NULL, ended INTEGER NOT NULL, last_at INTEGER NOT NULL,
        saved BLOB NOT NULL
    )
    """,
)

MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (
    run(
        "CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID",
        "CREATE TABLE sessions (key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, saved BLOB)",
        """
        CREATE TABLE events (
            seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, type TEXT NOT NULL, session INTEGER NOT NULL,
            id TEXT NOT NULL, frame BLOB NOT NULL, crc INTEGER NOT NULL
        )
        """,
        """
        CREATE TABLE positions (
            path TEXT PRIMARY KEY, device INTEGER NOT NULL, inode INTEGER NOT NULL, offset INTEGER NOT NULL
        ) WITHOUT ROWID
        """,
    ),
    run(
        "CREATE INDEX events_of_session ON events (session)",
        "ALTER TABLE sessions ADD COLUMN project TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE sessions ADD COLUMN ended INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE sessions ADD COLUMN last_at INTEGER NOT NULL DEFAULT 0",
    ),
    _into_blocks,
)
"""What makes each version of the schema of the one before. A database says its version in ``user_version``."""


def migrate(db: sqlite3.Connection) -> None:
    """Bring a database to the newest version, one transaction a version."""
    version = db.execute("PRAGMA user_version").fetchone()[0]
    for number, step in enumerate(MIGRATIONS[version:], version + 1):
        with Transaction(db):
            step(db)
            db.execute(f"PRAGMA user_version = {number}")


def put_blocks(db: sqlite3.Connection, rows: Iterable[Row]) -> None:
    """Insert events, in order, whose numbers are greater than all that are there."""
    for part in parts(rows):
        block, sessions = pack(part)
        db.execute("INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?)", block)
        db.executemany("INSERT INTO blocks_of VALUES (?, ?)", [(one, block.last) for one in sessions])


def _checked(rows: Iterable[tuple[int, int, str, int, str, str, bytes, int]]) -> Iterator[Row]:
    for seq, at, type, key, session_id, id, frame, crc in rows:
        if crc32(frame, crc32(f"{seq} {key} {type} {id}".encode())) != crc:
            raise ValueError("an event is not what was written")
        yield Row(seq, at, type, session_id, id, frame)
