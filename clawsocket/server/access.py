"""Who may come in: the token, the Host that a request names, the Origin of the page that sent it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from clawsocket.config import Settings
from clawsocket.token import same

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\s:\[\]@/?#,]+)\.?(?::\d{1,5})?")
_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|::1")
_ORIGIN = re.compile(r"https?://([^/@?#,]+)")


_LONGEST = 262
"""Of a name with its port. What anybody may send is not kept if it is longer."""


def host_name(value: str) -> str | None:
    """Return the name in a ``Host`` header's value, in lower case, without port and brackets; None if it has none."""
    return _host_name(value) if len(value) <= _LONGEST else None


@lru_cache(maxsize=1024)
def _host_name(value: str) -> str | None:
    match = _HOST.fullmatch(value.lower())
    return match[1].rstrip(".").strip("[]") if match else None


class Access:
    """The rules, for one server.

    Loopback names always name us. Pages on loopback may speak to us, and our own at any name of ours, others only where
    a setting says so; ``null``, which any page can be, only with a token of its own.

    Attributes:
        token: gives the token as it is now.
        any_address: whether the server is bound to all addresses, and known by each.
    """

    def __init__(self, settings: Settings, token: Callable[[], str]) -> None:
        """Take the rules from the settings.

        Args:
            settings: ``host``, ``allowed_hosts`` and ``allowed_origins`` are looked at.
            token: gives the token as it is now.
        """
        self.token = token
        self._names = {host_name(name) or name.lower() for name in (*settings.allowed_hosts, settings.host)}
        self.any_address = not settings.host.strip("0.:")
        self._origins = settings.allowed_origins

    def host(self, value: bytes | None, reached: Callable[[], str]) -> bool:
        """Tell whether a request is meant for us.

        Args:
            value: its ``Host`` header; None if it has none.
            reached: gives the address of ours that it was sent to. A server that is bound to every address knows itself
                by it: a page whose name was bound to our address anew (DNS rebinding) can't send it.
        """
        name = host_name(value.decode("latin-1")) if value is not None else None
        if name is None:
            return False
        return _is_loopback(name) or name in self._names or (self.any_address and name == reached())

    def origin(self, value: bytes | None, by_token: bool) -> bool:
        """Tell whether a page of this ``Origin`` (None: no page) may speak to us."""
        if value is None:
            return True
        origin = value.decode("latin-1").lower()
        if origin == "null":
            return by_token
        match = _ORIGIN.fullmatch(origin)
        name = host_name(match[1]) if match else None
        return (name is not None and _is_loopback(name)) or any(_fits(origin, rule.lower()) for rule in self._origins)

    def own(self, origin: bytes | None, host: bytes | None) -> bool:
        """Tell whether a request comes from a page of this very server: same host, same port as the request names."""
        return (
            origin is not None
            and host is not None
            and origin.lower() in (b"http://" + host.lower(), b"https://" + host.lower())
        )

    def bearer(self, authorization: bytes | None) -> bool:
        """Tell whether an ``Authorization`` header holds the token."""
        scheme, _, given = (authorization or b"").partition(b" ")
        return scheme == b"Bearer" and same(given.strip(), self.token())

    def query(self, query: bytes) -> bool:
        """Tell whether a query holds the token, as ``token=``."""
        return any(same(given, self.token()) for given in values(query, b"token"))


def values(query: bytes, wanted: bytes) -> Iterator[bytes]:
    """Yield what a query gives for a name."""
    for pair in query.split(b"&"):
        name, _, given = pair.partition(b"=")
        if name == wanted:
            yield unquote_to_bytes(given)


@lru_cache(maxsize=1024)
def _is_loopback(name: str) -> bool:
    return _LOOPBACK.fullmatch(name) is not None


def _fits(origin: str, rule: str) -> bool:
    return origin.startswith(rule[:-1]) if rule.endswith("*") else origin == rule
