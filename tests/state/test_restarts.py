"""Two runs of the service, one after the other, tell of the recorded turns what one does that sees everything."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from clawsocket.claude.observations import (
    AgentMetaSeen,
    HookSeen,
    LineSeen,
    Observation,
    SessionFileSeen,
    SessionGone,
)
from clawsocket.protocol.envelope import Event, encode
from clawsocket.state import saved
from clawsocket.state.world import World
from tests.state.playback import SCENARIOS, Timed, observations, steps

AWAY = 1000
"""Seconds without the service: all the rest of a recording happened meanwhile."""


def _ends(seen: object) -> bool:
    return isinstance(seen, SessionGone) or (isinstance(seen, HookSeen) and seen.hook.hook_event_name == "SessionEnd")


def run(world: World, seen: Iterable[Timed]) -> list[Event]:
    return [event for events in steps(world, seen) for event in events]


def known(world: World, events: Iterable[Event]) -> tuple[Any, ...]:
    """How its turns ended, by the ids of the facts, and what clients are told of its sessions."""
    results = {event.id: msgspec.to_builtins(event.data) for event in events if event.type == "message.result"}
    told = {id: (data["subtype"], data["numTurns"], data["usage"]) for id, data in results.items()}
    infos = [info for info in world.snapshot()[0] if info.usage is not None and info.usage.output_tokens]
    return told, [(info.session_id, info.state, info.usage and info.usage.total_cost_usd) for info in infos]


def restarted(before: World, events: list[Event], all: list[Timed], cut: int) -> tuple[World, list[Event]]:
    """The next run, which takes first the files as they are, then the hooks that waited, and then the transcripts."""
    world, now = World(), round((all[-1][0] + AWAY) * 1000)
    world.is_told = {event.id for event in events}.__contains__
    for session in before.sessions.values():
        kept = saved.load(saved.save(session))
        assert kept is not None
        hooks = [encode(one) for one in events if one.type.startswith("hook.") and one.session_id == session.id]
        world.restore(kept, saved.past_hooks(hooks), now)
    files = {seen.file.pid: seen for _, seen in all if isinstance(seen, SessionFileSeen)}
    waited = [seen for _, seen in all[cut:] if isinstance(seen, HookSeen)]
    metas = [seen for _, seen in all if isinstance(seen, AgentMetaSeen)]
    lines = [(seen, place < cut) for place, (_, seen) in enumerate(all) if isinstance(seen, LineSeen)]
    lines.sort(key=lambda one: one[0].agent_id or "")  # one file after the other, the main agent's first
    told = [LineSeen(one.session_id, one.agent_id, one.line, one.at, silent, True) for one, silent in lines]
    behind = {one.session_id for one in told}
    world.is_behind = behind.__contains__
    first: list[Observation] = [*files.values(), *waited]
    then: list[Observation] = [*metas, *told]
    after = [event for seen in first for event in world.apply(seen, now)]
    after += world.expire(now + 5000)  # it takes a while until the transcripts are there
    after += [event for seen in then for event in world.apply(seen, world.now)]
    after += [event for session_id in list(world.sessions) for event in world.caught_up(session_id)]
    behind.clear()
    return world, after + run(world, ())


@pytest.mark.parametrize("scenario", [name for name in SCENARIOS if "resume" not in name])
def test_turns_are_told_whole_wherever_the_service_was_stopped(scenario: str) -> None:
    all = [one for one in observations(scenario) if not _ends(one[1])]  # but for its end
    whole = World()
    expected = known(whole, run(whole, all))
    first = next(place for place, (_, seen) in enumerate(all) if isinstance(seen, SessionFileSeen)) + 1
    for cut in range(first, len(all), 1 + len(all) // 12):
        before = World()
        events = run(before, all[:cut])
        world, after = restarted(before, events, all, cut)
        assert known(world, [*events, *after]) == expected, f"stopped after {cut} of {len(all)}"
