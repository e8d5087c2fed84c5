"""The pages for browsers: the files of ``clawsocket/web``, each at its own path.

They hold nothing private: what they show, they ask for over the WebSocket. A browser may keep them, and asks each time
whether they are still the same, so that an upgrade shows at once.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from functools import lru_cache, partial
from hashlib import blake2b
from pathlib import Path, PurePosixPath

from clawsocket.server.http import Route, answer

WEB = Path(__file__).parent.parent / "web"

KINDS = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
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
            yield str(path).encode(), Route(partial(_serve, file, kind), packed=partial(_serve_packed, file, kind))


def _serve(file: Path, kind: str) -> bytes:
    """Read it each time: few ask."""
    body = file.read_bytes()
    return _answer(body, kind, _tag(body))


def _serve_packed(file: Path, kind: str) -> bytes:
    status = file.stat()
    body, tag = _packed(file, status.st_mtime_ns, status.st_size)
    return _answer(body, kind, tag, Content_Encoding="gzip")


def _answer(body: bytes, kind: str, tag: str, **more: str) -> bytes:
    keep = {"Cache_Control": "no-cache", "ETag": tag, "Vary": "Accept-Encoding"}
    return answer(200, body, kind, Content_Security_Policy=POLICY, Referrer_Policy="no-referrer", **keep, **more)


@lru_cache(maxsize=128)
def _packed(file: Path, _mtime: int, _size: int) -> tuple[bytes, str]:
    """Return a file's content compressed, and its tag; anew when the file is another one."""
    body = gzip.compress(file.read_bytes(), mtime=0)
    return body, _tag(body)


def _tag(body: bytes) -> str:
    return f'"{blake2b(body, digest_size=12).hexdigest()}"'
