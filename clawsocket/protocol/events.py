"""The catalogue: every event's data, with a docstring and an example.

Validation, the contract and the reference come from here, and nothing is on the wire that is not in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec

from clawsocket.protocol.base import Wire
from clawsocket.protocol.models import AgentState, Context, LimitType, SessionUsage, State, WaitingTool

RemovedReason = Literal["process_exited", "file_removed", "manual", "cleared", "silent"]
Outcome = Literal["ok", "error", "denied", "interrupted", "invalid"]
_SESSION = "e7ffb160-17cf-4c26-8c31-c345980e7a7d"
_MESSAGE = "6ae0569b-721a-4a36-a459-94822648e862"
_TOOL = "toolu_01whaKFwFtPevMuOtPNp6nmk"
_AGENT = "ae84fa67559557dfc"
_TIME = 1_795_380_827_645
_TOKENS = {"inputTokens": 17, "outputTokens": 127, "cacheCreationInputTokens": 2258, "cacheReadInputTokens": 30720}
_USAGE = {
    "sessionId": _SESSION,
    **_TOKENS,
    "totalCostUsd": 0.0327325,
    "durationMs": 597,
    "numTurns": 2,
    "modelBreakdown": {"claude-opus-4-8": {**_TOKENS, "costUsd": 0.0327325}},
    "unpricedModels": [],
    "lastUpdatedAt": _TIME,
}


class EventType(NamedTuple):
    """An entry of the catalogue.

    Attributes:
        name: the ``type`` on the wire.
        data: the Struct of ``data``.
        example: a value of ``data`` as it is on the wire.
        fact: whether its ``id`` is made from the fact alone, so that it is logged once however often it is read.
    """

    name: str
    data: type[Any]
    example: dict[str, Any]
    fact: bool


EVENTS: dict[str, EventType] = {}


_T = TypeVar("_T", bound=type[Any])


def event(name: str, example: dict[str, Any], *, fact: bool = True) -> Callable[[_T], _T]:
    """Enter a data Struct into the catalogue under its wire name."""

    def enter(data: _T) -> _T:
        EVENTS[name] = EventType(name, data, example, fact)
        return data

    return enter


# Sessions


@event(
    "session.discovered",
    {"pid": 23796, "sessionId": _SESSION, "cwd": "/home/dev/app", "startedAt": _TIME, "name": "app-70"},
)
class SessionDiscovered(Wire, kw_only=True):
    """A session appeared: its file, or where it has none its first hook or line. ``pid`` is null while unknown."""

    pid: int | None
    session_id: str
    cwd: str
    started_at: int
    name: str | None = None
    kind: str | None = None
    job_id: str | None = None
    entrypoint: str | None = None
    version: str | None = None


@event("session.started", {"source": "startup", "model": "claude-opus-4-8", "cwd": "/home/dev/app"})
class SessionStarted(Wire, kw_only=True):
    """A session began: from SessionStart, or from its first line."""

    version: str | None = None
    model: str | None = None
    permission_mode: str | None = None
    cwd: str | None = None
    source: str | None = None


@event("session.state_changed", {"state": "running", "previous": "idle", "since": _TIME}, fact=False)
class SessionStateChanged(Wire, kw_only=True):
    """A session's state is another one. The first one after ``session.discovered`` has no ``previous``."""

    state: State
    previous: State | None = None
    since: int
    waiting_for: str | None = None
    tool: WaitingTool | None = None
    error: str | None = None


@event("session.renamed", {"name": "parser rewrite"}, fact=False)
class SessionRenamed(Wire, kw_only=True):
    """A session has a new name."""

    name: str


@event("session.compacted", {"trigger": "manual"})
class SessionCompacted(Wire, kw_only=True):
    """The conversation was compacted."""

    trigger: str
    summary: str | None = None


@event("session.ended", {"reason": "prompt_input_exit", "durationMs": 11724, "usage": _USAGE})
class SessionEnded(Wire, kw_only=True):
    """A session is over; sent once, when it is sure. ``usage`` is null for a session that never spent anything."""

    reason: str
    job_id: str | None = None
    duration_ms: int | None = None
    usage: SessionUsage | None


@event("session.removed", {"sessionId": _SESSION, "reason": "file_removed"})
class SessionRemoved(Wire, kw_only=True):
    """A session that ended is no longer listed."""

    session_id: str
    reason: RemovedReason


# Agents


@event(
    "agent.started",
    {
        "agentId": _AGENT,
        "agentType": "Explore",
        "cwd": "/home/dev/app",
        "parentToolUseId": _TOOL,
        "description": "Find the parser",
        "parentAgentId": f"master-{_SESSION}",
        "source": "transcript",
    },
)
class AgentStarted(Wire, kw_only=True):
    """A subagent began. What links it to its parent may be known only to one of the sources."""

    agent_id: str
    agent_type: str
    cwd: str | None = None
    parent_tool_use_id: str | None = None
    description: str | None = None
    parent_agent_id: str | None = None
    background: bool | None = None
    source: str | None = None


@event(
    "agent.state_changed",
    {
        "agents": [
            {
                "agentId": _AGENT,
                "agentType": "Explore",
                "sessionId": _SESSION,
                "status": "tool_running",
                "currentTool": "Grep",
                "currentToolInput": '{"pattern":"parse"}',
                "startedAt": _TIME,
                "lastActivityAt": _TIME + 900,
                "toolCount": 1,
                "tokenCount": 9284,
                "cwd": "/home/dev/app",
                "toolHistory": [],
                "parentAgentId": f"master-{_SESSION}",
                "parentToolUseId": _TOOL,
                "description": "Find the parser",
                "costUsd": 0.0147,
            }
        ]
    },
    fact=False,
)
class AgentStateChanged(Wire, kw_only=True):
    """The session's agents that changed, as they are now."""

    agents: list[AgentState]


@event("agent.stopped", {"agentId": _AGENT, "lastMessage": "Found it in main.py.", "source": "hook"})
class AgentStopped(Wire, kw_only=True):
    """A subagent ended."""

    agent_id: str
    reason: str | None = None
    last_message: str | None = None
    source: str | None = None


# Messages


@event("message.user", {"text": "Please list the files here", "uuid": _MESSAGE})
class MessageUser(Wire, kw_only=True):
    """A prompt. Reminders, task notifications, the echoes of commands and what others say are ``isSynthetic``."""

    text: str
    uuid: str | None = None
    is_synthetic: bool | None = None
    prompt_id: str | None = None


@event("message.assistant", {"contentBlocks": [{"type": "text", "text": "Hello."}], "uuid": _MESSAGE})
class MessageAssistant(Wire, kw_only=True):
    """A block of the answer: one event per transcript line. ``messageId`` ties the lines of one API message."""

    content_blocks: list[Any] | msgspec.Raw
    uuid: str | None = None
    model: str | None = None
    usage: dict[str, Any] | msgspec.Raw | None = None
    message_id: str | None = None


@event(
    "message.result",
    {"subtype": "success", "durationMs": 597, "numTurns": 2, "totalCostUsd": 0.0327325, "usage": _TOKENS},
)
class MessageResult(Wire, kw_only=True):
    """The end of a turn. ``numTurns`` is one more than its tool calls, as Claude Code counts.

    ``usage`` has its tokens, and those of subagents that work on when their own turn is over: in it, or before it.
    """

    subtype: Literal["success", "error_during_execution", "interrupted"]
    duration_ms: int | None = None
    num_turns: int | None = None
    total_cost_usd: float | None = None
    usage: dict[str, int] | None = None


@event("message.error", {"error": "rate_limit", "status": 429, "text": "API Error: Request rejected (429)"})
class MessageError(Wire, kw_only=True):
    """The API refused, and Claude Code gave up."""

    error: str
    status: int | None = None
    text: str


# Tools


@event(
    "tool.use",
    {"toolName": "Bash", "toolUseId": _TOOL, "input": {"command": "ls"}, "inputSummary": '{"command":"ls"}'},
)
class ToolUse(Wire, kw_only=True):
    """A tool call began; once per ``toolUseId``, from whichever source was first."""

    tool_name: str
    tool_use_id: str
    input: Any
    input_summary: str


@event(
    "tool.result",
    {
        "toolName": "Bash",
        "toolUseId": _TOOL,
        "success": True,
        "outcome": "ok",
        "durationMs": 300,
        "durationSource": "hook",
        "outputSummary": "README.md",
    },
)
class ToolResult(Wire, kw_only=True):
    """A tool call ended; once per ``toolUseId``.

    ``durationMs`` is the tool's own time from the hook, or the span between two timestamps.
    """

    tool_name: str
    tool_use_id: str
    success: bool
    outcome: Outcome
    duration_ms: int | float | None = None
    duration_source: Literal["hook", "timestamps"] | None = None
    output_summary: str
    error: str | None = None
    is_interrupt: bool | None = None


@event("tool.permission_requested", {"toolName": "Bash", "inputSummary": '{"command":"rm main.py"}'})
class ToolPermissionRequested(Wire, kw_only=True):
    """Claude Code asks its owner whether a call may run."""

    tool_name: str
    tool_use_id: str | None = None
    input_summary: str
    suggestions: Any = None


@event("tool.permission_denied", {"toolName": "Bash", "toolUseId": _TOOL, "reason": "[Git Destructive] force push"})
class ToolPermissionDenied(Wire, kw_only=True):
    """A call was denied without asking."""

    tool_name: str
    tool_use_id: str | None = None
    reason: str | None = None


# Streaming, usage


@event("stream.delta", {"text": "Hello", "index": 0, "final": False, "displayId": _MESSAGE, "turnId": _MESSAGE})
class StreamDelta(Wire, kw_only=True):
    """A piece of the answer as it is displayed; only with the setting ``stream``. Its ids occur nowhere else."""

    text: str
    index: int
    final: bool
    display_id: str
    turn_id: str


EVENTS["usage.updated"] = EventType("usage.updated", SessionUsage, _USAGE, fact=False)
EVENTS["usage.context"] = EventType(
    "usage.context",
    Context,
    {"percentUsed": 8.2, "tokensUsed": 16384, "tokensMax": 200000, "official": False},
    fact=False,
)


@event(
    "usage.rate_limit",
    {"type": "five_hour", "percentUsed": 42.0, "resetsAt": _TIME + 7_200_000, "official": True},
    fact=False,
)
class UsageRateLimit(Wire, kw_only=True):
    """How much of a limit of the account is used: as old as the event's ``timestamp``."""

    type: LimitType
    percent_used: float
    resets_at: int
    official: bool
    allowed: bool | None = None
    message: str | None = None


# Hooks


class HookData(Wire, kw_only=True):
    """A hook's payload as it came, with these fields added where it tells of a tool call.

    The payload's own fields (``session_id``, ``hook_event_name``, ``tool_name``, …) are Claude Code's and stand beside
    them.
    """

    tool_name: str | None = None
    tool_use_id: str | None = None
    input_summary: str | None = None
    output_summary: str | None = None
    error: str | None = None
    is_interrupt: bool | None = None


HOOKS = (
    "PreToolUse PostToolUse PostToolUseFailure PostToolBatch Notification UserPromptSubmit UserPromptExpansion "
    "SessionStart SessionEnd Stop StopFailure SubagentStart SubagentStop PreCompact PostCompact PermissionRequest "
    "PermissionDenied Setup TeammateIdle TaskCreated TaskCompleted Elicitation ElicitationResult ConfigChange "
    "WorktreeCreate WorktreeRemove InstructionsLoaded CwdChanged FileChanged MessageDisplay DirectoryAdded "
    "PreModelSwitch PostModelSwitch PreSkillShellCommand"
).split()
"""The names of Claude Code's hooks (2.1.332); one that is not known yet is sent all the same."""

_BETWEEN = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@lru_cache(maxsize=256)
def hook_type(name: str) -> str:
    """Return the event type of a hook: ``PreToolUse`` is ``hook.pre_tool_use``."""
    return "hook." + _BETWEEN.sub("_", name).lower()


_BASH = {"tool_name": "Bash", "tool_input": {"command": "ls"}, "tool_use_id": _TOOL}
_CALL = {"toolName": "Bash", "toolUseId": _TOOL}
_SUBAGENT = {"agent_id": _AGENT, "agent_type": "Explore"}
_PAYLOADS: dict[str, dict[str, Any]] = {
    "PreToolUse": {**_BASH, **_CALL, "inputSummary": '{"command":"ls"}'},
    "PostToolUse": {
        **_BASH,
        "tool_response": {"stdout": "README.md", "stderr": "", "interrupted": False},
        "duration_ms": 300,
        **_CALL,
        "outputSummary": "README.md",
    },
    "SubagentStart": _SUBAGENT,
    "SubagentStop": {**_SUBAGENT, "last_assistant_message": "Found it in main.py."},
    "PostToolUseFailure": {**_BASH, "error": "Exit code 2", "is_interrupt": False, **_CALL, "isInterrupt": False},
}
for _name in HOOKS:
    EVENTS[hook_type(_name)] = EventType(
        hook_type(_name),
        HookData,
        {"session_id": _SESSION, "hook_event_name": _name, "cwd": "/home/dev/app", **_PAYLOADS.get(_name, {})},
        fact=True,
    )


# MCP, files, tasks


@event("mcp.elicitation", {"question": "Which colour?", "serverName": "notes", "mode": "form"})
class McpElicitation(Wire, kw_only=True):
    """An MCP server asks the owner something."""

    question: str
    server_name: str | None = None
    mode: str | None = None
    schema: Any = None
    options: list[Any] | None = None
    timeout: float | None = None
    source: str | None = None


@event("mcp.elicitation_result", {"action": "accept", "serverName": "notes"})
class McpElicitationResult(Wire, kw_only=True):
    """The owner answered an MCP server, or did not."""

    action: str | None = None
    answer: str | None = None
    server_name: str | None = None
    source: str | None = None


@event("mcp.server_status", {"serverName": "notes", "status": "connected"})
class McpServerStatus(Wire, kw_only=True):
    """An MCP server's status; only from the original's payload form of SessionStart."""

    server_name: str
    status: str
    url: str | None = None
    tools: list[Any] | None = None


@event("file.changed", {"path": "/home/dev/app/.env", "changeType": "change"})
class FileChanged(Wire, kw_only=True):
    """A watched file changed."""

    path: str
    change_type: str | None = None


@event("cwd.changed", {"newCwd": "/home/dev/app/sub", "oldCwd": "/home/dev/app"})
class CwdChanged(Wire, kw_only=True):
    """The session works in another folder."""

    new_cwd: str
    old_cwd: str | None = None


class Task(Wire, kw_only=True):
    """An item of the session's task list."""

    task_id: str
    subject: str | None = None
    description: str | None = None


for _name in ("task.created", "task.completed"):
    EVENTS[_name] = EventType(_name, Task, {"taskId": "1", "subject": "Write parser"}, fact=True)


@event("worktree.removed", {"path": "/home/dev/app/.claude/worktrees/wt-one"})
class WorktreeRemoved(Wire, kw_only=True):
    """A git worktree of the session is gone."""

    path: str


@event("system.error", {"source": "transcript", "message": "a line could not be parsed", "recoverable": True})
class SystemError(Wire, kw_only=True):
    """Something in the service went wrong; details are only in its log."""

    source: str
    message: str
    recoverable: bool


@event("system.check", {"checkId": "0f3c8a51d2"})
class SystemCheck(Wire, kw_only=True):
    """``claw-socket doctor`` sent a hook of its own, to see whether hooks arrive here. It means nothing else."""

    check_id: str


LEVELS = frozenset(name for name, kind in EVENTS.items() if not kind.fact)
"""The types of events that tell how something is now; each other event is a fact, and told once."""
