"""``claw-socket watch``: the sessions, their agents and their tool calls, over the whole terminal."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from clawsocket.cli import parsing
from clawsocket.cli.event_line import age, brief, cost, doing, duration, label, spent, tool_of
from clawsocket.cli.look import Look, columns
from clawsocket.client import Event
from clawsocket.errors import UsageError
from clawsocket.protocol.events import MessageUser, ToolPermissionRequested, ToolResult, ToolUse
from clawsocket.protocol.models import AgentState, RateLimit, SessionInfo
from clawsocket.state.gauges import newest

EPILOG = """\
Sessions that need you stand first, with why, for which call and since when; then those at work, in background, failed,
idle. Below each are its agents. Beside them are the tool calls of the session that is selected, as they happen.

keys:
  up, down   select a session        n        the next one that needs you
  tab        to the calls and back   /        show only what has a text in it; escape shows all
  q          leave

It needs Textual: pip install 'claw-socket[watch]'. It asks for nothing over and over, waits for a service that is
stopped, and has the colours of the terminal; NO_COLOR turns them off. Without Textual: claw-socket ps --watch.
"""


CALLS = 300
"""Calls of a session that are kept and shown."""

ASKS = "asks you"
"""The outcome of a call that waits for its owner."""

STYLES = {
    "requires_action": "bold reverse ansi_yellow",
    "running": "ansi_green",
    "background": "ansi_cyan",
    "failed": "bold ansi_red",
    "ok": "ansi_green",
    "error": "bold ansi_red",
    "denied": "ansi_red",
    "invalid": "ansi_red",
    "interrupted": "ansi_yellow",
    ASKS: "bold ansi_yellow",
}
"""Styles of states and outcomes, in the terminal's own colours."""

Parts = list[tuple[str, str]]
"""A line: texts, each with its style."""


def main(argv: Sequence[str]) -> int:
    """Run ``claw-socket watch``; return the exit code.

    Raises:
        UsageError: a wrong flag, no terminal, or no Textual.
        TokenRefusedError: the service refuses the token.
    """
    parser = parsing.Parser(
        prog="claw-socket watch",
        description="Fills the terminal with sessions, agents and tool calls, live.",
        epilog=EPILOG,
        formatter_class=parsing.RawHelp,
    )
    parser.parse_args(argv)
    try:
        from clawsocket.cli.watch_screen import show
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "textual":
            raise
        needed = (
            "watch needs Textual: pip install 'claw-socket[watch]' (it is not in the binary); "
            "claw-socket ps --watch does without"
        )
        raise UsageError(needed) from None
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("watch needs a terminal; in a pipe: claw-socket ps --watch --json")
    return asyncio.run(show())


# What is known of the calls


class Call(NamedTuple):
    """A tool call or a prompt, as far as it is known.

    ``took`` is in ms; ``outcome`` is "" while it goes on; ``id`` is that of a call, as Claude Code gives it.
    """

    at: int
    agent_id: str | None
    name: str
    what: str
    outcome: str = ""
    took: float | None = None
    told: str = ""
    id: str | None = None


class Calls:
    """The last calls of each session, made of its events in whatever order they come."""

    def __init__(self) -> None:
        """Know none."""
        self._calls: dict[str, dict[str, Call]] = {}

    def of(self, session_id: str) -> list[Call]:
        """Return the calls of a session, by time."""
        return sorted(self._calls.get(session_id, {}).values(), key=lambda call: call.at)[-CALLS:]

    def keep(self, session_ids: Iterable[str]) -> None:
        """Forget all sessions but these."""
        self._calls = {one: self._calls[one] for one in session_ids if one in self._calls}

    def take(self, event: Event) -> None:
        """Learn from an event."""
        calls = self._calls.setdefault(event.session_id, {})
        data: Any = event.data
        match data:
            case ToolUse():
                what = brief(data.input_summary)
                call = Call(event.timestamp, event.agent_id, data.tool_name, what, id=data.tool_use_id)
                if data.tool_use_id in calls:  # its end came before
                    call = calls[data.tool_use_id]._replace(at=call.at, what=call.what)
                calls[data.tool_use_id] = call
            case ToolPermissionRequested():
                asking = data.tool_use_id or self._open(calls, data.tool_name)
                if asking in calls and not calls[asking].outcome:
                    calls[asking] = calls[asking]._replace(outcome=ASKS)
            case ToolResult():
                call = calls.get(data.tool_use_id) or Call(
                    event.timestamp, event.agent_id, data.tool_name, "", id=data.tool_use_id
                )
                told = "" if data.success else data.error or data.output_summary
                calls[data.tool_use_id] = call._replace(outcome=data.outcome, took=data.duration_ms, told=told)
            case MessageUser() if not data.is_synthetic and event.agent_id is None:
                calls[event.id] = Call(event.timestamp, None, "", data.text)
        while len(calls) > 2 * CALLS:
            del calls[next(iter(calls))]

    def _open(self, calls: dict[str, Call], name: str) -> str | None:
        """Return the last call of a tool that goes on: the question about a call comes without its id."""
        return next((id for id, call in reversed(calls.items()) if call.name == name and not call.outcome), None)


def asking(calls: list[Call], session: SessionInfo) -> list[Call]:
    """Return the calls of a session, of which one waits for its owner if the session does.

    The session knows which. If it does not, it is the one of which the question was heard, or else the last that goes
    on: a transcript, from which the past is told, holds no question.
    """
    known = [call._replace(outcome="") if call.outcome == ASKS else call for call in calls]
    if session.state != "requires_action":
        return known  # what was asked was answered
    asked = None if session.tool is None else session.tool.tool_use_id
    at = [index for index, call in enumerate(calls) if asked is not None and call.id == asked]
    at = at or [index for index, call in enumerate(calls) if call.outcome == ASKS]
    at = at or [index for index, call in enumerate(calls) if call.name and not call.outcome][-1:]
    return [call._replace(outcome=ASKS) if index in at else call for index, call in enumerate(known)]


# Lines


def limits(sessions: Iterable[SessionInfo], now: float) -> list[RateLimit]:
    """Return how much of each limit of the account is used, as it was told last; none that was reset since.

    Args:
        sessions: which told of them.
        now: ms since 1970.
    """
    told = newest(limit for one in sessions for limit in one.rate_limits or ())
    return sorted((limit for limit in told if limit.resets_at > now), key=lambda limit: limit.type)


def session_lines(session: SessionInfo, agents: list[AgentState], look: Look, now: float) -> Iterator[Parts]:
    """Yield the lines of a session: its name and state, why or what, how full and how dear it is, its agents.

    Args:
        session: the session.
        agents: those of all sessions.
        look: what can be shown, and how wide.
        now: ms since 1970.
    """
    needs = session.state == "requires_action"
    state = f" {'NEEDS YOU' if needs else session.state} {age(now - session.since)}{' ' if needs else ''}"
    yield between([(label(session), "bold")], [(state, STYLES.get(session.state, "dim"))], look)
    what = doing(session, agents)
    if what:
        yield [("  ", ""), (look.fit(what, look.width - 2), "bold" if needs else "")]
    price = "" if session.usage is None else spent(session.usage)
    facts = " · ".join(
        filter(None, (price, session.model, None if session.git_branch == "HEAD" else session.git_branch))
    )
    gauge = _gauge(session, look)
    room = look.width - sum(columns(text) for text, _ in gauge) - 2
    if gauge or facts:
        yield [("  ", ""), *gauge, (look.fit(facts, room), "dim")]
    own = [one for one in agents if one.session_id == session.session_id and one.status != "offline"]
    yield from _tree(own, f"master-{session.session_id}", "  ", look, now)


def _gauge(session: SessionInfo, look: Look) -> Parts:
    if session.context is None:
        return []
    percent = max(0.0, min(100.0, session.context.percent_used))
    filled, empty = ("█", "░") if look.block == "█" else ("#", "-")
    full = round(percent / 10)
    style = "ansi_red" if percent >= 85 else "ansi_yellow" if percent >= 60 else "ansi_green"
    return [(filled * full, style), (empty * (10 - full), "dim"), (f" {percent:.0f} %  ", style if full else "dim")]


def _tree(agents: list[AgentState], parent: str, indent: str, look: Look, now: float) -> Iterator[Parts]:
    """Yield a line for each agent below another; one whose parent is gone, or unknown, stands below the main one."""
    ids = {one.agent_id for one in agents}
    is_main = parent.startswith("master-")
    below = [
        one
        for one in agents
        if one.agent_type != "master"
        and (one.parent_agent_id == parent or (is_main and one.parent_agent_id not in ids))
        and one.agent_id != parent
    ]
    corner, side, rest = ("└ ", "├ ", "│ ") if look.block == "█" else ("- ", "- ", "  ")
    for one in below:
        is_last = one is below[-1]
        about = ": ".join(filter(None, (one.description, tool_of(one))))
        branch = f"{indent}{corner if is_last else side}"
        right = f" {age(now - one.started_at)} {cost(one.cost_usd)}".rstrip()
        yield between([(branch, "dim"), (f"{one.agent_type} ", "ansi_cyan"), (about, "")], [(right, "dim")], look)
        if len(indent) < 12:
            yield from _tree(agents, one.agent_id, indent + ("  " if is_last else rest), look, now)


def call_lines(call: Call, look: Look, now: float) -> Iterator[Parts]:
    """Yield the lines of a call: when, what, how it ended and how long it took; below it an error.

    Args:
        call: the call.
        look: what can be shown, and how wide.
        now: ms since 1970.
    """
    at = time.strftime("%H:%M:%S", time.localtime(call.at / 1000)) if look.width >= 50 else ""
    if not call.name:
        yield between([(f"{at} ".lstrip(), "dim"), ("> ", "bold ansi_magenta"), (call.what, "ansi_magenta")], [], look)
        return
    agent = f"[{call.agent_id[:7]}] " if call.agent_id else ""
    took = age(now - call.at) if call.outcome in ("", ASKS) else "" if call.took is None else duration(call.took)
    right = [(f" {call.outcome or 'running'} ", STYLES.get(call.outcome, "ansi_cyan")), (took, "dim")]
    left = [(f"{at} ".lstrip(), "dim"), (agent, "dim"), (f"{call.name} ", "bold"), (call.what, "")]
    yield between(left, right, look)
    if call.told:
        indent = " " * (len(at) + 1 if at else 2)
        yield [(indent, ""), (look.fit(call.told, look.width - len(indent)), "ansi_red")]


def between(left: Parts, right: Parts, look: Look) -> Parts:
    """Return a line with something at its right end; what stands left is cut where there is no room."""
    room = look.width - sum(columns(text) for text, _ in right)
    shown: Parts = []
    for text, style in left:
        text = look.fit(text, max(0, room))
        room -= columns(text)
        shown.append((text, style))
    return [*shown, (" " * max(0, room), ""), *right]
