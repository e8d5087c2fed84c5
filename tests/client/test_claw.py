"""A client of a server that does as it is told: what the real one does seldom, or only after a while."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from clawsocket.client import Notice, connect
from clawsocket.errors import ClientClosedError
from tests.client.test_events import SERVER, SNAPSHOT

Talk = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def talking(talk: Talk) -> AsyncIterator[str]:
    """A server that talks with each client, for as long as ten seconds; yields its URL."""
    async with serve(talk, "127.0.0.1", 0) as server, asyncio.timeout(10):
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/"


async def greet(client: ServerConnection) -> None:
    await client.send(json.dumps({**SNAPSHOT, "server": SERVER}))


class Silent:
    """What a server does that answers nothing.

    Attributes:
        asked: set once it was asked something.
        clients: all that came.
    """

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.clients: list[ServerConnection] = []

    async def talk(self, client: ServerConnection) -> None:
        self.clients.append(client)
        await greet(client)
        async for _ in client:
            self.asked.set()

    async def are_gone(self) -> None:
        for client in self.clients:
            await client.wait_closed()


async def test_a_question_that_was_given_up_does_not_keep_the_next_one_waiting() -> None:
    asked: list[str] = []
    left = asyncio.Event()

    async def talk(client: ServerConnection) -> None:
        await greet(client)
        question: dict[str, Any] = json.loads(await client.recv())
        asked.append(question["type"])
        if question["type"] != "get_findings":
            await client.send(json.dumps({"type": "session_list", "sessions": [], "id": question["id"]}))
        await client.wait_closed()
        left.set()

    async with talking(talk) as url, connect(url, token="t") as claw:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await claw.findings()
        await left.wait()
        assert await claw.sessions() == []
    assert asked == ["get_findings", "get_session_list"]


async def test_leaving_a_client_ends_the_questions_that_wait() -> None:
    silent = Silent()
    async with talking(silent.talk) as url:
        async with connect(url, token="t") as claw:
            waiting = [asyncio.ensure_future(one) for one in (claw.sessions(), claw.status())]
            await silent.asked.wait()
        for one in waiting:
            with pytest.raises(ClientClosedError):
                await one
        await silent.are_gone()
    assert len(silent.clients) == 1


async def test_leaving_a_client_ends_its_agent_logs() -> None:
    silent, notices = Silent(), list[Notice]()
    async with talking(silent.talk) as url:
        async with connect(url, token="t", wait=True) as claw:
            reading = asyncio.ensure_future(anext(claw.agent_log("s", notice=notices.append), None))
            await silent.asked.wait()
        assert await reading is None
        await silent.are_gone()
    assert notices == []


async def test_a_client_that_is_left_while_it_connects_keeps_no_connection() -> None:
    came, left = asyncio.Event(), asyncio.Event()
    clients: list[ServerConnection] = []

    async def talk(client: ServerConnection) -> None:
        clients.append(client)
        came.set()
        await left.wait()
        await greet(client)
        await client.wait_closed()

    async with talking(talk) as url:
        async with connect(url, token="t", wait=True) as claw:
            asking = asyncio.ensure_future(claw.sessions())
            await came.wait()
        left.set()
        with pytest.raises(ClientClosedError):
            await asking
        await clients[0].wait_closed()


async def test_a_client_that_was_left_has_nothing_more_to_tell() -> None:
    silent = Silent()
    async with talking(silent.talk) as url:
        async with connect(url, token="t", wait=True) as claw:
            pass
        for stream in (claw.events(), claw.watch(), claw.agent_log("s")):
            assert [one async for one in stream] == []
        with pytest.raises(ClientClosedError):
            await claw.snapshot()
    assert silent.clients == []
