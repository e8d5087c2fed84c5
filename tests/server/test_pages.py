"""Pages are served as they are, from the package, and nothing else is."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from clawsocket.server.http import answer, contract, unless_known
from clawsocket.server.pages import pages


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "parts").mkdir()
    for name in ("index.html", "docs.html", "app.js", "parts/view.css", "notes.md", "secret"):
        (tmp_path / name).write_text(name)
    return tmp_path


def test_each_file_has_its_path(folder: Path) -> None:
    assert sorted(pages(folder)) == [b"/", b"/app.js", b"/docs", b"/parts/view.css"]


@pytest.mark.parametrize(
    ("path", "kind"), [(b"/", b"text/html"), (b"/app.js", b"text/javascript"), (b"/parts/view.css", b"text/css")]
)
def test_it_says_its_type_and_its_policy(folder: Path, path: bytes, kind: bytes) -> None:
    head, _, body = pages(folder)[path].make().partition(b"\r\n\r\n")
    assert b"Content-Type: " + kind in head
    assert b"Content-Security-Policy: default-src 'none'; script-src 'self';" in head
    assert b"X-Content-Type-Options: nosniff" in head
    assert body in (b"index.html", b"app.js", b"parts/view.css")


def test_anyone_may_see_them_for_they_hold_nothing_private(folder: Path) -> None:
    assert not any(route.private for route in pages(folder).values())


def test_who_takes_gzip_gets_it_and_what_is_in_it_is_the_same(folder: Path) -> None:
    route = pages(folder)[b"/app.js"]
    (folder / "app.js").write_text("let a = 1;\n" * 1000)
    head, _, body = route.maker(b"gzip, deflate, br")().partition(b"\r\n\r\n")
    assert b"Content-Encoding: gzip" in head
    assert b"Vary: Accept-Encoding" in head
    assert len(body) < 1000
    assert gzip.decompress(body) == route.maker(b"")().partition(b"\r\n\r\n")[2]
    (folder / "app.js").write_text("new")
    assert gzip.decompress(route.maker(b"gzip")().partition(b"\r\n\r\n")[2]) == b"new"


@pytest.mark.parametrize("encodings", [b"", b"gzip"])
def test_who_has_it_already_is_told_that_it_is_the_same(folder: Path, encodings: bytes) -> None:
    route = pages(folder)[b"/app.js"]
    whole = route.maker(encodings)()
    assert b"\r\nCache-Control: no-cache\r\n" in whole
    (tag,) = re.findall(rb"\r\nETag: (\"[0-9a-f]+\")\r\n", whole)
    for told in (tag, b"W/" + tag, b'"another", ' + tag):
        head, _, body = unless_known(whole, told).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 304 Not Modified\r\n")
        assert b"\r\nETag: " + tag in head
        assert not re.search(rb"\r\nContent-(Length|Type|Encoding):", head)
        assert body == b""
    for told in (b"", b'"another"', tag[1:-1]):
        assert unless_known(whole, told) == whole
    (folder / "app.js").write_text("new")
    changed = route.maker(encodings)()
    assert unless_known(changed, tag) == changed


def test_what_has_no_tag_is_always_sent() -> None:
    whole = answer(200, b'ETag: "a"', ETagged="x")
    assert unless_known(whole, b'"a"') == whole
    assert b"\r\nCache-Control: no-store\r\n" in whole


def test_a_changed_file_is_served_as_it_is_now(folder: Path) -> None:
    route = pages(folder)[b"/docs"]
    (folder / "docs.html").write_text("new")
    assert route.make().endswith(b"\r\n\r\nnew")


@pytest.mark.parametrize("encodings", [b"", b"gzip"])
def test_who_asks_again_has_nothing_read_again(folder: Path, encodings: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    routes = [pages(folder)[b"/app.js"], contract()]
    before = [route.maker(encodings)() for route in routes]
    monkeypatch.delattr(Path, "read_bytes")
    assert [route.maker(encodings)() for route in routes] == before
