"""A stream against a server that does as it is told: what the real one does seldom, or only after a minute."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from clawsocket.client import Back, Event, Gap, Lost, Notice, Position, connect, link
from clawsocket.client.link import PAUSES
from clawsocket.errors import RequestError

Json = dict[str, Any]
SNAPSHOT = {"type": "snapshot", "sessions": [], "agents": [], "headSeq": 100, "epoch": "e"}
SERVER = {"version": "0", "protocol": 1, "features": []}


def event(seq: int, id: str, **more: Any) -> Json:
    said = {"type": "session.renamed", "timestamp": 1, "sessionId": "s", "source": "server", "data": {"name": "n"}}
    return {**said, "seq": seq, "id": id, **more}


@asynccontextmanager
async def scripted(*connections: list[Json], agents: Sequence[Json] = ()) -> AsyncIterator[tuple[str, list[Json]]]:
    """A server that says something else on each connection and ends it, the last one apart.

    Args:
        connections: what it says on each.
        agents: those in its snapshots.

    Yields:
        Its URL, and what it was asked.
    """
    asked: list[Json] = []
    scripts = list(connections)

    async def talk(client: ServerConnection) -> None:
        script = scripts.pop(0)
        await client.send(json.dumps({**SNAPSHOT, "server": SERVER, "agents": agents}))
        asked.append(json.loads(await client.recv()))
        for message in script:
            await client.send(json.dumps(message))
        if not scripts:
            await client.wait_closed()

    async with serve(talk, "127.0.0.1", 0) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/", asked


async def read(url: str, count: int, notice: Callable[[Notice], None] | None = None) -> tuple[list[str], Position]:
    async with connect(url, token="t", wait=True) as claw, asyncio.timeout(10):
        events = claw.events(notice=notice)
        ids = [(await anext(events)).id for _ in range(count)]
        assert events.position is not None
        return ids, events.position


async def test_it_begins_where_the_snapshot_was_and_goes_on_after_the_last_event() -> None:
    async with scripted([event(101, "a")], [event(102, "b")]) as (url, asked):
        assert await read(url, 2) == (["a", "b"], Position(102, "e"))
    assert [(one["sinceSeq"], one["epoch"], one["topics"]) for one in asked] == [(100, "e", ["*"]), (101, "e", ["*"])]


async def test_a_bookmark_is_a_place_to_go_on_at() -> None:
    async with scripted([event(101, "a"), {"type": "bookmark", "headSeq": 150}], [event(151, "b")]) as (url, asked):
        assert (await read(url, 2))[0] == ["a", "b"]
    assert asked[1]["sinceSeq"] == 150


@pytest.mark.parametrize("reason", ["epoch", "evicted", "crash", "source"])
async def test_after_a_gap_it_goes_on_behind_it(reason: str) -> None:
    gap = {"type": "gap", "from": 101, "to": 110, "oldestSeq": 40, "reason": reason}
    notices: list[Notice] = []
    async with scripted([event(101, "a"), gap], [event(200, "b")]) as (url, asked):
        await read(url, 2, notices.append)
    assert asked[1]["sinceSeq"] == 110
    assert [one.reason for one in notices if isinstance(one, Gap)] == [reason]


async def test_words_of_a_newer_server_end_no_stream() -> None:
    gap = {"type": "gap", "from": 102, "to": 102, "oldestSeq": 40, "reason": "flood"}
    agent = {"agentId": "a", "agentType": "master", "sessionId": "s", "status": "dreaming", "startedAt": 1}
    agent |= {"lastActivityAt": 1, "toolCount": 0, "tokenCount": 0, "cwd": "/", "toolHistory": []}
    notices: list[Notice] = []
    async with scripted([event(101, "a"), gap], [event(103, "b")], agents=[agent]) as (url, _):
        await read(url, 2, notices.append)
    assert [one.reason for one in notices if isinstance(one, Gap)] == ["flood"]
    assert [one.snapshot.agents[0].status for one in notices if isinstance(one, Back)] == ["dreaming"]


async def test_of_a_batch_each_event_is_given_and_a_gap_is_told_in_its_place() -> None:
    gap = {"type": "gap", "from": 102, "to": 102, "oldestSeq": 40, "reason": "crash"}
    batch = {"type": "events", "events": [event(101, "a"), gap, event(103, "b")]}
    told: list[object] = []
    async with (
        scripted([batch, {"type": "events", "events": []}, event(104, "c")], []) as (url, asked),
        connect(url, token="t", wait=True) as claw,
        asyncio.timeout(10),
    ):
        events = claw.events(batch=50, notice=told.append)
        for _ in range(3):
            one = await anext(events)
            told.append((one.id, events.position))
    assert asked[0]["batchMs"] == 50
    assert [getattr(one, "reason", one) for one in told if not isinstance(one, Lost | Back)] == [
        ("a", (101, "e")),
        "crash",
        ("b", (103, "e")),
        ("c", (104, "e")),
    ]


async def test_what_is_left_of_a_batch_is_given_also_when_its_connection_is_gone() -> None:
    batch = {"type": "events", "events": [event(101, "a"), event(102, "b")]}
    async with scripted([batch], [event(102, "b"), event(103, "c")]) as (url, asked):
        assert await read(url, 3) == (["a", "b", "c"], Position(103, "e"))
    assert asked[0].get("batchMs") is None
    assert asked[1]["sinceSeq"] == 102


async def test_what_is_sent_again_after_a_crash_is_given_once_and_a_level_with_news_again() -> None:
    news = event(203, "l", data={"name": "new"})
    first = [event(101, "l"), event(102, "h", type="hook.stop")]
    again = [event(201, "l"), event(202, "h", type="hook.stop", data={"other": 1}), news]
    async with scripted(first, again) as (url, _):
        assert await read(url, 3) == (["l", "h", "l"], Position(203, "e"))


def result(seq: int, type: str, *, success: bool) -> Json:
    data = {"toolName": "Bash", "toolUseId": "t", "success": success, "outcome": "ok", "outputSummary": ""}
    return event(seq, f"r{seq}", type=type, data=data)


async def test_what_is_lost_between_an_event_and_its_alias_is_given_by_the_next_connection() -> None:
    topics = ("tool.result", "tool.completed")
    done, alias = result(102, "tool.result", success=True), result(102, "tool.completed", success=True)
    failed = result(101, "tool.result", success=False)
    given: list[object] = []
    async with (
        scripted([failed, done], [done, alias], []) as (url, asked),
        connect(url, token="t", wait=True) as claw,
        asyncio.timeout(10),
    ):
        events = claw.events(*topics, notice=given.append)
        for _ in range(3):
            one = await anext(events)
            given.append((one.type, one.seq, events.position))
    assert [one for one in given if not isinstance(one, Lost | Back)] == [
        ("tool.result", 101, (101, "e")),
        ("tool.result", 102, (101, "e")),
        ("tool.completed", 102, (102, "e")),
    ]
    assert [one["sinceSeq"] for one in asked[:2]] == [100, 101]


async def test_a_server_that_only_breaks_off_is_asked_less_and_less(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def noted(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    monkeypatch.setattr("clawsocket.client.events.asyncio.sleep", noted)
    async with scripted(*([] for _ in range(15)), [event(101, "a")]) as (url, asked):
        assert (await read(url, 1))[0] == ["a"]
    assert len(asked) == 16
    assert max(pauses) > PAUSES[1] / 2


async def test_an_error_reply_is_raised() -> None:
    async with scripted([{"type": "error", "error": "limit_exceeded", "message": "too many"}]) as (url, _):
        with pytest.raises(RequestError, match="too many"):
            await read(url, 1)


async def test_a_stream_that_is_closed_meanwhile_ends() -> None:
    async with scripted([]) as (url, _), connect(url, token="t", wait=True) as claw, asyncio.timeout(10):
        events = claw.events()
        await events.open()
        waiting = asyncio.ensure_future(anext(events, None))
        await asyncio.sleep(0)
        await events.close()
        assert await waiting is None
        assert [one async for one in events] == []


async def test_what_is_closed_while_the_server_is_away_ends() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        url = f"ws://127.0.0.1:{nobody.getsockname()[1]}/"
    async with asyncio.timeout(10):
        async with connect(url, token="t", wait=True) as claw:
            lost = [asyncio.Event(), asyncio.Event()]
            events = claw.events(notice=lambda _: lost[0].set())
            reading = asyncio.ensure_future(anext(events, None))
            watching = asyncio.ensure_future(anext(claw.watch(lambda _: lost[1].set()), None))
            for one in lost:
                await one.wait()
            await events.close()
            assert await reading is None
        assert await watching is None


async def test_a_stream_that_is_closed_while_it_connects_ends_and_leaves_no_connection() -> None:
    asked, closed, left = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def talk(client: ServerConnection) -> None:
        asked.set()
        await closed.wait()
        await client.send(json.dumps({**SNAPSHOT, "server": SERVER}))
        await client.wait_closed()
        left.set()

    async with serve(talk, "127.0.0.1", 0) as server, asyncio.timeout(10):
        url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/"
        async with connect(url, token="t", wait=True) as claw:
            notices: list[Notice] = []
            events = claw.events(notice=notices.append)
            reading = asyncio.ensure_future(anext(events, None))
            await asked.wait()
            await events.close()
            closed.set()
            assert await reading is None
            await left.wait()
    assert notices == []


async def test_a_stream_with_much_that_was_not_read_is_closed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "CLOSE_TIMEOUT", 60)
    script = [event(101 + number, str(number)) for number in range(1000)]
    async with scripted(script) as (url, _), connect(url, token="t", wait=True) as claw, asyncio.timeout(10):
        events = claw.events()
        await anext(events)
        await events.close()


async def test_leaving_waits_for_a_server_that_hangs_once_and_not_for_each_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(link, "CLOSE_TIMEOUT", 1)

    async def hang(client: ServerConnection) -> None:
        await client.send(json.dumps({**SNAPSHOT, "server": SERVER}))
        client.transport.pause_reading()
        await client.wait_closed()

    async with serve(hang, "127.0.0.1", 0) as server, asyncio.timeout(10):
        url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/"
        async with connect(url, token="t", wait=True) as claw:
            streams = [await claw.events().__aenter__() for _ in range(20)]
        assert all(one.closed for one in streams)


async def test_a_stream_that_is_opened_and_read_at_once_has_one_connection() -> None:
    async with (
        scripted([event(101, "a")]) as (url, asked),
        connect(url, token="t", wait=True) as claw,
        asyncio.timeout(10),
    ):
        events = claw.events()
        await asyncio.gather(events.open(), events.open())
        await anext(events)
    assert len(asked) == 1


async def test_a_reader_that_takes_its_time_keeps_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "QUIET", 0.1)
    notices: list[Notice] = []
    script = [event(101 + number, str(number)) for number in range(100)]
    async with scripted(script) as (url, asked), connect(url, token="t", wait=True) as claw, asyncio.timeout(10):
        events = claw.events(notice=notices.append)
        given = []
        for number in range(100):
            given.append((await anext(events)).id)
            await asyncio.sleep(1 if number % 90 == 0 else 0)
        with pytest.raises(TimeoutError):  # after that it is quiet, and that is no trouble either
            await asyncio.wait_for(anext(events), 1)
    assert given == [str(number) for number in range(100)]
    assert (notices, len(asked)) == ([], 1)


async def test_a_server_that_shows_no_sign_of_life_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "QUIET", 0.3)
    monkeypatch.setattr(link, "CLOSE_TIMEOUT", 0.01)
    count = 0

    async def talk(client: ServerConnection) -> None:
        nonlocal count
        count += 1
        await client.send(json.dumps({**SNAPSHOT, "server": SERVER}))
        if count == 1:
            client.transport.pause_reading()
        else:
            await client.send(json.dumps(event(101, "a")))
        await client.wait_closed()

    async with serve(talk, "127.0.0.1", 0, close_timeout=0.1) as server, asyncio.timeout(10):
        url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/"
        async with connect(url, token="t", wait=True) as claw:
            notices: list[Notice] = []
            events = claw.events(notice=notices.append)
            given: list[Event] = []
            while not given:
                with suppress(TimeoutError):  # also where the caller has no such patience
                    given.append(await asyncio.wait_for(anext(events), 0.25))
    assert [type(one) for one in notices] == [Lost, Back]


async def test_a_stream_whose_loop_was_left_leaves_no_connection() -> None:
    left = asyncio.Event()

    async def talk(client: ServerConnection) -> None:
        await client.send(json.dumps({**SNAPSHOT, "server": SERVER}))
        await client.send(json.dumps(event(101, "a")))
        await client.wait_closed()
        left.set()

    async with serve(talk, "127.0.0.1", 0) as server, asyncio.timeout(10):
        url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/"
        async with connect(url, token="t", wait=True) as claw:
            async for _ in claw.events():
                break
            await left.wait()


async def test_time_limits_of_the_caller_hold_and_the_stream_goes_on_after_them() -> None:
    async with scripted([event(101, "a")]) as (url, asked), connect(url, token="t", wait=True) as claw:
        events = claw.events()
        assert (await anext(events)).id == "a"
        for _ in range(2):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await anext(events)
    assert len(asked) == 1
