"""The file ``endpoint``: how programs of this user find the running server."""

from __future__ import annotations

import msgspec


class Endpoint(msgspec.Struct):
    """Where a running server is. ``socket`` is its Unix socket, null where it has none; who can, goes there first."""

    url: str
    socket: str | None
    pid: int
    version: str

    @property
    def port(self) -> int:
        """The port; 0 if the address has none."""
        port = self.url.rstrip("/").rpartition(":")[2]
        return int(port) if port.isdigit() else 0
