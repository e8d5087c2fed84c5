"""The stream is exact: whatever is appended, asked for and set back, just the right events come, in order."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from clawsocket.log import fanout
from clawsocket.server import requests
from tests.server.harness import Client, Message, Rig, running, session, status

TYPES = ("session.renamed", "cwd.changed")
SESSIONS = ("a", "b")

appends = st.tuples(st.just("append"), st.sampled_from(TYPES), st.sampled_from(SESSIONS))
subscribes = st.tuples(
    st.just("subscribe"), st.sampled_from((*TYPES, "*", "session.*")), st.sampled_from((None, *SESSIONS))
)
unsubscribes = st.tuples(st.just("unsubscribe"), st.sampled_from((*TYPES, "*", "session.*")), st.none())
replays = st.tuples(st.just("replay"), st.integers(0, 30), st.none())
resumes = st.tuples(st.just("resume"), st.integers(0, 30), st.sampled_from((*TYPES, "*")))
pauses = st.tuples(st.just("pause"), st.none(), st.none())
steps = st.one_of(appends, appends, subscribes, unsubscribes, replays, resumes, pauses)


class Model:
    """What a client should get: the plain truth, without any cleverness."""

    def __init__(self, first: int) -> None:
        self.events: list[tuple[int, str, str]] = []
        self.topics: dict[str, str | None] = {}
        self.expected: list[int] = []
        self.first = first

    def wants(self, type: str, session: str) -> bool:
        return any(
            (topic in ("*", type) or (topic == "session.*" and type.startswith("session.")))
            and wanted in (None, session)
            for topic, wanted in self.topics.items()
        )

    def append(self, seq: int, type: str, session: str) -> None:
        self.events.append((seq, type, session))
        self.expected += [seq] if self.wants(type, session) else []

    def rewind(self, after: int) -> None:
        self.expected += [seq for seq, type, session in self.events if seq > after and self.wants(type, session)]


async def play(rig: Rig, client: Client, model: Model, script: list[tuple[str, object, object]]) -> None:
    for action, one, two in script:
        if action == "append":
            model.append(rig.append(str(one), str(two), name="x"), str(one), str(two))
            continue
        if action == "pause":
            await asyncio.sleep(0)
            continue
        await step(rig, client, model, action, one, two)


async def step(rig: Rig, client: Client, model: Model, action: str, one: object, two: object) -> None:
    after = model.first + int(one) if isinstance(one, int) else 0
    extra = {} if two is None else {"sessionId": two}
    if action == "subscribe":
        model.topics[str(one)] = None if two is None else str(two)
        await client.send("subscribe", topics=[one], **extra)
    elif action == "unsubscribe":
        model.topics.pop(str(one), None)
        await client.send("unsubscribe", topics=[one])
    elif action == "replay":
        await client.send("replay", lastSeq=after)
        model.rewind(after)
    else:
        after = min(after, rig.log.head)
        model.topics[str(two)] = None
        await client.send("subscribe", topics=[two], sinceSeq=after)
        model.rewind(after)
    await settled(client)


async def settled(client: Client) -> None:
    """Wait until the server has done what it was asked, as the order of things is what is looked at."""
    await client.send("get_session_list", id="settled")
    while (message := await client.receive()).get("id") != "settled":
        heard(client, message)


def heard(client: Client, message: Message) -> None:
    if message["type"] == "events":
        client.seen += [event["seq"] for event in message["events"]]
    elif "seq" in message:
        client.seen.append(message["seq"])


@settings(max_examples=60)
@given(st.lists(steps, max_size=40), st.sampled_from((None, 0, 2, 10_000)))
async def test_any_interleaving_gives_exactly_what_was_asked_for(
    script: list[tuple[str, object, object]], batch: int | None
) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(requests, "REWIND_INTERVAL", 0.0)
        async with running(Path(folder), message_rate=1000) as rig, rig.client() as client:
            model = Model(rig.log.head)
            if batch is not None:
                await client.send("subscribe", topics=["none"], batchMs=batch)
            await play(rig, client, model, script)
            await settled(client)
            assert client.seen == model.expected, "and an answer comes after all that was before it"


async def test_a_snapshot_stands_exactly_at_its_seq(rig: Rig) -> None:
    """The state is that at ``headSeq``: all events up to it came before, and none after it."""
    rig.server._hub.backend.snapshot = lambda: ([replace(session(), since=rig.log.head)], [])
    busy = asyncio.create_task(keep_appending(rig))
    async with rig.client("*", close_timeout=0) as client:
        last = (await client.receive())["seq"]
        for number in range(20):
            await client.send("get_snapshot", id=number)
            while (message := await client.receive())["type"] != "snapshot":
                assert message["seq"] == last + 1
                last = message["seq"]
            assert (message["id"], message["headSeq"], message["sessions"][0]["since"]) == (number, last, last)
    busy.cancel()


async def keep_appending(rig: Rig) -> None:
    while True:
        for _ in range(7):
            rig.append(name="x" * 3000)
        await asyncio.sleep(0)


async def test_however_short_a_round_everyone_has_a_turn(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "ROUND", 0.0)
    monkeypatch.setattr(rig.server._hub.fanout, "slice_bytes", 1000)
    seqs = [rig.append(name="x" * 300) for _ in range(50)]
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(rig.client("session.*", f"t{number}")) for number in range(5)]
        for client in clients:
            await client.send("replay", lastSeq=0)
        live = rig.append()
        for client in clients:
            got = [(await client.receive())["seq"] for _ in range(51)]
            assert sorted({*got}) == [*seqs, live]
    assert status(await rig.http(rig.get())) == 200


async def test_a_lagging_client_gets_its_snapshot_in_its_place(rig: Rig) -> None:
    async with rig.client("*", max_queue=1) as client:
        before = [rig.append(name="x" * 50_000) for _ in range(301)]
        connection = await rig.stuck()
        await client.send("get_snapshot")
        async with asyncio.timeout(10):
            while connection.cursor.barrier is None:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0)
        after = [rig.append(name="y") for _ in range(3)]
        got = [await client.receive() for _ in range(len(before) + 1 + len(after))]
    assert [message.get("seq", "snapshot") for message in got] == [*before, "snapshot", *after]
    assert got[len(before)]["headSeq"] == before[-1]
