"""The token: there, valid, and the same in the file, the service and the keyring."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

from clawsocket import token
from clawsocket.doctor import ports
from clawsocket.doctor.case import Case
from clawsocket.doctor.finding import Finding
from clawsocket.doctor.running import LIMIT
from clawsocket.errors import FolderError
from clawsocket.setup import keyring


def of(case: Case) -> str | None:
    """Return the token, as far as there is one."""
    try:
        return token.load(case.home.token)
    except FolderError:
        return None


def check(case: Case) -> Iterator[Finding]:
    """Look whether the file has a token, and the service takes it."""
    found = of(case)
    path = case.home.token
    if found is None:
        mend = "claw-socket token restore, or claw-socket token rotate"
        is_wanted = path.exists() or case.running is not None
        yield Finding("token", "error" if is_wanted else "warning", f"{path} holds no token", mend)
        return
    if case.running is None or not ports.is_ours(case):
        yield Finding("token", "ok", f"in {path}")
        return
    url = case.running.endpoint.url
    try:
        status = _status(url, found)
    except (OSError, EOFError, WebSocketException) as error:
        yield Finding("token", "error", f"clients can't connect ({type(error).__name__})", case.restart)
        return
    if status == 101:
        yield Finding("token", "ok", f"in {path}, and the service takes it")
    elif status == 401:
        what = f"the service does not take the token in {path}: it has another one"
        yield Finding("token", "error", what, case.restart, partial(_tell, url, path, found))
    else:
        yield Finding("token", "error", f"the service refuses clients (HTTP {status})", "claw-socket logs")


def client(url: str, token: str) -> ClientConnection:
    """Connect with a token.

    Raises:
        OSError, EOFError, WebSocketException: it can't be done.
    """
    return connect(
        url,
        additional_headers={"Authorization": f"Bearer {token}"},
        open_timeout=LIMIT,
        close_timeout=LIMIT,
        max_size=None,
        proxy=None,  # it would see the token, and the way to this machine needs none
    )


def _status(url: str, token: str) -> int:
    """Return the HTTP status that a client with a token gets; 101: it is connected."""
    try:
        with client(url, token):
            return 101
    except InvalidStatus as error:
        return error.response.status_code


def _tell(url: str, path: Path, found: str) -> None:
    """Write the file anew, as the service notices, and wait until it has."""
    token.save(path, found)
    deadline = time.monotonic() + LIMIT
    while _status(url, found) == 401 and time.monotonic() < deadline:
        time.sleep(0.05)


def copy(case: Case) -> Iterator[Finding]:
    """Look whether the keyring has the same."""
    found, kept = of(case), keyring.load()
    store = "claw-socket token store"
    if kept.token is not None and found is not None and not token.same(kept.token, found):
        what = "the copy in the keyring is not the token"
        yield Finding("keyring", "warning", what, store, partial(_store, found))
    elif kept.state in ("done", "missing", "absent"):  # where there is none, nothing is to be mended
        yield Finding("keyring", "ok", kept.words, store if kept.state == "missing" else None)
    else:
        yield Finding("keyring", "warning", kept.words, store)


def _store(found: str) -> None:
    done = keyring.store(found)
    if done.state != "done":
        raise OSError(done.words)
