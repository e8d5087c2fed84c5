"""Every client stays with a service that is restarted all the time, and away for half a minute."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from clawsocket.client import OLDEST, Back, Event, Lost, Notice, connect
from clawsocket.client.blocking import connect as connect_blocking
from tests.client_js.followers import InChromium, programs
from tests.support.restless import LAST, Follower, Program, Restless, Seen
from tests.support.service import ROOT, environment

ENDS = [signal.SIGTERM, signal.SIGKILL] * 10
OUTAGE = 30.0


class Async(Follower):
    """The client of Python."""

    def __init__(self) -> None:
        super().__init__("the client")
        self.notices: list[Notice] = []

    def read(self) -> None:
        asyncio.run(self._read())

    async def _read(self) -> None:
        async with connect() as claw:
            async for event in claw.events(since=OLDEST, notice=self.notices.append):
                self.seen.append(_seen(event))
                if event.type == LAST:
                    return


class Blocking(Follower):
    """The client of Python, without asyncio."""

    def __init__(self) -> None:
        super().__init__("the blocking client")

    def read(self) -> None:
        with connect_blocking() as claw:
            for event in claw.events(since=OLDEST):
                self.seen.append(_seen(event))
                if event.type == LAST:
                    return


def _seen(event: Event) -> Seen:
    assert event.seq is not None
    number = int(event.data["message"]) if event.type == "hook.notification" else None
    return Seen(event.id, event.seq, event.type, number)


@contextmanager
def reading(follower: Async | Blocking) -> Iterator[None]:
    """Let one read in a thread of its own, for a with block."""
    thread = threading.Thread(target=follower.read, daemon=True)
    thread.start()
    yield
    thread.join(10)


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.timeout(300)
def test_over_20_restarts_and_an_outage_every_client_is_given_every_event_exactly_once(home: Path) -> None:
    client, blocking = Async(), Blocking()
    tail = [sys.executable, "-m", "clawsocket", "tail", "*", "--json", "--since", "1h"]
    with Restless(home, ENDS, OUTAGE) as restless, ExitStack() as stack:
        stack.enter_context(reading(client))
        stack.enter_context(reading(blocking))
        env = {**environment(home), "PYTHONPATH": str(ROOT)}
        run = [Program("tail", tail, env), *programs(home, env)]
        followers = [client, blocking, *map(stack.enter_context, run)]
        followers.append(stack.enter_context(InChromium(restless.service)))
        restless.run(followers)
        assert restless.problems(followers) == []
        assert restless.fed > 3000
        assert Counter(type(one) for one in client.notices) == {Lost: 20, Back: 20}
        first, *others = ([one.id for one in follower.seen] for follower in followers)
        assert all(one == first for one in others)
