"""What a session is made of: tool calls, turns, agents."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from clawsocket.protocol.envelope import Source
from clawsocket.protocol.models import ToolRun
from clawsocket.state.usage import Tokens


class Tool(msgspec.Struct):
    """A tool call.

    Attributes:
        by_hook: its PreToolUse came, so the hooks will tell its end too.
        held: ends it as the transcript told, while the hook's word is awaited.
    """

    id: str
    name: str
    agent_id: str | None
    started_at: int
    summary: str
    background: bool = False
    by_hook: bool = False
    held: Callable[[], None] | None = None


class Turn(msgspec.Struct):
    """From a prompt to the end of its answer.

    Attributes:
        live: whether any of it happened while we watched.
        final: its last line so far is the end of an answer.
        stopped: Stop or StopFailure came.
    """

    prompt_id: str
    started_at: int
    live: bool = False
    results: int = 0
    messages: int = 0
    last_at: int = 0
    final: bool = False
    stopped: bool = False
    error: bool = False
    interrupted: bool = False
    duration_ms: int | None = None
    tokens: Tokens = msgspec.field(default_factory=Tokens)


class Agent(msgspec.Struct):
    """The session's main agent, or a subagent."""

    id: str
    type: str
    started_at: int
    last_activity_at: int
    cwd: str
    announced: bool = False
    running: bool = True
    by_hook: bool = False
    runs: int = 1
    stopped_at: int = 0
    source: Source = "hook"
    parent_tool_use_id: str | None = None
    description: str | None = None
    background: bool | None = None
    tool_count: int = 0
    tokens: Tokens = msgspec.field(default_factory=Tokens)
    history: list[ToolRun] = []
