"""Transcripts as the events that they were: for a session's history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from clawsocket.claude.observations import AgentMetaSeen, LineSeen
from clawsocket.protocol.envelope import Event
from clawsocket.protocol.events import EVENTS
from clawsocket.state.world import World

_NEVER = 1 << 60
_REST = 60_000
"""ms after the last line in which everything that waits has come to rest."""
_LIFE = frozenset(("session.discovered", "session.started"))


def replay(lines: Iterable[AgentMetaSeen | LineSeen]) -> list[Event]:
    """Return the facts that the transcripts of one session tell, in order.

    Facts of the session's own life (discovered, started) are left out: where the lines begin is not where it began.
    """
    return [event for events in steps(lines) for event in events]


def steps(lines: Iterable[AgentMetaSeen | LineSeen]) -> Iterator[list[Event]]:
    """Yield what each line tells, as :func:`replay` does; at last, what comes when nothing more is told."""
    world = World(silence=_NEVER)
    try:
        for seen in lines:
            yield _facts([*world.expire(seen.at), *world.apply(seen, seen.at)])
        yield _facts(world.expire(world.now + _REST))
    finally:
        world.clear()


def _facts(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if EVENTS[event.type].fact and event.type not in _LIFE]
