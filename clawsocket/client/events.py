"""A stream of events that outlives its connections."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, NamedTuple, Self

import msgspec

from clawsocket.client import incoming
from clawsocket.client.address import Address
from clawsocket.client.incoming import Event
from clawsocket.client.link import Link, Patience, dial
from clawsocket.errors import ClawSocketError, RequestError
from clawsocket.protocol.messages import Subscribe
from clawsocket.protocol.replies import Gap, Snapshot

REMEMBERED = 50_000
"""How many of the newest events are remembered by their ``id``. What a server sends again after a crash is what it sent
and had not yet on disk: a few hundredths of a second."""

logger = logging.getLogger(__name__)


class Position(NamedTuple):
    """A place in a server's log: the ``seq`` of the last event that one has, and the ``epoch`` that names the log."""

    seq: int
    epoch: str | None = None


OLDEST = Position(0)
"""The place before the first event that is kept."""


class Lost(NamedTuple):
    """There is no connection; it is tried again until there is."""

    error: ClawSocketError


class Back(NamedTuple):
    """There is one again, and the stream goes on where it was. ``snapshot`` tells how everything is now."""

    snapshot: Snapshot


Notice = Gap | Lost | Back
"""What a stream tells of itself. Only a :class:`Gap` means that events are missing; it comes where they would be."""


class Events:
    """Events as they happen, each once, in order, over restarts of the server; made by :meth:`Claw.events`.

    It has a connection of its own and reads only what is asked of it, so a reader may take its time: the server keeps
    its place. Use it with ``async for``; ``async with`` opens it at once and closes it at the end. One that nobody
    refers to any more, as where a loop over it was left, ends by itself.

    Attributes:
        position: the place in the log up to which events were given; None before it is open.
        closed: whether it has ended.
    """

    def __init__(
        self,
        find: Callable[[], Address],
        subscribe: Subscribe,
        since: Position | None,
        notice: Callable[[Notice], None] | None,
    ) -> None:
        """Wait to be opened.

        Args:
            find: tells where the server is now.
            subscribe: what to ask for, but for the place to begin at.
            since: the place to begin at; None for now.
            notice: is told what the stream has to tell of itself; it is logged by default.
        """
        self._find, self._subscribe, self._notice = find, subscribe, notice or log_notice
        self.position = since
        self._link: Link | None = None
        self._opening = asyncio.Lock()
        self._patience = Patience()
        self._batch: deque[msgspec.Raw] = deque()
        self._known: set[Any] = set()
        self._order: deque[Any] = deque()
        self._is_lost = False
        self.closed = False

    def __del__(self) -> None:
        if self._link is not None:
            self._link.abandon()

    @property
    def snapshot(self) -> Snapshot:
        """All sessions and agents as they were when the stream was opened, or came back last.

        Raises:
            RuntimeError: it is not open.
        """
        if self._link is None:
            raise RuntimeError("the stream is not open; open it with: async with claw.events(...) as events")
        return self._link.snapshot

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self.closed:
            if self._link is None:
                await self.open()
            if self._link is None:
                break  # it was closed meanwhile
            try:
                message = self._batch.popleft() if self._batch else await self._link.receive()
                event = self._take(message, self._link)
            except ClawSocketError as error:
                await self._lose(error)
                continue
            if event is not None:
                return event
        raise StopAsyncIteration

    async def open(self) -> None:
        """Connect, as often as it takes; a stream that is closed meanwhile stays closed.

        Raises:
            TokenRefusedError: the server refuses the token.
        """
        async with self._opening:
            while self._link is None and not self.closed:
                try:
                    link = await dial(self._find())
                    await self._begin(link)
                except ClawSocketError as error:
                    await self._lose(error)

    async def close(self) -> None:
        """End the stream."""
        self.closed = True
        await self._drop()

    async def _drop(self) -> None:
        link, self._link = self._link, None
        self._batch.clear()
        if link is not None:
            await link.close()

    async def _begin(self, link: Link) -> None:
        """Ask a new connection for what comes after the position."""
        try:
            if self.position is None:
                self.position = Position(link.head_seq, link.epoch)
            seq, epoch = self.position
            await link.send(msgspec.structs.replace(self._subscribe, since_seq=seq, epoch=epoch))
        except BaseException:
            await link.close()
            raise
        if self.closed:
            await link.close()
            return
        self._link = link
        self._patience.connected()
        if self._is_lost:
            self._is_lost = False
            self._notice(Back(link.snapshot))

    async def _lose(self, error: ClawSocketError) -> None:
        await self._drop()
        if self.closed:
            return
        pause = self._patience.pause(error)
        if not self._is_lost:
            self._is_lost = True
            self._notice(Lost(error))
        await asyncio.sleep(pause)

    def _take(self, message: str | bytes | msgspec.Raw, link: Link) -> Event | None:
        head = incoming.head(message)
        if head.seq is not None:
            self._patience.worked()
            event, known_by = incoming.event(message)
            is_whole = incoming.alias_of(event) not in self._subscribe.topics  # else a part of it is yet to come
            self.position = Position(head.seq if is_whole else head.seq - 1, link.epoch)
            return event if self._is_new(known_by) else None
        if head.type == "events":
            self._batch.extend(incoming.batch(message).events)
        elif head.type == "gap":
            gap = incoming.reply(message, Gap)
            self.position = Position(gap.to, link.epoch)
            self._notice(gap)
        elif head.type == "bookmark":
            self.position = Position(incoming.bookmark(message).head_seq, link.epoch)
        elif head.type == "error":
            error = incoming.error(message)
            raise RequestError(error.error, error.message)
        return None

    def _is_new(self, known_by: Any) -> bool:
        if known_by in self._known:
            return False
        self._known.add(known_by)
        self._order.append(known_by)
        if len(self._order) > REMEMBERED:
            self._known.discard(self._order.popleft())
        return True


def log_notice(notice: Notice) -> None:
    """Log what a stream has to tell of itself, where nobody asks for it."""
    if isinstance(notice, Gap):
        logger.warning("events %d to %d are missing: %s", notice.from_, notice.to, notice.reason)
    elif isinstance(notice, Lost):
        logger.info("%s", notice.error)
