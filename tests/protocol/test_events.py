"""The catalogue of events is the one that the protocol promises."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec
import pytest

from clawsocket.protocol.events import EVENTS, HOOKS, EventType, SessionDiscovered, ToolResult, hook_type
from tests.support.wire import CHOICES, DATA, is_level

HOOK_TYPES = {
    "PreToolUse": "hook.pre_tool_use",
    "PostToolUse": "hook.post_tool_use",
    "PostToolUseFailure": "hook.post_tool_use_failure",
    "PostToolBatch": "hook.post_tool_batch",
    "Notification": "hook.notification",
    "UserPromptSubmit": "hook.user_prompt_submit",
    "UserPromptExpansion": "hook.user_prompt_expansion",
    "SessionStart": "hook.session_start",
    "SessionEnd": "hook.session_end",
    "Stop": "hook.stop",
    "StopFailure": "hook.stop_failure",
    "SubagentStart": "hook.subagent_start",
    "SubagentStop": "hook.subagent_stop",
    "PreCompact": "hook.pre_compact",
    "PostCompact": "hook.post_compact",
    "PermissionRequest": "hook.permission_request",
    "PermissionDenied": "hook.permission_denied",
    "Setup": "hook.setup",
    "TeammateIdle": "hook.teammate_idle",
    "TaskCreated": "hook.task_created",
    "TaskCompleted": "hook.task_completed",
    "Elicitation": "hook.elicitation",
    "ElicitationResult": "hook.elicitation_result",
    "ConfigChange": "hook.config_change",
    "WorktreeCreate": "hook.worktree_create",
    "WorktreeRemove": "hook.worktree_remove",
    "InstructionsLoaded": "hook.instructions_loaded",
    "CwdChanged": "hook.cwd_changed",
    "FileChanged": "hook.file_changed",
    "MessageDisplay": "hook.message_display",
    "DirectoryAdded": "hook.directory_added",
    "PreModelSwitch": "hook.pre_model_switch",
    "PostModelSwitch": "hook.post_model_switch",
    "PreSkillShellCommand": "hook.pre_skill_shell_command",
}

ENTRIES = [pytest.param(entry, id=name) for name, entry in EVENTS.items()]


def fields_of(data: type[Any]) -> list[str]:
    return [field.encode_name + ("" if field.required else "?") for field in msgspec.structs.fields(data)]


def decode(entry: EventType, data: dict[str, Any]) -> Any:
    return msgspec.json.decode(msgspec.json.encode(data), type=entry.data)


def test_the_catalogue_has_exactly_the_promised_types() -> None:
    assert EVENTS.keys() == DATA.keys() | set(HOOK_TYPES.values())


@pytest.mark.parametrize("name", DATA)
def test_a_type_has_exactly_the_promised_fields(name: str) -> None:
    assert fields_of(EVENTS[name].data) == DATA[name].split()


@pytest.mark.parametrize("name", HOOK_TYPES)
def test_every_hook_has_a_type_in_snake_case_with_the_fields_that_are_added(name: str) -> None:
    assert hook_type(name) == HOOK_TYPES[name]
    data = EVENTS[HOOK_TYPES[name]].data
    assert fields_of(data) == ["toolName?", "toolUseId?", "inputSummary?", "outputSummary?", "error?", "isInterrupt?"]


def test_a_hook_that_is_not_known_yet_has_a_type_too() -> None:
    assert hook_type("DirectoryAdded") == "hook.directory_added"
    assert list(HOOK_TYPES) == HOOKS


def test_levels_and_facts_are_told_apart() -> None:
    assert {name for name, entry in EVENTS.items() if not entry.fact} == set(filter(is_level, EVENTS))


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_example_is_valid_and_goes_out_as_it_came_in(entry: EventType) -> None:
    value = decode(entry, entry.example)
    known = {field.encode_name for field in msgspec.structs.fields(entry.data)}
    again = msgspec.json.decode(msgspec.json.encode(value))
    assert again == {name: part for name, part in entry.example.items() if name in known}


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_example_without_a_required_field_is_not_valid(entry: EventType) -> None:
    for field in msgspec.structs.fields(entry.data):
        if field.required:
            rest = {name: part for name, part in entry.example.items() if name != field.encode_name}
            with pytest.raises(msgspec.ValidationError, match=f"missing required field `{field.encode_name}`"):
                decode(entry, rest)


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_example_shows_more_than_nothing_and_the_data_is_documented(entry: EventType) -> None:
    assert entry.example
    assert EVENTS[entry.name] is entry
    assert len(inspect.getdoc(entry.data) or "") > 10


@pytest.mark.parametrize(("name", "field"), CHOICES)
def test_a_choice_takes_the_promised_words_and_no_other(name: str, field: str) -> None:
    entry = EVENTS[name]
    for word in CHOICES[name, field]:
        decode(entry, {**entry.example, field: word})
    with pytest.raises(msgspec.ValidationError, match="Invalid enum value"):
        decode(entry, {**entry.example, field: "other"})


def test_an_unknown_field_is_ignored() -> None:
    entry = EVENTS["session.renamed"]
    assert msgspec.json.encode(decode(entry, {"name": "x", "later": 1})) == b'{"name":"x"}'


def test_what_is_not_known_is_absent_and_an_unknown_pid_is_null() -> None:
    data = SessionDiscovered(pid=None, session_id="s", cwd="/", started_at=1)
    assert msgspec.json.decode(msgspec.json.encode(data)) == {"pid": None, "sessionId": "s", "cwd": "/", "startedAt": 1}


def test_false_and_nought_are_values_and_are_sent() -> None:
    data = ToolResult(
        tool_name="T",
        tool_use_id="t",
        success=False,
        outcome="error",
        output_summary="",
        duration_ms=0,
        is_interrupt=False,
    )
    sent = msgspec.json.decode(msgspec.json.encode(data))
    assert (sent["success"], sent["durationMs"], sent["isInterrupt"]) == (False, 0, False)


def test_the_usage_of_a_session_that_spent_nothing_is_null() -> None:
    assert decode(EVENTS["session.ended"], {"reason": "other", "usage": None}).usage is None
