"""The same client for programs without asyncio: ``with connect() as claw: for event in claw.events("tool.*")``.

A thread of its own keeps the connections, so the program may take its time between two events. Where the ``with`` block
is left while other threads read or ask, what they read ends, and what they asked raises a ``ClientClosedError``.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Any, Self, TypeVar, overload

from clawsocket import client
from clawsocket.client import Event, Notice, Position
from clawsocket.errors import ClientClosedError
from clawsocket.protocol.messages import UsagePart
from clawsocket.protocol.models import Finding, SessionInfo, SessionUsage, TotalUsage
from clawsocket.protocol.replies import ServiceStatus, Snapshot, UsageReport

T = TypeVar("T")
UNOPENED = "the client is not open; open it with: with connect() as claw"


def connect(url: str | None = None, *, token: str | None = None, wait: bool = False) -> Claw:
    """Return a client for ``with``; see :func:`clawsocket.client.connect`."""
    return Claw(url, token, wait=wait)


class Claw:
    """A client of a server; each method as that of :class:`clawsocket.client.Claw`, and what it raises."""

    def __init__(self, url: str | None, token: str | None, *, wait: bool) -> None:
        """Wait to be entered."""
        self._claw = client.connect(url, token=token, wait=wait)
        self._loop = asyncio.new_event_loop()
        self._stack = ExitStack()
        self._turn = threading.Lock()
        self._is_entered = self._is_closed = False

    def __enter__(self) -> Self:
        self._is_entered = True
        thread = threading.Thread(target=self._run, name="claw-socket-client", daemon=True)
        thread.start()
        with ExitStack() as stack:
            stack.callback(thread.join)
            stack.callback(self._stop)
            self._do(self._claw.__aenter__())
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def events(
        self,
        *topics: str,
        session: str | Iterable[str] | None = None,
        since: Position | None = None,
        batch: int | None = None,
        notice: Callable[[Notice], None] | None = None,
    ) -> Events:
        """Return a stream of events, to be read with ``for``; ``notice`` is called in the client's thread."""
        events = self._claw.events(*topics, session=session, since=since, batch=batch, notice=notice)
        return Events(self._do, events)

    def watch(self, notice: Callable[[Notice], None] | None = None) -> Iterator[Snapshot]:
        """Yield all sessions and agents as they are, now and whenever something about them changed."""
        return self._each(self._claw.watch(notice))

    def agent_log(
        self, session: str, agent: str | None = None, *, notice: Callable[[Notice], None] | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield each line of a transcript from now on, as Claude Code writes it."""
        return self._each(self._claw.agent_log(session, agent, notice=notice))

    def snapshot(self) -> Snapshot:
        """Return all sessions and agents as they are."""
        return self._do(self._claw.snapshot())

    def sessions(self, *, all: bool = False) -> list[SessionInfo]:
        """Return the sessions; with ``all`` those that ended too."""
        return self._do(self._claw.sessions(all=all))

    @overload
    def usage(self, session: str) -> SessionUsage: ...

    @overload
    def usage(self, session: None = None) -> TotalUsage: ...

    def usage(self, session: str | None = None) -> SessionUsage | TotalUsage:
        """Return what a session used, or all of them."""
        if session is None:
            return self._do(self._claw.usage())
        return self._do(self._claw.usage(session))

    def usage_report(self, *by: UsagePart, since: str | None = None) -> UsageReport:
        """Return what all transcripts say was spent, summed up by one or more parts."""
        return self._do(self._claw.usage_report(*by, since=since))

    def status(self) -> ServiceStatus:
        """Return how the service itself is."""
        return self._do(self._claw.status())

    def findings(self) -> list[Finding]:
        """Return what ``claw-socket doctor`` finds; it takes a few seconds."""
        return self._do(self._claw.findings())

    def history(self, session: str, *, limit: int = 1000, before: str | None = None, all: bool = False) -> list[Event]:
        """Return the last events of a session, oldest first."""
        return self._do(self._claw.history(session, limit=limit, before=before, all=all))

    def _run(self) -> None:
        self._loop.run_forever()
        self._loop.run_until_complete(self._end())
        self._loop.close()

    def _stop(self) -> None:
        """Begin nothing from now on; what was begun before is in the loop already, and ends with it."""
        with self._turn:
            self._is_closed = True
            self._loop.call_soon_threadsafe(self._loop.stop)

    async def _end(self) -> None:
        """End what still runs in the loop, as some thread may wait for it, and close what is open."""
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        if others:
            await asyncio.wait(others)
        await self._claw.__aexit__(None, None, None)
        await self._loop.shutdown_asyncgens()

    def _each(self, what: AsyncGenerator[T, None]) -> Iterator[T]:
        turn = asyncio.Lock()  # what Ctrl-C interrupts may take a moment to end
        try:
            with suppress(ClientClosedError):
                while (one := self._do(_next(turn, what))) is not None:
                    yield one
        finally:
            with suppress(ClientClosedError):
                self._do(_close(turn, what))

    def _do(self, what: Coroutine[Any, Any, T]) -> T:
        with self._turn:
            if self._is_closed or not self._is_entered:
                what.close()
                raise ClientClosedError if self._is_closed else RuntimeError(UNOPENED)
            future = asyncio.run_coroutine_threadsafe(what, self._loop)
        return _result(future)


class Events:
    """Events as they happen; see :class:`clawsocket.client.Events`."""

    def __init__(self, do: Callable[[Coroutine[Any, Any, Any]], Any], events: client.Events) -> None:
        """Read from a stream in the client's thread."""
        self._do, self._events = do, events

    @property
    def position(self) -> Position | None:
        """The place in the log up to which events were given; None before it is open."""
        return self._events.position

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._events.closed

    @property
    def snapshot(self) -> Snapshot:
        """All sessions and agents as they were when the stream was opened, or came back last."""
        return self._events.snapshot

    def __enter__(self) -> Self:
        self._do(self._events.open())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        event: Event | None = None
        with suppress(ClientClosedError):
            event = self._do(_or_none(self._events))
        if event is None:
            raise StopIteration
        return event

    def close(self) -> None:
        """End the stream."""
        with suppress(ClientClosedError):
            self._do(self._events.close())


async def _next(turn: asyncio.Lock, what: AsyncGenerator[T, None]) -> T | None:
    async with turn:
        return await _or_none(what)


async def _close(turn: asyncio.Lock, what: AsyncGenerator[T, None]) -> None:
    async with turn:
        await what.aclose()


async def _or_none(iterator: AsyncIterator[T]) -> T | None:
    return await anext(iterator, None)


def _result(future: Future[T]) -> T:
    try:
        return future.result()
    except CancelledError:
        raise ClientClosedError from None
    except BaseException:  # Ctrl-C, too
        future.cancel()
        raise
