"""Transcripts as the events that they were."""

from __future__ import annotations

import gc
import json
from typing import Any

from clawsocket.claude import transcript
from clawsocket.claude.observations import AgentMetaSeen, LineSeen
from clawsocket.protocol.events import EVENTS
from clawsocket.state.history import replay
from clawsocket.state.world import World
from tests.state.playback import SCENARIOS, file_observations, in_order, line_observations, play
from tests.state.running import START, call, text

YEAR = 365 * 24 * 3_600_000


def line(at: int, type: str, agent: str | None = None, **fields: Any) -> LineSeen:
    raw = {"type": type, "uuid": f"u{at}", **fields}
    return LineSeen("s", agent, transcript.parse(json.dumps(raw).encode()), START + at)


def answer(at: int, *blocks: dict[str, Any], stop: str = "end_turn", agent: str | None = None) -> LineSeen:
    message = {"id": f"m{at}", "model": "opus", "content": list(blocks), "stop_reason": stop}
    return line(at, "assistant", agent, message=message)


def user(at: int, content: Any, prompt: str = "p1", agent: str | None = None) -> LineSeen:
    return line(at, "user", agent, message={"content": content}, promptId=prompt)


def result(at: int, tool: str, agent: str | None = None) -> LineSeen:
    return user(at, [{"type": "tool_result", "tool_use_id": tool, "content": "out"}], agent=agent)


LINES = [
    user(0, "Do it"),
    answer(10, call("t1"), stop="tool_use"),
    result(500, "t1"),
    answer(600, text("Done.")),
    line(700, "last-prompt"),
]


def test_a_history_is_the_facts_in_order() -> None:
    assert [event.type for event in replay(LINES)] == [
        "message.user",
        "message.assistant",
        "tool.use",
        "tool.result",
        "message.assistant",
        "message.result",
    ]


def test_facts_have_their_own_times_and_ids() -> None:
    assert [(event.timestamp - START, event.id) for event in replay(LINES)] == [
        (0, "m:s:u" + "0"),
        (10, "m:s:u10"),
        (10, "t:s:t1:use"),
        (500, "t:s:t1:result"),
        (600, "m:s:u600"),
        (600, "r:s:p1"),
    ]


def test_a_session_that_paused_for_a_year_did_not_end_in_between() -> None:
    later = [user(YEAR, "More", prompt="p2"), answer(YEAR + 10, text("Yes."))]
    types = [event.type for event in replay(LINES + later)]
    assert not [one for one in types if one.startswith("session.")]
    assert types.count("message.result") == 2


def test_lines_that_begin_in_the_middle_are_told_as_far_as_they_go() -> None:
    types = [event.type for event in replay(LINES[2:])]
    assert types == ["tool.use", "tool.result", "message.assistant"] or types[-1] == "message.assistant"


def test_subagents_are_in_it() -> None:
    meta = transcript.AgentMeta(agent_type="Explore", tool_use_id="t1")
    seen: list[AgentMetaSeen | LineSeen] = [
        *LINES[:2],
        AgentMetaSeen("s", "a1", meta, START + 20),
        user(20, "Look", agent="a1"),
        answer(30, call("t2"), stop="tool_use", agent="a1"),
        result(40, "t2", agent="a1"),
        *LINES[2:],
    ]
    events = replay(seen)
    assert [event.type for event in events if event.agent_id == "a1"] == [
        "agent.started",
        "message.user",
        "message.assistant",
        "tool.use",
        "tool.result",
    ]


def test_levels_and_the_sessions_own_life_are_left_out() -> None:
    for event in replay(LINES):
        assert EVENTS[event.type].fact
    assert not [event for event in replay(LINES) if event.type.startswith("session.")]


def test_nothing_has_no_history() -> None:
    assert replay([]) == []


def test_nothing_is_left_of_a_history_that_was_read() -> None:
    def worlds() -> int:
        gc.collect()
        return sum(isinstance(one, World) for one in gc.get_objects())

    message = {"id": "m", "model": "opus", "content": [text("Yes.")], "usage": {"input_tokens": 1, "output_tokens": 1}}
    before = worlds()
    assert replay([*LINES, line(800, "assistant", message=message)])
    assert worlds() == before


def test_the_history_of_a_recording_has_the_facts_that_were_told_live() -> None:
    for scenario in SCENARIOS:
        lines = line_observations(scenario)
        live = play(in_order(file_observations(scenario), lines))
        told = {event.id for event in live if event.type in ("message.user", "message.assistant", "tool.use")}
        seen = [one for _, one in lines if isinstance(one, LineSeen | AgentMetaSeen)]
        assert told <= {event.id for event in replay(seen)}, scenario
