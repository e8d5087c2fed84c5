"""The envelope of an event, and how an event becomes bytes."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from clawsocket.protocol.base import Wire

Source = Literal["hook", "transcript", "session_file", "status_line", "server"]


POSTED = "post-"
"""How names of hooks begin that came by ``POST /hook``. Each is given here, once: nobody tells such a one again."""


class Event(msgspec.Struct):
    """Something that happened, before the log gives it its ``seq``.

    Attributes:
        type: a name of the catalogue, such as ``tool.use``.
        timestamp: ms since 1970, of the thing itself and not of its reading.
        session_id: "" for events of the server.
        id: for a fact made from the fact alone, the same whichever source told it; for a level of its newest cause.
        source: who told it.
        data: a Struct of the catalogue, or a hook's payload: a dict, or raw JSON of an object.
        agent_id: the subagent, None for the session's main agent.
    """

    type: str
    timestamp: int
    session_id: str
    id: str
    source: Source
    data: Any
    agent_id: str | None = None


class Envelope(Wire, kw_only=True):
    """An event as it is on the wire. An event of a history reply has no ``seq``."""

    type: str
    timestamp: int
    session_id: str
    agent_id: str | None = None
    seq: int | None = None
    data: Any
    id: str
    source: Source


class Sent(Envelope, kw_only=True):
    """An event as it was sent. Its data stays as it is: what was posted may hold numbers that nobody here can read."""

    data: msgspec.Raw


sent = msgspec.json.Decoder(Sent).decode
"""Returns the event that some JSON is."""

_encoder = msgspec.json.Encoder()


def encode(event: Event, seq: int | None = None) -> bytes:
    """Return the JSON of an event.

    Args:
        event: the event.
        seq: its place in the log; None for a history reply.
    """
    return _encoder.encode(
        Envelope(
            type=event.type,
            timestamp=event.timestamp,
            session_id=event.session_id,
            agent_id=event.agent_id,
            seq=seq,
            data=event.data,
            id=event.id,
            source=event.source,
        )
    )
