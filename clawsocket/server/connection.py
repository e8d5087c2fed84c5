"""One WebSocket client: its place in the log, its pings, its end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import cast

import msgspec
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from clawsocket.protocol.base import Wire
from clawsocket.protocol.frame import text_frame
from clawsocket.protocol.replies import CLOSE_CODES, Bookmark, Gap
from clawsocket.server.hub import Hub
from clawsocket.server.limits import Window
from clawsocket.server.requests import Requests

BACKLOG = 4
"""How many socket buffers of answers may wait before a client that does not read is not read from either."""

CLOSE_WAIT = 2.0
"""Seconds for a client to take its close frame."""

BOOKMARK_INTERVAL = 60.0
"""Seconds between bookmarks, at least."""

TURN = 0.01
"""Seconds that the messages of one client may hold the loop, about."""

VIOLATIONS = 3
"""How many messages over the rate close a connection."""

logger = logging.getLogger(__name__)
_encoder = msgspec.json.Encoder()


class Connection(asyncio.Protocol):
    """A client, once it has shaken hands.

    Its frames of events are ready-made and go straight to the transport; the sans-I/O protocol sees what the client
    sends, and makes pings, pongs and close frames.

    Attributes:
        hub: what it shares with the others.
        cursor: its place in the log.
        by_token: whether it came in by the token, so that a new one ends it.
        login: the id of the login by which a page came in; None for others.
        on_lost: called once, when the connection is gone.
    """

    def __init__(self, hub: Hub, protocol: ServerProtocol, *, by_token: bool) -> None:
        """Wait for the transport."""
        self.hub, self.by_token = hub, by_token
        self.login: str | None = None
        self.on_lost: Callable[[], None] = lambda: None
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._rate = Window(hub.settings.message_rate)
        self._violations = 0
        self._inbox: deque[bytes] = deque()
        self._parts: list[bytes] = []
        self._turn: asyncio.Handle | None = None
        self._paused = False
        self._held = False
        self._detached = False
        self._alive = True
        self._unsent = 0
        self._told = 0
        self._bookmarked = self._loop.time()

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Finish the handshake and send the snapshot."""
        limit = self.hub.settings.socket_buffer
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one, and doesn't say so
        self.hub.enter(self)
        self.cursor = self.hub.fanout.add(self)
        self.requests = Requests(self)
        self.transport.set_write_buffer_limits(high=limit, low=limit // 4)
        self._told = self.cursor.position
        self._flush()
        self._timer = self._loop.call_later(self.hub.settings.ping_interval, self._ping)
        self._guard(self.requests.snapshot)

    def data_received(self, data: bytes) -> None:
        """Take what the client sends."""
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._frame(event)
        self._flush()
        self._work()
        self._hold_if_full()  # of pongs

    def eof_received(self) -> None:
        """Learn that the client is gone."""
        self._protocol.receive_eof()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it all."""
        self._detach()
        self._timer.cancel()
        self.hub.leave(self)
        self.on_lost()

    def pause_writing(self) -> None:
        """Send no more: the cursor stays where it is."""
        self._paused = True
        self.cursor.ready = False
        self._hold_if_full()

    def resume_writing(self) -> None:
        """Go on from there."""
        self._paused = self._held = False
        self._alive = True
        if self.transport.is_closing():
            return
        self.transport.resume_reading()
        self.hub.fanout.resume(self.cursor)
        self.requests.room()
        self._work()

    # What the cursor calls.

    def send_frames(self, frames: bytes) -> bool:
        """Write ready frames; return whether there is room for more."""
        self.transport.write(frames)
        self._told = self.cursor.position
        return not self._paused

    def takes_gaps(self) -> bool:
        """Say goodbye to who wants all or nothing, as events are missing ahead; return whether it goes on."""
        if self.requests.all_or_nothing:
            self.close(4408)
        return not self.requests.all_or_nothing

    def send_gap(self, gap: Gap) -> bool:
        """Tell that events are missing, or say goodbye to who wants all or nothing; return whether it goes on."""
        if not self.takes_gaps():
            return False
        self.send(gap)
        return True

    def reached(self, position: int) -> None:
        """Send the snapshots that wait for this place."""
        self._guard(self.requests.reached, position)

    def fail(self) -> None:
        """Close, since something went wrong here."""
        self.close(4500)

    # What requests use.

    @property
    def room(self) -> bool:
        """Whether the client takes what it is sent."""
        return self.open and not self._paused

    @property
    def open(self) -> bool:
        """Whether anything can be sent at all."""
        return self._protocol.state is State.OPEN and not self.transport.is_closing()

    def send(self, message: Wire) -> None:
        """Send a message."""
        self.write(text_frame(_encoder.encode(message)))

    def write(self, frames: bytes) -> None:
        """Write ready frames."""
        if self.open:
            self.transport.write(frames)

    def close(self, code: int) -> None:
        """Say goodbye, and give the client a moment to take it."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(code, CLOSE_CODES[code])
        self._flush()
        self._wind_up()

    # The rest is nobody's business.

    def _frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.PONG:
            self._alive = True
        elif frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            if frame.data:  # any number of empty ones is within the size of a message
                self._parts.append(bytes(frame.data))
            if frame.fin:
                self._inbox.append(b"".join(self._parts))
                self._parts.clear()

    def _work(self) -> None:
        """Handle the client's messages, as long as it takes the answers; after a while, others have their turn."""
        end = time.perf_counter() + TURN
        while self._inbox and self.open and not self._held and self._turn is None:
            self._guard(self._message, self._inbox.popleft())
            self._hold_if_full()
            if self._inbox and time.perf_counter() > end:
                self._turn = self._loop.call_soon(self._work_on)

    def _work_on(self) -> None:
        self._turn = None
        self._work()

    def _message(self, data: bytes) -> None:
        if self._rate.allow(self._loop.time()):
            self.requests.handle(data)
            return
        self._violations += 1
        if self._violations >= VIOLATIONS:
            self.close(1008)
        else:
            self.requests.refuse(data, "rate_limited")

    def _hold_if_full(self) -> None:
        """Read no more from a client that does not take its answers."""
        if not self._paused:
            return
        waiting = self.transport.get_write_buffer_size() + self.requests.waiting
        if waiting > BACKLOG * self.hub.settings.socket_buffer:
            self._held = True
            self.transport.pause_reading()

    def _guard(self, do: Callable[..., None], *arguments: object) -> None:
        """Do it; what goes wrong ends this client, is told to nobody but the log, and leaves the others alone."""
        try:
            do(*arguments)
        except Exception:
            logger.exception("a client's request failed")
            self.fail()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self.transport.write(data)
            elif not self.transport.is_closing():
                self.transport.write_eof()
        if self._protocol.state is not State.OPEN:
            self._wind_up()

    def _wind_up(self) -> None:
        """Send nothing more, and wait for the other side to close. Closed at once, the close frame could be lost."""
        if self._detach():
            self._timer.cancel()
            self._timer = self._loop.call_later(CLOSE_WAIT, self.transport.abort)
            if self._held:
                self.transport.resume_reading()

    def _detach(self) -> bool:
        """Leave the log; return whether this was the first time."""
        if self._detached:
            return False
        self._detached = True
        self.hub.fanout.remove(self.cursor)
        self.requests.cancel()
        self._inbox.clear()
        return True

    def _ping(self) -> None:
        self._bookmark()
        self._alive = False
        self._protocol.send_ping(b"")
        self._flush()
        self._wait_for_pong()

    def _wait_for_pong(self) -> None:
        self._unsent = self.transport.get_write_buffer_size()
        self._timer = self._loop.call_later(self.hub.settings.ping_timeout, self._check_pong)

    def _check_pong(self) -> None:
        """Close when no pong came, unless the ping still waits behind what the client is busy taking."""
        settings = self.hub.settings
        if self._alive:
            self._timer = self._loop.call_later(max(0.0, settings.ping_interval - settings.ping_timeout), self._ping)
        elif self.transport.get_write_buffer_size() < self._unsent:
            self._wait_for_pong()
        else:
            self.close(1001)

    def _bookmark(self) -> None:
        """Tell a client that has had nothing for a while how far it is."""
        position, now = self.cursor.position, self._loop.time()
        if self.cursor.filter.topics and position > self._told and now - self._bookmarked >= BOOKMARK_INTERVAL:
            self._told, self._bookmarked = position, now
            self.send(Bookmark(head_seq=position))
