"""The running service, asked over its Unix socket: nobody else can be at the other end, and it needs no token."""

from __future__ import annotations

from collections import Counter

import msgspec

from clawsocket.errors import FolderError, FolderInUseError
from clawsocket.paths import Home
from clawsocket.protocol.endpoint import Endpoint

LIMIT = 2.0
"""Seconds for the service to answer."""


class Running(msgspec.Struct):
    """A service that answers.

    Attributes:
        endpoint: where it is.
        states: how many of its sessions are in each state.
        troubles: how often each of its sources told of one since it was started.
    """

    endpoint: Endpoint
    states: Counter[str]
    troubles: dict[str, int] = {}


class _Session(msgspec.Struct):
    state: str


class _Snapshot(msgspec.Struct):
    sessions: list[_Session]


class _Status(msgspec.Struct):
    troubles: dict[str, int] = {}


def endpoint(home: Home) -> Endpoint | None:
    """Return what the file says; None: there is none. A service that was killed leaves it behind."""
    try:
        return msgspec.json.decode(home.endpoint.read_bytes(), type=Endpoint)
    except (OSError, msgspec.DecodeError):
        return None


def look(home: Home) -> Running | None:
    """Return the service of a folder; None: none answers."""
    found = endpoint(home)
    if found is None:
        return None
    from websockets.exceptions import WebSocketException
    from websockets.sync.client import unix_connect

    try:
        with unix_connect(
            str(home.socket), "ws://localhost/", open_timeout=LIMIT, close_timeout=LIMIT, max_size=None
        ) as client:
            snapshot = msgspec.json.decode(client.recv(LIMIT), type=_Snapshot)
            client.send('{"type":"get_status"}')
            status = msgspec.json.decode(client.recv(LIMIT), type=_Status)
    except (OSError, EOFError, WebSocketException, msgspec.DecodeError):
        return None
    return Running(found, Counter(one.state for one in snapshot.sessions), status.troubles)


def lives(home: Home) -> bool:
    """Tell whether a service has the folder, also one that hangs. Its pid does not: another may have that."""
    try:
        with home.lock():
            return False
    except FolderInUseError:
        return True
    except FolderError:
        return False
