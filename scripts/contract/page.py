"""The page ``/docs``: the guide, and the reference of all events, messages and replies, as plain HTML."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from typing import Any

from clawsocket.protocol.events import EVENTS
from clawsocket.protocol.replies import CLOSE_CODES, ERRORS
from scripts.contract.document import COMMAND_CHANNEL, REPLY_CHANNEL
from scripts.contract.reference import parts, target, type_words
from scripts.contract.schemas import Json
from scripts.contract.words import CHANNELS, COMMANDS, NOT_SENT

TEMPLATE = Path(__file__).with_name("page.html")
WIDTH = 64
"""What an example's object may take to stay on one line, in characters."""

CHECKED = {"session", "message", "tool", "agent", "system"}
"""The topics that *try it* begins with."""


def page(document: Json) -> str:
    """Return the page that goes with a document."""
    made = _Page(document)
    values = {
        "version": escape(document["info"]["version"]),
        "nav": "\n".join(made.contents()),
        "topics": "\n".join(_topics(document)),
        "requests": "\n".join(_requests()),
        "errors": "\n".join(_codes("error", ERRORS)),
        "closes": "\n".join(_codes("close", CLOSE_CODES)),
        "reference": "\n".join(made.sections()),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: values[found[1]], TEMPLATE.read_text("utf-8"))


class _Page:
    """The parts of the page that are the document's."""

    def __init__(self, document: Json) -> None:
        self._channels = document["channels"]
        self._schemas = document["components"]["schemas"]
        self._messages = document["components"]["messages"]
        self._owners: dict[str, list[str]] = {}
        for message in sorted(self._messages.values(), key=_deprecated):
            self._owners.setdefault(self._data(message) or "", []).append(message["name"])
        # Data of several events that are in use is told once, in a place of its own.
        shared = {data for data, names in self._owners.items() if data and len(EVENTS.keys() & names) > 1}
        self._shared, self._parts = shared, sorted(shared | set(parts(document)))

    def contents(self) -> Iterator[str]:
        """Yield the list of all that has a place on the page."""
        for key, channel in self._channels.items():
            names = [message["name"] for message in self._in(channel)]
            yield from _contents(_anchor(key), _heading(key), names)
        yield from _contents("parts", "Parts", self._parts)

    def sections(self) -> Iterator[str]:
        """Yield the reference."""
        yield from _section("envelope", "Envelope", "What every event has around its <code>data</code>.")
        example = _examples(self._messages["tool_use"])
        yield f"{_article('EventEnvelope', '', self._fields('EventEnvelope'), example)}</section>"
        for key, channel in self._channels.items():
            yield from _section(_anchor(key), _heading(key), _inline(channel["description"]))
            yield from map(self._message, self._in(channel))
            yield "</section>"
        yield from _section("parts", "Parts", "What messages are made of.")
        for name in self._parts:
            schema = self._schemas[name]
            yield _article(name, "", _paragraphs(schema["description"]) + self._fields(name), "")
        yield "</section>"

    def _in(self, channel: Json) -> list[Json]:
        """Return the messages of a channel, those that nobody should begin to use last."""
        return sorted((self._messages[name] for name in channel["messages"]), key=_deprecated)

    def _message(self, message: Json) -> str:
        name, data = message["name"], self._data(message)
        schema = self._schemas[target(message["payload"])]
        if "data" not in schema.get("properties", {}):
            fields = "".join(map(self._fields, map(target, schema.get("oneOf", [message["payload"]]))))
            told = _paragraphs(schema["description"]) + fields
        elif data is None:
            told = _paragraphs(message["description"])
        elif data in self._shared:
            told = _paragraphs(message["summary"]) + f'<p>Its data: <a href="#{data.lower()}">{data}</a>.</p>'
        elif (owner := self._owners[data][0]) != name:
            told = _paragraphs(message["description"]) + f'<p>Its data is that of <a href="#{owner}">{owner}</a>.</p>'
        else:
            told = _paragraphs(message["description"]) + self._fields(data)
        return _article(name, _tags(message), told, "" if name in NOT_SENT else _examples(message))

    def _data(self, message: Json) -> str | None:
        """Return the name of the schema of an event's data; None for what is no event, and for what nobody sends."""
        data = self._schemas[target(message["payload"])].get("properties", {}).get("data", {})
        return target(data) if "$ref" in data else None

    def _fields(self, schema: str) -> str:
        properties, required = self._schemas[schema]["properties"], self._schemas[schema].get("required", ())
        rows = (_field(name, part, name in required) for name, part in properties.items() if "const" not in part)
        listed = "\n".join(rows)
        return f"<dl>\n{listed}\n</dl>" if listed else ""


def _heading(key: str) -> str:
    other = {COMMAND_CHANNEL: "What clients send", REPLY_CHANNEL: "What the server answers"}
    return other.get(key, key.partition("/")[0])


def _anchor(key: str) -> str:
    return key.replace("/", "-")


def _contents(anchor: str, heading: str, names: Iterable[str]) -> Iterator[str]:
    yield f'<li><a href="#{anchor}">{heading}</a><ul>'
    yield from (f'<li><a href="#{name if "." in name else name.lower()}">{name}</a></li>' for name in names)
    yield "</ul></li>"


def _section(anchor: str, heading: str, told: str) -> Iterator[str]:
    yield f'<section aria-labelledby="{anchor}">\n<h2 id="{anchor}">{heading}</h2>\n<p>{told}</p>'


def _article(name: str, tags: str, told: str, examples: str) -> str:
    anchor = name.lower()
    head = f'<h3><a href="#{anchor}">{name}</a>{tags}</h3>'
    return f'<article id="{anchor}">\n<div>{head}\n{told}</div>{examples}</article>'


def _tags(message: Json) -> str:
    entry = EVENTS.get(message["name"])
    tags = [] if entry is None else ["fact" if entry.fact else "level"]
    if _deprecated(message):
        tags.append("deprecated")
    return "".join(f' <small class="{tag}">{tag}</small>' for tag in tags)


def _deprecated(message: Json) -> bool:
    return {"name": "deprecated"} in message.get("tags", ())


def _field(name: str, schema: Json, required: bool) -> str:
    optional = "" if required else " <em>optional</em>"
    told = _inline(schema.get("description", ""))
    return (
        f"<div><dt><code>{name}</code> <span>{_inline(type_words(schema))}</span>{optional}</dt><dd>{told}</dd></div>"
    )


def _examples(message: Json) -> str:
    found = "\n".join(f"<pre>{_json(example['payload'])}</pre>" for example in message["examples"])
    return f"\n<div>{found}</div>\n"


def _json(value: Any, indent: str = "") -> str:
    """Return JSON as HTML: what is short on one line, the rest indented, keys marked."""
    short = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or not value:
        return escape(short, quote=False)
    deeper = "" if len(indent) + len(short) <= WIDTH else f"{indent}  "
    if isinstance(value, dict):
        inner = [f'<b>"{escape(key)}"</b>: {_json(part, deeper)}' for key, part in value.items()]
    else:
        inner = [_json(part, deeper) for part in value]
    start, end = "{}" if isinstance(value, dict) else "[]"
    return f"{start}{', '.join(inner)}{end}" if not deeper else _lines(start, inner, end, deeper, indent)


def _lines(start: str, inner: list[str], end: str, deeper: str, indent: str) -> str:
    body = f",\n{deeper}".join(inner)
    return f"{start}\n{deeper}{body}\n{indent}{end}"


def _topics(document: Json) -> Iterator[str]:
    """Yield a box for each topic that has events."""
    for area in CHANNELS:
        messages = document["channels"][f"{area}/events"]["messages"]
        if any(document["components"]["messages"][name]["name"] in EVENTS for name in messages):
            checked = " checked" if area in CHECKED else ""
            yield f'<label><input type="checkbox" name="topic" value="{area}.*"{checked}> {area}</label>'


def _requests() -> Iterator[str]:
    for kind, command in COMMANDS.items():
        name = str(kind.__struct_config__.tag)
        replies = ", ".join(f'<a href="#{one}">{one}</a>' for one in command.replies)
        sent = f'<code><a href="#{name}">{name}</a></code>'
        yield f"<div><dt>{sent} <span>→ {replies}</span></dt><dd>{command.summary}</dd></div>"


def _codes(kind: str, codes: dict[Any, str]) -> Iterator[str]:
    for code, meaning in codes.items():
        anchor = f"{kind}-{code}".lower().replace(" ", "-")
        yield f'<tr id="{anchor}"><th scope="row"><a href="#{anchor}">{code}</a></th><td>{meaning}</td></tr>'


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{_inline(one)}</p>" for one in text.split("\n\n"))


def _inline(markdown: str) -> str:
    """Return a line of Markdown as HTML: code, and links within the page."""
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(markdown, quote=False))
    return re.sub(r"\[([^\]]+)\]\((#[\w-]+)\)", r'<a href="\2">\1</a>', text)
