"""What a server sends becomes typed objects, also where the server knows more than this client."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec
import pytest

from clawsocket.client import incoming
from clawsocket.protocol.aliases import ALIASES_OF, ToolFailed
from clawsocket.protocol.events import EVENTS, HookData, ToolUse
from clawsocket.protocol.models import SessionInfo
from clawsocket.protocol.replies import Gap, SessionList


def sent(type: str, data: Any, **more: Any) -> str:
    envelope = {"type": type, "timestamp": 1, "sessionId": "s", "seq": 5, "id": "x", "source": "hook", "data": data}
    return json.dumps({**envelope, **more})


@pytest.mark.parametrize("name", EVENTS)
def test_every_event_of_the_catalogue_is_typed(name: str) -> None:
    event, _ = incoming.event(sent(name, EVENTS[name].example))
    assert (event.type, event.session_id, event.seq, event.agent_id) == (name, "s", 5, None)
    kind = EVENTS[name].data
    if kind is HookData:
        assert event.data == EVENTS[name].example
    else:
        assert isinstance(event.data, kind)
        again = msgspec.json.decode(msgspec.json.encode(event))["data"]
        assert {key: again.get(key) for key in EVENTS[name].example} == EVENTS[name].example


def test_every_alias_is_typed() -> None:
    failed = {"toolName": "Bash", "toolUseId": "t", "error": "e"}
    assert isinstance(incoming.event(sent("tool.failed", failed))[0].data, ToolFailed)
    assert {alias for aliases in ALIASES_OF.values() for alias in aliases} <= incoming._TYPES.keys()


def test_by_which_alias_an_event_comes_once_more_is_known_whatever_it_says() -> None:
    def alias(type: str, data: Any) -> str | None:
        return incoming.alias_of(incoming.event(sent(type, data))[0])

    result = EVENTS["tool.result"].example
    assert alias("tool.use", EVENTS["tool.use"].example) == "tool.started"
    assert alias("tool.result", {**result, "success": True}) == "tool.completed"
    assert alias("tool.result", {**result, "success": False}) == "tool.failed"
    assert alias("tool.result", {**result, "success": False, "outcome": "dreamt"}) == "tool.failed"
    assert alias("tool.result", "nothing") == "tool.completed"
    assert alias("hook.post_tool_use_failure", {"success": 1}) == "hook.completed"
    assert alias("tool.started", EVENTS["tool.use"].example) is None


def test_what_a_newer_server_says_is_there_as_it_was_said() -> None:
    newer = {"state": "dreaming", "since": 1}
    for type, data in (("session.state_changed", newer), ("session.slept", newer)):
        event, _ = incoming.event(sent(type, data, source="telepathy", more=1))
        assert (event.data, event.source) == (data, "telepathy")


def test_a_word_of_a_newer_server_in_a_gap_or_a_reply_is_there_as_it_was_said() -> None:
    gap = {"type": "gap", "from": 1, "to": 2, "oldestSeq": 3, "reason": "flood"}
    told = incoming.reply(json.dumps(gap), Gap)
    assert isinstance(told, Gap)
    assert (told.from_, told.to, told.oldest_seq, told.reason) == (1, 2, 3, "flood")
    limits = [{"type": "one_day", "percentUsed": 1, "resetsAt": 1, "official": True, "updatedAt": 1}]
    times = {"startedAt": 1, "discoveredAt": 1, "since": 1}
    info = {"pid": None, "sessionId": "s", "cwd": "/", "state": "dreaming", "rateLimits": limits, **times}
    (session,) = incoming.reply(json.dumps({"type": "session_list", "sessions": [info]}), SessionList).sessions
    assert isinstance(session, SessionInfo)
    assert (session.state, session.name) == ("dreaming", None)
    assert msgspec.to_builtins(session) == info
    with pytest.raises(msgspec.ValidationError):
        incoming.reply(json.dumps({**gap, "to": "2"}), Gap)


@pytest.mark.parametrize("number", ["1e400", "9" * 5000])
def test_a_number_that_is_too_large_is_infinity_and_costs_nothing_else(number: str) -> None:
    payload = {"tool_input": {"command": "BIG"}, "other": 10**20}
    event, _ = incoming.event(sent("hook.pre_tool_use", payload).replace('"BIG"', number))
    assert event.data == {"tool_input": {"command": math.inf}, "other": 10**20}
    use = {**EVENTS["tool.use"].example, "input": {"command": "BIG"}}
    event, _ = incoming.event(sent("tool.use", use).replace('"BIG"', number))
    assert isinstance(event.data, ToolUse)
    assert (event.data.tool_name, event.data.input) == ("Bash", {"command": math.inf})


def test_a_fact_is_known_by_its_id_and_a_level_by_what_it_says_too() -> None:
    def known_by(type: str, data: Any, seq: int) -> Any:
        return incoming.event(sent(type, data, seq=seq))[1]

    name = {"name": "a"}
    assert known_by("hook.stop", {"a": 1}, 5) == known_by("hook.stop", {"a": 2}, 6)
    assert known_by("session.renamed", name, 5) == known_by("session.renamed", name, 6)
    assert known_by("session.renamed", name, 5) != known_by("session.renamed", {"name": "b"}, 6)
    usage = EVENTS["usage.updated"].example
    for type in ("usage.updated", "usage.update"):
        assert known_by(type, usage, 5) == known_by(type, usage, 6)
        assert known_by(type, usage, 5) != known_by(type, {**usage, "numTurns": 99}, 6)


@pytest.mark.parametrize("name", ALIASES_OF)
def test_an_event_and_its_alias_are_two(name: str) -> None:
    data = EVENTS[name].example
    for alias in ALIASES_OF[name]:
        assert incoming.event(sent(alias, data))[1] != incoming.event(sent(name, data))[1]
