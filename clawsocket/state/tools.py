"""A session's tool calls: one ``tool.use`` and one ``tool.result`` each, from whichever source is first."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from clawsocket.protocol.envelope import Source
from clawsocket.protocol.events import Outcome, ToolResult, ToolUse
from clawsocket.protocol.models import ToolRun, WaitingTool
from clawsocket.state.clock import remember
from clawsocket.state.text import cut, input_summary

if TYPE_CHECKING:
    from clawsocket.state.session import Session

HOLD = 1000
"""ms that a transcript's tool result waits for the hook's, which knows the tool's own time."""


class Tool(msgspec.Struct):
    """A tool call.

    Attributes:
        by_hook: its PreToolUse came, so the hooks will tell its end too.
        asked: whether the owner was asked, as far as hooks tell.
        held: ends it as the transcript told, while the hook's word is awaited.
    """

    id: str
    name: str
    agent_id: str | None
    started_at: int
    summary: str
    background: bool = False
    by_hook: bool = False
    asked: bool = False
    held: Callable[[], None] | None = None

    def waiting(self) -> WaitingTool:
        """Return it as the call that waits for the owner."""
        return WaitingTool(name=self.name, input_summary=self.summary, tool_use_id=self.id)


class _Input(msgspec.Struct):
    run_in_background: Any = None


def _in_background(raw: msgspec.Raw) -> bool:
    if b'"run_in_background"' not in bytes(raw):
        return False
    try:
        return msgspec.json.decode(raw, type=_Input).run_in_background is True
    except msgspec.DecodeError:
        return False


class Tools:
    """The calls of a session, by id.

    Attributes:
        open: those that have not ended, in order of their beginning.
        finished: the last ones that ended.
    """

    def __init__(self, session: Session) -> None:
        """Start without any."""
        self._session = session
        self.open: dict[str, Tool] = {}
        self.finished: dict[str, Tool] = {}

    def get(self, tool_id: str | None) -> Tool | None:
        """Return a call, open or finished."""
        return self.open.get(tool_id or "") or self.finished.get(tool_id or "")

    def use(
        self, tool_id: str, name: str, raw: msgspec.Raw, at: int, source: Source, agent_id: str | None
    ) -> Tool | None:
        """Learn of a call; the first who tells of it makes its ``tool.use``.

        Args:
            tool_id: its tool use id.
            name: the tool.
            raw: its input, JSON.
            at: ms since 1970.
            source: who tells of it.
            agent_id: the subagent that makes it, None for the main agent.

        Returns:
            The call while it is open, None when it has ended already.
        """
        if tool_id in self.finished:
            return None
        if tool_id in self.open:
            return self.open[tool_id]
        tool = self.open[tool_id] = Tool(tool_id, name, agent_id, at, input_summary(raw), _in_background(raw))
        session = self._session
        agent = session.agents.get(agent_id, at)
        agent.tool_count += 1
        session.touch(agent, at)
        data = ToolUse(tool_name=name, tool_use_id=tool_id, input=raw or {}, input_summary=tool.summary)
        session.emit("tool.use", data, id=f"t:{session.id}:{tool_id}:use", at=at, source=source, agent_id=agent_id)
        return tool

    def end(
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
        if self.open.pop(tool.id, None) is None:
            return
        tool.held = None
        remember(self.finished, tool.id, tool)
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
        session = self._session
        run = ToolRun(
            tool_name=tool.name,
            input_summary=tool.summary,
            duration_ms=span,
            success=success,
            started_at=tool.started_at,
        )
        session.agents.ran(tool.agent_id, run, at)
        id = f"t:{session.id}:{tool.id}:result"
        session.emit("tool.result", data, id=id, at=at, source=source, agent_id=tool.agent_id)

    def hold(self, tool: Tool, outcome: Outcome, at: int, output: str) -> None:
        """Take a transcript's result of a call whose hooks are on their way: theirs counts if it comes in time."""

        def end() -> None:
            self.end(tool, outcome, at, "transcript", output=output)

        if tool.by_hook and not self._session.silent:
            tool.held = end
            self._session.later(HOLD, end)
        else:
            end()

    def interrupt(self, at: int, source: Source, agent_id: str | None = None, *, all: bool = False) -> None:
        """End the open calls of an agent, or of all: as the transcript told, or else as interrupted."""
        for tool in list(self.open.values()):
            if tool.held is not None:
                tool.held()
            elif all or (tool.agent_id == agent_id and tool.started_at <= at):
                self.end(tool, "interrupted", at, source, error="interrupted")
