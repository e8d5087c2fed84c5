"""A client is patient where that helps, and says at once where it does not."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve

from clawsocket.client import address, connect, link
from clawsocket.client.address import Address
from clawsocket.client.link import PAUSES, REFUSALS, Patience, dial
from clawsocket.errors import FolderError, NoServerError, RequestError, TokenRefusedError
from clawsocket.paths import Home

GONE = NoServerError("x", "gone")
REFUSED = TokenRefusedError("x", "y")


def test_pauses_get_longer_up_to_a_limit_and_short_again_when_something_came() -> None:
    patience = Patience()
    pauses = [patience.pause(GONE) for _ in range(30)]
    assert PAUSES[0] / 2 <= pauses[0] <= PAUSES[0]
    assert all(PAUSES[1] / 2 <= pause <= PAUSES[1] for pause in pauses[-5:])
    patience.connected()
    assert patience.pause(GONE) > PAUSES[0]  # a connection that breaks at once is no progress
    patience.worked()
    assert patience.pause(GONE) <= PAUSES[0]


def test_a_connection_that_lasted_is_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    patience, now = Patience(), 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    for _ in range(20):
        patience.pause(GONE)
    patience.connected()
    now += PAUSES[1] + 1
    assert patience.pause(GONE) <= PAUSES[0]


def test_what_waiting_does_not_mend_is_an_error() -> None:
    for error in (RequestError("forbidden"), FolderError(Path("/h"), "no")):
        with pytest.raises(type(error)):
            Patience().pause(error)
    patience = Patience()
    for _ in range(REFUSALS - 1):
        patience.pause(REFUSED)
    with pytest.raises(TokenRefusedError):
        patience.pause(REFUSED)


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"\xff", b'{"url": 1}'])
def test_an_endpoint_file_that_tells_nothing_is_no_server(home: Path, content: bytes) -> None:
    ours = Home(home)
    ours.endpoint.write_bytes(content)
    with pytest.raises(NoServerError, match="it tells nothing"):
        address.find(home=ours)


def test_an_endpoint_file_that_cannot_be_read_is_no_server(home: Path) -> None:
    (home / "endpoint").mkdir()
    with pytest.raises(NoServerError, match="directory"):
        address.find(home=Home(home))


def test_a_given_token_goes_before_the_one_in_the_file(home: Path) -> None:
    (home / "endpoint").write_text('{"url": "ws://localhost:1/", "socket": null, "pid": 1, "version": "0"}')
    assert address.find(None, "given", Home(home)) == Address("ws://localhost:1/", None, "given", "given by the caller")
    assert address.find(home=Home(home)).origin == f"there is none in {home / 'token'}"


@pytest.mark.parametrize("first", ["hello", "{}", None])
async def test_another_websocket_server_is_no_claw_socket(first: str | None) -> None:
    async def greet(client: ServerConnection) -> None:
        if first is not None:
            await client.send(first)

    async with serve(greet, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        with pytest.raises(NoServerError):
            await dial(Address(f"ws://127.0.0.1:{port}/"))


@pytest.mark.parametrize(
    ("status", "error", "says"),
    [
        (b"401 Unauthorized", TokenRefusedError, "none was given"),
        (b"403 Forbidden", RequestError, "allowed_hosts"),
        (b"429 Too Many Requests", NoServerError, "as many clients"),
        (b"503 Service Unavailable", NoServerError, "as many clients"),
        (b"200 OK", NoServerError, "another program"),
    ],
)
async def test_a_refusal_says_why(status: bytes, error: type[Exception], says: str) -> None:
    def answer(server: socket.socket) -> None:
        with server.accept()[0] as asked:
            asked.recv(4096)
            asked.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        answering = asyncio.create_task(asyncio.to_thread(answer, server))
        with pytest.raises(error, match=says):
            await dial(Address(f"ws://127.0.0.1:{server.getsockname()[1]}/"))
        await answering


async def test_a_server_that_says_nothing_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "OPEN_TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(NoServerError, match="no answer within"):
        await dial(Address(f"ws://127.0.0.1:{server.getsockname()[1]}/"))


async def test_a_server_that_takes_the_connection_and_says_nothing_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "OPEN_TIMEOUT", 0.2)
    async with serve(ServerConnection.wait_closed, "127.0.0.1", 0) as server, asyncio.timeout(10):
        port = next(iter(server.sockets)).getsockname()[1]
        with pytest.raises(NoServerError, match="no answer within"):
            await dial(Address(f"ws://127.0.0.1:{port}/"))


async def test_a_stream_tells_its_snapshot_only_while_it_is_open(home: Path) -> None:
    async with connect(wait=True) as claw:
        with pytest.raises(RuntimeError, match="async with"):
            claw.events().snapshot  # noqa: B018
