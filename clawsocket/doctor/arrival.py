"""Whether hooks arrive: one of our own goes the whole way, from the shell that Claude Code starts to a client.

It belongs to no session: clients that follow everything see a ``system.check``, and nothing else comes of it.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import subprocess
import time
from collections.abc import Iterator
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection

from clawsocket import __version__
from clawsocket.claude.hook_events import CHECK
from clawsocket.doctor import ports, secret
from clawsocket.doctor.case import Case
from clawsocket.doctor.finding import Finding
from clawsocket.setup import hooks

WAIT = 3.0
"""Seconds for the hook to come out at the other end. It takes milliseconds."""


def check(case: Case) -> Iterator[Finding]:
    """Send a hook and look whether it comes out. Where something else is wrong that is told elsewhere, nothing is sent.

    A service of another version would take our hook for a session's.
    """
    if case.running is None or case.running.endpoint.version != __version__ or not case.settings.hooks:
        return
    token = secret.of(case)
    if token is None or not ports.is_ours(case):
        return
    try:
        with secret.client(case.running.endpoint.url, token) as client:
            yield _send(case, client)
    except (OSError, EOFError, WebSocketException):
        return  # the check of the token says so


def _send(case: Case, client: ClientConnection) -> Finding:
    ident = secrets.token_hex(5)
    client.send(json.dumps({"type": "subscribe", "topics": ["system.check"]}))
    if _next(client, time.monotonic() + WAIT, type="subscribed") is None:
        return Finding("path", "error", "the service does not answer a client's request", case.restart)
    began = time.monotonic()
    payload = json.dumps({"hook_event_name": CHECK, "session_id": ident})
    try:
        command = hooks.command(case.home)
        subprocess.run(["/bin/sh", "-c", command], input=payload.encode(), timeout=WAIT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding(
            "path", "error", f"the hook can't be run ({type(error).__name__})", "claw-socket --install-hooks"
        )
    while (message := _next(client, began + WAIT, type="system.check")) is not None:
        if message["data"] == {"checkId": ident}:
            took = (time.monotonic() - began) * 1000
            return Finding("path", "ok", f"a hook of our own reached a client after {took:.0f} ms")
    if _take_back(case, ident):
        return Finding("path", "error", "the service does not take hooks out of the spool", case.restart)
    return Finding("path", "error", f"a hook was lost on its way through {case.home.spool}", "claw-socket logs")


def _next(client: ClientConnection, deadline: float, **wanted: str) -> dict[str, Any] | None:
    """Return the next message of a type; None: none came in time."""
    with contextlib.suppress(TimeoutError):
        while True:
            message = json.loads(client.recv(max(0.0, deadline - time.monotonic())))
            if isinstance(message, dict) and message.get("type") == wanted["type"]:
                return message
    return None


def _take_back(case: Case, ident: str) -> bool:
    """Remove our hook if it still waits; return whether it did."""
    for path in case.home.spool.glob("*.json"):
        with contextlib.suppress(OSError):
            if ident.encode() in path.read_bytes():
                path.unlink()
                return True
    return False
