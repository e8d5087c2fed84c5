"""One ``tool.use`` and one ``tool.result`` for each call, from whichever source is first."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from tests.state.running import Run, call, live, text

TOOL: dict[str, Any] = {"tool_name": "Bash", "tool_use_id": "t1", "tool_input": {"command": "ls"}, "prompt_id": "p1"}

Step = Callable[[Run], object]

STEPS: dict[str, Step] = {
    "pre": lambda run: run.hook("PreToolUse", **TOOL),
    "call": lambda run: run.answer(call("t1", command="ls"), stop="tool_use"),
    "post": lambda run: run.hook("PostToolUse", **TOOL, tool_response={"stdout": "x"}, duration_ms=7),
    "result": lambda run: run.result("t1", "x"),
}
ORDERS = [
    order
    for order in itertools.permutations(STEPS)
    if order.index("pre") < order.index("post") and order.index("call") < order.index("result")
]


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_in_any_order_it_is_one_use_and_one_result_with_the_tools_own_time(order: tuple[str, ...]) -> None:
    run = live()
    for step in order:
        STEPS[step](run)
    run.wait()
    assert [(data["toolName"], data["toolUseId"]) for data in run.data("tool.use")] == [("Bash", "t1")]
    [result] = run.data("tool.result")
    assert (result["toolName"], result["outcome"], result["outputSummary"]) == ("Bash", "ok", "x")
    if order.index("pre") < order.index("result"):
        assert (result["durationMs"], result["durationSource"]) == (7, "hook")
    assert run.types().index("tool.use") < run.types().index("tool.result")


@pytest.mark.parametrize("steps", [("pre", "post"), ("call", "result"), ("post",), ("result",), ("pre", "result")])
def test_any_part_of_it_is_one_use_and_one_result(steps: tuple[str, ...]) -> None:
    run = live()
    for step in steps:
        STEPS[step](run)
    run.wait()
    assert len(run.data("tool.use")) == len(run.data("tool.result")) == 1
    assert run.outcomes() == {"t1": "ok"}


def test_without_hooks_the_time_is_the_span_between_the_lines() -> None:
    run = live()
    run.answer(call("t1", command="ls"), stop="tool_use")
    run.now += 799
    events = run.result("t1", "x")
    assert "tool.result" in [event.type for event in events], "nobody is waited for"
    assert run.data("tool.result") == [
        {
            "toolName": "Bash",
            "toolUseId": "t1",
            "success": True,
            "outcome": "ok",
            "durationMs": 800,
            "durationSource": "timestamps",
            "outputSummary": "x",
        }
    ]


def test_the_hooks_word_is_awaited_a_second_and_not_longer() -> None:
    run = live()
    STEPS["pre"](run)
    STEPS["call"](run)
    STEPS["result"](run)
    assert run.data("tool.result") == []
    run.wait(1001)
    assert run.data("tool.result")[0]["durationSource"] == "timestamps"
    STEPS["post"](run)
    run.wait()
    assert len(run.data("tool.result")) == 1


def test_a_time_of_nought_is_a_time() -> None:
    run = live()
    run.hook("PostToolUse", **TOOL, tool_response="x", duration_ms=0)
    assert (run.data("tool.result")[0]["durationMs"], run.data("tool.result")[0]["durationSource"]) == (0, "hook")


def test_a_clock_that_steps_back_makes_no_negative_time() -> None:
    run = live()
    run.answer(call("t1"), stop="tool_use")
    run.result("t1", at=run.now - 5000)
    assert run.data("tool.result")[0]["durationMs"] == 0


@pytest.mark.parametrize(
    ("interrupt", "outcome", "flag"), [(False, "error", None), (None, "error", None), (True, "interrupted", True)]
)
def test_a_failure_is_an_error_or_an_interrupt(interrupt: bool | None, outcome: str, flag: bool | None) -> None:
    run = live()
    run.hook("PreToolUse", **TOOL)
    run.hook("PostToolUseFailure", **TOOL, error="exit 3", is_interrupt=interrupt, duration_ms=5)
    [result] = run.data("tool.result")
    assert (result["success"], result["outcome"], result["error"]) == (False, outcome, "exit 3")
    assert result.get("isInterrupt") is flag


@pytest.mark.parametrize(
    ("decision", "error", "outcome"),
    [
        ({"decision": "reject", "source": "config"}, True, "denied"),
        ({"decision": "accept", "source": "config"}, True, "error"),
        ({"decision": "accept"}, False, "ok"),
        (None, True, "error"),
        ("reject", True, "error"),
    ],
)
def test_the_transcript_of_newer_versions_tells_a_denial_from_an_error(
    decision: Any, error: bool, outcome: str
) -> None:
    run = live()
    run.answer(call("t1"), stop="tool_use")
    run.result("t1", "rm in '/app' needs approval.", error=error, permissionDecision=decision)
    run.wait()
    assert run.outcomes() == {"t1": outcome}


@pytest.mark.parametrize(
    ("output", "error", "note", "outcome"),
    [
        ("fine", False, None, "ok"),
        ("Exit code 3", True, "Error: Exit code 3", "error"),
        ("<tool_use_error>No such tool</tool_use_error>", True, None, "invalid"),
        ("[Request interrupted by user for tool use]", True, None, "interrupted"),
        ("The user doesn't want to proceed with this tool use. So", True, None, "denied"),
        ("No", True, "User rejected tool use", "denied"),
        ("Permission for this action was denied by a rule", True, None, "denied"),
    ],
)
def test_the_transcript_tells_the_outcomes_apart(output: str, error: bool, note: str | None, outcome: str) -> None:
    run = live()
    run.answer(call("t1"), stop="tool_use")
    run.result("t1", output, error=error, note=note)
    [result] = run.data("tool.result")
    assert (result["outcome"], result["success"]) == (outcome, outcome == "ok")


# Batches


def batch(run: Run, *calls: tuple[str, str]) -> None:
    run.hook(
        "PostToolBatch",
        tool_calls=[
            {"tool_name": "Bash", "tool_use_id": id, "tool_input": {}, "tool_response": response}
            for id, response in calls
        ],
    )


def test_a_call_that_was_never_valid_is_told_by_the_batch_alone() -> None:
    run = live()
    batch(run, ("t1", "<tool_use_error>No such tool</tool_use_error>"))
    assert run.outcomes() == {"t1": "invalid"}
    assert len(run.data("tool.use")) == 1


def test_a_call_that_began_and_of_which_only_the_batch_tells_the_end_was_denied() -> None:
    run = live()
    run.hook("PreToolUse", **TOOL)
    batch(run, ("t1", "Permission to use Bash has been denied"))
    assert run.outcomes() == {"t1": "denied"}


def test_a_call_that_began_before_the_hooks_were_there_is_left_to_the_transcript() -> None:
    run = live()
    batch(run, ("t1", "output"))
    assert run.data("tool.use") == []
    STEPS["call"](run)
    STEPS["result"](run)
    run.wait()
    assert run.outcomes() == {"t1": "ok"}


def test_a_batch_says_nothing_new_of_calls_that_ended() -> None:
    run = live()
    STEPS["pre"](run)
    STEPS["post"](run)
    batch(run, ("t1", "anything"))
    assert run.outcomes() == {"t1": "ok"}
    assert len(run.data("tool.result")) == 1


# Ends that nobody tells


def test_a_call_that_is_open_when_its_turn_is_over_is_ended() -> None:
    run = live()
    STEPS["pre"](run)
    run.hook("Stop", prompt_id="p1")
    run.wait(1900)
    assert run.data("tool.result") == []
    run.wait(200)
    assert run.outcomes() == {"t1": "interrupted"}


def test_a_result_that_still_comes_after_stop_counts() -> None:
    run = live()
    STEPS["pre"](run)
    run.hook("Stop", prompt_id="p1")
    STEPS["post"](run)
    run.wait()
    assert run.outcomes() == {"t1": "ok"}


def test_escape_ends_the_open_calls_of_the_main_agent_as_they_were_told() -> None:
    run = live()
    for number in range(2):
        run.hook("PreToolUse", tool_name="Bash", tool_use_id=f"t{number}", tool_input={})
    run.result("t0", "done before")
    run.hook("PreToolUse", tool_name="Bash", tool_use_id="sub", tool_input={}, agent_id="a1", agent_type="x")
    run.interrupt()
    assert run.outcomes() == {"t0": "ok", "t1": "interrupted"}


def test_a_call_that_began_after_the_interrupt_runs_on() -> None:
    run = live()
    then = run.now
    run.now += 10
    STEPS["pre"](run)
    run.interrupt(at=then)
    assert run.outcomes() == {}


# What it says


def test_the_input_is_passed_on_and_summed_up() -> None:
    run = live()
    run.hook("PreToolUse", tool_name="Write", tool_use_id="t1", tool_input={"content": "\u00e9" * 5000, "n": [1, {}]})
    [data] = run.data("tool.use")
    assert data["input"] == {"content": "\u00e9" * 5000, "n": [1, {}]}
    assert len(data["inputSummary"]) == 500
    assert data["inputSummary"].endswith("\u2026")


def test_a_call_without_an_input_has_an_empty_one() -> None:
    run = live()
    run.hook("PreToolUse", tool_name="Bash", tool_use_id="t1")
    assert run.data("tool.use")[0]["input"] == {}
    assert run.data("tool.use")[0]["inputSummary"] == ""


def test_output_and_error_are_cut() -> None:
    run = live()
    run.hook("PostToolUse", **TOOL, tool_response={"stdout": "x" * 9000})
    run.hook("PostToolUseFailure", tool_name="Bash", tool_use_id="t2", tool_input={}, error="y" * 9000)
    one, other = run.data("tool.result")
    assert (len(one["outputSummary"]), len(other["error"])) == (500, 500)


def test_a_result_of_a_call_that_nobody_told_of_is_of_an_unknown_tool() -> None:
    run = live()
    run.result("t9", "x")
    assert run.data("tool.use")[0]["toolName"] == "unknown"
    assert run.outcomes() == {"t9": "ok"}


def test_one_message_may_make_several_calls_each_with_its_own_end() -> None:
    run = live()
    run.answer(call("t1"), call("t2"), text(), call("t3"), stop="tool_use")
    for id in ("t3", "t1", "t2"):
        run.result(id)
    assert [data["toolUseId"] for data in run.data("tool.use")] == ["t1", "t2", "t3"]
    assert [data["toolUseId"] for data in run.data("tool.result")] == ["t3", "t1", "t2"]


def test_a_hook_without_a_tool_use_id_is_only_told_as_a_hook() -> None:
    run = live()
    run.hook("PreToolUse", tool_name="Bash", tool_input={})
    run.hook("PostToolUse", tool_name="Bash", tool_input={}, tool_response="x")
    assert "tool.use" not in run.types()
    assert len(run.of("hook.pre_tool_use")) == 1


def test_a_lines_and_a_hooks_id_of_the_same_fact_are_the_same() -> None:
    ids = []
    for steps in (("pre", "post"), ("call", "result")):
        run = live()
        for step in steps:
            STEPS[step](run)
        ids.append([event.id for event in run.events if event.type.startswith("tool.")])
    assert ids[0] == ids[1] == ["t:s:t1:use", "t:s:t1:result"]


def test_the_agent_shows_what_runs_and_the_last_ten_that_ran() -> None:
    run = live()
    for number in range(12):
        run.hook("PreToolUse", tool_name="Bash", tool_use_id=f"t{number}", tool_input={"n": number})
        run.hook(
            "PostToolUse", tool_name="Bash", tool_use_id=f"t{number}", tool_input={}, tool_response="", duration_ms=3
        )
    run.hook("PreToolUse", tool_name="Read", tool_use_id="now", tool_input={"file": "x"})
    [agent] = run.world.snapshot()[1]
    assert (agent.status, agent.current_tool, agent.current_tool_input) == ("tool_running", "Read", '{"file": "x"}')
    assert agent.tool_count == 13
    assert [tool.input_summary for tool in agent.tool_history] == [f'{{"n": {number}}}' for number in range(2, 12)]
    assert agent.tool_history[-1].duration_ms == 3
