"""The server as a whole: where it is, and how it comes and goes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from websockets.asyncio.client import unix_connect

from clawsocket import __version__
from clawsocket.config import Settings
from clawsocket.errors import AddressError, PortTakenError
from clawsocket.paths import Home
from clawsocket.server import connection, server
from tests.server.harness import Client, FakeBackend, Raw, Rig, body, running, status

HOOK = b'{"hook_event_name":"Stop"}'


async def test_localhost_answers_in_both_families(tmp_path: Path) -> None:
    async with running(tmp_path, host="localhost") as rig:
        for host in ("127.0.0.1", "::1"):
            assert status(await rig.http(rig.get(), host)) == 200
        async with rig.client() as client:
            assert await client.silent()


async def test_health_counts_the_sessions_and_makes_none_of_them(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(FakeBackend, "sessions")
    assert body(await rig.http(rig.get()))["sessions"] == 1


async def test_health_is_open_and_says_how_many_sessions_there_are(rig: Rig) -> None:
    answer = await rig.http(rig.get())
    assert body(answer) == {"status": "ok", "sessions": 1, "version": __version__}
    head = answer.partition(b"\r\n\r\n")[0].decode()
    assert "X-Content-Type-Options: nosniff" in head
    assert "Cache-Control: no-store" in head
    answer = await rig.http(rig.get(method="HEAD"))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\n")


async def test_the_contract_is_open_and_is_the_one_that_is_committed(rig: Rig) -> None:
    answer = await rig.http(rig.get("/asyncapi.json"))
    committed = Path(__file__).parents[2] / "asyncapi" / "asyncapi.json"
    assert answer.partition(b"\r\n\r\n")[2] == committed.read_bytes()
    head = answer.partition(b"\r\n\r\n")[0].decode()
    assert head.startswith("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
    assert "\r\nContent-Security-Policy: default-src 'none'\r\n" in head


@pytest.mark.skipif(sys.platform == "darwin", reason="its file names are UTF-8")
async def test_a_folder_whose_name_is_not_utf_8_has_a_server_too(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"l\xe9on")
    folder.mkdir()
    async with running(folder) as rig:
        assert rig.home.socket.exists()
        assert json.loads(rig.home.endpoint.read_text())["socket"] is None


async def test_the_endpoint_file_says_where_the_server_is_while_it_runs(tmp_path: Path) -> None:
    async with running(tmp_path, host="localhost") as rig:
        path = rig.home.endpoint
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert json.loads(path.read_text()) == {
            "url": f"ws://localhost:{rig.port}/",
            "socket": str(rig.home.socket),
            "pid": os.getpid(),
            "version": __version__,
        }
        assert [item.name for item in rig.home.root.iterdir() if item.name.startswith(".")] == []
    assert not path.exists()
    assert not rig.home.socket.exists()


@pytest.mark.parametrize(
    ("host", "url"), [("127.0.0.1", "ws://127.0.0.1:"), ("::1", "ws://[::1]:"), ("0.0.0.0", "ws://localhost:")]
)
async def test_the_url_is_one_that_clients_can_use(tmp_path: Path, host: str, url: str) -> None:
    async with running(tmp_path, host=host) as rig:
        assert rig.server.url == f"{url}{rig.port}/"


@contextlib.asynccontextmanager
async def unix(rig: Rig) -> AsyncIterator[Raw]:
    reader, writer = await asyncio.open_unix_connection(str(rig.home.socket))
    try:
        yield Raw(reader, writer)
    finally:
        writer.close()


async def test_the_owner_needs_no_token_on_the_unix_socket(rig: Rig) -> None:
    async with unix_connect(str(rig.home.socket), uri="ws://any.name/", compression=None) as socket:
        client = Client(socket)
        assert (await client.receive())["type"] == "snapshot"
    async with unix(rig) as raw:
        assert status(await raw.ask(rig.post(HOOK, token="").replace(b"Host: localhost\r\n", b""))) == 202
    async with unix(rig) as raw:
        assert status(await raw.ask(rig.get("/health", "Host: any.name"))) == 200


async def test_the_places_of_an_address_are_not_the_unix_sockets(tmp_path: Path) -> None:
    async with (
        running(tmp_path, max_connections_per_address=1) as rig,
        rig.client(),
        unix(rig) as one,
        unix(rig) as two,
    ):
        for raw in (one, two):
            raw.write(rig.upgrade("/"))
            assert (await raw.reader.readline()).startswith(b"HTTP/1.1 101 ")


async def test_a_flood_of_strangers_does_not_reach_the_unix_socket(tmp_path: Path) -> None:
    async with running(tmp_path, max_strangers=1) as rig, unix(rig) as raw:
        raw.write(b"GET /")
        async with rig.plain(), rig.plain():
            raw.write(b"health HTTP/1.1\r\n\r\n")
            assert status(await raw.answer()) == 200


async def test_a_new_token_ends_the_connections_of_the_old_one(rig: Rig) -> None:
    async with rig.client() as client, unix_connect(str(rig.home.socket), uri="ws://x/") as owner:
        old, rig.token = rig.token, "f" * 64
        rig.server.rotate_token()
        assert await client.closed() == (4409, "token rotated")
        assert status(await rig.http(rig.upgrade(f"/?token={old}"))) == 401
        assert status(await rig.http(rig.post(HOOK, token=old))) == 401
        async with rig.client() as again:
            assert await again.silent()
        await owner.send('{"type":"get_session_list"}')
        assert json.loads(await owner.recv())["type"] == "snapshot"


async def test_a_producer_with_the_old_token_is_refused(rig: Rig) -> None:
    async with rig.plain() as raw:
        raw.write(rig.post(HOOK, close=False))
        assert status(await raw.answer()) == 202
        old, rig.token = rig.token, "f" * 64
        rig.server.rotate_token()
        assert status(await raw.ask(rig.post(HOOK, token=old))) == 401


async def test_stopping_says_1001_to_everyone_and_listens_no_more(tmp_path: Path) -> None:
    async with running(tmp_path) as rig, rig.client() as one, rig.client() as two, rig.plain() as stranger:
        await rig.server.stop()
        assert await one.closed() == (1001, "going away")
        assert await two.closed() == (1001, "going away")
        assert await stranger.rest() == b""
        assert rig.server.clients == 0
        with pytest.raises(ConnectionRefusedError):
            await rig.http(rig.get())


async def test_stopping_waits_for_nobody_forever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (server, connection):
        monkeypatch.setattr(module, "CLOSE_WAIT", 0.1)
    async with running(tmp_path) as rig, rig.plain() as raw:
        raw.write(rig.upgrade())
        await raw.reader.readuntil(b"snapshot")
        async with asyncio.timeout(5):
            await rig.server.stop()
        assert b"\x88" in await raw.rest()


async def test_stopping_leaves_what_is_another_servers(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        rig.home.socket.unlink()
        rig.home.socket.write_bytes(b"another's")
        rig.home.endpoint.write_bytes(b"another's")
    assert rig.home.socket.exists()
    assert rig.home.endpoint.exists()


async def test_a_second_server_in_the_same_folder_leaves_the_first_ones_files(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(tmp_path) as first:
        before = first.home.endpoint.read_bytes()
        async with running(tmp_path):
            assert "another running server" in caplog.text
        assert first.home.endpoint.read_bytes() == before
        async with unix(first) as raw:
            assert status(await raw.ask(first.get())) == 200


async def test_without_a_unix_socket_the_server_runs_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / ("x" * 100)
    Home(folder / "claw-socket").create()
    Home(folder / "claw-socket").endpoint.write_text("of one that crashed")
    async with running(folder) as rig:
        assert "going on without it" in caplog.text
        assert json.loads(rig.home.endpoint.read_text())["socket"] is None
        assert status(await rig.http(rig.get())) == 200


async def test_a_port_taken_by_this_service_is_said_to_be(tmp_path: Path) -> None:
    async with running(tmp_path / "one") as rig:
        with pytest.raises(PortTakenError) as caught:
            async with running(tmp_path / "two", port=rig.port):
                """It does not come to this."""
        assert caught.value.owner == f"claw-socket {__version__}"
        with pytest.raises(PortTakenError) as caught:
            async with running(tmp_path / "one", port=rig.port):
                """Nor to this."""
        assert caught.value.owner == f"claw-socket {__version__}, pid {os.getpid()}"
        assert rig.home.endpoint.exists()


@pytest.mark.parametrize(
    "says", [b"", b"HTTP/1.1 200 OK\r\n\r\n<html>", b'HTTP/1.1 200 OK\r\n\r\n{"status":"ok"}', b"\xff"]
)
async def test_a_port_taken_by_another_program_is_said_to_be(tmp_path: Path, says: bytes) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(says)
        writer.close()

    other = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with other:
        with pytest.raises(PortTakenError, match="taken by another program"):
            async with running(tmp_path, port=other.sockets[0].getsockname()[1]):
                """It does not come to this."""


async def test_a_port_taken_by_one_who_says_nothing_is_another_programs(tmp_path: Path) -> None:
    hung_up = asyncio.Event()

    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        hung_up.set()

    other = await asyncio.start_server(silence, "127.0.0.1", 0)
    async with other:
        with pytest.raises(PortTakenError, match="taken by another program"):
            async with running(tmp_path, port=other.sockets[0].getsockname()[1]):
                """It does not come to this."""
        await hung_up.wait()


async def test_an_address_of_another_machine_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AddressError):
        async with running(tmp_path, host="192.0.2.1"):
            """It does not come to this."""


async def test_what_others_can_reach_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with running(tmp_path / "one"):
        assert caplog.text == ""
    async with running(tmp_path / "two", host="0.0.0.0"):
        assert "can be reached from other machines" in caplog.text


async def test_a_server_that_could_not_start_can_be_stopped(tmp_path: Path) -> None:
    async with running(tmp_path / "one") as rig:
        second = server.Server(
            Settings(port=rig.port, host="127.0.0.1"),
            rig.home,
            rig.log,
            rig.server._hub.fanout,
            rig.fake.backend(),
            lambda: "",
        )
        with pytest.raises(PortTakenError):
            await second.start()
        await second.stop()
        assert rig.home.endpoint.exists()
