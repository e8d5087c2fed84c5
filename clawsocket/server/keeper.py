"""The keeper of the gates: who is at them, and for how long.

A connection is a stranger until a request of it has shown the token. Strangers have few places, from which the oldest
is turned out first, and little time, so that they can't keep the owner out.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from clawsocket.config import Settings
from clawsocket.errors import InvalidHookError
from clawsocket.server import http
from clawsocket.server.access import Access
from clawsocket.server.http import Route
from clawsocket.server.hub import Hub
from clawsocket.server.known_head import KnownHead, KnownHeads
from clawsocket.server.limits import Places, Rates
from clawsocket.server.logins import Logins
from clawsocket.server.outbox import Outbox

if TYPE_CHECKING:
    from clawsocket.server.gate import Gate

UNIX = "unix"
"""Where what came by the Unix socket came from."""

logger = logging.getLogger(__name__)


class Keeper:
    """What all gates of a server share."""

    def __init__(
        self, settings: Settings, access: Access, hub: Hub, routes: Mapping[bytes, Route], signed_out: Path
    ) -> None:
        """Put it together.

        Args:
            settings: the settings.
            access: the rules.
            hub: where clients go.
            routes: what answers GET on which path.
            signed_out: the file that says which pages were signed out.
        """
        self.settings, self.access, self.hub, self.routes = settings, access, hub, routes
        self.logins = Logins(access.token, signed_out)
        self.logins.on_ended = hub.end_login
        self.hook_rates = Rates(settings.hook_rate)
        self.known_heads = KnownHeads()
        self.outbox = Outbox()
        self.places = Places(settings.max_connections, settings.max_connections_per_address)
        self.strangers: dict[Gate, None] = {}
        self.producers: dict[Gate, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def enter(self, gate: Gate) -> None:
        """Give a new connection a place; a stranger may take that of the oldest stranger."""
        if gate.unix:
            self.producers[gate] = None
        else:
            if len(self.strangers) >= self.settings.max_strangers:
                oldest = next(iter(self.strangers))
                self.leave(oldest)
                oldest.transport.abort()
            self.strangers[gate] = None
        if self._timer is None:
            self._later()

    def trust(self, gate: Gate) -> None:
        """Learn that a connection has shown the token."""
        if self.strangers.pop(gate, self) is not self:
            self.producers[gate] = None

    def leave(self, gate: Gate) -> None:
        """Forget a connection."""
        self.strangers.pop(gate, None)
        self.producers.pop(gate, None)

    # Hooks

    def known_hook(
        self, data: bytes, head: KnownHead | None, address: str, now: float
    ) -> tuple[KnownHead, bytes] | None:
        """Return a hook's head and body if the head was let in before and nothing is against it, else None.

        Args:
            data: what came, from the request's first byte on.
            head: the one that its connection sent last; None for a new one.
            address: where it came from; empty for the Unix socket, whose heads are nobody else's.
            now: the loop's time.
        """
        head = head or (self.known_heads.find(data) if address else None)
        body = head.body(data) if head is not None else None
        if head is None or body is None or head.token != self.access.token():
            return None
        if len(body) > self.settings.hook_body_limit or not self.hook_rates.allow(address or UNIX, now):
            return None
        return head, body

    def take(self, body: bytes) -> bytes:
        """Take a hook, and move the clients if they don't have to wait; return the answer."""
        try:
            self.hub.backend.take_hook(body)
        except InvalidHookError as error:
            return http.error(400, error.code)
        except Exception:
            logger.exception("a hook could not be taken")
            return http.INTERNAL
        self.hub.fanout.hurry()
        return http.ACCEPTED

    # The end

    def close(self) -> None:
        """End all connections that are still here, when they have their answers."""
        if self._timer is not None:
            self._timer.cancel()
        self.outbox.send()
        for gate in (*self.strangers, *self.producers):
            gate.transport.close()

    def abort(self) -> None:
        """End those that do not take their answers."""
        for gate in (*self.strangers, *self.producers):
            gate.transport.abort()

    def _later(self) -> None:
        wait = min(self.settings.header_timeout / 2, 1.0)
        self._timer = asyncio.get_running_loop().call_later(wait, self._sweep)

    def _sweep(self) -> None:
        """End what takes too long; one timer for all costs a connection nothing."""
        now = asyncio.get_running_loop().time()
        for gate in (*self.strangers, *self.producers):
            if gate.deadline <= now:
                gate.expire()
        self._timer = None
        if self.strangers or self.producers:
            self._later()
