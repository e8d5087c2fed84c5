"""The page /docs is whole: everything has its place, every link leads somewhere, and nothing in it needs a network."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

from clawsocket.protocol.events import EVENTS
from clawsocket.protocol.replies import CLOSE_CODES, ERRORS
from clawsocket.server.pages import WEB, pages
from tests.support.contract import DOCUMENT

TEXT = (WEB / "docs.html").read_text("utf-8")
ASSETS = [*sorted((WEB / "docs").iterdir()), WEB / "claw-socket.js"]


class Outline(HTMLParser):
    """The elements of a page that matter here: ids, links, what it loads, and attributes that a policy refuses."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if tag == "a" else []
        self.loads += [given[name] for name in ("src", "href") if name in given and tag != "a"]
        self.inline += [tag] if tag == "style" or (tag == "script" and "src" not in given) else []
        self.inline += [f"{tag} {name}" for name in given if name == "style" or name.startswith("on")]


@pytest.fixture(scope="module")
def outline() -> Outline:
    found = Outline()
    found.feed(TEXT)
    return found


def test_everything_has_its_place(outline: Outline) -> None:
    names = {message["name"] for message in DOCUMENT["components"]["messages"].values()}
    codes = {f"close-{code}" for code in CLOSE_CODES} | {f"error-{code.lower().replace(' ', '-')}" for code in ERRORS}
    channels = {key.replace("/", "-") for key in DOCUMENT["channels"]}
    assert EVENTS.keys() <= names
    assert names | codes | channels <= set(outline.ids)
    assert [one for one, times in Counter(outline.ids).items() if times > 1] == []


def test_every_field_of_every_schema_is_named() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        for field, part in schema.get("properties", {}).items():
            assert "const" in part or f"<code>{field}</code>" in TEXT, f"{name}.{field}"


def test_every_link_leads_somewhere(outline: Outline) -> None:
    known = {f"#{one}" for one in outline.ids} | {"/", "/asyncapi.json", "/claw-socket.js", "/claw-socket.d.ts"}
    assert [link for link in outline.links if unquote(link) not in known] == []


def test_it_loads_what_the_package_serves_and_has_nothing_inline(outline: Outline) -> None:
    served = {path.decode() for path in pages()}
    assert [one for one in outline.loads if one not in served and not one.startswith("data:")] == []
    assert outline.inline == []
    for asset in ASSETS:
        assert re.findall(r"https?://(?!www\.w3\.org)", asset.read_text("utf-8")) == [], asset


def test_it_is_small() -> None:
    assert sum(len(path.read_bytes()) for path in [WEB / "docs.html", *ASSETS]) < 250_000
