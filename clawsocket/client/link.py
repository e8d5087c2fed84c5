"""One connection, and the patience to get the next one."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from contextlib import suppress
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConcurrencyError,
    ConnectionClosed,
    InvalidHandshake,
    InvalidMessage,
    InvalidStatus,
    InvalidURI,
)

from clawsocket.client import incoming
from clawsocket.client.address import Address
from clawsocket.errors import ClawSocketError, NoServerError, RequestError, TokenRefusedError
from clawsocket.protocol.base import Wire
from clawsocket.protocol.replies import CLOSE_CODES, Snapshot

OPEN_TIMEOUT = 10.0
"""Seconds for a server to answer."""

CLOSE_TIMEOUT = 1.0
"""Seconds for a server to say goodbye."""

QUIET = 20.0
"""Seconds without a message after which a server is asked for a sign of life, and again until it is given up."""

PAUSES = (0.1, 5.0)
"""Seconds between two tries to connect, the first and the longest time."""

GROWTH = 1.5
"""How much longer each pause is than the one before."""

REFUSALS = 3
"""How often a token may be refused in a row: a server that is told of a new one takes it a moment later."""

_quiet = logging.getLogger("clawsocket.client.websocket")
_quiet.setLevel(logging.WARNING)  # at DEBUG every header would be logged, and with it the token
_encoder = msgspec.json.Encoder()


class _Start(msgspec.Struct, rename="camel"):
    type: str
    head_seq: int
    epoch: str


class Link:
    """A connection that has got its first message.

    Attributes:
        head_seq: the last number given when the connection was made.
        epoch: names the log.
    """

    def __init__(self, socket: ClientConnection, address: Address, first: str | bytes) -> None:
        """Take over an open connection and its first message.

        Raises:
            NoServerError: it is no claw-socket.
        """
        self._socket, self.address, self._first = socket, address, first
        self._heard_at = socket.loop.time()
        self._sign: asyncio.Future[float] | None = None
        try:
            start = msgspec.json.decode(first, type=_Start)
        except msgspec.DecodeError:
            raise NoServerError(address.where, "another program is there") from None
        self.head_seq, self.epoch = start.head_seq, start.epoch

    @property
    def snapshot(self) -> Snapshot:
        """All sessions and agents as they were when the connection was made."""
        return incoming.reply(self._first, Snapshot)

    async def send(self, message: Wire) -> None:
        """Send a message.

        Raises:
            NoServerError: the connection is lost.
        """
        try:
            await self._socket.send(_encoder.encode(message).decode())
        except ConnectionClosed as error:
            raise self._lost(error) from None

    async def receive(self) -> str | bytes:
        """Return the next message.

        Raises:
            NoServerError: the connection is lost.
        """
        try:
            while True:
                try:
                    async with asyncio.timeout_at(self._heard_at + QUIET):
                        message = await self._socket.recv()
                except TimeoutError:
                    await self._feel()
                else:
                    self._heard_at, self._sign = self._socket.loop.time(), None
                    return message
        except ConnectionClosed as error:
            raise self._lost(error) from None

    async def _feel(self) -> None:
        """Ask a server that was quiet for a sign of life, and give up one that shows none.

        Only who waits for a message does: what comes to a slow reader comes behind all that it has not read yet.

        Raises:
            NoServerError: it showed none.
        """
        if self._sign is not None and not self._sign.done():
            raise NoServerError(self.address.where, "the connection was lost") from None
        self._sign = asyncio.ensure_future(await self._socket.ping())
        self._heard_at = self._socket.loop.time()

    async def close(self) -> None:
        """Say goodbye, and drop what was not read: the server's goodbye comes behind it."""
        try:
            await asyncio.gather(self._socket.close(), self._drop_unread())
        finally:
            self._socket.transport.abort()  # who says goodbye may have no time for it

    def abandon(self) -> None:
        """End it at once, from whatever thread: nobody is left to read it."""
        with suppress(RuntimeError):  # its loop is closed
            self._socket.loop.call_soon_threadsafe(self._socket.transport.abort)

    async def _drop_unread(self) -> None:
        with suppress(ConnectionClosed, ConcurrencyError):
            while True:
                await self._socket.recv()

    def _lost(self, error: ConnectionClosed) -> NoServerError:
        if error.rcvd is None:
            return NoServerError(self.address.where, "the connection was lost")
        return NoServerError(self.address.where, CLOSE_CODES.get(error.rcvd.code, f"closed with {error.rcvd.code}"))


async def dial(address: Address) -> Link:
    """Return a new connection.

    Raises:
        NoServerError: nobody answers, or not as a claw-socket does. It may be another matter in a moment.
        TokenRefusedError: the server answers, and refuses the token.
        RequestError: the server does not want to be reached by this URL.
    """
    socket = await _open(address)
    try:
        try:
            async with asyncio.timeout(OPEN_TIMEOUT):
                first = await socket.recv()
        except ConnectionClosed:
            raise NoServerError(address.where, "the connection was lost") from None
        except TimeoutError:
            raise _late(address) from None
        return Link(socket, address, first)
    except BaseException:
        await socket.close()
        raise


async def _open(address: Address) -> ClientConnection:
    headers = {"Authorization": f"Bearer {address.token}"} if address.token is not None else {}
    place: dict[str, Any] = {} if address.socket is None else {"unix": True, "path": address.socket}
    try:
        return await connect(
            address.url,
            additional_headers=headers,
            proxy=None,  # it would see the token, and the way to this machine needs none
            compression=None,
            max_size=None,
            ping_interval=None,  # see Link
            open_timeout=OPEN_TIMEOUT,
            close_timeout=CLOSE_TIMEOUT,
            logger=_quiet,
            **place,
        )
    except InvalidStatus as refused:
        raise _refused(address, refused.response.status_code) from None
    except InvalidURI:
        raise RequestError(
            "invalid address", f"{address.where} is no address of a WebSocket (ws://HOST:PORT)"
        ) from None
    except (InvalidHandshake, InvalidMessage):
        raise NoServerError(address.where, "another program is there") from None
    except TimeoutError:
        raise _late(address) from None
    except OSError as error:
        raise NoServerError(address.where, error.strerror or str(error)) from None


def _late(address: Address) -> NoServerError:
    return NoServerError(address.where, f"no answer within {OPEN_TIMEOUT:.0f} s")


def _refused(address: Address, status: int) -> ClawSocketError:
    if status == 401:
        return TokenRefusedError(address.where, address.origin)
    if status == 403:
        return RequestError("forbidden", f"{address.where}: the server does not know this name; see allowed_hosts")
    if status in (429, 503):
        return NoServerError(address.where, "it has as many clients as it takes")
    return NoServerError(address.where, "another program is there")


class Patience:
    """How long to wait until the next try: longer each time, and short again once something worked."""

    def __init__(self) -> None:
        """Begin short."""
        self._pause = PAUSES[0]
        self._refused = 0
        self._worked_at: float | None = None

    def connected(self) -> None:
        """Learn that there is a connection; only one that lasts is worth something."""
        self._refused = 0
        self._worked_at = time.monotonic()

    def worked(self) -> None:
        """Learn that something came over it."""
        self._pause = PAUSES[0]

    def pause(self, error: ClawSocketError) -> float:
        """Return how many seconds to wait after an error, a little by chance, so that not all come back at once.

        Raises:
            ClawSocketError: this error, where waiting would not help.
        """
        self._refused += isinstance(error, TokenRefusedError)
        if not isinstance(error, NoServerError | TokenRefusedError) or self._refused >= REFUSALS:
            raise error
        if self._worked_at is not None and time.monotonic() - self._worked_at > PAUSES[1]:
            self._pause = PAUSES[0]
        self._worked_at = None
        pause, self._pause = self._pause, min(GROWTH * self._pause, PAUSES[1])
        return pause * random.uniform(0.5, 1)  # noqa: S311 - nothing is kept secret by it
