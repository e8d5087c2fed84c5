"""The log on disk: one SQLite database in WAL mode.

A commit holds events, the positions of the sources they came from and what is known of their sessions, so that after a
crash all three agree. ``synchronous=NORMAL``: a process that dies loses nothing that was committed; a machine that
loses its power may lose the last moments, and the database stays whole (https://sqlite.org/wal.html).

Nothing here knows of the loop: the methods block, and :class:`clawsocket.log.disk.Disk` calls them in threads. One
thread at a time may write, and one at a time may read.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from clawsocket.errors import StoreDamagedError, StoreError, StoreRefusedError, StoreTooNewError
from clawsocket.log.slices import SCAN, Slice, collect
from clawsocket.protocol.topics import GAP, Filter

CRASH_JUMP = 1_000_000
"""By how much, at least, numbers go on after a crash behind the last that was committed."""

TRIM = 2000
"""Events deleted at a time."""

MIGRATIONS = (
    """
    CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE sessions (key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, saved BLOB);
    CREATE TABLE events (
        seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, type TEXT NOT NULL, session INTEGER NOT NULL, id TEXT NOT NULL,
        frame BLOB NOT NULL, crc INTEGER NOT NULL
    );
    CREATE TABLE positions (
        path TEXT PRIMARY KEY, device INTEGER NOT NULL, inode INTEGER NOT NULL, offset INTEGER NOT NULL
    ) WITHOUT ROWID;
    """,
    """
    CREATE INDEX events_of_session ON events (session);
    ALTER TABLE sessions ADD COLUMN project TEXT NOT NULL DEFAULT '';
    ALTER TABLE sessions ADD COLUMN ended INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE sessions ADD COLUMN last_at INTEGER NOT NULL DEFAULT 0;
    """,
)
"""What each version of the schema added. A database says its version in ``user_version``."""

_PRAGMAS = """
    PRAGMA page_size = 8192;
    PRAGMA journal_mode = WAL;
    PRAGMA wal_autocheckpoint = 2000;
    PRAGMA synchronous = NORMAL;
    PRAGMA journal_size_limit = 16777216;
    PRAGMA cache_size = -2000;
    PRAGMA temp_store = MEMORY;
"""


def _places(columns: int, rows: int) -> str:
    return ", ".join([f"({', '.join('?' * columns)})"] * rows)


_INSERTS = [
    (count, "INSERT OR REPLACE INTO events VALUES " + _places(7, count))  # noqa: S608 - question marks are all it adds
    for count in (128, 32, 8, 4, 2, 1)
]
"""For so many rows at once; SQLite before 3.32 takes 999 values at most."""

_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_IOERR_SHORT_READ")
_NETWORK = frozenset(
    "9p afs beegfs ceph cifs fuse.ceph fuse.glusterfs fuse.s3fs fuse.sshfs glusterfs lustre ncpfs nfs nfs4 smb2 smb3 "
    "smbfs".split()
)


class Row(NamedTuple):
    """An event as it is stored: its number, ms since 1970, type, session, id, and its WebSocket frame."""

    seq: int
    at: int
    type: str
    session_id: str
    id: str
    frame: bytes


class Position(NamedTuple):
    """How far a file has been taken: all before ``offset`` is in the log, or was passed over for good.

    An ``offset`` of -1 says that the file is gone.
    """

    path: str
    device: int
    inode: int
    offset: int


class SavedSession(NamedTuple):
    """What is kept of a session: ``saved`` is for who wrote it."""

    id: str
    project: str
    ended: bool
    last_at: int
    saved: bytes


class Extras(NamedTuple):
    """What goes with the events of a commit.

    Attributes:
        positions: of files.
        sessions: those that changed.
        since: ms since 1970; of files without a position, the next run takes what is later. None: as it was.
    """

    positions: Sequence[Position] = ()
    sessions: Sequence[SavedSession] = ()
    since: int | None = None


class Reading:
    """What can be read of the database."""

    def __init__(self, path: Path, reader: sqlite3.Connection) -> None:
        """Read by a connection."""
        self.path, self._reader = path, reader
        self._ids: dict[int, str] = {}
        self._sound = False

    def oldest(self) -> tuple[int, int]:
        """Return the number of the oldest event and its time, in ms since 1970; 0 and 0 for none."""
        with errors_of(self.path, reading=True):
            return self._reader.execute("SELECT seq, at FROM events ORDER BY seq LIMIT 1").fetchone() or (0, 0)

    def read(self, after: int, filter: Filter, *, max_bytes: int, upto: int) -> Slice:
        """Return frames as :meth:`clawsocket.log.eventlog.EventLog.read` does.

        Raises:
            StoreDamagedError, StoreError: they can't be read.
        """
        with errors_of(self.path, reading=True):
            rows = self._reader.execute(
                "SELECT seq, type, session, id, frame, crc FROM events WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
                (after, upto, SCAN),
            )
            slice = collect(self._checked(after, rows), filter, max_bytes=max_bytes)
            if slice is None:
                self._hole()
                return Slice(b"", upto)
        return slice

    def _checked(
        self, before: int, rows: Iterable[tuple[int, str, int, str, bytes, int]]
    ) -> Iterator[tuple[int, str, str, bytes]]:
        for seq, type, key, id, frame, crc in rows:
            self._check(seq, key, type, id, frame, crc)
            if seq != before + 1:
                self._hole()
            yield seq, type, self._id(key), frame
            before = seq

    def _check(self, seq: int, key: int, type: str, id: str, frame: bytes, crc: int) -> None:
        if checksum(seq, key, type, id, frame) != crc:
            raise StoreDamagedError(self.path, "an event in it is not what was written")

    def _hole(self) -> None:
        """Numbers are missing: after a crash and a purge they do, and where damaged pages hide events."""
        if not self._sound:
            for (told,) in self._reader.execute("PRAGMA quick_check(1)"):
                if told != "ok":
                    raise StoreDamagedError(self.path, "its pages do not fit together")
            self._sound = True

    def _id(self, key: int) -> str:
        found = self._ids.get(key)
        if found is None:
            row = self._reader.execute("SELECT id FROM sessions WHERE key = ?", (key,)).fetchone()
            found = self._ids[key] = row[0] if row else ""
        return found

    def ids(self, limit: int) -> list[str]:
        """Return the ids of the newest events, oldest first."""
        with errors_of(self.path, reading=True):
            found = self._reader.execute("SELECT id FROM events ORDER BY seq DESC LIMIT ?", (limit,)).fetchall()
        return [id for (id,) in reversed(found)]

    def positions(self) -> list[Position]:
        """Return all positions."""
        with errors_of(self.path, reading=True):
            return [Position(*row) for row in self._reader.execute("SELECT * FROM positions")]

    def sessions(self, *, live: bool = False) -> list[SavedSession]:
        """Return what is kept of the sessions, oldest first; with ``live`` of those that have not ended."""
        query = "SELECT id, project, ended, last_at, saved FROM sessions WHERE saved IS NOT NULL"
        with errors_of(self.path, reading=True):
            rows = self._reader.execute(f"{query}{' AND NOT ended' if live else ''} ORDER BY last_at").fetchall()
        return [SavedSession(id, project, bool(ended), at, saved) for id, project, ended, at, saved in rows]

    def events(self, session_id: str, *, types: str = "*", before: str | None = None, limit: int = -1) -> list[Row]:
        """Return a session's newest events, oldest first.

        Args:
            session_id: the session; empty: those that are of none.
            types: those whose type fits this (``*`` for any characters).
            before: the id of the event to end before.
            limit: how many, at most; -1 for all.
        """
        with errors_of(self.path, reading=True):
            find = "SELECT key FROM sessions WHERE id = ?"
            row = self._reader.execute(find, (session_id,)).fetchone() if session_id else (0,)
            if row is None:
                return []
            end = 1 << 62
            if before is not None:
                found = self._reader.execute(
                    "SELECT seq FROM events WHERE session = ? AND id = ? ORDER BY seq", (row[0], before)
                ).fetchone()
                end = found[0] if found else 0
            rows = self._reader.execute(
                "SELECT seq, at, type, id, frame, crc FROM events WHERE session = ? AND seq < ? AND type GLOB ?"
                " ORDER BY seq DESC LIMIT ?",
                (row[0], end, types, limit),
            ).fetchall()
            for seq, _, type, id, frame, crc in rows:
                self._check(seq, row[0], type, id, frame, crc)
        return [Row(seq, at, type, session_id, id, frame) for seq, at, type, id, frame, _ in reversed(rows)]


class Store(Reading):
    """The database, open.

    Attributes:
        path: of the database.
        epoch: names the log.
        first: the first number that its events could have.
        before: the last number that the runs before this one committed.
        head: the number before the first of this run.
        last_loss: the number of the last gap in it, 0 for none.
        crashed: whether the run before this one did not close it.
        posted: whether that run had taken hooks by ``POST /hook``, which nobody would send again.
        since: ms since 1970; of files without a position, what is later is to be taken. None in a new log.
    """

    def __init__(self, path: Path, *, migrations: tuple[str, ...] = MIGRATIONS) -> None:
        """Open or make it, and begin a run.

        Raises:
            StoreTooNewError: a newer version of this program wrote it. It is left as it is.
            StoreDamagedError: it is no database, or a damaged one. It is left as it is.
            StoreError: it can't be opened or written here.
        """
        self.path, self._place = path, str(path)
        self._keys: dict[str, int] = {}
        refuse_network(path.parent)
        with errors_of(path, opening=True):
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._file = path.stat()
            self._db = self._connect()
            try:
                self._transaction = _Transaction(self._db, self._keys)
                self._migrate(migrations)
                self._begin()
                super().__init__(path, self._connect())
            except BaseException:
                self._db.close()
                raise

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=5)
        try:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version > len(MIGRATIONS):
                raise StoreTooNewError(self.path, version, len(MIGRATIONS))
            db.executescript(_PRAGMAS)
        except BaseException:
            db.close()
            raise
        return db

    def _migrate(self, migrations: tuple[str, ...]) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        for number, script in enumerate(migrations[version:], version + 1):
            self._db.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;")

    def _begin(self) -> None:
        meta = dict(self._db.execute("SELECT name, value FROM meta"))
        now = time.time_ns() // 1000
        self.crashed = bool(meta) and not meta["clean"]
        self.epoch = meta.get("epoch") or secrets.token_hex(8)
        self.before = self.head = meta.get("head", now)
        self.first = meta.get("first", self.head + 1)
        self.since: int | None = meta.get("since")
        self.posted = bool(meta.get("posted", 0))
        if self.crashed:
            self.head = max(now, self.head + CRASH_JUMP)
        row = self._db.execute("SELECT max(seq) FROM events WHERE type = ? AND session = 0", (GAP,)).fetchone()
        self.last_loss = row[0] or 0
        self._set(epoch=self.epoch, first=self.first, head=self.head, clean=0, posted=0)

    def _set(self, **meta: str | int) -> None:
        statement = "INSERT OR REPLACE INTO meta VALUES " + _places(2, len(meta))  # noqa: S608 - question marks
        self._db.execute(statement, [one for pair in meta.items() for one in pair])

    # Writing

    def commit(self, rows: list[Row], extras: Extras, *, head: int, posted: bool = False, clean: bool = False) -> None:
        """Write what belongs together; all of it is on disk when this returns, or none.

        Args:
            rows: events.
            extras: the positions and sessions that go with them.
            head: the last number given.
            posted: whether this run has taken hooks by ``POST /hook``.
            clean: whether this is the run's last word.

        Raises:
            StoreDamagedError: the database is damaged or was taken away.
            StoreError: it can't be written now.
        """
        with errors_of(self.path):
            self._look()
            with self._transaction:
                self._put_events(rows)
                self._put_extras(extras)
                since = {} if extras.since is None else {"since": extras.since}
                self._set(head=head, posted=int(posted), clean=int(clean), **since)

    def _put_events(self, rows: list[Row]) -> None:
        """Insert by few statements: each lets go of the GIL, and a busy loop does not give it back soon."""
        start = 0
        for count, statement in _INSERTS:
            while len(rows) - start >= count:
                part = rows[start : start + count]
                self._db.execute(statement, [value for row in part for value in self._values(row)])
                start += count

    def _values(self, row: Row) -> tuple[int, int, str, int, str, bytes, int]:
        key = self._key(row.session_id)
        crc = checksum(row.seq, key, row.type, row.id, row.frame)
        return row.seq, row.at, row.type, key, row.id, row.frame, crc

    def _look(self) -> None:
        """A database that was deleted can still be written, for nobody."""
        try:
            found = os.stat(self._place)  # noqa: PTH116 - a third of what Path.stat() takes
        except FileNotFoundError:
            raise StoreDamagedError(self.path, "it was taken away") from None
        if (found.st_dev, found.st_ino) != (self._file.st_dev, self._file.st_ino):
            raise StoreDamagedError(self.path, "another file took its place")

    def _put_extras(self, extras: Extras) -> None:
        if extras.positions:
            self._db.executemany("INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?)", extras.positions)
            self._db.execute("DELETE FROM positions WHERE offset < 0")
        for one in extras.sessions:
            self._db.execute(
                "UPDATE sessions SET project = ?, ended = ?, last_at = ?, saved = ? WHERE key = ?",
                (one.project, one.ended, one.last_at, one.saved, self._key(one.id)),
            )

    def _key(self, session_id: str) -> int:
        if not session_id:
            return 0
        key = self._keys.get(session_id)
        if key is None:
            self._db.execute("INSERT OR IGNORE INTO sessions (id) VALUES (?)", (session_id,))
            key = self._db.execute("SELECT key FROM sessions WHERE id = ?", (session_id,)).fetchone()[0]
            self._keys[session_id] = key
        return key

    def trim(self, *, before: int, max_bytes: int) -> bool:
        """Delete some of the oldest events that are too old, or too much.

        Args:
            before: ms since 1970.
            max_bytes: of the database.

        Returns:
            Whether there may be more to delete.
        """
        with errors_of(self.path):
            used = self._pragma("page_count") - self._pragma("freelist_count")
            oldest = self._db.execute("SELECT seq, at FROM events ORDER BY seq LIMIT ?", (TRIM,)).fetchall()
            upto = max((seq for seq, at in oldest if at < before), default=0)
            if used * self._pragma("page_size") > max_bytes and oldest:
                upto = oldest[-1][0]
            if not upto:
                return False
            with self._transaction:
                self._db.execute("DELETE FROM events WHERE seq <= ?", (upto,))
                self._forget_sessions()
            return True

    def _forget_sessions(self) -> None:
        """Forget sessions that are over and have no event left."""
        self._keys.clear()
        self._db.execute(
            "DELETE FROM sessions WHERE ended AND NOT EXISTS (SELECT 1 FROM events WHERE session = sessions.key)"
        )

    def _pragma(self, name: str) -> int:
        return int(self._db.execute(f"PRAGMA {name}").fetchone()[0])

    def purge(self, sessions: Iterable[str]) -> int:
        """Delete all that is known of some sessions, so that it can't be found in the files either.

        Returns:
            How many events it was.
        """
        count = 0
        with errors_of(self.path):
            self._db.execute("PRAGMA secure_delete = ON")
            with self._transaction:
                for session_id in sessions:
                    key = self._key(session_id)
                    count += self._db.execute("DELETE FROM events WHERE session = ?", (key,)).rowcount
                    self._db.execute("DELETE FROM sessions WHERE key = ?", (key,))
                self._keys.clear()
            self._db.execute("PRAGMA secure_delete = OFF")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._db.execute("VACUUM")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return count

    def adopt(self, before: Store) -> None:
        """Go on with the numbers of a database that this one replaces."""
        self.epoch, self.first, self.head = before.epoch, before.first, before.head
        with errors_of(self.path):
            self._set(epoch=self.epoch, first=self.first, head=self.head)

    def close_writer(self) -> None:
        """Close what the writing thread uses; whether the run ended well, a commit has said."""
        self._db.close()

    def close_reader(self) -> None:
        """Close what the reading thread uses."""
        self._reader.close()

    def finish(self) -> None:
        """Say that this run ended well; nothing was appended in it."""
        with errors_of(self.path):
            self._set(head=self.before, clean=1)

    def close(self) -> None:
        """Close it, when no thread uses it any more."""
        self._reader.close()
        self._db.close()


def checksum(seq: int, key: int, type: str, id: str, frame: bytes) -> int:
    """Return what is stored with an event to know it again."""
    return crc32(frame, crc32(f"{seq} {key} {type} {id}".encode()))


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
        lines = mounts.read_text().splitlines()
    except OSError:
        return  # not Linux
    place = str(folder.resolve())
    best, kind = "", ""
    for line in lines:
        _, point, type, *_ = line.split(" ")
        point = point.replace("\\040", " ")
        if len(point) >= len(best) and (place + "/").startswith(point.rstrip("/") + "/"):
            best, kind = point, type
    if kind in _NETWORK:
        raise StoreRefusedError(
            folder, f"is on a network file system ({kind}); set CLAW_SOCKET_DIR to a folder on a disk"
        )


class _Transaction:
    """What is written in the context is on disk after it, or none of it."""

    def __init__(self, db: sqlite3.Connection, keys: dict[str, int]) -> None:
        """Take the connection, and the sessions' keys: some may be of rows that are rolled back."""
        self._db, self._keys = db, keys

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            if kind is None:
                self._db.execute("COMMIT")
                return
        except BaseException:
            self._back()
            raise
        self._back()

    def _back(self) -> None:
        self._keys.clear()
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
        if isinstance(error, (TypeError, ValueError, KeyError)) and (self._opening or self._reading):
            raise StoreDamagedError(path, "a value in it is not what was written") from error
