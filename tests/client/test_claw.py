"""Questions to a server that does as it is told: what the real one does seldom, or only after a while."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from clawsocket.client import connect
from tests.client.test_events import SERVER, SNAPSHOT


async def test_a_question_that_was_given_up_does_not_keep_the_next_one_waiting() -> None:
    asked: list[str] = []
    left = asyncio.Event()

    async def talk(client: ServerConnection) -> None:
        await client.send(json.dumps({**SNAPSHOT, "server": SERVER}))
        question: dict[str, Any] = json.loads(await client.recv())
        asked.append(question["type"])
        if question["type"] != "get_findings":
            await client.send(json.dumps({"type": "session_list", "sessions": [], "id": question["id"]}))
        await client.wait_closed()
        left.set()

    async with serve(talk, "127.0.0.1", 0) as server, asyncio.timeout(10):
        url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/"
        async with connect(url, token="t") as claw:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await claw.findings()
            await left.wait()
            assert await claw.sessions() == []
    assert asked == ["get_findings", "get_session_list"]
