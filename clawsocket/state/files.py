"""What a session file says: the processes that work on a session, and its state as they tell it."""

from __future__ import annotations

from clawsocket.claude.session_file import SessionFile
from clawsocket.protocol.models import State
from clawsocket.state.clock import by_now
from clawsocket.state.lines import STATUS_WAIT
from clawsocket.state.session import QUESTION, Session, waiting_for

NAME_WAIT = 500
"""ms that a new name in a session's file waits: with ``/branch`` it comes before the id of the session it names."""

_STATES: dict[str, State] = {"busy": "running", "waiting": "requires_action", "idle": "idle", "shell": "background"}
_RANKS = {"waiting": 0, "busy": 1, "shell": 2, "idle": 3}
"""Whose file a session is told by, where several processes work on it: that which needs its owner most."""

_WAITING = {
    "permission prompt": "permission",
    "sandbox request": "permission",
    "worker request": "permission",
    "goal proposal": "permission",
    "input needed": "question",
    "dialog open": "dialog",
}
"""What its file says that a session waits for; until 2.1.197 also a question was a permission prompt."""


def begin(session: Session, file: SessionFile, at: int, *, again: bool, turned: bool) -> None:
    """Have a session that is discovered by its file be as that says.

    Args:
        session: the session.
        file: its file.
        at: ms since 1970.
        again: whether it was there before; its process can turn back to it.
        turned: whether its process worked on another session until now, as before ``/clear`` and ``/resume``.
    """
    now = session.world.now
    session.pid, session.process = file.pid, file.process
    session.run = f"{file.process}:{at}" if again else file.process
    session.started_at = at if turned else file.started_at or at
    session.file_started_at = by_now(file.started_at, now)
    session.since = min((file.status and file.status_updated_at) or session.started_at, now)
    session.name, session.version, session.entrypoint = file.name, file.version, file.entrypoint
    session.kind, session.job_id = file.kind, file.job_id
    session.state = _STATES.get(file.status or "", "idle")
    session.waiting_for = _WAITING.get(file.waiting_for, file.waiting_for) if file.waiting_for else None


def apply(session: Session, file: SessionFile, at: int) -> None:
    """Take a session file that is new or changed."""
    before = session.files.get(file.pid)
    session.files[file.pid], session.restored, session.moved_to = file, False, None
    session.shared = session.shared or len(session.files) > 1
    if file.name and before is None and len(session.files) == 1:
        session.rename(file.name, at, "session_file")
    elif file.name and before is not None and before.name != file.name:
        _rename_later(session, file.pid, file.name, at)
    follow(session, at, file)


def _rename_later(session: Session, pid: int, name: str, at: int) -> None:
    def rename() -> None:
        now = session.files.get(pid)
        if now is not None and now.name == name:
            session.rename(name, at, "session_file")

    session.later(NAME_WAIT, rename)


def follow(session: Session, at: int, new: SessionFile | None = None) -> None:
    """Have a session be as its files say; of several processes the one that needs its owner most counts.

    Args:
        session: the session; at least one process works on it.
        at: ms since 1970 of the change.
        new: the file that changed, None where one went.
    """
    file = min(session.files.values(), key=lambda one: _RANKS.get(one.status or "", len(_RANKS)))
    if not session.file_started_at or (session.process != file.process and not session.shared):
        session.file_started_at = by_now(file.started_at, session.world.now)
    session.pid, session.process = file.pid, file.process
    session.run = session.run or file.process
    session.kind, session.job_id = file.kind or session.kind, file.job_id
    session.cwd = file.cwd or session.cwd
    session.version = file.version or session.version
    session.entrypoint = file.entrypoint or session.entrypoint
    when = (new is file and file.status_updated_at) or at
    if file.status == "waiting" and len(session.files) > 1:
        when = max(when, session.since)  # it waits, whatever another process did later
    if new is None or new is file or session.status != file.status:
        _status(session, file, when)


def _status(session: Session, file: SessionFile, when: int) -> None:
    before, session.status = session.status, file.status
    if before == "busy" and file.status != "busy":
        session.turns.rest()
    state = _STATES.get(file.status or "")
    if state is None or (state == "idle" and session.state == "failed"):
        return
    if state == "requires_action":
        _waits(session, file, when)
    elif state == "idle" and session.state == "background":
        _idle_after_background(session, when)
    else:
        session.set_state(state, when, "session_file")


def _idle_after_background(session: Session, at: int) -> None:
    """What was in the background is over, of which Claude is told: it mostly goes on after some 20 ms."""

    def idle() -> None:
        if session.status == "idle" and session.state == "background":
            session.set_state("idle", at, "session_file")

    session.later(STATUS_WAIT, idle)


def _waits(session: Session, file: SessionFile, at: int) -> None:
    """The file does not say which call waits; where there is but one, it is that. No agent at work waits itself."""
    if session.state == "requires_action":
        return
    waiting = _WAITING.get(file.waiting_for or "", file.waiting_for or "permission")
    at_work = {agent.parent_tool_use_id for agent in session.agents.all.values()}
    calls = [tool for tool in session.tools.open.values() if tool.id not in at_work]
    if waiting == "question":  # Claude's, or that of an MCP server which works on a call
        asked = [tool for tool in calls if tool.name == QUESTION]
        if not asked and any(tool.name.startswith("mcp__") for tool in calls):
            waiting = "elicitation"
        calls = asked
    tool = calls[0].waiting() if len(calls) == 1 and waiting in ("permission", "question") else None
    if tool is not None:
        waiting = waiting_for(tool.name)
    session.set_state("requires_action", at, "session_file", waiting_for=waiting, tool=tool)
