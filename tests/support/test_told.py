"""The comparison with the oracle notices what is missing, twice or wrong."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from tests.support import oracle, told
from tests.support.oracle import Json, Truth

TRUTH = Truth(
    "s",
    tools={
        "t1": oracle.Tool("Bash", {"command": "ls"}, None, 1000, frozenset({"ok"}), 1400, 300),
        "t2": oracle.Tool("Read", {}, "a1", 1000, frozenset({"ok"}), 1400),
    },
    agents={"a1": oracle.Agent("Explore", "t1", "Find it", "/w")},
)


def event(seq: int, kind: str, **fields: Any) -> Json:
    envelope: Json = {"agentId": fields.pop("within")} if "within" in fields else {}
    return {"type": kind, "timestamp": 1, "sessionId": "s", "seq": seq, "id": str(seq), "data": fields, **envelope}


def events() -> list[Json]:
    agent = {"agentId": "a1", "agentType": "Explore", "cwd": "/w"}
    state = agent | {"parentToolUseId": "t1", "description": "Find it", "status": "offline"}
    bash, read = {"toolName": "Bash", "toolUseId": "t1"}, {"toolName": "Read", "toolUseId": "t2", "within": "a1"}
    ok = {"success": True, "outcome": "ok"}
    return [
        event(1, "tool.use", **bash, input={"command": "ls"}),
        event(2, "agent.started", **agent, parentToolUseId="t1"),
        event(3, "tool.use", **read, input={}),
        event(4, "tool.result", **read, **ok, durationMs=400, durationSource="timestamps"),
        event(5, "agent.stopped", agentId="a1"),
        event(6, "tool.result", **bash, **ok, durationMs=300, durationSource="hook"),
        event(7, "agent.state_changed", agents=[state]),
    ]


def check(found: list[Json]) -> None:
    told.check_tools(found, TRUTH)
    told.check_agents(found, TRUTH)


def test_what_is_right_passes() -> None:
    check(events())


@pytest.mark.parametrize("index", range(6))
def test_a_missing_or_a_second_event_is_noticed(index: int) -> None:
    missing, twice = events(), events()
    del missing[index]
    twice.append(deepcopy(twice[index]))
    for found in (missing, twice):
        with pytest.raises(AssertionError):
            check(found)


@pytest.mark.parametrize(
    ("index", "change"),
    [
        (0, {"toolName": "Read"}),
        (0, {"input": {}}),
        (1, {"agentType": "Plan"}),
        (1, {"parentToolUseId": "t2"}),
        (1, {"cwd": "/x"}),
        (3, {"durationMs": 399}),
        (5, {"outcome": "error"}),
        (5, {"success": False}),
        (5, {"durationMs": 400, "durationSource": "timestamps"}),
        (6, {"agents": [{**events()[6]["data"]["agents"][0], "status": "working"}]}),
        (6, {"agents": [{**events()[6]["data"]["agents"][0], "cwd": "/x"}]}),
    ],
)
def test_a_wrong_one_is_noticed(index: int, change: Json) -> None:
    found = events()
    found[index]["data"] |= change
    with pytest.raises(AssertionError):
        check(found)


def test_hooks_are_compared_with_all_of_their_payload() -> None:
    payload = {"session_id": "s", "hook_event_name": "PreToolUse", "tool_input": {"b": 1, "a": [None]}}
    recorded = told.recorded([oracle.Hook("PreToolUse", payload, 0)])
    assert told.hooks([event(1, "hook.pre_tool_use", **payload, toolName="Bash", inputSummary="")]) == recorded
    assert told.hooks([event(1, "hook.pre_tool_use", **(payload | {"tool_input": {"b": 1}}))]) != recorded
    assert told.hooks([event(1, "hook.post_tool_use", **payload)]) != recorded


def test_a_uuid_comes_once() -> None:
    prompt = event(1, "message.user", text="hi", uuid="u")
    assert told.prompts([prompt]) == {"u": oracle.Prompt("hi", False, None, 1)}
    with pytest.raises(AssertionError, match="more than once"):
        told.prompts([prompt, prompt | {"seq": 2}])
