"""What the Structs don't say themselves: a line for every field, examples of messages, replies and aliases."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from clawsocket import __version__
from clawsocket.protocol import aliases, events, messages, replies
from clawsocket.protocol.base import Wire
from clawsocket.protocol.envelope import Source
from clawsocket.protocol.models import (
    AgentState,
    ClientStatus,
    Finding,
    RateLimit,
    SessionInfo,
    SessionUsage,
    Spending,
    StoreStatus,
    ToolRun,
    TotalUsage,
    UsageRow,
    WaitingTool,
)

FIELDS = {
    "type": "What it is.",
    "timestamp": "When it happened, in ms since 1970; not when it was read.",
    "sessionId": "The session, as Claude Code names it.",
    "Envelope.sessionId": "The session, as Claude Code names it; empty for events of the server.",
    "GetUsage.sessionId": "The session; absent: all of them.",
    "Subscribe.sessionId": "The session, or the sessions, at most 1000, that the topics are wanted for; absent: all.",
    "UnsubscribeAgentLog.sessionId": "The session; absent: all of them.",
    "UnsubscribedAgentLog.sessionId": "The session; null: all of them.",
    "agentId": "The subagent; absent for the session's main agent.",
    "AgentStarted.agentId": "The subagent.",
    "AgentStopped.agentId": "The subagent.",
    "AgentState.agentId": "The agent; a session's main agent is `master-<sessionId>`.",
    "seq": "Its place in the log; it rises over restarts too. Absent in a history reply.",
    "data": "What the type says.",
    "id": "Of the request that this belongs to.",
    "ClientMessage.id": "A number, or a string of at most 256 characters; the reply and errors echo it.",
    "Envelope.id": "Names the event, not its telling: a fact has the same one whichever source told of it.",
    "source": "How Claude Code says it came about.",
    "Envelope.source": "Who told of it first.",
    "SystemError.source": "The part of the service.",
    "AgentStarted.source": "Who told of it.",
    "AgentStopped.source": "Who told of it.",
    "McpElicitation.source": "Who told of it.",
    "McpElicitationResult.source": "Who told of it.",
    "SessionStarted.source": "`startup`, `resume`, `clear`, `compact` or `fork`.",
    "agentType": "Its type, such as `Explore`; `master` for a session's main agent.",
    "status": "What the agent does.",
    "McpServerStatus.status": "As Claude Code says it.",
    "MessageError.status": "The HTTP status of the API's answer.",
    "currentTool": "The tool that runs.",
    "currentToolInput": "What it was called with, at most 500 characters.",
    "startedAt": "When it began, in ms since 1970.",
    "lastActivityAt": "When it last did something, in ms since 1970.",
    "toolCount": "Its tool calls.",
    "tokenCount": "Its tokens, in and out.",
    "cwd": "The folder that it works in.",
    "name": "The session's name.",
    "AgentState.name": "The agent's name, if it was given one.",
    "WaitingTool.name": "The tool.",
    "toolHistory": "Its last 10 finished calls, oldest first.",
    "parentAgentId": "The subagent that started it; absent: the session's main agent.",
    "parentToolUseId": "The tool call that started it.",
    "description": "What it was started for.",
    "Task.description": "What is to be done, at length.",
    "costUsd": "Cost in US dollars.",
    "ModelUsage.costUsd": "Cost in US dollars; null: the model has no price.",
    "percentUsed": "How much is used, in percent.",
    "tokensUsed": "Tokens in the context window.",
    "tokensMax": "Tokens that it holds.",
    "categories": "Tokens by what they are for.",
    "official": "Whether Claude Code said so itself; otherwise it was worked out.",
    "inputTokens": "Input tokens that no cache held.",
    "outputTokens": "Output tokens.",
    "cacheCreationInputTokens": "Input tokens written to the cache.",
    "cacheReadInputTokens": "Input tokens read from the cache.",
    "totalCostUsd": "Cost in US dollars, of the models that have a price.",
    "durationMs": "How long it took, in ms.",
    "SessionUsage.durationMs": "How long its turns took, in ms.",
    "SessionEnded.durationMs": "How long the session was there, in ms.",
    "ToolCompleted.durationMs": "How long it took, in ms; null: nobody measured it.",
    "ToolRun.durationMs": "How long it took, in ms; null: nobody measured it.",
    "durationApiMs": "How long the API took, in ms.",
    "numTurns": "As Claude Code counts: one for each turn, and one for each result of a tool call of the main agent.",
    "modelBreakdown": "The usage by model.",
    "unpricedModels": "Models whose tokens are in no cost.",
    "lastUpdatedAt": "When it last changed, in ms since 1970.",
    "pid": "The process; null while unknown.",
    "kind": "`interactive`, or `bg` for one in the background, which has no terminal of its own.",
    "jobId": "Names a session in the background, as for `claude attach`.",
    "SessionEnded.jobId": "The session in the background in which its conversation goes on, under another id.",
    "entrypoint": "How Claude Code was started, such as `cli`.",
    "version": "Claude Code's version.",
    "ServerInfo.version": "The server's version.",
    "model": "The model.",
    "permissionMode": "What it may do without asking, such as `default` or `plan`.",
    "inputSummary": "What the tool was called with, as JSON, at most 500 characters.",
    "toolUseId": "The tool call, as Claude Code names it.",
    "state": "What the session does.",
    "previous": "What it did before.",
    "since": "Since when it is so, in ms since 1970.",
    "waitingFor": "What the owner is asked for.",
    "tool": "The call that waits for the owner.",
    "error": "What went wrong.",
    "Error.error": "What went wrong, as a code.",
    "SessionStateChanged.error": "Why it failed.",
    "MessageError.error": "The kind of error, such as `rate_limit`.",
    "trigger": "`manual` or `auto`.",
    "summary": "What the conversation was compacted to.",
    "reason": "Why.",
    "usage": "What it spent, as the API counts it.",
    "SessionEnded.usage": "What the session spent; null: nothing.",
    "SessionInfo.usage": "What the session spent so far.",
    "background": "Whether it runs beside its parent's turn.",
    "agents": "The agents, each as it is now.",
    "lastMessage": "The last thing it said.",
    "text": "The text.",
    "uuid": "The transcript line, as Claude Code names it.",
    "isSynthetic": "Whether nobody typed it: a reminder, a notification, the echo of a command.",
    "promptId": "The prompt, as Claude Code names it.",
    "contentBlocks": "The block, as the API has it: text, thinking, a tool call.",
    "messageId": "The API message that the block is part of.",
    "subtype": "How the turn ended.",
    "toolName": "The tool.",
    "input": "What the tool was called with, whole.",
    "success": "Whether it did what it was asked to.",
    "outcome": "How it ended.",
    "durationSource": "Whether the tool's own time, or the span between two timestamps.",
    "outputSummary": "What came out, at most 500 characters.",
    "isInterrupt": "Whether the owner interrupted it.",
    "suggestions": "What Claude Code suggests to allow for good.",
    "index": "Its place in the answer, from 0.",
    "final": "Whether it is the last one.",
    "displayId": "What is displayed.",
    "turnId": "The turn.",
    "resetsAt": "When the limit begins anew, in ms since 1970.",
    "UsageRateLimit.type": "Which limit.",
    "RateLimit.type": "Which limit.",
    "rateLimits": "The limits of the account, each as it was told last.",
    "updatedAt": "When it was told, in ms since 1970.",
    "allowed": "Whether requests still pass.",
    "message": "A line for people.",
    "question": "What it asks.",
    "serverName": "The MCP server.",
    "mode": "`form` or `url`.",
    "schema": "The JSON Schema of the answer.",
    "options": "The answers to choose from.",
    "timeout": "How long it waits.",
    "action": "`accept`, `decline` or `cancel`.",
    "answer": "The answer, as JSON.",
    "url": "Where it is.",
    "tools": "What it offers.",
    "checkId": "The check that it belongs to.",
    "path": "The file or folder.",
    "changeType": "`add`, `change` or `unlink`.",
    "newCwd": "The folder now.",
    "oldCwd": "The folder before.",
    "taskId": "The item, as Claude Code names it.",
    "subject": "What is to be done.",
    "recoverable": "Whether the service goes on as before.",
    "totalInputTokens": "Input tokens of all sessions.",
    "totalOutputTokens": "Output tokens of all sessions.",
    "sessionCount": "How many sessions.",
    "discoveredAt": "When the service first saw it, in ms since 1970.",
    "gitBranch": "The branch that is checked out.",
    "context": "How full its context window is.",
    "topics": "Topic patterns, at most 100: `*`, `tool.*`, `tool.use`.",
    "Subscribed.topics": "All topics of the connection now.",
    "Unsubscribed.topics": "The topics that are left.",
    "sinceSeq": "Begin after this `seq`, not now.",
    "epoch": "Names the log that the numbers belong to.",
    "Subscribe.epoch": "The log that `sinceSeq` is of, from a snapshot.",
    "allOrNothing": "Whether to be closed (4408) rather than to get a `gap`.",
    "batchMs": "Have events come several to a message, `events`, and these so many ms apart, at least; at most 10,000.",
    "all": "Whether to list sessions that ended, too.",
    "GetSessionHistory.all": "Whether what only the log tells is wanted, too: states, questions, beginning and end.",
    "limit": "How many events at most; absent: 1000. A reply has 10,000 and 16 MB at most, then it says `more`.",
    "before": "The `id` of the first event of a page, for the page before it; before one of no page is nothing.",
    "lastSeq": "Begin after this `seq`.",
    "protocol": "The version of the protocol; it changes when something promised no longer holds.",
    "features": "What the server can do beyond the first version.",
    "sessions": "The sessions.",
    "headSeq": "The last `seq` given.",
    "server": "Which server this is.",
    "recovered": "Whether nothing is missing since `sinceSeq`.",
    "oldestSeq": "The oldest `seq` kept.",
    "Gap.oldestSeq": "The oldest `seq` kept, or the first behind the gap.",
    "events": "Its events, oldest first.",
    "more": "Whether there are older ones.",
    "line": "The line, as an object.",
    "from": "The first number that is gone.",
    "to": "The last number that is gone.",
    "Gap.reason": "Why: not kept any more, another log, a full spool, a crash, a source that could not be read.",
    "cpuSeconds": "CPU time that it took since its start.",
    "ServiceStatus.startedAt": "When the service was started, in ms since 1970.",
    "ServiceStatus.pid": "The process of the service.",
    "ServiceStatus.events": "Events since its start.",
    "clients": "The WebSocket clients.",
    "ClientStatus.topics": "What it subscribed to.",
    "lag": "Events that it was not sent yet.",
    "stalled": "Whether it does not read what it was sent.",
    "gaps": "How often a client was told that events are not kept any more.",
    "memoryEvents": "Events that are kept in memory.",
    "memoryBytes": "Their size, in bytes.",
    "store": "The log on disk.",
    "size": "Its size, its journal included, in bytes.",
    "oldestAt": "When its oldest event happened, in ms since 1970; 0: it has none.",
    "behind": "Events that are not on disk yet.",
    "troubles": "How often each part of the service told of a trouble, since its start.",
    "hooksWaiting": "Hooks in the spool that wait.",
    "hooksRejected": "Files in the spool that were no hooks, by kind.",
    "caughtUp": "Whether no transcript has lines that wait.",
    "brokenLines": "Lines of transcripts that could not be read.",
    "unknownLines": "Lines of transcripts of kinds that are not known, by kind.",
    "findings": "What was found.",
    "check": "What was looked at, in a word.",
    "level": "`error`: something does not work, or is not safe; `warning`: less than could be; `ok`.",
    "what": "What was found, as a clause.",
    "mend": "The command, or the deed, that mends it.",
    "fixable": "Whether `claw-socket doctor --fix` mends it.",
    "SessionInfo.error": "Why it failed.",
    "by": "What it is summed up by: each row has these parts.",
    "GetUsageReport.since": "The first day, such as `2026-11-01`; without it, all of them.",
    "UsageReport.since": "The first day; null: all of them.",
    "rows": "What was spent, by these parts.",
    "total": "All rows together.",
    "pricesDate": "Of which day the prices are.",
    "messages": "API messages.",
    "unpricedMessages": "Those of them whose tokens are in no cost.",
    "Spending.totalCostUsd": "What they cost, in US dollars; null: none of them has a price.",
    "UsageRow.totalCostUsd": "What they cost, in US dollars, exact; null: none of them has a price.",
    "day": "The day, such as `2026-11-23`, in the time zone of the service; empty for messages without a time.",
    "project": "The folder that the session works in.",
    "session": "The session, as Claude Code names it.",
    "UsageRow.agent": "The subagent; empty for the session itself.",
    "prompt": "The prompt, as Claude Code names it.",
    "hookType": "The hook, as Claude Code names it.",
}
"""What a field holds, for all Structs that have it, or for one Struct."""

SESSION: str = events.EVENTS["session.discovered"].example["sessionId"]
TOOL: str = events.EVENTS["tool.use"].example["toolUseId"]
AGENT: str = events.EVENTS["agent.started"].example["agentId"]
TIME: int = events.EVENTS["session.discovered"].example["startedAt"]
MESSAGE: str = events.EVENTS["message.user"].example["uuid"]
SEQ = 1_795_380_827_779_001
"""What the examples are about."""

_OWN_NAMES = {alias: name for name, found in aliases.ALIASES_OF.items() for alias in found}
_HOOK = "h:1795380827645-23796-4"
_RUN = f"s:{SESSION}:316728"
_IDS: dict[str, tuple[str, Source]] = {
    "session.discovered": (_RUN, "session_file"),
    "session.started": (f"{_RUN}:started", "hook"),
    "session.state_changed": (f"s:{SESSION}:{TIME}:2:running", "session_file"),
    "session.renamed": (f"n:{SESSION}:{TIME}:3", "session_file"),
    "session.compacted": (f"m:{SESSION}:{MESSAGE}:compacted", "transcript"),
    "session.ended": (f"{_RUN}:ended", "server"),
    "session.removed": (f"{_RUN}:removed", "server"),
    "agent.started": (f"a:{SESSION}:{AGENT}:start:1", "transcript"),
    "agent.state_changed": (f"a:{SESSION}:{TIME}:4", "server"),
    "agent.stopped": (f"a:{SESSION}:{AGENT}:stop:1", "hook"),
    "message.user": (f"m:{SESSION}:{MESSAGE}", "transcript"),
    "message.assistant": (f"m:{SESSION}:{MESSAGE}", "transcript"),
    "message.result": (f"r:{SESSION}:44bef803-cca4-4999-8e91-0724084aa130", "transcript"),
    "message.error": (f"m:{SESSION}:{MESSAGE}:error", "transcript"),
    "tool.use": (f"t:{SESSION}:{TOOL}:use", "hook"),
    "tool.result": (f"t:{SESSION}:{TOOL}:result", "hook"),
    "usage.updated": (f"u:{SESSION}:{TIME}:5", "transcript"),
    "usage.context": (f"g:{SESSION}:{TIME}:1", "transcript"),
    "usage.rate_limit": (f"g:{SESSION}:{TIME}:2", "status_line"),
    "mcp.server_status": (f"{_HOOK}:notes", "hook"),
    "system.error": (f"e:{TIME}:1", "server"),
    "system.check": (_HOOK, "hook"),
}

OF_SUBAGENT = ("agent.started", "agent.stopped", "hook.subagent_start", "hook.subagent_stop")
"""Events whose examples name a subagent as their own."""


def identity(name: str) -> tuple[str, Source]:
    """Return the ``id`` and the ``source`` that the example of an event has."""
    name = _OWN_NAMES.get(name, name)
    return _IDS.get(name) or (_HOOK if name.startswith("hook.") else f"{_HOOK}:{name}", "hook")


_EPOCH = "5f0c2b6e1d9a4783"

_USAGE = msgspec.convert(events.EVENTS["usage.updated"].example, SessionUsage)
_TOTAL = TotalUsage(
    total_cost_usd=_USAGE.total_cost_usd,
    total_input_tokens=32995,
    total_output_tokens=127,
    session_count=1,
    model_breakdown=_USAGE.model_breakdown,
    rate_limits=[
        RateLimit(type="five_hour", percent_used=42.0, resets_at=TIME + 3_600_000, official=True, updated_at=TIME)
    ],
)
_SPENT: dict[str, Any] = {
    "input_tokens": 17,
    "output_tokens": 127,
    "cache_creation_input_tokens": 2258,
    "cache_read_input_tokens": 30720,
    "messages": 2,
    "total_cost_usd": 0.0327,
}
_INFO = SessionInfo(
    pid=23796,
    session_id=SESSION,
    cwd="/home/dev/app",
    started_at=TIME,
    discovered_at=TIME + 12,
    state="requires_action",
    since=TIME + 900,
    waiting_for="permission",
    tool=WaitingTool(name="Bash", input_summary='{"command":"rm main.py"}', tool_use_id=TOOL),
    name="app-70",
    model="claude-opus-4-8",
    git_branch="main",
    permission_mode="default",
    usage=_USAGE,
)
_MASTER = AgentState(
    agent_id=f"master-{SESSION}",
    agent_type="master",
    session_id=SESSION,
    status="tool_running",
    current_tool="Bash",
    current_tool_input='{"command":"make test"}',
    started_at=TIME,
    last_activity_at=TIME + 900,
    tool_count=1,
    token_count=33122,
    cwd="/home/dev/app",
    tool_history=[
        ToolRun(tool_name="Read", input_summary='{"file_path":"main.py"}', duration_ms=4, success=True, started_at=TIME)
    ],
)


class Command(NamedTuple):
    """A message of a client.

    Attributes:
        summary: what it is for, in a few words.
        replies: the types that answer it, but for errors.
        examples: it, in some forms.
    """

    summary: str
    replies: tuple[str, ...]
    examples: list[messages.ClientMessage]


COMMANDS: dict[type[messages.ClientMessage], Command] = {
    messages.Subscribe: Command(
        "Subscribe to topics.",
        ("subscribed", "gap"),
        [
            messages.Subscribe(topics=["tool.*", "session.*"], id="1"),
            messages.Subscribe(topics=["*"], session_id=SESSION, since_seq=SEQ, epoch=_EPOCH),
            messages.Subscribe(topics=["session.*", "agent.*"], batch_ms=50),
        ],
    ),
    messages.Unsubscribe: Command("Drop topics.", ("unsubscribed",), [messages.Unsubscribe(topics=["tool.*"])]),
    messages.GetSnapshot: Command(
        "Get all sessions and agents as they are.", ("snapshot",), [messages.GetSnapshot(id="2")]
    ),
    messages.GetSessionList: Command("List the sessions.", ("session_list",), [messages.GetSessionList(all=True)]),
    messages.GetSessionHistory: Command(
        "Get a session's last events.",
        ("session_history",),
        [messages.GetSessionHistory(session_id=SESSION, limit=100)],
    ),
    messages.GetUsage: Command(
        "Get the tokens and cost of a session, or of all.",
        ("usage",),
        [messages.GetUsage(), messages.GetUsage(session_id=SESSION)],
    ),
    messages.GetUsageReport: Command(
        "Get what all transcripts say was spent.",
        ("usage_report",),
        [messages.GetUsageReport(by=["day", "model"], since="2026-11-01", id="5")],
    ),
    messages.GetStatus: Command("See how the service itself is.", ("status",), [messages.GetStatus()]),
    messages.GetFindings: Command("Let the doctor look.", ("findings",), [messages.GetFindings(id="4")]),
    messages.Replay: Command(
        "Get the subscribed events after a number again.", ("gap",), [messages.Replay(last_seq=SEQ)]
    ),
    messages.SubscribeAgentLog: Command(
        "Follow a raw transcript.",
        ("subscribed_agent_log", "agent_log"),
        [messages.SubscribeAgentLog(session_id=SESSION, agent_id=AGENT)],
    ),
    messages.UnsubscribeAgentLog: Command(
        "Follow it no more.", ("unsubscribed_agent_log",), [messages.UnsubscribeAgentLog(session_id=SESSION)]
    ),
}
"""Every message of a client."""

_SERVER = replies.ServerInfo(version=__version__, protocol=replies.PROTOCOL, features=replies.FEATURES)

REPLIES: dict[type[Wire], list[Wire]] = {
    replies.Snapshot: [
        replies.Snapshot(sessions=[_INFO], agents=[_MASTER], head_seq=SEQ, epoch=_EPOCH, server=_SERVER)
    ],
    replies.Subscribed: [
        replies.Subscribed(topics=["tool.*", "session.*"], head_seq=SEQ, id="1"),
        replies.Subscribed(topics=["*"], head_seq=SEQ + 4, recovered=True, oldest_seq=SEQ - 2000),
    ],
    replies.Unsubscribed: [replies.Unsubscribed(topics=["session.*"])],
    replies.SessionList: [replies.SessionList(sessions=[_INFO])],
    replies.SessionHistory: [
        replies.SessionHistory(
            session_id=SESSION,
            events=[
                {
                    "type": "tool.use",
                    "timestamp": TIME,
                    "sessionId": SESSION,
                    "data": events.EVENTS["tool.use"].example,
                    "id": f"t:{SESSION}:{TOOL}:use",
                    "source": "transcript",
                }
            ],
            more=True,
        )
    ],
    replies.SessionUsageReply: [replies.usage_reply(_USAGE, "3")],
    replies.TotalUsageReply: [replies.usage_reply(_TOTAL, None)],
    replies.UsageReport: [
        replies.UsageReport(
            id="5",
            by=["day", "model"],
            since="2026-11-01",
            rows=[UsageRow(day="2026-11-23", model="claude-opus-4-8", **_SPENT)],
            total=Spending(**_SPENT),
            unpriced_models=[],
            prices_date="2026-11-20",
        )
    ],
    replies.ServiceStatus: [
        replies.ServiceStatus(
            pid=812,
            started_at=TIME - 86_400_000,
            cpu_seconds=4.2,
            events=30_211,
            clients=[ClientStatus(topics=["session.*", "agent.*"], lag=0, stalled=False)],
            gaps=0,
            memory_events=30_211,
            memory_bytes=18_350_080,
            store=StoreStatus(size=41_943_040, oldest_at=TIME - 2_592_000_000, behind=3),
            troubles={"spool": 0, "transcript": 0, "session_file": 0, "watch": 0, "log": 0},
            hooks_waiting=0,
            hooks_rejected={},
            caught_up=True,
            broken_lines=0,
            unknown_lines={"future-kind": 2},
        )
    ],
    replies.Findings: [
        replies.Findings(
            id="4",
            findings=[
                Finding(check="token", level="ok", what="the service takes the token", fixable=False),
                Finding(
                    check="hooks",
                    level="error",
                    what="Claude Code does not run our hooks",
                    mend="claw-socket --install-hooks",
                    fixable=True,
                ),
            ],
        )
    ],
    replies.SubscribedAgentLog: [replies.SubscribedAgentLog(session_id=SESSION)],
    replies.UnsubscribedAgentLog: [replies.UnsubscribedAgentLog(session_id=None)],
    replies.AgentLog: [
        replies.AgentLog(session_id=SESSION, agent_id=AGENT, line=msgspec.Raw(b'{"type":"user","isSidechain":true}'))
    ],
    replies.Gap: [replies.Gap(from_=SEQ - 3000, to=SEQ - 2001, oldest_seq=SEQ - 2000, reason="evicted")],
    replies.EventBatch: [
        replies.EventBatch(
            events=[
                {
                    "type": "tool.use",
                    "timestamp": TIME,
                    "sessionId": SESSION,
                    "seq": SEQ,
                    "data": events.EVENTS["tool.use"].example,
                    "id": f"t:{SESSION}:{TOOL}:use",
                    "source": "transcript",
                }
            ]
        )
    ],
    replies.Bookmark: [replies.Bookmark(head_seq=SEQ)],
    replies.Error: [replies.Error(error=code, message=message) for code, message in replies.ERRORS.items()],
}
"""Every message of the server that is no event."""


class Alias(NamedTuple):
    """A name of an event that the first version sent.

    Attributes:
        instead: the events to use instead.
        data: the Struct of its data.
        example: a value of it, as it is on the wire.
    """

    instead: str
    data: type[Any]
    example: Any


ALIASES = {
    "tool.started": Alias("`tool.use`", events.ToolUse, events.EVENTS["tool.use"].example),
    "tool.completed": Alias(
        "`tool.result`",
        aliases.ToolCompleted,
        aliases.ToolCompleted(tool_name="Bash", tool_use_id=TOOL, duration_ms=300, output_summary="README.md"),
    ),
    "tool.failed": Alias(
        "`tool.result`",
        aliases.ToolFailed,
        aliases.ToolFailed(tool_name="Bash", tool_use_id=TOOL, error="Exit code 1", is_interrupt=False),
    ),
    "usage.update": Alias("`usage.updated`", SessionUsage, events.EVENTS["usage.updated"].example),
    "hook.started": Alias(
        "`hook.pre_tool_use`", aliases.HookStarted, aliases.HookStarted(hook_type="PreToolUse", tool_name="Bash")
    ),
    "hook.completed": Alias(
        "`hook.post_tool_use` and `hook.post_tool_use_failure`",
        aliases.HookCompleted,
        aliases.HookCompleted(hook_type="PostToolUse", tool_name="Bash", success=True),
    ),
}
"""The names that are sent to whoever subscribes to them by exact name."""

NOT_SENT = {
    "stream.thinking_delta": "Claude Code tells nobody what it thinks while it does; see `message.assistant`.",
    "stream.tool_use_delta": "Claude Code tells nobody of a call before it is whole; see `tool.use`.",
    "prompt.suggestion": "Claude Code keeps its suggestions to itself.",
}
"""Types that the first version documented, and why nobody can send them."""

HOOKS = {
    "PreToolUse": "Before a tool call.",
    "PostToolUse": "After a tool call that succeeded; `duration_ms` is the tool's own time.",
    "PostToolUseFailure": "After a tool call that failed.",
    "PostToolBatch": "After the calls of one answer, denied and invalid ones among them.",
    "Notification": "Claude Code wants its owner: for a permission, or because it has been idle.",
    "UserPromptSubmit": "A prompt, before it is sent.",
    "UserPromptExpansion": "A slash command, as the prompt that it stands for.",
    "SessionStart": "A session begins, is resumed, cleared or compacted.",
    "SessionEnd": "A session ends; `reason` says how.",
    "Stop": "The end of a turn.",
    "StopFailure": "The end of a turn that the API refused.",
    "SubagentStart": "A subagent begins.",
    "SubagentStop": "A subagent ends.",
    "PreCompact": "Before the conversation is compacted.",
    "PostCompact": "After the conversation was compacted.",
    "PermissionRequest": "Claude Code asks whether a call may run.",
    "PermissionDenied": "A call was denied without asking.",
    "Setup": "Claude Code sets up, as with `--init`.",
    "TeammateIdle": "A teammate has nothing to do.",
    "TaskCreated": "An item was put on the task list.",
    "TaskCompleted": "An item of the task list is done.",
    "Elicitation": "An MCP server asks the owner something.",
    "ElicitationResult": "The owner answered an MCP server.",
    "ConfigChange": "A settings file changed.",
    "WorktreeCreate": "A git worktree is to be made. It is never installed, since it would make the worktree itself: "
    "it comes only by `POST /hook`.",
    "WorktreeRemove": "A git worktree is removed.",
    "InstructionsLoaded": "A file with instructions was loaded.",
    "CwdChanged": "The session works in another folder.",
    "FileChanged": "A watched file changed.",
    "MessageDisplay": "A piece of the answer, as it is displayed.",
    "DirectoryAdded": "The session may work in one more folder.",
    "PreModelSwitch": "Before another model answers.",
    "PostModelSwitch": "From here on another model answers.",
    "PreSkillShellCommand": "Before a shell command that stands in a skill or a slash command; it is no tool call.",
}
"""When Claude Code runs each of its hooks."""

CHANNELS = {
    "session": "A session's life.",
    "message": "Prompts, answers, ends of turns, errors of the API.",
    "tool": "Tool calls, and what became of them.",
    "stream": "Live text; only with the setting `stream`.",
    "agent": "Subagents, and the main agent of each session.",
    "usage": "Tokens, cost, context and limits.",
    "hook": "Every hook of Claude Code as it came. A hook that is not listed here yet is sent all the same, "
    "under its name in snake case.",
    "mcp": "MCP servers.",
    "file": "Watched files; only for the names in the setting `watch_files`.",
    "cwd": "The folder that a session works in.",
    "task": "Task lists.",
    "worktree": "Git worktrees.",
    "prompt": "Prompts that Claude Code suggests; nothing is sent here.",
    "system": "The service itself.",
}
"""The first segment of an event's type, and what these events are about."""
