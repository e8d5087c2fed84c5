"""The keeper of the gates: who is at them, and for how long.

A connection is a stranger until a request of it has shown the token. Strangers have few places, from which the oldest
is turned out first, and little time, so that they can't keep the owner out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from clawsocket.config import Settings
from clawsocket.server.access import Access
from clawsocket.server.http import Route
from clawsocket.server.hub import Hub
from clawsocket.server.known_head import KnownHeads
from clawsocket.server.limits import Places, Rates
from clawsocket.server.logins import Logins
from clawsocket.server.outbox import Outbox

if TYPE_CHECKING:
    from clawsocket.server.gate import Gate


class Keeper:
    """What all gates of a server share."""

    def __init__(self, settings: Settings, access: Access, hub: Hub, routes: Mapping[bytes, Route]) -> None:
        """Take the rules, the hub that clients go to, and what answers GET on which path."""
        self.settings, self.access, self.hub, self.routes = settings, access, hub, routes
        self.logins = Logins(access.token)
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
