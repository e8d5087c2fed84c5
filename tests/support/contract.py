"""The committed contract, to hold against it what the server sends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator

Json = dict[str, Any]

DOCUMENT: Json = json.loads((Path(__file__).parents[2] / "asyncapi" / "asyncapi.json").read_bytes())
_SCHEMAS: Json = DOCUMENT["components"]["schemas"]
_PAYLOADS = {message["name"]: message["payload"] for message in DOCUMENT["components"]["messages"].values()}


def problems(message: Json) -> list[str]:
    """Return what of a message that the server sent is not in the contract, a field that it doesn't know among it.

    The events of a ``session_history`` are held against it one by one.
    """
    return list(_problems(message, numbered=True))


def _problems(message: Json, *, numbered: bool) -> Iterator[str]:
    kind = message.get("type")
    if kind not in _PAYLOADS:
        yield f"{kind} is no message of the contract"
        return
    if not numbered and "seq" in message:
        yield "a seq in a history"
    given = message if numbered else {**message, "seq": 1}
    for error in _validator(kind).iter_errors(given):
        yield f"{kind}: {error.json_path}: {error.message[:300]}"
    if kind == "session_history":
        for event in message["events"]:
            yield from _problems(event, numbered=False)


@lru_cache
def _validator(kind: str) -> Draft7Validator:
    return Draft7Validator(closed(_PAYLOADS[kind]))


def closed(schema: Any) -> Any:
    """Return a schema with all that it refers to in it, and no room for fields that it doesn't name."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return closed(_SCHEMAS[schema["$ref"].rpartition("/")[2]])
    inner = {name: closed(part) for name, part in schema.items() if name != "properties"}
    if "properties" in schema:
        inner["properties"] = {name: closed(part) for name, part in schema["properties"].items()}
        inner.setdefault("additionalProperties", False)
    return inner
