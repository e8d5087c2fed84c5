"""What the dashboard tells of events: their schemas alone, a third of the contract once it is compressed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from scripts.contract.schemas import Json

REFERENCE = "#/components/schemas/"
ENVELOPE = "EventEnvelope"
"""What all events have: for those that a newer service may send."""


def told(spec: Json) -> str:
    """Return ``{"events": {TYPE: schema}, "schemas": {NAME: schema}}`` for events and gaps, as JSON.

    Args:
        spec: the AsyncAPI document.
    """
    messages = spec["components"]["messages"].values()
    events = {one["name"]: one["payload"] for one in messages if "." in one["name"] or one["name"] == "gap"}
    schemas = spec["components"]["schemas"]
    names, found = [ENVELOPE, *_references(events)], dict[str, Json]()
    while names:
        name = names.pop()
        if name not in found:
            found[name] = schemas[name]
            names.extend(_references(schemas[name]))
    return json.dumps({"events": events, "schemas": found}, ensure_ascii=False, separators=(",", ":")) + "\n"


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(to := value.get("$ref"), str):
            yield to.removeprefix(REFERENCE)
        for one in value.values():
            yield from _references(one)
    elif isinstance(value, list):
        for one in value:
            yield from _references(one)
