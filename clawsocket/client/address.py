"""Where the server is, and what lets us in: given, or found in our own folder."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from clawsocket import token
from clawsocket.errors import NoServerError
from clawsocket.paths import Home
from clawsocket.protocol.endpoint import Endpoint

LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Address(NamedTuple):
    """A place to connect to.

    Attributes:
        url: of the server; over the Unix socket only its name in the request.
        socket: the Unix socket; None to go by the URL.
        token: what lets us in; None where none is needed or known.
        origin: where the token came from, for an error.
    """

    url: str
    socket: str | None = None
    token: str | None = None
    origin: str = "none was given"

    @property
    def where(self) -> str:
        """The place as a person would name it; an address never shows its query, which may hold a token."""
        return self.socket or urlsplit(self.url)._replace(query="").geturl()


def find(url: str | None = None, given: str | None = None, home: Home | None = None) -> Address:
    """Return where to connect; looked up anew each time, since a server that comes back may have changed both.

    The Unix socket goes first: it needs no token, and nobody else can stand there. A token that was found is shown to
    this machine alone.

    Args:
        url: the server; None for that of this user.
        given: the token; None for that in our own folder.
        home: our own folder.

    Raises:
        NoServerError: no server of this user runs.
        FolderError: the token is there and can't be read.
    """
    home = home or Home.default()
    if url is not None:
        if given is not None:
            return Address(url, token=given, origin="given by the caller")
        return _with_token(url, home.token) if urlsplit(url).hostname in LOOPBACK else Address(url)
    found = endpoint(home)
    if found.socket is not None:
        return Address("ws://localhost/", socket=found.socket)
    if given is not None:
        return Address(found.url, token=given, origin="given by the caller")
    return _with_token(found.url, home.token)


def endpoint(home: Home) -> Endpoint:
    """Return what the running server says of itself.

    Raises:
        NoServerError: none runs.
    """
    path = home.endpoint
    try:
        return msgspec.json.decode(path.read_bytes(), type=Endpoint)
    except FileNotFoundError:
        problem = "it is not there"
    except OSError as error:
        problem = str(error.strerror)
    except (msgspec.DecodeError, UnicodeDecodeError):
        problem = "it tells nothing"
    raise NoServerError(str(path), problem)


def _with_token(url: str, path: Path) -> Address:
    found = token.load(path)
    return Address(url, token=found, origin=f"from {path}" if found else f"there is none in {path}")
