"""What clients send."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from clawsocket.protocol.base import Wire

Topic = Annotated[str, Meta(min_length=1, max_length=256)]
Topics = Annotated[list[Topic], Meta(min_length=1, max_length=100)]
SessionId = Annotated[str, Meta(min_length=1, max_length=256)]
Seq = Annotated[int, Meta(ge=0)]
Day = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
UsagePart = Literal["day", "project", "model", "session", "agent", "prompt"]
RequestId = Annotated[str, Meta(max_length=256)] | int | float


class ClientMessage(Wire, tag_field="type", kw_only=True):
    """Base of every message. ``id`` is echoed by its reply and errors."""

    id: RequestId | None = None


class Subscribe(ClientMessage, tag="subscribe", kw_only=True):
    """Adds topics, each for all sessions or for some; with ``sinceSeq`` the cursor is set back first.

    A connection that says ``allOrNothing`` is closed (4408) where it would get a ``gap``. One that says ``batchMs``
    gets its events several at a time, as ``events`` messages; those of what is new come at least so many ms apart.
    """

    topics: Topics
    session_id: SessionId | Annotated[list[SessionId], Meta(min_length=1, max_length=1000)] | None = None
    since_seq: Seq | None = None
    epoch: str | None = None
    all_or_nothing: bool | None = None
    batch_ms: Annotated[int, Meta(ge=0, le=10_000)] | None = None


class Unsubscribe(ClientMessage, tag="unsubscribe", kw_only=True):
    """Drops topics."""

    topics: Topics


class GetSnapshot(ClientMessage, tag="get_snapshot", kw_only=True):
    """Asks for all sessions and agents as they are."""


class GetSessionList(ClientMessage, tag="get_session_list", kw_only=True):
    """Asks for the sessions; with ``all`` for those that ended too."""

    all: bool = False


class GetSessionHistory(ClientMessage, tag="get_session_history", kw_only=True):
    """Asks for a session's last events, oldest first; ``before`` is the id of the event to end before.

    They are those that the transcripts tell; with ``all``, also what only the log tells: the session's states, its
    questions for permission, its beginning and its end.
    """

    session_id: SessionId
    limit: Annotated[int, Meta(ge=1)] = 1000
    before: str | None = None
    all: bool = False


class GetUsage(ClientMessage, tag="get_usage", kw_only=True):
    """Asks for the usage of a session, or of all."""

    session_id: SessionId | None = None


class GetUsageReport(ClientMessage, tag="get_usage_report", kw_only=True):
    """Asks for what all transcripts say was spent, also those from before the service: summed up by one or more parts.

    The first report reads everything and may take minutes; later ones read what is new.
    """

    by: Annotated[list[UsagePart], Meta(min_length=1, max_length=6)]
    since: Day | None = None


class GetStatus(ClientMessage, tag="get_status", kw_only=True):
    """Asks how the service itself is."""


class GetFindings(ClientMessage, tag="get_findings", kw_only=True):
    """Asks for what ``claw-socket doctor`` finds; it takes a few seconds."""


class Replay(ClientMessage, tag="replay", kw_only=True):
    """Sets the cursor back: the subscribed events with a greater seq come again, then live goes on."""

    last_seq: Seq


class SubscribeAgentLog(ClientMessage, tag="subscribe_agent_log", kw_only=True):
    """Asks for each raw transcript line of a session's main agent, or of one subagent."""

    session_id: SessionId
    agent_id: SessionId | None = None


class UnsubscribeAgentLog(ClientMessage, tag="unsubscribe_agent_log", kw_only=True):
    """Ends the agent logs of a session, or all."""

    session_id: SessionId | None = None


AnyMessage = (
    Subscribe
    | Unsubscribe
    | GetSnapshot
    | GetSessionList
    | GetSessionHistory
    | GetUsage
    | GetUsageReport
    | GetStatus
    | GetFindings
    | Replay
    | SubscribeAgentLog
    | UnsubscribeAgentLog
)


class _Id(msgspec.Struct):
    id: RequestId | None = None


_message: msgspec.json.Decoder[AnyMessage] = msgspec.json.Decoder(AnyMessage)
_id = msgspec.json.Decoder(_Id)


def decode(data: bytes) -> AnyMessage:
    """Return a client's message.

    Raises:
        msgspec.ValidationError: JSON, but no message of ours, or nested too deeply (its text is not for the client).
        msgspec.DecodeError, UnicodeDecodeError: not JSON.
    """
    try:
        return _message.decode(data)
    except RecursionError as error:
        raise msgspec.ValidationError(str(error)) from error


def request_id(data: bytes) -> str | int | float | None:
    """Return the ``id`` of a message that could not be decoded, so that its error can echo it; None if it has none."""
    try:
        return _id.decode(data).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
