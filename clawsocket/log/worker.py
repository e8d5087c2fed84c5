"""A thread that does one thing after the other, for a loop that must not wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")

_Job = tuple[asyncio.AbstractEventLoop, "asyncio.Future[Any]", Callable[[], Any]]


class Worker:
    """The thread. An executor does the same; measured with a commit 25 times a second it costs three times as much."""

    def __init__(self, name: str) -> None:
        """Start it.

        Args:
            name: for whoever looks at the process.
        """
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread = Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def run(self, do: Callable[[], T]) -> asyncio.Future[T]:
        """Do something when what was asked for before is done; call it on the loop.

        Returns:
            What it returns, or raises.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._jobs.put((loop, done, do))
        return done

    def stop(self) -> None:
        """Wait until all is done, and end the thread."""
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            loop, done, do = job
            result, problem = None, None
            try:
                result = do()
            except BaseException as error:  # noqa: BLE001 - whoever asked gets it
                problem = error
            try:
                loop.call_soon_threadsafe(_tell, done, result, problem)
            except RuntimeError:
                return  # the loop is closed: nobody asks any more
            del job, done, do, result, problem


def _tell(done: asyncio.Future[Any], result: Any, problem: BaseException | None) -> None:
    if done.done():
        return  # nobody waits any more
    if problem is None:
        done.set_result(result)
    else:
        done.set_exception(problem)
