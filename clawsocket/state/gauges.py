"""How full a session's context window is, and how much of the account's limits is used.

The context is that of the newest answer of the main agent: by the usage in its transcript, or by what Claude Code gives
its status line, which counts alike and knows the window; where there is a status line, it alone tells. The limits of
the account are told by nothing else. An idle session repeats what its last answer told: a limit is as old as that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, get_args

from clawsocket.claude.context_windows import window
from clawsocket.claude.status_line import ContextWindow, Limit, StatusLine
from clawsocket.claude.transcript import Usage
from clawsocket.protocol.envelope import Source
from clawsocket.protocol.events import UsageRateLimit
from clawsocket.protocol.models import Context, LimitType, RateLimit
from clawsocket.state.clock import by_now

if TYPE_CHECKING:
    from clawsocket.state.session import Session

LINE_WAIT = 3000
"""ms after an answer in which its status line comes, if one is still there: Claude Code waits for 300 ms."""


class Gauges:
    """The context and the limits of one session.

    Attributes:
        context: how full it is; None: nothing is known.
        limits: what the session told last, by type.
        started_as: the model as SessionStart named it.
        window: tokens that it has room for, as a status line told.
    """

    def __init__(self, session: Session) -> None:
        """Know nothing yet."""
        self._session = session
        self.context: Context | None = None
        self.limits: dict[LimitType, RateLimit] = {}
        self.started_as = ""
        self._told: Context | None = None
        self._count = 0
        self._cause: tuple[int, Source] = (0, "transcript")
        self._limits_to_tell: dict[LimitType, None] = {}
        self._line_at = 0
        self.window: int | None = None
        self._official: Context | None = None  # what it told last
        self._answering: float | None = None  # how long the answers took, as the status line told it last

    def restart(self) -> None:
        """Begin a new run of the session, which may be one without a status line."""
        self._line_at, self.window, self._answering, self.started_as = 0, None, None, ""
        self._official = None

    def restore(self, context: Context | None, limits: Sequence[RateLimit]) -> None:
        """Be as clients know it."""
        self.context = self._told = context
        self._count = self._session.world.now  # past those of the run before
        self._official = context if context is not None and context.official else None
        if self._official is not None:
            self.window = self._official.tokens_max
        self.limits = {limit.type: limit for limit in limits}
        self._limits_to_tell = {}

    def set_back(self) -> None:
        """Learn that the clock may have been set back: nothing that is known is later than now."""
        now = self._session.world.now
        self._line_at = by_now(self._line_at, now)
        for limit in self.limits.values():
            limit.updated_at = by_now(limit.updated_at, now)

    # What is seen

    def answered(self, model: str, usage: Usage, at: int) -> None:
        """Take an answer of the main agent."""
        tokens = usage.input_tokens + usage.cache_creation_input_tokens + usage.cache_read_input_tokens
        most = self.window or window(model, self.started_as, tokens)
        if tokens and most is not None:
            self._by_transcript(_context(tokens, most), at)

    def compacted(self, tokens: int, at: int) -> None:
        """Learn that the conversation was compacted, to about so many tokens."""
        if self.context is not None:
            self._by_transcript(_context(tokens, self.context.tokens_max), at)

    def lined(self, line: StatusLine, at: int) -> None:
        """Take what a status line was given."""
        if at < self._line_at:
            return
        self._line_at = min(at, self._session.world.now)
        if line.context_window is not None:
            self._by_status_line(line.context_window, at)
        took = line.cost.total_api_duration_ms if line.cost else None
        is_new = self._answering is not None and took != self._answering
        self._answering = took
        if line.rate_limits is not None:
            for type in get_args(LimitType):
                self._limit(type, getattr(line.rate_limits, type), at, is_new)
        self._session.world.stir(self._session)

    def _by_transcript(self, context: Context, at: int) -> None:
        """Take it at once, or where there is a status line, if that does not tell of it."""

        def take() -> None:
            official = self._official
            if official is not None and official.tokens_used == context.tokens_used:
                self._set(official, at, "status_line")  # the same answer, read again after a restart
            elif at > self._line_at:
                self._set(context, at, "transcript")

        if self._line_at and not self._session.silent:
            self._session.world.later(LINE_WAIT, take)
        else:
            take()

    def _by_status_line(self, told: ContextWindow, at: int) -> None:
        most, tokens, percent = told.context_window_size, told.total_input_tokens, told.used_percentage
        if not most:
            return
        self.window = most
        if told.current_usage is not None and tokens is not None and percent is not None:
            self._official = Context(percent_used=percent, tokens_used=tokens, tokens_max=most, official=True)
        elif self.context is not None:  # it was compacted, and there is no answer yet
            self._official = Context(percent_used=0, tokens_used=0, tokens_max=most, official=True)
        if self._official is not None:
            self._set(self._official, at, "status_line")

    def _set(self, context: Context, at: int, source: Source) -> None:
        self.context, self._cause = context, (at, source)
        if not self._session.silent:
            self._session.world.stir(self._session)

    def _limit(self, type: LimitType, told: Limit | None, at: int, is_new: bool) -> None:
        if told is None or told.used_percentage is None or told.resets_at is None:
            return
        percent, resets_at = round(told.used_percentage, 2), round(told.resets_at * 1000)
        known = self.limits.get(type)
        if known is None or (known.percent_used, known.resets_at) != (percent, resets_at):
            self._limits_to_tell[type] = None
        elif not is_new:
            return
        self.limits[type] = RateLimit(
            type=type, percent_used=percent, resets_at=resets_at, updated_at=at, official=True
        )

    # What is told

    def flush(self) -> None:
        """Send what is another than was sent last."""
        if self._session.silent:
            return
        if self.context is not None and self.context != self._told:
            self._told = self.context
            self._tell("usage.context", self.context, *self._cause)
        for type in self._limits_to_tell:
            limit = self.limits[type]
            data = UsageRateLimit(
                type=type, percent_used=limit.percent_used, resets_at=limit.resets_at, official=limit.official
            )
            self._tell("usage.rate_limit", data, limit.updated_at, "status_line")
        self._limits_to_tell = {}

    def _tell(self, type: str, data: Context | UsageRateLimit, at: int, source: Source) -> None:
        self._count += 1
        self._session.emit(type, data, id=f"g:{self._session.id}:{at}:{self._count}", at=at, source=source)


def newest(limits: Iterable[RateLimit]) -> list[RateLimit]:
    """Return of each limit what was told last, of what several sessions told."""
    found: dict[LimitType, RateLimit] = {}
    for limit in limits:
        if limit.type not in found or found[limit.type].updated_at < limit.updated_at:
            found[limit.type] = limit
    return list(found.values())


def _context(tokens: int, most: int) -> Context:
    percent = min(100.0, round(100 * tokens / most, 1))
    return Context(percent_used=percent, tokens_used=tokens, tokens_max=most, official=False)
