"""The catalogue of events is the one that the protocol promises."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec
import pytest

from clawsocket.protocol.events import EVENTS, HOOKS, EventType, SessionDiscovered, ToolResult, hook_type

TYPES = {
    "session.discovered": "pid sessionId cwd startedAt name? kind? entrypoint? version?",
    "session.started": "version? model? permissionMode? cwd? source?",
    "session.state_changed": "state previous? since waitingFor? tool? error?",
    "session.renamed": "name",
    "session.compacted": "trigger summary?",
    "session.ended": "reason durationMs? usage",
    "session.removed": "sessionId reason",
    "agent.started": "agentId agentType cwd? parentToolUseId? description? parentAgentId? background? source?",
    "agent.state_changed": "agents",
    "agent.stopped": "agentId reason? lastMessage? source?",
    "message.user": "text uuid? isSynthetic? promptId?",
    "message.assistant": "contentBlocks uuid? model? usage? messageId?",
    "message.result": "subtype durationMs? numTurns? totalCostUsd? usage?",
    "message.error": "error status? text",
    "tool.use": "toolName toolUseId input inputSummary",
    "tool.result": ("toolName toolUseId success outcome durationMs? durationSource? outputSummary error? isInterrupt?"),
    "tool.permission_requested": "toolName toolUseId? inputSummary suggestions?",
    "tool.permission_denied": "toolName toolUseId? reason?",
    "stream.delta": "text index final displayId turnId",
    "usage.updated": (
        "sessionId inputTokens outputTokens cacheCreationInputTokens cacheReadInputTokens totalCostUsd durationMs "
        "durationApiMs? numTurns modelBreakdown unpricedModels lastUpdatedAt"
    ),
    "usage.context": "percentUsed tokensUsed tokensMax categories? official",
    "usage.rate_limit": "type percentUsed resetsAt official allowed? message?",
    "mcp.elicitation": "question serverName? mode? schema? options? timeout? source?",
    "mcp.elicitation_result": "action? answer? serverName? source?",
    "mcp.server_status": "serverName status url? tools?",
    "file.changed": "path changeType?",
    "cwd.changed": "newCwd oldCwd?",
    "task.created": "taskId subject? description?",
    "task.completed": "taskId subject? description?",
    "worktree.removed": "path",
    "system.error": "source message recoverable",
    "system.check": "checkId",
}
"""Every type but the hooks', and the fields of its data; those with ``?`` may be absent."""

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

CHOICES: dict[tuple[str, str], set[str]] = {
    ("session.state_changed", "state"): {"running", "requires_action", "idle", "background", "failed", "ended"},
    ("session.state_changed", "previous"): {"running", "requires_action", "idle", "background", "failed", "ended"},
    ("session.removed", "reason"): {"process_exited", "file_removed", "manual", "cleared", "silent"},
    ("message.result", "subtype"): {"success", "error_during_execution", "interrupted"},
    ("tool.result", "outcome"): {"ok", "error", "denied", "interrupted", "invalid"},
    ("tool.result", "durationSource"): {"hook", "timestamps"},
    ("usage.rate_limit", "type"): {"five_hour", "seven_day"},
}

LEVELS = {
    "session.state_changed",
    "session.renamed",
    "agent.state_changed",
    "usage.updated",
    "usage.context",
    "usage.rate_limit",
}

ENTRIES = [pytest.param(entry, id=name) for name, entry in EVENTS.items()]


def fields_of(data: type[Any]) -> list[str]:
    return [field.encode_name + ("" if field.required else "?") for field in msgspec.structs.fields(data)]


def decode(entry: EventType, data: dict[str, Any]) -> Any:
    return msgspec.json.decode(msgspec.json.encode(data), type=entry.data)


def test_the_catalogue_has_exactly_the_promised_types() -> None:
    assert EVENTS.keys() == TYPES.keys() | set(HOOK_TYPES.values())


@pytest.mark.parametrize("name", TYPES)
def test_a_type_has_exactly_the_promised_fields(name: str) -> None:
    assert fields_of(EVENTS[name].data) == TYPES[name].split()


@pytest.mark.parametrize("name", HOOK_TYPES)
def test_every_hook_has_a_type_in_snake_case_with_the_fields_that_are_added(name: str) -> None:
    assert hook_type(name) == HOOK_TYPES[name]
    data = EVENTS[HOOK_TYPES[name]].data
    assert fields_of(data) == ["toolName?", "toolUseId?", "inputSummary?", "outputSummary?", "error?", "isInterrupt?"]


def test_a_hook_that_is_not_known_yet_has_a_type_too() -> None:
    assert hook_type("DirectoryAdded") == "hook.directory_added"
    assert list(HOOK_TYPES) == HOOKS


def test_levels_and_facts_are_told_apart() -> None:
    assert {name for name, entry in EVENTS.items() if not entry.fact} == LEVELS


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
