"""What the server answers, and the notices it sends of itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from clawsocket.protocol.base import Wire
from clawsocket.protocol.messages import RequestId, UsagePart
from clawsocket.protocol.models import (
    AgentState,
    ClientStatus,
    Finding,
    SessionInfo,
    SessionUsage,
    Spending,
    StoreStatus,
    TotalUsage,
    UsageRow,
)

PROTOCOL = 1
"""Version of the protocol; it changes when something that was promised no longer holds."""

FEATURES = (
    "epoch",
    "ids",
    "resume",
    "gap",
    "sessions_filter",
    "aliases",
    "request_ids",
    "status",
    "usage_report",
    "batches",
)
"""What this server can do beyond the original; listed in every snapshot."""


class Reply(Wire, tag_field="type", kw_only=True):
    """Base of every reply; ``id`` is the request's."""

    id: RequestId | None = None


class ServerInfo(Wire, kw_only=True):
    """Which server this is."""

    version: str
    protocol: int
    features: tuple[str, ...]


class Snapshot(Reply, tag="snapshot", kw_only=True):
    """All sessions and agents at ``headSeq``; also the first message on every connection."""

    sessions: list[SessionInfo]
    agents: list[AgentState]
    head_seq: int
    epoch: str
    server: ServerInfo


class Subscribed(Reply, tag="subscribed", kw_only=True):
    """All topics of the connection now. ``recovered`` answers ``sinceSeq``: whether nothing is missing."""

    topics: list[str]
    head_seq: int
    recovered: bool | None = None
    oldest_seq: int | None = None


class Unsubscribed(Reply, tag="unsubscribed", kw_only=True):
    """The topics that are left."""

    topics: list[str]


class SessionList(Reply, tag="session_list", kw_only=True):
    """The sessions."""

    sessions: list[SessionInfo]


class SessionHistory(Reply, tag="session_history", kw_only=True):
    """A session's last events, oldest first, without ``seq``; ``more`` if there are older ones."""

    session_id: str
    events: list[Any]
    more: bool | None = None


class SessionUsageReply(SessionUsage, kw_only=True, tag_field="type", tag="usage"):
    """The usage of one session; zeros if it is not known."""

    id: RequestId | None = None


class TotalUsageReply(TotalUsage, kw_only=True, tag_field="type", tag="usage"):
    """The usage of all sessions."""

    id: RequestId | None = None


def usage_reply(usage: SessionUsage | TotalUsage, id: RequestId | None = None) -> SessionUsageReply | TotalUsageReply:
    """Return the ``usage`` reply for one session or for all."""
    kind = SessionUsageReply if isinstance(usage, SessionUsage) else TotalUsageReply
    return kind(id=id, **{name: getattr(usage, name) for name in usage.__struct_fields__})


class UsageReport(Reply, tag="usage_report", kw_only=True):
    """What all transcripts say was spent, each API message counted once, in the order of its parts."""

    by: list[UsagePart]
    since: str | None
    rows: list[UsageRow]
    total: Spending
    unpriced_models: list[str]
    prices_date: str


class _Report(Wire, kw_only=True):
    since: str | None
    rows: list[UsageRow]
    total: Spending
    unpriced_models: list[str]
    prices_date: str


_report = msgspec.json.Decoder(_Report)


def usage_report(made: bytes, by: Sequence[UsagePart]) -> UsageReport:
    """Return the reply for a report as ``claw-socket usage --json`` prints it."""
    report = _report.decode(made)
    return UsageReport(by=list(by), **{name: getattr(report, name) for name in report.__struct_fields__})


class ServiceStatus(Reply, tag="status", kw_only=True):
    """How the service itself is. ``store`` is null where the log is in memory alone."""

    pid: int
    started_at: int
    cpu_seconds: float
    events: int
    clients: list[ClientStatus]
    gaps: int
    memory_events: int
    memory_bytes: int
    store: StoreStatus | None
    troubles: dict[str, int]
    hooks_waiting: int
    hooks_rejected: dict[str, int]
    caught_up: bool
    broken_lines: int
    unknown_lines: dict[str, int]


class Findings(Reply, tag="findings", kw_only=True):
    """What ``claw-socket doctor`` finds, in the order in which one thing rests on another."""

    findings: list[Finding]


class SubscribedAgentLog(Reply, tag="subscribed_agent_log", kw_only=True):
    """An agent log is on."""

    session_id: str


class UnsubscribedAgentLog(Reply, tag="unsubscribed_agent_log", kw_only=True):
    """The agent logs of a session are off; null: all of them."""

    session_id: str | None


class AgentLog(Reply, tag="agent_log", kw_only=True):
    """A raw transcript line, as an object."""

    session_id: str
    agent_id: str | None = None
    line: msgspec.Raw


class Gap(Reply, tag="gap", kw_only=True):
    """Events ``from`` to ``to`` are gone, and why; the stream goes on behind ``to``.

    Only a gap means that something is missing.
    """

    from_: int = msgspec.field(name="from")
    to: int
    oldest_seq: int
    reason: Literal["evicted", "epoch", "spool_full", "crash", "source"]


class EventBatch(Reply, tag="events", kw_only=True):
    """Events, oldest first, for a connection that asked for ``batchMs``; a ``gap`` is among them in its place."""

    events: list[Any]


class Bookmark(Reply, tag="bookmark", kw_only=True):
    """Nothing for you up to ``headSeq``; at most one a minute."""

    head_seq: int


ERRORS = {
    "invalid JSON": "the message is not JSON",
    "invalid message": "the message is not one of the protocol's",
    "rate_limited": "too many messages; wait a moment",
    "limit_exceeded": "over a limit of this connection",
    "failed": "it could not be done; the log of the service says why",
}
"""The error codes, and what they mean."""


class Error(Wire, kw_only=True, tag_field="type", tag="error"):
    """A request failed."""

    error: str
    message: str | None = None
    id: RequestId | None = None


CLOSE_CODES = {
    1001: "going away",
    1008: "too many messages",
    1009: "message too big",
    4408: "too far behind",
    4409: "token rotated",
    4500: "internal error",
}
"""Close codes, and what they mean."""
