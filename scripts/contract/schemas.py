"""JSON Schemas of the protocol's Structs, as a reader and a code generator want them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from typing import Any, get_args

import msgspec

from clawsocket.protocol.base import Wire
from clawsocket.protocol.envelope import Envelope, Source
from clawsocket.protocol.events import Outcome, RemovedReason
from clawsocket.protocol.messages import UsagePart
from clawsocket.protocol.models import LimitType, State, Status
from scripts.contract.words import FIELDS

Json = dict[str, Any]

CHOICES: dict[str, tuple[str, ...]] = {
    "Source": get_args(Source),
    "State": get_args(State),
    "Status": get_args(Status),
    "Outcome": get_args(Outcome),
    "RemovedReason": get_args(RemovedReason),
    "LimitType": get_args(LimitType),
    "UsagePart": get_args(UsagePart),
}
"""The choices that have a name, each a schema of its own."""

_NULL = {"type": "null"}


def reference(name: str) -> Json:
    """Return a reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def markdown(text: str | None) -> str:
    """Return a docstring as Markdown."""
    return re.sub(r"``", "`", inspect.cleandoc(text or ""))


def schemas(structs: Iterable[type[Any]]) -> dict[str, Json]:
    """Return the schemas of Structs and of all that is in them, by the Structs' names.

    Raises:
        KeyError: a field has no description in ``words.py``.
    """
    _, components = msgspec.json.schema_components(list(structs), ref_template=reference("{name}")["$ref"])
    families = {kind.__name__: kind.__mro__ for kind in _structs(Wire)}
    choices = {name: {"title": name, "type": "string", "enum": list(words)} for name, words in CHOICES.items()}
    return {**choices, **{name: _struct(schema, families[name]) for name, schema in components.items()}}


def event(title: str, type: str, description: str, data: Json, *, deprecated: bool = False) -> Json:
    """Return the schema of an event as it is on the wire.

    Args:
        title: the schema's name.
        type: the event's type.
        description: what it tells.
        data: the schema of its ``data``, or a reference to it.
        deprecated: whether nobody should begin to use it.
    """
    envelope = schemas([Envelope])["Envelope"]
    return {
        "title": title,
        "description": description,
        **({"deprecated": True} if deprecated else {}),
        "type": "object",
        "properties": {**envelope["properties"], "type": {"type": "string", "const": type}, "data": data},
        "required": [*envelope["required"], "seq"],
    }


def _structs(base: type[Any]) -> Iterator[type[Any]]:
    for kind in base.__subclasses__():
        yield kind
        yield from _structs(kind)


def _struct(schema: Json, family: tuple[type[Any], ...]) -> Json:
    names = [kind.__name__ for kind in family]
    properties = {field: _field(names, field, part) for field, part in schema["properties"].items()}
    return {
        "title": names[0],
        "description": markdown(schema.get("description")),
        "type": "object",
        "properties": properties,
        **({"required": schema["required"]} if schema.get("required") else {}),
    }


def _field(structs: list[str], name: str, schema: Json) -> Json:
    """Return a field's schema. What has None for its default is absent where it is not known, and never null.

    Args:
        structs: the Struct's name, and those of the ones that it is made from.
        name: the field's.
        schema: as msgspec has it.
    """
    tidied = _tidy(schema, nullable="default" not in schema or schema["default"] is not None)
    if tidied.get("default", ...) is None:
        del tidied["default"]
    if name == "type" and len(schema.get("enum", ())) == 1:
        return {"type": "string", "const": schema["enum"][0]}
    description = next((FIELDS[key] for one in structs if (key := f"{one}.{name}") in FIELDS), None) or FIELDS[name]
    if "enum" in tidied:
        tidied = {"title": f"{structs[0]}{name[0].upper()}{name[1:]}", **tidied}
    return {"description": description, **tidied}


def _tidy(schema: Json, *, nullable: bool = True) -> Json:
    """Return a schema without what only the program sees: raw JSON beside its type, an int that a float covers."""
    schema = dict(schema)
    if "anyOf" in schema:
        parts = [_tidy(part) for part in schema.pop("anyOf") if part and (nullable or part != _NULL)]
        if {"type": "number"} in parts:
            parts = [part for part in parts if part != {"type": "integer"}]
        schema |= parts[0] if len(parts) == 1 else {"anyOf": parts}
    if "enum" in schema:
        schema = _choice([value for value in schema["enum"] if nullable or value is not None])
    for inner in ("items", "additionalProperties"):
        if isinstance(schema.get(inner), dict):
            schema[inner] = _tidy(schema[inner])
    return schema


def _choice(words: list[str]) -> Json:
    named = [name for name, known in CHOICES.items() if set(known) == set(words)]
    return reference(named[0]) if named else {"type": "string", "enum": words}
