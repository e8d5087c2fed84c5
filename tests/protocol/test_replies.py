"""What the server answers has the promised form."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from clawsocket.protocol import replies
from clawsocket.protocol.base import Wire
from clawsocket.protocol.models import (
    ClientStatus,
    Finding,
    ModelUsage,
    SessionUsage,
    Spending,
    StoreStatus,
    TotalUsage,
    UsageRow,
)

SERVER = replies.ServerInfo(version="1.2.3", protocol=replies.PROTOCOL, features=replies.FEATURES)
ZEROS = SessionUsage(
    session_id="s",
    input_tokens=0,
    output_tokens=0,
    cache_creation_input_tokens=0,
    cache_read_input_tokens=0,
    total_cost_usd=0.0,
    duration_ms=0,
    num_turns=0,
    model_breakdown={},
    unpriced_models=[],
    last_updated_at=0,
)
TOTAL = TotalUsage(total_cost_usd=0.5, total_input_tokens=1, total_output_tokens=2, session_count=3, model_breakdown={})

SPENT: dict[str, Any] = {
    "input_tokens": 1,
    "output_tokens": 2,
    "cache_creation_input_tokens": 3,
    "cache_read_input_tokens": 4,
    "messages": 5,
    "unpriced_messages": 1,
    "total_cost_usd": None,
}
SENT_SPENT = {
    "inputTokens": 1,
    "outputTokens": 2,
    "cacheCreationInputTokens": 3,
    "cacheReadInputTokens": 4,
    "messages": 5,
    "unpricedMessages": 1,
    "totalCostUsd": None,
}

REPLIES: list[tuple[Wire, dict[str, Any]]] = [
    (
        replies.Snapshot(sessions=[], agents=[], head_seq=9, epoch="e", server=SERVER),
        {
            "type": "snapshot",
            "sessions": [],
            "agents": [],
            "headSeq": 9,
            "epoch": "e",
            "server": {"version": "1.2.3", "protocol": 1, "features": list(replies.FEATURES)},
        },
    ),
    (
        replies.Subscribed(topics=["a"], head_seq=9, id="x"),
        {"type": "subscribed", "topics": ["a"], "headSeq": 9, "id": "x"},
    ),
    (
        replies.Subscribed(topics=["a"], head_seq=9, recovered=False, oldest_seq=3),
        {"type": "subscribed", "topics": ["a"], "headSeq": 9, "recovered": False, "oldestSeq": 3},
    ),
    (replies.Unsubscribed(topics=[]), {"type": "unsubscribed", "topics": []}),
    (replies.SessionList(sessions=[]), {"type": "session_list", "sessions": []}),
    (
        replies.SessionHistory(session_id="s", events=[msgspec.Raw(b'{"a":1}')], more=True),
        {"type": "session_history", "sessionId": "s", "events": [{"a": 1}], "more": True},
    ),
    (
        replies.SessionHistory(session_id="s", events=[]),
        {"type": "session_history", "sessionId": "s", "events": []},
    ),
    (replies.SubscribedAgentLog(session_id="s"), {"type": "subscribed_agent_log", "sessionId": "s"}),
    (replies.UnsubscribedAgentLog(session_id=None), {"type": "unsubscribed_agent_log", "sessionId": None}),
    (replies.UnsubscribedAgentLog(session_id="s"), {"type": "unsubscribed_agent_log", "sessionId": "s"}),
    (
        replies.AgentLog(session_id="s", line=msgspec.Raw(b'{"type":"user"}')),
        {"type": "agent_log", "sessionId": "s", "line": {"type": "user"}},
    ),
    (
        replies.AgentLog(session_id="s", agent_id="a", line=msgspec.Raw(b"{}")),
        {"type": "agent_log", "sessionId": "s", "agentId": "a", "line": {}},
    ),
    (
        replies.Gap(from_=3, to=5, oldest_seq=6, reason="evicted"),
        {"type": "gap", "from": 3, "to": 5, "oldestSeq": 6, "reason": "evicted"},
    ),
    (replies.EventBatch(events=[{"seq": 8}]), {"type": "events", "events": [{"seq": 8}]}),
    (replies.Bookmark(head_seq=9), {"type": "bookmark", "headSeq": 9}),
    (
        replies.Error(error="invalid JSON", message="the message is not JSON", id=7),
        {"type": "error", "error": "invalid JSON", "message": "the message is not JSON", "id": 7},
    ),
    (replies.Error(error="rate_limited"), {"type": "error", "error": "rate_limited"}),
    (
        replies.usage_reply(ZEROS, 5),
        {
            "type": "usage",
            "id": 5,
            "sessionId": "s",
            "inputTokens": 0,
            "outputTokens": 0,
            "cacheCreationInputTokens": 0,
            "cacheReadInputTokens": 0,
            "totalCostUsd": 0.0,
            "durationMs": 0,
            "numTurns": 0,
            "modelBreakdown": {},
            "unpricedModels": [],
            "lastUpdatedAt": 0,
        },
    ),
    (
        replies.usage_reply(TOTAL, None),
        {
            "type": "usage",
            "totalCostUsd": 0.5,
            "totalInputTokens": 1,
            "totalOutputTokens": 2,
            "sessionCount": 3,
            "modelBreakdown": {},
        },
    ),
    (
        replies.UsageReport(
            by=["day", "model"],
            since="2026-11-01",
            rows=[UsageRow(day="2026-11-02", model="m", **SPENT)],
            total=Spending(**SPENT),
            unpriced_models=[],
            prices_date="2026-10-01",
        ),
        {
            "type": "usage_report",
            "by": ["day", "model"],
            "since": "2026-11-01",
            "rows": [{**SENT_SPENT, "day": "2026-11-02", "model": "m"}],
            "total": SENT_SPENT,
            "unpricedModels": [],
            "pricesDate": "2026-10-01",
        },
    ),
    (
        replies.ServiceStatus(
            pid=7,
            started_at=1,
            cpu_seconds=0.5,
            events=9,
            clients=[ClientStatus(topics=["*"], lag=2, stalled=True)],
            gaps=1,
            memory_events=3,
            memory_bytes=400,
            store=StoreStatus(size=8192, oldest_at=5, behind=1),
            troubles={"log": 1},
            hooks_waiting=2,
            hooks_rejected={"json": 1},
            caught_up=True,
            broken_lines=1,
            unknown_lines={"new": 3},
        ),
        {
            "type": "status",
            "pid": 7,
            "startedAt": 1,
            "cpuSeconds": 0.5,
            "events": 9,
            "clients": [{"topics": ["*"], "lag": 2, "stalled": True}],
            "gaps": 1,
            "memoryEvents": 3,
            "memoryBytes": 400,
            "store": {"size": 8192, "oldestAt": 5, "behind": 1},
            "troubles": {"log": 1},
            "hooksWaiting": 2,
            "hooksRejected": {"json": 1},
            "caughtUp": True,
            "brokenLines": 1,
            "unknownLines": {"new": 3},
        },
    ),
    (
        replies.Findings(findings=[Finding(check="port", level="error", what="w", mend="m", fixable=False)]),
        {
            "type": "findings",
            "findings": [{"check": "port", "level": "error", "what": "w", "mend": "m", "fixable": False}],
        },
    ),
]


@pytest.mark.parametrize(("reply", "sent"), REPLIES, ids=lambda value: type(value).__name__)
def test_a_reply_has_exactly_the_promised_fields(reply: Wire, sent: dict[str, Any]) -> None:
    assert json.loads(msgspec.json.encode(reply)) == sent


def test_every_kind_of_reply_is_shown_here() -> None:
    kinds = {kind for kind in vars(replies).values() if isinstance(kind, type) and issubclass(kind, replies.Reply)}
    assert kinds - {type(reply) for reply, _ in REPLIES} == {replies.Reply}


def test_no_reply_has_a_seq_at_its_top() -> None:
    for reply, _ in REPLIES:
        assert not {"seq", "data"} & json.loads(msgspec.json.encode(reply)).keys()


def test_the_usage_of_a_model_without_a_price_is_null() -> None:
    model = ModelUsage(
        input_tokens=1, output_tokens=2, cache_creation_input_tokens=3, cache_read_input_tokens=4, cost_usd=None
    )
    reply = replies.usage_reply(msgspec.structs.replace(ZEROS, model_breakdown={"m": model}), None)
    assert json.loads(msgspec.json.encode(reply))["modelBreakdown"] == {
        "m": {
            "inputTokens": 1,
            "outputTokens": 2,
            "cacheCreationInputTokens": 3,
            "cacheReadInputTokens": 4,
            "costUsd": None,
        }
    }


def test_the_error_and_close_codes_are_the_promised_ones() -> None:
    assert set(replies.ERRORS) == {"invalid JSON", "invalid message", "rate_limited", "limit_exceeded", "failed"}
    assert set(replies.CLOSE_CODES) == {1001, 1008, 1009, 4408, 4409, 4500}


@pytest.mark.parametrize("reason", ["evicted", "epoch", "spool_full", "crash", "source"])
def test_a_gap_has_one_of_the_promised_reasons(reason: str) -> None:
    sent = {"type": "gap", "from": 1, "to": 2, "oldestSeq": 3, "reason": reason}
    gap = msgspec.convert(sent, replies.Gap)
    assert msgspec.to_builtins(gap) == sent
