"""A thread that does one thing after the other, for a loop that must not wait."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Job(Generic[T]):
    """What a worker is to do, and what came of it.

    Attributes:
        done: whether it is over; then ``problem`` is what it raised, or ``result`` what it returned.
    """

    __slots__ = ("_then", "do", "done", "problem", "result")

    result: T

    def __init__(self, do: Callable[[], T]) -> None:
        """Take what is to be done."""
        self.do = do
        self.done = False
        self.problem: BaseException | None = None
        self._then: Callable[[], object] | None = None

    def then(self, wake: Callable[[], object]) -> None:
        """Call ``wake`` in the worker's thread once it is done, or now if it is: perhaps twice."""
        self._then = wake
        if self.done:
            self._then = None
            wake()

    def run(self) -> None:
        """Do it."""
        try:
            self.result = self.do()
        except BaseException as error:  # noqa: BLE001 - whoever asked gets it
            self.problem = error
        self.done = True
        then, self._then = self._then, None
        if then is not None:
            then()
        # Neither what is called in the end nor a traceback may lead back here: all that was to be written, or was read,
        # would wait for the garbage collector, which comes by the number of objects, and not by their size.
        del self, then


class Worker:
    """The thread. An executor does the same; measured with a commit 25 times a second it costs three times as much."""

    def __init__(self, name: str) -> None:
        """Start it.

        Args:
            name: for whoever looks at the process.
        """
        self._jobs: SimpleQueue[Job[Any] | None] = SimpleQueue()
        self._thread = Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def post(self, do: Callable[[], T]) -> Job[T]:
        """Do something when what was asked for before is done, and wake nobody."""
        job = Job(do)
        self._jobs.put(job)
        return job

    def run(self, do: Callable[[], T]) -> asyncio.Future[T]:
        """Do something when what was asked for before is done; call it on the loop.

        Returns:
            What it returns, or raises.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        job = self.post(do)
        job.then(partial(wake, loop, partial(_tell, done, job)))
        return done

    def stop(self) -> None:
        """Wait until all is done, and end the thread."""
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.run()
            del job


def wake(loop: asyncio.AbstractEventLoop, call: Callable[[], object]) -> None:
    """Call something on a loop, from another thread; nothing if the loop is closed: nobody asks any more."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call)


def _tell(done: asyncio.Future[T], job: Job[T]) -> None:
    if done.done():
        return  # nobody waits any more
    if job.problem is None:
        done.set_result(job.result)
    else:
        done.set_exception(job.problem)
