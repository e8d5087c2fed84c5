"""The program put together: sources → state → log → server."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import secrets
import signal
import time
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from msgspec import Raw

from clawsocket import history, memory, token
from clawsocket.claude import hooks
from clawsocket.claude.observations import HookSeen, Observation, SessionFileSeen, Trouble
from clawsocket.config import Settings, claude_dirs
from clawsocket.errors import ClawSocketError, InvalidHookError, StoreError
from clawsocket.log.eventlog import EventLog
from clawsocket.log.fanout import FanOut
from clawsocket.metrics import Metrics
from clawsocket.paths import Home
from clawsocket.persistence import Persistence
from clawsocket.protocol.envelope import POSTED, Event
from clawsocket.protocol.messages import UsagePart
from clawsocket.protocol.models import Finding, SessionInfo
from clawsocket.protocol.replies import UsageReport, usage_report
from clawsocket.server.backend import Backend
from clawsocket.server.server import Server
from clawsocket.setup import hooks as hook_setup
from clawsocket.sources import processes
from clawsocket.sources.checkpoints import SETTLE
from clawsocket.sources.session_files import SessionFiles
from clawsocket.sources.spool import Spool
from clawsocket.sources.transcripts import Transcripts
from clawsocket.sources.watch import Watcher
from clawsocket.spending import own_prices
from clawsocket.spending.apart import Reports
from clawsocket.state.usage import Book
from clawsocket.state.world import World
from clawsocket.supervisor import Supervisor

TIDY = 60.0
"""Seconds after which what memory has no use for is given back, as long as there may be something."""

RECENT = 600_000
"""ms that what is on disk stays in memory as well, for clients that come back."""

logger = logging.getLogger(__name__)


def now() -> int:
    """Return the time in ms since 1970."""
    return time.time_ns() // 1_000_000


class App:
    """The running service."""

    def __init__(self, settings: Settings, home: Home) -> None:
        """Wire everything together; nothing runs yet.

        Args:
            settings: what the user set.
            home: our own folder, which exists.
        """
        self.settings, self.home = settings, home
        self.dirs = claude_dirs(settings)
        self.token = token.load_or_create(home.token)

        self.world = World(
            end_wait=round(settings.end_wait * 1000),
            linger=round(settings.linger * 1000),
            silence=round(settings.silence * 1000),
        )
        prices, problem = own_prices.load(home.prices)
        if problem is not None:
            logger.warning("%s", problem)
        self.world.book = Book(prices)
        self.log = EventLog(max_bytes=settings.ring_bytes, max_events=settings.ring_events)
        self.persistence = Persistence(home, settings, self.log, self.world, self.dirs)
        self.reports = Reports(home.root, settings.claude_dirs)
        self.places = history.Places()
        self.fanout = FanOut(self.log, slice_bytes=settings.socket_buffer)

        self.watcher = Watcher(self.observe, settings, now)
        self.session_files = SessionFiles(self.dirs, self.watcher, self.observe, settings, now)
        self.transcripts = Transcripts(self.dirs, self.watcher, self.observe, settings, now)
        self.spool = Spool(home.spool, self.watcher, self.observe, settings, now)
        self.metrics = Metrics(self.world, self.log, self.fanout, self.transcripts, self.spool, home.log)
        self.server = Server(settings, home, self.log, self.fanout, self._backend(), lambda: self.token)
        self._connect()

        self.started = False
        self._run, self._posted = secrets.token_hex(6), itertools.count()
        self._flush: asyncio.Handle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._when = 0.0
        self._tidying: asyncio.TimerHandle | None = None
        self._examining: asyncio.Future[list[Finding]] | None = None
        self._purging: asyncio.Future[None] | None = None

    def _connect(self) -> None:
        """Let the parts hear of each other."""
        self.spool.on_lost = lambda: self.log.lose("spool_full")
        self.spool.release = self.persistence.release
        self.spool.has_room = self.log.has_room
        self.spool.is_known = lambda id: self.log.knows(f"h:{id}")
        self.transcripts.pause_unless(self.log.has_room)
        self.transcripts.checkpoints = self.persistence.checkpoints
        self.transcripts.on_read = self.server.transcript_grew
        self.transcripts.on_caught_up = lambda session_id: self.append(self.world.caught_up(session_id))
        self.persistence.caught_up = lambda: self.started and self.transcripts.caught_up
        self.persistence.on_trouble = self._tell_trouble
        self.world.is_told = self.log.knows
        self.world.lives = lambda pid: processes.lives(pid, None)
        self.world.is_behind = self.transcripts.is_behind
        self.world.on_unknown_agent = self.transcripts.find_agent
        self.world.on_end = self.transcripts.drain
        self.world.on_removed = self.transcripts.forget
        self.world.on_unheard = self.transcripts.repeat

    async def start(self) -> None:
        """Look which sessions live, listen, and then read what they do.

        Raises:
            PortTakenError, AddressError: there is nothing to listen on.
        """
        began = now()  # whoever connects is told of all that is written from now on
        self.watcher.start()
        self.watcher.add(self.home.root, self._home_changed, arrivals_only=True)
        await self.session_files.start()
        await self.server.start()
        if self.settings.auth:
            logger.info("clients need the token in %s", self.home.token)
        if self.settings.hooks:
            await self.spool.start()  # before the transcripts: of what is in both, hooks know more
        await self.transcripts.start(began if self.persistence.since is None else self.persistence.since)
        for session_id in list(self.world.sessions):
            self.transcripts.follow(session_id)
        for gone in self.world.unseen():
            self.observe(gone)
        self._set_timer()  # for what waits since the run before, even if nothing more happens
        if self.settings.hooks:
            await self._install_hooks()
        self.started = True
        if self.persistence.trouble is not None:
            self._tell_trouble(self.persistence.trouble, False)
        await self.persistence.forget_gone()

    async def stop(self) -> None:
        """Stop reading, say goodbye to the clients, leave nothing behind."""
        for source in (self.spool, self.session_files):
            source.close()
        for handle in (self._flush, self._timer, self._tidying):
            if handle is not None:
                handle.cancel()
        # Nothing may wait for the next run, but for the end of a session whose transcript is still to be read.
        if not self.started:  # they were not all looked for yet
            living = {session.id for session in self.world.sessions.values() if session.pid is not None}
            self.world.is_behind = living.__contains__
        at = now()
        while (due := self.world.due) is not None and due <= at + SETTLE * 1000:
            self.append(self.world.expire(max(due, at)))  # one after the other: what is due may have to wait once more
        self.append(self.world.flush())
        for part in (self.transcripts, self.watcher):
            part.close()
        await self.server.stop()
        await self.persistence.close()

    def status(self) -> str:
        """Return a line about the service for whoever looks after it."""
        sessions, clients = len(self.world.sessions), self.server.clients
        return f"sessions: {sessions}, clients: {clients}, port {self.server.port}"

    # What comes in

    def observe(self, seen: Observation) -> None:
        """Take what a source saw: the state makes events of it, the log keeps them, the server sends them."""
        self._take(seen, now())
        if isinstance(seen, SessionFileSeen):
            self.transcripts.follow(seen.file.session_id)
        elif isinstance(seen, Trouble):
            self.metrics.troubles[seen.source] += 1
            logger.warning("%s: %s", seen.source, seen.message)

    def _take(self, seen: Observation, at: int) -> None:
        self.append(self.world.apply(seen, at))
        if self._flush is None:
            self._flush = asyncio.get_running_loop().call_soon(self._end_tick)

    def append(self, events: Iterable[Event]) -> None:
        """Put events into the log."""
        for event in events:
            self.log.append(event)
            self.persistence.touch(event.session_id)

    def take_hook(self, body: bytes) -> None:
        """Take a hook that came by ``POST /hook``.

        Raises:
            InvalidHookError: it is no hook.
        """
        try:
            hook = hooks.parse(body)
        except hooks.NotJsonError:
            raise InvalidHookError("invalid JSON") from None
        except hooks.NotAHookError:
            raise InvalidHookError("invalid hook payload") from None
        self.persistence.posted()
        at = now()
        self._take(HookSeen(f"{POSTED}{self._run}-{next(self._posted)}", at, hook), at)

    def _end_tick(self) -> None:
        """Do once for all observations of a tick what need not be done for each."""
        self._flush = None
        self.append(self.world.flush())
        self._set_timer()
        self._tidy_later()

    def _set_timer(self) -> None:
        due = self.world.due
        if due is None:
            return
        loop = asyncio.get_running_loop()
        when = loop.time() + max(0, due - now()) / 1000  # each time anew: the clock may have been set
        if self._timer is not None:
            if self._when <= when + 0.001:
                return
            self._timer.cancel()
        self._when = when
        self._timer = loop.call_at(when, self._expire)

    def _expire(self) -> None:
        self._timer = None
        self.append(self.world.expire(now()))
        self._end_tick()

    def _tidy_later(self) -> None:
        if self._tidying is None:
            self._tidying = asyncio.get_running_loop().call_later(TIDY, self._tidy)

    def _tidy(self) -> None:
        self._tidying = None
        self.log.let_go(now() - RECENT)
        memory.give_back()
        if self.log.bytes_in_memory:
            self._tidy_later()

    # What the server asks for

    def _backend(self) -> Backend:
        return Backend(
            snapshot=self.world.snapshot,
            sessions=lambda: self.world.session_list(False),
            count=lambda: len(self.world.sessions),
            all_sessions=self._all_sessions,
            history=self._history,
            usage=self.world.usage,
            past_usage=self.persistence.usage,
            usage_report=self._usage_report,
            status=self.metrics.status,
            findings=self._findings,
            take_hook=self.take_hook,
            metrics=self.metrics.text,
            transcript=self.transcripts.path,
        )

    async def _usage_report(self, by: Sequence[UsagePart], since: str | None) -> UsageReport:
        made = await self.reports.make(by, since)
        return await asyncio.to_thread(usage_report, made, by)

    async def _history(self, session_id: str, limit: int, before: str | None, all: bool) -> tuple[list[Raw], bool]:
        self._tidy_later()
        path = self.transcripts.path(session_id, None)
        size = self.settings.history_bytes
        if path is not None:
            logged = partial(self.persistence.logged, session_id) if all else history.nothing
            with contextlib.suppress(OSError):
                return await history.read(
                    path, session_id, limit, before, max_bytes=size, logged=logged, places=self.places
                )
        return history.stored(await self.persistence.history(session_id, limit, before), limit, max_bytes=size)

    async def _all_sessions(self) -> list[SessionInfo]:
        known, ids = self.world.session_list(True), {*self.world.past, *self.world.sessions}
        return await self.persistence.sessions(ids) + known

    async def _findings(self) -> list[Finding]:
        """Let the doctor look, in a thread: what it asks of us is answered meanwhile. All who ask get one look."""
        if self._examining is None or self._examining.done():
            self._examining = asyncio.ensure_future(asyncio.to_thread(_examine, self.home))
        return await asyncio.shield(self._examining)

    # The log on disk

    def _tell_trouble(self, message: str, recoverable: bool) -> None:
        """Tell clients what is wrong with the log on disk."""
        self.observe(Trouble("log", message, recoverable, now()))

    async def _purge(self) -> None:
        """Forget the sessions that the owner wants forgotten; the request goes when that is done, or says why not."""
        request = self.home.purge
        try:
            asked = request.read_bytes()
            wanted = json.loads(asked)
            if "problem" in wanted:
                return  # that was ours
            try:
                await self.persistence.purge([one for one in wanted["sessions"] if isinstance(one, str)])
            except StoreError as error:
                if request.read_bytes() == asked:
                    with request.open("r+b") as file:  # in its place: that there is no room may be the problem
                        file.write(json.dumps({**wanted, "problem": error.problem}).encode())
                raise
            if request.read_bytes() == asked:  # else whoever asked went away, and somebody else waits
                request.unlink()
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, ClawSocketError) as error:
            logger.warning("what is to be forgotten could not be: %s", error)

    # Hooks and token

    async def _install_hooks(self) -> None:
        """Install the hooks; the service is useful without, so a failure is told and no more."""
        try:
            changes = await asyncio.to_thread(hook_setup.install, self.home, self.dirs, self.settings)
        except (ClawSocketError, OSError) as error:
            logger.warning(
                "the hooks could not be installed: %s; claw-socket install may do what a service must not", error
            )
            return
        for change in changes:
            if change.action != "unchanged":
                logger.info("hooks installed in %s", change.path)

    def _home_changed(self, folder: Path, name: str | None, created: bool) -> None:
        """The token file is the truth: a new token in it is taken at once. So is a request to forget sessions."""
        if name in (None, self.home.purge.name) and self.home.purge.exists():
            self._purging = asyncio.ensure_future(self._purge())
        if name not in (None, self.home.token.name):
            return
        try:
            found = token.load(self.home.token)
        except ClawSocketError as error:
            logger.warning("%s", error)
            return
        if found is not None and found != self.token:
            self.token = found
            logger.info("the token was rotated; clients have to connect again")
            self.server.rotate_token()


def _examine(home: Home) -> list[Finding]:
    from clawsocket.doctor.examine import examine  # hardly ever needed, and it brings a lot along

    return [
        Finding(check=one.check, level=one.level, what=one.what, mend=one.mend, fixable=one.fix is not None)
        for one in examine(home)
    ]


async def serve(settings: Settings, home: Home) -> None:
    """Run the service until SIGINT or SIGTERM."""
    app = App(settings, home)
    supervisor = Supervisor(app.status)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    starting = loop.create_task(app.start())

    def stop() -> None:
        stopped.set()
        starting.cancel()  # what still waits in the spool waits for the next run

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        await asyncio.wait([starting])
        if not starting.cancelled():
            await starting
            supervisor.ready()
        await stopped.wait()
        logger.info("stopping")
    finally:
        supervisor.stopping()
        await app.stop()
