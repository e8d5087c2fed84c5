"""What the parts of a session need of the world around them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

from clawsocket.protocol.envelope import Event

if TYPE_CHECKING:
    from clawsocket.state.session import Session
    from clawsocket.state.usage import Book

REMEMBERED = 5000
"""Number of finished tool calls and turns that a session remembers, so that neither source tells of one twice."""

STEP = 100
"""ms by which the time steps back, at least, where the clock was set back."""

SET_BACK = 2000
"""ms before now to which a time goes then that is further ahead: what comes next may be dated a little earlier."""

_T = TypeVar("_T")


class Clock(Protocol):
    """The time, as it is told with each observation, where events and messages' costs go, and what is yet to come."""

    now: int
    book: Book
    is_told: Callable[[str], bool]
    is_behind: Callable[[str], bool]
    on_unknown_agent: Callable[[str, str], None]

    def put(self, event: Event) -> None:
        """Send an event."""

    def later(self, delay: int, action: Callable[[], None]) -> None:
        """Call ``action`` when ``delay`` ms have passed."""

    def stir(self, session: Session) -> None:
        """Note that a session's levels may have changed, so that they are told."""


def by_now(at: int, now: int) -> int:
    """Return a time; one that is later than now since the clock was set back becomes now, or shortly before."""
    return at if at <= now else now if at - now <= SET_BACK else now - SET_BACK


def remember(known: dict[str, _T], key: str, value: _T) -> None:
    """Add to what is remembered; the oldest is forgotten when there is too much."""
    known[key] = value
    if len(known) > REMEMBERED:
        del known[next(iter(known))]
