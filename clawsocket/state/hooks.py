"""What a hook says: the ``hook.*`` event with the payload as it came, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from clawsocket.claude.hooks import Hook
from clawsocket.claude.observations import HookSeen
from clawsocket.protocol.envelope import Event
from clawsocket.protocol.events import (
    CwdChanged,
    FileChanged,
    HookData,
    McpElicitation,
    McpElicitationResult,
    McpServerStatus,
    MessageUser,
    SessionCompacted,
    SessionStarted,
    StreamDelta,
    Task,
    ToolPermissionDenied,
    ToolPermissionRequested,
    WorktreeRemoved,
    hook_type,
)
from clawsocket.protocol.models import State, WaitingTool
from clawsocket.state import outcome
from clawsocket.state.agents import made
from clawsocket.state.lines import is_synthetic
from clawsocket.state.session import Asked, Session, waiting_for
from clawsocket.state.text import content_text, failure, input_summary, response_summary
from clawsocket.state.turns import Turn

PROMPT_WAIT = 1000
"""ms that a prompt told by UserPromptSubmit waits for its transcript line, which knows its uuid."""

SETTLE_WAIT = 2000
"""ms after the end of a turn in which the transcript tells how the calls ended that are still open."""

ASK_WAIT = 300
"""ms after a PermissionRequest in ``claude -p`` in which its session file says whether anybody is asked.

Since 2.1.332 it comes also where nobody is there to be asked, and the call is denied at once.
"""

LAUNCHED = "async_launched"
"""What the result of a call says of a subagent that goes on in the background."""

_TOOL_HOOKS = frozenset(("PreToolUse", "PostToolUse", "PostToolUseFailure", "PermissionRequest", "PermissionDenied"))
_ADDED = (b'"toolName"', b'"toolUseId"', b'"inputSummary"', b'"outputSummary"', b'"isInterrupt"')
_LIFE = frozenset(("SessionStart", "SessionEnd"))
_encoder = msgspec.json.Encoder()


_payload: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, msgspec.Raw])


def apply(session: Session, seen: HookSeen) -> None:
    """Take a hook of a session."""
    hook = seen.hook
    if hook.agent_id and hook.agent_type:
        agent = session.agents.get(hook.agent_id, seen.at, hook.agent_type)
        agent.by_hook, agent.cwd = True, hook.cwd or agent.cwd
    if not session.silent:
        session.world.put(told(seen, session.id))
    take(session, seen)


def take(session: Session, seen: HookSeen) -> None:
    """Take what follows from a hook of a session."""
    hook = seen.hook
    session.permission_mode = hook.permission_mode or session.permission_mode
    handler = _HANDLERS.get(hook.hook_event_name)
    if handler is None or (hook.hook_event_name in _LIFE and seen.at < session.file_started_at):
        return  # or it tells of a run before this one
    handler(session, seen, hook)


def told(seen: HookSeen, session_id: str) -> Event:
    """Return the event that a hook is told by, as it came.

    Args:
        seen: the hook.
        session_id: the session; the SessionStart of a fork may name the one that it forks.
    """
    hook = seen.hook
    data = _with_tool(hook) if hook.hook_event_name in _TOOL_HOOKS and hook.tool_name else hook.raw
    return Event(hook_type(hook.hook_event_name), seen.at, session_id, f"h:{seen.id}", "hook", data, hook.agent_id)


def _with_tool(hook: Hook) -> Any:
    """Return the payload with the wire's own fields put before its end, without decoding the rest."""
    added = HookData(tool_name=hook.tool_name, tool_use_id=hook.tool_use_id)
    if hook.hook_event_name == "PostToolUse":
        added.output_summary = response_summary(hook.tool_response)
    elif hook.hook_event_name == "PostToolUseFailure":
        added.error, added.is_interrupt = hook.error, bool(hook.is_interrupt)
    else:
        added.input_summary = input_summary(hook.tool_input)
    raw = bytes(hook.raw)
    if any(name in raw for name in _ADDED):
        return _payload.decode(raw) | msgspec.to_builtins(added)
    if hook.error is not None:
        added.error = None  # the payload's own field has the wire's name
    return msgspec.Raw(raw[:-1].rstrip() + b"," + _encoder.encode(added)[1:])


def _emit(session: Session, seen: HookSeen, type: str, data: Any) -> None:
    id = f"h:{seen.id}:{type}"
    session.emit(type, data, id=id, at=seen.at, source="hook", agent_id=seen.hook.agent_id)


# Sessions and turns


def _session_start(session: Session, seen: HookSeen, hook: Hook) -> None:
    session.model = hook.model or session.model
    session.gauges.started_as = hook.model or session.gauges.started_as
    if not session.begun or hook.source in ("compact", "clear"):
        data = SessionStarted(
            version=session.version,
            model=session.model,
            permission_mode=hook.permission_mode,
            cwd=hook.cwd or session.cwd,
            source=hook.source,
        )
        id = f"s:{session.id}:{session.run}:started" + (f":{seen.id}" if session.begun else "")
        session.emit("session.started", data, id=id, at=seen.at, source="hook")
    session.begun = True
    for server in hook.mcp_servers or ():
        if server.name:
            status = McpServerStatus(server_name=server.name, status=server.status, url=server.url, tools=server.tools)
            session.emit("mcp.server_status", status, id=f"h:{seen.id}:{server.name}", at=seen.at, source="hook")


def _session_end(session: Session, seen: HookSeen, hook: Hook) -> None:
    session.end_reason = hook.reason or "other"
    if session.gone_reason is None:
        session.last_at = max(session.last_at, seen.at)


def _prompt(session: Session, seen: HookSeen, hook: Hook) -> None:
    for turn in list(session.turns.open.values()):
        if turn.stopped and turn.prompt_id != (hook.prompt_id or ""):
            session.turns.superseded(turn)
    session.turns.get(hook.prompt_id, seen.at)
    session.set_state("running", seen.at, "hook")
    if not session.has_transcript and hook.prompt and not session.silent:
        key = hook.prompt_id or seen.id
        session.awaited_prompts[key] = lambda: _prompt_of_hook(session, seen, hook)
        session.later(PROMPT_WAIT, lambda: _tell_prompt(session, key))


def _tell_prompt(session: Session, key: str) -> None:
    """Send a prompt that waited, unless the session's end was quicker."""
    if session.world.is_behind(session.id):
        session.later(PROMPT_WAIT, lambda: _tell_prompt(session, key))
        return
    tell = session.awaited_prompts.pop(key, None)
    if tell is not None:
        tell()


def _prompt_of_hook(session: Session, seen: HookSeen, hook: Hook) -> None:
    """Send a prompt of a session that has no transcript here."""
    if session.has_transcript:
        return
    text = hook.prompt or ""
    data = MessageUser(text=text, is_synthetic=is_synthetic(text) or None, prompt_id=hook.prompt_id)
    id = f"m:{session.id}:{hook.prompt_id or seen.id}"
    session.emit("message.user", data, id=id, at=seen.at, source="hook")


def _turn_of(session: Session, seen: HookSeen, hook: Hook) -> Turn | None:
    turn = session.turns.get(hook.prompt_id, seen.at)
    if turn is not None:
        turn.last_at = max(turn.last_at, seen.at)
    return turn


def _stop(session: Session, seen: HookSeen, hook: Hook) -> None:
    running = [
        task for task in hook.background_tasks or () if isinstance(task, dict) and task.get("status") == "running"
    ]
    # Where its file says that it works, another Stop hook may yet have it go on.
    rests: State = "running" if session.status == "busy" else "idle"
    session.rest("background" if running else rests, seen.at, "hook")
    turn = _turn_of(session, seen, hook)
    if turn is not None:
        turn.stopped = True
        session.turns.check(turn)
    _settle_open(session, seen.at)


def _settle_open(session: Session, at: int) -> None:
    """Calls that are open when a turn is over will get no end of their own."""
    left = [tool for tool in session.tools.open.values() if tool.agent_id is None and tool.started_at <= at]

    def settle() -> None:
        if session.shared and session.status in ("busy", "waiting"):
            return  # they may be of another process, which works on
        if session.world.is_behind(session.id):
            session.later(SETTLE_WAIT, settle)
            return
        for tool in left:
            session.tools.end(tool, "interrupted", at, "hook", error="interrupted")

    if left:
        session.later(SETTLE_WAIT, settle)


def _stop_failure(session: Session, seen: HookSeen, hook: Hook) -> None:
    session.fail(seen.at, "hook", failure(hook.error, hook.last_assistant_message))
    turn = _turn_of(session, seen, hook)
    if turn is not None:
        turn.stopped = turn.error = True
        session.turns.check(turn)
    _settle_open(session, seen.at)


def _compacted(session: Session, seen: HookSeen, hook: Hook) -> None:
    if not session.has_transcript:
        data = SessionCompacted(trigger=hook.trigger or "unknown", summary=hook.compact_summary)
        _emit(session, seen, "session.compacted", data)


# Tools


def _pre_tool(session: Session, seen: HookSeen, hook: Hook) -> None:
    session.work(hook.agent_id, seen.at, "hook")
    if hook.tool_use_id and hook.tool_name:
        tool = session.tools.use(hook.tool_use_id, hook.tool_name, hook.tool_input, seen.at, "hook", hook.agent_id)
        if tool is not None:
            tool.by_hook, tool.started_at = True, seen.at


def _post_tool(session: Session, seen: HookSeen, hook: Hook) -> None:
    session.work(hook.agent_id, seen.at, "hook", ended=hook.tool_use_id)
    if not hook.tool_use_id or not hook.tool_name:
        return
    tool = session.tools.use(hook.tool_use_id, hook.tool_name, hook.tool_input, seen.at, "hook", hook.agent_id)
    if tool is None:
        return
    found = made(hook.tool_response) if tool.name == "Agent" else None
    if found is not None and found.status == LAUNCHED:
        session.agents.link(found, tool.id, seen.at)  # its own file may come a second later, on a busy machine
    failed = hook.hook_event_name == "PostToolUseFailure"
    session.tools.end(
        tool,
        ("interrupted" if hook.is_interrupt else "error") if failed else "ok",
        seen.at,
        "hook",
        output="" if failed else response_summary(hook.tool_response),
        error=hook.error,
        duration_ms=hook.duration_ms,
    )


def _batch(session: Session, seen: HookSeen, hook: Hook) -> None:
    """The last word on the calls of a message: one that had no PostToolUse was denied, or never valid."""
    for call in hook.tool_calls or ():
        if not call.tool_use_id or call.tool_use_id in session.tools.finished:
            continue
        known = session.tools.open.get(call.tool_use_id)
        text = content_text(call.tool_response)
        ended = outcome.of_batch(text, known is not None and known.by_hook)
        if ended is None:
            continue
        tool = session.tools.use(call.tool_use_id, call.tool_name, call.tool_input, seen.at, "hook", hook.agent_id)
        if tool is not None:
            session.tools.end(tool, ended, seen.at, "hook", output=text)


def _permission_request(session: Session, seen: HookSeen, hook: Hook) -> None:
    summary = input_summary(hook.tool_input)
    name = hook.tool_name or "unknown"
    tool_id = hook.tool_use_id or _asking(session, name, summary)
    data = ToolPermissionRequested(
        tool_name=name, tool_use_id=tool_id, input_summary=summary, suggestions=hook.permission_suggestions
    )
    _emit(session, seen, "tool.permission_requested", data)
    tool = WaitingTool(name=name, input_summary=summary, tool_use_id=tool_id)
    asked = Asked(hook.agent_id, seen.at, waiting_for(name), tool)
    if session.status in (None, "waiting") or not (session.entrypoint or "").startswith("sdk"):
        session.ask(asked)
        return

    def ask() -> None:
        if session.status == "waiting" and (tool_id is None or tool_id in session.tools.open):
            session.ask(asked)

    session.later(ASK_WAIT, ask)


def _asking(session: Session, name: str, summary: str) -> str | None:
    """It has no tool_use_id: it is for the newest open call of this tool with this input, or the only one."""
    calls = [tool for tool in session.tools.open.values() if tool.name == name]
    for tool in calls:
        tool.asked = True  # any of them may be meant
    same = [tool for tool in calls if tool.summary == summary]
    if same:
        return same[-1].id
    return calls[0].id if len(calls) == 1 else None


def _permission_denied(session: Session, seen: HookSeen, hook: Hook) -> None:
    data = ToolPermissionDenied(tool_name=hook.tool_name or "unknown", tool_use_id=hook.tool_use_id, reason=hook.reason)
    _emit(session, seen, "tool.permission_denied", data)
    tool = session.tools.open.get(hook.tool_use_id or "")
    if tool is not None:
        session.tools.end(tool, "denied", seen.at, "hook", error=hook.reason)


# Agents


def _subagent_start(session: Session, seen: HookSeen, hook: Hook) -> None:
    if hook.agent_id:
        session.agents.begin(session.agents.get(hook.agent_id, seen.at), seen.at, "hook")


def _subagent_stop(session: Session, seen: HookSeen, hook: Hook) -> None:
    """``/compact`` fires it with an empty type for an agent that never was."""
    agent = session.agents.all.get(hook.agent_id or "")
    if agent is not None and hook.agent_type:
        session.agents.stop(agent, seen.at, "hook", message=hook.last_assistant_message)


# The rest


def _elicitation(session: Session, seen: HookSeen, hook: Hook) -> None:
    data = McpElicitation(
        question=hook.question or hook.message or "",
        server_name=hook.mcp_server_name,
        mode=hook.mode,
        schema=hook.requested_schema,
        options=hook.options,
        timeout=hook.timeout,
        source=hook.source,
    )
    _emit(session, seen, "mcp.elicitation", data)
    session.ask(Asked(hook.agent_id, seen.at, "elicitation"))


def _elicitation_result(session: Session, seen: HookSeen, hook: Hook) -> None:
    data = McpElicitationResult(
        action=hook.action, answer=hook.answer, server_name=hook.mcp_server_name, source=hook.source
    )
    _emit(session, seen, "mcp.elicitation_result", data)
    session.work(hook.agent_id, seen.at, "hook")


def _file_changed(session: Session, seen: HookSeen, hook: Hook) -> None:
    path, change = hook.file_path or hook.path or "", hook.event or hook.change_type
    _emit(session, seen, "file.changed", FileChanged(path=path, change_type=change))


def _cwd_changed(session: Session, seen: HookSeen, hook: Hook) -> None:
    new = hook.new_cwd or hook.cwd or session.cwd
    _emit(session, seen, "cwd.changed", CwdChanged(new_cwd=new, old_cwd=hook.old_cwd))
    if hook.agent_id is None:
        session.cwd = new


def _task(session: Session, seen: HookSeen, hook: Hook) -> None:
    kind = "task.created" if hook.hook_event_name == "TaskCreated" else "task.completed"
    data = Task(task_id=hook.task_id or "", subject=hook.task_subject, description=hook.task_description)
    _emit(session, seen, kind, data)


def _worktree_removed(session: Session, seen: HookSeen, hook: Hook) -> None:
    _emit(session, seen, "worktree.removed", WorktreeRemoved(path=hook.worktree_path or hook.path or ""))


def _display(session: Session, seen: HookSeen, hook: Hook) -> None:
    data = StreamDelta(
        text=hook.delta or "",
        index=hook.index or 0,
        final=bool(hook.final),
        display_id=hook.message_id or "",
        turn_id=hook.turn_id or "",
    )
    _emit(session, seen, "stream.delta", data)


_HANDLERS: dict[str, Callable[[Session, HookSeen, Hook], None]] = {
    "SessionStart": _session_start,
    "SessionEnd": _session_end,
    "UserPromptSubmit": _prompt,
    "Stop": _stop,
    "StopFailure": _stop_failure,
    "PostCompact": _compacted,
    "PreToolUse": _pre_tool,
    "PostToolUse": _post_tool,
    "PostToolUseFailure": _post_tool,
    "PostToolBatch": _batch,
    "PermissionRequest": _permission_request,
    "PermissionDenied": _permission_denied,
    "SubagentStart": _subagent_start,
    "SubagentStop": _subagent_stop,
    "Elicitation": _elicitation,
    "ElicitationResult": _elicitation_result,
    "FileChanged": _file_changed,
    "CwdChanged": _cwd_changed,
    "TaskCreated": _task,
    "TaskCompleted": _task,
    "WorktreeRemove": _worktree_removed,
    "MessageDisplay": _display,
}
