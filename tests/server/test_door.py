"""The door: what is there with its connection is taken at once, and where the system has no room, later."""

from __future__ import annotations

import asyncio
import resource
import select
import socket
import struct
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from clawsocket.server.door import Door
from clawsocket.server.gate import Gate
from tests.server.harness import Rig, status
from tests.sources.running import eventually
from tests.support.service import Service
from tests.support.waiting import wait_for

HOOK = b'{"hook_event_name":"Stop","session_id":"s"}'
HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def sent(rig: Rig, request: bytes) -> socket.socket:
    """A connection whose request is there before the loop looks at it."""
    sock = socket.create_connection(("127.0.0.1", rig.port))
    sock.sendall(request)
    return sock


async def answered(sock: socket.socket) -> bytes:
    reader, writer = await asyncio.open_connection(sock=sock)
    try:
        return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


async def test_a_hook_by_a_known_head_that_is_there_with_its_connection_needs_no_gate(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert status(await rig.http(rig.post(HOOK))) == 202
    entered: list[Gate] = []
    monkeypatch.setattr(rig.server._keeper, "enter", entered.append)
    for body, wanted in ((HOOK, 202), (b"{", 400), (HOOK, 202)):
        answer = await answered(sent(rig, rig.post(body)))
        assert status(answer) == wanted
        assert b"\r\nConnection: close\r\n" in answer
    assert rig.fake.hooks == [HOOK] * 3
    assert entered == []


async def test_nor_does_one_that_comes_right_behind_its_connection(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    assert status(await rig.http(rig.post(HOOK))) == 202
    entered: list[Gate] = []
    monkeypatch.setattr(rig.server._keeper, "enter", entered.append)
    sock = socket.create_connection(("127.0.0.1", rig.port))
    await asyncio.sleep(0)
    sock.sendall(rig.post(HOOK))
    assert status(await answered(sock)) == 202
    assert entered == []


async def test_the_hook_of_one_who_goes_without_waiting_is_taken(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    let_in = Door._let_in

    def let_in_and_go(*connection: Any) -> None:
        sock.sendall(rig.post(HOOK))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
        let_in(*connection)

    monkeypatch.setattr(Door, "_let_in", let_in_and_go)
    sock = socket.create_connection(("127.0.0.1", rig.port))
    await eventually(lambda: rig.fake.hooks or caplog.records, "the hook")
    assert rig.fake.hooks == [HOOK]
    assert caplog.records == []


async def test_who_is_on_the_way_in_when_the_door_closes_is_turned_away(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = Door._take

    def take_and_close(door: Door, *connection: Any, **more: Any) -> None:
        take(door, *connection, **more)
        door.close()

    monkeypatch.setattr(Door, "_take", take_and_close)
    entered: list[Gate] = []
    monkeypatch.setattr(rig.server._keeper, "enter", entered.append)
    async with asyncio.timeout(5):  # a gate would wait for longer
        assert await answered(socket.create_connection(("127.0.0.1", rig.port))) == b""
    assert entered == []


async def test_what_is_there_with_a_connection_is_not_lost_to_its_gate(rig: Rig) -> None:
    assert status(await answered(sent(rig, HEALTH))) == 200
    assert status(await answered(sent(rig, rig.post(HOOK)))) == 202


async def test_a_connection_that_was_reset_before_it_was_taken_harms_nobody(rig: Rig) -> None:
    gone = sent(rig, rig.post(HOOK))
    gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    gone.close()
    assert status(await rig.http(HEALTH)) == 200


def test_when_there_is_no_room_for_a_connection_it_is_taken_later(tmp_path: Path) -> None:
    with Service(tmp_path) as service, ExitStack() as stack:
        service.wait_for_hooks()
        host, _, port = service.address.rpartition(":")
        pid = service.process.pid
        limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        used = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 2, limits[1]))
        waiting = [stack.enter_context(socket.create_connection((host, int(port)), timeout=10)) for _ in range(5)]
        waiting[-1].sendall(HEALTH)
        assert select.select([waiting[-1]], [], [], 2.3)[0] == []
        assert service.log.read_text().count("no connection can be taken") == 1
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
        assert waiting[-1].recv(100).startswith(b"HTTP/1.1 200")
        used = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used, limits[1]))
        stack.enter_context(socket.create_connection((host, int(port)), timeout=10))
        wait_for(lambda: service.log.read_text().count("no connection can be taken") == 2, "it told anew", 10)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
