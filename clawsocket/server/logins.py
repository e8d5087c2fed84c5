"""How a page in a browser comes in: a one-time code, or the token, is traded for a cookie and a key.

The cookie (HttpOnly, SameSite=Strict) is out of reach of scripts, but a browser sends it to every port of its host, so
to servers of others, too. The key is kept by the page, for pages of its own origin, host and port, alone. A WebSocket
needs both, and an ``Origin`` that is this server's: what one of them leaks to is not let in.

Both are made from the token, so that they outlive this process, and not the token. Nothing of a login is kept, but
which ones were ended: in a file, since that must outlive this process, too.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from clawsocket.errors import FolderError
from clawsocket.paths import write_private
from clawsocket.server import http
from clawsocket.token import same

CODE_TIME = 60.0
"""Seconds for which a code can be used, once."""

LOGIN_TIME = 30 * 86_400
"""Seconds for which a login holds; each time that the page is opened it is prolonged."""

MAX_CODES = 32
"""Codes that are remembered, used ones and new ones."""

MAX_ENDED = 1000
"""Ended logins that are remembered; a code of the owner's stands behind each."""

BODY_LIMIT = 4096
"""Size of a request to come in, in bytes."""

NEEDED = http.answer(200, b'{"key":null}')
"""For a page that has nothing to show yet: an error would stand in the browser's console on every first visit."""

UNUSABLE = http.error(401, "code used")
EXPIRED = http.error(401, "code expired")


class _Ask(msgspec.Struct):
    code: str | None = None
    key: str = ""


class _Code(msgspec.Struct):
    made: float
    login: str | None = None


_ask = msgspec.json.Decoder(_Ask)
_ends = msgspec.json.Decoder(dict[str, int])
logger = logging.getLogger(__name__)


class Logins:
    """The codes that wait, and the rules.

    Attributes:
        on_ended: called with the id of a login that ended before its time.
    """

    def __init__(
        self,
        token: Callable[[], str],
        file: Path,
        *,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Know no codes, and which logins were ended.

        Args:
            token: gives the token as it is now.
            file: says which ones were.
            now: gives the seconds since 1970.
            clock: gives the seconds of a clock that nobody sets.
        """
        self._token, self._file, self._now, self._clock = token, file, now, clock
        self._codes: dict[bytes, _Code] = {}
        self._ended = self._load()
        self.on_ended: Callable[[str], None] = lambda _: None

    @property
    def cookie_name(self) -> str:
        """The cookie's name: cookies are shared by all ports of a host, and each server has its own."""
        return f"claw-socket-{self._mac('name')[:8]}"

    def code(self) -> bytes:
        """Answer the owner who asks for a code."""
        code = secrets.token_hex(16)
        while len(self._codes) >= MAX_CODES:
            del self._codes[next(iter(self._codes))]
        self._codes[self._named(code)] = _Code(self._clock())
        return http.answer(200, msgspec.json.encode({"code": code, "seconds": int(CODE_TIME)}))

    def enter(self, body: bytes, cookies: bytes | None, *, by_token: bool) -> bytes:
        """Answer a page that wants to come in, by the token, by a code, or as it did before.

        Args:
            body: ``{"code": …}`` or ``{"key": …}``; or nothing, for one with the token, and for one that asks whether
                it needs anything at all.
            cookies: its ``Cookie`` header.
            by_token: whether it has shown the token, or needs none.
        """
        try:
            ask = _ask.decode(body or b"{}")
        except (msgspec.DecodeError, UnicodeDecodeError):
            return http.BAD_REQUEST
        if ask.code is not None:
            return self._by_code(ask.code)
        known = self.admitted(cookies, ask.key)
        if known is None and not by_token:
            return http.UNAUTHORIZED if ask.key else NEEDED
        return self._welcome(known or secrets.token_hex(8))

    def admitted(self, cookies: bytes | None, key: str) -> str | None:
        """Return the id of the login that a cookie and a key belong to; None if they are not good together."""
        wanted = self.cookie_name.encode()
        for pair in (cookies or b"").split(b";"):
            name, _, value = pair.strip().partition(b"=")
            if name == wanted:
                return self._good(value.decode("latin-1"), key)
        return None

    def _good(self, cookie: str, key: str) -> str | None:
        claim, _, mac = cookie.rpartition(".")
        if not same(mac, self._mac(f"cookie {claim}")):
            return None
        id, _, end = claim.partition(".")
        if int(end) <= self._now() or id in self._ended or not same(key, self._mac(f"key {id}")):
            return None
        return id

    def _by_code(self, given: str) -> bytes:
        """A code that comes a second time was stolen, by the first or by the second: neither may stay."""
        code = self._codes.get(self._named(given))
        if code is None:
            return EXPIRED
        if code.login is not None:
            if code.login not in self._ended:
                self._end(code.login)
            return UNUSABLE
        if self._clock() - code.made > CODE_TIME:
            return EXPIRED
        code.login = secrets.token_hex(8)
        return self._welcome(code.login)

    def _load(self) -> dict[str, int]:
        """Return the logins that were ended, each with the time at which its last cookie ends."""
        try:
            return _ends.decode(self._file.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            logger.warning("%s cannot be read, pages that were signed out may come in: %s", self._file, error)
            return {}

    def _end(self, id: str) -> None:
        now = int(self._now())
        ended = {one: end for one, end in self._ended.items() if end > now}
        while len(ended) >= MAX_ENDED:
            del ended[next(iter(ended))]
        self._ended = {**ended, id: now + LOGIN_TIME}
        self.on_ended(id)
        try:
            write_private(self._file, msgspec.json.encode(self._ended).decode())
        except FolderError as error:
            logger.warning("%s; a page that was signed out may come in after a restart", error)

    def _welcome(self, id: str) -> bytes:
        claim = f"{id}.{int(self._now()) + LOGIN_TIME}"
        cookie = f"{self.cookie_name}={claim}.{self._mac(f'cookie {claim}')}"
        rules = f"Path=/; Max-Age={LOGIN_TIME}; HttpOnly; SameSite=Strict"
        found = msgspec.json.encode({"key": self._mac(f"key {id}")})
        return http.answer(200, found, Set_Cookie=f"{cookie}; {rules}")

    def _mac(self, text: str) -> str:
        """Return what only those with the token can make."""
        return hmac.digest(self._token().encode(), f"claw-socket page: {text}".encode(), hashlib.sha256).hex()

    def _named(self, code: str) -> bytes:
        """Return what a code is kept under: it is no good after a rotation, and nothing is learnt by timing."""
        return hmac.digest(self._token().encode(), b"claw-socket code: " + code.encode(), hashlib.sha256)
