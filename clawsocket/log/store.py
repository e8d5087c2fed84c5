"""The log on disk: one SQLite database in WAL mode.

A commit holds events, the positions of the sources they came from and what is known of their sessions, so that after a
crash all three agree. ``synchronous=NORMAL``: a process that dies loses nothing that was committed; a machine that
loses its power may lose the last moments, and the database stays whole (https://sqlite.org/wal.html).

Events lie in blocks (:mod:`clawsocket.log.block`): at 1,000 events a second a commit has one or two of them. A row for
each event took three times the CPU time.

Nothing here knows of the loop: the methods block, and :class:`clawsocket.log.disk.Disk` calls them in threads. One
thread at a time may write, and one at a time may read.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import cache
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from clawsocket.errors import StoreDamagedError, StoreError, StoreTooNewError
from clawsocket.log.block import Block, Row, heads_of, unpack
from clawsocket.log.database import Transaction, errors_of, refuse_network
from clawsocket.log.schema import MIGRATIONS, migrate, put_blocks
from clawsocket.log.slices import SCAN, Slice, collect
from clawsocket.protocol.topics import GAP, Filter

CRASH_JUMP = 1_000_000
"""By how much, at least, numbers go on after a crash behind the last that was committed."""

TRIM = 2000
"""Events deleted at a time, about."""

_NEVER = (1 << 63) - 1
"""Behind every number and every time, the most that SQLite takes."""

_INODES = 1 << 64
"""So many inodes there can be."""

_PRAGMAS = """
    PRAGMA page_size = 8192;
    PRAGMA journal_mode = WAL;
    PRAGMA wal_autocheckpoint = 2000;
    PRAGMA synchronous = NORMAL;
    PRAGMA journal_size_limit = 16777216;
    PRAGMA cache_size = -2000;
    PRAGMA temp_store = MEMORY;
"""


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
        self._sound = False
        self._purges = 0
        self._unpacked: tuple[int, list[Row]] = (0, [])
        self._oldest: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))

    def oldest(self) -> tuple[int, int]:
        """Return the number of the oldest event and its time, in ms since 1970; 0 and 0 for none."""
        with errors_of(self.path, reading=True):
            purges = self._purges
            first = self._reader.execute("SELECT last, heads FROM blocks ORDER BY last LIMIT 1").fetchone()
            if first is None:
                return 0, 0
            block = (purges, first[0])
            if self._oldest[0] != block:  # each read from disk asks
                heads = heads_of(first[1])
                self._oldest = block, (heads.seqs[0], heads.ats[0])
            return self._oldest[1]

    def read(self, after: int, filter: Filter, *, max_bytes: int, upto: int) -> Slice:
        """Return frames as :meth:`clawsocket.log.eventlog.EventLog.read` does.

        Raises:
            StoreDamagedError, StoreError: they can't be read.
        """
        with errors_of(self.path, reading=True):
            slice = collect(islice(self.rows(after, upto), SCAN), filter, max_bytes=max_bytes)
            if slice is None:
                self._hole()
                return Slice(b"", upto)
        return slice

    def rows(self, after: int, upto: int) -> Iterator[Row]:
        """Yield the events between two numbers, the last included."""
        while rows := self._block(after):
            for row in rows:
                if row.seq > upto:
                    return
                if row.seq > after:
                    if row.seq != after + 1:
                        self._hole()
                    yield row
                    after = row.seq

    def _block(self, after: int) -> list[Row]:
        """Return the block that a reader comes to after a number; it mostly takes one in several reads."""
        purges, rows = self._unpacked
        if purges == self._purges and rows and rows[0].seq <= after + 1 <= rows[-1].seq:
            return rows
        purges = self._purges
        found = self._reader.execute("SELECT * FROM blocks WHERE last > ? ORDER BY last LIMIT 1", (after,)).fetchone()
        rows = unpack(Block(*found)) if found else []
        self._unpacked = (purges, rows)
        return rows

    def _hole(self) -> None:
        """Numbers are missing: after a crash and a purge they do, and where damaged pages hide events."""
        if not self._sound:
            for (told,) in self._reader.execute("PRAGMA quick_check(1)"):
                if told != "ok":
                    raise StoreDamagedError(self.path, "its pages do not fit together")
            self._sound = True

    def ids(self, limit: int) -> list[str]:
        """Return the ids of the newest events, oldest first."""
        found: list[list[str]] = []
        with errors_of(self.path, reading=True):
            for (heads,) in self._reader.execute("SELECT heads FROM blocks ORDER BY last DESC"):
                ids = heads_of(heads).ids[-limit:]
                found.append(ids)
                limit -= len(ids)
                if limit <= 0:
                    break
        return [id for ids in reversed(found) for id in ids]

    def positions(self) -> list[Position]:
        """Return all positions."""
        with errors_of(self.path, reading=True):
            rows = self._reader.execute("SELECT CAST(path AS BLOB), device, inode, offset FROM positions")
            return [_position(*row) for row in rows]

    def sessions(self, *, since: int = 0) -> list[SavedSession]:
        """Return what is kept of the sessions, oldest first; none that ended before ``since``, ms since 1970."""
        return self._sessions("NOT ended OR last_at >= ? ORDER BY last_at", since)

    def session(self, session_id: str) -> SavedSession | None:
        """Return what is kept of a session."""
        return next(iter(self._sessions("id = ?", session_id)), None)

    def _sessions(self, which: str, value: int | str) -> list[SavedSession]:
        with errors_of(self.path, reading=True):
            rows = self._reader.execute(f"SELECT * FROM sessions WHERE {which}", (value,)).fetchall()  # noqa: S608 - constants
        return [SavedSession(id, project, bool(ended), at, saved) for id, project, ended, at, saved in rows]

    def events(
        self,
        session_id: str,
        *,
        types: tuple[str, ...] = ("*",),
        before: str | None = None,
        since: int = 0,
        until: int = _NEVER,
        limit: int = -1,
    ) -> list[Row]:
        """Return a session's newest events, oldest first.

        Args:
            session_id: the session; empty: those that are of none.
            types: those whose type fits one of these (``*`` for any characters).
            before: the id of the event to end before.
            since: ms since 1970, of the oldest.
            until: the same of the newest.
            limit: how many, at most; -1 for all.
        """
        fits = cache(lambda type: any(fnmatchcase(type, one) for one in types))
        with errors_of(self.path, reading=True):
            end = _NEVER if before is None else self._seq(session_id, before)

            def wants(seq: int, at: int, type: str, session: str) -> bool:
                return session == session_id and since <= at <= until and seq < end and fits(type)

            newest = (row for last in self._lasts(session_id, end, since) for row in self._wanted(last, wants))
            rows = list(islice(newest, None if limit < 0 else limit))
        return rows[::-1]

    def _wanted(self, last: int, wants: Callable[[int, int, str, str], bool]) -> Iterator[Row]:
        """Yield the events of a block that are wanted, newest first; it is unpacked only if there are any."""
        found = self._reader.execute("SELECT heads FROM blocks WHERE last = ?", (last,)).fetchone()
        heads = heads_of(found[0]) if found else None
        if heads and any(map(wants, heads.seqs, heads.ats, heads.types, map(heads.names.__getitem__, heads.sessions))):
            found = self._reader.execute("SELECT * FROM blocks WHERE last = ?", (last,)).fetchone()
            for row in reversed(unpack(Block(*found))) if found else ():
                if wants(row.seq, row.at, row.type, row.session_id):
                    yield row

    def _seq(self, session_id: str, id: str) -> int:
        """Return the number of an event of a session; 0 if there is none of that id."""
        for last in self._lasts(session_id):
            found = self._reader.execute("SELECT heads FROM blocks WHERE last = ?", (last,)).fetchone()
            heads = heads_of(found[0]) if found else None
            if heads is not None and id in heads.ids:
                return heads.seqs[heads.ids.index(id)]
        return 0

    def _lasts(self, session_id: str, end: int = _NEVER, since: int = 0) -> Iterator[int]:
        """Yield the keys of the blocks with events of a session that have numbers before one, newest first."""
        query = """
            SELECT last FROM blocks_of CROSS JOIN blocks USING (last) WHERE session = ? AND at >= ?
            AND last <= ifnull((SELECT min(last) FROM blocks WHERE last >= ?), last) ORDER BY last DESC
        """
        return (last for (last,) in self._reader.execute(query, (session_id, since, end)))


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
        posted: whether that run had taken hooks by ``POST /hook``, which nobody would send again; or whether the
            machine was started anew since, and may have lost others with it.
        since: ms since 1970; of files without a position, what is later is to be taken. None in a new log.
    """

    def __init__(self, path: Path) -> None:
        """Open or make it, and begin a run.

        Raises:
            StoreTooNewError: a newer version of this program wrote it. It is left as it is.
            StoreDamagedError: it is no database, or a damaged one. It is left as it is.
            StoreError: it can't be opened or written here.
        """
        self.path, self._place = path, str(path)
        self._failed = False
        refuse_network(path.parent)
        with errors_of(path, opening=True):
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._db = self._connect()
            try:
                self._transaction = Transaction(self._db)
                migrate(self._db)
                self._begin()
                places = (("it", self._place), ("its journal", f"{self._place}-wal"))
                self._files = [(what, place, _file(place)) for what, place in places]
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

    def _begin(self) -> None:
        meta = dict(self._db.execute("SELECT name, value FROM meta"))
        now = time.time_ns() // 1000
        self.crashed = bool(meta) and not meta["clean"]
        self.epoch = meta.get("epoch") or secrets.token_hex(8)
        self.before = self.head = meta.get("head", now)
        self.first = meta.get("first", self.head + 1)
        self.since: int | None = meta.get("since")
        boot = _boot()
        # With the machine went the last moments of the journal, perhaps, and hooks that were in them.
        self.posted = bool(meta.get("posted", 0)) or meta.get("boot", boot) != boot
        if self.crashed:
            self.head = max(now, self.head + CRASH_JUMP)
        self.last_loss = meta.get("loss", 0)
        since = now // 1000 if self.since is None else self.since  # what is written from now on is new to all runs
        posted = int(self.crashed and self.posted)  # until a commit of this run has told of what that one lost
        self._set(epoch=self.epoch, first=self.first, head=self.head, clean=0, posted=posted, since=since, boot=boot)
        # On the disk itself, whatever becomes of the journal: a run that took this one for ended well would give its
        # numbers again. Where there is no room for all that the journal holds, this much is there.
        with contextlib.suppress(sqlite3.OperationalError):
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def _set(self, **meta: str | int) -> None:
        statement = "INSERT OR REPLACE INTO meta VALUES " + ", ".join(["(?, ?)"] * len(meta))  # noqa: S608 - question marks
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
            failed, self._failed = self._failed, True
            with self._transaction:
                if rows:
                    self._put_events(rows, again=failed)
                self._put_extras(extras)
                since = {} if extras.since is None else {"since": extras.since}
                self._set(head=head, posted=int(posted), clean=int(clean), **since)
            self._failed = False

    def _put_events(self, rows: list[Row], *, again: bool) -> None:
        if again:  # a disk that answered too late may have them
            for table in ("blocks", "blocks_of"):
                self._db.execute(f"DELETE FROM {table} WHERE last >= ?", (rows[0].seq,))  # noqa: S608 - a constant
        put_blocks(self._db, rows)
        losses = [row.seq for row in rows if row.type == GAP]
        if losses:
            self._set(loss=losses[-1])

    def _look(self) -> None:
        """A database that was deleted can still be written, for nobody, and so can its journal."""
        for what, place, file in self._files:
            try:
                found = _file(place)
            except FileNotFoundError:
                raise StoreDamagedError(self.path, f"{what} was taken away") from None
            if found != file:
                raise StoreDamagedError(self.path, f"{what} was replaced by another file")

    def _put_extras(self, extras: Extras) -> None:
        if extras.positions:
            rows = map(_row_of, extras.positions)
            self._db.executemany("INSERT OR REPLACE INTO positions VALUES (CAST(? AS TEXT), ?, ?, ?)", rows)
            self._db.execute("DELETE FROM positions WHERE offset < 0")
        if extras.sessions:
            self._db.executemany("INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?)", extras.sessions)

    def trim(self, *, before: int, max_bytes: int) -> bool:
        """Delete some of the oldest events that are too old, or too much.

        Args:
            before: ms since 1970.
            max_bytes: of the database.

        Returns:
            Whether there may be more to delete.
        """
        with errors_of(self.path, reading=True):
            used = self._pragma("page_count") - self._pragma("freelist_count")
            too_much = used * self._pragma("page_size") - max_bytes
            oldest, upto = list(self._oldest_blocks(TRIM)), 0
            for block in oldest:
                if too_much > 0 or block.at < before:
                    upto = block.last
                too_much -= len(block.heads) + sum(heads_of(block.heads).sizes)
            if not upto:
                return False
            with self._transaction:
                for block in oldest:
                    if block.last <= upto:
                        self._delete(block)
                self._db.execute(
                    "DELETE FROM sessions WHERE ended AND NOT EXISTS (SELECT 1 FROM blocks_of WHERE session = id)"
                )
            return True

    def _oldest_blocks(self, events: int) -> Iterator[Block]:
        """Yield the oldest blocks, without their frames, until they have so many events."""
        for found in self._db.execute("SELECT last, at, events, heads, crc, x'' FROM blocks ORDER BY last"):
            block = Block(*found)
            yield block
            events -= block.events
            if events <= 0:
                break

    def _delete(self, block: Block) -> None:
        self._db.execute("DELETE FROM blocks WHERE last = ?", (block.last,))
        names = heads_of(block.heads).names
        self._db.executemany(
            "DELETE FROM blocks_of WHERE session = ? AND last = ?", [(one, block.last) for one in names]
        )

    def _pragma(self, name: str) -> int:
        return int(self._db.execute(f"PRAGMA {name}").fetchone()[0])

    def purge(self, sessions: Iterable[str]) -> int:
        """Delete all that is known of some sessions, so that it can't be found in the files either.

        That they were there goes last: until then one can ask for it again.

        Returns:
            How many events it was.

        Raises:
            StoreError: somebody else reads the database, and what was deleted is still in its files.
        """
        gone = frozenset(sessions)
        ids = [(one,) for one in gone]
        with errors_of(self.path, reading=True):
            self._db.execute("PRAGMA secure_delete = ON")
            with self._transaction:
                count = sum(self._purge_block(last, gone) for last in sorted(self._lasts_of(gone)))
                self._db.executemany("UPDATE sessions SET saved = x'' WHERE id = ?", ids)
            self._purges += 1
            self._empty_journal()
            self._vacuum()
            self._empty_journal()
            self._db.executemany("DELETE FROM sessions WHERE id = ?", ids)
            self._db.execute("PRAGMA secure_delete = OFF")
            self._empty_journal()
        return count

    def _vacuum(self) -> None:
        """Write the database anew, by way of a file beside it: in memory that would take as much as it has."""
        with contextlib.suppress(UnicodeEncodeError):  # not in this folder, then
            folder = str(self.path.absolute().parent).replace("'", "''")
            self._db.execute(f"PRAGMA temp_store_directory = '{folder}'")
        self._db.execute("PRAGMA temp_store = FILE")
        try:
            self._db.execute("VACUUM")
        finally:
            self._db.execute("PRAGMA temp_store = MEMORY")

    def _empty_journal(self) -> None:
        """Bring all that is in the journal into the database; it waits a few seconds for others who read."""
        (is_busy, _, _) = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if is_busy:
            raise StoreError(self.path, "somebody else reads it; try again when that has ended")

    def _lasts_of(self, sessions: frozenset[str]) -> set[int]:
        query = "SELECT last FROM blocks_of WHERE session = ?"
        return {last for one in sessions for (last,) in self._db.execute(query, (one,))}

    def _purge_block(self, last: int, gone: frozenset[str]) -> int:
        """Write a block anew without the events of some sessions; return how many those were."""
        block = Block(*self._db.execute("SELECT * FROM blocks WHERE last = ?", (last,)).fetchone())
        left = [row for row in unpack(block) if row.session_id not in gone]
        self._delete(block)
        put_blocks(self._db, left)
        return block.events - len(left)

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
        """Leave it as the run before did, well or not: nothing was appended in this one."""
        with errors_of(self.path):
            self._set(head=self.before, clean=int(not self.crashed))

    def close(self) -> None:
        """Close it, when no thread uses it any more."""
        self._reader.close()
        self._db.close()


def _boot() -> str:
    """Return what names the time since the machine was started; empty where nothing does."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _file(place: str) -> tuple[int, int]:
    """Return which file it is."""
    found = os.stat(place)  # noqa: PTH116 - a third of what Path.stat() takes
    return found.st_dev, found.st_ino


def _row_of(position: Position) -> tuple[bytes, int, int, int]:
    """Return a position as SQLite takes it: a path may be no UTF-8, and an inode may need the bit of the sign."""
    path, device, inode, offset = position
    return path.encode("utf-8", "surrogateescape"), device, inode - _INODES if inode > _NEVER else inode, offset


def _position(path: bytes, device: int, inode: int, offset: int) -> Position:
    """Return a position as it was before :func:`_row_of`."""
    return Position(bytes(path).decode("utf-8", "surrogateescape"), device, inode % _INODES, offset)
