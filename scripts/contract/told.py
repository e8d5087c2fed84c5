"""What the dashboard tells of events: their schemas alone, a third of the contract once it is compressed."""

from __future__ import annotations

import json

from scripts.contract.reference import targets
from scripts.contract.schemas import Json

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
    names, found = [ENVELOPE, *targets(events)], dict[str, Json]()
    while names:
        name = names.pop()
        if name not in found:
            found[name] = schemas[name]
            names.extend(targets(schemas[name]))
    return json.dumps({"events": events, "schemas": found}, ensure_ascii=False, separators=(",", ":")) + "\n"
