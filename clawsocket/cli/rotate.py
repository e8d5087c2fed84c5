"""``claw-socket --rotate-token``."""

from __future__ import annotations

from clawsocket import token
from clawsocket.paths import Home


def rotate(home: Home) -> int:
    """Put a new token in its file; a running server notices and closes the connections made with the old one."""
    home.create()
    token.save(home.token, token.new_token())
    print(f"new token in {home.token}; clients that are connected have to connect again")
    return 0
