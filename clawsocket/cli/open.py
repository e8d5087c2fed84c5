"""``claw-socket open``: the dashboard, in the browser."""

from __future__ import annotations

import http.client
import os
import socket
import sys
import webbrowser
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from clawsocket.cli.parsing import Parser, RawHelp
from clawsocket.client import address
from clawsocket.client.address import Address
from clawsocket.errors import NoServerError, TokenRefusedError
from clawsocket.paths import Home

LIMIT = 5.0
"""Seconds for the service to answer."""

EPILOG = """\
The link lets one browser in: it works once, and for a minute. The browser stays let in for 30 days after it was last
used, and until the token is replaced (claw-socket token rotate); the token itself is in no address.

From another machine, forward the port first: ssh -L 3838:localhost:3838 HOST, then open the printed link there.

exit codes: 0 done, 1 a wrong argument or no browser, 13 nothing answers, 14 the token is not taken
"""


class _Code(msgspec.Struct):
    code: str


def main(argv: Sequence[str]) -> int:
    """Run ``claw-socket open``; return the exit code.

    Raises:
        NoServerError: the service does not answer.
        TokenRefusedError: it does not take the token.
    """
    parser = Parser(
        prog="claw-socket open",
        description="Opens the dashboard in the browser.",
        epilog=EPILOG,
        formatter_class=RawHelp,
    )
    parser.add_argument("--print", action="store_true", help="print the link, and open nothing")
    options = parser.parse_args(argv)
    link = _link(Home.default())
    if options.print:
        print(link)
        return 0
    if _has_screen() and webbrowser.open(link):
        print("opened in the browser")
        return 0
    print(link)
    print("claw-socket: no browser could be opened here; the link works once, for a minute", file=sys.stderr)
    return 1


def _has_screen() -> bool:
    """Tell whether a browser can show itself: one for terminals can't show the page."""
    return sys.platform == "darwin" or any(os.environ.get(name) for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"))


def _link(home: Home) -> str:
    found = address.find(home=home)
    code = msgspec.json.decode(_ask(found), type=_Code).code
    return f"{_page(home)}#code={code}"


def _page(home: Home) -> str:
    """Return the address of the page: a browser can't go by the Unix socket."""
    return address.endpoint(home).url.replace("ws", "http", 1)


def _ask(found: Address) -> bytes:
    """Ask the service for a code.

    Raises:
        NoServerError: it does not answer.
        TokenRefusedError: it does not take the token.
    """
    connection = _Connection(found)
    headers = {"Authorization": f"Bearer {found.token}"} if found.token else {}
    try:
        connection.request("POST", "/code", headers=headers)
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise NoServerError(found.where, str(error) or type(error).__name__) from None
    finally:
        connection.close()
    if answer.status == 401:
        raise TokenRefusedError(found.where, found.origin)
    if answer.status != 200:
        raise NoServerError(found.where, f"it answers {answer.status}; an older version may still run")
    return body


class _Connection(http.client.HTTPConnection):
    """HTTP by the Unix socket, where there is one."""

    def __init__(self, found: Address) -> None:
        parts = urlsplit(found.url)
        super().__init__(parts.hostname or "localhost", parts.port, timeout=LIMIT)
        self._socket = found.socket

    def connect(self) -> None:
        if self._socket is None:
            super().connect()
            return
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(LIMIT)
        self.sock.connect(self._socket)
