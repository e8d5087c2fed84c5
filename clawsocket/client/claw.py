"""The door to a server: events, and questions about how everything is."""

from __future__ import annotations

import asyncio
import itertools
import weakref
from collections.abc import AsyncGenerator, Callable, Iterable
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar, overload

import msgspec

from clawsocket.client import address, agent_log, incoming
from clawsocket.client.events import Events, Notice, Position, log_notice
from clawsocket.client.link import Link, Patience, dial
from clawsocket.errors import ClientClosedError, NoServerError, RequestError, TokenRefusedError
from clawsocket.protocol import messages, replies
from clawsocket.protocol.models import Finding, SessionInfo, SessionUsage, TotalUsage

PACE = 0.2
"""Seconds between two snapshots of :meth:`Claw.watch`, at least: how fast anyone can look, and a server need answer."""

T = TypeVar("T")


def connect(url: str | None = None, *, token: str | None = None, wait: bool = False) -> Claw:
    """Return a client, for ``async with``.

    Without arguments it finds the server of this user by itself, by ``~/.claw-socket/endpoint``: over its Unix socket
    where there is one, else by its URL with the token in ``~/.claw-socket/token``. Later, whatever is asked of a server
    that is gone waits until it is back; ``asyncio.timeout()`` bounds it.

    Args:
        url: another server: ``ws://HOST:PORT`` or ``wss://…``.
        token: its token; a server on this machine needs none to be given.
        wait: wait for a server that does not run yet, instead of raising an error.
    """
    return Claw(partial(address.find, url, token), wait=wait)


class Claw:
    """A client of a server; made by :func:`connect`."""

    def __init__(self, find: Callable[[], address.Address], *, wait: bool) -> None:
        """Wait to be entered.

        Args:
            find: tells where the server is now.
            wait: whether the server need not be there yet.
        """
        self._find, self._wait = find, wait
        self._link: Link | None = None
        self._turn = asyncio.Lock()
        self._ids = itertools.count(1)
        self._streams: weakref.WeakSet[Events] = weakref.WeakSet()
        self._links: weakref.WeakSet[Link] = weakref.WeakSet()
        self._is_closed = False

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            NoServerError: no server answers.
            TokenRefusedError: it refuses the token.
        """
        if not self._wait:
            self._link = await self._dial()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_closed = True
        await asyncio.gather(*(stream.close() for stream in self._streams), *(link.close() for link in self._links))

    def events(
        self,
        *topics: str,
        session: str | Iterable[str] | None = None,
        since: Position | None = None,
        batch: int | None = None,
        notice: Callable[[Notice], None] | None = None,
    ) -> Events:
        """Return a stream of events, to be read with ``async for``.

        Args:
            topics: patterns such as ``tool.*``; none is everything.
            session: the ids of the sessions that are wanted; None for all.
            since: where to begin, as :attr:`Events.position` told it; ``OLDEST`` for all that is kept; None for now.
            batch: ms that an event may wait for those that follow, so that they come in one message: where much happens
                that is less work. What comes alone comes at once. None for each by itself.
            notice: called with each :class:`Gap`, :class:`Lost` and :class:`Back`, in its place among the events.
        """
        sessions = session if isinstance(session, str) or session is None else list(session)
        subscribe = messages.Subscribe(topics=list(topics) or ["*"], session_id=sessions, batch_ms=batch)
        stream = Events(self._find, subscribe, since, notice)
        stream.closed = self._is_closed
        self._streams.add(stream)
        return stream

    async def watch(self, notice: Callable[[Notice], None] | None = None) -> AsyncGenerator[replies.Snapshot, None]:
        """Yield all sessions and agents as they are, now and whenever something about them changed.

        Args:
            notice: as for :meth:`events`.
        """
        changed = asyncio.Event()

        def noticed(told: Notice) -> None:
            changed.set()
            if notice is not None:
                notice(told)

        async def read(events: Events) -> None:
            async for _ in events:
                changed.set()

        async with self.events("session.*", "agent.*", "usage.*", batch=round(PACE * 1000), notice=noticed) as events:
            if events.closed:
                return
            yield events.snapshot
            reader = asyncio.create_task(read(events))
            reader.add_done_callback(lambda _: changed.set())
            try:
                while True:
                    await changed.wait()
                    changed.clear()
                    if reader.done():
                        reader.result()
                        return
                    try:
                        snapshot = await self.snapshot()
                    except ClientClosedError:
                        return
                    yield snapshot
                    await asyncio.sleep(PACE)
            finally:
                reader.cancel()
                await asyncio.wait([reader])

    def agent_log(
        self, session: str, agent: str | None = None, *, notice: Callable[[Notice], None] | None = None
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Yield each line of a transcript from now on, as Claude Code writes it.

        It has a connection of its own. Lines that are written while there is none are not told: ``notice`` hears of it.

        Args:
            session: its id.
            agent: the id of a subagent; None for the main agent.
            notice: called with each :class:`Lost` and :class:`Back`.
        """
        subscribe = messages.SubscribeAgentLog(session_id=session, agent_id=agent)
        return agent_log.follow(self._dial, lambda: self._is_closed, subscribe, notice or log_notice)

    # Questions

    async def snapshot(self) -> replies.Snapshot:
        """Return all sessions and agents as they are."""
        return await self._ask(messages.GetSnapshot(), replies.Snapshot)

    async def sessions(self, *, all: bool = False) -> list[SessionInfo]:
        """Return the sessions; with ``all`` those that ended too."""
        return (await self._ask(messages.GetSessionList(all=all), replies.SessionList)).sessions

    @overload
    async def usage(self, session: str) -> SessionUsage: ...

    @overload
    async def usage(self, session: None = None) -> TotalUsage: ...

    async def usage(self, session: str | None = None) -> SessionUsage | TotalUsage:
        """Return what a session used, or all of them."""
        if session is None:
            return await self._ask(messages.GetUsage(), replies.TotalUsageReply)
        return await self._ask(messages.GetUsage(session_id=session), replies.SessionUsageReply)

    async def usage_report(self, *by: messages.UsagePart, since: str | None = None) -> replies.UsageReport:
        """Return what all transcripts say was spent, also before the service was there.

        The first report reads everything and may take minutes, in which this client answers nothing else.

        Args:
            by: what to sum up by, such as ``"day", "model"``: each row has these parts. By day if it is not given.
            since: the first day, as 2026-11-01; None: all of them.

        Raises:
            RequestError: the report is too long, or could not be made.
        """
        message = messages.GetUsageReport(by=list(by) or ["day"], since=since)
        return await self._ask(message, replies.UsageReport)

    async def status(self) -> replies.ServiceStatus:
        """Return how the service itself is."""
        return await self._ask(messages.GetStatus(), replies.ServiceStatus)

    async def findings(self) -> list[Finding]:
        """Return what ``claw-socket doctor`` finds; it takes a few seconds."""
        return (await self._ask(messages.GetFindings(), replies.Findings)).findings

    async def history(
        self, session: str, *, limit: int = 1000, before: str | None = None, all: bool = False
    ) -> list[incoming.Event]:
        """Return the last events of a session, oldest first, also of one that ended.

        Args:
            session: its id.
            limit: how many, at most.
            before: the id of the event to end before.
            all: also what no transcript tells: states, questions for permission, the session's beginning and end.
        """
        ask = messages.GetSessionHistory(session_id=session, limit=limit, before=before, all=all)
        found = (await self._ask(ask, _History)).events
        return [incoming.event(raw)[0] for raw in found]

    async def _ask(self, message: messages.ClientMessage, kind: type[T]) -> T:
        """Send a message and return its reply; over another connection if this one is lost meanwhile.

        Raises:
            RequestError: the server does not want to answer.
            TokenRefusedError: it refuses the token.
            ClientClosedError: this client was left.
        """
        patience = Patience()
        async with self._turn:
            while not self._is_closed:
                try:
                    if self._link is None:
                        self._link = await self._dial()
                        patience.connected()
                    message.id = next(self._ids)
                    await self._link.send(message)
                    return incoming.reply(await self._reply(self._link, message.id), kind)
                except asyncio.CancelledError:
                    await self._drop()  # the server goes on with the question for as long as somebody is there
                    raise
                except (NoServerError, TokenRefusedError) as error:
                    await self._drop()
                    await asyncio.sleep(patience.pause(error))
            raise ClientClosedError

    async def _dial(self) -> Link:
        """Return a new connection, which ends with this client.

        Raises:
            ClientClosedError: it was left meanwhile.
        """
        link = await dial(self._find())
        if self._is_closed:
            await link.close()
            raise ClientClosedError
        self._links.add(link)
        return link

    async def _reply(self, link: Link, id: int) -> str | bytes:
        while True:
            message = await link.receive()
            head = incoming.head(message)
            if head.id == id and head.type == "error":
                error = incoming.error(message)
                raise RequestError(error.error, error.message)
            if head.id == id:
                return message

    async def _drop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()


class _History(replies.Reply, tag="session_history", kw_only=True):
    events: list[msgspec.Raw]
