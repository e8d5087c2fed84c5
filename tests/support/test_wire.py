"""The strict client notices what is not as the protocol says."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import wire

GOOD: dict[str, Any] = {
    "type": "tool.result",
    "timestamp": 1_795_380_827_645,
    "sessionId": "s",
    "seq": 1,
    "data": {"toolName": "Bash", "toolUseId": "t", "success": True, "outcome": "ok", "outputSummary": ""},
    "id": "t:s:t:result",
    "source": "hook",
}


def test_a_right_event_has_no_problems() -> None:
    assert wire.problems(GOOD) == []
    assert wire.problems(GOOD | {"agentId": "a"}) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": None},
        {"seq": "1"},
        {"seq": True},
        {"extra": 1},
        {"source": "elsewhere"},
        {"timestamp": 1_795_380_827},
        {"type": "tool.ended"},
        {"data": {"toolName": "Bash"}},
        {"data": GOOD["data"] | {"tool_name": "Bash"}},
        {"data": GOOD["data"] | {"outcome": "fine"}},
        {"data": GOOD["data"] | {"outputSummary": "x" * 501}},
        {"type": "hook.stop", "data": {}},
    ],
)
def test_a_wrong_event_has_one(wrong: dict[str, Any]) -> None:
    assert len(wire.problems(GOOD | wrong)) >= 1
