"""The server: it listens, and says goodbye."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from clawsocket import __version__
from clawsocket.config import Settings
from clawsocket.errors import FolderError, PortTakenError
from clawsocket.log.eventlog import EventLog
from clawsocket.log.fanout import FanOut
from clawsocket.paths import Home, write_private
from clawsocket.protocol.endpoint import Endpoint
from clawsocket.server import http
from clawsocket.server.access import Access
from clawsocket.server.backend import Backend
from clawsocket.server.connection import CLOSE_WAIT
from clawsocket.server.door import Door
from clawsocket.server.gate import Gate
from clawsocket.server.hub import Hub
from clawsocket.server.keeper import UNIX, Keeper
from clawsocket.server.listen import BACKLOG, TakenError, inherited, is_loopback, listen, listen_unix
from clawsocket.server.pages import pages

logger = logging.getLogger(__name__)


class Server:
    """HTTP and WebSocket on one port, and on the Unix socket.

    Attributes:
        port: the port, once it listens.
    """

    def __init__(
        self,
        settings: Settings,
        home: Home,
        log: EventLog,
        fanout: FanOut,
        backend: Backend,
        token: Callable[[], str],
    ) -> None:
        """Put it together; nothing listens yet.

        Args:
            settings: the settings.
            home: where the Unix socket, the ``endpoint`` file and the one of who was signed out go.
            log: the log that clients read.
            fanout: moves the clients' cursors.
            backend: the rest of the program.
            token: gives the token as it is now.
        """
        self._settings, self._home = settings, home
        self.port = settings.port
        self._hub = Hub(settings, log, fanout, backend)
        routes = {
            b"/health": http.health(backend.count, __version__),
            b"/asyncapi.json": http.contract(),
            b"/metrics": http.metrics(backend.metrics),
            **pages(),
        }
        self._keeper = Keeper(settings, Access(settings, token), self._hub, routes, home.signed_out)
        self._servers: list[Door | asyncio.Server] = []
        self._unix: tuple[int, int] | None = None
        self._endpoint = b""

    @property
    def clients(self) -> int:
        """The number of WebSocket clients."""
        return len(self._hub.clients)

    async def start(self) -> None:
        """Listen, and tell where.

        Raises:
            PortTakenError: another program has the port.
            AddressError: the address can't be listened on.
        """
        sockets = inherited() or await self._listen()
        addresses = [str(sock.getsockname()[0]) for sock in sockets]
        self.port = sockets[0].getsockname()[1]
        self._servers.extend(Door(self._keeper, sock) for sock in sockets)
        if await self._start_unix():
            self._write_endpoint()
        logger.info("listening on %s", self.url)
        if not all(is_loopback(address) for address in addresses):
            logger.warning("%s can be reached from other machines", self.url)

    async def stop(self) -> None:
        """Take no more connections, say goodbye to the clients, and leave nothing behind. Takes at most 2 s."""
        for server in self._servers:
            server.close()
        self._remove_files()
        self._keeper.close()
        for client in list(self._hub.clients):
            client.close(1001)
        await self._hub.emptied(CLOSE_WAIT)
        self._keeper.abort()
        for client in list(self._hub.clients):
            client.transport.abort()
        await asyncio.sleep(0)

    def rotate_token(self) -> None:
        """Close the connections that came in by the old token."""
        for client in list(self._hub.clients):
            if client.by_token:
                client.close(4409)

    def transcript_grew(self, session_id: str, agent_id: str | None) -> None:
        """Learn that a transcript has new lines, or a new name."""
        self._hub.agent_logs.grew((session_id, agent_id))

    @property
    def url(self) -> str:
        """Where clients of this machine connect."""
        host = self._settings.host
        if not host.strip("0.:"):
            host = "localhost"
        return f"ws://[{host}]:{self.port}/" if ":" in host else f"ws://{host}:{self.port}/"

    async def _listen(self) -> list[socket.socket]:
        host, port = self._settings.host, self._settings.port
        try:
            return await asyncio.to_thread(listen, host, port)
        except TakenError as taken:
            raise PortTakenError(host, port, await self._owner(taken)) from None

    async def _owner(self, taken: TakenError) -> str:
        """Ask who has the port."""
        version = await _ask(taken.address, taken.port)
        if version is None:
            return "another program"
        with contextlib.suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
            endpoint = msgspec.json.decode(self._home.endpoint.read_bytes(), type=Endpoint)
            if endpoint.url.endswith(f":{taken.port}/"):
                return f"claw-socket {version}, pid {endpoint.pid}"
        return f"claw-socket {version}"

    async def _start_unix(self) -> bool:
        """Listen on the Unix socket, if it can be had; return whether no other server lives in this folder."""
        path = self._home.socket
        try:
            sock = listen_unix(path)
        except FolderError as error:
            logger.warning("%s; going on without it", error)
            return True
        if sock is None:
            logger.warning("%s is another running server's; going on without it", path)
            return False
        self._unix = _identity(path)
        loop = asyncio.get_running_loop()
        self._servers.append(
            await loop.create_unix_server(partial(Gate, self._keeper, UNIX), sock=sock, backlog=BACKLOG)
        )
        return True

    def _write_endpoint(self) -> None:
        """Tell where we are."""
        place = os.fsencode(self._home.socket).decode(errors="ignore")
        socket_path = place if self._unix and place == str(self._home.socket) else None  # JSON names no other
        self._endpoint = msgspec.json.encode(Endpoint(self.url, socket_path, os.getpid(), __version__))
        try:
            write_private(self._home.endpoint, self._endpoint.decode() + "\n")
        except FolderError as error:
            logger.warning("%s", error)

    def _remove_files(self) -> None:
        """Remove what is still ours: another server may have come meanwhile."""
        with contextlib.suppress(OSError):
            if self._unix is not None and _identity(self._home.socket) == self._unix:
                self._home.socket.unlink()
        with contextlib.suppress(OSError):
            if self._endpoint and self._home.endpoint.read_bytes().strip() == self._endpoint:
                self._home.endpoint.unlink()


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


class _Health(msgspec.Struct):
    status: str
    sessions: int
    version: str = "of unknown version"


async def _ask(address: str, port: int) -> str | None:
    """Return the version of the claw-socket at an address; None if it is something else."""
    try:
        async with asyncio.timeout(1):
            reader, writer = await asyncio.open_connection(address, port)
            try:
                writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                answer = await reader.read(4096)
            finally:
                writer.close()
        return msgspec.json.decode(answer.partition(b"\r\n\r\n")[2], type=_Health).version
    except (OSError, TimeoutError, msgspec.DecodeError, UnicodeDecodeError):
        return None
