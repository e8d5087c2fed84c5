"""The gate: every connection comes in here, and one place decides about every request."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from itertools import chain
from typing import cast

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpRequestParser
from websockets.http11 import Request
from websockets.server import ServerProtocol

from clawsocket.server import http
from clawsocket.server.access import values
from clawsocket.server.connection import Connection
from clawsocket.server.keeper import UNIX, Keeper
from clawsocket.server.known_head import HEAD_LIMIT, KnownHead
from clawsocket.server.logins import BODY_LIMIT

KEEP_ALIVE = 75.0
"""Seconds that a producer's connection may rest between two hooks; it would notice its end only by a lost one."""

UNTAKEN = 500_000
"""Bytes of answers that may wait for one who asks on. To read no more holds back nothing of what was read already."""

HOOK = b"/hook"

LOGIN, CODE = b"/session", b"/code"
"""Where a page comes in, and where the owner gets it a code; both with POST."""

ROOT = b"/"
"""A page for browsers, and where most clients open their WebSocket."""

logger = logging.getLogger(__name__)


class Gate(asyncio.Protocol):
    """One connection that is not, or not yet, a WebSocket client's.

    Attributes:
        unix: whether it came by the Unix socket.
        transport: its transport.
        deadline: the loop's time at which it is ended unless it goes on.
    """

    __slots__ = (
        "_address",
        "_between",
        "_body",
        "_ending",
        "_fields",
        "_finish",
        "_first",
        "_head_size",
        "_in_head",
        "_keeper",
        "_known",
        "_login",
        "_long",
        "_loop",
        "_parser",
        "_room",
        "_taken",
        "_target",
        "_trusted",
        "_upgrading",
        "deadline",
        "transport",
        "unix",
    )

    transport: asyncio.Transport

    def __init__(self, keeper: Keeper, address: str, *, first: bytes = b"") -> None:
        """Wait for a connection.

        Args:
            keeper: what it shares with the others.
            address: where the connection came from. A transport can't tell of one that was reset by now.
            first: what was read of it already.
        """
        self._keeper, self._address, self._first = keeper, address, first
        self.unix = address == UNIX
        self._loop = asyncio.get_running_loop()
        self._parser = HttpRequestParser(self)
        self._trusted = self.unix
        self._login: str | None = None
        self._ending = False
        self._upgrading = False
        self._between = True
        self._taken: tuple[dict[bytes, bytes], bool] | None = None
        self._known: KnownHead | None = None
        self._begin()

    def _begin(self) -> None:
        self._target = b""
        self._fields: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        self._room = 0
        self._head_size = 0
        self._in_head = True
        self._finish: Callable[[], None] | None = None
        self.deadline = self._loop.time() + (KEEP_ALIVE if self._trusted else self._keeper.settings.header_timeout)

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the clock."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one, and doesn't say so
        self._keeper.enter(self)
        if self._first:
            first, self._first = self._first, b""
            self.data_received(first)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self._ending or (self._between and self._is_known(data)):
            return
        if self._trusted:
            self.deadline = self._loop.time() + self._keeper.settings.header_timeout
        while data:
            data = self._feed(data)

    def _feed(self, data: bytes) -> bytes:
        """Let the parser read on; return what is to be read again."""
        again = b""
        fields, whole = self._fields, self._between
        self._long = self._head_size + len(data) > HEAD_LIMIT
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            again = self._upgraded(data[upgrade.args[0] :])
        except HttpParserCallbackError as error:
            logger.exception("a request could not be handled", exc_info=error.__context__ or error)
            self._refuse(http.INTERNAL)
        except HttpParserError:
            self._refuse(http.BAD_REQUEST)
        self._settle(len(data) if self._fields is fields else 0)
        if self._taken is not None:
            (fields, keeps_alive), self._taken = self._taken, None
            if whole:
                self._remember(data, fields, keeps_alive)
        return again

    def _settle(self, more: int) -> None:
        """Look at where the connection is after ``more`` bytes of the request that it was at before."""
        if self._in_head:
            self._head_size += more
            if self._head_size > HEAD_LIMIT:
                self._refuse(http.HEAD_TOO_LARGE)
        if self._ending and not self.transport.is_closing():
            self.transport.write_eof()

    def eof_received(self) -> None:
        """Give one who has said everything its answers; the connection ends with this."""
        self._keeper.outbox.send()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it, and let go of what was read of a request."""
        self._keeper.leave(self)
        self._finish = None
        del self._parser  # both lead back here: all would wait for the garbage collector

    def pause_writing(self) -> None:
        """Take no further requests from one who does not take the answers."""
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def expire(self) -> None:
        """End a connection that takes too long; one in the middle of a request is told."""
        if self._ending or self.transport.get_write_buffer_size():
            self.transport.abort()
            return
        if self._target or self._head_size:
            self._refuse(http.TIMED_OUT)
        self.transport.close()

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Learn that a request began."""
        self._between = False

    def on_url(self, part: bytes) -> None:
        """Take (a part of) the target."""
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field. One that came twice is joined, so that no rule below is met by one of two values."""
        if not self._in_head:
            return
        name = name.lower()
        before = self._fields.get(name)
        self._fields[name] = value if before is None else before + b", " + value

    def on_headers_complete(self) -> None:
        """Decide."""
        self._in_head = False
        if self._ending or self._offers_something_else():
            return
        if self.transport.get_write_buffer_size() > UNTAKEN:
            self._refuse(http.RATE_LIMITED)
            return
        keeper, fields = self._keeper, self._fields
        path, _, query = self._target.partition(b"?")
        if self._long and len(self._target) + sum(map(len, chain(fields, fields.values()))) > HEAD_LIMIT:
            self._refuse(http.HEAD_TOO_LARGE)
        elif not path.startswith(b"/"):
            self._refuse(http.BAD_REQUEST)
        elif not self.unix and not keeper.access.host(fields.get(b"host"), self._reached):
            self._refuse(http.FOREIGN_HOST)
        elif path == HOOK:
            self._hook()
        elif path in keeper.routes and not (path == ROOT and self._parser.should_upgrade()):
            self._get(keeper.routes[path])
        elif self._parser.should_upgrade():
            self._upgrade(query)
        elif path in (LOGIN, CODE):
            self._post(self._enter if path == LOGIN else self._code)
        else:
            self._refuse(http.NOT_FOUND)

    def on_body(self, part: bytes) -> None:
        """Take a part of the body, if anybody wants it."""
        if self._room:
            if len(part) > self._room:
                self._refuse(http.TOO_LARGE)
            else:
                self._room -= len(part)
                self._body.append(part)

    def on_message_complete(self) -> None:
        """Finish the request; one that was refused leaves nothing to read, and needs no patience."""
        self._between = True
        if self._ending:
            self.transport.close()
        elif self._finish is not None:
            self._finish()

    # What becomes of a request.

    def _reached(self) -> str:
        name = self.transport.get_extra_info("sockname")
        return str(name[0])

    def _admits(self, by_token: bool) -> bool:
        """Refuse a request without the token, or of a foreign page."""
        keeper, origin = self._keeper, self._fields.get(b"origin")
        if not (by_token or self.unix or not keeper.settings.auth):
            self._refuse(http.UNAUTHORIZED)
        elif not (keeper.access.origin(origin, by_token) or keeper.access.own(origin, self._fields.get(b"host"))):
            self._refuse(http.FOREIGN_ORIGIN)
        else:
            return True
        return False

    def _hook(self) -> None:
        keeper, fields = self._keeper, self._fields
        if self._parser.get_method() != b"POST":
            self._refuse(http.error(405, "method not allowed", Allow="POST"))
            return
        if not self._admits(keeper.access.bearer(fields.get(b"authorization"))):
            return
        self._trust()
        if not keeper.hook_rates.allow(self._address, self._loop.time()):
            self._refuse(http.RATE_LIMITED)
        elif int(fields.get(b"content-length", 0)) > keeper.settings.hook_body_limit:
            self._refuse(http.TOO_LARGE)
        else:
            self._room = keeper.settings.hook_body_limit
            self._finish = self._take_body
            if fields.get(b"expect", b"").lower() == b"100-continue":
                self._write(http.CONTINUE)

    def _is_known(self, data: bytes) -> bool:
        """Take a hook whose head was let in before; return whether this is one."""
        now = self._loop.time()
        known = self._keeper.known_hook(data, self._known, "" if self.unix else self._address, now)
        if known is None:
            return False
        self._known, body = known
        self._trust()
        self.deadline = now + KEEP_ALIVE
        self._take(body, self._known.keeps_alive)
        return True

    def _remember(self, request: bytes, fields: dict[bytes, bytes], keeps_alive: bool) -> None:
        """Remember the head of a hook that was taken; for other connections only if nothing but it let it in."""
        access = self._keeper.access
        self._known = KnownHead.of(request, access.token(), keeps_alive=keeps_alive)
        by_head = not self.unix and not access.any_address and access.bearer(fields.get(b"authorization"))
        if self._known is not None and by_head:
            self._keeper.known_heads.add(self._known)

    def _trust(self) -> None:
        if not self._trusted:
            self._trusted = True
            self._keeper.trust(self)

    def _take_body(self) -> None:
        self._taken = self._fields, self._keeps_alive()
        self._take(b"".join(self._body), self._taken[1])

    def _take(self, body: bytes, keeps_alive: bool) -> None:
        answer = self._keeper.take(body)
        self._answer(answer, keeps_alive, at_once=answer is not http.ACCEPTED)

    def _get(self, route: http.Route) -> None:
        method = self._parser.get_method()
        if method not in (b"GET", b"HEAD"):
            self._refuse(http.error(405, "method not allowed", Allow="GET, HEAD"))
            return
        if route.private and not self._admits(self._keeper.access.bearer(self._fields.get(b"authorization"))):
            return
        make = route.maker(self._fields.get(b"accept-encoding", b""))
        tags = self._fields.get(b"if-none-match", b"")

        def finish() -> None:
            found = http.unless_known(make(), tags)
            self._answer(found if method == b"GET" else http.without_body(found), self._keeps_alive())

        self._finish = finish

    # Pages that come in.

    def _post(self, action: Callable[[], None]) -> None:
        if self._parser.get_method() != b"POST":
            self._refuse(http.error(405, "method not allowed", Allow="POST"))
        else:
            action()

    def _code(self) -> None:
        """Give a code to the owner."""
        if self._admits(self._keeper.access.bearer(self._fields.get(b"authorization"))):
            self._finish = lambda: self._answer(self._keeper.logins.code(), self._keeps_alive())

    def _enter(self) -> None:
        """Let a page of this server in, and none of another origin, that of another port included."""
        keeper, fields = self._keeper, self._fields
        origin = fields.get(b"origin")
        by_token = self.unix or not keeper.settings.auth or keeper.access.bearer(fields.get(b"authorization"))
        if origin is not None and not keeper.access.own(origin, fields.get(b"host")):
            self._refuse(http.FOREIGN_ORIGIN)
            return
        if b"authorization" in fields and not by_token:
            self._refuse(http.UNAUTHORIZED)
            return

        def finish() -> None:
            body = b"".join(self._body)
            answer = keeper.logins.enter(body, fields.get(b"cookie"), by_token=by_token)
            self._answer(answer, self._keeps_alive())

        self._room = BODY_LIMIT
        self._finish = finish

    def _admitted(self, query: bytes) -> str | None:
        """Return the login of a page that wants to connect; None if it has none, or is of another origin."""
        cookies = self._fields.get(b"cookie")
        if cookies is None or not self._keeper.access.own(self._fields.get(b"origin"), self._fields.get(b"host")):
            return None
        key = next(values(query, b"page"), b"")
        return self._keeper.logins.admitted(cookies, key.decode("latin-1"))

    def _keeps_alive(self) -> bool:
        return self._parser.should_keep_alive() and not self._parser.should_upgrade()

    def _answer(self, response: bytes, keeps_alive: bool, *, at_once: bool = True) -> None:
        if keeps_alive:
            if at_once:
                self._write(response)
            else:
                self._keeper.outbox.put(self.transport, response)
            if not self._in_head:
                self._begin()
        else:
            self._answer_last(response)
            self.transport.close()

    def _refuse(self, response: bytes) -> None:
        """Answer at once and read nothing more. The connection stays until the other side has the answer.

        Closed at once, with something of the request still coming, it would be reset, and the answer lost.
        """
        if not self._ending:
            logger.debug("a request was refused: %s", response[9:12].decode())
            self._answer_last(response)

    def _answer_last(self, response: bytes) -> None:
        self._ending = True
        self._body.clear()
        self._room = 0
        self._write(http.ACCEPTED_LAST if response is http.ACCEPTED else http.closing(response))
        self.deadline = self._loop.time() + self._keeper.settings.header_timeout

    def _write(self, data: bytes) -> None:
        """Write at once, behind the answers that wait."""
        self._keeper.outbox.send()
        self.transport.write(data)

    # WebSocket.

    def _upgrade(self, query: bytes) -> None:
        keeper, fields = self._keeper, self._fields
        by_token = keeper.access.bearer(fields.get(b"authorization")) or keeper.access.query(query)
        self._login = None if by_token else self._admitted(query)
        if not self._admits(by_token or self._login is not None):
            return
        if keeper.places.full:
            self._refuse(http.FULL)
        elif not self.unix and keeper.places.full_for(self._address):
            self._refuse(http.TOO_MANY_FROM_ADDRESS)
        else:
            self._upgrading = True

    def _offers_something_else(self) -> bool:
        """Tell whether the client would rather speak HTTP/2, as Java does before every first request."""
        return self._parser.should_upgrade() and self._fields.get(b"upgrade", b"websocket").lower() != b"websocket"

    def _decline(self, rest: bytes) -> bytes:
        """Return a request without its offer: the parser took it for the last one, and its body for the offer's."""
        shown = [name + b": " + value for name, value in self._fields.items() if name != b"upgrade"]
        head = self._head(self._target, shown)
        self._begin()
        self._parser = HttpRequestParser(self)
        return head + rest

    def _head(self, target: bytes, fields: list[bytes]) -> bytes:
        version = self._parser.get_http_version().encode()
        return b"\r\n".join((self._parser.get_method() + b" " + target + b" HTTP/" + version, *fields, b"", b""))

    def _upgraded(self, rest: bytes) -> bytes:
        """Learn that the parser is done with this connection; return what another one is to read."""
        if self._ending:
            return b""
        if not self._upgrading:
            return self._decline(rest)
        protocol = self._handshake()
        if protocol is None:
            self._refuse(http.BAD_HANDSHAKE)
            return b""
        client = Connection(self._keeper.hub, protocol, by_token=not self.unix and self._keeper.settings.auth)
        client.login = self._login
        places, address = self._keeper.places, self._address
        places.take(address)
        client.on_lost = lambda: places.give_back(address)
        self._keeper.leave(self)
        self._keeper.outbox.send()
        self.transport.set_protocol(client)
        del self._parser
        client.connection_made(self.transport)
        if rest:
            client.data_received(rest)
        return b""

    def _handshake(self) -> ServerProtocol | None:
        """Return the protocol after a good handshake. It is shown only what it needs: no query, no token."""
        protocol = ServerProtocol(max_size=self._keeper.settings.message_limit, logger=_quiet)
        shown = [
            name + b": " + value
            for name, value in self._fields.items()
            if name in (b"connection", b"upgrade") or name.startswith(b"sec-websocket-")
        ]
        protocol.receive_data(self._head(b"/", shown))
        for request in protocol.events_received():
            assert isinstance(request, Request)
            response = protocol.accept(request)
            if response.status_code == 101:
                protocol.send_response(response)
                return protocol
        return None


_quiet = logging.getLogger("clawsocket.server.websocket")
_quiet.setLevel(logging.WARNING)  # at DEBUG every frame would be logged, with all it holds
