"""A real server on a free port, with a small backend, and plain sockets to speak to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect

from clawsocket.config import Settings
from clawsocket.errors import InvalidHookError
from clawsocket.log.eventlog import EventLog
from clawsocket.log.fanout import FanOut
from clawsocket.paths import Home
from clawsocket.protocol.envelope import Event
from clawsocket.protocol.messages import UsagePart
from clawsocket.protocol.models import AgentState, Finding, SessionInfo, SessionUsage, Spending, TotalUsage
from clawsocket.protocol.replies import ServiceStatus, UsageReport
from clawsocket.server.backend import Backend
from clawsocket.server.connection import Connection
from clawsocket.server.server import Server
from tests.support import contract

TOKEN = "0123456789abcdef" * 4
SESSION = "e7ffb160-17cf-4c26-8c31-c345980e7a7d"
PAST = "0b5c1f0e-52a8-4f0e-9a37-6a1f6c1f9d11"

Message = dict[str, Any]


def session(session_id: str = SESSION) -> SessionInfo:
    return SessionInfo(
        pid=None, session_id=session_id, cwd="/app", started_at=1, discovered_at=2, state="idle", since=3
    )


def session_usage(session_id: str, input_tokens: int) -> SessionUsage:
    return SessionUsage(
        session_id=session_id,
        input_tokens=input_tokens,
        output_tokens=0,
        cache_creation_input_tokens=0,
        cache_read_input_tokens=0,
        total_cost_usd=0,
        duration_ms=0,
        num_turns=0,
        model_breakdown={},
        unpriced_models=[],
        last_updated_at=0,
    )


@dataclass
class FakeBackend:
    """What the program would say."""

    live: list[SessionInfo] = field(default_factory=lambda: [session()])
    ended: list[SessionInfo] = field(default_factory=list)
    agents: list[AgentState] = field(default_factory=list)
    histories: dict[str, list[Message]] = field(default_factory=dict)
    transcripts: dict[tuple[str, str | None], Path] = field(default_factory=dict)
    hooks: list[bytes] = field(default_factory=list)
    asked: list[tuple[str, int, str | None]] = field(default_factory=list)
    error: Exception | None = None
    may_go: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_go.set()

    def backend(self) -> Backend:
        return Backend(
            snapshot=self.snapshot,
            sessions=lambda: self.sessions(False),
            count=self.count,
            all_sessions=self.all_sessions,
            history=self.history,
            usage=self.usage,
            past_usage=self.past_usage,
            usage_report=self.usage_report,
            status=self.status,
            findings=self.findings,
            take_hook=self.take_hook,
            metrics=lambda: "claw_socket_clients 0\n",
            transcript=lambda session_id, agent_id: self.transcripts.get((session_id, agent_id)),
        )

    def snapshot(self) -> tuple[list[SessionInfo], list[AgentState]]:
        self.trip()
        return self.live, self.agents

    def sessions(self, everyone: bool) -> list[SessionInfo]:
        self.trip()
        return self.live + (self.ended if everyone else [])

    def count(self) -> int:
        self.trip()
        return len(self.live)

    async def all_sessions(self) -> list[SessionInfo]:
        return self.sessions(True)

    async def history(
        self, session_id: str, limit: int, before: str | None, all: bool
    ) -> tuple[list[msgspec.Raw], bool]:
        self.asked.append((session_id, limit, before))
        await self.may_go.wait()
        self.trip()
        events = self.histories.get(session_id, [])
        return [msgspec.Raw(json.dumps(event).encode()) for event in events[-limit:]], len(events) > limit

    async def past_usage(self, session_id: str) -> SessionUsage:
        await self.may_go.wait()
        return session_usage(session_id, 5 if session_id == PAST else 0)

    def usage(self, session_id: str | None) -> SessionUsage | TotalUsage | None:
        self.trip()
        if session_id is None:
            return TotalUsage(
                total_cost_usd=1.5, total_input_tokens=3, total_output_tokens=4, session_count=1, model_breakdown={}
            )
        return session_usage(session_id, 3) if session_id == SESSION else None

    async def usage_report(self, by: Sequence[UsagePart], since: str | None) -> UsageReport:
        await self.may_go.wait()
        self.trip()
        total = Spending(
            input_tokens=1,
            output_tokens=2,
            cache_creation_input_tokens=3,
            cache_read_input_tokens=4,
            messages=1,
            total_cost_usd=0.5,
        )
        return UsageReport(by=list(by), since=since, rows=[], total=total, unpriced_models=[], prices_date="2026-11-20")

    def status(self) -> ServiceStatus:
        self.trip()
        return ServiceStatus(
            pid=1,
            started_at=1,
            cpu_seconds=0.5,
            events=2,
            clients=[],
            gaps=0,
            memory_events=2,
            memory_bytes=3,
            store=None,
            troubles={},
            hooks_waiting=0,
            hooks_rejected={},
            caught_up=True,
            broken_lines=0,
            unknown_lines={},
        )

    async def findings(self) -> list[Finding]:
        await self.may_go.wait()
        self.trip()
        return [Finding(check="token", level="error", what="it is gone", mend="claw-socket token rotate", fixable=True)]

    def take_hook(self, body: bytes) -> None:
        self.trip()
        try:
            payload = json.loads(body)
        except ValueError:
            raise InvalidHookError("invalid JSON") from None
        if not isinstance(payload, dict) or "hook_event_name" not in payload:
            raise InvalidHookError("invalid hook payload")
        self.hooks.append(body)

    def trip(self) -> None:
        if self.error is not None:
            raise self.error


class Client:
    """A WebSocket client that reads messages one by one. Replies and notices are held against the contract.

    Attributes:
        seen: for the test to remember what came.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.seen: list[int] = []

    async def send(self, type: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": type, **fields}))

    async def receive(self) -> Message:
        async with asyncio.timeout(10):
            message: Message = json.loads(await self.socket.recv())
        # The events of these tests are made up.
        if "seq" not in message and message["type"] not in ("session_history", "events"):
            assert contract.problems(message) == []
        return message

    async def until(self, type: str) -> Message:
        """Return the next message of a type, stepping over others."""
        while (message := await self.receive()).get("type") != type:
            pass
        return message

    async def ask(self, type: str, **fields: Any) -> Message:
        """Send a message and return what comes next."""
        await self.send(type, **fields)
        return await self.receive()

    async def silent(self) -> bool:
        """Tell whether nothing was on its way: the answer to a question is the next thing that comes."""
        return (await self.ask("get_session_list", id="silent?")).get("id") == "silent?"

    async def closed(self) -> tuple[int | None, str | None]:
        """Wait for the end, and return how it was closed."""
        async with asyncio.timeout(10):
            await self.socket.wait_closed()
        return self.socket.close_code, self.socket.close_reason


@dataclass
class Raw:
    """A plain connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    async def ask(self, request: bytes) -> bytes:
        """Send bytes, and return all that comes until the server closes."""
        self.write(request)
        return await self.rest()

    async def rest(self) -> bytes:
        """Return all that comes until the server closes; being reset is an error."""
        async with asyncio.timeout(10):
            return await self.reader.read()

    async def gone(self) -> bool:
        """Wait for the end, and tell whether nothing came before it."""
        try:
            return await self.rest() == b""
        except ConnectionResetError:
            return True

    async def answer(self) -> bytes:
        """Return the next HTTP answer of a connection that stays."""
        async with asyncio.timeout(10):
            head = await self.reader.readuntil(b"\r\n\r\n")
            size = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            return head + await self.reader.readexactly(size)


@dataclass
class Rig:
    """A running server and what is around it."""

    server: Server
    log: EventLog
    fake: FakeBackend
    home: Home
    token: str = TOKEN

    @property
    def port(self) -> int:
        return self.server.port

    def append(self, type: str = "session.renamed", session_id: str = SESSION, **data: Any) -> int:
        seq = self.log.append(Event(type, 1, session_id, f"id-{self.log.head}", "server", data or {"name": "x"}))
        assert seq is not None
        return seq

    @contextlib.asynccontextmanager
    async def raw_client(self, path: str | None = None, **options: Any) -> AsyncIterator[Client]:
        """Connect, and leave the snapshot to be read."""
        path = f"/?token={self.token}" if path is None else path
        options = {"compression": None, "max_size": None, "ping_interval": None, "close_timeout": 1, **options}
        sock = await self.connected()
        async with connect(f"ws://127.0.0.1:{self.port}{path}", sock=sock, **options) as connection:
            yield Client(connection)

    @contextlib.asynccontextmanager
    async def client(self, *topics: str, **options: Any) -> AsyncIterator[Client]:
        """Connect, read the snapshot, subscribe."""
        async with self.raw_client(**options) as client:
            assert (await client.receive())["type"] == "snapshot"
            if topics:
                assert (await client.ask("subscribe", topics=topics))["type"] == "subscribed"
            yield client

    @contextlib.asynccontextmanager
    async def plain(self, host: str = "127.0.0.1") -> AsyncIterator[Raw]:
        """Connect, and say nothing yet."""
        reader, writer = await asyncio.open_connection(sock=await self.connected(host))
        try:
            yield Raw(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def connected(self, host: str = "127.0.0.1") -> socket.socket:
        """Return a socket for which the system takes little that is not read."""
        sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, (host, self.port))
        except BaseException:
            sock.close()
            raise
        return sock

    async def stuck(self) -> Connection:
        """Wait until the one client takes nothing more, and return the server's side of it."""
        (connection,) = self.server._hub.clients
        async with asyncio.timeout(10):
            while connection.room:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0)
        return connection

    async def http(self, request: bytes, host: str = "127.0.0.1") -> bytes:
        """Send bytes, and return all that comes until the server closes."""
        async with self.plain(host) as raw:
            return await raw.ask(request)

    def get(self, path: str = "/health", *headers: str, method: str = "GET") -> bytes:
        """Return a request that ends the connection."""
        lines = [f"{method} {path} HTTP/1.1", *(headers or ["Host: localhost"]), "Connection: close", "", ""]
        return "\r\n".join(lines).encode("latin-1")

    def upgrade(self, path: str | None = None, *headers: str, host: str = "localhost") -> bytes:
        """Return a request to speak WebSocket."""
        path = f"/?token={self.token}" if path is None else path
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {host}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            *headers,
        ]
        return "\r\n".join((*lines, "", "")).encode("latin-1")

    def post(self, body: bytes, *headers: str, close: bool = True, token: str | None = None) -> bytes:
        """Return a request with a hook."""
        token = self.token if token is None else token
        lines = ["POST /hook HTTP/1.1", "Host: localhost", f"Authorization: Bearer {token}", *headers]
        if not any("chunked" in line for line in headers):
            lines.append(f"Content-Length: {len(body)}")
        if close:
            lines.append("Connection: close")
        return "\r\n".join((*lines, "", "")).encode() + body


@contextlib.asynccontextmanager
async def running(
    folder: Path,
    *,
    ring_events: int = 200_000,
    token: str = TOKEN,
    fake: FakeBackend | None = None,
    **changed: Any,
) -> AsyncIterator[Rig]:
    """Run a server in a folder, with some settings changed."""
    settings = Settings(**{"port": 0, "host": "127.0.0.1", **changed})
    home = Home(folder / "claw-socket")
    home.create()
    log = EventLog(max_bytes=settings.ring_bytes, max_events=ring_events)
    fanout = FanOut(log, slice_bytes=settings.socket_buffer)
    fake = fake or FakeBackend()
    rig: Rig | None = None
    server = Server(settings, home, log, fanout, fake.backend(), lambda: rig.token if rig else token)
    rig = Rig(server, log, fake, home, token)
    await server.start()
    try:
        yield rig
    finally:
        await server.stop()


def status(answer: bytes) -> int:
    """Return the status of an HTTP answer."""
    return int(answer.split(b" ", 2)[1])


def body(answer: bytes) -> Any:
    """Return the JSON body of an HTTP answer."""
    return json.loads(answer.partition(b"\r\n\r\n")[2])
