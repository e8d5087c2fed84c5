"""A session as far as it is known, and the events that its changes make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from clawsocket.claude.session_file import SessionFile
from clawsocket.protocol.envelope import Event, Source
from clawsocket.protocol.events import (
    AgentStateChanged,
    RemovedReason,
    SessionRenamed,
    SessionStateChanged,
)
from clawsocket.protocol.models import SessionInfo, SessionUsage, State, WaitingTool
from clawsocket.state.agents import Agent, Agents
from clawsocket.state.clock import Clock, by_now
from clawsocket.state.gauges import Gauges
from clawsocket.state.tools import Tools
from clawsocket.state.turns import Turns
from clawsocket.state.usage import Ledger, session_usage

COPIED = 10_000
"""ms before the beginning of a transcript, or of a process, from which on older lines are another session's."""

QUESTION = "AskUserQuestion"
"""The tool with which Claude asks its owner; its dialog looks like a permission prompt."""


def waiting_for(tool_name: str) -> str:
    """Return what a session waits for whose call of a tool is before its owner."""
    return "question" if tool_name == QUESTION else "permission"


class Asked(NamedTuple):
    """What an agent asked the owner for, as a hook told.

    Attributes:
        agent_id: the subagent that asked, None for the main agent.
        at: when, ms since 1970.
        waiting_for: as the session's state has it.
        tool: the call that waits; None for an elicitation.
    """

    agent_id: str | None
    at: int
    waiting_for: str
    tool: WaitingTool | None = None


class Session:
    """Everything known of a session.

    Attributes:
        silent: while True its changes make no events: what is read existed before we watched.
        waiting: how many things wait for more to come, or for their time.
        status: what its files say that it does, None where they do not say, as for ``claude -p``.
        has_transcript: whether a line of its transcript was ever seen.
        files: the session files of the processes that work on it, by pid, the first one first.
        shared: whether several processes worked on this run of it.
        before: the processes that worked on it in the run of the program before.
        process: the process that it is told by, as a session file told; empty for none.
        file_started_at: when its process started, ms since 1970; 0 for a session without a file.
        run: what tells this run of the session from its others.
        told_name: its name as it was told last; that is another while an older one is read silently.
        begun: whether the start of this run was told.
        restored: whether it is of the run of the program before, and its process was not seen since.
        ending: whether its end is near: its file is gone, or SessionEnd came.
        moved_to: the job in the background in which its conversation goes on, None for none.
        born: the first time that its transcript tells, ms since 1970; a fork's comes before the lines it copied, and is
            that of the last snapshot there: those before are copies, too.
        is_at_head: whether no line of the conversation has come yet.
        is_past_copies: whether its transcript is read beyond what it copied, which stands at the head of the file.
        line_prompt: the prompt whose answer the transcript is at.
        awaited_prompts: prompts that the hook told and that wait for their lines.
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
        self.files: dict[int, SessionFile] = {}
        self.shared = False
        self.before: set[str] = set()
        self.run = self.process = ""
        self.file_started_at = 0
        self.name = self.kind = self.job_id = self.entrypoint = self.version = None  # type: str | None
        self.model = self.git_branch = self.permission_mode = None  # type: str | None
        self.told_name: str | None = None

        self.state: State = "idle"
        self.since = at
        self.waiting_for: str | None = None
        self._waiting_tool: WaitingTool | None = None
        self._asked: list[Asked] = []
        self._failure: str | None = None
        self._rested_at = 0  # by its hook
        self._worked_since: int | None = None  # where its file told that it came to rest
        self._announced: tuple[State | None, str | None] = (None, None)

        self.silent = False
        self.waiting = 0
        self.status: str | None = None
        self.has_transcript = False
        self.begun = self.restored = False
        self.ending = False
        self.end_reason: str | None = None
        self.moved_to: str | None = None
        self.gone_reason: RemovedReason | None = None
        self.line_prompt = ""
        self.awaited_prompts: dict[str, Callable[[], None]] = {}

        self.tools = Tools(self)
        self.turns = Turns(self)
        self.agents = Agents(self, at)
        self.ledger = Ledger(self)
        self.gauges = Gauges(self)
        self.born = 0
        self.is_at_head = True
        self.is_past_copies = False
        self.usage_changed = False
        self._usage_before: SessionUsage | None = None  # told by the run of the program before
        self._agents_changed: dict[str, None] = {}
        self._levels = 0

    def restart(self, at: int) -> None:
        """Begin a new run of a session that ended: what was said and spent stays, its process and state are new."""
        self.started_at = self.since = at
        self.last_at = max(self.last_at, at)
        self.discovered_at = self.world.now
        self.pid, self.run, self.file_started_at = None, str(at), 0
        self.files, self.shared = {}, False
        self.state, self.waiting_for, self._announced = "idle", None, (None, None)
        self._waiting_tool = self._failure = self._worked_since = self.status = None
        self.begun = self.ending = False
        self.end_reason = self.gone_reason = self.moved_to = None
        self.agents.restart(at)
        self.gauges.restart()

    def restore(self, info: SessionInfo, *, begun: bool) -> None:
        """Be as clients know it, who need not be told again.

        Args:
            info: what they were told.
            begun: whether the start of its run was told.
        """
        self.started_at, self.discovered_at, self.begun = info.started_at, info.discovered_at, begun or self.begun
        self.state, self.since, self.waiting_for = info.state, info.since, info.waiting_for
        self._waiting_tool, self._failure = info.tool, info.error
        self._asked = self._asked if info.state == "requires_action" else []
        self.last_at = max(self.last_at, info.since)
        self.name, self.model, self.git_branch = info.name, info.model, info.git_branch
        self.told_name = info.name
        self.permission_mode, self.version, self.entrypoint = info.permission_mode, info.version, info.entrypoint
        self.kind, self.job_id = info.kind, info.job_id
        self._announced = (info.state, info.waiting_for)
        self.gauges.restore(info.context, info.rate_limits or ())
        self.ending, self.end_reason, self.restored = False, None, True
        self.usage_changed, self._agents_changed = False, {}
        self._usage_before = info.usage
        self._levels = self.world.now  # past those of the run before
        self.set_back()

    def set_back(self) -> None:
        """Learn that the clock may have been set back: nothing that is known is later than now."""
        now = self.world.now
        self.since, self.last_at = by_now(self.since, now), by_now(self.last_at, now)
        self.born, self.file_started_at = by_now(self.born, now), by_now(self.file_started_at, now)
        self._rested_at = by_now(self._rested_at, now)
        self._asked = [one._replace(at=by_now(one.at, now)) for one in self._asked]
        self.turns.set_back(now)
        self.gauges.set_back()

    @property
    def told_by(self) -> Source:
        """Who tells of its conversation: the transcript, or where there is none the hooks."""
        return "transcript" if self.has_transcript else "hook"

    def emit(self, type: str, data: Any, *, id: str, at: int, source: Source, agent_id: str | None = None) -> None:
        """Send an event of this session, unless it reads silently; a subagent is announced before its first one."""
        if self.silent:
            return
        event = Event(type, at, self.id, id, source, data, agent_id)
        if agent_id is not None and not type.startswith(("agent.", "hook.")):
            self.agents.tell(event)
        else:
            self.world.put(event)

    def later(self, delay: int, action: Callable[[], None]) -> None:
        """Call ``action`` when ``delay`` ms have passed, and have the levels told that it changes."""

        def act() -> None:
            self.waiting -= 1
            action()
            self.world.stir(self)

        self.waiting += 1
        self.world.later(delay, act)

    def touch(self, agent: Agent, at: int) -> None:
        """Note that an agent did something."""
        agent.last_activity_at = max(agent.last_activity_at, at)
        self.last_at = max(self.last_at, at)
        self._agents_changed[agent.id] = None

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
        at = min(at, self.world.now)
        if self.state == "ended" or at < self.since or (state, waiting_for) == (self.state, self.waiting_for):
            return
        if source in ("hook", "transcript") and self._file_denies(state):
            return
        if state == "running" and at < self._rested_at:
            return
        if state != "requires_action":
            self._asked = []
        self._worked_since = self.since if (state, source) == ("idle", "session_file") else None
        self.state, self.since, self.waiting_for = state, at, waiting_for
        self._waiting_tool, self._failure = tool, error
        self.touch(self.agents.main, at)
        self.tell_state(source)

    def fail(self, at: int, source: Source, error: str | None) -> None:
        """Learn that the API refused a turn. Its file says "idle" a moment later, and may be read before: it failed."""
        if self._worked_since is not None and self._worked_since <= at:
            self.since = min(self.since, at)
        self.set_state("failed", at, source, error=error)

    def ask(self, asked: Asked) -> None:
        """Learn from a hook that an agent waits for the owner. Of several dialogs the newest is on the screen."""
        self.set_state("requires_action", asked.at, "hook", waiting_for=asked.waiting_for, tool=asked.tool)
        self._asked.append(asked)
        self._show(asked, "hook")

    def work(self, agent_id: str | None, at: int, source: Source, *, ended: str | None = None) -> None:
        """Learn that an agent works, so that what it asked for before was answered.

        The session runs, unless something else of it still waits for the owner. A background subagent does not wake
        a session whose turn is over.

        Args:
            agent_id: the subagent, None for the main agent.
            at: ms since 1970.
            source: who tells of it.
            ended: the call that ended.
        """
        if self.state != "requires_action":
            if agent_id is None:
                self.set_state("running", at, source)
            return
        left = [one for one in self._asked if not self._is_answered(one, agent_id, at, ended)]
        self._answered(left, "running", at, source)

    def rest(self, state: State, at: int, source: Source) -> None:
        """Learn that the main agent is done: it needs no answer any more, but subagents that still run may.

        Args:
            state: the session's, unless it waits.
            at: ms since 1970.
            source: who tells of it.
        """
        self._rested_at = at
        if self.state != "requires_action":
            self.set_state(state, at, source)
            return
        running = {agent.id for agent in self.agents.all.values() if agent.running}
        left = [one for one in self._asked if one.agent_id in running and not self._is_answered(one, None, at, None)]
        self._answered(left, state, at, source)

    def _answered(self, left: list[Asked], state: State, at: int, source: Source) -> None:
        """Wait on for what is left of what was asked; if nothing is, take a state."""
        answered, self._asked = len(left) < len(self._asked), left
        if not left:
            self.set_state(state, at, source)
        elif answered:
            self._show(left[-1], source)

    def _show(self, asked: Asked, source: Source) -> None:
        """Tell that it waits for this, if it waits and that is not what was told."""
        tool, told = asked.tool, self._waiting_tool
        same = tool.tool_use_id == told.tool_use_id if tool and told and tool.tool_use_id else tool == told
        if self.state == "requires_action" and not (same and self.waiting_for == asked.waiting_for):
            self._wait_for(asked.waiting_for, tool, source)

    def _is_answered(self, asked: Asked, agent_id: str | None, at: int, ended: str | None) -> bool:
        """A call runs beside others of its agent: only its own end answers for it, where it is known."""
        tool_id = asked.tool.tool_use_id if asked.tool else None
        if tool_id is None:
            return asked.agent_id == agent_id and at >= asked.at
        tool = self.tools.open.get(tool_id)
        return tool_id == ended or tool is None or tool.held is not None

    def _wait_for(self, waiting_for: str | None, tool: WaitingTool | None, source: Source) -> None:
        """Tell for what it waits that waits already."""
        self.waiting_for, self._waiting_tool = waiting_for, tool
        self._announced = (self.state, None)
        self.tell_state(source)

    def _file_denies(self, state: State) -> bool:
        """Whether its files say otherwise, and know better.

        While one says that it waits nothing else ends that: it will say when it was answered. Where several processes
        work on it, one may rest while another works.
        """
        if self.state == "requires_action" and self.status == "waiting":
            return state != "requires_action"
        return self.shared and self.status == "busy" and state in ("idle", "background")

    def rename(self, name: str, at: int, source: Source) -> None:
        """Take its name; a new one is told."""
        if name != self.name:
            self.name = name
            self.touch(self.agents.main, at)
        self.tell_name(at, source)

    def tell_name(self, at: int, source: Source) -> None:
        """Send the name if it is not the one that was sent last."""
        if self.name is None or self.name == self.told_name or self.silent:
            return
        self.told_name = self.name
        data = SessionRenamed(name=self.name)
        self.emit("session.renamed", data, id=self._level_id("n"), at=at, source=source)

    def tell_state(self, source: Source) -> None:
        """Send the state if it is not the one that was sent last."""
        if (self.state, self.waiting_for) == self._announced or self.silent:
            return
        data = SessionStateChanged(
            state=self.state,
            previous=self._announced[0],
            since=self.since,
            waiting_for=self.waiting_for,
            tool=self._waiting_tool,
            error=self._failure,
        )
        self._announced = (self.state, self.waiting_for)
        id = f"{self._level_id('s')}:{self.state}"
        self.emit("session.state_changed", data, id=id, at=self.since, source=source)

    def flush(self) -> None:
        """Send the levels that changed: usage, context, limits and agents. Several changes of a tick make one event."""
        if self.usage_changed:
            self.usage_changed = False
            id = self._level_id("u")
            self.emit("usage.updated", self.usage(), id=id, at=self.last_at, source="transcript")
        self.gauges.flush()
        if self._agents_changed:
            agents = [self.agents.all[key] for key in self._agents_changed if key in self.agents.all]
            changed = [self.agents.state(agent) for agent in agents if agent.announced]
            self._agents_changed = {}
            if changed:
                id, data = self._level_id("a"), AgentStateChanged(agents=changed)
                self.emit("agent.state_changed", data, id=id, at=self.last_at, source="server")

    def _level_id(self, kind: str) -> str:
        """Return the id of a level: of its newest cause, and of its own, since a cause can change a level twice."""
        self._levels += 1
        return f"{kind}:{self.id}:{self.last_at}:{self._levels}"

    def settle(self) -> None:
        """End whatever is open: the session is over."""
        at = self.last_at
        for tell in list(self.awaited_prompts.values()):
            tell()
        self.awaited_prompts.clear()
        self.tools.interrupt(at, "server", all=True)
        self.agents.stop_all(at)
        self.turns.end_all(at)
        self.set_state("ended", max(at, self.since), "server")
        self.flush()

    @property
    def is_phantom(self) -> bool:
        """Whether it never was one: its process took another id before it had a status, a hook or a line.

        ``claude --continue`` has an id of its own until it knows which session it continues.
        """
        never = self.status is None and self.end_reason is None and not (self.begun or self.has_transcript)
        return never and self.gone_reason == "cleared"

    @property
    def copied_before(self) -> int:
        """The time before which lines of its transcript that are read only now are copies, ms since 1970.

        A session that was there before may have lines of its own from shortly before its process began, read late.
        """
        return self.file_started_at - (0 if self.run == self.process else COPIED)

    @property
    def age(self) -> tuple[int, int]:
        """What is smaller for the older of two sessions: when its transcript began, then its process."""
        return (self.born or self.started_at, self.file_started_at)

    def usage_moved(self) -> None:
        """Learn that a message that it copied was counted for it, and is counted where it belongs now."""
        self.usage_changed = True
        self.world.stir(self)

    def usage(self) -> SessionUsage:
        """Return its usage as it is on the wire; as clients know it, until its transcripts were read."""
        if not self.ledger.models and self._usage_before is not None:
            return self._usage_before
        return session_usage(
            self.id,
            self.ledger.models,
            duration_ms=self.turns.busy_ms,
            num_turns=self.turns.count,
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
            tool=self._waiting_tool,
            error=self._failure,
            name=self.name,
            model=self.model,
            git_branch=self.git_branch,
            permission_mode=self.permission_mode,
            version=self.version,
            kind=self.kind,
            job_id=self.job_id,
            entrypoint=self.entrypoint,
            usage=self.usage(),
            context=self.gauges.context,
            rate_limits=list(self.gauges.limits.values()) or None,
        )
