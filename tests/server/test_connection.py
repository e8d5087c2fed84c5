"""A WebSocket client: what it may send, how it is kept, how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from pathlib import Path
from typing import NamedTuple

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from clawsocket.server import connection
from tests.server.harness import Client, Message, Raw, Rig, running


class Heard(NamedTuple):
    opcode: Opcode
    data: bytes


async def next_frame(raw: Raw) -> Heard:
    """Read a frame of the server's."""
    head = await raw.reader.readexactly(2)
    size = head[1]
    if size >= 126:
        size = int.from_bytes(await raw.reader.readexactly(2 if size == 126 else 8), "big")
    return Heard(Opcode(head[0] & 15), await raw.reader.readexactly(size))


def masked(opcode: Opcode, data: bytes, fin: bool = True) -> bytes:
    """Return a frame of a client's."""
    return Frame(opcode, data, fin).serialize(mask=True)


async def shaken(rig: Rig, raw: Raw) -> None:
    """Shake hands and read the snapshot."""
    raw.write(rig.upgrade())
    await raw.reader.readuntil(b"\r\n\r\n")
    assert b"snapshot" in (await next_frame(raw)).data


async def test_binary_frames_that_hold_json_are_text(rig: Rig) -> None:
    async with rig.client() as client:
        await client.socket.send(json.dumps({"type": "get_session_list", "id": 1}).encode())
        assert (await client.receive())["id"] == 1


async def test_a_message_may_come_in_pieces(rig: Rig) -> None:
    async with rig.plain() as raw:
        await shaken(rig, raw)
        raw.write(masked(Opcode.TEXT, b'{"type":"get_ses', False) + masked(Opcode.PING, b"now"))
        raw.write(masked(Opcode.CONT, b'sion_list","id":7', False) + masked(Opcode.CONT, b"}"))
        pong = await next_frame(raw)
        assert pong == (Opcode.PONG, b"now")
        assert json.loads((await next_frame(raw)).data)["id"] == 7


@pytest.mark.parametrize("pieces", [1, 2])
async def test_a_message_over_64_kb_closes_with_1009(rig: Rig, pieces: int) -> None:
    async with rig.client() as client:
        message = json.dumps({"type": "get_session_list", "x": "y" * 65_536})
        cut = len(message) // pieces
        await client.socket.send(message if pieces == 1 else [message[:cut], message[cut:]])
        assert (await client.closed())[0] == 1009
    async with rig.client() as client:
        assert await client.silent()


async def test_a_message_of_64_kb_is_answered(rig: Rig) -> None:
    async with rig.client() as client:
        message = json.dumps({"type": "get_session_list", "x": ""})
        await client.socket.send(message[:-2] + "y" * (65_536 - len(message)) + message[-2:])
        assert (await client.receive())["type"] == "session_list"


async def test_an_unmasked_frame_is_a_protocol_error(rig: Rig) -> None:
    async with rig.plain() as raw:
        await shaken(rig, raw)
        raw.write(b"\x81\x02{}")
        close = await next_frame(raw)
        assert (close.opcode, close.data[:2]) == (Opcode.CLOSE, (1002).to_bytes(2, "big"))
        assert await raw.rest() == b""


async def test_the_clients_close_is_echoed(rig: Rig) -> None:
    async with rig.plain() as raw:
        await shaken(rig, raw)
        raw.write(masked(Opcode.CLOSE, (1000).to_bytes(2, "big") + b"bye"))
        close = await next_frame(raw)
        assert close == (Opcode.CLOSE, (1000).to_bytes(2, "big") + b"bye")
        assert await raw.rest() == b""
    await gone(rig)


async def gone(rig: Rig) -> None:
    """Wait until the server has no clients."""
    async with asyncio.timeout(10):
        while rig.server.clients or rig.server._hub.fanout.cursors:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


async def test_a_client_that_vanishes_is_forgotten(rig: Rig) -> None:
    async with rig.plain() as raw:
        await shaken(rig, raw)
        assert rig.server.clients == 1
        raw.writer.transport.abort()
        await gone(rig)


async def test_messages_over_the_rate_are_refused_and_the_third_closes_with_1008(tmp_path: Path) -> None:
    async with running(tmp_path, message_rate=5) as rig, rig.client() as client:
        for number in range(8):
            await client.send("get_session_list", id=number)
        answers = [await client.receive() for _ in range(7)]
        assert [answer["type"] for answer in answers] == ["session_list"] * 5 + ["error"] * 2
        assert [(answer["error"], answer["id"]) for answer in answers[5:]] == [("rate_limited", 5), ("rate_limited", 6)]
        assert (await client.closed())[0] == 1008


async def test_a_hundred_messages_are_within_the_default_rate(rig: Rig) -> None:
    async with rig.client() as client:
        answers = [await client.ask("get_session_list") for _ in range(101)]
        assert [answer["type"] for answer in answers] == ["session_list"] * 100 + ["error"]


async def test_a_client_that_answers_pings_is_never_closed_for_being_silent(tmp_path: Path) -> None:
    async with running(tmp_path, ping_interval=0.05, ping_timeout=0.05) as rig, rig.client() as client:
        await asyncio.sleep(0.5)
        assert await client.silent()


async def test_a_client_that_answers_no_pings_is_closed_with_1001(tmp_path: Path) -> None:
    async with running(tmp_path, ping_interval=0.05, ping_timeout=0.05) as rig, rig.plain() as raw:
        await shaken(rig, raw)
        assert (await next_frame(raw)).opcode is Opcode.PING
        close = await next_frame(raw)
        assert (close.opcode, close.data[:2]) == (Opcode.CLOSE, (1001).to_bytes(2, "big"))


async def test_a_ping_that_waits_behind_what_the_client_is_busy_taking_is_waited_for(tmp_path: Path) -> None:
    async with (
        running(tmp_path, ping_interval=0.2, ping_timeout=0.2, socket_buffer=8_000_000) as rig,
        rig.plain() as raw,
    ):
        await shaken(rig, raw)
        (client,) = rig.server._hub.clients
        client.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
        raw.write(masked(Opcode.TEXT, b'{"type":"subscribe","topics":["*"]}'))
        assert b"subscribed" in (await next_frame(raw)).data
        for _ in range(300):
            rig.append(name=BIG)
        for _ in range(300):
            await next_event(raw)
            await asyncio.sleep(0.003)
        last = rig.append(name="last")
        assert await next_event(raw) == last


async def next_event(raw: Raw) -> int:
    """Read on to the next event, answering pings."""
    while (frame := await next_frame(raw)).opcode is Opcode.PING:
        raw.write(masked(Opcode.PONG, frame.data))
    assert frame.opcode is Opcode.TEXT
    seq: int = json.loads(frame.data)["seq"]
    return seq


async def test_a_client_that_takes_no_close_frame_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CLOSE_WAIT", 0.1)
    async with running(tmp_path, ping_interval=0.05, ping_timeout=0.05) as rig, rig.plain() as raw:
        await shaken(rig, raw)
        await gone(rig)


async def test_an_exception_closes_with_4500_and_the_server_stays_up(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    async with rig.client() as client, rig.client() as other:
        rig.fake.error = RuntimeError("secret detail")
        await client.send("get_usage")
        assert await client.closed() == (4500, "internal error")
        assert "secret detail" in caplog.text
        rig.fake.error = None
        assert (await other.ask("get_usage"))["type"] == "usage"


async def test_a_bookmark_tells_a_client_that_gets_nothing_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BOOKMARK_INTERVAL", 0.2)
    async with (
        running(tmp_path, ping_interval=0.05, ping_timeout=0.05) as rig,
        rig.client("tool.*") as client,
        rig.client() as idle,
    ):
        seq = rig.append()
        assert await client.receive() == {"type": "bookmark", "headSeq": seq}
        await asyncio.sleep(0.5)
        assert await client.silent(), "a bookmark says something new"
        monkeypatch.setattr(connection, "BOOKMARK_INTERVAL", 3600)
        rig.append()
        await asyncio.sleep(0.2)
        assert await client.silent(), "and not more often than that"
        assert await idle.silent(), "one who asked for nothing needs none"


BIG = "x" * 50_000


async def test_a_slow_client_gets_everything_and_disturbs_nobody(rig: Rig) -> None:
    async with rig.client("*", max_queue=1) as slow, rig.client("*") as quick:
        seqs = [rig.append(name=BIG) for _ in range(400)]
        assert [(await quick.receive())["seq"] for _ in seqs] == seqs, "20 MB, while the other reads nothing"
        (lagging,) = [cursor for cursor in rig.server._hub.fanout.cursors if cursor.position < seqs[-1]]
        assert not lagging.ready
        more = rig.append(name="more")
        assert (await quick.receive())["seq"] == more
        assert [(await slow.receive())["seq"] for _ in seqs] == seqs
        assert (await slow.receive())["seq"] == more


async def test_a_client_too_slow_for_what_is_kept_gets_one_gap_and_then_goes_on(tmp_path: Path) -> None:
    async with running(tmp_path, ring_events=100) as rig, rig.client("*", max_queue=1) as slow:
        for _ in range(60):
            rig.append(name=BIG)
            await asyncio.sleep(0)
        for _ in range(1000):
            rig.append(name=BIG)
        await asyncio.sleep(0)
        last = rig.append(name="last")
        missing, seen = await read_to(slow, last)
        assert len(missing) == 1
        (gap,) = missing
        assert (gap["reason"], gap["oldestSeq"]) == ("evicted", gap["to"] + 1)
        assert gap["from"] - 1 in seen
        assert gap["to"] + 1 in seen
        lost = set(range(gap["from"], gap["to"] + 1))
        assert seen == sorted(set(range(seen[0], last + 1)) - lost)


async def read_to(client: Client, last: int) -> tuple[list[Message], list[int]]:
    """Return the gaps and the numbers up to an event."""
    missing: list[Message] = []
    seen: list[int] = []
    while not seen or seen[-1] < last:
        message = await client.receive()
        if message["type"] == "gap":
            missing.append(message)
        else:
            seen.append(message["seq"])
    return missing, seen


async def test_goodbye_comes_after_what_was_sent_before(rig: Rig) -> None:
    async with rig.client("*", max_queue=1) as client:
        for _ in range(400):
            rig.append(name=BIG)
        await rig.stuck()
        stopping = asyncio.create_task(rig.server.stop())
        with contextlib.suppress(ConnectionClosed):
            while True:
                assert (await client.receive())["type"] == "session.renamed"
        assert (await client.closed())[0] == 1001
        await stopping


async def test_one_who_asks_and_never_reads_is_not_read_from(tmp_path: Path) -> None:
    async with running(tmp_path, socket_buffer=4096, message_rate=1_000_000) as rig, rig.plain() as raw:
        rig.fake.live *= 1000
        await shaken(rig, raw)
        question = masked(Opcode.TEXT, b'{"type":"get_session_list","x":"' + b"y" * 60_000 + b'"}')
        asked = 0
        async with asyncio.timeout(20):
            while raw.writer.transport.get_write_buffer_size() < 1_000_000:
                raw.write(question)
                asked += 1
                await asyncio.sleep(0)
            (client,) = rig.server._hub.clients
            waiting = client.transport.get_write_buffer_size()
            assert 4096 < waiting < 1_000_000, "answers are made one by one, while there is room"
            assert not client.cursor.ready, "and there are no events on top of them"
            for _ in range(asked):
                assert (await next_frame(raw)).opcode is Opcode.TEXT, "and all of them come"


async def test_one_who_asks_much_at_once_leaves_the_others_their_turn(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig.client() as client, rig.client() as other:
        monkeypatch.setattr(connection, "TURN", 0)
        busy = next(iter(rig.server._hub.clients))
        busy.data_received(masked(Opcode.TEXT, b'{"type":"get_snapshot","id":0}') * 20)
        busy.data_received(masked(Opcode.TEXT, b'{"type":"get_snapshot","id":1}') * 20)
        assert len(busy._inbox) > 30
        assert await other.silent()
        assert [(await client.receive())["id"] for _ in range(40)] == [0] * 20 + [1] * 20


async def test_one_who_pings_and_never_reads_is_not_read_from(tmp_path: Path) -> None:
    async with running(tmp_path, socket_buffer=65_536) as rig, rig.plain() as raw:
        await shaken(rig, raw)
        (client,) = rig.server._hub.clients
        sent = 0
        while client.transport.is_reading():
            client.data_received(masked(Opcode.PING, b"y" * 125) * 100)  # not over the wire, where sending may stall
            sent += 100
            assert client.transport.get_write_buffer_size() < 1_000_000
        async with asyncio.timeout(20):
            for _ in range(sent):
                assert await next_frame(raw) == (Opcode.PONG, b"y" * 125), "and all pongs come"
            raw.write(masked(Opcode.PING, b"again"))
            assert await next_frame(raw) == (Opcode.PONG, b"again")


async def test_empty_pieces_of_a_message_are_not_kept(rig: Rig) -> None:
    async with rig.plain() as raw:
        await shaken(rig, raw)
        raw.write(masked(Opcode.TEXT, b"", False) + masked(Opcode.CONT, b"", False) * 1000)
        raw.write(masked(Opcode.CONT, b'{"type":"get_session_list",', False) + masked(Opcode.PING, b"so far"))
        assert await next_frame(raw) == (Opcode.PONG, b"so far")
        (client,) = rig.server._hub.clients
        assert len(client._parts) == 1
        raw.write(masked(Opcode.CONT, b'"id":7}', False) + masked(Opcode.CONT, b""))
        assert json.loads((await next_frame(raw)).data)["id"] == 7
