"""A session's state is right in every recorded run, whoever tells of it.

``golden/states/`` has each run as a reader can follow it: what hooks, the session file and the transcript said, and
after ``=>`` the state that it made, in seconds since the session was discovered. After a change that is meant to be
one: ``python -m tests.state.test_states``, and read the difference.
"""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from pathlib import Path

import pytest

from clawsocket.claude.observations import HookSeen, LineSeen, Observation, SessionFileSeen, SessionGone
from clawsocket.claude.transcript import AssistantLine, UserLine
from clawsocket.protocol.envelope import Event
from clawsocket.state.world import World
from tests.state.playback import (
    SCENARIOS,
    Timed,
    file_observations,
    hook_observations,
    in_order,
    line_observations,
)

GOLDEN = Path(__file__).parent / "golden" / "states"

LATER, ENDS_LATER = 0.2, 0.5
"""Seconds by which a state may come later, at most, when hooks or transcripts are missing; and the end, for which
SessionEnd is awaited."""

HOOKS_ALONE_TELL = {
    "i2_elicit": "an MCP elicitation leaves the session file busy and no line until it ends",
    "n2_background_print": "a -p run has no status, and no line says that its background agent still runs",
}
"""What transcripts and session files can't tell, and why."""

_QUIET = {"MessageDisplay", "InstructionsLoaded", "PostToolBatch", "TaskCreated", "TaskCompleted", "FileChanged"}


class Moment:
    """Something that was seen, and the states that it, or the time until the next one, made."""

    def __init__(self, time: float, seen: Observation | None) -> None:
        self.time, self.seen = time, seen
        self.states: list[tuple[float, Event]] = []


def moments(*parts: list[Timed]) -> list[Moment]:
    """What was seen, in order, with the states that followed, each with the time at which it was told."""
    world, found = World(), [Moment(0, None)]

    def take(now: int, events: list[Event]) -> None:
        found[-1].states += [(now / 1000, event) for event in events if event.type == "session.state_changed"]

    for time, seen in in_order(*parts):
        now = round(time * 1000)
        while world.due is not None and world.due <= now:
            take(world.due, world.expire(world.due))
        found.append(Moment(time, seen))
        take(now, world.apply(seen, now))
        world.flush()
    while world.due is not None:
        take(world.due, world.expire(world.due))
    return found


def states(*parts: list[Timed]) -> list[tuple[float, str]]:
    """When each state was told, and the state, with what it waits for."""
    return [(time, state(event)) for moment in moments(*parts) for time, event in moment.states]


def state(event: Event) -> str:
    data = event.data
    more = [part for part in (data.waiting_for, data.tool and data.tool.name, data.error) if part]
    return " ".join([data.state, *more])


def said(seen: Observation | None) -> str:
    """What a reader wants to know of an observation; nothing of most."""
    if isinstance(seen, HookSeen):
        hook = seen.hook
        if hook.hook_event_name in _QUIET:
            return ""
        inside = f" in {hook.agent_type}" if hook.agent_id else ""
        why = hook.error if hook.hook_event_name == "StopFailure" else hook.tool_name or hook.reason
        return " ".join(part for part in (hook.hook_event_name, why) if part) + inside
    if isinstance(seen, SessionFileSeen):
        return f"session file {seen.file.status or 'without a status'} {seen.file.waiting_for or ''}".rstrip()
    if isinstance(seen, SessionGone):
        return f"session {seen.reason.replace('_', ' ')}"
    if isinstance(seen, LineSeen) and not seen.silent and isinstance(seen.line, UserLine | AssistantLine):
        return f"{type(seen.line).__name__}{' of an agent' if seen.agent_id else ''}"
    return ""


def told(scenario: str) -> str:
    """A run as its golden file has it."""
    parts = (hook_observations(scenario), file_observations(scenario), line_observations(scenario))
    start, lines = in_order(*parts)[0][0], []
    for moment in moments(*parts):
        if text := said(moment.seen):
            lines.append(f"{moment.time - start:7.2f}  {text}")
        lines += [f"{time - start:7.2f}  => {state(event)}  ({event.source})" for time, event in moment.states]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_states_of_a_recording_are_those_that_were_found_right(scenario: str) -> None:
    assert told(scenario) == (GOLDEN / f"{scenario}.txt").read_text()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_hooks_with_the_session_file_tell_the_same_states(scenario: str) -> None:
    alone = states(hook_observations(scenario), file_observations(scenario))
    compare(alone, scenario)


@pytest.mark.parametrize("scenario", [one for one in SCENARIOS if one not in HOOKS_ALONE_TELL])
def test_transcripts_with_the_session_file_tell_the_same_states(scenario: str) -> None:
    alone = states(file_observations(scenario), line_observations(scenario))
    compare(alone, scenario)


def compare(alone: list[tuple[float, str]], scenario: str) -> None:
    """Assert that both are the same, but for which of several calls of a tool it waits: hooks alone tell that."""
    told = states(hook_observations(scenario), file_observations(scenario), line_observations(scenario))
    alone, whole = ([next(same) for _, same in groupby(each, key=itemgetter(1))] for each in (alone, told))
    assert [name for _, name in alone] == [name for _, name in whole]
    for (at, name), (best, _) in zip(alone, whole, strict=True):
        assert at - best <= (ENDS_LATER if name == "ended" else LATER), name


@pytest.mark.parametrize("scenario", HOOKS_ALONE_TELL)
def test_what_only_hooks_can_tell_is_listed_and_not_guessed(scenario: str) -> None:
    alone = {name for _, name in states(file_observations(scenario), line_observations(scenario))}
    whole = {name for _, name in states(hook_observations(scenario), file_observations(scenario))}
    assert alone < whole
    assert {name.split()[0] for name in whole - alone} <= {"requires_action", "background"}


def test_every_golden_file_has_its_recording() -> None:
    assert sorted(path.stem for path in GOLDEN.glob("*.txt")) == SCENARIOS


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for name in SCENARIOS:
        (GOLDEN / f"{name}.txt").write_text(told(name))
