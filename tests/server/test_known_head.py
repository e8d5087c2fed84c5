"""A head that was let in lets in the next request with it, and nothing else."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawsocket.server.gate import Gate
from clawsocket.server.known_head import KnownHead, KnownHeads
from tests.server.harness import Rig, body, running, status

HOOK = b'{"hook_event_name":"Stop","session_id":"s"}'
LONGER = b'{"hook_event_name":"Stop","session_id":"s","reason":"a longer one"}'


def request(body: bytes, *, token: str = "t", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return f"POST /hook HTTP/1.1\r\nAuthorization: {token}\r\ncontent-LENGTH: {size}\r\nX: y\r\n\r\n".encode() + body


def known(sent: bytes) -> KnownHead | None:
    return KnownHead.of(sent, "t", keeps_alive=True)


@given(first=st.binary(max_size=300), second=st.binary(max_size=300))
def test_the_body_behind_the_same_head_is_found_whatever_its_length(first: bytes, second: bytes) -> None:
    head = known(request(first))
    assert head is not None
    assert head.body(request(second)) == second


@given(cut=st.integers(min_value=0, max_value=len(request(HOOK)) - 1))
def test_a_part_of_a_request_is_no_request(cut: int) -> None:
    head = known(request(HOOK))
    assert head is not None
    assert head.body(request(HOOK)[:cut]) is None
    assert known(request(HOOK)[:cut]) is None


@pytest.mark.parametrize(
    "other",
    [
        request(HOOK, token="u"),
        request(HOOK) + b"G",
        request(HOOK) * 2,
        request(HOOK, length=len(HOOK) - 1),
        request(HOOK).replace(b": 43\r", b": +43\r"),
        request(HOOK).replace(b": 43\r", b": 43 \r"),
        request(HOOK).replace(b"X: y", b"X: z"),
        b"",
    ],
)
def test_anything_else_is_left_to_the_parser(other: bytes) -> None:
    head = known(request(HOOK))
    assert head is not None
    assert head.body(other) is None


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The targets of the requests that the parser was asked to read."""
    seen = []

    def on_url(gate: Gate, part: bytes) -> None:
        seen.append(part)
        gate._target = part

    monkeypatch.setattr(Gate, "on_url", on_url)
    return seen


async def test_the_second_hook_of_a_connection_is_taken_without_the_parser(rig: Rig, parsed: list[bytes]) -> None:
    async with rig.plain() as raw:
        for hook in (HOOK, LONGER, HOOK):
            raw.write(rig.post(hook, close=False))
            assert status(await raw.answer()) == 202
    assert rig.fake.hooks == [HOOK, LONGER, HOOK]
    assert len(parsed) == 1


async def test_so_is_the_first_of_a_second_connection_which_is_closed_as_it_asks(rig: Rig, parsed: list[bytes]) -> None:
    for hook in (HOOK, LONGER, HOOK):
        async with rig.plain() as raw:
            answer = await raw.ask(rig.post(hook, close=True))
            assert status(answer) == 202
            assert b"Connection: close" in answer
    assert rig.fake.hooks == [HOOK, LONGER, HOOK]
    assert len(parsed) == 1
    assert rig.server._keeper.producers == {}


async def test_one_who_came_by_a_known_head_has_the_time_of_producers(rig: Rig) -> None:
    for _ in range(2):
        async with rig.plain() as raw:
            raw.write(rig.post(HOOK, close=False))
            assert status(await raw.answer()) == 202
            assert rig.server._keeper.strangers == {}


async def test_a_head_of_the_unix_socket_lets_nobody_in_by_the_port(rig: Rig, parsed: list[bytes]) -> None:
    sent = rig.post(HOOK, close=True)
    reader, writer = await asyncio.open_unix_connection(str(rig.home.socket))
    writer.write(sent)
    assert status(await reader.read()) == 202
    writer.close()
    async with rig.plain() as raw:
        assert status(await raw.ask(sent)) == 202
    assert len(parsed) == 2


async def test_a_head_without_the_token_is_not_remembered(rig: Rig, parsed: list[bytes]) -> None:
    for _ in range(2):
        async with rig.plain() as raw:
            assert status(await raw.ask(rig.post(HOOK, token="0" * 64))) == 401
    assert len(parsed) == 2
    assert rig.fake.hooks == []


async def test_where_the_address_that_was_reached_counts_each_connection_is_looked_at(
    tmp_path: Path, parsed: list[bytes]
) -> None:
    async with running(tmp_path, host="0.0.0.0") as rig:
        for _ in range(2):
            async with rig.plain() as raw:
                assert status(await raw.ask(rig.post(HOOK, close=True))) == 202
    assert len(parsed) == 2


def test_heads_are_remembered_up_to_a_number() -> None:
    heads = KnownHeads(most=3)
    for number in range(10):
        head = known(request(HOOK, token=f"t{number}"))
        assert head is not None
        heads.add(head)
        assert heads.find(request(LONGER, token=f"t{number}")) is head
        assert len(heads) <= 3
    assert heads.find(request(HOOK, token="other")) is None


async def test_a_new_token_shuts_out_who_had_the_old_one(rig: Rig) -> None:
    async with rig.plain() as raw:
        old = rig.post(HOOK, close=False)
        raw.write(old)
        assert status(await raw.answer()) == 202
        rig.token = "f" * 64
        raw.write(old)
        assert status(await raw.answer()) == 401
    async with rig.plain() as raw:
        raw.write(old)
        assert status(await raw.answer()) == 401
    assert rig.fake.hooks == [HOOK]


async def test_the_rate_the_limit_and_bad_hooks_are_answered_as_ever(tmp_path: Path) -> None:
    async with running(tmp_path, hook_rate=4, hook_body_limit=1024) as rig, rig.plain() as raw:
        answers = []
        for sent in (HOOK, b"{", HOOK, json.dumps("x" * 2000).encode()):
            raw.write(rig.post(sent, close=False))
            answers.append(await raw.answer())
        assert [status(answer) for answer in answers] == [202, 400, 202, 413]
        assert body(answers[1]) == {"error": "invalid JSON"}
    async with running(tmp_path, hook_rate=2) as rig, rig.plain() as raw:
        for _ in range(3):
            raw.write(rig.post(HOOK, close=False))
            answers.append(await raw.answer())
        assert status(answers[-1]) == 429


async def test_between_two_parts_of_a_request_nothing_is_taken_for_a_new_one(rig: Rig) -> None:
    inner = rig.post(HOOK, close=False)
    async with rig.plain() as raw:
        raw.write(inner)
        assert status(await raw.answer()) == 202
        outer = rig.post(inner, close=False)
        raw.write(outer[: -len(inner)])
        await raw.writer.drain()
        (gate,) = rig.server._keeper.producers
        while gate._in_head:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0)
        raw.write(inner)
        assert body(await raw.answer()) == {"error": "invalid JSON"}, "it is a body, and no hook"
    assert rig.fake.hooks == [HOOK]
