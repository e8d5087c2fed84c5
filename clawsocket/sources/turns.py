"""Work in turns: the loop is never held for long, however much there is to do."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable
from time import perf_counter
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)

TURN = 0.008
"""Seconds of one turn."""

PAUSE = 0.005
"""Seconds between two looks whether there is room for more."""


class Turns(Generic[T]):
    """Does something with each of many things, in the order they came, some in each turn of the loop.

    Args:
        do: takes a thing; what it raises costs only this one, and goes to the loop's exception handler.

    Attributes:
        has_room: tells whether more can be done now. By default it always can.
    """

    def __init__(self, do: Callable[[T], object]) -> None:
        self._do = do
        self.has_room: Callable[[], bool] = lambda: True
        self._waiting: OrderedDict[T, None] = OrderedDict()
        self._turn: asyncio.Handle | None = None
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def idle(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting

    def __contains__(self, thing: T) -> bool:
        return thing in self._waiting

    def add(self, thing: T) -> None:
        """Let a thing wait for its turn; one that waits already keeps its place."""
        self._waiting.setdefault(thing)
        self._idle.clear()
        self._later()

    async def done(self) -> None:
        """Wait until nothing waits."""
        await self._idle.wait()

    def discard(self, thing: T) -> None:
        """Do nothing with a thing after all."""
        self._waiting.pop(thing, None)

    def close(self) -> None:
        """Do nothing more."""
        self._waiting.clear()
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        self._idle.set()

    def _later(self) -> None:
        if self._turn is None:
            loop = asyncio.get_running_loop()
            self._turn = loop.call_soon(self._take_turn) if self.has_room() else loop.call_later(PAUSE, self._take_turn)

    def _take_turn(self) -> None:
        self._turn = None
        deadline = perf_counter() + TURN
        try:
            while self._waiting and perf_counter() < deadline and self.has_room():
                thing, _ = self._waiting.popitem(last=False)
                self._do(thing)
        finally:
            if self._waiting:
                self._later()
            else:
                self._idle.set()
