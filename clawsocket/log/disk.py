"""The log's way to disk and back, seen from the loop: threads do the work, the loop never waits.

What is appended is committed within 50 ms, with what :attr:`Disk.extras` says at that moment of the sources and the
sessions. While the database can't be written, events stay in memory as long as there is room, and it is tried again.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from clawsocket.errors import StoreDamagedError, StoreError
from clawsocket.log.block import Row
from clawsocket.log.database import set_aside
from clawsocket.log.slices import Slice
from clawsocket.log.store import Extras, Store
from clawsocket.log.worker import Job, Worker, wake
from clawsocket.protocol.topics import Filter

DELAY = 0.048
"""Seconds that a commit gathers events, at most."""

EARLY = 0.004
"""Seconds that it comes sooner if the loop is awake then: to wake it for that costs as much as some events."""

FEW = 200
"""Events of a commit whose end can wait to be known."""

BATCH = 4000
"""Events of a commit, at most."""

BATCH_BYTES = 8_000_000
"""Size of their frames, at most, about."""

RETRY = (1.0, 30.0)
"""Seconds before a commit that failed is tried again, the first and the longest time."""

REPLACE_INTERVAL = 60.0
"""Seconds between two new databases, at least: where all is damaged at once, what is set aside would fill the disk."""

TRIM_INTERVAL = 60.0
"""Seconds between looks whether something is to be deleted, at least."""

TURN = 0.002
"""Seconds that what waited for a commit may hold the loop."""

Trouble = Callable[[str, bool], None]
T = TypeVar("T")

logger = logging.getLogger(__name__)


class Disk:
    """Writes the log to its database, and reads it.

    Attributes:
        committed: the last number on disk.
        oldest: the number of the oldest event on disk; 0 for none.
        oldest_at: its time, in ms since 1970.
        floor: from this number on no event is missing, whatever is on disk: others were not given, or never got there
            and were taken again.
        posted: set it when something came that nobody would send again after a crash.
        rows: (after, count, bytes) to the events in memory after a number. Set by the log.
        hole: (from, to) to what stands on disk for events that never came there. Set by the log.
        head: gives the last number. Set by the log.
        extras: gives what goes with the events up to the head.
        on_trouble: (message, whether it goes on) called when the database fails, and when it works again.
        on_damage: called with the reason when the database was damaged and a new one is begun.
        on_missing: called with True when memory lets go of events that never came to disk, and with False when what
            stands there for them has.
    """

    def __init__(self, store: Store, *, max_bytes: int, max_age: int) -> None:
        """Take over an open database.

        Args:
            store: nobody else may use it.
            max_bytes: of the database; older events are deleted.
            max_age: of events, in ms.
        """
        self._store = store
        self._max_bytes, self._max_age = max_bytes, max_age
        self.committed = store.head
        self.oldest, self.oldest_at = store.oldest()
        self.floor: int = store.before + 1
        self.posted = False
        self.rows: Callable[[int, int, int], list[Row]] = lambda _after, _count, _bytes: []
        self.hole: Callable[[int, int], Row]
        self.head: Callable[[], int] = lambda: self.committed
        self.extras: Callable[[], Extras] = Extras
        self.on_trouble: Trouble = lambda _message, _recoverable: None
        self.on_damage: Callable[[str], None] = lambda _reason: None
        self.on_missing: Callable[[bool], None] = lambda _is_missing: None
        self._writer, self._reader = Worker("log-writer"), Worker("log-reader")
        self._timer: asyncio.Handle | None = None
        self._commit: _Commit | None = None
        self._trimming: asyncio.Task[None] | None = None
        self._waiting: deque[tuple[int, Callable[[], None]]] = deque()
        self._released = self._let_go = 0
        self._wanted = False
        self._soon = math.inf
        self._wait, self._failed = RETRY[0], ""
        self._trimmed, self._replaced = -math.inf, -math.inf
        self._closing = False
        self._extras = Extras()

    @property
    def works(self) -> bool:
        """Whether what is new is on disk soon, as far as is known."""
        return not self._failed

    # What the log calls

    def wake(self) -> None:
        """Commit what is new, soon."""
        self._wanted = True
        if self._timer is None:
            if self._commit is None and not self._closing:
                self._later()
        elif time.monotonic() > self._soon:
            self._soon = math.inf
            self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_soon(self._turn)

    def _later(self) -> None:
        self._soon = time.monotonic() + DELAY - EARLY
        self._timer = asyncio.get_running_loop().call_later(DELAY, self._turn)

    def when_committed(self, action: Callable[[], None]) -> None:
        """Call ``action`` when all that the log has now is on disk, or can't get there any more."""
        if self.head() <= self.committed and not self._waiting:
            action()
        else:
            self._waiting.append((self.head(), action))
            if self._commit is not None:
                self._hear(self._commit)

    def evicted(self, upto: int) -> None:
        """Learn that memory has no room for events up to a number."""
        if upto > self.committed:
            if self._let_go <= self.committed:
                self.on_missing(True)
            self._let_go = upto
            self._release(upto)

    def _reach(self, head: int) -> None:
        """Learn that all up to a number is on disk, or what stands there for it."""
        missed = self._let_go > self.committed
        self.committed = head
        if missed and self._let_go <= head:
            self.on_missing(False)

    async def read(self, after: int, filter: Filter, *, max_bytes: int, upto: int) -> Slice:
        """Read events as :meth:`clawsocket.log.eventlog.EventLog.read` does.

        Raises:
            StoreError: they can't be read; a damaged database is being replaced, unless it is new.
        """

        def read(store: Store) -> tuple[Slice, tuple[int, int]]:
            return store.read(after, filter, max_bytes=max_bytes, upto=upto), store.oldest()

        store, before = self._store, self.oldest
        slice, oldest = await self.call(read)
        if store is self._store and oldest[0] != before:  # some was deleted meanwhile, perhaps what was to be read
            self._begins_at(*oldest)
            return Slice(b"", after)
        return slice

    async def call(self, do: Callable[[Store], T]) -> T:
        """Read something else from the database, in the reader's thread.

        Raises:
            StoreError: it can't be read; a damaged database is being replaced, unless it is new.
        """
        return await self._run(self._reader, do)

    async def write(self, do: Callable[[Store], T]) -> T:
        """Change something else in the database, in the writer's thread.

        Raises:
            StoreError: it can't be written; a damaged database is being replaced, unless it is new.
        """
        store = self._store
        try:
            return await self._run(self._writer, do)
        finally:  # what failed may have changed something all the same
            oldest = await self.call(Store.oldest)
            if store is self._store:  # of one that was replaced meanwhile nothing counts any more
                self._begins_at(*oldest)

    def _begins_at(self, oldest: int, oldest_at: int) -> None:
        """Learn what the oldest event on disk is now."""
        if self.oldest and oldest != self.oldest:
            self.floor = oldest or self.committed + 1
        self.oldest, self.oldest_at = oldest, oldest_at

    async def _run(self, worker: Worker, do: Callable[[Store], T]) -> T:
        store = self._store
        try:
            return await worker.run(lambda: do(store))
        except StoreDamagedError as error:
            if not self._is_new:
                self._replace(store, error)
            raise

    async def close(self) -> None:
        """Commit the rest, say that this run ended well, and close. A database that fails now is left as it is."""
        self._closing = True
        if self._timer is not None:
            self._timer.cancel()
        if self._trimming is not None:
            await asyncio.wait([self._trimming])
        if self._commit is not None:
            await self._writer.run(lambda: None)  # comes after it
            self._end()
        try:
            while self.committed < self.head():
                await self._last(clean=False)
            await self._last(clean=True)
        except StoreError as error:
            logger.warning("the log could not be closed well: %s", error)
        except Exception:
            logger.exception("the log could not be closed well")
        self._release(self.committed)
        for worker in (self._reader, self._writer):
            await asyncio.to_thread(worker.stop)
        self._store.close()

    # Committing

    def _turn(self) -> None:
        """End the commit before, and begin the next: this comes about every 45 ms, as long as there is something.

        Mostly the end of a commit wakes nobody, as to wake the loop for it would cost half as much as the commit.
        """
        self._timer = None
        if self._commit is not None and not self._commit.job.done:
            self._hear(self._commit)
            return
        self._end()
        self._next()

    def _next(self) -> None:
        if self._timer is not None or not self._wanted or self._closing:
            return
        self._later()
        commit = self._commit = self._begin(clean=False)
        self._wanted = commit.is_cut
        if self._waiting or commit.is_cut or len(commit.rows) > FEW:
            self._hear(commit)

    def _hear(self, commit: _Commit) -> None:
        """Let the end of a commit wake the loop."""
        if not commit.is_heard:
            commit.is_heard = True
            commit.job.then(functools.partial(wake, asyncio.get_running_loop(), functools.partial(self._heard, commit)))

    def _heard(self, commit: _Commit) -> None:
        if commit is not self._commit:
            return
        if self._timer is None:
            self._turn()
        elif commit.is_cut:
            self._timer.cancel()
            self._turn()
        else:
            self._end()

    def _begin(self, *, clean: bool) -> _Commit:
        rows = self.rows(self.committed, BATCH, BATCH_BYTES)
        if rows and self._let_go > self.committed:
            rows.insert(0, self.hole(self.committed + 1, self._let_go))
        head = rows[-1].seq if rows else self.head()
        is_cut = head < self.head()
        if not is_cut:
            self.add(self.extras())
        store, extras, self._extras = self._store, self._extras, Extras()
        do = functools.partial(store.commit, rows, extras, head=head, posted=self.posted, clean=clean)
        return _Commit(self._writer.post(do), store, rows, extras, head, is_cut)

    async def _last(self, *, clean: bool) -> None:
        """Commit while all is being closed."""
        commit = self._begin(clean=clean)
        await self._writer.run(lambda: None)
        if commit.job.problem is not None:
            raise commit.job.problem
        self._reach(commit.head)

    def _end(self) -> None:
        """Take what came of the commit, unless that was done."""
        commit, self._commit = self._commit, None
        if commit is None or commit.store is not self._store:
            return  # the database was replaced meanwhile
        problem = commit.job.problem
        if problem is not None:
            later, self._extras = self._extras, commit.extras
            self.add(later)
            self._wanted = True
            self._failed_with(problem)
        else:
            self._works()
            self._reach(commit.head)
            if commit.rows and not self.oldest:
                self.oldest, self.oldest_at = commit.rows[0].seq, commit.rows[0].at
            self._release(commit.head)
            self._trim_if_due()

    def add(self, new: Extras) -> None:
        """Take what is to be committed with the next events; of what a commit failed to write the newest is there."""
        held = self._extras
        positions = {one.path: one for one in (*held.positions, *new.positions)}
        sessions = {one.id: one for one in (*held.sessions, *new.sessions)}
        since = held.since if new.since is None else new.since
        self._extras = Extras([*positions.values()], [*sessions.values()], since)

    def _failed_with(self, error: BaseException) -> None:
        if isinstance(error, StoreDamagedError) and not self._is_new:
            self._replace(self._store, error)
        elif isinstance(error, StoreError):
            self._fails(error)
        else:
            logger.error("the log could not be written", exc_info=error)
            self._fails(StoreError(self._store.path, "it could not be written"))

    def _release(self, upto: int) -> None:
        """Call what waits for events up to a number, in turns: thousands may, and each may delete a file."""
        self._released = max(self._released, upto)
        deadline = math.inf if self._closing else time.perf_counter() + TURN
        while self._waiting and self._waiting[0][0] <= self._released:
            if time.perf_counter() > deadline:
                asyncio.get_running_loop().call_soon(self._release, upto)
                return
            self._waiting.popleft()[1]()

    def _fails(self, error: StoreError) -> None:
        if self._failed != error.problem:
            self._failed = error.problem
            logger.warning("the log can't be written: %s", error)
            self.on_trouble(
                "the log can't be written to disk; what happens is kept in memory, as long as there is room", True
            )
        if not self._closing:
            if self._timer is not None:
                self._timer.cancel()
            self._soon = math.inf
            self._timer = asyncio.get_running_loop().call_later(self._wait, self._turn)
            self._wait = min(2 * self._wait, RETRY[1])

    def _works(self) -> None:
        self._wait = RETRY[0]
        if self._failed:
            self._failed = ""
            logger.warning("the log is written to disk again")

    @property
    def _is_new(self) -> bool:
        return time.monotonic() - self._replaced < REPLACE_INTERVAL

    def _replace(self, store: Store, error: StoreDamagedError) -> None:
        """Go on with a new database: it gets what memory holds."""
        if store is not self._store or self._closing:
            return
        self._replaced = time.monotonic()
        logger.error("the log's database is damaged: %s", error)
        aside = set_aside(store.path)
        try:
            fresh = Store(store.path)
        except StoreError as again:
            self._fails(again)
            return
        logger.warning("it was kept as %s, and a new one was begun", aside)
        fresh.adopt(store)
        held = self.rows(0, 1, 1)
        self._store, self.committed, self.oldest = fresh, held[0].seq - 1 if held else self.head(), 0
        self.floor = self.committed + 1
        self._reader.run(store.close_reader)
        self._writer.run(store.close_writer)
        self.on_damage(error.problem)
        self.wake()

    def _trim_if_due(self) -> None:
        if self._trimming is None and time.monotonic() - self._trimmed >= TRIM_INTERVAL and not self._closing:
            self._trimming = asyncio.ensure_future(self._trim())
            self._trimming.add_done_callback(functools.partial(self._end_trim, self._store))

    async def _trim(self) -> None:
        before = time.time_ns() // 1_000_000 - self._max_age
        self._trimmed = time.monotonic()
        if await self.write(lambda store: store.trim(before=before, max_bytes=self._max_bytes)):
            self._trimmed = -math.inf

    def _end_trim(self, store: Store, trimming: asyncio.Task[None]) -> None:
        self._trimming = None
        error = trimming.exception()
        if error is not None and store is self._store:  # else it was replaced for that
            self._failed_with(error)


@dataclass(slots=True)
class _Commit:
    """A commit on its way; ``is_heard``: its end wakes the loop."""

    job: Job[None]
    store: Store
    rows: list[Row]
    extras: Extras
    head: int
    is_cut: bool
    is_heard: bool = False


def chunk(rows: list[Row], max_bytes: int) -> list[Row]:
    """Return the first rows, so much at most, one at least if there is one."""
    for number, row in enumerate(rows, 1):
        max_bytes -= len(row.frame)
        if max_bytes <= 0:
            return rows[:number]
    return rows
