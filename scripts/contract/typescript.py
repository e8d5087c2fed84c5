"""TypeScript's types of the contract, for the JavaScript client."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from typing import Any

from scripts.contract.document import struct_name
from scripts.contract.reference import target
from scripts.contract.schemas import Json
from scripts.contract.words import ALIASES, NOT_SENT

MARK = "// From here on it is made from the contract: make export-spec\n"
NAMES = {"Error": "ErrorReply"}
"""Schemas whose name is taken in TypeScript."""


def declarations(spec: Json, written: str) -> str:
    """Return the client's declarations: what was written by hand, up to the mark, and the types of the contract.

    Args:
        spec: the AsyncAPI document.
        written: the declarations as they are.
    """
    head, mark, _ = written.partition(MARK)
    assert mark, "claw-socket.d.ts has lost its mark"
    return head + mark + "\n" + "\n".join(_types(spec))


def _types(spec: Json) -> Iterator[str]:
    names = sorted(message["name"] for message in spec["components"]["messages"].values() if "." in message["name"])
    sent = [name for name in names if name not in NOT_SENT]
    entries = "".join(f'  "{name}": {struct_name(name)};\n' for name in sent)
    yield f"/** Every event, by its type. */\nexport interface EventMap {{\n{entries}}}\n"
    yield f"type OnlyByName = {' | '.join(json.dumps(name) for name in sorted(ALIASES))};\n"
    schemas = spec["components"]["schemas"]
    events = {struct_name(name) for name in names}
    yield _envelope(schemas["EventEnvelope"])
    for name in sent:
        yield _event(schemas[struct_name(name)])
    for name, schema in schemas.items():
        if name not in events and name != "EventEnvelope":
            yield _declaration(NAMES.get(name, name), schema)


def _envelope(schema: Json) -> str:
    fields = dict(schema["properties"])
    fields["seq"] = {**fields["seq"], "description": "Its place in the log; it rises over restarts too."}
    generic = {"type": "Type", "data": "Data"}
    lines = [
        _field(name, field, name != "agentId", generic.get(name) or _type(field)) for name, field in fields.items()
    ]
    head = "export interface EventEnvelope<Type extends string = string, Data = { [field: string]: unknown }> {\n"
    return _comment("An event as it is on the wire.") + head + "".join(lines) + "}\n"


def _event(schema: Json) -> str:
    type, data = schema["properties"]["type"]["const"], _type(schema["properties"]["data"])
    base = f'EventEnvelope<"{type}", {data}>'
    return _comment(_told(schema)) + f"export interface {schema['title']} extends {base} {{}}\n"


def _declaration(name: str, schema: Json) -> str:
    if schema.get("type") != "object":
        return _comment(_told(schema)) + f"export type {name} = {_type(schema)};\n"
    required = schema.get("required", ())
    lines = [_field(key, field, key in required, _type(field)) for key, field in schema["properties"].items()]
    if schema.get("additionalProperties") is True:
        lines.append("  [field: string]: unknown;\n")
    return _comment(_told(schema)) + f"export interface {name} {{\n" + "".join(lines) + "}\n"


def _field(name: str, schema: Json, required: bool, type: str) -> str:
    optional = "" if required else " | undefined"
    return _comment(_told(schema), "  ") + f"  {name}{'' if required else '?'}: {type}{optional};\n"


def _type(schema: Json) -> str:
    """Return a schema as a type."""
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return " | ".join(_type(part) for part in schema[choice])
    if "$ref" in schema:
        return NAMES.get(target(schema), target(schema))
    if "const" in schema or "enum" in schema:
        values = schema.get("enum") or [schema["const"]]
        return " | ".join(json.dumps(value) for value in values)
    return _plain(schema)


def _plain(schema: Json) -> str:
    kind: Any = schema.get("type")
    if kind == "array":
        inner = _type(schema["items"]) if "items" in schema else "unknown"
        return f"({inner})[]" if " | " in inner else f"{inner}[]"
    if kind == "object":
        more = schema.get("additionalProperties")
        return f"{{ [name: string]: {_type(more) if isinstance(more, dict) else 'unknown'} }}"
    words = {"integer": "number", "number": "number", "string": "string", "boolean": "boolean", "null": "null"}
    return words.get(kind, "unknown")


def _told(schema: Json) -> str:
    text = str(schema.get("description", ""))
    return f"{text}\n\n@deprecated" if schema.get("deprecated") else text


def _comment(text: str, indent: str = "") -> str:
    """Return a text as a comment of JSDoc; nothing for none."""
    lines = [line for part in text.splitlines() for line in (textwrap.wrap(part, 112) or [""])]
    if not lines:
        return ""
    if len(lines) == 1:
        return f"{indent}/** {lines[0]} */\n"
    return f"{indent}/**\n" + "".join(f"{indent} * {line}".rstrip() + "\n" for line in lines) + f"{indent} */\n"
