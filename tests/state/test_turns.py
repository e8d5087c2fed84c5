"""From a prompt to the end of its answer: one ``message.result`` each."""

from __future__ import annotations

from typing import Any

import pytest

from clawsocket.protocol.models import SessionUsage
from clawsocket.state.turns import SETTLED, WAIT
from tests.state.running import START, Run, call, live, text, tokens


def results(run: Run) -> list[tuple[str, str, int | None]]:
    """Subtype, prompt, number of turns."""
    return [
        (event.data.subtype, event.id.rpartition(":")[2], event.data.num_turns) for event in run.of("message.result")
    ]


def test_a_turn_ends_after_its_last_line_even_if_stop_came_before() -> None:
    run = live(None)
    run.answer(text("almost"), stop=None)
    written = run.now
    run.hook("Stop", prompt_id="p1")
    run.now += 90
    run.answer(text("done"), id="msg2", at=written)
    run.wait(SETTLED)
    assert [one for one in run.types() if one.startswith("message.")] == [
        "message.user",
        "message.assistant",
        "message.assistant",
        "message.result",
    ]
    assert results(run) == [("success", "p1", 1)]
    assert run.states()[-1] == "idle"


def test_a_last_line_that_seems_to_be_of_after_stop_wakes_nobody() -> None:
    run = live(None)
    run.hook("Stop", prompt_id="p1")
    run.answer(text("done"))
    run.wait()
    assert run.states()[-1] == "idle"


def test_an_answer_that_goes_on_after_stop_runs() -> None:
    run = live()
    run.hook("Stop", prompt_id="p1")
    run.answer(call("t1"), stop="tool_use")
    assert run.states()[-1] == "running"


def test_a_turn_whose_last_line_never_comes_ends_all_the_same() -> None:
    run = live(None)
    run.hook("Stop", prompt_id="p1")
    run.wait(498)
    assert results(run) == []
    run.wait(10)
    assert results(run) == [("success", "p1", 1)]


def goes_on(run: Run) -> None:
    """A Stop hook has Claude go on, and it does."""
    run.now += 300
    run.line("user", message={"content": "Stop hook feedback:\nTests fail."}, promptId="p1", isMeta=True)
    run.wait(6000)
    run.answer(call("t1"), id="msg2", stop="tool_use", usage=tokens(0, 20))
    run.result("t1")
    run.answer(id="msg3", usage=tokens(0, 40))
    run.hook("Stop", prompt_id="p1")


@pytest.mark.parametrize("has_hooks", [True, False])
def test_a_turn_is_over_when_the_file_says_so_whatever_a_stop_hook_does(has_hooks: bool) -> None:
    run = live()
    run.answer(usage=tokens(0, 10))
    if has_hooks:
        run.hook("Stop", prompt_id="p1")
    run.wait(10_000)
    goes_on(run)
    run.wait(10_000)
    assert run.states() == ["running"]
    assert results(run) == []
    run.file("idle")
    run.wait(1000)
    assert run.states() == ["running", "idle"]
    (result,) = run.data("message.result")
    assert (result["numTurns"], result["usage"]["outputTokens"]) == (2, 70)


def test_a_turn_that_failed_is_over_soon_whatever_its_file_says() -> None:
    run = live("busy")
    run.answer(text("API Error: 529"), model="<synthetic>", isApiErrorMessage=True, error="overloaded")
    run.wait(600)
    assert [data["subtype"] for data in run.data("message.result")] == ["error_during_execution"]


@pytest.mark.parametrize(
    ("how", "subtype"),
    [("answered", "success"), ("Stop", "success"), ("StopFailure", "error_during_execution"), ("", "interrupted")],
)
def test_a_turn_whose_session_ends_before_it_is_told_as_over_ends_as_it_did(how: str, subtype: str) -> None:
    run = live("busy")
    run.answer(stop="end_turn" if how == "answered" else "tool_use")
    if how.startswith("Stop"):
        run.hook(how, prompt_id="p1")
    run.hook("SessionEnd", reason="other")
    run.gone()
    run.wait()
    assert [data["subtype"] for data in run.data("message.result")] == [subtype]


def test_a_background_agent_that_asks_while_a_turn_ends_is_not_passed_over() -> None:
    run = live("busy")
    run.hook("SubagentStart", agent_id="a1", agent_type="Explore")
    asked_at = run.now
    run.now += 10
    run.answer()
    run.line("system", subtype="turn_duration", durationMs=5)
    run.hook("PermissionRequest", tool_name="Bash", tool_input={}, agent_id="a1", agent_type="Explore", at=asked_at)
    run.wait(1000)
    assert run.states()[-1] == "requires_action"


def test_a_prompt_that_comes_while_claude_works_ends_no_turn() -> None:
    run = live()
    run.hook("UserPromptSubmit", prompt="And that", prompt_id="p2")
    run.wait(1000)
    run.answer(usage=tokens(0, 10))
    run.hook("Stop", prompt_id="p1")
    run.file("idle", startedAt=START)
    run.wait(1000)
    assert [(event.id, event.data.usage["outputTokens"]) for event in run.of("message.result")] == [("r:s:p1", 10)]


def test_no_turn_takes_less_than_no_time() -> None:
    run = live()
    run.interrupt(at=run.now - 50)
    assert [data["durationMs"] for data in run.data("message.result")] == [0]


def test_after_stop_a_session_waits_for_nothing_that_it_asked_for() -> None:
    run = live()
    run.hook("PreToolUse", tool_name="Bash", tool_use_id="t1", tool_input={"command": "ls"})
    run.hook("PermissionRequest", tool_name="Bash", tool_input={"command": "ls"})
    run.hook("Stop", prompt_id="p1")
    assert run.states() == ["running", "requires_action", "running"]


def test_where_no_file_says_so_what_a_stop_hook_adds_to_a_turn_is_told_for_itself() -> None:
    run = live(None)
    run.answer(usage=tokens(0, 10))
    run.hook("Stop", prompt_id="p1")
    run.wait(1000)
    goes_on(run)
    run.wait(1000)
    assert run.states() == ["idle", "running", "idle", "running", "idle"]
    assert [one["usage"]["outputTokens"] for one in run.data("message.result")] == [10, 60]
    assert run.data("usage.updated")[-1]["numTurns"] == 3
    assert run.twice() == []


def test_a_turn_that_a_stop_hook_had_go_on_is_not_over_by_the_stop_before() -> None:
    run = live(None)
    run.hook("Stop", prompt_id="p1")
    run.line("user", message={"content": "Stop hook feedback:\nTests fail."}, promptId="p1", isMeta=True)
    run.wait(10_000)
    assert results(run) == []
    assert run.states()[-1] == "running"


def test_a_turn_that_a_stop_hook_had_go_on_is_not_over_as_what_it_waited_for_before_is_read() -> None:
    run, behind = live(None), {"s"}
    run.world.is_behind = behind.__contains__
    run.answer(usage=tokens(0, 10))
    run.hook("Stop", prompt_id="p1")
    run.wait(1000)
    run.line("user", message={"content": "Stop hook feedback:\nTests fail."}, promptId="p1", isMeta=True)
    behind.clear()
    run.wait(10_000)
    assert results(run) == []
    run.answer(id="msg2", usage=tokens(0, 20))
    run.hook("Stop", prompt_id="p1")
    run.wait()
    assert [one["usage"]["outputTokens"] for one in run.data("message.result")] == [30]


def test_a_turn_says_how_long_it_took_how_many_messages_and_tokens() -> None:
    run = live(None)
    run.now += 100
    run.answer(call("t1"), stop="tool_use", usage=tokens(10, 1, 2, 3))
    run.now += 100
    run.result("t1")
    run.now += 100
    run.answer(text(), id="msg2", usage=tokens(20, 4, 5, 6))
    run.hook("Stop", prompt_id="p1")
    run.wait()
    prompt, stop = run.of("hook.user_prompt_submit")[0].timestamp, run.of("hook.stop")[0].timestamp
    assert run.data("message.result") == [
        {
            "subtype": "success",
            "durationMs": stop - prompt,
            "numTurns": 2,
            "usage": {
                "inputTokens": 30,
                "outputTokens": 5,
                "cacheCreationInputTokens": 7,
                "cacheReadInputTokens": 9,
            },
        }
    ]
    assert run.data("usage.updated")[-1]["numTurns"] == 2
    assert run.data("usage.updated")[-1]["durationMs"] == stop - prompt


def spent(run: Run) -> list[int]:
    """The output tokens of each turn."""
    return [data["usage"]["outputTokens"] for data in run.data("message.result")]


def test_a_turn_counts_the_subagents_that_work_for_it_whenever_they_are_read() -> None:
    run = live(None)
    run.answer(usage=tokens(0, 1))
    before = run.now
    run.hook("Stop", prompt_id="p1")
    run.wait()
    run.hook("UserPromptSubmit", prompt="Again", prompt_id="p2")
    run.prompt("Look", id="p2", agent="a2")
    run.answer(id="msg2", usage=tokens(0, 2), agent="a2")  # before the line of the prompt
    run.prompt("Again", id="p2")
    run.prompt("Look", id="p1", agent="a1", silent=True)
    run.answer(id="msg3", usage=tokens(0, 4), agent="a1", silent=True, at=before)  # as after a restart
    run.answer(id="msg4", usage=tokens(0, 8))
    run.hook("Stop", prompt_id="p2")
    run.wait()
    assert spent(run) == [1, 10]
    assert run.data("usage.updated")[-1]["outputTokens"] == 15


def background() -> Run:
    """A turn that is over, but for a subagent of it in the background, which has spent 2 so far."""
    run = live(None)
    run.answer(call("t1", "Agent"), usage=tokens(0, 1), stop="tool_use")
    run.prompt("Look", id="p1", agent="a1")
    run.answer(id="msg2", usage=tokens(0, 2), agent="a1")
    run.answer(id="msg3", usage=tokens(0, 4))
    run.hook("Stop", prompt_id="p1")
    run.wait()
    assert spent(run) == [7]
    return run


def works_on(run: Run, output: int, **more: Any) -> None:
    """The subagent in the background spends so much."""
    run.answer(id=f"a1-{output}", usage=tokens(0, output), agent="a1", **more)


def finish(run: Run, id: str, output: int) -> None:
    """The main agent spends so much, and the turn ends."""
    run.answer(id=f"main-{output}", usage=tokens(0, output))
    run.hook("Stop", prompt_id=id)
    run.wait()


def test_what_a_subagent_spends_when_its_turn_is_over_counts_for_the_next() -> None:
    run = background()
    works_on(run, 8)
    works_on(run, 16)
    run.prompt("It is done", id="p2")
    finish(run, "p2", 32)
    run.prompt("Next", id="p3")
    finish(run, "p3", 64)
    assert spent(run) == [7, 56, 64]
    assert run.data("usage.updated")[-1]["outputTokens"] == sum(spent(run))


def test_what_it_spends_while_another_turn_is_open_counts_for_that() -> None:
    run = background()
    run.prompt("Meanwhile", id="p2")
    works_on(run, 8)
    finish(run, "p2", 16)
    assert spent(run) == [7, 24]


def test_a_turn_that_goes_on_has_what_was_spent_meanwhile() -> None:
    run = background()
    works_on(run, 8)
    run.line("user", message={"content": "Stop hook feedback:\nTests fail."}, promptId="p1", isMeta=True)
    finish(run, "p1", 16)
    assert spent(run) == [7, 24]


def test_a_command_that_is_no_turn_leaves_it_to_the_next() -> None:
    run = background()
    works_on(run, 8)
    before = run.now
    run.wait(10)
    run.prompt("<command-name>/status</command-name>", id="p2")
    works_on(run, 10)
    works_on(run, 6, at=before)
    run.prompt("Next", id="p3")
    finish(run, "p3", 32)
    assert spent(run) == [7, 56]


def test_of_two_that_are_open_it_counts_for_the_one_that_began_last() -> None:
    run = background()
    run.prompt("Next", id="p2")
    run.answer(call("t2"), id="msg4", usage=tokens(0, 8), stop="tool_use")
    run.hook("Stop", prompt_id="p2")  # its last line comes late
    run.hook("UserPromptSubmit", prompt="At once", prompt_id="p3")
    works_on(run, 16)
    run.answer(id="msg6", usage=tokens(0, 32))
    run.prompt("At once", id="p3")
    finish(run, "p3", 64)
    assert spent(run) == [7, 40, 80]


def test_what_it_spent_in_a_turn_that_was_told_already_counts_for_no_other() -> None:
    run = background()
    works_on(run, 8, at=run.now - 20_000, silent=True)
    run.prompt("Next", id="p2")
    finish(run, "p2", 16)
    assert spent(run) == [7, 16]


def test_what_it_spends_after_the_clock_was_set_back_counts_for_the_next_as_well() -> None:
    run = background()
    run.now -= 3_600_000
    run.hook("Notification", message="Look")
    run.now += 5000
    works_on(run, 8)
    run.prompt("Next", id="p2")
    finish(run, "p2", 16)
    assert spent(run) == [7, 24]


def test_a_subagent_that_does_not_say_for_which_prompt_it_works_counts_for_the_one_that_is_read() -> None:
    run = live(None)
    run.answer(usage=tokens(0, 2), agent="a1")
    run.answer(id="msg2", usage=tokens(0, 8))
    run.hook("Stop", prompt_id="p1")
    run.wait()
    assert spent(run) == [10]


def test_claude_codes_own_duration_counts_where_it_gives_one() -> None:
    run = live()
    run.answer()
    run.line("system", subtype="turn_duration", durationMs=1138.4)
    run.wait()
    assert run.data("message.result")[0]["durationMs"] == 1138


def test_a_turn_that_was_over_before_the_start_does_not_end_the_one_that_runs() -> None:
    run = live()
    ended = run.now
    run.now += 60_000
    run.file("busy", startedAt=START)
    run.answer(at=ended)
    run.line("system", subtype="turn_duration", at=ended)
    run.prompt("Next", id="p2", at=ended + 1000)
    run.answer(call("t1"), id="msg2", stop="tool_use", at=ended + 2000)
    run.wait()
    assert run.states() == ["running"]
    assert results(run) == [("success", "p1", 1)]
    run.file("idle", startedAt=START)
    assert run.states() == ["running", "idle"]


@pytest.mark.parametrize(
    ("type", "fields"),
    [
        ("system", {"subtype": "turn_duration", "durationMs": 5}),
        ("system", {"subtype": "stop_hook_summary"}),
        ("last-prompt", {}),
    ],
)
def test_without_hooks_the_lines_tell_the_end(type: str, fields: dict[str, Any]) -> None:
    run = Run()
    run.prompt()
    run.answer()
    run.line(type, **fields)
    run.wait(200)
    assert results(run) == [("success", "p1", 1)]


def test_a_turn_that_a_stop_hook_has_go_on_is_told_whole_by_its_lines_alone() -> None:
    run = Run()
    run.prompt()
    run.answer(usage=tokens(1))
    run.line("user", message={"content": "Stop hook feedback:\nTests fail."}, promptId="p1", isMeta=True)
    run.line("system", subtype="stop_hook_summary")
    run.wait()
    run.answer(id="msg2", usage=tokens(2))
    run.line("system", subtype="stop_hook_summary")
    run.wait()
    assert run.data("message.result")[0]["usage"]["inputTokens"] == 3
    assert len(results(run)) == 1
    assert run.states()[-1] == "idle"


def test_without_any_sign_a_turn_ends_when_nothing_more_comes() -> None:
    run = Run()
    run.prompt()
    run.answer(text("one"))
    run.wait(1000)
    run.answer(text("two"), id="msg2")
    run.wait(1400)
    assert results(run) == []
    run.wait(200)
    assert results(run) == [("success", "p1", 1)]
    assert run.states()[-1] == "idle"


def test_an_answer_that_goes_on_is_no_end() -> None:
    run = Run()
    run.prompt()
    run.answer(call("t1"), stop="tool_use")
    run.wait(60_000)
    assert results(run) == []
    assert run.states()[-1] == "running"


def test_the_next_prompt_ends_the_turn_before() -> None:
    run = Run()
    run.prompt()
    run.answer(text("one"), stop=None)
    run.prompt("Next", id="p2")
    run.answer(text("two"), id="msg2")
    run.wait()
    assert results(run) == [("success", "p1", 1), ("success", "p2", 1)]
    assert run.types().index("message.result") < len(run.types()) - 1 - run.types()[::-1].index("message.user")


def test_a_prompt_that_was_queued_during_an_answer_does_not_end_the_turn_before_its_last_lines() -> None:
    run = live()
    written = run.now
    run.hook("Stop", prompt_id="p1")
    run.file("idle", startedAt=START)
    run.file("busy", startedAt=START)
    run.hook("UserPromptSubmit", prompt="Next", prompt_id="p2")
    run.answer(usage=tokens(0, 1), at=written)
    run.prompt("Next", id="p2")
    run.answer(id="msg2", usage=tokens(0, 2))
    run.hook("Stop", prompt_id="p2")
    run.file("idle", startedAt=START)
    run.wait()
    assert [one for one in run.types() if one.startswith("message.")] == [
        "message.user",
        "message.assistant",
        "message.result",
        "message.user",
        "message.assistant",
        "message.result",
    ]
    assert spent(run) == [1, 2]


@pytest.mark.parametrize("has_transcript", [True, False])
def test_the_next_prompt_ends_a_turn_whose_last_lines_never_come(has_transcript: bool) -> None:
    run = Run()
    run.file("busy")
    run.hook("UserPromptSubmit", prompt="Do it", prompt_id="p1")
    if has_transcript:
        run.prompt()
    run.hook("Stop", prompt_id="p1")
    run.hook("UserPromptSubmit", prompt="Next", prompt_id="p2")
    assert results(run) == []
    run.wait(WAIT)
    assert results(run) == [("success", "p1", 1 if has_transcript else None)]
    assert ("totalCostUsd" in run.data("message.result")[0]) == has_transcript


def test_turns_of_which_hooks_waited_for_the_service_end_when_their_lines_are_read() -> None:
    run = Run()
    run.world.is_behind = lambda _session: run.now < START + 4000
    run.file("idle")
    began = {}
    for prompt in ("p1", "p2"):
        began[prompt] = run.now
        run.hook("UserPromptSubmit", prompt="Do it", prompt_id=prompt)
        run.hook("Stop", prompt_id=prompt)
    run.wait(3000)
    for number, (prompt, at) in enumerate(began.items(), start=1):
        run.prompt(id=prompt, at=at)
        run.answer(id=f"msg{number}", usage=tokens(0, number), at=at)
    run.wait()
    assert results(run) == [("success", "p1", 1), ("success", "p2", 1)]
    assert spent(run) == [1, 2]


def test_turns_of_while_the_service_was_down_end_when_all_of_their_lines_were_told() -> None:
    run, behind = Run(), {"s"}
    run.world.is_behind = behind.__contains__
    run.file("idle", silent=True)
    for prompt in ("p1", "p2"):
        run.hook("UserPromptSubmit", prompt=prompt, prompt_id=prompt)
        run.hook("PreToolUse", tool_name="Bash", tool_use_id=f"t-{prompt}", tool_input={}, prompt_id=prompt)
        run.hook("Stop", prompt_id=prompt)
    run.wait()
    assert run.types("session.") == ["tool.use", "tool.use"]
    for prompt in ("p1", "p2"):
        run.prompt(prompt, id=prompt)
        run.result(f"t-{prompt}", prompt=prompt)
        run.answer(id=f"main-{prompt}", usage=tokens(1))
        run.line("last-prompt", uuid=None)
    run.line("user", message={"content": "Look"}, agent="a1", promptId="p1")
    run.answer(id="agent", usage=tokens(2), agent="a1")
    behind.clear()
    run.wait()
    assert results(run) == [("success", "p1", 2), ("success", "p2", 2)]
    assert [data["usage"]["inputTokens"] for data in run.data("message.result")] == [3, 1]
    assert run.outcomes() == {"t-p1": "ok", "t-p2": "ok"}
    assert [event.source for event in run.of("message.user")] == ["transcript"] * 3


def test_a_turn_is_told_once_whoever_tells_of_it_again() -> None:
    run = live()
    run.answer()
    run.hook("Stop", prompt_id="p1")
    run.wait()
    run.hook("Stop", prompt_id="p1")
    run.line("last-prompt")
    run.line("system", subtype="turn_duration", durationMs=5)
    run.wait()
    assert results(run) == [("success", "p1", 1)]


def test_an_interrupt_ends_the_turn() -> None:
    run = live()
    run.answer(text("I was just"), stop=None)
    run.interrupt()
    assert results(run) == [("interrupted", "p1", 1)]
    assert run.states()[-1] == "idle"
    assert run.data("message.user")[-1]["isSynthetic"] is True


@pytest.mark.parametrize("first", ["file", "line"])
def test_after_an_interrupt_what_runs_in_the_background_does_so_still(first: str) -> None:
    run = live()
    run.answer(call("t1"), stop="tool_use")
    if first == "file":
        run.file("shell")
    run.interrupt()
    if first == "line":
        run.file("shell")
    run.wait()
    assert run.states()[-1] == "background"


def test_what_is_in_the_background_again_at_once_was_not_idle() -> None:
    run = live()
    run.answer()
    run.hook("Stop", prompt_id="p1", background_tasks=[{"status": "running"}])
    run.file("shell")
    run.wait()
    run.file("idle")
    run.wait(20)
    run.file("shell")
    run.wait()
    assert run.states()[-1] == "background"


@pytest.mark.parametrize("goes_on", [True, False])
def test_what_was_in_the_background_is_over_and_claude_is_told_of_it_at_once(goes_on: bool) -> None:
    run = live()
    run.answer()
    run.hook("Stop", prompt_id="p1", background_tasks=[{"status": "running"}])
    run.file("shell")
    run.wait()
    ended = run.now
    run.file("idle")
    run.wait(20)
    if goes_on:
        run.hook("UserPromptSubmit", prompt="<task-notification>", prompt_id="p2")
        run.file("busy")
    run.wait()
    assert run.states()[-2:] == ["background", "running" if goes_on else "idle"]
    assert goes_on or run.of("session.state_changed")[-1].timestamp == ended


def test_an_error_of_the_api_ends_the_turn() -> None:
    run = live()
    run.answer(
        text("API Error: 529 overloaded"),
        model="<synthetic>",
        isApiErrorMessage=True,
        apiErrorStatus=529,
        error="overloaded",
    )
    run.hook("StopFailure", error="overloaded", prompt_id="p1")
    run.wait()
    assert run.data("message.error") == [{"error": "overloaded", "status": 529, "text": "API Error: 529 overloaded"}]
    assert results(run) == [("error_during_execution", "p1", 1)]
    assert run.states()[-1] == "failed"
    assert run.twice() == []


def test_an_error_of_the_api_ends_the_turn_without_hooks_too() -> None:
    run = Run()
    run.prompt()
    run.answer(text("API Error"), model="<synthetic>", isApiErrorMessage=True, error={"odd": 1})
    run.wait()
    assert run.data("message.error")[0]["error"] == "unknown"
    assert results(run) == [("error_during_execution", "p1", 1)]


def test_a_failed_session_stays_failed_when_nothing_more_comes() -> None:
    run = Run()
    run.file("busy")
    run.prompt()
    run.answer(text("API Error"), model="<synthetic>", stop="stop_sequence", isApiErrorMessage=True, error="x")
    run.line("system", subtype="turn_duration", durationMs=5)
    run.file("idle")
    run.wait()
    assert run.states()[-1] == "failed"
    run.prompt("again", id="p2")
    assert run.states()[-1] == "running"


def test_a_stop_failure_and_a_session_end_may_swap() -> None:
    run = live()
    run.gone()
    run.hook("SessionEnd", reason="other")
    run.hook("StopFailure", error="rate_limit", prompt_id="p1")
    run.wait()
    assert results(run) == [("error_during_execution", "p1", 1)]
    assert run.types()[-2:] == ["session.ended", "session.removed"]


def test_a_local_command_is_no_turn() -> None:
    run = Run()
    run.prompt("<command-name>/cost</command-name>")
    run.prompt("<local-command-stdout>nothing</local-command-stdout>")
    run.prompt("real", id="p2")
    run.answer()
    run.wait()
    assert results(run) == [("success", "p2", 1)]
    assert [data.get("isSynthetic") for data in run.data("message.user")] == [True, True, None]


def test_what_claude_code_adds_where_a_session_is_resumed_is_no_answer() -> None:
    run = Run()
    run.file("idle", silent=True)
    run.prompt("<command-name>/exit</command-name>", silent=True)
    run.now += 12 * 3_600_000
    run.hook("SessionStart", source="resume")
    run.answer(text("No response requested."), model="<synthetic>", stop="stop_sequence", isApiErrorMessage=False)
    run.wait()
    assert run.states() == ["idle"]
    run.prompt("real", id="p2")
    run.answer()
    run.wait()
    assert results(run) == [("success", "p2", 1)]
    assert run.data("usage.updated")[-1]["durationMs"] < 1000


def command(run: Run) -> None:
    """A ``!`` command after the prompt before it was answered."""
    run.prompt("<bash-input>ls</bash-input>")
    run.prompt("<bash-stdout>main.py</bash-stdout>")


@pytest.mark.parametrize("stop_first", [True, False])
def test_the_answer_to_a_shell_command_is_a_turn_of_its_own(stop_first: bool) -> None:
    run = live(None)
    run.answer(usage=tokens(0, 1))
    run.hook("Stop", prompt_id="p1")
    run.wait()
    if stop_first:
        run.hook("Stop", prompt_id="p1")
    command(run)
    run.answer(id="msg2", usage=tokens(0, 2))
    if not stop_first:
        run.hook("Stop", prompt_id="p1")
    run.line("system", subtype="turn_duration", durationMs=5)
    run.wait()
    assert spent(run) == [1, 2]
    assert run.twice() == []


def test_a_shell_command_that_is_not_answered_is_no_turn() -> None:
    run = live(None)
    run.answer()
    run.hook("Stop", prompt_id="p1")
    run.wait()
    command(run)
    run.prompt("Next", id="p2")
    run.hook("Stop", prompt_id="p1")
    run.answer(id="msg2")
    run.wait()
    assert results(run) == [("success", "p1", 1), ("success", "p2", 1)]


FROM_TEAM = 'Another Claude session sent a message:\n<teammate-message teammate_id="al">\nDone.\n</teammate-message>'


@pytest.mark.parametrize("has_hooks", [True, False])
def test_what_a_member_of_the_team_says_begins_a_turn_with_the_id_of_the_one_before(has_hooks: bool) -> None:
    run = live("busy")
    for number in (1, 2, 3):
        if number > 1:
            run.prompt(FROM_TEAM)
            assert run.data("session.state_changed")[-1]["state"] == "running"
        run.answer(id=f"msg{number}", usage=tokens(0, number))
        if has_hooks:
            run.hook("Stop", prompt_id="p1", background_tasks=[{"type": "teammate", "status": "running"}])
            run.line("system", subtype="stop_hook_summary")
            run.wait(2000)
            assert len(run.data("message.result")) == number
        run.wait(2000)
    run.file("idle")
    run.wait()
    assert spent(run) == [1, 2, 3]
    assert run.twice() == []


def test_what_a_member_of_the_team_says_in_the_middle_of_a_turn_is_of_that_turn() -> None:
    run = live("busy")
    run.answer(call("t1"), stop="tool_use", usage=tokens(0, 1))
    run.prompt(FROM_TEAM)
    run.result("t1")
    run.answer(id="msg2", usage=tokens(0, 2))
    run.file("idle")
    run.wait()
    assert spent(run) == [3]


def test_a_turn_whose_stop_hooks_are_over_is_over_though_its_file_says_that_it_works() -> None:
    run = live("busy")
    run.answer()
    run.hook("Stop", prompt_id="p1", background_tasks=[{"type": "teammate", "status": "running"}])
    run.wait()
    assert run.data("message.result") == []
    run.line("system", subtype="stop_hook_summary")
    run.wait(1400)
    run.line("system", subtype="turn_duration", durationMs=5)
    run.wait()
    assert [data["durationMs"] for data in run.data("message.result")] == [5]


@pytest.mark.parametrize("has_hooks", [True, False])
def test_a_member_of_a_team_with_a_terminal_of_its_own_has_turns_and_its_name(has_hooks: bool) -> None:
    run = Run()
    if has_hooks:
        run.hook("SessionStart", source="startup")
    for number in (1, 2):
        said = {"content": '<teammate-message teammate_id="team-lead">\nLook\n</teammate-message>'}
        run.line("user", message=said, teamName="session-1", agentName="al")
        assert run.states()[-1] == "running"
        run.wait(1000)
        run.answer(id=f"msg{number}", usage=tokens(0, number))
        if has_hooks:
            run.hook("Stop")
            run.line("system", subtype="stop_hook_summary")
        run.line("system", subtype="turn_duration", durationMs=number)
        run.wait()
    assert spent(run) == [1, 2]
    assert [data["durationMs"] for data in run.data("message.result")] == [1, 2]
    assert run.states() == ["idle", "running", "idle", "running", "idle"]
    assert [data["name"] for data in run.data("session.renamed")] == ["al"]
    assert run.twice() == []


def test_a_member_of_a_team_keeps_the_name_that_it_was_given() -> None:
    run = Run()
    run.file("idle", name="mine")
    run.line("user", message={"content": "<teammate-message>"}, teamName="session-1", agentName="al")
    run.wait()
    assert run.data("session.renamed") == []


def test_an_agents_name_alone_names_no_session() -> None:
    run = Run()
    run.line("user", message={"content": "Do it"}, promptId="p1", agentName="al")
    run.wait()
    assert run.data("session.renamed") == []


def test_what_another_session_says_begins_a_turn_without_hooks_too() -> None:
    run = live(None)
    run.answer(usage=tokens(0, 1))
    run.line("system", subtype="turn_duration", durationMs=5)
    said = "Another Claude session sent a message:\n<cross-session-message>\nLook\n</cross-session-message>"
    run.prompt(said, id="p2", isMeta=True, origin={"kind": "peer"})
    run.answer(id="msg2", usage=tokens(0, 2))
    run.line("system", subtype="turn_duration", durationMs=5)
    run.wait()
    assert results(run) == [("success", "p1", 1), ("success", "p2", 1)]
    assert spent(run) == [1, 2]


def test_a_turn_of_before_is_not_told_but_one_that_goes_on_is() -> None:
    run = Run()
    run.file()
    run.prompt(silent=True)
    run.answer(silent=True)
    run.prompt("second", id="p2", silent=True)
    run.answer(call("t1"), stop="tool_use", id="msg2", silent=True)
    run.result("t1", prompt="p2")
    run.answer(text(), id="msg3")
    run.wait()
    assert results(run) == [("success", "p2", 2)]


def test_turns_of_before_count_as_they_are_read_however_much_is_still_to_be_read() -> None:
    run = Run()
    run.world.is_behind = lambda _session: True
    run.file()
    for number in (1, 2, 3):
        run.prompt(id=f"p{number}", silent=True)
        run.answer(id=f"msg{number}", silent=True)
    usage = run.world.usage("s")
    assert isinstance(usage, SessionUsage)
    assert usage.num_turns == 2, "the last may go on"


def test_a_turn_of_before_that_is_interrupted_now_is_told() -> None:
    run = Run()
    run.file("waiting")
    run.prompt(silent=True)
    run.answer(call("t1", "AskUserQuestion"), stop="tool_use", silent=True)
    run.file("idle")
    run.result("t1", "The user doesn't want to proceed with this tool use.", error=True)
    run.interrupt()
    run.wait()
    assert results(run) == [("interrupted", "p1", 2)]


@pytest.mark.parametrize("silent", [False, True])
def test_a_last_prompt_line_ends_no_turn_while_the_file_says_that_it_goes_on(silent: bool) -> None:
    run = live()
    run.answer(silent=silent)
    run.line("last-prompt", uuid=None, silent=silent)
    run.wait()  # as long as a Stop hook of the user's takes
    assert run.states()[-1] == "running"
    assert results(run) == []
    run.hook("Stop", prompt_id="p1")
    run.file("idle", startedAt=START)
    run.wait()
    assert run.states()[-1] == "idle"
    assert results(run) == [("success", "p1", 1)]


@pytest.mark.parametrize("has_file", [True, False])
def test_a_last_prompt_line_of_before_is_no_end_in_the_terminal(has_file: bool) -> None:
    run = Run()
    if has_file:
        run.file("idle", silent=True)
    else:
        run.line("attachment", entrypoint="cli")
    run.prompt(silent=True)
    run.answer(silent=True)
    run.line("last-prompt", uuid=None, silent=True)  # newer versions write it after each message
    run.line("system", subtype="turn_duration", durationMs=5)
    run.wait()
    assert results(run) == [("success", "p1", 1)]


def test_a_turn_of_before_whose_stop_hooks_still_run_goes_on_and_is_told() -> None:
    run = Run()
    run.file("busy")
    run.prompt(silent=True)
    run.answer(silent=True)
    run.events += run.world.caught_up("s")
    run.wait()
    assert run.states() == ["running"]
    run.line("system", subtype="turn_duration", durationMs=5)
    run.file("idle", startedAt=START)
    run.wait()
    assert run.states() == ["running", "idle"]
    assert results(run) == [("success", "p1", 1)]


@pytest.mark.parametrize(("began", "told"), [(0, [("interrupted", "p1", 1)]), (60_000, [])])
def test_a_turn_of_before_is_told_if_it_is_of_this_run_of_the_session_and_ends_with_it(
    began: int, told: list[tuple[str, str, int]]
) -> None:
    run = Run()
    run.now += 60_000
    run.file("busy", startedAt=START + began)
    run.prompt(at=START + 1000, silent=True)
    run.answer(call("t1"), stop="tool_use", at=START + 2000, silent=True)
    run.gone("process_exited")
    run.wait()
    assert results(run) == told


def test_a_message_of_several_lines_is_one_event_for_each_line() -> None:
    run = live()
    run.answer(text("a"), stop=None)
    run.answer(call("t1"), stop="tool_use")
    assert [
        (data["contentBlocks"][0]["type"], data["messageId"], data["model"]) for data in run.data("message.assistant")
    ] == [("text", "msg1", "opus"), ("tool_use", "msg1", "opus")]
    assert len({data["uuid"] for data in run.data("message.assistant")}) == 2
