"""The recorded runs give the same facts, whoever tells of them and in whatever order."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from clawsocket.claude.observations import HookSeen
from clawsocket.protocol.envelope import Event
from tests.state.playback import (
    SCENARIOS,
    Timed,
    file_observations,
    hook_observations,
    in_order,
    line_observations,
    observations,
    play,
)

BOTH_TELL = (
    "session.discovered",
    "session.ended",
    "session.removed",
    "session.started",
    "message.user",
    "message.assistant",
    "message.error",
    "message.result",
    "tool.use",
    "tool.result",
    "agent.started",
    "agent.stopped",
)

HOOKS_ALONE_TELL_DENIALS = {"j2_denied_print"}
"""A call that is denied in ``-p`` looks like a plain error in the transcript."""

PARENTS = ("agentType", "description", "parentToolUseId", "parentAgentId")

Fact = tuple[Any, ...]


HOOKS_CANNOT_TELL_DENIALS = {"j_permission"}
"""After the permission dialog is denied no hook comes: the call looks interrupted."""


def fact(event: Event, *more: str) -> Fact:
    data = msgspec.json.decode(msgspec.json.encode(event.data))
    keys = ("toolUseId", "toolName", "success", "text", "subtype", "contentBlocks", *more)
    return (event.type, event.id, event.agent_id, *(str(data.get(key)) for key in keys))


def facts(events: Iterable[Event], types: tuple[str, ...] = BOTH_TELL) -> Counter[Fact]:
    return Counter(fact(event) for event in events if event.type in types)


def outcomes(events: Iterable[Event]) -> dict[str, str]:
    return {event.data.tool_use_id: event.data.outcome for event in events if event.type == "tool.result"}


def named_before_their_start(events: Iterable[Event]) -> set[str]:
    """Return the subagents that something told of, but for the hooks as they came, before it was told that they are."""
    started, early = set(), set()
    for event in events:
        if event.type == "agent.started":
            started.add(event.agent_id)
        elif event.type == "agent.state_changed":
            early |= {one.agent_id for one in event.data.agents if one.agent_type != "master"} - started
        elif event.agent_id is not None and not event.type.startswith("hook."):
            early |= {event.agent_id} - started
    return early


def both(scenario: str) -> list[Event]:
    return play(observations(scenario))


def shuffled(scenario: str, seed: int) -> list[Timed]:
    """Hooks, lines and the session file, each in its own order, interleaved at random; the file is there first."""
    order = random.Random(seed)
    files = file_observations(scenario)
    parts = [hook_observations(scenario), line_observations(scenario), files[1:]]
    result = files[:1]
    end = parts[2].pop() if parts[2] else None
    while any(parts):
        part = order.choice([part for part in parts if part])
        result.append(part.pop(0))
    result += [end] if end else []
    start, pace = result[0][0], order.choice((0.0, 0.001, 0.004))
    return [(start + number * pace, seen) for number, (_, seen) in enumerate(result)]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_fact_comes_once(scenario: str) -> None:
    seen = Counter(event.id for event in both(scenario) if event.type in BOTH_TELL)
    assert seen
    assert set(seen.values()) == {1}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_tool_call_has_one_use_and_one_result(scenario: str) -> None:
    events = both(scenario)
    uses = [event.data.tool_use_id for event in events if event.type == "tool.use"]
    results = [event.data.tool_use_id for event in events if event.type == "tool.result"]
    assert sorted(uses) == sorted(results)
    assert all(uses.index(each) <= results.index(each) for each in uses) or len(set(uses)) == len(uses)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_transcripts_alone_tell_the_same_facts(scenario: str) -> None:
    events = both(scenario)
    alone = play(in_order(file_observations(scenario), line_observations(scenario)))
    assert facts(alone) == facts(events)
    assert [fact(one, *PARENTS) for one in alone if one.type == "agent.started"] == [
        fact(one, *PARENTS) for one in events if one.type == "agent.started"
    ]
    if scenario not in HOOKS_ALONE_TELL_DENIALS:
        assert outcomes(alone) == outcomes(events)


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("seed", range(10))
def test_another_order_tells_the_same_facts(scenario: str, seed: int) -> None:
    assert facts(play(shuffled(scenario, seed))) == facts(both(scenario))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_subagent_is_named_before_its_start(scenario: str) -> None:
    assert named_before_their_start(both(scenario)) == set()
    assert named_before_their_start(play(in_order(file_observations(scenario), line_observations(scenario)))) == set()
    assert named_before_their_start(play(hook_observations(scenario))) == set()
    for seed in range(10):
        assert named_before_their_start(play(shuffled(scenario, seed))) == set()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_hooks_alone_tell_the_same_tool_events(scenario: str) -> None:
    hooks = hook_observations(scenario)
    payloads = [seen.hook for _, seen in hooks if isinstance(seen, HookSeen)]
    told = {hook.tool_use_id for hook in payloads} | {
        call.tool_use_id for hook in payloads for call in hook.tool_calls or ()
    }
    tools = ("tool.use", "tool.result")
    expected = [event for event in both(scenario) if event.type in tools and event.data.tool_use_id in told]
    alone = play(hooks)
    assert facts(alone, tools) == facts(expected, tools)
    if scenario not in HOOKS_CANNOT_TELL_DENIALS:
        assert outcomes(alone) == outcomes(expected)
