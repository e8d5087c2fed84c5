"""Telling systemd how the service is: ready, alive, with how many clients, stopping.

It is asked for in the environment (``$NOTIFY_SOCKET``, ``$WATCHDOG_USEC``). Where it is not, nothing is done.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Callable, MutableMapping

INTERVAL = 5.0
"""Seconds between looks whether the status has changed, and between signs of life if systemd does not want more."""


def meant_for_us(pid: str) -> bool:
    """Tell whether a variable of systemd, in which it names a process, is for this one.

    A program packed into one file runs as the child of the process that systemd started.
    """
    return pid == str(os.getpid()) or (getattr(sys, "frozen", False) and pid == str(os.getppid()))


class Supervisor:
    """systemd, if it started us and wants to know.

    Its signs of life come from the event loop: a loop that is stuck gives none, and the service is started again.
    """

    def __init__(self, status: Callable[[], str], environ: MutableMapping[str, str] = os.environ) -> None:
        """Look what is asked for.

        Args:
            status: returns a line for ``systemctl status``.
            environ: the environment; what is meant for us alone goes from it, so that no child answers in our place.
        """
        self._status, self._told = status, ""
        self._address = environ.pop("NOTIFY_SOCKET", "")
        self._send = _sender() if self._address else _send
        watched = environ.pop("WATCHDOG_USEC", "0")
        for_us = meant_for_us(environ.pop("WATCHDOG_PID", str(os.getpid())))
        microseconds = int(watched) if for_us and watched.isascii() and watched.isdigit() else 0
        self._watched = microseconds > 0
        self._interval = min(INTERVAL, microseconds / 3e6) if self._watched else INTERVAL
        self._timer: asyncio.TimerHandle | None = None

    def ready(self) -> None:
        """Say that the service serves, and from now on that it is alive."""
        if self._address:
            self._tell("READY=1")
            self._tick()

    def stopping(self) -> None:
        """Say that the service stops because it was told to."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._address:
            self._tell("STOPPING=1", "STATUS=Stopping")

    def _tick(self) -> None:
        lines = ["WATCHDOG=1"] if self._watched else []
        status = self._status()
        if status != self._told:
            lines.append(f"STATUS={status}")
            self._told = status
        if lines:
            self._tell(*lines)
        self._timer = asyncio.get_running_loop().call_later(self._interval, self._tick)

    def _tell(self, *lines: str) -> None:
        with contextlib.suppress(OSError):  # a message that is lost is no reason to stop
            self._send(self._address, "\n".join(lines))


def _sender() -> Callable[[str, str], None]:
    """Return what sends a message: systemd's own library where it is installed."""
    try:
        from systemd.daemon import notify
    except ImportError:
        return _send

    def send(address: str, text: str) -> None:
        os.environ["NOTIFY_SOCKET"] = address
        try:
            notify(text)
        finally:
            del os.environ["NOTIFY_SOCKET"]

    return send


def _send(address: str, text: str) -> None:
    # A name that begins with @ is in the abstract namespace.
    name = f"\0{address[1:]}" if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)  # a systemd that does not read must not hold up the loop
        sock.connect(name)
        sock.send(text.encode())
