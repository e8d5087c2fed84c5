"""The pages for browsers: the files of ``clawsocket/web``, each at its own path.

They hold nothing private: what they show, they ask for over the WebSocket.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from clawsocket.server.http import Route, answer

WEB = Path(__file__).parent.parent / "web"

KINDS = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".ts": "text/plain; charset=utf-8",
}
"""The types of the files that are served; others are not."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
"""Nothing from elsewhere, nothing inline, no frame around it, and no text that becomes markup."""


def pages(folder: Path = WEB) -> dict[bytes, Route]:
    """Return the routes of the files in a folder: for a page its name without ``.html``, and for index.html ``/``."""
    return dict(_routes(folder))


def _routes(folder: Path) -> Iterator[tuple[bytes, Route]]:
    for file in sorted(folder.rglob("*")):
        kind = KINDS.get(file.suffix)
        if kind is not None and file.is_file():
            name = PurePosixPath("/", *file.relative_to(folder).parts)
            path = name.with_suffix("") if file.suffix == ".html" else name
            if path.name == "index":
                path = path.parent
            yield str(path).encode(), Route(partial(_serve, file, kind))


def _serve(file: Path, kind: str) -> bytes:
    """Read it each time: few ask, and an upgrade shows at once."""
    return answer(200, file.read_bytes(), kind, Content_Security_Policy=POLICY, Referrer_Policy="no-referrer")
