"""A session as far as it is known, and the events that its changes make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import msgspec

from clawsocket.protocol.envelope import Event, Source
from clawsocket.protocol.events import (
    AgentStarted,
    AgentStateChanged,
    AgentStopped,
    MessageResult,
    Outcome,
    SessionStateChanged,
    ToolResult,
    ToolUse,
    WaitingTool,
)
from clawsocket.protocol.models import AgentState, SessionInfo, SessionUsage, State, Status, ToolRun
from clawsocket.state.parts import Agent, Tool, Turn
from clawsocket.state.text import cut, input_summary
from clawsocket.state.usage import Ledger, session_usage

HOLD = 1000
"""ms that a transcript's tool result waits for the hook's, which knows the tool's own time."""

META_WAIT = 300
"""ms that a subagent's start waits for its ``.meta.json``, which knows the call that made it."""

TURN_WAIT = 500
"""ms that the end of a turn waits for the last lines of its transcript."""

FINISHED = 5000
"""Number of finished tool calls and turns remembered by a session, so that neither source tells of one twice."""

HISTORY = 10
"""Number of finished tools in an agent's history."""

_T = TypeVar("_T")


class Clock(Protocol):
    """What a session needs of the world around it."""

    now: int

    def put(self, event: Event) -> None:
        """Send an event."""

    def later(self, delay: int, action: Callable[[], None]) -> None:
        """Call ``action`` when ``delay`` ms have passed."""


class Session:
    """Everything known of a session.

    Attributes:
        silent: while True its changes make no events: what is read existed before we watched.
        has_transcript: whether a line of its transcript was ever seen.
        file_started_at: when its process started; 0 for a session without a file.
    """

    def __init__(self, id: str, world: Clock, *, cwd: str, at: int) -> None:
        """Start to know a session.

        Args:
            id: Claude Code's session id.
            world: gives the time and takes the events.
            cwd: its folder.
            at: ms since 1970 of the first that is known of it.
        """
        self.id, self.world, self.cwd = id, world, cwd
        self.started_at = self.last_at = at
        self.discovered_at = world.now
        self.pid: int | None = None
        self.run = ""
        self.file_started_at = 0
        self.name = self.kind = self.entrypoint = self.version = None  # type: str | None
        self.model = self.git_branch = self.permission_mode = None  # type: str | None
        self.state: State = "idle"
        self.since = at
        self.waiting_for: str | None = None
        self.waiting_tool: WaitingTool | None = None
        self.failure: str | None = None
        self.announced: State | None = None
        self.announced_waiting: str | None = None
        self.silent = False
        self.has_transcript = False
        self.begun = False
        self.ending = False
        self.end_reason: str | None = None
        self.gone_reason: str | None = None
        self.turns: dict[str, Turn] = {}
        self.line_prompt = ""
        self.prompts_sent: dict[str, None] = {}
        self.num_turns = 0
        self.busy_ms = 0
        self.tools: dict[str, Tool] = {}
        self.finished: dict[str, Tool] = {}
        self.over: dict[str, None] = {}
        self.awaited_prompts: dict[str, Callable[[], None]] = {}
        self.ledger = Ledger()
        self.usage_changed = False
        self.agents: dict[str, Agent] = {}
        self.changed: dict[str, None] = {}
        self.main = self._new_agent(f"master-{id}", "master", at)
        self.main.announced = True

    def restart(self, at: int) -> None:
        """Begin a new run of a session that ended: what was said and spent stays, its process and state are new."""
        self.started_at = self.since = at
        self.last_at = max(self.last_at, at)
        self.discovered_at = self.world.now
        self.pid, self.run, self.file_started_at = None, str(at), 0
        self.state, self.announced, self.waiting_for, self.announced_waiting = "idle", None, None, None
        self.begun = self.ending = False
        self.end_reason = self.gone_reason = None
        self.agents = {self.main.id: self.main}
        self.main.running, self.main.started_at = True, at

    # Events

    def emit(
        self, type: str, data: Any, *, id: str, at: int, source: Source, agent_id: str | None = None, loud: bool = False
    ) -> None:
        """Send an event of this session, unless it reads silently; ``loud`` ones go out all the same."""
        if self.silent and not loud:
            return
        if agent_id is not None and not type.startswith(("agent.", "hook.")):
            self.announce_agent(self.agent(agent_id, at))
        self.world.put(Event(type, at, self.id, id, source, data, agent_id))

    def set_state(
        self,
        state: State,
        at: int,
        source: Source,
        *,
        waiting_for: str | None = None,
        tool: WaitingTool | None = None,
        error: str | None = None,
    ) -> None:
        """Take a new state, unless what tells of it is older than what told of the present one."""
        if self.state == "ended" or at < self.since or (state, waiting_for) == (self.state, self.waiting_for):
            return
        self.state, self.since, self.waiting_for = state, at, waiting_for
        self.waiting_tool, self.failure = tool, error
        self.touch(self.main, at)
        self.tell_state(source)

    def tell_state(self, source: Source, *, loud: bool = False) -> None:
        """Send the state if it is not the one that was sent last."""
        if (self.state, self.waiting_for) == (self.announced, self.announced_waiting) or (self.silent and not loud):
            return
        data = SessionStateChanged(
            state=self.state,
            previous=self.announced,
            since=self.since,
            waiting_for=self.waiting_for,
            tool=self.waiting_tool,
            error=self.failure,
        )
        self.announced, self.announced_waiting = self.state, self.waiting_for
        id = f"s:{self.id}:{self.run}:{self.since}:state"
        self.emit("session.state_changed", data, id=id, at=self.since, source=source, loud=loud)

    def flush(self) -> None:
        """Send the levels that changed: usage and agents. Several changes of a tick make one event."""
        if self.silent:
            return
        if self.usage_changed:
            self.usage_changed = False
            id = f"u:{self.id}:{self.last_at}"
            self.emit("usage.updated", self.usage(), id=id, at=self.last_at, source="transcript")
        if self.changed:
            agents = [self.agent_state(self.agents[key]) for key in self.changed]
            self.changed = {}
            id = f"a:{self.id}:{self.last_at}"
            self.emit("agent.state_changed", AgentStateChanged(agents=agents), id=id, at=self.last_at, source="server")

    # Tools

    def use_tool(
        self, tool_id: str, name: str, raw: msgspec.Raw, at: int, source: Source, agent_id: str | None
    ) -> Tool | None:
        """Learn of a call; the first who tells of it makes its ``tool.use``.

        Returns:
            The call while it is open, None when it has ended already.
        """
        if tool_id in self.finished:
            return None
        tool = self.tools.get(tool_id)
        if tool is None:
            background = b'"run_in_background":true' in bytes(memoryview(raw)[-200:]).replace(b" ", b"")
            tool = self.tools[tool_id] = Tool(tool_id, name, agent_id, at, input_summary(raw), background)
            agent = self.agent(agent_id)
            agent.tool_count += 1
            self.touch(agent, at)
            data = ToolUse(tool_name=name, tool_use_id=tool_id, input=raw if raw else {}, input_summary=tool.summary)
            self.emit("tool.use", data, id=f"t:{self.id}:{tool_id}:use", at=at, source=source, agent_id=agent_id)
        return tool

    def end_tool(
        self,
        tool: Tool,
        outcome: Outcome,
        at: int,
        source: Source,
        *,
        output: str = "",
        error: str | None = None,
        duration_ms: int | float | None = None,
    ) -> None:
        """Learn that a call ended; the first who tells it counts.

        Args:
            tool: the call.
            outcome: how it ended.
            at: when, ms since 1970.
            source: who told it.
            output: its output as text.
            error: its error as text.
            duration_ms: the tool's own time where a hook gave it; else the span since its beginning.
        """
        if self.tools.pop(tool.id, None) is None:
            return
        _remember(self.finished, tool.id, tool)
        tool.held = None
        span = max(0, at - tool.started_at) if duration_ms is None else duration_ms
        success = outcome == "ok"
        data = ToolResult(
            tool_name=tool.name,
            tool_use_id=tool.id,
            success=success,
            outcome=outcome,
            duration_ms=span,
            duration_source="timestamps" if duration_ms is None else "hook",
            output_summary=cut(output),
            error=None if success else cut(error or output or outcome),
            is_interrupt=True if outcome == "interrupted" else None,
        )
        agent = self.agent(tool.agent_id)
        run = ToolRun(
            tool_name=tool.name,
            input_summary=tool.summary,
            duration_ms=span,
            success=success,
            started_at=tool.started_at,
        )
        agent.history = [*agent.history[1 - HISTORY :], run]
        self.touch(agent, at)
        id = f"t:{self.id}:{tool.id}:result"
        self.emit("tool.result", data, id=id, at=at, source=source, agent_id=tool.agent_id)

    def hold_result(self, tool: Tool, outcome: Outcome, at: int, output: str) -> None:
        """Take a transcript's result of a call whose hooks are on their way: theirs counts if it comes in time."""

        def end() -> None:
            self.end_tool(tool, outcome, at, "transcript", output=output)

        if tool.by_hook and not self.silent:
            tool.held = end
            self.world.later(HOLD, end)
        else:
            end()

    def interrupt_tools(self, at: int, source: Source, agent_id: str | None = None, *, all: bool = False) -> None:
        """End the open calls of an agent, or of all: as the transcript told, or else as interrupted."""
        for tool in list(self.tools.values()):
            if tool.held is not None:
                tool.held()
            elif all or (tool.agent_id == agent_id and tool.started_at <= at):
                self.end_tool(tool, "interrupted", at, source, error="interrupted")

    # Agents

    def _new_agent(self, id: str, type: str, at: int) -> Agent:
        agent = self.agents[id] = Agent(id, type, at, at, self.cwd)
        return agent

    def agent(self, agent_id: str | None, at: int = 0, type: str = "") -> Agent:
        """Return the main agent (None), or a subagent, which is made if it is not known."""
        if agent_id is None:
            return self.main
        agent = self.agents.get(agent_id)
        if agent is None:
            agent = self._new_agent(agent_id, type or "unknown", at or self.last_at)
        elif type and agent.type == "unknown":
            agent.type = type
        return agent

    def touch(self, agent: Agent, at: int) -> None:
        """Note that an agent did something."""
        agent.last_activity_at = max(agent.last_activity_at, at)
        self.last_at = max(self.last_at, at)
        self.changed[agent.id] = None

    def begin_agent(self, agent: Agent, at: int, source: Source) -> None:
        """Learn that a subagent began, or began again; it is announced when its parent is known, or soon."""
        if agent.announced and not agent.running and at > agent.stopped_at:
            agent.runs += 1
            agent.announced, agent.running = False, True
        if agent.announced:
            return
        agent.source = source
        agent.by_hook = agent.by_hook or source == "hook"
        agent.started_at = min(agent.started_at, at) if agent.runs == 1 else at
        self.touch(agent, at)
        if self.silent or agent.parent_tool_use_id is not None:
            self.announce_agent(agent)
        else:
            self.world.later(META_WAIT, lambda: self.announce_agent(agent))

    def announce_agent(self, agent: Agent) -> None:
        """Send ``agent.started``, once for each run of the agent."""
        if agent.announced:
            return
        agent.announced = True
        call = self._call(agent)
        agent.background = call.background or None if call else agent.background
        data = AgentStarted(
            agent_id=agent.id,
            agent_type=agent.type,
            cwd=agent.cwd or None,
            parent_tool_use_id=agent.parent_tool_use_id,
            description=agent.description,
            parent_agent_id=self.parent_of(agent),
            background=agent.background,
            source=agent.source,
        )
        id = f"a:{self.id}:{agent.id}:start:{agent.runs}"
        self.emit("agent.started", data, id=id, at=agent.started_at, source=agent.source, agent_id=agent.id)

    def parent_of(self, agent: Agent) -> str | None:
        """Return the id of the agent that started this one."""
        if agent is self.main:
            return None
        tool = self._call(agent)
        return tool.agent_id if tool and tool.agent_id else self.main.id

    def _call(self, agent: Agent) -> Tool | None:
        id = agent.parent_tool_use_id or ""
        return self.tools.get(id) or self.finished.get(id)

    def stop_agent(
        self, agent: Agent, at: int, source: Source, *, reason: str | None = None, message: str | None = None
    ) -> None:
        """Learn that a subagent stopped."""
        if not agent.running or agent is self.main:
            return
        self.announce_agent(agent)
        agent.running, agent.stopped_at = False, at
        self.interrupt_tools(at, source, agent.id)
        self.touch(agent, at)
        data = AgentStopped(agent_id=agent.id, reason=reason, last_message=message, source=source)
        id = f"a:{self.id}:{agent.id}:stop:{agent.runs}"
        self.emit("agent.stopped", data, id=id, at=at, source=source, agent_id=agent.id)

    def agent_state(self, agent: Agent) -> AgentState:
        """Return an agent as it is on the wire."""
        own = None if agent is self.main else agent.id
        current = next((tool for tool in reversed(self.tools.values()) if tool.agent_id == own), None)
        return AgentState(
            agent_id=agent.id,
            agent_type=agent.type,
            session_id=self.id,
            status=self._status(agent, current),
            current_tool=current.name if current else None,
            current_tool_input=current.summary if current else None,
            started_at=agent.started_at,
            last_activity_at=agent.last_activity_at,
            tool_count=agent.tool_count,
            token_count=agent.tokens.total,
            cwd=agent.cwd or self.cwd,
            name=self.name if agent is self.main else None,
            tool_history=agent.history,
            parent_agent_id=self.parent_of(agent),
            parent_tool_use_id=agent.parent_tool_use_id,
            description=agent.description,
        )

    def _status(self, agent: Agent, current: Tool | None) -> Status:
        if not agent.running or self.state == "ended":
            return "offline"
        if current:
            return "tool_running"
        busy = agent is not self.main or self.state in ("running", "requires_action")
        return "working" if busy else "idle"

    # Turns

    def turn(self, prompt_id: str | None, at: int) -> Turn | None:
        """Return the turn of a prompt, which is begun if it is new; None if it is over."""
        key = prompt_id or ""
        if key and key in self.over:
            return None
        turn = self.turns.setdefault(key, Turn(key, at))
        turn.live = turn.live or not self.silent
        return turn

    def check_turn(self, turn: Turn) -> None:
        """End a turn soon if its end was told and its last lines were seen, and at the latest after a while."""
        self.world.later(100 if turn.stopped and turn.final else TURN_WAIT, lambda: self.end_turn(turn))

    def end_turn(self, turn: Turn) -> None:
        """Send ``message.result``, once for each turn in which anything was done."""
        if self.turns.get(turn.prompt_id) is not turn:
            return
        del self.turns[turn.prompt_id]
        if not (turn.messages or turn.stopped or turn.error or turn.interrupted):
            return
        if turn.prompt_id:
            _remember(self.over, turn.prompt_id, None)
        at = max(turn.last_at, turn.started_at)
        duration = turn.duration_ms if turn.duration_ms is not None else at - turn.started_at
        self.busy_ms += duration
        self.num_turns += turn.results + 1
        self.usage_changed = True
        data = MessageResult(
            subtype="interrupted" if turn.interrupted else "error_during_execution" if turn.error else "success",
            duration_ms=duration,
            num_turns=turn.results + 1,
            usage=turn.tokens.as_dict(),
        )
        id = f"r:{self.id}:{turn.prompt_id or at}"
        if turn.live:
            self.emit("message.result", data, id=id, at=at, source="transcript" if self.has_transcript else "hook")

    def end_turns(self, at: int) -> None:
        """End every turn: the session is over."""
        for turn in list(self.turns.values()):
            turn.last_at = turn.last_at or at
            unfinished = turn.messages and not (turn.final or turn.stopped or turn.error)
            turn.interrupted = turn.interrupted or bool(unfinished)
            self.end_turn(turn)

    # The wire

    def usage(self) -> SessionUsage:
        """Return its usage as it is on the wire."""
        return session_usage(
            self.id,
            self.ledger.models,
            duration_ms=self.busy_ms,
            num_turns=self.num_turns,
            updated_at=self.last_at,
        )

    def info(self) -> SessionInfo:
        """Return the session as it is on the wire."""
        return SessionInfo(
            pid=self.pid,
            session_id=self.id,
            cwd=self.cwd,
            started_at=self.started_at,
            discovered_at=self.discovered_at,
            state=self.state,
            since=self.since,
            waiting_for=self.waiting_for,
            name=self.name,
            model=self.model,
            git_branch=self.git_branch,
            permission_mode=self.permission_mode,
            version=self.version,
            entrypoint=self.entrypoint,
            usage=self.usage(),
        )


def _remember(known: dict[str, _T], key: str, value: _T) -> None:
    known[key] = value
    if len(known) > FINISHED:
        del known[next(iter(known))]
