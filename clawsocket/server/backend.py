"""What the server needs from further away, handed to it as functions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from clawsocket.protocol.messages import UsagePart
from clawsocket.protocol.models import AgentState, Finding, SessionInfo, SessionUsage, TotalUsage
from clawsocket.protocol.replies import ServiceStatus, UsageReport


@dataclass(slots=True)
class Backend:
    """The rest of the program, as the server sees it.

    Attributes:
        snapshot: the sessions and agents as they are at the log's head, without waiting.
        sessions: the sessions that have not ended.
        count: how many those are; strangers may ask, over and over.
        all_sessions: the sessions, those that ended too, oldest first.
        history: (session, limit, before, all) to the session's last ``limit`` events as JSON, oldest first, that come
            before the event with the id ``before``, and whether there are older ones; nothing for an unknown session.
            With ``all`` also what only the log tells.
        usage: the usage of a session, None if it is not in memory; with None of all.
        past_usage: the usage of a session that is not in memory, zeros if there is none.
        usage_report: (parts, first day or None) to what all transcripts say was spent; raises RequestError.
        status: how the service itself is.
        findings: what the doctor finds.
        take_hook: takes the body of a hook; raises InvalidHookError.
        metrics: what ``GET /metrics`` answers.
        transcript: (session, agent) to the transcript file as it is named now; agent None is the main one.
    """

    snapshot: Callable[[], tuple[list[SessionInfo], list[AgentState]]]
    sessions: Callable[[], list[SessionInfo]]
    count: Callable[[], int]
    all_sessions: Callable[[], Awaitable[list[SessionInfo]]]
    history: Callable[[str, int, str | None, bool], Awaitable[tuple[list[msgspec.Raw], bool]]]
    usage: Callable[[str | None], SessionUsage | TotalUsage | None]
    past_usage: Callable[[str], Awaitable[SessionUsage]]
    usage_report: Callable[[Sequence[UsagePart], str | None], Awaitable[UsageReport]]
    status: Callable[[], ServiceStatus]
    findings: Callable[[], Awaitable[list[Finding]]]
    take_hook: Callable[[bytes], None]
    metrics: Callable[[], str]
    transcript: Callable[[str, str | None], Path | None]
