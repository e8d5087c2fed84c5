"""Subagents start and stop once for each run, with the calls that made them."""

from __future__ import annotations

from typing import Any

import pytest

from clawsocket.state import agents
from tests.state.running import Run, call, live, text, tokens

META: dict[str, Any] = {"agentType": "Explore", "description": "Look around", "toolUseId": "t1", "spawnDepth": 1}


def with_agent(**input: Any) -> Run:
    """The main agent called Agent."""
    run = live()
    run.answer(call("t1", "Agent", prompt="Look", **input), stop="tool_use")
    return run


def starts(run: Run) -> list[dict[str, Any]]:
    return run.data("agent.started")


def done(run: Run) -> list[str]:
    """What the subagent was told to do, in turn."""
    return [event.type for event in run.events if event.agent_id == "a1"]


def test_the_main_agent_works_where_its_session_does() -> None:
    run = live()
    run.hook("CwdChanged", old_cwd="/app", new_cwd="/app/web")
    assert [agent.cwd for agent in run.world.snapshot()[1]] == ["/app/web"]


def test_a_start_waits_for_who_made_it() -> None:
    run = with_agent()
    run.hook("SubagentStart", agent_id="a1", agent_type="Explore")
    assert starts(run) == []
    run.meta("a1", **META)
    assert starts(run) == [
        {
            "agentId": "a1",
            "agentType": "Explore",
            "cwd": "/app",
            "parentToolUseId": "t1",
            "description": "Look around",
            "parentAgentId": "master-s",
            "source": "transcript",
        }
    ]
    assert run.of("agent.started")[0].agent_id == "a1"


@pytest.mark.parametrize(("shape", "background"), [("background", True), ("foreground", None), (None, None)])
def test_a_meta_file_tells_of_an_agent_in_the_background_whose_call_does_not(
    shape: str | None, background: bool | None
) -> None:
    run = with_agent()
    run.hook("SubagentStart", agent_id="a1", agent_type="Explore")
    run.meta("a1", **META, requestShape=shape)
    assert [data.get("background") for data in starts(run)] == [background]


@pytest.mark.parametrize("name", ["worktreePath", "inheritedWorktreePath"])
def test_an_agent_in_a_worktree_works_there(name: str) -> None:
    run = with_agent()
    run.hook("SubagentStart", agent_id="a1", agent_type="Explore")
    run.meta("a1", **META | {name: "/app/.claude/worktrees/one"})
    assert [data["cwd"] for data in starts(run)] == ["/app/.claude/worktrees/one"]
    assert [agent.cwd for agent in run.world.snapshot()[1]] == ["/app", "/app/.claude/worktrees/one"]


def test_an_agent_works_where_its_lines_say() -> None:
    run = with_agent()
    run.prompt("Look", agent="a1", isSidechain=True, cwd="/app/web")
    run.meta("a1", **META)
    assert [data["cwd"] for data in starts(run)] == ["/app/web"]
    run.answer(text("Found."), agent="a1", cwd="/app/docs")
    assert [agent.cwd for agent in run.world.snapshot()[1]] == ["/app", "/app/docs"]


@pytest.mark.parametrize("is_first", [True, False])
def test_what_the_call_gave_back_says_of_an_agent_in_the_background_what_its_file_does(is_first: bool) -> None:
    run = with_agent()

    def start() -> None:
        run.hook("SubagentStart", agent_id="a1", agent_type="Explore", cwd="/app/.claude/worktrees/one")

    if not is_first:
        start()
    made = {"status": "async_launched", "agentId": "a1", "description": "Look around"}
    run.hook("PostToolUse", tool_name="Agent", tool_use_id="t1", tool_input={}, tool_response=made)
    if is_first:
        assert starts(run) == []
        start()
    assert starts(run) == [
        {
            "agentId": "a1",
            "agentType": "Explore",
            "cwd": "/app/.claude/worktrees/one",
            "parentToolUseId": "t1",
            "description": "Look around",
            "parentAgentId": "master-s",
            "background": True,
            "source": "hook",
        }
    ]
    assert run.world.snapshot()[0][0].cwd == "/app"


def test_what_a_call_gave_back_makes_no_agent_that_is_done() -> None:
    run = with_agent()
    made = {"status": "completed", "agentId": "a1"}
    run.hook("PostToolUse", tool_name="Agent", tool_use_id="t1", tool_input={}, tool_response=made)
    run.wait()
    assert [agent.agent_type for agent in run.world.snapshot()[1]] == ["master"]


@pytest.mark.parametrize("what", ["a call", "the end", "a second"])
def test_the_file_is_looked_for_once_more_before_a_start_is_told_without_it(what: str) -> None:
    run = with_agent()
    run.hook("SubagentStart", agent_id="a1", agent_type="Explore")
    asked = []

    def look(session_id: str, agent_id: str) -> None:
        asked.append((session_id, agent_id))
        run.meta(agent_id, **META)

    run.world.on_unknown_agent = look
    if what == "a call":
        run.hook("PreToolUse", agent_id="a1", tool_name="Bash", tool_use_id="t2", tool_input={})
    elif what == "the end":
        run.hook("SubagentStop", agent_id="a1", agent_type="Explore")
    else:
        run.wait()
    assert [data["description"] for data in starts(run)] == ["Look around"]
    assert next(one for one in done(run) if not one.startswith("hook.")) == "agent.started"
    assert asked == [("s", "a1")]


def test_the_file_of_an_agent_is_not_looked_for_that_is_known() -> None:
    run = with_agent()
    run.hook("SubagentStart", agent_id="a1", agent_type="Explore")
    asked: list[str] = []
    run.world.on_unknown_agent = lambda _session_id, agent_id: asked.append(agent_id)
    run.meta("a1", **META)
    run.hook("PreToolUse", agent_id="a1", tool_name="Bash", tool_use_id="t2", tool_input={})
    run.hook("SubagentStop", agent_id="a1", agent_type="Explore")
    run.wait()
    assert asked == []


def test_a_meta_file_is_waited_for_that_takes_as_long_as_on_a_busy_machine() -> None:
    run = with_agent()
    run.hook("SubagentStart", agent_id="a1", agent_type="Explore")
    run.wait(800)
    run.meta("a1", **META)
    assert [(data["description"], data["parentToolUseId"]) for data in starts(run)] == [("Look around", "t1")]


def test_it_is_not_waited_for_longer_than_a_moment() -> None:
    run = with_agent()
    run.hook("SubagentStart", agent_id="a1", agent_type="Explore")
    run.wait(1001)
    assert [(data["agentId"], data["agentType"], data.get("parentToolUseId")) for data in starts(run)] == [
        ("a1", "Explore", None)
    ]


def test_a_meta_file_that_comes_late_is_no_second_start_but_is_known() -> None:
    run = with_agent()
    run.hook("SubagentStart", agent_id="a1", agent_type="Explore")
    run.wait(1000)
    run.meta("a1", **META)
    assert len(starts(run)) == 1
    [changed] = run.data("agent.state_changed")[-1:]
    [agent] = [agent for agent in changed["agents"] if agent["agentId"] == "a1"]
    assert (agent["parentToolUseId"], agent["description"]) == ("t1", "Look around")


def test_a_meta_file_that_comes_after_the_stop_is_no_second_start_either() -> None:
    run = with_agent()
    run.hook("SubagentStart", agent_id="a1", agent_type="Explore")
    run.hook("SubagentStop", agent_id="a1", agent_type="Explore")
    run.now += 5000
    run.meta("a1", **META)
    run.wait()
    assert (len(starts(run)), len(run.data("agent.stopped"))) == (1, 1)
    assert run.world.snapshot()[1][-1].status == "offline"


def test_how_it_is_is_told_behind_its_start() -> None:
    run = with_agent()
    run.hook("SubagentStart", agent_id="a1", agent_type="Explore")
    run.wait(900)
    assert [agent["agentId"] for data in run.data("agent.state_changed") for agent in data["agents"]].count("a1") == 0
    run.wait(100)
    assert [event.type for event in run.events][-2:] == ["agent.started", "agent.state_changed"]
    [agent] = run.data("agent.state_changed")[-1]["agents"]
    assert (agent["agentId"], agent["status"]) == ("a1", "working")


def test_its_start_is_told_before_anything_that_it_does() -> None:
    run = with_agent()
    run.hook("SubagentStart", agent_id="a1", agent_type="Explore")
    run.hook("PreToolUse", tool_name="Read", tool_use_id="t2", tool_input={}, agent_id="a1", agent_type="Explore")
    assert run.types()[-2:] == ["agent.started", "tool.use"]
    assert run.of("tool.use")[-1].agent_id == "a1"


def test_what_it_does_waits_with_its_start_for_what_it_is_where_no_hook_has_told() -> None:
    run = with_agent()
    run.prompt("Look", agent="a1", isSidechain=True)
    run.answer(call("t2", "Read"), stop="tool_use", id="msg2", agent="a1")
    assert done(run) == []
    run.meta("a1", **META)
    run.result("t2", agent="a1")
    assert done(run) == ["agent.started", "message.user", "message.assistant", "tool.use", "tool.result"]
    assert [(data["agentType"], data["parentToolUseId"]) for data in starts(run)] == [("Explore", "t1")]
    assert run.twice() == []


def test_the_start_of_one_that_is_no_news_is_not_told() -> None:
    run = with_agent()
    run.meta("a1", **META, silent=True)
    assert starts(run) == []


@pytest.mark.parametrize("agent", ["a9", None])
def test_the_result_of_one_that_nobody_has_told_of_makes_none(agent: str | None) -> None:
    run = with_agent()
    run.result("t1", note={"agentId": agent, "agentType": "Explore", "status": "completed"})
    [main] = run.world.snapshot()[1]
    assert (main.agent_type, main.parent_tool_use_id) == ("master", None)
    assert run.data("agent.stopped") == []


def test_what_waited_is_told_behind_its_start_where_nothing_else_is_news() -> None:
    run = with_agent()
    run.prompt("Look", agent="a1", isSidechain=True)
    run.meta("a1", **META, silent=True)
    assert done(run) == ["agent.started", "message.user"]


def test_its_lines_wait_for_the_call_that_made_it_and_a_hook_does_not() -> None:
    run = with_agent()
    run.hook("SubagentStart", agent_id="a1", agent_type="Explore")
    run.prompt("Look", agent="a1", isSidechain=True)
    assert done(run) == ["hook.subagent_start"]
    run.hook("PreToolUse", tool_name="Read", tool_use_id="t2", tool_input={}, agent_id="a1", agent_type="Explore")
    assert done(run)[1:] == ["hook.pre_tool_use", "agent.started", "message.user", "tool.use"]


def test_what_it_does_waits_for_a_moment_alone() -> None:
    run = with_agent()
    run.prompt("Look", agent="a1", isSidechain=True)
    run.wait(1001)
    assert [data["agentType"] for data in starts(run)] == ["unknown"]
    assert run.types()[-1] == "message.user"


def test_of_what_it_does_not_much_waits() -> None:
    run = with_agent()
    run.prompt("Look", agent="a1", isSidechain=True)
    for number in range(agents.HELD):
        run.answer(text("Hm"), id=f"msg{number}", agent="a1")
    told = done(run)
    assert (told[0], len(told)) == ("agent.started", 1 + 1 + agents.HELD)


def test_what_it_does_waits_no_longer_than_it_runs_and_its_result_says_what_it_is() -> None:
    run = with_agent()
    run.prompt("Look", agent="a1", isSidechain=True)
    run.result("t1", "Found it.", note={"agentId": "a1", "agentType": "Explore", "status": "completed"})
    assert done(run) == ["agent.started", "message.user", "agent.stopped"]
    assert [(data["agentType"], data["parentToolUseId"]) for data in starts(run)] == [("Explore", "t1")]


def test_hooks_alone_tell_of_an_agent_with_its_last_words() -> None:
    run = live()
    run.hook("SubagentStart", agent_id="a1", agent_type="Explore")
    run.hook("SubagentStop", agent_id="a1", agent_type="Explore", last_assistant_message="Found it.")
    assert run.types()[-2:] == ["agent.started", "agent.stopped"]
    assert run.data("agent.stopped") == [{"agentId": "a1", "lastMessage": "Found it.", "source": "hook"}]


def test_the_transcript_alone_tells_of_an_agent() -> None:
    run = with_agent()
    run.meta("a1", **META)
    run.prompt("Look", agent="a1", isSidechain=True)
    run.answer(call("t2", "Read"), stop="tool_use", id="msg2", agent="a1", usage=tokens(1, 2))
    run.result("t2", agent="a1")
    run.answer(text("Found it."), id="msg3", agent="a1", usage=tokens(3, 4))
    run.result("t1", "Found it.", note={"agentId": "a1", "status": "completed", "totalTokens": 9})
    assert [data["agentId"] for data in starts(run)] == ["a1"]
    assert run.data("agent.stopped") == [{"agentId": "a1", "reason": "completed", "source": "transcript"}]
    [main, agent] = run.world.snapshot()[1]
    assert (agent.tool_count, agent.token_count, agent.status) == (1, 10, "offline")
    assert (main.tool_count, main.token_count) == (1, 0)
    assert run.twice() == []


def test_the_hooks_stop_counts_if_it_comes_soon_after_the_lines() -> None:
    run = with_agent()
    run.hook("SubagentStart", agent_id="a1", agent_type="Explore")
    run.meta("a1", **META)
    run.result("t1", note={"agentId": "a1", "status": "completed"})
    run.hook("SubagentStop", agent_id="a1", agent_type="Explore", last_assistant_message="Found it.")
    run.wait()
    assert run.data("agent.stopped") == [{"agentId": "a1", "lastMessage": "Found it.", "source": "hook"}]


def test_without_the_hooks_stop_the_lines_count_after_a_second() -> None:
    run = with_agent()
    run.hook("SubagentStart", agent_id="a1", agent_type="Explore")
    run.result("t1", note={"agentId": "a1", "status": "completed"})
    run.wait(998)
    assert run.data("agent.stopped") == []
    run.wait(10)
    assert [data["reason"] for data in run.data("agent.stopped")] == ["completed"]


def test_a_result_names_the_call_that_made_an_agent_without_a_meta_file() -> None:
    run = with_agent()
    run.hook("SubagentStart", agent_id="a1", agent_type="Explore")
    run.result("t1", note={"agentId": "a1", "status": "completed"})
    run.wait()
    assert starts(run)[0]["parentToolUseId"] == "t1"


def test_a_background_agent_runs_on_when_its_call_returns() -> None:
    run = with_agent(run_in_background=True)
    run.hook("PostToolUse", tool_name="Agent", tool_use_id="t1", tool_input={}, tool_response={"agentId": "a1"})
    run.hook("SubagentStart", agent_id="a1", agent_type="Explore")
    run.meta("a1", **META)
    run.result("t1", note={"agentId": "a1", "status": "async_launched"})
    run.wait()
    assert starts(run)[0]["background"] is True
    assert run.data("agent.stopped") == []
    run.hook("SubagentStop", agent_id="a1", agent_type="Explore")
    assert len(run.data("agent.stopped")) == 1


def test_a_result_tells_of_an_agent_in_the_background_whose_file_is_late() -> None:
    run = with_agent()
    run.hook("SubagentStart", agent_id="a1", agent_type="Explore")
    run.result("t1", note={"agentId": "a1", "status": "teammate_spawned"})
    run.wait()
    assert [data.get("background") for data in starts(run)] == [True]
    assert run.data("agent.stopped") == []


@pytest.mark.parametrize(
    ("input", "background"),
    [
        ({"run_in_background": True, "prompt2": "x" * 5000}, True),
        ({"prompt2": "x" * 5000, "run_in_background": True}, True),
        ({"run_in_background": False}, None),
        ({"run_in_background": "true"}, None),
        ({"prompt2": '"run_in_background":true'}, None),
        ({"nested": {"run_in_background": True}}, None),
        ({}, None),
    ],
)
def test_whether_it_runs_in_the_background_is_what_its_call_says(
    input: dict[str, Any], background: bool | None
) -> None:
    run = with_agent(**input)
    run.meta("a1", **META)
    run.wait()
    assert starts(run)[0].get("background") is background


def test_a_task_notification_tells_the_end_of_a_background_agent_without_hooks() -> None:
    run = with_agent(run_in_background=True)
    run.meta("a1", **META)
    run.meta("a2", **META | {"toolUseId": "t2"})
    run.result("t1", note={"agentId": "a1", "status": "async_launched"})
    assert run.data("agent.stopped") == []
    run.prompt(
        "<task-notification><tool-use-id>t1</tool-use-id></task-notification>",
        id="p2",
        origin={"kind": "task-notification"},
    )
    assert [data["agentId"] for data in run.data("agent.stopped")] == ["a1"]
    assert run.data("message.user")[-1]["isSynthetic"] is True


def test_the_compaction_agent_is_no_agent() -> None:
    run = live()
    run.hook("SubagentStop", agent_id="compact-1", agent_type="", last_assistant_message="summary")
    run.wait()
    assert (starts(run), run.data("agent.stopped")) == ([], [])
    assert len(run.world.snapshot()[1]) == 1
    assert run.of("hook.subagent_stop")


def test_an_agent_whose_start_was_missed_is_still_started_before_it_stops() -> None:
    run = live()
    run.hook("SubagentStop", agent_id="a1", agent_type="Explore")
    assert run.types()[-2:] == ["agent.started", "agent.stopped"]


def test_an_agent_that_is_woken_again_starts_and_stops_again() -> None:
    run = live()
    for _ in range(2):
        run.hook("SubagentStart", agent_id="a1", agent_type="Explore")
        run.wait(1000)
        run.hook("SubagentStop", agent_id="a1", agent_type="Explore")
        run.hook("SubagentStop", agent_id="a1", agent_type="Explore")
    assert [event.id for event in run.events if event.type in ("agent.started", "agent.stopped")] == [
        "a:s:a1:start:1",
        "a:s:a1:stop:1",
        "a:s:a1:start:2",
        "a:s:a1:stop:2",
    ]


def test_an_agent_of_an_agent_has_that_as_its_parent() -> None:
    run = with_agent()
    run.meta("a1", **META)
    run.answer(call("t2", "Agent"), stop="tool_use", id="msg2", agent="a1")
    run.meta("a2", agentType="Plan", toolUseId="t2")
    run.wait()
    assert [(data["agentId"], data["parentAgentId"]) for data in starts(run)] == [("a1", "master-s"), ("a2", "a1")]


def test_a_stop_ends_the_calls_that_the_agent_left_open() -> None:
    run = live()
    run.hook("PreToolUse", tool_name="Bash", tool_use_id="t1", tool_input={}, agent_id="a1", agent_type="x")
    run.hook("PreToolUse", tool_name="Bash", tool_use_id="t2", tool_input={})
    run.hook("SubagentStop", agent_id="a1", agent_type="x")
    assert run.outcomes() == {"t1": "interrupted"}


def test_escape_stops_the_agents_that_were_interrupted() -> None:
    run = with_agent()
    run.hook("PreToolUse", tool_name="Agent", tool_use_id="t1", tool_input={})
    run.hook("SubagentStart", agent_id="a1", agent_type="Explore")
    run.hook("PreToolUse", tool_name="Bash", tool_use_id="t2", tool_input={}, agent_id="a1", agent_type="Explore")
    words: dict[str, Any] = {"error": True, "note": "User rejected tool use"}
    run.result("t2", "The user doesn't want to proceed with this tool use.", agent="a1", **words)
    run.result("t1", "The user doesn't want to proceed with this tool use.", **words)
    run.interrupt(agent="a1")
    run.interrupt()
    assert run.data("agent.stopped") == [{"agentId": "a1", "reason": "interrupted", "source": "transcript"}]
    assert run.outcomes() == {"t1": "interrupted", "t2": "interrupted"}
    assert run.states()[-1] == "idle"
    assert run.twice() == []


def test_a_call_of_a_background_agent_goes_on_when_the_turn_is_over() -> None:
    run = with_agent(run_in_background=True)
    run.hook("SubagentStart", agent_id="a1", agent_type="Explore")
    run.hook("PreToolUse", tool_name="Bash", tool_use_id="t2", tool_input={}, agent_id="a1", agent_type="Explore")
    run.hook("Stop", prompt_id="p1")
    run.wait()
    assert "t2" not in run.outcomes()


def test_every_agent_stops_with_its_session() -> None:
    run = live()
    run.hook("SubagentStart", agent_id="a1", agent_type="Explore")
    run.gone()
    run.wait()
    assert run.data("agent.stopped") == [{"agentId": "a1", "reason": "session_end", "source": "server"}]
    assert run.types().index("agent.stopped") < run.types().index("session.ended")
    [agents] = run.data("agent.state_changed")[-1:]
    assert {agent["status"] for agent in agents["agents"]} == {"offline"}


def test_the_main_agent_is_named_after_its_session_and_never_started_or_stopped() -> None:
    run = live()
    run.hook("Stop", prompt_id="p1")
    run.gone()
    run.wait()
    assert (starts(run), run.data("agent.stopped")) == ([], [])
    assert run.data("agent.state_changed")[-1]["agents"][0]["agentId"] == "master-s"


def test_what_a_sidechain_line_in_the_main_file_says_is_the_subagents() -> None:
    run = live()
    run.answer(text("aside"), isSidechain=True, agentId="a1", id="msg9")
    run.wait()
    assert run.of("message.assistant")[-1].agent_id == "a1"
    assert [data["agentId"] for data in starts(run)] == ["a1"]
