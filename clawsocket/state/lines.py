"""What a transcript line says."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from clawsocket.claude import transcript
from clawsocket.claude.transcript import (
    AssistantLine,
    AttachmentLine,
    Block,
    CompactMetadata,
    LastPromptLine,
    Line,
    ModeLine,
    Origin,
    SystemLine,
    TitleLine,
    Usage,
    UserLine,
)
from clawsocket.protocol.events import (
    MessageAssistant,
    MessageError,
    MessageUser,
    SessionCompacted,
    SessionStarted,
)
from clawsocket.state import outcome
from clawsocket.state.agents import Agent, made
from clawsocket.state.session import COPIED, Session
from clawsocket.state.text import content_text, failure
from clawsocket.state.turns import QUIET, Turn
from clawsocket.state.usage import SYNTHETIC

ECHOES = (
    "<command-name>",
    "<command-message>",
    "<local-command-",
    "<task-notification>",
    "<system-reminder>",
    "<bash-",
)
"""How the lines begin that Claude Code puts in the user's mouth."""

PEERS = ("Another Claude session sent a message", "A peer session sent", "<cross-session-message", "<teammate-message")
"""How the line begins of what another session says, or a member of the team. For the team's no hook runs, and the line
has the id of the prompt before it; in a member with a terminal of its own, none."""

FEEDBACK = "Stop hook feedback:"
"""How the line begins with which a Stop hook has Claude go on."""

COMMAND = "<bash-input>"
"""How the line of a ``!`` command begins, which Claude answers; it has the id of the prompt before it."""

BOOKKEEPING = "<system-reminder>\n<tools-used-before-summary>"
"""How a line begins in which Claude Code keeps which tools were used: it says nothing to anybody."""

_TOOL_USE_ID = re.compile(r"<tool-use-id>(.*?)</tool-use-id>")

STATUS_WAIT = 200
"""ms after the end of a turn in which a session's file says whether something of it still runs in the background."""

_UNFINISHED = (None, "tool_use", "pause_turn")
"""The stop reasons after which the answer goes on."""


def apply(session: Session, agent_id: str | None, line: Line, at: int) -> None:
    """Take a line of a session's transcript.

    Args:
        session: the session whose file it is in.
        agent_id: the subagent whose file it is in, None for the session's own.
        line: the line.
        at: its time in ms since 1970.
    """
    session.has_transcript = True
    if agent_id is None:
        _facts(session, line, at)
    handler = _HANDLERS.get(type(line))
    if handler is not None:
        handler(session, agent_id, line, at)
    agent = session.agents.all.get(agent_id or "")
    if agent is not None:
        agent.cwd = line.cwd or agent.cwd


def _facts(session: Session, line: Line, at: int) -> None:
    session.is_at_head = session.is_at_head and line.uuid is None
    if line.forked_from is None and (session.is_at_head or not session.born):
        session.born = line.written or session.born
    session.cwd = line.cwd or session.cwd
    session.version = line.version or session.version
    session.entrypoint = line.entrypoint or session.entrypoint
    if line.git_branch:
        session.git_branch = line.git_branch
    own = line.uuid is not None and line.forked_from is None
    if line.written is not None and line.written == session.born:
        session.is_past_copies = False  # it begins, or is read again from there
    elif own and at >= session.born - COPIED:
        session.is_past_copies = True  # what is older from here on is so since the clock was set back
    if own and not session.begun and at >= session.started_at - 1000:
        start_session(session, at)


def _is_copy(session: Session, at: int) -> bool:
    """Whether a line of the session's own transcript is a copy of another session's, as its time shows."""
    return at < session.born - COPIED and not session.is_past_copies


def start_session(session: Session, at: int) -> None:
    """Send ``session.started`` for a session whose SessionStart has not come: its first line shows it."""
    session.begun = True
    data = SessionStarted(
        version=session.version, model=session.model, permission_mode=session.permission_mode, cwd=session.cwd
    )
    session.emit("session.started", data, id=f"s:{session.id}:{session.run}:started", at=at, source="transcript")


# Users


def _user(session: Session, agent_id: str | None, line: UserLine, at: int) -> None:
    if agent_id is not None and line.prompt_id:
        session.agents.get(agent_id, at).prompt = line.prompt_id
    content = line.message.content
    results = [block for block in content if block.type == "tool_result"] if isinstance(content, list) else []
    for block in results:
        _tool_result(session, agent_id, line, block, at)
    text = content_text(content)
    if results and not text:
        return
    _background_done(session, line.origin, text, at)
    if outcome.INTERRUPTED in text[:40]:
        _interrupted(session, agent_id, line, at)
    elif agent_id is None:
        _prompt(session, line, text, at)
    else:
        session.agents.begin(session.agents.get(agent_id, at), at, "transcript")
    if line.permission_mode:
        session.permission_mode = line.permission_mode
    if line.team_name and line.agent_name and session.name is None:
        session.rename(line.agent_name, at, "transcript")
    _user_message(session, agent_id, line, text, at)


def _prompt(session: Session, line: UserLine, text: str, at: int) -> None:
    """A prompt begins a turn, unless Claude Code only notes something; the turn before it is over."""
    of_peer = text.startswith(PEERS)
    prompt_id = line.prompt_id or ("" if of_peer else None)
    if line.is_meta and line.prompt_id and text.startswith(FEEDBACK):
        session.turns.go_on(line.prompt_id, at)
        session.set_state("running", at, "transcript")
    if (line.is_meta and not of_peer) or line.is_compact_summary or prompt_id is None:
        return
    if of_peer or text.startswith(COMMAND):
        session.turns.follow(prompt_id, at)
    session.line_prompt = prompt_id
    if session.silent and _is_copy(session, at):
        return
    for turn in list(session.turns.open.values()):
        if turn.prompt_id != prompt_id and turn.started_at <= at:
            session.turns.end(turn)
    session.turns.get(prompt_id, at)
    if not text.startswith(ECHOES[:3]):
        session.set_state("running", at, "transcript")


def _user_message(session: Session, agent_id: str | None, line: UserLine, text: str, at: int) -> None:
    if line.is_meta and text.startswith(BOOKKEEPING):
        return
    prompt = line.prompt_id if agent_id is None else None
    is_told = prompt and session.world.is_told(f"m:{session.id}:{prompt}")  # by its hook
    foreign = _is_foreign(line.origin)
    if is_told and (foreign or not (line.is_meta or text.startswith((*ECHOES[:3], *PEERS)))):
        return
    synthetic = (
        line.is_meta or line.is_compact_summary or foreign or is_synthetic(text) or text.startswith(outcome.INTERRUPTED)
    )
    data = MessageUser(text=text, uuid=line.uuid, is_synthetic=synthetic or None, prompt_id=line.prompt_id)
    _message(session, "message.user", data, agent_id, line, at)


def is_synthetic(text: str) -> bool:
    """Whether a text in the user's place shows that it is not the user's."""
    return text.startswith((*ECHOES, *PEERS))


def _is_foreign(origin: Origin | None) -> bool:
    """Whether a prompt is of somebody else than the user."""
    return origin is not None and origin.kind not in (None, "human")


def _attachment(session: Session, agent_id: str | None, line: AttachmentLine, at: int) -> None:
    """A prompt that came while Claude was busy belongs to the turn that took it."""
    queued = line.attachment
    if queued is None or queued.type != "queued_command":
        return
    text = content_text(queued.prompt)
    _background_done(session, queued.origin, text, at)
    synthetic = queued.is_meta or is_synthetic(text) or _is_foreign(queued.origin)
    prompt_id = session.agents.get(agent_id, at).prompt or session.line_prompt or None
    data = MessageUser(text=text, uuid=line.uuid, is_synthetic=synthetic or None, prompt_id=prompt_id)
    _message(session, "message.user", data, agent_id, line, at)


def _message(session: Session, type: str, data: Any, agent_id: str | None, line: Line, at: int) -> None:
    id = f"m:{session.id}:{line.uuid or at}" + (":error" if type == "message.error" else "")
    session.emit(type, data, id=id, at=at, source="transcript", agent_id=agent_id)


def _tool_result(session: Session, agent_id: str | None, line: UserLine, block: Block, at: int) -> None:
    if agent_id is None and (turn := session.turns.current(line.prompt_id or "")):
        turn.results += 1
        turn.last_at, turn.final = max(turn.last_at, at), False
    tool_id = block.tool_use_id or ""
    tool = session.tools.open.get(tool_id)
    if tool is None and tool_id not in session.tools.finished:
        tool = session.tools.use(tool_id, "unknown", transcript.ABSENT, at, "transcript", agent_id)
    if tool is not None:
        text = content_text(block.content)
        note = _note(line.tool_use_result)
        permission = line.permission_decision
        ended = outcome.of_result(
            text,
            bool(block.is_error),
            note,
            asked=tool.asked or not tool.by_hook,
            rejected=permission is not None and permission.decision == "reject",
        )
        session.tools.hold(tool, ended, at, text)
    _subagent_result(session, tool_id, line, at)


def _note(raw: msgspec.Raw) -> str:
    return msgspec.json.decode(raw, type=str) if bytes(memoryview(raw)[:1]) == b'"' else ""


def _subagent_result(session: Session, tool_id: str, line: UserLine, at: int) -> None:
    """The result of an Agent call tells that the subagent stopped, unless it went to the background."""
    found = made(line.tool_use_result)
    if found is None or found.agent_id not in session.agents.all:
        return
    agent = session.agents.link(found, tool_id, at)
    if found.status != "completed":
        return

    def stop() -> None:
        session.agents.stop(agent, at, "transcript", reason="completed")

    if agent.by_hook and not session.silent:
        session.later(1000, stop)
    else:
        stop()


def _background_done(session: Session, origin: Origin | None, text: str, at: int) -> None:
    """A task notification tells that a background subagent stopped."""
    if origin is None or origin.kind != "task-notification":
        return
    call = _TOOL_USE_ID.search(text)
    for agent in session.agents.all.values():
        if call and agent.parent_tool_use_id == call[1] and not agent.by_hook:
            session.agents.stop(agent, at, "transcript", reason="completed")


def _interrupted(session: Session, agent_id: str | None, line: UserLine, at: int) -> None:
    session.tools.interrupt(at, "transcript", agent_id)
    if agent_id is not None:
        session.agents.stop(session.agents.get(agent_id, at), at, "transcript", reason="interrupted")
        return
    session.set_state("background" if session.status == "shell" else "idle", at, "transcript")
    turn = session.turns.current(line.prompt_id or session.line_prompt)
    if turn is not None:
        turn.interrupted, turn.last_at = True, at
        session.turns.end(turn)


# Assistant


def _assistant(session: Session, agent_id: str | None, line: AssistantLine, at: int) -> None:
    message = line.message
    agent = session.agents.get(agent_id, at)
    prompt_id = agent.prompt or session.line_prompt
    turn = session.turns.open.get(prompt_id)
    session.touch(agent, at)
    real = message.model not in (None, SYNTHETIC)
    usage = transcript.usage(message.usage) if real else None
    if usage is not None:
        _count(session, agent, prompt_id, line, usage, at)
        if agent_id is None:
            session.gauges.answered(message.model or "", usage, at)
    if agent_id is None and (message.model != SYNTHETIC or line.is_api_error_message):
        _answer(session, line, turn, at)  # "No response requested.", with which a session is resumed, is none
    data = MessageAssistant(
        content_blocks=message.content,
        uuid=line.uuid,
        model=message.model,
        usage=message.usage or None,
        message_id=message.id,
    )
    _message(session, "message.assistant", data, agent_id, line, at)
    for block in transcript.blocks(message.content):
        if block.type == "tool_use" and block.id:
            session.tools.use(block.id, block.name or "unknown", block.input, at, "transcript", agent_id)
    if line.is_api_error_message:
        _api_error(session, agent_id, line, turn, at)


def _answer(session: Session, line: AssistantLine, turn: Turn | None, at: int) -> None:
    model = line.message.model
    if model not in (None, SYNTHETIC):
        session.model = model
    final = line.message.stop_reason not in _UNFINISHED
    if not line.is_api_error_message and not (final and turn is not None and turn.stopped):
        session.work(None, at, "transcript")
    if turn is None:
        return
    turn.messages += 1
    turn.live = turn.live or not session.silent
    turn.last_at = max(turn.last_at, at)
    turn.final = final
    if turn.final and session.silent:
        if session.status != "busy":  # else its Stop hooks run
            session.set_state("idle", at, "transcript")
    elif turn.final and turn.stopped:
        session.turns.check(turn)
    elif turn.final:
        _end_quietly(session, turn)


def _end_quietly(session: Session, turn: Turn) -> None:
    """Where no hook and no marker follows the last line of an answer, its turn ends when nothing more comes."""
    messages = turn.messages

    def end() -> None:
        if turn.final and turn.messages == messages and session.status != "busy":
            _over(session, turn)

    session.later(QUIET, end)


def _count(session: Session, agent: Agent, prompt_id: str, line: AssistantLine, usage: Usage, at: int) -> None:
    if line.message.id is None or line.forked_from is not None:
        return
    if _is_copy(session, at) or line.request_session_id not in (None, session.id):
        return
    key, model = (line.message.id, line.request_id), line.message.model or ""
    turns = session.turns.tokens(prompt_id, at)
    sums = [agent.tokens, *([] if turns is None else [turns])]
    book = session.world.book
    if book.count(session.ledger, key, model, usage, at, sums):
        session.usage_changed = True
    for index, advice in transcript.advice(line.message.usage):
        if book.count(session.ledger, (*key, index), advice.model or "", advice, at, sums):
            session.usage_changed = True


def _api_error(session: Session, agent_id: str | None, line: AssistantLine, turn: Turn | None, at: int) -> None:
    text = content_text(transcript.blocks(line.message.content))
    error = line.error if isinstance(line.error, str) else "unknown"
    data = MessageError(error=error, status=line.api_error_status, text=text)
    _message(session, "message.error", data, agent_id, line, at)
    if agent_id is None:
        session.fail(at, "transcript", failure(error, text))
        if turn is not None:
            turn.error = True
            session.turns.check(turn)


# Others


def _system(session: Session, agent_id: str | None, line: SystemLine, at: int) -> None:
    if agent_id is not None:
        return
    turn = session.turns.open.get(session.line_prompt)
    if line.subtype == "turn_duration" and turn is not None:
        turn.live = turn.live or not session.silent
        turn.duration_ms = round(line.duration_ms) if line.duration_ms is not None else None
        turn.last_at = max(turn.last_at, at)
        _over(session, turn)
    elif line.subtype == "stop_hook_summary" and turn is not None and turn.final:  # else a hook had it go on
        turn.stopped = turn.done = True
        session.turns.check(turn)
    elif line.subtype == "compact_boundary":
        metadata = line.compact_metadata or CompactMetadata()
        session.gauges.compacted(metadata.postTokens, at)
        id = f"m:{session.id}:{line.uuid or at}:compacted"
        session.emit("session.compacted", SessionCompacted(trigger=metadata.trigger), id=id, at=at, source="transcript")


def _last_prompt(session: Session, agent_id: str | None, _line: LastPromptLine, _at: int) -> None:
    turn = session.turns.open.get(session.line_prompt)
    if agent_id is not None or turn is None or session.status is not None or session.entrypoint == "cli":
        return  # in the terminal other lines tell the end
    if turn.final or turn.error or turn.interrupted:
        _over(session, turn)


def _over(session: Session, turn: Turn) -> None:
    at, since = turn.last_at, session.since

    def idle() -> None:
        if session.state not in ("failed", "background") and session.status != "busy" and session.since == since:
            session.set_state("idle", at, "transcript")

    if session.status is not None and not session.silent:
        session.later(STATUS_WAIT, idle)
    else:
        idle()
    session.turns.end(turn)


def _title(session: Session, _agent_id: str | None, line: TitleLine, at: int) -> None:
    name = line.custom_title or line.agent_name
    if name:  # such a line has no time of its own, and that before it may be hours old
        session.rename(name, session.world.now if session.files and not session.silent else at, "transcript")


def _mode(session: Session, _agent_id: str | None, line: ModeLine, _at: int) -> None:
    session.permission_mode = line.permission_mode or session.permission_mode


_HANDLERS: dict[type[Line], Callable[[Session, str | None, Any, int], None]] = {
    UserLine: _user,
    AssistantLine: _assistant,
    AttachmentLine: _attachment,
    SystemLine: _system,
    LastPromptLine: _last_prompt,
    TitleLine: _title,
    ModeLine: _mode,
}
