"""Transcripts as the events that they were: for a session's history."""

from __future__ import annotations

from collections.abc import Iterable

from clawsocket.claude.observations import AgentMetaSeen, LineSeen
from clawsocket.protocol.envelope import Event
from clawsocket.protocol.events import EVENTS
from clawsocket.state.world import World


def replay(lines: Iterable[AgentMetaSeen | LineSeen]) -> list[Event]:
    """Return the facts that the transcripts of one session tell, in order.

    Facts of the session's own life (discovered, started) are left out: where the lines begin is not where it began.
    """
    world = World()
    events: list[Event] = []
    for seen in lines:
        events += world.expire(seen.at)
        events += world.apply(seen, seen.at)
    events += world.expire(world.now + 60_000)
    return [
        event for event in events if EVENTS[event.type].fact and not event.type.startswith(("session.di", "session.st"))
    ]
