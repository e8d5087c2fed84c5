"""From one run to the next: what the log's database gives at the start, and what goes into it beside the events."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from clawsocket.config import Settings
from clawsocket.errors import StoreDamagedError, StoreError, StoreRefusedError
from clawsocket.log.database import set_aside
from clawsocket.log.disk import Disk
from clawsocket.log.eventlog import KNOWN, EventLog
from clawsocket.log.store import Extras, Position, SavedSession, Store
from clawsocket.paths import Home
from clawsocket.protocol.frame import payload_of
from clawsocket.protocol.models import SessionInfo, SessionUsage
from clawsocket.sources.checkpoints import SETTLE, Checkpoints
from clawsocket.sources.files import opened
from clawsocket.state import saved
from clawsocket.state.saved import Saved
from clawsocket.state.usage import session_usage
from clawsocket.state.world import World

DAY = 86_400_000
"""ms of a day."""

OVERLAP = 10_000
"""ms before the last commit from which on lines of files without a checkpoint are new."""

PAST_HOOKS = 2000
"""Hooks of a living session that are taken again at the start, at most: those that its state still depends on."""

LOGGED = ("session.*", "tool.permission_*")
"""Events that are of sessions' files and hooks alone."""

MOST_LOGGED = 10_000
"""Of them, in one page of a history, at most."""

logger = logging.getLogger(__name__)


class Persistence:
    """The log's database and its user.

    Without a database that can be opened the service works from memory.

    Attributes:
        disk: the log's way to disk, None for none.
        trouble: what was wrong with the database, one line for people; None if nothing was.
        since: ms since 1970; what is later is new. None if there was no run before.
        checkpoints: how far the transcripts were taken.
        caught_up: tells whether the sources have taken all there is.
        on_trouble: called with a line for people and whether the log goes on, when something is wrong with it.
    """

    def __init__(self, home: Home, settings: Settings, log: EventLog, world: World, dirs: Sequence[Path]) -> None:
        """Open the database, and let the log go on where it was.

        Raises:
            StoreRefusedError: it must not be used.
        """
        self._log, self._world = log, world
        self.trouble: str | None = None
        self.disk: Disk | None = None
        self.since: int | None = None
        self.checkpoints = Checkpoints((), time.monotonic, wanted=False)
        self.caught_up: Callable[[], bool] = lambda: False
        self.on_trouble: Callable[[str, bool], None] = lambda _message, _recoverable: None
        self._touched: dict[str, None] = {}
        self._saved: dict[str, tuple[object, float]] = {}  # what of a session is on disk, and since when
        self._later: asyncio.TimerHandle | None = None
        self._closing = False
        self._mark, there = home.missed, home.log.exists()
        begin = partial(Disk, max_bytes=settings.log_bytes, max_age=_days(settings, dirs) * DAY)
        before = self._open(home.log, begin) if settings.log_to_disk else None
        self._leaves_log = there and before is None
        if before is not None:
            self._resume(before)
        else:
            self._leave_mark()

    def _open(self, path: Path, begin: Callable[[Store], Disk]) -> _Before | None:
        try:
            try:
                return self._read(path, begin)
            except StoreDamagedError as error:
                logger.error("the log's database is damaged: %s", error)
                logger.warning("it was kept as %s, and a new log was begun", set_aside(path))
                self.trouble = "the log on disk was damaged; it was set aside, and a new log was begun"
                return self._read(path, begin)
        except StoreRefusedError:
            raise
        except (StoreError, OSError) as error:
            logger.error("the log is kept in memory alone: %s", error)
            self.trouble = "the log can't be kept on disk; what happens is kept in memory alone"
            return None

    def _read(self, path: Path, begin: Callable[[Store], Disk]) -> _Before:
        """Open the database and read all that a start needs of it, so that damage is met before anything rests on it.

        The world gets the sessions that live, one after the other: their hooks together would take too much memory.

        Raises:
            StoreDamagedError, StoreError: it can't be opened or read; the world knows nothing of it.
        """
        store, now = Store(path), time.time_ns() // 1_000_000
        try:
            since = None if store.since is None else min(store.since, now) - OVERLAP
            ended = {}
            for kept in store.sessions(since=since or now):
                session = saved.load(kept.saved)
                if session is None:
                    continue
                if kept.ended:
                    ended[kept.id] = session
                else:
                    rows = store.events(kept.id, types=("hook.*",), limit=PAST_HOOKS)
                    self._world.restore(session, saved.past_hooks(payload_of(row.frame) for row in rows), now)
            ids, positions = store.ids(KNOWN), store.positions()
            return _Before(store, begin(store), now, since, ids, positions, ended)
        except BaseException:
            self._world.clear()
            store.close()
            raise

    def _resume(self, before: _Before) -> None:
        store, now = before.store, before.now
        self.disk = disk = before.disk
        self.since = before.since
        self._log.resume(disk, store, before.ids)
        self.checkpoints = Checkpoints(before.positions, time.monotonic)
        self._world.ended.update(before.ended)
        disk.extras, disk.on_damage = self._extras, self._begin_again
        disk.on_trouble, disk.on_missing = self._tell, self._misses
        if store.crashed and store.posted:
            self._log.lose("crash")
        if store.since is not None and now < store.since:
            logger.warning("the clock was set back: of what was written meanwhile some may be taken for old")
            self._log.lose("source")
        if self._mark.exists():
            self._log.lose("source")
            disk.when_committed(self._leave_mark)

    def _leave_mark(self) -> None:
        """Let the next run know if the log misses what this one takes, and only then."""
        with contextlib.suppress(OSError):
            if self._leaves_log:
                self._mark.touch(0o600)
            else:
                self._mark.unlink(missing_ok=True)

    def _misses(self, is_missing: bool) -> None:
        self._leaves_log = is_missing
        self._leave_mark()

    def _tell(self, message: str, recoverable: bool) -> None:
        self.on_trouble(message, recoverable)

    def posted(self) -> None:
        """Learn that a hook came that nobody would send again; that is on disk soon, whatever becomes of the hook."""
        if self.disk is not None and not self.disk.posted:
            self.disk.posted = True
            self.disk.wake()

    def touch(self, session_id: str) -> None:
        """Learn that there is an event of a session."""
        if session_id and self.disk is not None:
            self._touched[session_id] = None

    def release(self, delete: Callable[[], None]) -> None:
        """Call ``delete`` when all that was taken up to now is on disk; a hook that is held is not in the log yet."""
        if self.disk is None:
            delete()
        elif self._world.holds_hooks:
            asyncio.get_running_loop().call_later(HELD, self.release, delete)
        else:
            self.disk.when_committed(delete)

    async def forget_gone(self) -> None:
        """Forget the positions of files that are gone. A thread looks at all of them."""
        gone = await asyncio.to_thread(self.checkpoints.gone)
        if gone and self.disk is not None:
            self.disk.add(Extras(gone))

    async def close(self) -> None:
        """Write the rest, and close; nothing waits for anything any more."""
        self._closing = True
        if self._later is not None:
            self._later.cancel()
        if self.disk is not None:
            await self.disk.close()
        if self._leaves_log:
            self._leave_mark()  # before there may have been no room for it

    # What goes with the events

    def _extras(self) -> Extras:
        positions = self.checkpoints.collect(self._is_quiet)
        touched, self._touched = self._touched, {}
        sessions = [one for one in map(self._save, touched) if one is not None]
        if (self.checkpoints.waiting or self._touched) and self._later is None and not self._closing:
            self._later = asyncio.get_running_loop().call_later(SETTLE + 0.1, self._wake)
        return Extras(positions, sessions, time.time_ns() // 1_000_000 if self.caught_up() else None)

    def _is_quiet(self, session_id: str) -> bool:
        session = self._world.find(session_id)
        return self._closing or session is None or not session.waiting

    def _wake(self) -> None:
        self._later = None
        if self.disk is not None:
            self.disk.wake()

    def _save(self, session_id: str) -> SavedSession | None:
        """Return a session to be kept; one of which only little changed, and a moment ago, has to wait."""
        session = self._world.find(session_id)
        if session is None:
            self._saved.pop(session_id, None)
            return None
        ended = session_id not in self._world.sessions
        brief, now = (ended, *saved.brief(session)), time.monotonic()
        before, when = self._saved.get(session_id, (None, 0.0))
        if brief == before and now - when < SETTLE and not self._closing:
            self._touched[session_id] = None
            return None
        if ended:  # of thousands that were, nothing stays; little comes of one
            self._saved.pop(session_id, None)
        else:
            self._saved[session_id] = (brief, now)
        return SavedSession(session_id, session.cwd, ended, session.last_at, saved.save(session))

    def _begin_again(self, _reason: str) -> None:
        """A new database knows nothing of what the old one knew."""
        self._saved = {}
        self._touched = dict.fromkeys([*self._world.past, *self._world.sessions])
        self.checkpoints.repeat()
        self.on_trouble("the log on disk was damaged or gone; a new one was begun with what memory holds", True)

    # What clients ask for

    async def sessions(self, known: set[str]) -> list[SessionInfo]:
        """Return the sessions on disk, but for those that are known already, oldest first."""
        if self.disk is None:
            return []
        kept = await self.disk.call(Store.sessions)
        loaded = [saved.load(one.saved) for one in kept if one.id not in known]
        return [one.info for one in loaded if one is not None and not one.phantom]

    async def usage(self, session_id: str) -> SessionUsage:
        """Return the usage of a session as it is on disk; zeros if there is none."""
        kept = None if self.disk is None else await self.disk.call(lambda store: store.session(session_id))
        known = None if kept is None else saved.load(kept.saved)
        return (known and known.info.usage) or session_usage(session_id, {})

    async def history(self, session_id: str, limit: int, before: str | None) -> list[bytes]:
        """Return a session's newest events as JSON, oldest first; one more than ``limit`` if there are more."""
        if self.disk is None:
            return []
        rows = await self.disk.call(lambda store: store.events(session_id, before=before, limit=limit + 1))
        return [bytes(payload_of(row.frame)) for row in rows]

    async def logged(self, session_id: str, since: int, until: int) -> list[bytes]:
        """Return what no transcript tells of a session from one time to another, the newest, as JSON, oldest first."""
        if self.disk is None:
            return []
        rows = await self.disk.call(
            lambda store: store.events(session_id, types=LOGGED, since=since, until=until, limit=MOST_LOGGED)
        )
        return [bytes(payload_of(row.frame)) for row in rows]

    async def purge(self, sessions: list[str]) -> None:
        """Delete all that is known of some sessions, and then tell clients that they are removed: that stays."""
        removed = [event for session_id in sessions for event in self._world.forget(session_id)]
        self._log.purge(frozenset(sessions).__contains__)
        for event in removed:
            self._log.append(event)
        for session_id in sessions:
            self._touched.pop(session_id, None)
            self._saved.pop(session_id, None)
        if self.disk is not None:
            try:
                await self.disk.write(lambda store: store.purge(sessions))
            except StoreDamagedError:  # there is a new one now, unless it is that which is damaged
                await self.disk.write(lambda store: store.purge(sessions))


HELD = 0.3
"""Seconds after which it is asked again whether a hook is held: longer than most are."""


class _Before(NamedTuple):
    """What the runs before this one left.

    Attributes:
        store: the database.
        disk: the way to it.
        now: when it was read, in ms since 1970.
        since: ms since 1970; what is later is new. None if there was no run before.
        ids: of its newest events.
        positions: of files.
        ended: the sessions that ended shortly before, by id.
    """

    store: Store
    disk: Disk
    now: int
    since: int | None
    ids: list[str]
    positions: list[Position]
    ended: dict[str, Saved]


def _days(settings: Settings, dirs: Sequence[Path]) -> int:
    """Return how many days events are kept: never longer than Claude Code keeps its own transcripts."""
    days = settings.log_days
    for folder in dirs:
        try:
            with opened(folder / "settings.json") as (descriptor, status):
                own = json.loads(os.read(descriptor, status.st_size)).get("cleanupPeriodDays")
        except (OSError, ValueError, AttributeError):
            continue
        if isinstance(own, int) and not isinstance(own, bool) and own >= 0:
            days = min(days, max(own, 1))
    return days
