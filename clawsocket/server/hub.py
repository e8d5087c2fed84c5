"""What all clients of a server share."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from clawsocket.config import Settings
from clawsocket.log.eventlog import EventLog
from clawsocket.log.fanout import FanOut
from clawsocket.server.agentlog import AgentLogs
from clawsocket.server.backend import Backend

if TYPE_CHECKING:
    from clawsocket.server.connection import Connection

logger = logging.getLogger(__name__)


class Hub:
    """The meeting point.

    Attributes:
        settings: the settings.
        log: the log that clients read.
        fanout: moves their cursors.
        backend: the rest of the program.
        agent_logs: who follows which transcript.
        clients: the WebSocket clients.
    """

    def __init__(self, settings: Settings, log: EventLog, fanout: FanOut, backend: Backend) -> None:
        """Start without clients."""
        self.settings, self.log, self.fanout, self.backend = settings, log, fanout, backend
        self.agent_logs = AgentLogs()
        self.clients: dict[Connection, None] = {}
        self._empty = asyncio.Event()

    def enter(self, client: Connection) -> None:
        """Take a client in."""
        self.clients[client] = None
        self._empty.clear()
        logger.debug("a client came, there are %d", len(self.clients))

    def leave(self, client: Connection) -> None:
        """Forget a client."""
        self.clients.pop(client, None)
        logger.debug("a client went, there are %d", len(self.clients))
        if not self.clients:
            self._empty.set()

    def end_login(self, id: str) -> None:
        """Close the pages that came in by a login that ended."""
        for client in list(self.clients):
            if client.login == id:
                client.close(4409)

    async def emptied(self, seconds: float) -> None:
        """Wait until all clients are gone, for so long at most."""
        if self.clients:
            try:
                async with asyncio.timeout(seconds):
                    await self._empty.wait()
            except TimeoutError:
                return
