"""The auth token: 32 random bytes in hex, in a file that only its owner can read."""

from __future__ import annotations

import hmac
import os
import re
import secrets
from pathlib import Path

from clawsocket.errors import FolderError
from clawsocket.paths import write_private

_FORM = re.compile(r"[0-9a-f]{64}\Z")


def new_token() -> str:
    """Return a fresh token: 32 random bytes as 64 hex digits."""
    return secrets.token_hex(32)


def is_token(text: str) -> bool:
    """Tell whether a text has the form of a token."""
    return _FORM.match(text) is not None


def load(path: Path) -> str | None:
    """Return the token in ``path``, or None where there is no file or no token in it.

    Raises:
        FolderError: the file is there and can't be read.
    """
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                path.chmod(0o600)
            text = file.read(1024).decode("ascii", "replace").strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FolderError(path, f"cannot be read: {error.strerror}") from error
    return text if is_token(text) else None


def save(path: Path, token: str) -> None:
    """Write ``token`` to ``path`` with mode 0600, atomically.

    Raises:
        FolderError: it can't be written.
    """
    write_private(path, token + "\n")


def load_or_create(path: Path) -> str:
    """Return the token in ``path``, making one where there is none or a broken one."""
    token = load(path)
    if token is None:
        token = new_token()
        save(path, token)
    return token


def same(given: str | bytes, wanted: str) -> bool:
    """Compare a presented token with the real one in constant time; an empty one never matches."""
    if isinstance(given, str):
        given = given.encode("utf-8", "replace")
    return bool(given) and hmac.compare_digest(given, wanted.encode())
