"""Hooks that wait until it is known whose they are: for the file of their session, or for the fork that they begin."""

from __future__ import annotations

from collections.abc import Callable

from clawsocket.claude.observations import HookSeen
from clawsocket.state.clock import Clock
from clawsocket.state.session import Session

FILE_WAIT = 500
"""ms that the first hooks of a session wait for its file: it appears 1 to 20 ms after SessionStart fires, and up to 400
on a busy machine."""

MANY = 50
"""Hooks of a session that has no file which are held: with more it does not just begin, and memory is not for them."""

FORK_WAIT = 2000
"""ms more that the SessionStart of a resumed session waits where a process just began: it may be that, or a fork.
The file of ``--continue`` takes the id of the session a moment later; a fork's gets a status and keeps its own."""

BEGINS = 10_000
"""ms after the start of a process in which its SessionStart comes."""


class Held:
    """The hooks of sessions that are not known yet.

    Attributes:
        hooks: by the session that they name, each in the order in which they came.
    """

    def __init__(
        self,
        world: Clock,
        sessions: dict[str, Session],
        begin: Callable[[HookSeen], None],
        take: Callable[[Session, HookSeen], None],
    ) -> None:
        """Hold nothing yet.

        Args:
            world: gives the time.
            sessions: those that are known.
            begin: takes a hook of the session that it names, which begins with it if need be.
            take: takes a hook of a session that is known.
        """
        self.hooks: dict[str, list[HookSeen]] = {}
        self._world, self._sessions, self._begin, self._take = world, sessions, begin, take

    def hold(self, seen: HookSeen) -> None:
        """Keep a hook until the file of its session is there, for a while."""
        session_id = seen.hook.session_id
        held = self.hooks.setdefault(session_id, [])
        held.append(seen)
        if len(held) == 1:
            self._world.later(FILE_WAIT, lambda: self._waited(session_id))
        elif len(held) > MANY:
            self.release(session_id)

    def release(self, session_id: str) -> None:
        """Have the session that hooks name take them."""
        for seen in self.hooks.pop(session_id, ()):
            self._begin(seen)

    def begin_fork(self, session: Session) -> None:
        """Give a fork its SessionStart, which names the session that it forks: that one does not begin again."""
        for session_id in [one for one in self.hooks if self._forks(session, one)]:
            for seen in self.hooks.pop(session_id):
                self._take(session, seen)

    def _waited(self, session_id: str) -> None:
        """Release the hooks of a session that has no file, unless it may be another session's that they tell of."""
        begins = [one for one in self._sessions.values() if self._forks(one, session_id)]
        for session in begins:
            if session.status is not None:
                self.begin_fork(session)
                return
        if begins:
            self._world.later(FORK_WAIT, lambda: self.release(session_id))
        else:
            self.release(session_id)

    def _forks(self, session: Session, session_id: str) -> bool:
        """Whether a session just began that has no SessionStart yet, and that of another, held back, may be its own."""
        seen, *more = self.hooks.get(session_id, (None,))
        if seen is None or more or session.begun or not session.files or seen.hook.cwd != session.cwd:
            return False
        is_resumed = seen.hook.hook_event_name == "SessionStart" and seen.hook.source == "resume"
        return is_resumed and abs(seen.at - session.file_started_at) < BEGINS
