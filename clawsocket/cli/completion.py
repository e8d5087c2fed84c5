"""``claw-socket completion``: what shells complete our command line by.

They ask at every press of Tab, so nothing heavy is imported here.
"""

from __future__ import annotations

import json
import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from clawsocket.errors import UsageError
from clawsocket.paths import Home

HELP = """\
Usage: claw-socket completion <shell>

Prints what bash, zsh or fish complete claw-socket by: commands, flags,
settings, and the sessions of the running service. The .deb has put it in its
place already. Elsewhere:

  bash    echo 'source <(claw-socket completion bash)' >>~/.bashrc
  zsh     echo 'source <(claw-socket completion zsh)' >>~/.zshrc      (after compinit)
  fish    claw-socket completion fish >~/.config/fish/completions/claw-socket.fish

Options:
  --help             Show this help
"""

FILES = {"bash": "claw-socket.bash", "zsh": "_claw-socket", "fish": "claw-socket.fish"}
"""The shells, and what their completion is called in the folders in which they look for it."""

FOLDER = Path(__file__).parent / "completions"

_LIMIT = 1.0
"""Seconds for the service to answer: whoever has pressed Tab waits for it."""

_UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def main(argv: Sequence[str]) -> int:
    """Run ``claw-socket completion``; return the exit code.

    Raises:
        UsageError: no shell, or one that is not known.
    """
    wanted = argv[0] if len(argv) == 1 else ""
    if wanted in ("--help", "-h"):
        print(HELP, end="")
    elif wanted == "sessions":  # what the shells ask for
        for value, about in sessions(Home.default()):
            print(f"{value}\t{about}")
    elif wanted in FILES:
        print((FOLDER / FILES[wanted]).read_text("utf-8"), end="")
    else:
        raise UsageError("completion is for bash, zsh or fish; claw-socket completion --help tells more")
    return 0


def sessions(home: Home) -> Iterator[tuple[str, str]]:
    """Yield what stands for each living session, its name or the beginning of its id, and what is to be said of it."""
    try:
        found = _snapshot(home.socket)["sessions"]
        names = Counter(one.get("name") for one in found)
        for one in found:
            name = one.get("name")
            value = name if name and names[name] == 1 else one["sessionId"][:8]
            yield _clean(value), _clean(f"{one['state']}, {one.get('cwd', '')}")
    except (OSError, ValueError, KeyError, TypeError, IndexError):  # nothing that could be completed
        return


def _snapshot(path: Path) -> dict[str, Any]:
    """Return the first message of the service: by hand, since importing a client takes longer than all of this."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(_LIMIT)
        sock.connect(str(path))
        sock.sendall(_UPGRADE)
        with sock.makefile("rb") as stream:
            while stream.readline().strip():
                pass
            size = stream.read(2)[1]
            if size > 125:
                size = int.from_bytes(stream.read(2 if size == 126 else 8))
            message: dict[str, Any] = json.loads(stream.read(size))
    return message


def _clean(text: str) -> str:
    return "".join(one if one.isprintable() else " " for one in text)
