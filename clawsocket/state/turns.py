"""A session's turns: from a prompt to the end of its answer, one ``message.result`` each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from clawsocket.protocol.events import MessageResult
from clawsocket.state.clock import by_now, remember
from clawsocket.state.usage import Tokens

if TYPE_CHECKING:
    from clawsocket.state.session import Session

WAIT = 500
"""ms that the end of a turn waits for the last lines of its transcript."""

SETTLED = 100
"""ms that it waits when its last line seems to be there: a message can have several."""

QUIET = 1500
"""ms without a line after which an answer that seems whole is over, where nothing else says so."""


class Turn(msgspec.Struct):
    """From a prompt to the end of its answer.

    Attributes:
        live: whether any of it happened while we watched.
        final: its last line so far is the end of an answer.
        stopped: Stop or StopFailure came.
        done: its Stop hooks are over, and none had it go on.
        part: how often it went on, by a Stop hook or a ``!`` command.
    """

    prompt_id: str
    started_at: int
    live: bool = False
    results: int = 0
    messages: int = 0
    last_at: int = 0
    final: bool = False
    stopped: bool = False
    done: bool = False
    error: bool = False
    interrupted: bool = False
    part: int = 0
    duration_ms: int | None = None
    tokens: Tokens = msgspec.field(default_factory=Tokens)

    @property
    def empty(self) -> bool:
        """Whether nothing was done in it, as after a local command."""
        return not (self.messages or self.stopped or self.error or self.interrupted)


class Turns:
    """The turns of a session, by prompt id.

    Attributes:
        open: those that have not ended.
        count: the sum of their ``numTurns``.
        busy_ms: the sum of their durations.
    """

    def __init__(self, session: Session) -> None:
        """Start without any."""
        self._session = session
        self.open: dict[str, Turn] = {}
        self.count = 0
        self.busy_ms = 0
        self._over: dict[str, int] = {}  # each with its last part
        self._ended_at = 0
        self._between = Tokens()

    def get(self, prompt_id: str | None, at: int) -> Turn | None:
        """Return the turn of a prompt, which is begun if it is new; None if it is over."""
        key = prompt_id or ""
        if key and key in self._over:
            return None
        turn = self.open.get(key) or self._begin(Turn(key, at))
        turn.live = turn.live or not self._session.silent
        return turn

    def _begin(self, turn: Turn) -> Turn:
        """Have a turn, with what subagents have spent since the one before."""
        turn.tokens, self._between = self._between, turn.tokens
        self.open[turn.prompt_id] = turn
        return turn

    def tokens(self, prompt_id: str, at: int) -> Tokens | None:
        """Return the turn's sum that a message counts for, None for none.

        A subagent in the background works on when its turn is over: that counts for the turn that is open then, or for
        the next. What is older than the last end was counted in its time, or was read too late for that.

        Args:
            prompt_id: what it was made for.
            at: ms since 1970.
        """
        began = (turn for turn in reversed(self.open.values()) if turn.started_at <= at)
        turn = self.open.get(prompt_id) or next(began, None)
        if turn is not None:
            return turn.tokens
        return self._between if at > self._ended_at else None

    def set_back(self, now: int) -> None:
        """Learn that the clock may have been set back: nothing ended later than now."""
        self._ended_at = by_now(self._ended_at, now)

    def current(self, prompt_id: str) -> Turn | None:
        """Return the open turn of a prompt, of which something more is seen."""
        turn = self.open.get(prompt_id)
        if turn is not None:
            turn.live = turn.live or not self._session.silent
        return turn

    def follow(self, prompt_id: str, at: int) -> None:
        """Begin a turn that has the id of the one before, if that is over or answered."""
        before = self.open.get(prompt_id)
        if before is not None and before.final:
            self._end(before)
        if prompt_id in self._over:
            self.go_on(prompt_id, at)

    def go_on(self, prompt_id: str, at: int) -> None:
        """Learn that a turn goes on; if it was told as over, what comes is told as a turn of its own."""
        turn = self.open.get(prompt_id)
        if turn is None:
            turn = self._begin(Turn(prompt_id, at, part=self._over.pop(prompt_id, 0)))
        turn.live = turn.live or not self._session.silent
        turn.stopped = turn.final = False
        turn.part += 1

    def check(self, turn: Turn) -> None:
        """End a turn soon if its end was told and its last lines were seen, and at the latest after a while.

        As long as the session's file says that it works on, a Stop hook may yet have it go on. When the hooks are over
        it means the members of its team, and the line with the turn's duration may not come.
        """
        rests = self._session.status != "busy"

        def end() -> None:
            over = turn.done or self._session.status != "busy"
            if turn.error or ((turn.stopped or turn.final) and over):
                self.end(turn)

        self._session.later((SETTLED if rests else QUIET) if turn.stopped and turn.final else WAIT, end)

    def superseded(self, turn: Turn) -> None:
        """End a turn whose end was told, since the next prompt came; its last lines may be on their way still."""
        if turn.final:
            self.end(turn)
        else:
            self._session.later(WAIT, lambda: self.end(turn))

    def rest(self) -> None:
        """Learn that the session's file does not say any more that it works: turns whose end was told are over."""
        for turn in self.open.values():
            self.check(turn)

    def end(self, turn: Turn) -> None:
        """Send ``message.result``, once for each turn in which anything was done.

        While a transcript of its session, as a subagent's, has more to tell, it may be of this turn.
        """
        part = turn.part
        if not self._session.silent and self._session.world.is_behind(self._session.id):
            self._session.later(SETTLED, lambda: self.end(turn) if turn.part == part else None)
        else:
            self._end(turn)

    def _end(self, turn: Turn) -> None:
        if self.open.get(turn.prompt_id) is not turn:
            return
        del self.open[turn.prompt_id]
        if turn.prompt_id and (turn.part or not turn.empty):
            remember(self._over, turn.prompt_id, turn.part)
        if turn.empty:
            turn.tokens.merge(self._between)
            self._between = turn.tokens
            return
        at = max(turn.last_at, turn.started_at)
        self._ended_at = max(self._ended_at, at)
        duration = turn.duration_ms if turn.duration_ms is not None else at - turn.started_at
        self.busy_ms += duration
        self.count += turn.results + 1
        session = self._session
        session.usage_changed = True
        data = MessageResult(
            subtype="interrupted" if turn.interrupted else "error_during_execution" if turn.error else "success",
            duration_ms=duration,
        )
        if session.has_transcript:  # nothing else knows
            data.num_turns = turn.results + 1
            data.total_cost_usd, data.usage = turn.tokens.usd, turn.tokens.as_dict()
        if turn.live:
            id = f"r:{session.id}:{turn.prompt_id or at}" + (f":{turn.part}" if turn.part else "")
            session.emit("message.result", data, id=id, at=at, source=session.told_by)

    def end_all(self, at: int) -> None:
        """End every turn: the session is over."""
        for turn in list(self.open.values()):
            turn.last_at = turn.last_at or at
            turn.live = turn.live or turn.started_at >= self._session.started_at
            unfinished = turn.messages and not (turn.final or turn.stopped or turn.error)
            turn.interrupted = turn.interrupted or bool(unfinished)
            if unfinished and self._session.state in ("running", "requires_action"):
                turn.last_at = at
            self._end(turn)
