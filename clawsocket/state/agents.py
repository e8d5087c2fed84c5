"""A session's agents: the main one, and the subagents with the calls that made them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from clawsocket.protocol.envelope import Event, Source
from clawsocket.protocol.events import AgentStarted, AgentStopped
from clawsocket.protocol.models import AgentState, Status, ToolRun
from clawsocket.state.tools import Tool
from clawsocket.state.usage import Tokens

if TYPE_CHECKING:
    from clawsocket.state.session import Session

META_WAIT = 1000
"""ms that a subagent's start waits for its ``.meta.json``, which knows its type and the call that made it."""

HELD = 100
"""Events of a subagent that wait with its start, at most."""

HISTORY = 10
"""Number of finished tools in an agent's history."""

UNKNOWN = "unknown"
"""The type of a subagent until somebody tells it."""


class Agent(msgspec.Struct):
    """The session's main agent, or a subagent.

    Attributes:
        announced: whether the start of its present run was told.
        by_hook: its hooks come, so they will tell its end too.
        runs: how often it began; a message can wake one that stopped.
        prompt: the prompt that a subagent works for, as its own lines say; empty if they do not.
    """

    id: str
    type: str
    started_at: int
    last_activity_at: int
    cwd: str
    announced: bool = False
    running: bool = True
    by_hook: bool = False
    runs: int = 1
    prompt: str = ""
    stopped_at: int = 0
    source: Source = "hook"
    parent_tool_use_id: str | None = None
    description: str | None = None
    background: bool | None = None
    tool_count: int = 0
    tokens: Tokens = msgspec.field(default_factory=Tokens)
    history: list[ToolRun] = []


class Made(msgspec.Struct, rename="camel"):
    """What the result of a call says of the subagent that it made."""

    agent_id: str | None = None
    agent_type: str | None = None
    description: str | None = None
    status: str | None = None


def made(result: msgspec.Raw) -> Made | None:
    """Return what the result of a call says of a subagent; None if nothing."""
    if b'"agentId"' not in bytes(result):
        return None
    try:
        found = msgspec.json.decode(result, type=Made)
    except msgspec.DecodeError:
        return None
    return found if found.agent_id else None


class Agents:
    """The agents of a session, by id.

    Attributes:
        main: the main agent; elsewhere its id is None.
        all: every agent, the main one first.
    """

    def __init__(self, session: Session, at: int) -> None:
        """Start with the main agent alone."""
        self._session = session
        self._held: dict[str, list[Event]] = {}
        self.all: dict[str, Agent] = {}
        self.main = self._new(f"master-{session.id}", "master", at)
        self.main.announced = True

    def restart(self, at: int) -> None:
        """Forget the subagents of the run before."""
        self.all = {self.main.id: self.main}
        self.main.started_at = at

    def get(self, agent_id: str | None, at: int, type: str = "") -> Agent:
        """Return the main agent (None), or a subagent, which is made if it is not known."""
        if agent_id is None:
            return self.main
        agent = self.all.get(agent_id)
        if agent is None:
            agent = self._new(agent_id, type or UNKNOWN, at)
        elif type and agent.type == UNKNOWN:
            agent.type = type
        return agent

    def begin(self, agent: Agent, at: int, source: Source) -> None:
        """Learn that a subagent began, or began again; it is announced when its parent is known, or soon."""
        if agent.announced and not agent.running and at > agent.stopped_at:
            agent.runs += 1
            agent.announced, agent.running = False, True
        if agent.announced:
            return
        agent.source = source
        agent.by_hook = agent.by_hook or source == "hook"
        agent.started_at = min(agent.started_at, at) if agent.runs == 1 else at
        self._session.touch(agent, at)
        if self._session.silent or agent.parent_tool_use_id is not None:
            self.announce(agent)
        else:
            self._held.setdefault(agent.id, [])
            self._session.later(META_WAIT, lambda: self.announce(agent))

    def link(self, found: Made, tool_id: str, at: int) -> Agent:
        """Learn which call made a subagent, and return that; whose start waited for it is announced."""
        agent = self.get(found.agent_id, at, found.agent_type or "")
        agent.parent_tool_use_id = agent.parent_tool_use_id or tool_id
        agent.description = agent.description or found.description
        agent.background = found.status != "completed" or agent.background
        if agent.id in self._held:
            self.announce(agent)
        return agent

    def tell(self, event: Event) -> None:
        """Send what a subagent did, behind its start; what its lines say waits with that.

        On a busy machine they are read 0.1 s before the file that is waited for. A hook's word waits for nothing.
        """
        agent = self.get(event.agent_id, event.timestamp)
        held = self._held.get(agent.id)
        if held is not None and event.source == "transcript" and len(held) < HELD:
            held.append(event)
        else:
            self.announce(agent)
            self._session.world.put(event)

    def announce(self, agent: Agent) -> None:
        """Send ``agent.started``, once for each run of the agent, and what waited for it."""
        if not agent.announced and agent.parent_tool_use_id is None and not self._session.silent:
            self._session.world.on_unknown_agent(self._session.id, agent.id)
        if agent.announced:
            return
        agent.announced = True
        call = self._call(agent)
        agent.background = (call is not None and call.background) or agent.background or None
        data = AgentStarted(
            agent_id=agent.id,
            agent_type=agent.type,
            cwd=agent.cwd or None,
            parent_tool_use_id=agent.parent_tool_use_id,
            description=agent.description,
            parent_agent_id=self._parent(agent),
            background=agent.background,
            source=agent.source,
        )
        session = self._session
        id = f"a:{session.id}:{agent.id}:start:{agent.runs}"
        start = Event("agent.started", agent.started_at, session.id, id, agent.source, data, agent.id)
        session.touch(agent, agent.last_activity_at)  # its state was not told before
        held = self._held.pop(agent.id, [])
        if held or not session.silent:
            for event in (start, *held):
                session.world.put(event)

    def stop(
        self, agent: Agent, at: int, source: Source, *, reason: str | None = None, message: str | None = None
    ) -> None:
        """Learn that a subagent stopped."""
        if not agent.running or agent is self.main:
            return
        self.announce(agent)
        agent.running, agent.stopped_at = False, at
        session = self._session
        session.tools.interrupt(at, source, agent.id)
        session.touch(agent, at)
        data = AgentStopped(agent_id=agent.id, reason=reason, last_message=message, source=source)
        id = f"a:{session.id}:{agent.id}:stop:{agent.runs}"
        session.emit("agent.stopped", data, id=id, at=at, source=source, agent_id=agent.id)

    def stop_all(self, at: int) -> None:
        """End them all: the session is over."""
        for agent in list(self.all.values()):
            self.stop(agent, at, "server", reason="session_end")

    def ran(self, agent_id: str | None, run: ToolRun, at: int) -> None:
        """Add a finished tool to an agent's history."""
        agent = self.get(agent_id, at)
        agent.history = [*agent.history[1 - HISTORY :], run]
        self._session.touch(agent, at)

    def state(self, agent: Agent) -> AgentState:
        """Return an agent as it is on the wire."""
        session = self._session
        own = None if agent is self.main else agent.id
        current = next((tool for tool in reversed(session.tools.open.values()) if tool.agent_id == own), None)
        return AgentState(
            agent_id=agent.id,
            agent_type=agent.type,
            session_id=session.id,
            status=self._status(agent, current),
            current_tool=current.name if current else None,
            current_tool_input=current.summary if current else None,
            started_at=agent.started_at,
            last_activity_at=agent.last_activity_at,
            tool_count=agent.tool_count,
            token_count=agent.tokens.total,
            cwd=(agent is not self.main and agent.cwd) or session.cwd,
            name=session.name if agent is self.main else None,
            tool_history=agent.history,
            parent_agent_id=self._parent(agent),
            parent_tool_use_id=agent.parent_tool_use_id,
            description=agent.description,
            cost_usd=agent.tokens.usd,
        )

    def _new(self, id: str, type: str, at: int) -> Agent:
        agent = self.all[id] = Agent(id, type, at, at, self._session.cwd)
        return agent

    def _call(self, agent: Agent) -> Tool | None:
        return self._session.tools.get(agent.parent_tool_use_id)

    def _parent(self, agent: Agent) -> str | None:
        if agent is self.main:
            return None
        call = self._call(agent)
        return call.agent_id if call and call.agent_id else self.main.id

    def _status(self, agent: Agent, current: Tool | None) -> Status:
        session = self._session
        if not agent.running or session.state == "ended":
            return "offline"
        if current:
            return "tool_running"
        busy = agent is not self.main or session.state in ("running", "requires_action")
        return "working" if busy else "idle"
