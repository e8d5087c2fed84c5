"""Pages are served as they are, from the package, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

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


def test_a_changed_file_is_served_as_it_is_now(folder: Path) -> None:
    route = pages(folder)[b"/docs"]
    (folder / "docs.html").write_text("new")
    assert route.make().endswith(b"\r\n\r\nnew")
