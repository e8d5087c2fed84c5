"""The reference of all events, messages and replies, as Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from clawsocket.protocol.events import EVENTS
from clawsocket.protocol.replies import CLOSE_CODES, ERRORS
from scripts.contract.document import COMMAND_CHANNEL, REPLY_CHANNEL
from scripts.contract.schemas import CHOICES, Json

HEAD = """# Events, messages, replies

Made from the code by `make export-spec`; [asyncapi.json](asyncapi.json) says the same to programs.

An event has the fields of the envelope, and what its type says in `data`. A *fact* is sent once, with the same `id`
whichever source told of it; a *level* says how something is now. Optional fields are absent where they are not known;
new ones may come.
"""


class _Reference:
    """The lines of the reference, from the document."""

    def __init__(self, document: Json) -> None:
        self._document = document
        self._schemas = document["components"]["schemas"]
        self._messages = document["components"]["messages"]

    def lines(self) -> Iterator[str]:
        channels = self._document["channels"]
        yield HEAD
        yield from self._section("EventEnvelope", "The envelope.", "EventEnvelope")
        for key, channel in channels.items():
            area, _, _ = key.partition("/")
            if key in (COMMAND_CHANNEL, REPLY_CHANNEL):
                continue
            yield f"## {area}\n\n{channel['description']}\n"
            for name in channel["messages"]:
                yield from self._event(self._messages[name])
        yield from self._plain("What clients send", COMMAND_CHANNEL)
        yield from self._plain("What the server answers", REPLY_CHANNEL)
        yield from _codes("Errors", "code", ERRORS)
        yield from _codes("Close codes", "code", CLOSE_CODES)
        yield "## What they are made of\n"
        for name in parts(self._document):
            yield from self._section(name, self._schemas[name]["description"], name, level=3)

    def _event(self, message: Json) -> Iterator[str]:
        name = message["name"]
        entry = EVENTS.get(name)
        kind = "" if entry is None else "*Fact.* " if entry.fact else "*Level.* "
        data = self._schemas[target(message["payload"])]["properties"]["data"]
        yield f"### {name}\n\n{kind}{message['description']}\n"
        if "$ref" in data:
            yield from self._fields(target(data))
            yield from _example(message)

    def _plain(self, title: str, channel: str) -> Iterator[str]:
        yield f"## {title}\n"
        for key in self._document["channels"][channel]["messages"]:
            message = self._messages[key]
            schema = self._schemas[target(message["payload"])]
            yield f"### {message['name']}\n\n{schema['description']}\n"
            for one in [target(part) for part in schema.get("oneOf", [message["payload"]])]:
                yield from self._fields(one)
            yield from _example(message)

    def _section(self, title: str, description: str, schema: str, *, level: int = 2) -> Iterator[str]:
        yield f"{'#' * level} {title}\n"
        if description:
            yield f"{description}\n"
        yield from self._fields(schema)

    def _fields(self, schema: str) -> Iterator[str]:
        properties, required = self._schemas[schema]["properties"], self._schemas[schema].get("required", ())
        yield "| field | type | |\n|---|---|---|"
        for name, part in properties.items():
            optional = "" if name in required else " (optional)"
            yield f"| `{name}` | {type_words(part)}{optional} | {part.get('description', '')} |"
        yield ""


def reference(document: Json) -> str:
    """Return the reference that goes with a document."""
    return "\n".join(_Reference(document).lines()).rstrip() + "\n"


def parts(document: Json) -> list[str]:
    """Return the names of the schemas that fields are made of, but for messages, envelopes and ``data`` of events."""
    schemas: Json = document["components"]["schemas"]
    messages = {target(message["payload"]) for message in document["components"]["messages"].values()}
    fields = (part for schema in schemas.values() for part in schema.get("properties", {}).items())
    found = {name for field, part in fields if field != "data" for name in targets(part)}
    return sorted(name for name in found - messages if "properties" in schemas[name] and name != "EventEnvelope")


def targets(schema: Any) -> Iterator[str]:
    """Yield the names of the schemas that are referred to in some part of the document."""
    if isinstance(schema, dict) and "$ref" in schema:
        yield target(schema)
    elif isinstance(schema, dict | list):
        for part in schema.values() if isinstance(schema, dict) else schema:
            yield from targets(part)


def target(schema: Json) -> str:
    """Return the name of the schema that a reference is to."""
    return str(schema["$ref"]).rpartition("/")[2]


def type_words(schema: Json) -> str:
    """Return what a field can be, as Markdown, with links to what has a place of its own."""
    if "anyOf" in schema:
        return " or ".join(type_words(part) for part in schema["anyOf"])
    if "$ref" in schema:
        name = target(schema)
        if name in CHOICES:
            return _words(CHOICES[name])
        return f"[{name}](#{name.lower()})"
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return _words(schema["enum"])
    kind = schema.get("type", "any")
    if kind == "array" and "items" in schema:
        return f"array of {type_words(schema['items'])}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {type_words(schema['additionalProperties'])}"
    return str(kind)


def _words(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _example(message: Json) -> Iterator[str]:
    for example in message["examples"]:
        yield f"```json\n{json.dumps(example['payload'], ensure_ascii=False)}\n```\n"


def _codes(title: str, head: str, codes: dict[Any, str]) -> Iterator[str]:
    yield f"## {title}\n\n| {head} | means |\n|---|---|"
    for code, meaning in codes.items():
        yield f"| `{code}` | {meaning} |"
    yield ""
