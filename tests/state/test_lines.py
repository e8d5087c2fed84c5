"""What a transcript line says."""

from __future__ import annotations

from typing import Any

import pytest

from tests.state.running import START, Run, call, live, text


def test_the_first_line_of_a_session_without_hooks_is_its_start() -> None:
    run = Run()
    run.file()
    run.line("mode", uuid=None)
    assert run.data("session.started") == []
    run.prompt(version="2.1.197", permissionMode="plan")
    run.hook("SessionStart", source="startup")
    assert run.data("session.started") == [{"version": "2.1.197", "cwd": "/app"}]


@pytest.mark.parametrize(
    ("content", "more", "synthetic"),
    [
        ("Do it", {}, None),
        ([{"type": "text", "text": "Do it"}], {}, None),
        ("Do it", {"origin": {"kind": "human"}}, None),
        ("Do it", {"isMeta": True}, True),
        ("Do it", {"isCompactSummary": True}, True),
        ("Do it", {"origin": {"kind": "task-notification"}}, True),
        ("<system-reminder>x</system-reminder>", {}, True),
        ("<task-notification>x</task-notification>", {}, True),
        ("<command-name>/x</command-name>", {}, True),
        ("<bash-input>ls</bash-input>", {}, True),
        ('Another Claude session sent a message:\n<teammate-message teammate_id="al">', {}, True),
        ("A peer session sent a message while you were working:\n", {}, True),
        ("<teammate-message>", {}, True),
        ("<cross-session-message>", {}, True),
        ("what does <command-name> mean?", {}, None),
    ],
)
def test_what_claude_code_puts_in_the_users_mouth_is_synthetic(
    content: Any, more: dict[str, Any], synthetic: bool | None
) -> None:
    run = Run()
    run.line("user", message={"content": content}, promptId="p1", **more)
    [data] = run.data("message.user")
    assert data.get("isSynthetic") is synthetic
    assert data["text"] == (content if isinstance(content, str) else "Do it")


@pytest.mark.parametrize("by_hook", [True, False])
def test_what_another_session_says_is_told_once(by_hook: bool) -> None:
    run = Run()
    run.hook("SessionStart", source="startup")
    said = '<cross-session-message from-name="one">\nLook\n</cross-session-message>'
    if by_hook:
        run.hook("UserPromptSubmit", prompt=said, prompt_id="p1")
        run.wait(2000)
    line = f"Another Claude session sent a message:\n{said}"
    run.line("user", message={"content": line}, promptId="p1", isMeta=True, origin={"kind": "peer"})
    run.wait()
    [data] = run.data("message.user")
    assert data["isSynthetic"] is True
    assert said in data["text"]


def test_what_a_member_of_the_team_says_is_told_though_it_has_the_id_of_a_prompt_that_a_hook_told() -> None:
    run = Run()
    run.hook("SessionStart", source="startup")
    run.hook("UserPromptSubmit", prompt="Do it", prompt_id="p1")
    run.wait(2000)
    run.prompt("Do it")
    run.prompt("Another Claude session sent a message:\n<teammate-message>\nDone.\n</teammate-message>")
    assert [data.get("isSynthetic") for data in run.data("message.user")] == [None, True]


def test_which_tools_were_used_is_no_message() -> None:
    run = live()
    told = len(run.data("message.user"))
    note = "<system-reminder>\n<tools-used-before-summary>Bash</tools-used-before-summary>\n</system-reminder>"
    run.line("user", message={"content": note}, promptId="p2", isMeta=True)
    assert len(run.data("message.user")) == told
    run.line("user", message={"content": "<system-reminder>\nBe quick.\n</system-reminder>"}, promptId="p2")
    assert run.data("message.user")[-1]["isSynthetic"] is True


def queue(run: Run, prompt: Any, *, agent: str | None = None, **more: Any) -> None:
    """A prompt that was typed while Claude was busy is taken into the turn that runs."""
    run.line("attachment", agent=agent, attachment={"type": "queued_command", "prompt": prompt, **more})


@pytest.mark.parametrize(
    ("prompt", "more", "synthetic"),
    [
        ("and this", {"origin": {"kind": "human"}}, None),
        ([{"type": "text", "text": "and this"}, {"type": "image"}], {}, None),
        ("and this", {"isMeta": True}, True),
        ("and this", {"origin": {"kind": "coordinator"}}, True),
        ("<teammate-message>and this", {}, True),
    ],
)
def test_a_prompt_that_a_running_turn_takes_is_told_and_begins_none(
    prompt: Any, more: dict[str, Any], synthetic: bool | None
) -> None:
    run = live()
    run.answer(call("t1"), stop="tool_use")
    queue(run, prompt, commandMode="prompt", **more)
    run.result("t1")
    run.answer(id="msg2")
    run.file("idle")
    run.wait()
    told = run.of("message.user")[-1]
    assert (told.id, told.data.prompt_id) == (f"m:s:{told.data.uuid}", "p1")
    assert told.data.text.endswith("and this")
    assert told.data.is_synthetic is synthetic
    assert [data["numTurns"] for data in run.data("message.result")] == [2]


def test_a_task_notification_that_a_running_turn_takes_ends_its_subagent() -> None:
    run = live()
    run.meta("a1", agentType="Explore", toolUseId="t1")
    run.prompt("Look", agent="a1")
    text = "<task-notification><tool-use-id>t1</tool-use-id></task-notification>"
    queue(run, text, commandMode="task-notification", origin={"kind": "task-notification"})
    assert run.data("message.user")[-1]["isSynthetic"] is True
    assert [data["agentId"] for data in run.data("agent.stopped")] == ["a1"]


def test_a_message_that_a_running_subagent_takes_is_told_as_its_own() -> None:
    run = live()
    run.meta("a1")
    run.prompt("Look", agent="a1")
    queue(run, "and there", agent="a1")
    assert [(one.agent_id, one.data.text) for one in run.of("message.user")][-1] == ("a1", "and there")


def test_results_alone_are_no_message_but_words_beside_them_are() -> None:
    run = live()
    told = len(run.data("message.user"))
    run.answer(call("t1"), stop="tool_use")
    run.result("t1")
    assert len(run.data("message.user")) == told
    block = {"type": "tool_result", "tool_use_id": "t2", "content": "x"}
    run.line("user", message={"content": [block, text("and this")]}, promptId="p1")
    assert run.data("message.user")[-1]["text"] == "and this"


def test_a_message_keeps_its_blocks_and_usage_as_they_came() -> None:
    run = live()
    block = {"type": "thinking", "thinking": "Hm\u2028", "signature": "x", "n": 1.50}
    run.answer(block, usage={"input_tokens": 1, "server_tool_use": {"web": 0}})
    [data] = run.data("message.assistant")
    assert data["contentBlocks"] == [block]
    assert data["usage"] == {"input_tokens": 1, "server_tool_use": {"web": 0}}


def test_every_line_has_a_fact_of_its_own_under_its_uuid() -> None:
    run = live()
    run.answer(uuid="the-uuid")
    assert run.of("message.assistant")[0].id == "m:s:the-uuid"
    assert run.of("message.assistant")[0].timestamp == run.now - 1


def test_the_session_learns_from_its_lines() -> None:
    run = Run()
    run.file()
    run.prompt(cwd="/new", version="3.0", gitBranch="main", entrypoint="cli", permissionMode="acceptEdits")
    run.answer(model="haiku", cwd="/new", version="3.0")
    run.line("permission-mode", permissionMode="plan", cwd=None, version=None)
    [info] = run.world.snapshot()[0]
    assert (info.cwd, info.version, info.git_branch, info.entrypoint) == ("/new", "3.0", "main", "cli")
    assert (info.model, info.permission_mode) == ("haiku", "plan")


def test_a_subagents_lines_do_not_move_the_session() -> None:
    run = live()
    run.answer(agent="a1", id="msg9", cwd="/elsewhere", model="haiku", version="9")
    [info] = run.world.snapshot()[0]
    assert (info.cwd, info.model, info.version) == ("/app", "opus", "2.1.197")


def test_a_new_name_is_told_once_by_whoever_knows_it_first() -> None:
    run = Run()
    run.file(name="app-70")
    run.line("agent-name", agentName="app-70")
    run.line("custom-title", customTitle="parser rewrite")
    run.file(name="parser rewrite")
    run.file(name="another")
    run.wait(1000)
    assert run.data("session.renamed") == [{"name": "parser rewrite"}, {"name": "another"}]
    assert [event.source for event in run.of("session.renamed")] == ["transcript", "session_file"]
    assert run.world.snapshot()[0][0].name == "another"
    assert run.world.snapshot()[1][0].name == "another"


def test_a_new_name_is_told_with_the_time_at_which_it_came() -> None:
    run = live()
    run.answer()
    last = run.now
    run.wait(3_600_000)
    run.line("custom-title", customTitle="parser rewrite", uuid=None, at=last)  # as of the line before
    assert run.of("session.renamed")[-1].timestamp >= last + 3_600_000


def test_a_compaction_is_told_and_its_summary_is_synthetic() -> None:
    run = live()
    run.line("system", subtype="compact_boundary", compactMetadata={"trigger": "auto", "preTokens": 9}, uuid="b")
    run.prompt("This session continues", isCompactSummary=True)
    assert run.data("session.compacted") == [{"trigger": "auto"}]
    assert run.of("session.compacted")[0].id == "m:s:b:compacted"
    assert run.data("message.user")[-1]["isSynthetic"] is True


@pytest.mark.parametrize(
    "type",
    [
        "attachment",
        "queue-operation",
        "mode",
        "file-history-snapshot",
        "worktree-state",
        "summary",
        "relocated",
        "never-heard-of",
    ],
)
def test_other_lines_say_nothing(type: str) -> None:
    run = live()
    told = len(run.events)
    run.line(type, content="x", worktreePath="/x")
    run.wait()
    assert run.events[told:] == []


def test_a_line_that_is_older_than_the_state_does_not_change_it() -> None:
    run = live(None)
    run.hook("Stop", prompt_id="p1")
    run.answer(at=START + 3)
    assert run.states()[-1] == "idle"


def test_a_message_without_blocks_or_uuid_is_still_a_message() -> None:
    run = live()
    run.line("assistant", message={"model": None}, uuid=None)
    assert run.data("message.assistant") == [{"contentBlocks": []}]
    assert run.of("message.assistant")[0].id == f"m:s:{run.now - 1}"


def test_a_call_without_a_name_is_of_an_unknown_tool_and_one_without_an_id_is_none() -> None:
    run = live()
    run.answer({"type": "tool_use", "id": "t1"}, {"type": "tool_use", "name": "Bash"}, stop="tool_use")
    assert [(data["toolUseId"], data["toolName"]) for data in run.data("tool.use")] == [("t1", "unknown")]
