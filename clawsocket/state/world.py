"""All sessions: which observation belongs to which, how they appear and how they end.

Pure: nothing here reads a clock, a file or a socket. The caller says what time it is with each observation, and calls
:meth:`World.expire` when :attr:`World.due` has come.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from typing import Any

from clawsocket.claude.hook_events import CHECK
from clawsocket.claude.observations import (
    AgentMetaSeen,
    HookSeen,
    LineSeen,
    Observation,
    SessionFileSeen,
    SessionGone,
    StatusLineSeen,
    Trouble,
)
from clawsocket.claude.session_file import SessionFile
from clawsocket.protocol.envelope import Event, Source
from clawsocket.protocol.events import SessionDiscovered, SessionEnded, SessionRemoved, SystemCheck, SystemError
from clawsocket.protocol.models import AgentState, SessionInfo, SessionUsage, TotalUsage
from clawsocket.state import files, hooks, lines
from clawsocket.state.clock import STEP
from clawsocket.state.gauges import newest
from clawsocket.state.held import Held
from clawsocket.state.prices import Prices
from clawsocket.state.saved import Saved
from clawsocket.state.session import Session
from clawsocket.state.usage import Book, total_usage

GRACE = 150
"""ms between the last sign of a session and its end, for lines that trail."""

LEAVING = 3000
"""ms that the end of a session waits for SessionEnd at most while its process, whose file is gone, still lives."""

LATE = 1000
"""ms after something came of a session that has ended, after which what it left open is closed."""

PAST = 100
"""Number of sessions that ended and are remembered, for what trails and for questions."""

TRAIL = 10_000
"""ms after the end of a session in which what comes of it still belongs to that run."""


class World:
    """Every session that is known.

    Attributes:
        now: ms since 1970, as the caller said last.
        sessions: those that have not ended, by id.
        past: the last ones that ended.
        ended: those that ended shortly before the run of the program before this one did, as they were: of what trails
            their end, some may be told only now, or again.
        book: every message that was paid for; it may be replaced before anything is observed, for other prices.
        is_told: tells of the id of an event whether clients were told of it already, however long ago.
        lives: tells of a process whether it lives.
        is_behind: tells of a session whether its files hold more than was told of it yet; neither it nor a turn of it
            ends before.
        on_unknown_agent: called with a session and a subagent of it whose start is told before the file that says what
            it is was seen, to take that if it is there.
        on_end: called with a session that ends, to take what its files still hold.
        on_removed: called with a session that was removed.
        on_unheard: called with a session that is discovered after older lines of it were told in vain; returns
            whether all of its lines will be told again, from the first one.
    """

    def __init__(self, *, end_wait: int = 500, linger: int = 60_000, silence: int = 1_800_000) -> None:
        """Know nothing yet.

        Args:
            end_wait: ms to wait for SessionEnd after a session's file went, and the other way round.
            linger: ms that a session without a file stays after SessionEnd.
            silence: ms of silence after which a session without a file is removed.
        """
        self.now = 0
        self.sessions: dict[str, Session] = {}
        self.past: dict[str, Session] = {}
        self.ended: dict[str, Saved] = {}
        self.book = Book(Prices())
        self._end_wait, self._linger, self._silence = end_wait, linger, silence
        self._events: list[Event] = []
        self._timers: list[tuple[int, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self._stirred: dict[Session, None] = {}
        self._held = Held(self, self.sessions, self._begin, self._take_hook)
        # Sessions that have a process and were not begun yet, or went on elsewhere: their SessionStart, if it came.
        self._standing_by: dict[str, HookSeen | None] = {}
        self._unheard: set[str] = set()  # sessions that were not known when something older of them was told
        self._early_lines: dict[str, StatusLineSeen] = {}  # the newest of sessions that are not known yet
        self._takers: dict[type[Observation], Callable[[Any], None]] = {
            HookSeen: self._hook,
            LineSeen: self._line,
            SessionFileSeen: self._file,
            SessionGone: self._gone,
            AgentMetaSeen: self._meta,
            StatusLineSeen: self._status_line,
            Trouble: self._trouble,
        }
        self.is_told: Callable[[str], bool] = lambda _id: False
        self.lives: Callable[[int], bool] = lambda _pid: False
        self.is_behind: Callable[[str], bool] = lambda _session_id: False
        self.on_unknown_agent: Callable[[str, str], None] = lambda _session_id, _agent_id: None
        self.on_end: Callable[[str], None] = lambda _session_id: None
        self.on_removed: Callable[[str], None] = lambda _session_id: None
        self.on_unheard: Callable[[str], bool] = lambda _session_id: False

    # For the sessions

    def put(self, event: Event) -> None:
        """Take an event of a session."""
        self._events.append(event)

    def later(self, delay: int, action: Callable[[], None]) -> None:
        """Call ``action`` ``delay`` ms from now."""
        heapq.heappush(self._timers, (self.now + delay, next(self._count), action))

    def stir(self, session: Session) -> None:
        """Note that a session's levels may have changed, so that :meth:`flush` tells them."""
        self._stirred[session] = None

    # For the caller

    def find(self, session_id: str) -> Session | None:
        """Return a session that is known, also one that ended lately."""
        return self.sessions.get(session_id) or self.past.get(session_id)

    def forget(self, session_id: str) -> list[Event]:
        """Forget a session, and what it spent; one that has a process lives on.

        Returns:
            That it was removed, if it was there.
        """
        session = self.sessions.get(session_id)
        if session is not None and session.pid is None:
            self._remove(session)
        self.ended.pop(session_id, None)
        session = self.past.pop(session_id, None)
        if session is not None:
            self._stirred.pop(session, None)
            self.book.forget(session.ledger)
        return self._take()

    def unseen(self) -> list[SessionGone]:
        """Return those of the run of the program before this one that had a process, which nobody has seen since."""
        lost = [one for one in self.sessions.values() if one.restored and one.pid is not None]
        return [SessionGone(one.id, one.pid, one.last_at, "process_exited") for one in lost if one.pid is not None]

    @property
    def due(self) -> int | None:
        """When :meth:`expire` has something to do, ms since 1970; None if nothing waits."""
        return self._timers[0][0] if self._timers else None

    def apply(self, seen: Observation, now: int) -> list[Event]:
        """Take an observation.

        Args:
            seen: what a source saw.
            now: ms since 1970.

        Returns:
            The facts and states that follow, in order; usage and agents come with :meth:`flush`.
        """
        self._set_now(now)
        self._takers[type(seen)](seen)
        return self._take()

    def expire(self, now: int) -> list[Event]:
        """Do what has waited long enough; return the events that follow."""
        self._set_now(now)
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)[2]()
        return self._take()

    def flush(self) -> list[Event]:
        """Return the levels that changed since the last call: usage and agents, one event for each session and kind."""
        for session in self._stirred:
            session.flush()
        self._stirred.clear()
        return self._take()

    def caught_up(self, session_id: str) -> list[Event]:
        """Learn that a session's older lines have all been read silently; return what clients don't know yet."""
        session = self.sessions.get(session_id)
        if session is not None:
            session.tell_state("transcript")
            session.tell_name(session.last_at, "transcript")
            self.stir(session)
        return self._take()

    def restore(self, saved: Saved, past: list[HookSeen], now: int) -> None:
        """Take in a session of the run of the program before this one, which clients know.

        Args:
            saved: the session as it was.
            past: its hooks, silent.
            now: ms since 1970.
        """
        self._set_now(now)
        session = self._restored(saved)
        self.sessions[session.id] = session
        for seen in past:
            self._take_hook(session, seen)
        session.restore(saved.info, begun=saved.begun)
        self._stirred.pop(session, None)
        self._events.clear()
        if session.state == "ended":
            self._linger_on(session, session.since + self._linger - now)
        elif session.pid is None:
            self._watch_silence(session)

    def clear(self) -> None:
        """Forget what was restored, where nothing was observed yet; or all, at the end."""
        self.book.clear()
        self.sessions.clear()
        self._stirred.clear()
        self._timers.clear()

    def _restored(self, saved: Saved) -> Session:
        session = Session(saved.info.session_id, self, cwd=saved.info.cwd, at=saved.info.started_at)
        session.pid, session.run, session.file_started_at = saved.info.pid, saved.run, saved.file_started_at
        session.process = saved.process or saved.run
        session.before, session.shared = {session.process, *saved.others}, bool(saved.others)
        session.gauges.started_as, session.gauges.window = saved.started_as, saved.window
        return session

    def snapshot(self) -> tuple[list[SessionInfo], list[AgentState]]:
        """Return all sessions and agents as they are."""
        sessions = list(self.sessions.values())
        agents = [session.agents.state(agent) for session in sessions for agent in session.agents.all.values()]
        return [session.info() for session in sessions], agents

    def session_list(self, all: bool) -> list[SessionInfo]:
        """Return the sessions, with ``all`` those that ended lately too."""
        past = [session.info() for session in self.past.values() if not session.is_phantom] if all else []
        return past + [session.info() for session in self.sessions.values()]

    def usage(self, session_id: str | None) -> SessionUsage | TotalUsage | None:
        """Return the usage of a session, None if it is not known, or that of all."""
        if session_id is None:
            sessions = [one for one in (*self.past.values(), *self.sessions.values()) if not one.is_phantom]
            total = total_usage([session.ledger for session in sessions])
            limits = (limit for session in sessions for limit in session.gauges.limits.values())
            total.rate_limits = newest(limits) or None
            return total
        session = self.find(session_id)
        return session.usage() if session else None

    @property
    def holds_hooks(self) -> bool:
        """Whether hooks wait for the file of their session; nothing was made of them yet."""
        return bool(self._held.hooks)

    # Observations

    def _set_now(self, now: int) -> None:
        """Take the time. A clock that was set back takes along what waits, or it would wait for as long again.

        So it does with what sessions know the times of, or they would take what comes for old.
        """
        back = self.now - now
        if back > 0 and self._timers:
            self._timers = [(due - back, count, action) for due, count, action in self._timers]
        self.now = now
        if back > STEP:
            for session in (*self.sessions.values(), *self.past.values()):
                session.set_back()

    def _session(self, session_id: str, at: int, *, again: bool = False) -> Session | None:
        """Return the session that something of a moment belongs to: a live one, or one that ended and still trails.

        None where it is not known, or ended long before, or begins ``again``: then it is discovered anew.
        """
        session = self.find(session_id)
        if session is None or session.state != "ended":
            return session
        return None if at > session.last_at + (0 if again else TRAIL) else session

    def _revive(self, session_id: str, at: int, *, again: bool = False) -> Session | None:
        """Return the session that something of a moment belongs to if it ended in the run of the program before."""
        saved = self.ended.pop(session_id, None)
        if saved is None:
            return None
        session = self._restored(saved)
        session.restore(saved.info, begun=saved.begun)
        session.restored = False  # nobody looks for its process
        self._unheard.add(session_id)
        self._bury(session)
        return self._session(session_id, at, again=again)

    def _line(self, seen: LineSeen) -> None:
        if seen.line.forked_from is not None and not (seen.silent or seen.follows):
            return
        is_note = seen.line.uuid is None  # which tells neither that something happened, nor where
        if seen.session_id in self._held.hooks and not (seen.silent or is_note):
            self._held.release(seen.session_id)
        session = self._session(seen.session_id, seen.at)
        if session is None:
            if seen.silent or is_note:
                self._unheard.add(seen.session_id)
                return
            session = self._revive(seen.session_id, seen.at) or self._discover(
                seen.session_id, seen.line.cwd or "", seen.at, "transcript"
            )
            if self._hear_again(seen.session_id):
                return
        may_be_copy = not (seen.silent or seen.follows or session.is_past_copies)
        if may_be_copy and seen.at < session.copied_before:
            return
        agent_id = seen.agent_id or (seen.line.agent_id if seen.line.is_sidechain else None)
        session.silent = seen.silent
        lines.apply(session, agent_id, seen.line, seen.at)
        session.silent = False
        if not seen.silent:
            self._happened(session)

    def _hook(self, seen: HookSeen) -> None:
        hook = seen.hook
        if hook.hook_event_name == CHECK:
            data = SystemCheck(check_id=hook.session_id)
            self.put(Event("system.check", seen.at, "", f"h:{seen.id}", "hook", data))
            return
        session = self._session(hook.session_id, seen.at, again=hook.hook_event_name == "SessionStart")
        if session is not None:
            if self._held.hooks and hook.hook_event_name != "SessionStart":
                self._held.begin_fork(session)
            self._take_hook(session, seen)
        elif hook.session_id in self._standing_by and hook.hook_event_name != "UserPromptSubmit":
            if hook.hook_event_name == "SessionStart":
                self._standing_by[hook.session_id] = seen
            self.put(hooks.told(seen, hook.session_id))
        else:
            self._held.hold(seen)

    def _begin(self, seen: HookSeen) -> None:
        """Take a hook that was held, with which its session begins if it is still not known."""
        session_id, name = seen.hook.session_id, seen.hook.hook_event_name
        again = name == "SessionStart"
        session = self._session(session_id, seen.at, again=again) or self._revive(session_id, seen.at, again=again)
        if session is not None:
            self._take_hook(session, seen)
        elif name == "SessionEnd":  # of one that ended before, or was never begun
            self.put(hooks.told(seen, session_id))
        else:
            session = self._discover(session_id, seen.hook.cwd or "", seen.at, "hook")
            self._hear_again(session_id)
            self._take_hook(session, seen)

    def _take_hook(self, session: Session, seen: HookSeen) -> None:
        session.silent = seen.silent
        hooks.apply(session, seen)
        session.silent = False
        self._happened(session)
        if seen.hook.hook_event_name == "SessionEnd" and session.end_reason is not None and session.state != "ended":
            self._end_later(session)

    def _happened(self, session: Session) -> None:
        """Note that something happened in a session; what trails its end may have opened what nobody will close."""
        self.stir(session)
        if session.state == "ended":
            self.later(LATE, lambda: session.settle() if session.state == "ended" else None)

    def _meta(self, seen: AgentMetaSeen) -> None:
        session = self.find(seen.session_id)
        if session is None:
            self._unheard.add(seen.session_id)
            return
        agent = session.agents.get(seen.agent_id, seen.at, seen.meta.agent_type)
        agent.type = seen.meta.agent_type or agent.type
        agent.description = seen.meta.description or agent.description
        agent.parent_tool_use_id = seen.meta.tool_use_id or agent.parent_tool_use_id
        agent.background = seen.meta.request_shape == "background" or agent.background
        agent.cwd = seen.meta.worktree_path or seen.meta.inherited_worktree_path or agent.cwd
        session.touch(agent, seen.at)
        if not agent.announced:
            session.silent = seen.silent
            session.agents.begin(agent, seen.at, "transcript")
            session.agents.announce(agent)  # nothing else is to come, whatever that file lacks
            session.silent = False
        if not seen.silent:
            self._happened(session)

    def _file(self, seen: SessionFileSeen) -> None:
        file = seen.file
        if file.spare or file.parked_job_id is not None:
            self._stand_by(file, seen.at)
            return
        session = self.sessions.get(file.session_id)
        if session is not None and session.restored and file.process not in session.before:
            session.gone_reason = "process_exited"
            self._end(session)
        if session is not None and session.ending and not session.files and session.pid != file.pid:
            self._end(session)
        if session is None or session.state == "ended":
            session = self._discover(file.session_id, file.cwd, seen.at, "session_file", file)
            self._hear_again(session.id)
        files.apply(session, file, seen.at)
        self._happened(session)
        self._held.release(session.id)
        if file.status is not None:
            self._held.begin_fork(session)

    def _stand_by(self, file: SessionFile, at: int) -> None:
        """Take the file of a process that works on nothing of its own: it has no session yet, or none any more."""
        self._leave(SessionGone(file.session_id, file.pid, at, "cleared"))
        session = self.sessions.get(file.session_id)
        if session is not None and not session.files:
            session.moved_to = file.parked_job_id
            if session.pid is None and not session.turns.open:  # its SessionStart came long before its file
                session.gone_reason = "cleared"
                self._end(session)
        self._standing_by.setdefault(file.session_id)
        for seen in self._held.hooks.pop(file.session_id, ()):
            self._hook(seen)

    def _status_line(self, seen: StatusLineSeen) -> None:
        session = self._session(seen.line.session_id, seen.at)
        if session is not None:
            session.gauges.lined(seen.line, seen.at)
        elif seen.at > self.now - TRAIL:
            self._early_lines[seen.line.session_id] = seen
            if len(self._early_lines) > PAST:
                del self._early_lines[next(iter(self._early_lines))]

    def _trouble(self, seen: Trouble) -> None:
        data = SystemError(source=seen.source, message=seen.message, recoverable=seen.recoverable)
        self.put(Event("system.error", seen.at, "", f"e:{seen.at}:{next(self._count)}", "server", data))

    # Appearing and ending

    def _discover(self, session_id: str, cwd: str, at: int, source: Source, file: SessionFile | None = None) -> Session:
        if session_id in self.sessions:
            self._remove(self.sessions[session_id])
        session = self.past.pop(session_id, None) or Session(session_id, self, cwd=cwd, at=at)
        again = session.state == "ended" or self.ended.pop(session_id, None) is not None
        if session.state == "ended":
            session.restart(at)
        elif self.is_told(f"s:{session_id}:{file.process if file else ''}:removed"):
            again, session.run = True, str(at)  # it ended long before, perhaps in another run of the service
        session.cwd = cwd or session.cwd
        self.sessions[session_id] = session
        if file is not None:
            known = (*self.sessions.values(), *self.past.values())
            turned = any(one.process == file.process for one in known)
            files.begin(session, file, at, again=again, turned=turned)
        session.told_name = session.name
        data = SessionDiscovered(
            pid=session.pid,
            session_id=session_id,
            cwd=session.cwd,
            started_at=session.started_at,
            name=session.name,
            kind=session.kind,
            job_id=session.job_id,
            entrypoint=session.entrypoint,
            version=session.version,
        )
        session.emit("session.discovered", data, id=f"s:{session_id}:{session.run}", at=at, source=source)
        session.tell_state(source)
        line = self._early_lines.pop(session_id, None)
        if line is not None:
            session.gauges.lined(line.line, line.at)
        if file is None:
            self._watch_silence(session)
        start = self._standing_by.pop(session_id, None)
        if start is not None:
            hooks.take(session, start)
        return session

    def _hear_again(self, session_id: str) -> bool:
        """Ask for what was told of a session before it was known; return whether all of its lines come again."""
        if session_id not in self._unheard:
            return False
        self._unheard.remove(session_id)
        return self.on_unheard(session_id)

    def _watch_silence(self, session: Session) -> None:
        """Remove a session without a file when nothing has come of it for long."""

        def look() -> None:
            if session.pid is not None or self.sessions.get(session.id) is not session:
                return
            left = session.last_at + self._silence - self.now
            if left > 0:
                self.later(left, look)
            else:
                session.gone_reason = "silent"
                self._end(session)

        self.later(self._silence, look)

    def _gone(self, seen: SessionGone) -> None:
        self._standing_by.pop(seen.session_id, None)
        self._leave(seen)

    def _leave(self, seen: SessionGone) -> None:
        session = self.sessions.get(seen.session_id)
        if session is None or (session.files.pop(seen.pid, None) is None and session.pid != seen.pid):
            return
        session.restored = False
        session.last_at = max(session.last_at, seen.at)
        if session.files:
            files.follow(session, seen.at)
            self._happened(session)
            return
        session.gone_reason = seen.reason
        self._end_later(session)

    def _end_later(self, session: Session) -> None:
        """A session ends when its process is gone and its SessionEnd has come, or after waiting for the other.

        SessionEnd does not say which process left: as long as one is there, the session goes on.
        """
        session.ending = True
        both = session.gone_reason is not None and session.end_reason is not None
        wait = GRACE if both or session.pid is None else self._end_wait
        latest = self.now + LEAVING

        def end() -> None:
            if self.sessions.get(session.id) is not session or not session.ending:
                return
            if session.files:
                session.ending = False
                session.end_reason = None if session.shared else session.end_reason
            elif self.is_behind(session.id) or (self.now < latest and self._is_leaving(session)):
                self.later(GRACE, end)
            else:
                self._end(session)

        self.later(wait, end)

    def _is_leaving(self, session: Session) -> bool:
        """Tell whether its process has taken its file away and may yet tell of the end."""
        is_told = session.end_reason is not None or session.gone_reason != "file_removed"
        return not is_told and session.pid is not None and self.lives(session.pid)

    def _end(self, session: Session) -> None:
        if session.state == "ended":
            return
        self.on_end(session.id)
        session.settle()
        usage = session.usage()
        data = SessionEnded(
            reason=session.end_reason or session.gone_reason or "other",
            job_id=session.moved_to,
            duration_ms=max(0, session.last_at - session.started_at),
            usage=usage if usage.model_breakdown else None,
        )
        session.emit(
            "session.ended", data, id=f"s:{session.id}:{session.run}:ended", at=session.last_at, source="server"
        )
        if session.pid is None and session.gone_reason is None:
            self._linger_on(session, self._linger)
        else:
            self._remove(session)

    def _linger_on(self, session: Session, left: int) -> None:
        """Remove a session that ended, in so many ms; it may be resumed until then."""
        run = session.run
        self.later(left, lambda: self._remove(session) if session.run == run else None)

    def _remove(self, session: Session) -> None:
        if self.sessions.get(session.id) is not session:
            return
        del self.sessions[session.id]
        self._bury(session)
        reason = session.gone_reason or "manual"
        data = SessionRemoved(session_id=session.id, reason=reason)
        id = f"s:{session.id}:{session.run}:removed"
        session.emit("session.removed", data, id=id, at=session.last_at, source="server")
        self.on_removed(session.id)

    def _bury(self, session: Session) -> None:
        self.past[session.id] = session
        if len(self.past) > PAST:
            self.book.forget(self.past.pop(next(iter(self.past))).ledger)

    def _take(self) -> list[Event]:
        events, self._events = self._events, []
        return events
