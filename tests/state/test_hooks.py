"""What a hook says: its payload as it came, and what follows from it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clawsocket.claude import hooks
from clawsocket.claude.hooks import KNOWN
from clawsocket.claude.observations import HookSeen
from clawsocket.protocol.envelope import encode
from tests.claude.test_hooks import PAYLOADS
from tests.state.running import START, Run, call, live, text

TOOL: dict[str, Any] = {"tool_name": "Bash", "tool_use_id": "t1", "tool_input": {"command": "ls"}}
DENIED = "The user doesn't want to proceed with this tool use."
HOOK: dict[str, Any] = {"session_id": "s", "cwd": "/app"}


def started() -> Run:
    """A session that only hooks tell of."""
    run = Run()
    run.hook("SessionStart", source="startup")
    run.wait(1000)
    return run


# The payload


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_every_hook_is_told_with_its_payload_as_it_came(name: str) -> None:
    for payload in PAYLOADS[name]:
        run = started()
        fields = {key: value for key, value in payload.items() if key not in ("session_id", "hook_event_name", "cwd")}
        [event, *_] = run.hook(name, **fields)
        [data] = run.data(event.type)[-1:]
        assert event.type.startswith("hook.")
        assert event.agent_id == payload.get("agent_id")
        assert {key: data[key] for key in fields} == fields
        assert data.keys() - fields.keys() - {"session_id", "hook_event_name", "cwd"} <= {
            "toolName",
            "toolUseId",
            "inputSummary",
            "outputSummary",
            "error",
            "isInterrupt",
        }


@pytest.mark.parametrize(
    ("name", "fields", "added"),
    [
        ("PreToolUse", {}, {"toolName": "Bash", "toolUseId": "t1", "inputSummary": '{"command": "ls"}'}),
        ("PermissionRequest", {}, {"toolName": "Bash", "toolUseId": "t1", "inputSummary": '{"command": "ls"}'}),
        (
            "PostToolUse",
            {"tool_response": {"stdout": "a", "stderr": "b"}},
            {"toolName": "Bash", "toolUseId": "t1", "outputSummary": "a\nb"},
        ),
        (
            "PostToolUseFailure",
            {"error": "exit 3", "is_interrupt": False},
            {"toolName": "Bash", "toolUseId": "t1", "error": "exit 3", "isInterrupt": False},
        ),
        (
            "PostToolUseFailure",
            {"error": "stopped", "is_interrupt": True},
            {"toolName": "Bash", "toolUseId": "t1", "error": "stopped", "isInterrupt": True},
        ),
    ],
)
def test_a_tool_hook_also_has_the_wires_own_fields(name: str, fields: dict[str, Any], added: dict[str, Any]) -> None:
    run = started()
    [event, *_] = run.hook(name, **TOOL, **fields)
    [data] = run.data(event.type)
    assert data == {"hook_event_name": name, **HOOK, **TOOL, **fields, **added}


def test_a_hook_that_is_not_known_yet_is_told_all_the_same() -> None:
    run = started()
    run.hook("BrandNew", directory="/x")
    assert run.data("hook.brand_new")[0]["directory"] == "/x"


def test_the_originals_form_is_told_with_its_data() -> None:
    run = started()
    run.original("PreToolUse", **TOOL)
    assert run.data("hook.pre_tool_use") == [
        {**TOOL, "toolName": "Bash", "toolUseId": "t1", "inputSummary": '{"command": "ls"}'}
    ]
    assert [event.data.tool_use_id for event in run.of("tool.use")] == ["t1"]


@pytest.mark.parametrize(
    "own", [b'"toolName":5', b'"toolUseId":[1]', b'"isInterrupt":"maybe"', b'"inputSummary":null', b'"outputSummary":0']
)
def test_a_payload_that_uses_the_wires_names_itself_gets_the_wires_meaning(own: bytes) -> None:
    run = started()
    body = (
        b'{"hook_event_name":"PostToolUseFailure","session_id":"s","tool_name":"T","tool_use_id":"t","n":1e999,'
        b'"big":123456789012345678901234567890,%b}' % own
    )
    [event, *_] = run.see(HookSeen("odd", run.now, hooks.parse(body)))
    sent = encode(event)
    assert b'"toolName":"T"' in sent
    assert b'"toolUseId":"t"' in sent
    assert b'"n":1e999' in sent
    assert b'"big":123456789012345678901234567890' in sent
    assert b'"isInterrupt":false' in sent


def test_a_payload_nested_as_deep_as_is_taken_can_be_told() -> None:
    deep: Any = "x"
    for _ in range(300):
        deep = [deep]
    run = started()
    for name in ("PreToolUse", "PostToolUse", "PermissionRequest", "Elicitation", "Stop", "PostToolBatch"):
        calls = [{"tool_name": "T", "tool_use_id": "t2", "tool_response": deep}]
        run.hook(
            name,
            tool_name="Bash",
            tool_use_id="t1",
            tool_input=deep,
            tool_response=deep,
            permission_suggestions=deep,
            requested_schema=deep,
            background_tasks=deep,
            tool_calls=calls,
            toolName=deep,
        )
    run.wait()
    for event in run.events:
        assert encode(event)


# Start and end


def test_session_start_tells_how_it_began() -> None:
    run = Run()
    run.file("idle", version="2.1.197", startedAt=START - 30)
    run.hook("SessionStart", source="resume", model="opus", permission_mode="plan")
    assert run.data("session.started") == [
        {"version": "2.1.197", "model": "opus", "permissionMode": "plan", "cwd": "/app", "source": "resume"}
    ]
    [info] = run.world.snapshot()[0]
    assert (info.model, info.permission_mode) == ("opus", "plan")


@pytest.mark.parametrize("source", ["compact", "clear"])
def test_a_session_that_begins_anew_within_its_run_is_told_again(source: str) -> None:
    run = live()
    run.hook("SessionStart", source=source)
    run.hook("SessionStart", source="startup")
    assert [data["source"] for data in run.data("session.started")] == ["startup", source]
    assert run.twice() == []


def test_the_originals_session_start_tells_of_mcp_servers() -> None:
    run = Run()
    run.original(
        "SessionStart",
        mcp_servers=[
            {"name": "notes", "status": "connected"},
            {"name": "web", "status": "failed", "url": "http://x"},
            {},
        ],
    )
    run.wait(1000)
    assert run.data("mcp.server_status") == [
        {"serverName": "notes", "status": "connected"},
        {"serverName": "web", "status": "failed", "url": "http://x"},
    ]
    assert run.twice() == []


# Prompts


def test_a_prompt_comes_from_the_hook_only_where_there_is_no_transcript() -> None:
    run = started()
    run.hook("UserPromptSubmit", prompt="hi", prompt_id="p1")
    assert run.states()[-1] == "running"
    assert run.data("message.user") == []
    run.wait(2000)
    assert run.data("message.user") == [{"text": "hi", "promptId": "p1"}]
    assert run.of("message.user")[0].source == "hook"


def test_a_prompt_that_the_hook_told_is_not_told_again_by_a_line_that_comes_late() -> None:
    run = started()
    run.hook("UserPromptSubmit", prompt="hi", prompt_id="p1")
    run.wait(2000)
    run.prompt("hi", id="p1")
    run.wait()
    assert [data["text"] for data in run.data("message.user")] == ["hi"]


def test_a_prompt_that_the_hook_told_to_the_run_before_is_not_told_again() -> None:
    run = started()
    run.world.is_told = {"m:s:p1"}.__contains__
    run.prompt("hi", id="p1")
    run.wait()
    assert run.data("message.user") == []


def test_a_prompt_whose_line_comes_in_time_is_told_by_the_line() -> None:
    run = started()
    run.hook("UserPromptSubmit", prompt="hi", prompt_id="p1")
    run.prompt("hi", id="p1")
    run.wait()
    assert [event.source for event in run.of("message.user")] == ["transcript"]
    assert run.data("message.user")[0]["uuid"]


def test_a_prompt_that_waits_for_its_line_is_told_at_the_end_at_the_latest() -> None:
    run = started()
    run.hook("UserPromptSubmit", prompt="hi", prompt_id="p1")
    run.hook("SessionEnd", reason="other")
    run.wait(500)
    assert run.types()[-3:] == ["message.user", "session.state_changed", "session.ended"]
    run.wait()
    assert len(run.data("message.user")) == 1


def test_a_task_notification_as_a_prompt_is_synthetic() -> None:
    run = started()
    run.hook("UserPromptSubmit", prompt="<task-notification>done</task-notification>", prompt_id="p1")
    run.wait()
    assert run.data("message.user")[0]["isSynthetic"] is True


# States


@pytest.mark.parametrize(
    ("tasks", "state"),
    [
        ([], "idle"),
        (None, "idle"),
        ([{"status": "completed"}], "idle"),
        ([{"status": "running"}], "background"),
        (["odd"], "idle"),
    ],
)
def test_stop_is_idle_or_background_by_what_still_runs(tasks: list[Any] | None, state: str) -> None:
    run = live(None)
    run.hook("Stop", prompt_id="p1", background_tasks=tasks)
    assert run.states()[-1] == state


def test_why_a_session_failed_is_the_text_of_an_error_that_has_no_name() -> None:
    words, failed = "API Error: 400 messages.1: something is wrong", []
    run = live()
    run.hook("StopFailure", error="unknown", last_assistant_message=words, prompt_id="p1")
    failed += run.data("session.state_changed")[-1:]
    run = Run()
    run.prompt()
    run.answer(text(words), model="<synthetic>", isApiErrorMessage=True, error="unknown")
    failed += run.data("session.state_changed")[-1:]
    assert [one["error"] for one in failed] == [words, words]


def test_a_failed_turn_stays_failed_until_the_next_prompt() -> None:
    run = live()
    run.hook("StopFailure", error="rate_limit", prompt_id="p1")
    run.file("idle")
    run.wait()
    assert run.data("session.state_changed")[-1] == {
        "state": "failed",
        "previous": "running",
        "since": run.of("hook.stop_failure")[0].timestamp,
        "error": "rate_limit",
    }
    assert run.data("message.result")[0]["subtype"] == "error_during_execution"
    run.hook("UserPromptSubmit", prompt="again", prompt_id="p2")
    assert run.states()[-1] == "running"


def fail(run: Run, teller: str) -> None:
    """The API refused the turn, as a hook or a line tells that was dated before anything else came of it."""
    at = START + 10
    if teller == "hook":
        run.hook("StopFailure", at=at, error="rate_limit", prompt_id="p1")
    else:
        run.answer(text("API Error"), at=at, model="<synthetic>", isApiErrorMessage=True, error="rate_limit")


def test_a_hook_that_is_told_for_the_state_alone_makes_no_event() -> None:
    run = live()
    payload = json.dumps({"hook_event_name": "UserPromptSubmit", "session_id": "s", "prompt": "x", "prompt_id": "p9"})
    assert run.see(HookSeen("old", run.now, hooks.parse(payload.encode()), silent=True)) == []


def resting() -> Run:
    """A session whose file was read after its turn failed, and says that it rests."""
    run = live().wait(20)
    run.file("idle")
    return run


@pytest.mark.parametrize("teller", ["hook", "line"])
def test_a_turn_failed_also_where_its_file_was_read_first_which_says_that_it_rests(teller: str) -> None:
    run = resting()
    fail(run, teller)
    run.wait()
    assert run.states()[-3:] == ["running", "idle", "failed"]
    assert run.data("session.state_changed")[-1]["since"] == START + 10
    run.hook("UserPromptSubmit", prompt="again", prompt_id="p2")
    assert run.states()[-1] == "running"


@pytest.mark.parametrize("teller", ["hook", "line"])
def test_of_a_turn_before_it_is_told_too_late_that_it_failed(teller: str) -> None:
    run = resting()
    run.file("busy")
    fail(run, teller)
    assert run.states()[-1] == "running"
    run.file("idle")
    fail(run, teller)
    assert run.states()[-1] == "idle"


def test_older_news_change_no_state() -> None:
    run = live(None)
    run.hook("Stop", prompt_id="p1")
    run.hook("PreToolUse", at=START + 1, **TOOL)
    run.hook("UserPromptSubmit", at=START + 1, prompt="x", prompt_id="p0")
    assert run.states()[-1] == "idle"


def test_a_background_subagent_wakes_nobody() -> None:
    run = live()
    run.hook("Stop", prompt_id="p1", background_tasks=[{"status": "running"}])
    run.hook("PreToolUse", agent_id="a1", agent_type="Explore", **TOOL)
    assert run.states()[-1] == "background"


# Permission


def test_a_permission_request_says_who_waits_for_what() -> None:
    run = live()
    run.hook("PreToolUse", **TOOL)
    run.hook("PermissionRequest", tool_name="Bash", tool_input={"command": "ls"}, permission_suggestions=[{"a": 1}])
    assert run.data("tool.permission_requested") == [
        {
            "toolName": "Bash",
            "toolUseId": "t1",
            "inputSummary": '{"command": "ls"}',
            "suggestions": [{"a": 1}],
        }
    ]
    [state] = run.data("session.state_changed")[-1:]
    assert state == {
        "state": "requires_action",
        "previous": "running",
        "since": run.of("hook.permission_request")[0].timestamp,
        "waitingFor": "permission",
        "tool": {"name": "Bash", "inputSummary": '{"command": "ls"}', "toolUseId": "t1"},
    }
    (session,) = run.world.snapshot()[0]
    assert session.waiting_for == "permission"
    assert session.tool is not None
    assert session.tool.name == "Bash"


def test_of_several_calls_the_one_with_that_input_waits() -> None:
    run = live()
    for number in range(3):
        run.hook("PreToolUse", tool_name="Bash", tool_use_id=f"t{number}", tool_input={"n": number})
    run.hook("PermissionRequest", tool_name="Bash", tool_input={"n": 1})
    run.hook("PermissionRequest", tool_name="Bash", tool_input={"n": 9})
    assert [data.get("toolUseId") for data in run.data("tool.permission_requested")] == ["t1", None]


def test_the_owner_allows() -> None:
    run = live()
    run.hook("PreToolUse", **TOOL)
    run.hook("PermissionRequest", tool_name="Bash", tool_input={"command": "ls"})
    run.now += 5000
    run.hook("PostToolUse", **TOOL, tool_response={"stdout": "x"}, duration_ms=83)
    assert run.states() == ["running", "requires_action", "running"]
    assert run.outcomes() == {"t1": "ok"}
    assert run.data("tool.result")[0]["durationMs"] == 83


def test_the_owner_denies_and_only_the_transcript_tells() -> None:
    run = live()
    run.hook("PreToolUse", **TOOL)
    run.answer(call("t1", command="ls"), stop="tool_use")
    run.hook("PermissionRequest", tool_name="Bash", tool_input={"command": "ls"})
    run.result("t1", DENIED, error=True, note="User rejected tool use")
    run.interrupt()
    run.wait()
    assert run.outcomes() == {"t1": "denied"}
    assert run.states()[-1] == "idle"
    assert run.data("message.result")[0]["subtype"] == "interrupted"


def test_the_owner_presses_escape() -> None:
    run = live()
    run.hook("PreToolUse", **TOOL)
    run.answer(call("t1", command="ls"), stop="tool_use")
    run.hook("PermissionRequest", tool_name="Bash", tool_input={"command": "ls"})
    run.interrupt()
    run.wait()
    assert run.outcomes() == {"t1": "interrupted"}
    assert run.states() == ["running", "requires_action", "idle"]
    assert run.data("tool.result")[0]["isInterrupt"] is True


def test_escape_while_a_call_runs_has_the_words_of_a_denial_but_nobody_was_asked() -> None:
    run = live()
    run.hook("PreToolUse", **TOOL)
    run.answer(call("t1", command="ls"), stop="tool_use")
    run.result("t1", DENIED, error=True, note="User rejected tool use")
    run.interrupt()
    assert run.outcomes() == {"t1": "interrupted"}


def test_what_the_file_says_was_answered_is_not_waited_for_again() -> None:
    run = live()
    run.hook("Elicitation", message="Which?", mcp_server_name="notes", agent_id="a1", agent_type="Explore")
    run.file("busy", startedAt=START)
    run.hook("PreToolUse", **TOOL)
    run.hook("PermissionRequest", **asking(None))
    run.hook("PostToolUse", **TOOL, tool_response="ok")
    assert run.states() == ["running", "requires_action", "running", "requires_action", "running"]


def printing(status: str = "busy") -> Run:
    """``claude -p`` of a version that has its status in the session file, and a call that needs a permission."""
    run = Run()
    run.file(status, entrypoint="sdk-cli", startedAt=START)
    run.prompt()
    run.hook("PreToolUse", **TOOL, prompt_id="p1")
    return run


def test_a_request_where_nobody_can_be_asked_needs_nobody() -> None:
    run = printing()
    run.hook("PermissionRequest", **asking(None))
    batch = [{**TOOL, "tool_response": "ls needs approval."}]
    run.hook("PostToolBatch", tool_calls=batch, prompt_id="p1")
    run.wait()
    assert run.of("tool.permission_requested")
    assert run.outcomes() == {"t1": "denied"}
    assert "requires_action" not in run.states()


def test_a_request_that_somebody_else_has_granted_needs_nobody() -> None:
    run = printing()
    run.hook("PermissionRequest", **asking(None))
    run.wait(1000)
    assert "requires_action" not in run.states(), "the call runs"


@pytest.mark.parametrize("first", ["hook", "file"])
def test_a_request_that_a_program_passes_on_needs_somebody_as_soon_as_the_file_says_so(first: str) -> None:
    run = printing()
    run.hook("PreToolUse", tool_name="Read", tool_use_id="t2", tool_input={}, prompt_id="p1")
    if first == "file":
        run.file("waiting", waitingFor="permission prompt", entrypoint="sdk-cli", startedAt=START)
    run.hook("PermissionRequest", **asking(None))
    if first == "hook":
        run.file("waiting", waitingFor="permission prompt", entrypoint="sdk-cli", startedAt=START)
    run.wait(1000)
    state = run.data("session.state_changed")[-1]
    assert (state["waitingFor"], state["tool"]["toolUseId"]) == ("permission", "t1")
    run.file("busy", entrypoint="sdk-cli", startedAt=START)
    assert run.states()[-1] == "running"


def test_a_question_is_not_a_permission() -> None:
    run = live()
    run.hook("PermissionRequest", tool_name="AskUserQuestion", tool_input={"questions": []})
    assert run.data("session.state_changed")[-1]["waitingFor"] == "question"


def test_the_session_file_alone_tells_that_it_waits_and_for_the_only_call() -> None:
    run = live()
    run.answer(call("t1", command="ls"), stop="tool_use")
    run.file("waiting", waitingFor="permission prompt")
    [state] = run.data("session.state_changed")[-1:]
    assert (state["state"], state["waitingFor"]) == ("requires_action", "permission")
    assert state["tool"]["toolUseId"] == "t1"


def test_a_file_that_says_input_needed_tells_of_claudes_question_before_the_hook_does() -> None:
    run = live()
    run.hook("PreToolUse", **TOOL)
    question: dict[str, Any] = {"tool_name": "AskUserQuestion", "tool_input": {"questions": []}}
    run.hook("PreToolUse", **question, tool_use_id="t2")
    run.file("waiting", waitingFor="input needed")
    run.hook("PermissionRequest", **question)
    [state] = [data for data in run.data("session.state_changed") if data["state"] == "requires_action"]
    assert (state["waitingFor"], state["tool"]["toolUseId"]) == ("question", "t2")


def test_a_file_that_says_input_needed_tells_of_a_servers_question_before_the_hook_does() -> None:
    run = live()
    run.hook("PreToolUse", tool_name="mcp__notes__add", tool_use_id="t1", tool_input={})
    run.file("waiting", waitingFor="input needed")
    run.hook("Elicitation", message="Which colour?", mcp_server_name="notes")
    [state] = [data for data in run.data("session.state_changed") if data["state"] == "requires_action"]
    assert (state["waitingFor"], state.get("tool")) == ("elicitation", None)


@pytest.mark.parametrize("name", ["Bash", "AskUserQuestion"])
def test_for_which_of_several_calls_it_waits_is_told_when_the_hook_comes_after_the_file(name: str) -> None:
    run = live()
    run.hook("PreToolUse", **TOOL)
    run.hook("PreToolUse", **{**TOOL, "tool_use_id": "t2", "tool_name": name, "tool_input": {"a": 1}})
    run.now += 5
    run.file("waiting", waitingFor="permission prompt")
    assert "tool" not in run.data("session.state_changed")[-1]
    run.now -= 3
    run.hook("PermissionRequest", tool_name=name, tool_input={"a": 1})
    state = run.data("session.state_changed")[-1]
    waits = "permission" if name == "Bash" else "question"
    assert (state["state"], state["waitingFor"], state["tool"]["toolUseId"]) == ("requires_action", waits, "t2")


def test_the_next_call_is_named_where_the_file_went_on_to_wait_for_it_before_the_hook_came() -> None:
    run = live()
    run.hook("PreToolUse", **TOOL)
    run.hook("PermissionRequest", tool_name=TOOL["tool_name"], tool_input=TOOL["tool_input"])
    run.file("waiting", waitingFor="permission prompt")
    run.hook("PostToolUse", **TOOL, tool_response={})
    run.hook("PreToolUse", tool_name="Write", tool_use_id="t2", tool_input={"b": 1})
    run.hook("PermissionRequest", tool_name="Write", tool_input={"b": 1})
    state = run.data("session.state_changed")[-1]
    assert (state["state"], state["tool"]["toolUseId"]) == ("requires_action", "t2")


def test_the_file_does_not_unsay_what_the_hook_knew_better() -> None:
    run = live()
    run.hook("Elicitation", message="Which?", mcp_server_name="notes")
    run.file("waiting", waitingFor="dialog open")
    assert run.data("session.state_changed")[-1]["waitingFor"] == "elicitation"


def asking(agent: str | None = None, tool: str = "t1") -> dict[str, Any]:
    """What the hooks of a call say that asks, but for its id, which PermissionRequest does not know."""
    inside = {"agent_id": agent, "agent_type": "general-purpose"} if agent else {}
    return {"tool_name": "Bash", "tool_input": {"command": f"rm {tool}"}, **inside}


def ask(run: Run, agent: str | None = None, tool: str = "t1") -> None:
    run.hook("PreToolUse", tool_use_id=tool, **asking(agent, tool))
    run.hook("PermissionRequest", **asking(agent, tool))


def waits(run: Run) -> str | None:
    """The call for which the session waits."""
    (session,) = run.world.snapshot()[0]
    assert (session.state == "requires_action") == (session.tool is not None)
    return session.tool.tool_use_id if session.tool else None


@pytest.mark.parametrize("agent", [None, "a1"])
@pytest.mark.parametrize("other", [None, "a2"])
def test_a_session_waits_whatever_else_works_in_it(agent: str | None, other: str | None) -> None:
    run = live()
    ask(run, agent)
    run.hook("PreToolUse", tool_use_id="t2", **asking(other, "t2"))
    run.hook("PostToolUse", tool_use_id="t2", **asking(other, "t2"), tool_response="done")
    assert waits(run) == "t1"
    run.hook("PostToolUse", tool_use_id="t1", **asking(agent), tool_response="done")
    assert run.states() == ["running", "requires_action", "running"]


def test_a_session_waits_for_what_a_background_agent_asked_when_its_turn_is_over() -> None:
    run = live(None)
    ask(run, "a1")
    ask(run, None, "t2")
    assert waits(run) == "t2"
    run.hook("Stop", prompt_id="p1")
    assert waits(run) == "t1"


def test_a_session_does_not_wait_for_what_an_agent_asked_that_is_gone() -> None:
    run = live(None)
    ask(run, "a1")
    run.hook("SubagentStop", agent_id="a1", agent_type="Explore")
    run.hook("Stop", prompt_id="p1")
    assert run.states()[-2:] == ["requires_action", "idle"]


def test_of_several_calls_that_wait_the_newest_is_told_as_its_dialog_is_on_top() -> None:
    run = live()
    for number in (1, 2, 3):
        ask(run, f"a{number}", f"t{number}")
        assert waits(run) == f"t{number}"
    for answered, left in ((3, "t2"), (1, "t2"), (2, None)):
        run.hook("PostToolUse", tool_use_id=f"t{answered}", **asking(f"a{answered}"), tool_response="done")
        assert waits(run) == left
    told = [data["tool"]["toolUseId"] for data in run.data("session.state_changed") if "tool" in data]
    assert told == ["t1", "t2", "t3", "t2"]
    assert run.states()[-1] == "running"


def test_a_session_waits_as_long_as_its_file_says_so() -> None:
    run = live()
    ask(run, "a1")
    run.file("waiting", waitingFor="permission prompt")
    run.hook("PostToolUse", tool_use_id="t1", **asking("a1"), tool_response="done")
    run.answer(call("t2", command="ls"), stop="tool_use")
    run.hook("Stop", prompt_id="p1", background_tasks=[{"status": "running"}])
    run.wait()
    assert run.states() == ["running", "requires_action"]
    run.file("shell")
    assert run.states() == ["running", "requires_action", "background"]


def test_a_new_run_does_not_wait_for_what_the_last_one_did() -> None:
    run = live()
    run.file("waiting", waitingFor="permission prompt")
    run.gone()
    run.wait(20_000)
    ask(run)
    run.hook("PostToolUse", tool_use_id="t1", **asking(), tool_response="done")
    run.wait(1000)
    assert run.states()[-4:] == ["idle", "running", "requires_action", "running"]


def test_a_call_whose_id_is_not_known_was_answered_when_its_agent_goes_on() -> None:
    run = live()
    run.hook("PermissionRequest", **asking("a1"))
    run.hook("PreToolUse", tool_use_id="t2", **asking("a2", "t2"))
    assert run.states()[-1] == "requires_action"
    run.hook("PreToolUse", tool_use_id="t3", **asking("a1", "t3"))
    assert run.states()[-1] == "running"


@pytest.mark.parametrize("by_hook", [True, False])
def test_a_denied_call_was_answered_when_claude_goes_on(by_hook: bool) -> None:
    run = live()
    run.answer(call("t1", command="rm t1"), stop="tool_use")
    ask(run)
    if by_hook:
        run.hook("PostToolBatch", tool_calls=[{"tool_use_id": "t1", "tool_name": "Bash", "tool_response": DENIED}])
    else:
        run.result("t1", DENIED, error=True, note="User rejected tool use")
    run.answer(call("t2", command="ls"), id="msg2", stop="tool_use")
    assert run.states()[-1] == "running"


def test_an_elicitation_waits_while_an_agent_works() -> None:
    run = live()
    run.hook("Elicitation", message="Which?", mcp_server_name="notes", mode="form")
    ask(run, "a1")
    run.hook("PostToolUse", tool_use_id="t1", **asking("a1"), tool_response="done")
    assert run.data("session.state_changed")[-1]["waitingFor"] == "elicitation"
    run.hook("ElicitationResult", action="cancel", mcp_server_name="notes", mode="form")
    assert run.states()[-1] == "running"


def test_a_call_with_an_agent_at_work_is_not_the_one_that_waits() -> None:
    run = live()
    run.answer(call("t1", "Agent"), call("t2", "Agent"), stop="tool_use")
    run.meta("a1", agentType="general-purpose", toolUseId="t1")
    run.meta("a2", agentType="general-purpose", toolUseId="t2")
    run.answer(call("t3", command="rm x"), agent="a1", id="msg2", stop="tool_use")
    run.file("waiting", waitingFor="permission prompt")
    assert waits(run) == "t3"


def test_a_denial_without_asking_ends_the_call() -> None:
    run = live()
    run.hook("PreToolUse", **TOOL)
    run.hook("PermissionDenied", **TOOL, reason="[Git Destructive] force push")
    assert run.data("tool.permission_denied") == [
        {"toolName": "Bash", "toolUseId": "t1", "reason": "[Git Destructive] force push"}
    ]
    assert run.outcomes() == {"t1": "denied"}
    assert run.data("tool.result")[0]["error"] == "[Git Destructive] force push"


# The rest


def test_an_elicitation_is_a_question_and_waits() -> None:
    run = live()
    run.hook("Elicitation", message="Which?", mcp_server_name="notes", mode="form", requested_schema={"type": "object"})
    run.hook("ElicitationResult", action="cancel", mcp_server_name="notes", mode="form")
    assert run.data("mcp.elicitation") == [
        {"question": "Which?", "serverName": "notes", "mode": "form", "schema": {"type": "object"}}
    ]
    assert run.data("mcp.elicitation_result") == [{"action": "cancel", "serverName": "notes"}]
    assert run.states() == ["running", "requires_action", "running"]


def test_the_originals_elicitation_has_fields_of_its_own() -> None:
    run = live()
    run.original("Elicitation", question="Which?", options=["a", "b"], timeout=30, source="notes")
    run.original("ElicitationResult", answer="a", source="notes")
    assert run.data("mcp.elicitation") == [
        {"question": "Which?", "options": ["a", "b"], "timeout": 30.0, "source": "notes"}
    ]
    assert run.data("mcp.elicitation_result") == [{"answer": "a", "source": "notes"}]


def test_files_and_folders_that_change_in_both_forms() -> None:
    run = live()
    run.hook("FileChanged", file_path="/app/.env", event="change")
    run.original("FileChanged", path="/app/x", change_type="add")
    run.hook("CwdChanged", cwd="/app", old_cwd="/app", new_cwd="/app/sub")
    run.original("CwdChanged", cwd="/other")
    assert run.data("file.changed") == [
        {"path": "/app/.env", "changeType": "change"},
        {"path": "/app/x", "changeType": "add"},
    ]
    assert run.data("cwd.changed") == [{"newCwd": "/app/sub", "oldCwd": "/app"}, {"newCwd": "/other"}]
    assert run.world.snapshot()[0][0].cwd == "/other"


def test_a_subagent_that_changes_its_folder_does_not_move_the_session() -> None:
    run = live()
    run.hook("CwdChanged", old_cwd="/app", new_cwd="/app/sub", agent_id="a1", agent_type="Explore")
    assert run.world.snapshot()[0][0].cwd == "/app"


def test_tasks_worktrees_and_streamed_text() -> None:
    run = live()
    run.hook("TaskCreated", task_id="1", task_subject="Write", task_description="Write it")
    run.hook("TaskCompleted", task_id="1", task_subject="Write")
    run.hook("WorktreeRemove", worktree_path="/app/wt")
    run.hook("MessageDisplay", message_id="d1", turn_id="x1", index=2, delta="Hel", final=False)
    assert run.data("task.created") == [{"taskId": "1", "subject": "Write", "description": "Write it"}]
    assert run.data("task.completed") == [{"taskId": "1", "subject": "Write"}]
    assert run.data("worktree.removed") == [{"path": "/app/wt"}]
    assert run.data("stream.delta") == [{"text": "Hel", "index": 2, "final": False, "displayId": "d1", "turnId": "x1"}]
    assert run.twice() == []


def test_a_compaction_comes_from_the_hook_only_where_there_is_no_transcript() -> None:
    run = started()
    run.hook("PostCompact", trigger="manual", compact_summary="So far")
    assert run.data("session.compacted") == [{"trigger": "manual", "summary": "So far"}]
    run = live()
    run.hook("PostCompact", trigger="manual", compact_summary="So far")
    run.line("system", subtype="compact_boundary", compactMetadata={"trigger": "manual"})
    assert run.data("session.compacted") == [{"trigger": "manual"}]
