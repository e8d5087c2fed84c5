"""Events to put into a log, and what comes out of it."""

from __future__ import annotations

import json
from typing import Any

from websockets.client import ClientProtocol
from websockets.frames import Frame
from websockets.protocol import OPEN
from websockets.uri import parse_uri

from clawsocket.log.eventlog import EventLog
from clawsocket.protocol.envelope import Event
from clawsocket.protocol.topics import Filter

ALL = Filter({"*": None})


def fact(id: str, *, text: str = "", session: str = "s", type: str = "message.user") -> Event:
    return Event(type, 1, session, id, "transcript", {"text": text})


def level(id: str, name: str = "x") -> Event:
    return Event("session.renamed", 1, "s", id, "transcript", {"name": name})


def result(id: str, *, success: bool = True) -> Event:
    data = {"toolName": "T", "toolUseId": id, "success": success, "outcome": "ok", "outputSummary": ""}
    return Event("tool.result", 1, "s", id, "hook", data)


def messages(frames: bytes) -> list[dict[str, Any]]:
    """What a WebSocket client makes of frames."""
    client = ClientProtocol(parse_uri("ws://localhost/"), state=OPEN, max_size=None)
    client.receive_data(frames)
    return [json.loads(bytes(event.data)) for event in client.events_received() if isinstance(event, Frame)]


def seqs(frames: bytes) -> list[int]:
    """The numbers of the events in frames, those that came together among them; a gap is none."""
    told = [event for message in messages(frames) for event in message.get("events", [message])]
    return [event["seq"] for event in told if event["type"] != "gap"]


def filled(count: int, *, max_bytes: int = 10**9, max_events: int = 10**6, text: str = "") -> EventLog:
    log = EventLog(max_bytes=max_bytes, max_events=max_events)
    for number in range(count):
        log.append(fact(f"m:{number}", text=text))
    return log
