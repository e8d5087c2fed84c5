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
            make, make_packed = partial(_serve, file, kind), partial(_serve, file, kind, packed=True)
            yield str(path).encode(), Route(make, packed=make_packed)


def _serve(file: Path, kind: str, *, packed: bool = False) -> bytes:
    status = file.stat()
    return _answer(file, kind, packed, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=256)
def _answer(file: Path, kind: str, packed: bool, _mtime: int, _size: int) -> bytes:
    """Return a file as it is sent; anew when it is another one. Anybody may ask, and a thousand times at once."""
    body = file.read_bytes()
    more = {"Cache_Control": "no-cache", "Vary": "Accept-Encoding"}
    if packed:
        body, more["Content_Encoding"] = gzip.compress(body, mtime=0), "gzip"
    more["ETag"] = f'"{blake2b(body, digest_size=12).hexdigest()}"'
    return answer(200, body, kind, Content_Security_Policy=POLICY, Referrer_Policy="no-referrer", **more)
