"""An event as one readable line."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterable
from typing import Any

import msgspec

from clawsocket.cli.look import Look, clean, columns
from clawsocket.client import Event
from clawsocket.protocol import events as catalogue
from clawsocket.protocol.models import AgentState, SessionInfo, SessionUsage

LABEL, TYPE = 16, 25
"""Columns of a session's name and of an event's type."""

NARROW = 72
"""Columns under which the type is shortened and the time left out, for something of the text to be seen."""

DIM, RED, GREEN, YELLOW, MAGENTA, CYAN = "2", "31", "32", "33;1", "35", "36"
_COLOURS = {"tool.use": CYAN, "message.user": MAGENTA, "message.error": RED, "system.error": RED}
_COLOURS |= {"tool.permission_requested": YELLOW, "tool.permission_denied": RED}
_FIELDS = {
    "session.discovered": "cwd",
    "session.started": "source model",
    "session.ended": "reason job_id",
    "session.removed": "reason",
    "agent.started": "agent_type description",
    "agent.stopped": "reason last_message",
    "message.error": "error status text",
    "tool.permission_denied": "tool_name reason",
    "mcp.elicitation": "server_name question",
    "mcp.elicitation_result": "server_name action answer",
    "cwd.changed": "new_cwd",
    "file.changed": "change_type path",
    "task.created": "subject",
    "task.completed": "subject",
    "system.error": "source message",
}
"""What is said of events whose fields speak for themselves."""

_MAIN_INPUT = re.compile(
    r'\{\s*(?:"to"\s*:\s*"([^"\\]+)"\s*,\s*)?"(?:summary|message|command|file_path|notebook_path|path|pattern|'
    r'query|url|description|skill|subject|question|prompt|plan|questions"\s*:\s*\[\s*\{\s*"question)"\s*:\s*"((?:[^"\\]|\\.)*)'
)

_PEERS = re.compile(r"<(teammate|cross-session)-message\b([^>]*)>(.*?)(?:</\1-message>|\Z)", re.DOTALL)
"""What other sessions, and members of the team, say to this one."""

_ATTRIBUTE = re.compile(r'([a-z_-]+)="([^"]+)"')

STATES = {"requires_action": YELLOW, "running": GREEN, "background": CYAN, "failed": RED, "idle": "", "ended": DIM}
"""The states, those first that ask most of the owner, and their colours."""


class Labels:
    """What sessions are called, as far as it is known."""

    def __init__(self) -> None:
        """Know nobody."""
        self._names: dict[str, str] = {}

    def take(self, sessions: list[SessionInfo]) -> None:
        """Learn from what is known of sessions."""
        for one in sessions:
            self._names[one.session_id] = label(one)

    def see(self, event: Event) -> None:
        """Learn from an event."""
        data = event.data
        if isinstance(data, catalogue.SessionDiscovered):
            self._names[event.session_id] = _name(data.name, data.cwd, event.session_id)
        elif isinstance(data, catalogue.SessionRenamed):
            self._names[event.session_id] = data.name

    def name(self, session_id: str) -> str:
        """Return what a session is called; of one that nobody knows the beginning of its id."""
        return self._names.get(session_id, session_id[:8])


def label(session: SessionInfo) -> str:
    """Return what a session is called: its name, or its folder's."""
    return _name(session.name, session.cwd, session.session_id)


def by_urgency(sessions: Iterable[SessionInfo]) -> list[SessionInfo]:
    """Return sessions as their owner wants to see them: the most urgent first, of those the one that changed last."""
    order = {state: place for place, state in enumerate(STATES)}
    return sorted(sessions, key=lambda one: (order.get(one.state, len(order)), -one.since))


def doing(session: SessionInfo, agents: Iterable[AgentState]) -> str:
    """Return what a session waits for, why it failed, or what it does.

    What waits may be a subagent's call, or an earlier one of several.
    """
    reason = why(session)
    if reason:
        return reason
    main = next((one for one in agents if one.session_id == session.session_id and one.agent_type == "master"), None)
    return tool_of(main)


def tool_of(agent: AgentState | None) -> str:
    """Return the tool call that an agent is at; nothing if there is none."""
    if agent is None or agent.current_tool is None:
        return ""
    return f"{agent.current_tool} {brief(agent.current_tool_input or '')}".rstrip()


def brief(input_summary: str) -> str:
    """Return what a person wants to see of a tool's input: the command, the path; else all of it, as it is.

    A summary that was cut off is no JSON any more, so its beginning is looked at.
    """
    found = _MAIN_INPUT.match(input_summary)
    if found is None:
        return input_summary
    to, text = found.groups()
    with contextlib.suppress(msgspec.DecodeError):
        text = msgspec.json.decode(f'"{text}"', type=str)
    return f"{to}: {text}" if to else text


def _name(name: str | None, cwd: str, session_id: str) -> str:
    return name or cwd.rstrip("/").rpartition("/")[2] or session_id[:8]


def line(event: Event, label: str, look: Look, now: float) -> str:
    """Return an event as a line that fits.

    Args:
        event: the event.
        label: what its session is called.
        look: what can be shown.
        now: s since 1970; an event of another day is shown with its day.
    """
    colour, text = _told(event)
    if event.agent_id is not None:
        text = f"[{event.agent_id[:7]}] {text}"
    if look.terminal and look.width < NARROW:
        cells = [(look.fit(label, LABEL), "1"), (event.type.rpartition(".")[2], colour)]
    else:
        cells = [(_time(event.timestamp / 1000, now), DIM), (look.pad(label, LABEL), "1")]
        cells.append((f"{event.type:<{TYPE}}", colour))
    cells.append((clean(text), ""))
    shown, room = [], look.width
    for cell, colour in (one for one in cells if one[0]):
        cell = look.fit(cell, max(0, room)) if look.terminal else cell
        room -= columns(cell) + 1
        shown.append(look.paint(cell, colour))
    return " ".join(shown).rstrip()


def _time(at: float, now: float) -> str:
    then, today = time.localtime(at), time.localtime(now)
    same = (then.tm_year, then.tm_yday) == (today.tm_year, today.tm_yday)
    return time.strftime("%H:%M:%S" if same else "%m-%d %H:%M", then)


def _told(event: Event) -> tuple[str, str]:
    """Return the colour of an event, and what is to be said of it."""
    data: Any = event.data
    colour = _COLOURS.get(event.type, DIM)
    match data:
        case catalogue.ToolUse() | catalogue.ToolPermissionRequested():
            return colour, f"{data.tool_name} {brief(data.input_summary)}"
        case catalogue.ToolResult():
            took = "" if data.duration_ms is None else f" {duration(data.duration_ms)}"
            told = "" if data.error == data.outcome else data.error or data.output_summary
            return GREEN if data.success else RED, f"{data.tool_name} {data.outcome}{took} {told}"
        case catalogue.SessionStateChanged():
            return STATES.get(data.state, ""), f"{data.state} {why(data)}".rstrip()
        case catalogue.MessageUser():
            return (DIM, _note(data.text)) if data.is_synthetic else (colour, data.text)
        case catalogue.MessageAssistant():
            return "", _blocks(data.content_blocks)
        case catalogue.MessageResult():
            took = "" if data.duration_ms is None else f" {duration(data.duration_ms)}"
            return colour, f"{data.subtype}{took}{cost(data.total_cost_usd, ' ')}"
        case SessionUsage():
            return colour, f"{data.input_tokens} in, {data.output_tokens} out, {spent(data)}"
        case catalogue.AgentStateChanged():
            return colour, ", ".join(f"{one.name or one.agent_type} {one.status}" for one in data.agents)
    if event.type in _FIELDS and not isinstance(data, dict):
        values = [getattr(data, name) for name in _FIELDS[event.type].split()]
        return colour, " ".join(str(value) for value in values if value not in (None, "unknown"))
    return colour, _rest(data)


def why(data: catalogue.SessionStateChanged | SessionInfo) -> str:
    """Return what a session waits for, and with which call, or why it failed."""
    tool = "" if data.tool is None else f"{data.tool.name} {brief(data.tool.input_summary)}".rstrip()
    return ": ".join(filter(None, (data.waiting_for, tool, data.error)))


def duration(ms: float) -> str:
    """Return a duration as people say it."""
    return f"{ms:.0f}ms" if ms < 1000 else f"{ms / 1000:.1f}s" if ms < 60_000 else age(ms)


def cost(dollars: float | None, before: str = "") -> str:
    """Return a cost with two digits; nothing where it is not known."""
    return "" if dollars is None else f"{before}${dollars:,.2f}"


def spent(*sessions: SessionUsage) -> str:
    """Return what sessions cost together; a ``?`` stands for what models without a price took."""
    dollars = sum(one.total_cost_usd for one in sessions)
    if not any(one.unpriced_models for one in sessions):
        return cost(dollars)
    return f"{cost(dollars)}+?" if dollars else "?"


def age(ms: float) -> str:
    """Return an age with its greatest unit."""
    seconds = max(0, int(ms / 1000))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _note(text: str) -> str:
    """Return what Claude Code said in the user's place, without its tags; of what a task tells the summary.

    Of a command it is its name and what it was given, of what others say to this session who and what.
    """
    summary = re.search("<summary>([^<]+)", text) if text.startswith("<task-notification>") else None
    if summary:
        return summary[1]
    command = re.search("<command-name>([^<]+)", text) if text.startswith("<command-") else None
    if command:
        given = re.search("<command-args>([^<]*)", text)
        return f"{command[1]} {given[1] if given else ''}".rstrip()
    letters = "  ".join(f"{_sender(letter[2])}: {_said(letter[3])}" for letter in _PEERS.finditer(text[:8000]))
    return letters or " ".join(re.sub("</?[a-z-]+>", " ", text).split())


def _sender(attributes: str) -> str:
    given = dict(_ATTRIBUTE.findall(attributes))
    return given.get("from-name") or given.get("teammate_id") or given.get("from") or "somebody"


def _said(body: str) -> str:
    """Return what a message says; what Claude Code sends in an agent's place is JSON."""
    try:
        notice = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError:
        return body.strip()
    result, kind = notice.get("result"), notice.get("type")
    if isinstance(result, str):
        return result
    return kind.replace("_", " ") if isinstance(kind, str) else body.strip()


def _blocks(raw: Any) -> str:
    blocks = msgspec.json.decode(raw) if isinstance(raw, msgspec.Raw) else raw
    return " ".join(_block(one) for one in blocks if isinstance(one, dict)) if isinstance(blocks, list) else ""


def _block(block: dict[str, Any]) -> str:
    if block.get("type") == "tool_use":
        return f"calls {block.get('name')}"
    return str(block.get("text") or block.get("thinking") or f"({block.get('type')})")


def _rest(data: Any) -> str:
    """Return the fields of anything else that are known."""
    fields = msgspec.to_builtins(data)
    if not isinstance(fields, dict):
        return str(fields)
    known = {name: value for name, value in fields.items() if value not in (None, "")}
    if len(known) == 1 and isinstance(next(iter(known.values())), str):
        return str(next(iter(known.values())))
    return " ".join(f"{name}={value if isinstance(value, str) else _json(value)}" for name, value in known.items())


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
