"""The original's names: frames of their own, made from the primary."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from clawsocket.protocol.aliases import alias_frames
from clawsocket.protocol.envelope import Event, encode
from clawsocket.protocol.events import EVENTS
from clawsocket.protocol.frame import payload_of, text_frame

RESULT = EVENTS["tool.result"].example
FAILED = {**RESULT, "success": False, "outcome": "error", "error": "exit 3"}


def frame(type: str, data: Any) -> bytes:
    return text_frame(encode(Event(type, 5, "s", "the-id", "hook", data, "a1"), 77))


def aliases(type: str, data: Any, *wanted: str) -> list[dict[str, Any]]:
    return [json.loads(bytes(payload_of(made))) for made in alias_frames(type, frame(type, data), wanted)]


@pytest.mark.parametrize(
    ("type", "data", "alias", "expected"),
    [
        ("tool.use", EVENTS["tool.use"].example, "tool.started", EVENTS["tool.use"].example),
        ("usage.updated", EVENTS["usage.updated"].example, "usage.update", EVENTS["usage.updated"].example),
        (
            "tool.result",
            RESULT,
            "tool.completed",
            {
                "toolName": "Bash",
                "toolUseId": RESULT["toolUseId"],
                "durationMs": 300,
                "outputSummary": "README.md",
            },
        ),
        (
            "tool.result",
            {name: part for name, part in RESULT.items() if name != "durationMs"},
            "tool.completed",
            {
                "toolName": "Bash",
                "toolUseId": RESULT["toolUseId"],
                "durationMs": None,
                "outputSummary": "README.md",
            },
        ),
        (
            "tool.result",
            FAILED,
            "tool.failed",
            {"toolName": "Bash", "toolUseId": RESULT["toolUseId"], "error": "exit 3"},
        ),
        (
            "tool.result",
            {**FAILED, "outcome": "interrupted", "isInterrupt": True},
            "tool.failed",
            {"toolName": "Bash", "toolUseId": RESULT["toolUseId"], "error": "exit 3", "isInterrupt": True},
        ),
        (
            "hook.pre_tool_use",
            {"toolName": "Bash"},
            "hook.started",
            {"hookType": "PreToolUse", "toolName": "Bash"},
        ),
        (
            "hook.post_tool_use",
            {"toolName": "Bash"},
            "hook.completed",
            {"hookType": "PostToolUse", "toolName": "Bash", "success": True},
        ),
        (
            "hook.post_tool_use_failure",
            {"toolName": "Bash"},
            "hook.completed",
            {"hookType": "PostToolUseFailure", "toolName": "Bash", "success": False},
        ),
    ],
)
def test_an_alias_has_its_own_data_and_the_rest_of_its_primary(
    type: str, data: dict[str, Any], alias: str, expected: dict[str, Any]
) -> None:
    [made] = aliases(type, data, alias)
    primary = json.loads(bytes(payload_of(frame(type, data))))
    assert made == {**primary, "type": alias, "data": expected}
    assert (made["seq"], made["id"], made["agentId"]) == (77, "the-id", "a1")


def test_a_result_is_completed_or_failed_and_never_both() -> None:
    assert [made["type"] for made in aliases("tool.result", RESULT, "tool.completed", "tool.failed")] == [
        "tool.completed"
    ]
    assert [made["type"] for made in aliases("tool.result", FAILED, "tool.completed", "tool.failed")] == ["tool.failed"]


def test_a_failure_without_words_is_told_by_its_outcome() -> None:
    failed = {**RESULT, "success": False, "outcome": "denied"}
    assert aliases("tool.result", failed, "tool.failed")[0]["data"]["error"] == "denied"


@pytest.mark.parametrize(
    "payload",
    [
        b'{"hook_event_name":"PreToolUse"}',
        b'{"toolName":5}',
        b'{"toolName":null,"error":{"code":1},"isInterrupt":"maybe","toolUseId":[1],"n":1e999}',
        b'{"x":' + b"[" * 900 + b"]" * 900 + b"}",
    ],
)
def test_a_payload_of_any_shape_has_its_alias(payload: bytes) -> None:
    [made] = alias_frames("hook.pre_tool_use", frame("hook.pre_tool_use", msgspec.Raw(payload)), ["hook.started"])
    assert json.loads(bytes(payload_of(made)))["data"] == {"hookType": "PreToolUse", "toolName": "unknown"}


def test_an_input_that_is_passed_on_is_not_changed() -> None:
    raw = b'{"toolName":"T","toolUseId":"t","input":{ "n": 1e999, "n": 123456789012345678901234 },"inputSummary":"x"}'
    [made] = alias_frames("tool.use", frame("tool.use", msgspec.Raw(raw)), ["tool.started"])
    assert raw in bytes(payload_of(made))
