"""The file ``endpoint``: how programs of this user find the running server."""

from __future__ import annotations

import msgspec


class Endpoint(msgspec.Struct):
    """Where a running server is. ``socket`` is its Unix socket, null where it has none; who can, goes there first."""

    url: str
    socket: str | None
    pid: int
    version: str
