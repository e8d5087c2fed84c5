"""What a snapshot and the replies hold: sessions, agents, usage."""

from __future__ import annotations

from typing import Literal

from clawsocket.protocol.base import Wire

State = Literal["running", "requires_action", "idle", "background", "failed", "ended"]
Status = Literal["working", "tool_running", "idle", "offline"]
LimitType = Literal["five_hour", "seven_day", "spend_limit"]


class ModelUsage(Wire, kw_only=True):
    """The tokens of one model, and their cost in US dollars, null where the model has no price."""

    input_tokens: int
    output_tokens: int
    cache_creation_input_tokens: int
    cache_read_input_tokens: int
    cost_usd: float | None


class SessionUsage(Wire, kw_only=True):
    """The tokens of one session, its subagents' included."""

    session_id: str
    input_tokens: int
    output_tokens: int
    cache_creation_input_tokens: int
    cache_read_input_tokens: int
    total_cost_usd: float
    duration_ms: int
    duration_api_ms: int | None = None
    num_turns: int
    model_breakdown: dict[str, ModelUsage]
    unpriced_models: list[str]
    last_updated_at: int


class RateLimit(Wire, kw_only=True):
    """How much of a limit of the account was used at ``updatedAt``. After ``resetsAt`` that no longer holds."""

    type: LimitType
    percent_used: float
    resets_at: int
    official: bool
    updated_at: int


class TotalUsage(Wire, kw_only=True):
    """The tokens of all sessions known, and of each limit what was told last."""

    total_cost_usd: float
    total_input_tokens: int
    total_output_tokens: int
    session_count: int
    model_breakdown: dict[str, ModelUsage]
    rate_limits: list[RateLimit] | None = None


class Spending(Wire, kw_only=True):
    """Tokens, and their cost in US dollars, null where none of them has a price."""

    input_tokens: int
    output_tokens: int
    cache_creation_input_tokens: int
    cache_read_input_tokens: int
    messages: int
    unpriced_messages: int = 0
    total_cost_usd: float | None


class UsageRow(Spending, kw_only=True):
    """What was spent on a day, in a project, …: it has the parts that were asked for."""

    day: str | None = None
    project: str | None = None
    model: str | None = None
    session: str | None = None
    agent: str | None = None
    prompt: str | None = None


class Context(Wire, kw_only=True):
    """How full a session's context window is: ``official`` as Claude Code says, or else by the usage of its answers."""

    percent_used: float
    tokens_used: int
    tokens_max: int
    categories: dict[str, int] | None = None
    official: bool


class WaitingTool(Wire, kw_only=True):
    """The call that waits for the owner."""

    name: str
    input_summary: str
    tool_use_id: str | None = None


class SessionInfo(Wire, kw_only=True):
    """A session. ``pid`` is null while unknown; times are ms since 1970."""

    pid: int | None
    session_id: str
    cwd: str
    started_at: int
    discovered_at: int
    state: State
    since: int
    waiting_for: str | None = None
    tool: WaitingTool | None = None
    error: str | None = None
    name: str | None = None
    model: str | None = None
    git_branch: str | None = None
    permission_mode: str | None = None
    version: str | None = None
    kind: str | None = None
    job_id: str | None = None
    entrypoint: str | None = None
    usage: SessionUsage | None = None
    context: Context | None = None
    rate_limits: list[RateLimit] | None = None


class ClientStatus(Wire, kw_only=True):
    """A client of the service: what it wants, and how far it is behind the newest event."""

    topics: list[str]
    lag: int
    stalled: bool


class StoreStatus(Wire, kw_only=True):
    """The log on disk. ``behind`` counts the events that are not in it yet."""

    size: int
    oldest_at: int
    behind: int


class Finding(Wire, kw_only=True):
    """What a check of the service found."""

    check: str
    level: Literal["ok", "warning", "error"]
    what: str
    mend: str | None = None
    fixable: bool


class ToolRun(Wire, kw_only=True):
    """A finished tool call in an agent's history; ``durationMs`` is null where nobody measured it."""

    tool_name: str
    input_summary: str
    duration_ms: int | float | None
    success: bool
    started_at: int


class AgentState(Wire, kw_only=True):
    """An agent. A session's main agent is ``master-<sessionId>``, of type ``master``."""

    agent_id: str
    agent_type: str
    session_id: str
    status: Status
    current_tool: str | None = None
    current_tool_input: str | None = None
    started_at: int
    last_activity_at: int
    tool_count: int
    token_count: int
    cwd: str
    name: str | None = None
    tool_history: list[ToolRun]
    parent_agent_id: str | None = None
    parent_tool_use_id: str | None = None
    description: str | None = None
    cost_usd: float | None = None
