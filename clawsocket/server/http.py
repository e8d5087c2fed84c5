"""HTTP answers, made once where they are always the same, and the routes."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

JSON = "application/json"


def answer(status: int, body: bytes, kind: str = JSON, **headers: str) -> bytes:
    """Return a whole response. Nobody may guess its type, or keep it unless it is said how.

    Args:
        status: its status.
        body: its body.
        kind: the type of the body.
        headers: further headers, with ``_`` for ``-``.
    """
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        "X-Content-Type-Options: nosniff",
        *(f"{name.replace('_', '-')}: {value}" for name, value in {"Cache_Control": "no-store", **headers}.items()),
    ]
    return "\r\n".join((*lines, "", "")).encode("ascii") + body


def error(status: int, code: str, **headers: str) -> bytes:
    """Return a response that says what was wrong."""
    return answer(status, msgspec.json.encode({"error": code}), **headers)


def closing(response: bytes) -> bytes:
    """Return a response that says that the connection ends with it."""
    return response.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)


def without_body(response: bytes) -> bytes:
    """Return a response as a HEAD request gets it."""
    return response[: response.index(b"\r\n\r\n") + 4]


def unless_known(response: bytes, tags: bytes) -> bytes:
    """Return a response, or to one who has it already, that it is still the same.

    Args:
        response: the response; without an ``ETag`` it is always sent.
        tags: what the request says in ``If-None-Match``.
    """
    head = without_body(response)
    tag = _TAG.search(head)
    if tag is None or tag[1] not in {one.strip().removeprefix(b"W/") for one in tags.split(b",")}:
        return response
    return b"HTTP/1.1 304 Not Modified\r\n" + _OF_THE_BODY.sub(b"", head.partition(b"\r\n")[2])


_TAG = re.compile(rb"\r\nETag: (\S+)\r\n")
_OF_THE_BODY = re.compile(rb"Content-(?:Type|Length|Encoding): [^\r]*\r\n")

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
ACCEPTED = answer(202, b'{"status":"accepted"}')
ACCEPTED_LAST = closing(ACCEPTED)
BAD_REQUEST = error(400, "bad request")
BAD_HANDSHAKE = error(400, "invalid handshake", Sec_WebSocket_Version="13")
UNAUTHORIZED = error(401, "unauthorized")
FOREIGN_HOST = error(403, "foreign host")
FOREIGN_ORIGIN = error(403, "foreign origin")
NOT_FOUND = error(404, "not found")
TIMED_OUT = error(408, "timed out")
TOO_LARGE = error(413, "too large")
RATE_LIMITED = error(429, "rate_limited")
TOO_MANY_FROM_ADDRESS = error(429, "too many connections from this address")
HEAD_TOO_LARGE = error(431, "head too large")
INTERNAL = error(500, "internal error")
FULL = error(503, "too many connections")


class Route(NamedTuple):
    """What answers GET on a path.

    Attributes:
        make: makes the whole response.
        private: whether it is only for those who have the token.
        packed: makes the same with a compressed body, for those who take gzip; None: it is not worth it.
    """

    make: Callable[[], bytes]
    private: bool = False
    packed: Callable[[], bytes] | None = None

    def maker(self, encodings: bytes) -> Callable[[], bytes]:
        """Return what makes the response for a client of this ``Accept-Encoding``."""
        return self.packed if self.packed is not None and b"gzip" in encodings else self.make


def health(sessions: Callable[[], int], version: str) -> Route:
    """Return the route that tells that the server is up, for anyone."""

    def make() -> bytes:
        found: dict[str, Any] = {"status": "ok", "sessions": sessions(), "version": version}
        return answer(200, msgspec.json.encode(found))

    return Route(make)


def contract() -> Route:
    """Return the route of the contract, the AsyncAPI document, for anyone.

    It is read when somebody asks for it first, and then kept: it is what this program speaks as long as it runs.
    """

    @cache
    def make() -> bytes:
        found = Path(__file__).with_name("asyncapi.json").read_bytes()
        return answer(200, found, Content_Security_Policy="default-src 'none'")

    return Route(make)


def metrics(text: Callable[[], str]) -> Route:
    """Return the route of what Prometheus scrapes."""
    kind = "text/plain; version=0.0.4; charset=utf-8"
    return Route(lambda: answer(200, text().encode(errors="replace"), kind), private=True)
