"""The door: takes connections from a listening socket."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from functools import partial
from typing import Any

from clawsocket.server import http
from clawsocket.server.gate import Gate
from clawsocket.server.keeper import Keeper

MOST = 16
"""Connections taken in one turn of the loop, at most."""

SIZE = 65_536
"""Bytes read of a new connection before it has a gate, at most."""

PAUSE = 1.0
"""Seconds without taking connections where the system has no room for another one."""

logger = logging.getLogger(__name__)


class Door:
    """One listening socket, as :class:`asyncio.Server` is one.

    A producer in a script makes a connection for each hook, and mostly the hook is there with it, or a turn of the loop
    later. If its head is known, it is answered at once and the connection ended, without a transport: measured, a fifth
    less CPU time.
    """

    def __init__(self, keeper: Keeper, sock: socket.socket) -> None:
        """Take connections from now on; the socket does not block, and is ours."""
        self._keeper, self._sock = keeper, sock
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._opening: set[asyncio.Future[Any]] = set()
        self._is_short = False
        self._open()

    def close(self) -> None:
        """Take no more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock)
            self._sock.close()

    def _open(self) -> None:
        self._timer = None
        self._loop.add_reader(self._sock, self._take_some)

    def _take_some(self) -> None:
        for _ in range(MOST):
            try:
                sock, address = self._sock.accept()
            except (BlockingIOError, InterruptedError):
                self._is_short = False
                return
            except ConnectionError:
                continue
            except OSError as error:
                if not self._is_short:  # once, however long that takes
                    logger.warning("no connection can be taken: %s", error)
                self._is_short = True
                self._loop.remove_reader(self._sock)
                self._timer = self._loop.call_later(PAUSE, self._open)
                return
            self._take(sock, str(address[0]), looks=2)

    def _take(self, sock: socket.socket, address: str, looks: int) -> None:
        if self._sock.fileno() < 0:
            sock.close()
            return
        try:
            data = sock.recv(SIZE, socket.MSG_DONTWAIT)
        except BlockingIOError:
            if looks > 1:  # what is on its way is mostly here in the next turn
                self._loop.call_soon(self._take, sock, address, looks - 1)
                return
            data = b""
        except OSError:
            sock.close()
            return
        keeper = self._keeper
        head = keeper.known_heads.find(data)
        ends = head is not None and not head.keeps_alive
        known = keeper.known_hook(data, head, address, self._loop.time()) if ends else None
        if known is None:
            self._let_in(sock, address, data)
            return
        answer = keeper.take(known[1])
        with contextlib.suppress(OSError):
            sock.send(http.ACCEPTED_LAST if answer is http.ACCEPTED else http.closing(answer), socket.MSG_DONTWAIT)
        sock.close()

    def _let_in(self, sock: socket.socket, address: str, data: bytes) -> None:
        sock.setblocking(False)
        gate = partial(Gate, self._keeper, address, first=data)
        opening = asyncio.ensure_future(self._loop.connect_accepted_socket(gate, sock))
        self._opening.add(opening)
        opening.add_done_callback(self._opened)

    def _opened(self, opening: asyncio.Future[Any]) -> None:
        self._opening.discard(opening)
        if not opening.cancelled() and opening.exception() is not None:
            logger.debug("a connection was lost before it began: %s", opening.exception())
