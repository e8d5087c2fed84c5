"""Sessions appear, change and go, each told once and in the promised order."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clawsocket.claude.observations import Trouble
from clawsocket.protocol.models import SessionUsage, TotalUsage
from clawsocket.state import saved
from clawsocket.state.world import GRACE
from tests.state.running import PID, START, Run, call, live, text, tokens

# Appearing


def test_a_session_file_announces_its_session_and_its_state() -> None:
    run = Run()
    run.file("busy", name="app-70", kind="interactive", entrypoint="cli", version="2.1.197")
    assert run.types() == ["session.discovered", "session.state_changed"]
    assert run.data("session.discovered") == [
        {
            "pid": PID,
            "sessionId": "s",
            "cwd": "/app",
            "startedAt": START,
            "name": "app-70",
            "kind": "interactive",
            "entrypoint": "cli",
            "version": "2.1.197",
        }
    ]
    assert run.data("session.state_changed") == [{"state": "running", "since": START}]


@pytest.mark.parametrize(
    ("status", "waits", "state", "waiting"),
    [
        ("busy", None, "running", None),
        ("idle", None, "idle", None),
        ("shell", None, "background", None),
        ("waiting", "permission prompt", "requires_action", "permission"),
        ("waiting", "dialog open", "requires_action", "dialog"),
        ("waiting", "input needed", "requires_action", "question"),
        ("waiting", "sandbox request", "requires_action", "permission"),
        ("waiting", "something new", "requires_action", "something new"),
        ("something new", None, "idle", None),
        (None, None, "idle", None),
    ],
)
def test_the_status_of_the_file_is_the_state(
    status: str | None, waits: str | None, state: str, waiting: str | None
) -> None:
    run = Run()
    run.file(status, waitingFor=waits)
    [data] = run.data("session.state_changed")
    assert (data["state"], data.get("waitingFor"), data.get("previous")) == (state, waiting, None)


def test_a_session_found_at_the_start_is_in_its_state_since_its_status_says_so() -> None:
    run = Run()
    run.file("waiting", startedAt=START - 9_000_000, statusUpdatedAt=START - 600_000)
    [data] = run.data("session.state_changed")
    assert data["since"] == START - 600_000
    assert run.world.snapshot()[0][0].since == START - 600_000


def test_a_session_without_a_file_appears_with_its_first_hook_and_no_pid() -> None:
    run = Run()
    run.hook("SessionStart", source="startup")
    run.hook("UserPromptSubmit", prompt="hi", prompt_id="p1")
    assert run.events == []
    run.wait(1000)
    assert run.types("message.") == [
        "session.discovered",
        "session.state_changed",
        "session.started",
        "session.state_changed",
    ]
    assert run.data("session.discovered") == [{"pid": None, "sessionId": "s", "cwd": "/app", "startedAt": START}]
    assert [event.type for event in run.events if event.type.startswith("hook.")] == [
        "hook.session_start",
        "hook.user_prompt_submit",
    ]


def test_first_hooks_wait_for_the_file_and_come_after_it() -> None:
    run = Run()
    run.hook("SessionStart", source="startup")
    assert run.events == []
    run.file("idle", startedAt=START - 30)
    assert run.types() == ["session.discovered", "session.state_changed", "session.started"]
    assert run.data("session.discovered")[0]["pid"] == PID
    run.wait()
    assert run.types().count("session.discovered") == 1


def test_a_session_without_a_file_appears_with_its_first_line() -> None:
    run = Run()
    run.prompt()
    assert run.types()[:3] == ["session.discovered", "session.state_changed", "session.started"]
    assert run.of("session.discovered")[0].source == "transcript"


def test_a_file_that_comes_after_the_hooks_adds_what_it_knows() -> None:
    run = Run()
    run.hook("SessionStart", source="startup")
    run.wait(1000)
    run.file("idle", name="app-70", kind="interactive", entrypoint="cli", version="2.1.197")
    [info] = run.world.snapshot()[0]
    assert (info.pid, info.name, info.entrypoint, info.version) == (PID, "app-70", "cli", "2.1.197")
    assert run.data("session.renamed") == [{"name": "app-70"}]
    assert run.types().count("session.discovered") == 1


def test_the_id_of_a_run_names_its_process() -> None:
    run = Run()
    run.file()
    assert run.of("session.discovered")[0].id == "s:s:proc-42"


# Ending


def test_a_session_ends_when_its_file_is_gone_and_its_end_was_told() -> None:
    run = live(None)
    run.answer(usage=tokens(1, 2))
    run.hook("Stop", prompt_id="p1")
    run.wait(1000)
    run.gone()
    run.now += 40
    run.hook("SessionEnd", reason="prompt_input_exit")
    before = len(run.types())
    run.wait()
    assert run.types()[before:] == ["session.state_changed", "session.ended", "session.removed"]
    [ended] = run.data("session.ended")
    assert ended["reason"] == "prompt_input_exit"
    assert ended["usage"]["outputTokens"] == 2
    assert ended["durationMs"] == run.of("session.ended")[0].timestamp - START
    assert run.data("session.removed") == [{"sessionId": "s", "reason": "file_removed"}]
    assert run.world.snapshot() == ([], [])


def test_a_session_that_spent_nothing_ends_with_usage_null() -> None:
    run = Run()
    run.file("idle")
    run.gone()
    run.wait()
    assert run.data("session.ended")[0]["usage"] is None


def test_the_end_is_not_told_before_what_trails_had_time_to_come() -> None:
    run = live()
    run.gone()
    run.wait(400)
    assert "session.ended" not in run.types()
    run.answer(text("the last words"))
    run.hook("SessionEnd", reason="other")
    run.wait()
    assert run.types()[-5:] == [
        "message.assistant",
        "message.result",
        "session.state_changed",
        "session.ended",
        "session.removed",
    ]


def test_a_process_that_took_its_file_away_has_time_to_tell_of_the_end_as_long_as_it_lives() -> None:
    run, living = live(), {PID}
    run.world.lives = living.__contains__
    run.gone()
    run.wait(1500)
    run.hook("SessionEnd", reason="other")
    run.wait(200)
    assert run.data("session.ended")[0]["reason"] == "other"
    assert run.types()[-1] == "session.removed"


@pytest.mark.parametrize(("dies_after", "ends_after"), [(0, 500), (1000, 1000), (9000, 3000)])
def test_but_not_longer_than_it_lives_or_three_seconds(dies_after: int, ends_after: int) -> None:
    run, living = live(), {PID}
    run.world.lives = living.__contains__
    run.gone()
    for passed in range(0, 4000, 50):
        if passed >= dies_after:
            living.clear()
        if "session.ended" in run.types():
            break
        run.wait(50)
    assert 0 <= passed - ends_after <= 200


def test_a_session_that_was_cleared_does_not_wait_for_its_process_which_lives_on() -> None:
    run = live()
    run.world.lives = lambda _pid: True
    run.gone("cleared")
    run.wait(700)
    assert "session.ended" in run.types()


def test_without_a_session_end_the_end_is_sure_after_half_a_second() -> None:
    run = live()
    run.gone("process_exited")
    run.wait(498)
    assert "session.ended" not in run.types()
    run.wait(2)
    assert run.data("session.ended")[0]["reason"] == "process_exited"
    assert run.data("session.removed") == [{"sessionId": "s", "reason": "process_exited"}]


def test_whoever_reads_is_asked_for_the_last_lines_before_the_end() -> None:
    run, asked, removed = live(), list[str](), list[str]()

    def drain(session_id: str) -> None:
        asked.append(session_id)
        run.answer(text("the last words"), session=session_id)

    run.world.on_end = drain
    run.world.on_removed = removed.append
    run.gone()
    run.wait()
    assert (asked, removed) == (["s"], ["s"])
    assert run.types().index("message.assistant") < run.types().index("session.ended")


def test_a_session_does_not_end_while_there_is_more_of_it_to_tell() -> None:
    run, behind = live(), {"s"}
    run.world.is_behind = behind.__contains__
    run.gone("process_exited")
    run.wait(5000)
    assert "session.ended" not in run.types()
    run.answer(text("the last words"), usage=tokens(1, 2))
    behind.clear()
    run.wait(GRACE)
    assert run.types()[-2:] == ["session.ended", "session.removed"]
    assert run.data("session.ended")[0]["usage"]["outputTokens"] == 2


def test_a_session_on_which_another_process_goes_on_ends_with_its_turn_whatever_is_behind() -> None:
    run = restarted(live())
    run.world.is_behind = lambda _session_id: True
    run.hook("Stop", prompt_id="p1")
    run.file("idle", procStart="another", silent=True)
    assert [one for one in run.types() if "state" not in one][:3] == [
        "message.result",
        "session.ended",
        "session.removed",
    ]


def test_a_kill_ends_what_was_open() -> None:
    run = live()
    run.hook("PreToolUse", tool_name="Bash", tool_use_id="t1", tool_input={"command": "sleep 99"}, prompt_id="p1")
    run.answer(call("t1", command="sleep 99"), stop="tool_use")
    run.hook("SubagentStart", agent_id="a1", agent_type="Explore")
    run.gone("process_exited")
    run.wait()
    assert run.outcomes() == {"t1": "interrupted"}
    assert run.data("message.result")[0]["subtype"] == "interrupted"
    assert [data["agentId"] for data in run.data("agent.stopped")] == ["a1"]
    assert run.data("session.ended")[0]["reason"] == "process_exited"
    assert run.types()[-2:] == ["session.ended", "session.removed"]
    assert run.states()[-1] == "ended"


def test_a_file_that_goes_and_comes_back_was_no_end() -> None:
    run = live()
    run.gone()
    run.file("busy", startedAt=START)
    run.wait()
    assert "session.ended" not in run.types()
    assert len(run.world.snapshot()[0]) == 1


def test_another_process_does_not_end_a_session() -> None:
    run = live()
    run.gone(pid=7)
    run.wait()
    assert "session.ended" not in run.types()


def test_a_session_without_a_file_stays_a_minute_after_its_end() -> None:
    run = Run()
    run.hook("SessionStart", source="startup")
    run.hook("SessionEnd", reason="other")
    run.wait(5_000)
    assert run.types()[-1] == "session.ended"
    assert [info.state for info in run.world.snapshot()[0]] == ["ended"]
    run.wait(54_000)
    assert "session.removed" not in run.types()
    run.wait(2_000)
    assert run.types()[-1] == "session.removed"
    assert run.data("session.removed") == [{"sessionId": "s", "reason": "manual"}]
    assert run.world.snapshot() == ([], [])


def test_how_long_it_stays_is_a_setting() -> None:
    run = Run(linger=1000)
    run.hook("SessionStart", source="startup")
    run.hook("SessionEnd", reason="other")
    run.wait(2_000)
    assert run.types()[-1] == "session.removed"


def test_a_silent_session_without_a_file_is_removed_after_half_an_hour() -> None:
    run = Run()
    run.hook("SessionStart", source="startup")
    run.wait(1_000_000)
    run.hook("UserPromptSubmit", prompt="hi", prompt_id="p1")
    run.wait(1_799_000)
    assert "session.ended" not in run.types()
    run.wait(3_000)
    assert run.data("session.ended")[0]["reason"] == "silent"
    assert run.data("session.removed") == [{"sessionId": "s", "reason": "silent"}]


def test_a_silent_session_with_a_file_stays() -> None:
    run = live()
    run.wait(10_000_000)
    assert "session.ended" not in run.types()


def test_a_session_without_a_file_that_got_one_is_never_silent() -> None:
    run = Run()
    run.hook("SessionStart", source="startup")
    run.wait(1000)
    run.file("idle")
    run.wait(10_000_000)
    assert "session.ended" not in run.types()


# Several processes

OTHER = 77
"""Another process that works on the session, as ``claude -p --continue`` beside a terminal does."""


def shared(run: Run, status: str | None = None) -> Run:
    """Have another process go on with the session of a terminal."""
    run.file(status, pid=OTHER, name="app-b1")
    run.hook("SessionStart", source="resume")
    return run


def leave(run: Run, pid: int = OTHER) -> Run:
    """A process leaves by itself."""
    run.gone(pid=pid)
    run.hook("SessionEnd", reason="other")
    return run.wait()


@pytest.mark.parametrize("first", [PID, OTHER])
def test_a_session_ends_with_the_last_of_its_processes(first: int) -> None:
    run = shared(live())
    leave(run, first)
    last = OTHER if first == PID else PID
    assert [info.pid for info in run.world.snapshot()[0]] == [last]
    assert "session.ended" not in run.types()
    run.gone("process_exited", pid=last)
    run.wait()
    assert [data["reason"] for data in run.data("session.ended")] == ["process_exited"]
    assert run.types().count("session.removed") == 1


def test_a_session_end_that_comes_before_its_process_is_gone_does_not_end_the_others() -> None:
    run = shared(live())
    run.hook("SessionEnd", reason="other")
    run.wait(400)
    run.gone(pid=OTHER)
    run.wait()
    assert "session.ended" not in run.types()


def test_a_session_end_without_a_reason_is_one() -> None:
    run = Run()
    run.hook("SessionStart")
    run.hook("SessionEnd")
    run.wait()
    assert [data["reason"] for data in run.data("session.ended")] == ["other"]


def test_a_session_whose_process_takes_its_time_to_leave_ends_with_it() -> None:
    run = live()
    run.hook("SessionEnd", reason="prompt_input_exit")
    run.wait(2000)
    assert "session.ended" not in run.types()
    run.gone("process_exited")
    run.wait()
    assert run.data("session.ended")[0]["reason"] == "prompt_input_exit"


def test_a_call_of_one_process_is_open_while_another_stops_and_leaves() -> None:
    run = live()
    run.hook("PreToolUse", tool_name="Bash", tool_use_id="t1", tool_input={"command": "sleep 99"}, prompt_id="p1")
    shared(run)
    run.hook("UserPromptSubmit", prompt="More", prompt_id="p2")
    run.hook("Stop", prompt_id="p2")
    leave(run)
    assert run.outcomes() == {}
    run.hook("PostToolUse", tool_name="Bash", tool_use_id="t1", tool_input={}, tool_response="ok", prompt_id="p1")
    assert run.outcomes() == {"t1": "ok"}


def test_a_session_waits_while_one_of_its_processes_does() -> None:
    run = shared(live()).wait()
    run.file("waiting", waitingFor="permission prompt", startedAt=START)
    assert run.data("session.state_changed")[-1]["since"] == run.now - 1
    run.hook("UserPromptSubmit", prompt="More", prompt_id="p2")
    run.prompt("More", id="p2")
    run.answer()
    run.hook("Stop", prompt_id="p2")
    leave(run)
    assert run.states() == ["running", "requires_action"]
    run.file("busy", startedAt=START)
    assert run.states()[-1] == "running"


def test_a_session_works_while_one_of_its_processes_does() -> None:
    run = shared(live(), "idle")
    run.file("busy", pid=OTHER)
    run.prompt("More", id="p2")
    run.answer()
    run.line("system", subtype="turn_duration", durationMs=5)
    run.file("idle", pid=OTHER)
    run.wait()
    assert run.states() == ["running"]
    run.file("idle", startedAt=START)
    assert run.states() == ["running", "idle"]


def test_a_session_rests_when_the_last_of_its_processes_does() -> None:
    run = live()
    run.file("idle", startedAt=START)
    shared(run, "busy")
    run.file("idle", pid=OTHER)
    assert run.states() == ["running", "idle", "running", "idle"]


def test_a_process_that_is_killed_at_work_leaves_the_state_of_the_others() -> None:
    run = live()
    run.file("idle", startedAt=START)
    run.wait()
    shared(run, "busy")
    run.wait()
    run.gone("process_exited", pid=OTHER)
    assert run.states() == ["running", "idle", "running", "idle"]


def test_a_session_keeps_its_name_while_its_processes_have_others() -> None:
    run = Run()
    run.file("idle", name="app-70")
    shared(run, "idle")
    run.file("busy", pid=OTHER, name="app-b1")
    run.file("busy", name="app-70")
    run.wait(1000)
    assert run.data("session.renamed") == []
    run.file("busy", pid=OTHER, name="parser rewrite")
    run.wait(1000)
    assert run.data("session.renamed") == [{"name": "parser rewrite"}]


@pytest.mark.parametrize("living", [(PID, OTHER), (OTHER, PID), (PID,), (OTHER,)])
def test_a_session_of_several_processes_lives_on_over_a_restart(living: tuple[int, ...]) -> None:
    run = restarted(shared(live()))
    for pid in living:
        run.file("busy", pid=pid, startedAt=START)
    for gone in run.world.unseen():
        run.see(gone)
    run.wait()
    assert run.types() == []
    assert [info.state for info in run.world.snapshot()[0]] == ["running"]


@pytest.mark.parametrize("is_told", [True, False])
def test_a_session_that_ended_while_the_service_was_down_ended_when_it_did(is_told: bool) -> None:
    run = restarted(live())
    last = run.now - 1
    run.now += 8 * 3_600_000
    if is_told:
        run.hook("SessionEnd", reason="other", at=last + 60_000)
    for gone in run.world.unseen():
        run.see(gone)
    run.wait()
    ended = run.of("session.ended")[0].timestamp
    assert ended == last + 60_000 if is_told else ended <= last


def test_a_session_without_a_file_ends_when_its_hook_says_so() -> None:
    run = Run()
    run.hook("UserPromptSubmit", prompt="Do it", prompt_id="p1")
    run.hook("Stop", prompt_id="p1")
    run.wait(3_600_000 // 4)
    ended = run.now
    run.hook("SessionEnd", reason="other")
    run.wait(1000)
    assert run.of("session.ended")[0].timestamp == ended


@pytest.mark.parametrize("first", [PID, OTHER])
def test_a_session_waits_on_after_a_restart_whichever_of_its_processes_is_seen_first(first: int) -> None:
    before = shared(live())
    waits: dict[str, Any] = {"status": "waiting", "waitingFor": "permission prompt", "statusUpdatedAt": before.now}
    before.file(pid=OTHER, **waits)
    works: dict[str, Any] = {"status": "busy", "statusUpdatedAt": before.now}
    before.file(**works, startedAt=START)
    run = restarted(before)
    for pid in sorted((PID, OTHER), key=first.__ne__):
        run.file(pid=pid, startedAt=START, **(works if pid == PID else waits))
    run.wait()
    assert [info.state for info in run.world.snapshot()[0]] == ["requires_action"]


# After the end


def test_late_hooks_and_lines_are_told_and_bring_nobody_back() -> None:
    run = live()
    run.gone()
    run.hook("SessionEnd", reason="other")
    run.wait(1000)
    run.hook("Stop", prompt_id="p1")
    run.answer(text("late"))
    run.wait()
    assert run.types().count("session.discovered") == 1
    assert run.types().count("session.ended") == 1
    assert run.data("message.assistant")[-1]["contentBlocks"][0]["text"] == "late"
    assert run.of("hook.stop")
    assert run.world.snapshot() == ([], [])


def crashed(run: Run) -> Run:
    """The run of the program after one that died just after a session had ended."""
    kept = saved.load(saved.save(run.world.past["s"]))
    assert kept is not None
    after = Run()
    after.now = run.now
    after.world.ended["s"] = kept
    return after


def ended() -> Run:
    run = live()
    run.gone()
    run.hook("SessionEnd", reason="other")
    return run.wait(1000)


def test_who_trails_an_end_before_a_crash_brings_nobody_back() -> None:
    run = crashed(ended())
    run.hook("Stop", prompt_id="p2", session="another")
    run.hook("Stop", prompt_id="p1")
    run.events += run.world.expire(run.now + 1000)  # both at once
    run.wait(2000)
    run.answer(text("late"))
    run.wait()
    assert [event.session_id for event in run.of("session.discovered")] == ["another"]
    assert [event.session_id for event in run.of("hook.stop")] == ["another", "s"]
    assert run.data("message.assistant")[-1]["contentBlocks"][0]["text"] == "late"
    assert [one.session_id for one in run.world.snapshot()[0]] == ["another"]
    assert run.world.past["s"].info().started_at == START


def test_all_lines_of_a_session_that_ended_before_a_crash_are_asked_for_again() -> None:
    """What is told of its usage is of all of them."""
    run, asked = crashed(ended()), list[str]()

    def again(session_id: str) -> bool:
        asked.append(session_id)
        return True

    run.world.on_unheard = again
    run.answer(text("late"))
    assert (asked, run.types()) == (["s"], [])
    run.answer(text("late"))
    assert (asked, run.types()) == (["s"], ["message.assistant"])


def test_a_session_that_ended_before_a_crash_can_be_resumed_and_forgotten() -> None:
    run = crashed(ended())
    run.wait(60_000)
    run.hook("SessionStart", source="resume")
    run.wait(1000)
    assert [one.session_id for one in run.world.snapshot()[0]] == ["s"]
    assert run.types().count("session.discovered") == 1
    run = crashed(ended())
    run.world.forget("s")
    run.hook("Stop", prompt_id="p1")
    run.wait(1000)
    assert run.types().count("session.discovered") == 1, "nothing is known of it"


def test_a_late_call_is_ended_too() -> None:
    run = live()
    run.gone()
    run.hook("SessionEnd", reason="other")
    run.wait(1000)
    run.hook("PreToolUse", tool_name="Bash", tool_use_id="t1", tool_input={})
    run.hook("PreToolUse", tool_name="Bash", tool_use_id="t2", tool_input={})
    run.hook("PostToolUse", tool_name="Bash", tool_use_id="t2", tool_input={}, tool_response="ok")
    run.wait()
    assert run.outcomes() == {"t1": "interrupted", "t2": "ok"}


def test_a_session_that_ended_can_be_resumed_in_another_process() -> None:
    run = live()
    run.answer(usage=tokens(1, 2), id="msg1")
    run.gone()
    run.hook("SessionEnd", reason="other")
    run.wait()
    run.file("idle", pid=77)
    run.hook("SessionStart", source="resume")
    run.hook("UserPromptSubmit", prompt="more", prompt_id="p2")
    run.prompt("more", id="p2")
    run.answer(usage=tokens(10, 20), id="msg2")
    run.hook("Stop", prompt_id="p2")
    run.wait()
    first, second = [event.id for event in run.of("session.discovered")]
    assert first == "s:s:proc-42"
    assert second.startswith("s:s:proc-77:")
    assert [data.get("source") for data in run.data("session.started")] == ["startup", "resume"]
    assert run.data("usage.updated")[-1]["outputTokens"] == 22
    assert run.twice() == []
    run.gone(pid=77)
    run.wait()
    assert [data["reason"] for data in run.data("session.ended")] == ["other", "file_removed"]


def test_a_session_that_is_resumed_has_its_main_agent_and_none_of_the_run_before() -> None:
    run = live()
    run.hook("SubagentStart", agent_id="a1", agent_type="Explore")
    run.gone("process_exited")
    run.wait()
    run.file("idle", pid=OTHER)
    (agent,) = run.world.snapshot()[1]
    assert (agent.agent_id, agent.status, agent.started_at) == ("master-s", "idle", run.now - 1)


def test_a_session_of_several_processes_is_resumed_as_that_of_one() -> None:
    run = leave(leave(shared(live())), PID)
    run.file("busy", pid=88)
    run.hook("SessionEnd", reason="prompt_input_exit")
    run.wait(2000)
    run.gone("process_exited", pid=88)
    run.wait()
    assert [data["reason"] for data in run.data("session.ended")] == ["other", "prompt_input_exit"]


@pytest.mark.parametrize("read_again", [True, False])
def test_the_name_that_a_resumed_session_has_from_before_is_told(read_again: bool) -> None:
    run = live()
    run.line("custom-title", customTitle="parser rewrite", uuid=None)
    run.gone()
    run.wait()
    run.file(None, pid=PID + 1, name="app-70")
    if read_again:
        run.line("custom-title", customTitle="parser rewrite", uuid=None, silent=True)
        run.events += run.world.caught_up("s")
    run.file("idle", pid=PID + 1, name="parser rewrite")
    run.wait()
    assert run.data("session.discovered")[-1]["name"] == "app-70"
    assert run.data("session.renamed") == [{"name": "parser rewrite"}] * 2


def test_a_session_resumed_at_once_is_not_ended_by_the_hook_of_its_first_run() -> None:
    run = live()
    ended_at = run.now
    run.now += 20
    run.gone()
    run.file("idle", pid=77)
    run.hook("SessionEnd", reason="other", at=ended_at)
    run.wait()
    assert [info.pid for info in run.world.snapshot()[0]] == [77]
    assert run.types().count("session.ended") == 1


def test_a_session_without_a_file_resumed_before_it_was_removed_stays() -> None:
    run = Run()
    run.hook("SessionStart", source="startup")
    run.wait(1000)
    run.hook("SessionEnd", reason="other")
    run.wait(30_000)
    run.hook("SessionStart", source="resume")
    run.wait(600)
    assert run.types()[-4:] == ["session.removed", "session.discovered", "session.state_changed", "session.started"]
    run.wait(100_000)
    assert run.types().count("session.removed") == 1
    assert [info.state for info in run.world.snapshot()[0]] == ["idle"]


def test_a_session_without_a_file_that_ended_just_before_a_restart_is_removed() -> None:
    before = Run()
    before.hook("SessionStart", source="startup")
    before.wait(1000)
    before.hook("SessionEnd", reason="other")
    before.wait(20_000)
    run = restarted(before)
    run.wait(38_000)
    assert [info.state for info in run.world.snapshot()[0]] == ["ended"]
    run.wait(2000)
    assert run.types() == ["session.removed"]
    assert run.world.snapshot()[0] == []


def phantoms(run: Run) -> list[str]:
    """The sessions that ended and are in no list."""
    listed = {info.session_id for info in run.world.session_list(True)}
    return [id for id in run.world.past if id not in listed]


def test_the_id_that_a_process_has_until_it_knows_which_session_it_continues_stays_in_no_list() -> None:
    run = Run()
    run.file(session="throw-away")
    assert [info.session_id for info in run.world.session_list(True)] == ["throw-away"]
    run.hook("SessionStart", source="resume")
    run.wait(200)
    run.gone("cleared", session="throw-away")
    run.file("idle")
    run.wait(1000)
    assert run.data("session.removed") == [{"sessionId": "throw-away", "reason": "cleared"}]
    assert phantoms(run) == ["throw-away"]
    kept = saved.load(saved.save(run.world.past["throw-away"]))
    assert kept is not None
    assert kept.phantom
    total = run.world.usage(None)
    assert isinstance(total, TotalUsage)
    assert total.session_count == 1


@pytest.mark.parametrize("sign", ["status", "hook", "end", "line", "process"])
def test_a_session_of_which_anything_was_seen_stays_in_the_lists(sign: str) -> None:
    run = Run()
    run.file("idle" if sign == "status" else None)
    if sign == "hook":
        run.hook("SessionStart", source="startup")
    elif sign == "end":
        run.hook("SessionEnd", reason="clear")
    elif sign == "line":
        run.prompt()
    run.gone("file_removed" if sign == "process" else "cleared")
    run.file("idle", session="s2")
    run.wait(1000)
    assert "s" in run.world.past
    assert phantoms(run) == []


def test_clear_ends_one_session_and_begins_another_in_the_same_process() -> None:
    run = live()
    began = run.world.snapshot()[0][0].started_at
    run.now += 60_000
    run.hook("SessionEnd", reason="clear")
    run.gone("cleared")
    cleared = run.now
    run.file("idle", session="s2", startedAt=began)
    run.hook("SessionStart", source="clear", session="s2")
    run.wait()
    assert run.data("session.ended")[0]["reason"] == "clear"
    assert run.data("session.removed") == [{"sessionId": "s", "reason": "cleared"}]
    assert [data["sessionId"] for data in run.data("session.discovered")] == ["s", "s2"]
    assert run.data("session.discovered")[1]["startedAt"] == cleared, "not when the process did"
    assert run.data("session.started", "s2")[0]["source"] == "clear"
    assert [(info.session_id, info.pid) for info in run.world.snapshot()[0]] == [("s2", PID)]


def forking() -> Run:
    """A session that ended, then a process with a file of its own, and the SessionStart of that session."""
    run = ended()
    run.now += 60_000
    run.file(session="new", pid=77)
    run.hook("SessionStart", source="resume")
    return run


@pytest.mark.parametrize("after", [100, 1000])
@pytest.mark.parametrize("told", ["status", "prompt"])
def test_a_fork_takes_the_session_start_that_names_the_session_it_forks(told: str, after: int) -> None:
    run = forking().wait(after)
    if told == "status":
        run.file("idle", session="new", pid=77, startedAt=run.now - after)
    else:
        run.hook("UserPromptSubmit", prompt="Go", prompt_id="p9", session="new")
    run.wait()
    assert [info.session_id for info in run.world.snapshot()[0]] == ["new"]
    assert [event.session_id for event in run.of("session.discovered")] == ["s", "new"]
    assert [event.session_id for event in run.of("hook.session_start")] == ["s", "new"]
    assert [data["source"] for data in run.data("session.started", "new")] == ["resume"]


def test_a_fork_whose_status_was_told_before_takes_it_too() -> None:
    run = ended()
    run.now += 60_000
    run.file("idle", session="new", pid=77)
    run.hook("SessionStart", source="resume")
    run.wait()
    assert [info.session_id for info in run.world.snapshot()[0]] == ["new"]


def test_a_session_start_that_may_be_a_forks_waits_two_seconds_for_it() -> None:
    run = forking().wait(2000)
    assert [event.session_id for event in run.of("hook.session_start")] == ["s"]
    run.wait(600)
    assert [event.session_id for event in run.of("hook.session_start")] == ["s", "s"]


def test_a_session_that_is_continued_begins_when_its_process_takes_its_id() -> None:
    run = forking().wait(800)
    began = run.of("session.discovered")[-1].data.started_at
    run.gone("cleared", session="new", pid=77)
    run.file(pid=77, startedAt=began)
    run.file("idle", pid=77, startedAt=began)
    run.wait()
    assert [(info.session_id, info.pid) for info in run.world.snapshot()[0]] == [("s", 77)]
    assert [data["pid"] for data in run.data("session.discovered", "s")] == [PID, 77]
    assert [data["source"] for data in run.data("session.started", "s")] == ["startup", "resume"]


@pytest.mark.parametrize("other", [{"cwd": "/elsewhere"}, {"startedAt": START - 60_000}])
def test_a_session_that_is_resumed_where_no_file_is_seen_begins_beside_others(other: dict[str, Any]) -> None:
    run = ended()
    run.file("idle", session="new", pid=77, **other)
    run.now += 20_000
    run.hook("SessionStart", source="resume")
    run.wait()
    assert {info.session_id for info in run.world.snapshot()[0]} == {"s", "new"}


def test_of_two_sessions_that_begin_at_once_in_one_folder_each_has_its_own_start() -> None:
    run = Run()
    run.file("idle", session="new", pid=77)
    run.hook("SessionStart", source="startup")
    run.file("idle", session="new", pid=77, startedAt=START)
    run.file("idle", startedAt=START)
    run.hook("SessionStart", source="startup", session="new")
    assert [event.session_id for event in run.of("session.started")] == ["s", "new"]


@pytest.mark.parametrize("hooked", [True, False])
def test_a_title_alone_brings_no_session_so_that_a_branch_is_told_with_its_process_and_folder(hooked: bool) -> None:
    run = Run()
    if hooked:
        run.hook("SessionStart", source="resume")
    run.line("custom-title", uuid=None, cwd=None, customTitle="hello (Branch)")
    run.prompt("old words", silent=True)
    assert run.types() == []
    run.file("idle", name="hello (Branch)")
    run.wait()
    (found,) = run.data("session.discovered")
    assert (found["pid"], found["cwd"]) == (PID, "/app")


def test_a_session_that_is_left_for_a_branch_keeps_its_name() -> None:
    run = Run()
    run.file("idle", name="app-70")
    run.file("idle", name="app-70 (Branch)", startedAt=START)
    run.wait(100)
    run.gone("cleared")
    run.file("idle", session="branch", name="app-70 (Branch)", startedAt=START)
    run.wait()
    assert run.of("session.renamed") == []
    assert {info.session_id: info.name for info in run.world.session_list(True)} == {
        "s": "app-70",
        "branch": "app-70 (Branch)",
    }


def turned_back(*first: str) -> Run:
    """A process that turned to another session, and back to the first one, of which it told in this order."""
    run = live()
    for session, before in (("s2", "s"), ("s", "s2")):
        run.hook("SessionEnd", session=before, reason="clear")
        run.gone("cleared", session=before)
        for told in first:
            if told == "file":
                run.file("idle", session=session, startedAt=START)
            else:
                run.hook("SessionStart", session=session, source="resume")
            run.wait(1000)
        run.wait()
    return run


LIFE = ["session.discovered", "session.started", "session.ended", "session.removed"]


def test_a_session_that_moved_to_the_background_while_nobody_watched_ends_as_if_somebody_had() -> None:
    run = restarted(live())
    run.file("busy", startedAt=START, parkedJobId="other")
    run.events += [event for seen in run.world.unseen() for event in run.world.apply(seen, run.now)]
    run.hook("ConfigChange", prompt_id="p1")
    run.wait()
    run.hook("ConfigChange", prompt_id="p1")
    run.wait()
    assert run.data("session.ended")[0]["reason"] == "cleared"
    assert run.data("session.removed") == [{"sessionId": "s", "reason": "cleared"}]
    assert "session.discovered" not in run.types()


def test_a_session_in_the_background_names_its_job_also_after_a_restart() -> None:
    run = Run()
    run.file("idle", kind="bg", jobId="0bb6202d")
    assert run.data("session.discovered")[0]["jobId"] == "0bb6202d"
    after = restarted(run)
    for world in (run.world, after.world):
        (info,) = world.snapshot()[0]
        assert (info.kind, info.job_id) == ("bg", "0bb6202d")
    after.file("idle", kind="bg", jobId="0bb6202d")
    after.file("idle", pid=77, kind="interactive")
    after.gone()
    assert [(info.kind, info.job_id) for info in after.world.snapshot()[0]] == [("interactive", None)]


@pytest.mark.parametrize("first", [("file", "hook"), ("hook", "file")])
def test_a_session_to_which_its_process_turns_back_has_another_run(first: tuple[str, str]) -> None:
    run = turned_back(*first)
    run.gone()
    run.hook("SessionEnd", reason="other")
    run.wait()
    assert [run.types("session.state").count(type) for type in LIFE] == [3, 3, 3, 3]
    assert run.twice() == []


def restarted(run: Run) -> Run:
    """The run of the program after one in which the session lived on."""
    kept = saved.load(saved.save(run.world.sessions["s"]))
    assert kept is not None
    after = Run()
    after.now = run.now
    after.world.restore(kept, [], after.now)
    return after


@pytest.mark.parametrize("is_behind", [True, False])
def test_a_turn_that_a_member_of_the_team_began_meanwhile_is_told_and_over(is_behind: bool) -> None:
    tasks = [{"type": "teammate", "status": "running"}]
    run = live()
    run.answer(usage=tokens(0, 1))
    run.hook("Stop", prompt_id="p1", background_tasks=tasks)
    run.line("system", subtype="stop_hook_summary")
    run.wait()
    after = restarted(run)
    after.world.is_behind = lambda _session: is_behind
    woken = after.now
    after.now += 1000
    after.file("idle", startedAt=START, statusUpdatedAt=woken + 120)
    after.hook("Stop", at=woken + 100, prompt_id="p1", background_tasks=tasks)
    after.prompt(silent=True, at=START + 2)
    after.answer(usage=tokens(0, 1), silent=True, at=START + 3)
    after.prompt("Another Claude session sent a message:\n<teammate-message>\nDone.\n</teammate-message>", at=woken)
    after.answer(id="msg2", usage=tokens(0, 2), at=woken + 50)
    after.line("system", subtype="stop_hook_summary", at=woken + 110)
    after.wait(1000)
    after.world.is_behind = lambda _session: False
    after.wait()
    told = [event.id for event in run.of("message.result")]
    (result,) = [event for event in after.of("message.result") if event.id not in told]
    assert result.data.usage["outputTokens"] == 2
    assert after.states() == ["idle"], "it was at work, and is not any more"


def test_a_state_that_clients_know_is_not_told_again_after_a_restart() -> None:
    run = restarted(live())
    run.file("busy", startedAt=START, silent=True)
    run.events += run.world.caught_up("s")
    assert run.states() == []
    run.file("idle", startedAt=START)
    assert [data["previous"] for data in run.data("session.state_changed")] == ["running"]


@pytest.mark.parametrize("first", [("file", "hook"), ("hook", "file")])
def test_a_session_to_which_its_process_turned_back_lives_on_over_a_restart(first: tuple[str, str]) -> None:
    before = turned_back(*first)
    run = restarted(before)
    run.file("idle", startedAt=START)
    run.wait()
    assert run.types() == []
    run.gone()
    run.wait()
    assert run.of("session.ended")[0].id == f"{before.of('session.discovered')[-1].id}:ended"


def test_a_session_that_was_resumed_while_nobody_watched_ends_with_the_usage_that_was_told() -> None:
    before = live()
    before.answer(usage=tokens(1, 2))
    run = restarted(before)
    assert run.world.snapshot()[0][0].usage == before.world.snapshot()[0][0].usage
    run.file("idle", pid=77)
    run.prompt(silent=True)
    run.answer(usage=tokens(1, 2), silent=True)
    run.answer(usage=tokens(1, 2), id="msg2")
    assert run.types()[:4] == ["session.state_changed", "session.ended", "session.removed", "session.discovered"]
    assert run.data("session.ended")[0]["usage"]["outputTokens"] == 2
    assert run.data("usage.updated")[-1]["outputTokens"] == 4


def test_a_session_that_an_older_version_saved_lives_on() -> None:
    kept = json.loads(saved.save(live().world.sessions["s"]))
    del kept["process"]
    loaded = saved.load(json.dumps(kept).encode())
    assert loaded is not None
    run = Run()
    run.world.restore(loaded, [], run.now)
    run.file("busy", startedAt=START)
    run.wait()
    assert run.types() == []


def test_a_session_to_which_its_process_turned_back_after_a_restart_has_another_run() -> None:
    run = crashed(ended())
    run.now += 60_000
    run.file("idle", startedAt=START)
    (discovered,) = run.of("session.discovered")
    assert discovered.id != "s:s:proc-42"


@pytest.mark.parametrize("with_file", [True, False])
def test_a_session_that_was_removed_in_any_run_before_is_told_again_when_it_is_resumed(with_file: bool) -> None:
    run = Run()
    told = {f"s:s:{'proc-42' if with_file else ''}" + end for end in ("", ":started", ":ended", ":removed")}
    run.world.is_told = told.__contains__
    run.now += 60_000
    if with_file:
        run.file("idle", startedAt=START)
        run.gone()
    run.hook("SessionStart", source="resume")
    run.wait(1000)
    run.hook("SessionEnd", reason="other")
    run.wait(100_000)
    assert [run.types("session.state").count(type) for type in LIFE] == [1, 1, 1, 1]
    assert not told & {event.id for event in run.events}


# The clock

HOUR = 3_600_000


def goes_on(run: Run) -> None:
    """The session's next turn, in which it waits for its owner."""
    run.hook("UserPromptSubmit", prompt="Again", prompt_id="p2")
    run.prompt("Again", id="p2")
    run.answer(call("t1", command="rm x"), id="msg2", stop="tool_use", usage=tokens(0, 7))
    run.file("waiting", waitingFor="permission prompt", startedAt=START)
    assert [data["text"] for data in run.data("message.user")][-1] == "Again"
    assert run.states()[-2:] == ["running", "requires_action"]
    assert run.data("usage.updated")[-1]["outputTokens"] == 7
    run.file("busy", startedAt=START)
    run.hook("SessionEnd", reason="other")
    run.gone()
    run.wait(1000)
    assert run.data("session.ended")[0]["reason"] == "other"


def test_a_session_goes_on_after_the_clock_was_set_back() -> None:
    run = live()
    run.line("queue-operation", timestamp="2027-01-15T08:00:00.000Z")
    run.hook("Stop", prompt_id="p1")
    run.wait(5000)
    run.now -= HOUR
    goes_on(run)


def test_a_session_runs_that_came_to_rest_before_the_clock_was_set_back() -> None:
    run = live(None)
    run.hook("Stop", prompt_id="p1")
    run.wait(5000)
    run.now -= HOUR
    run.prompt("Again", id="p2")
    assert run.states()[-2:] == ["idle", "running"]


def test_a_session_comes_to_rest_where_the_clock_was_set_back_a_little() -> None:
    run = live()
    run.prompt("Go", id="p1")
    run.now -= 1900
    run.hook("Stop", prompt_id="p1")
    run.file("idle", startedAt=START)
    run.wait()
    assert run.states()[-1] == "idle"


def test_a_session_goes_on_after_the_clock_was_set_back_while_nobody_watched() -> None:
    run = live()
    run.hook("Stop", prompt_id="p1")
    run.wait(5000)
    run.now -= HOUR
    after = restarted(run)
    after.file("idle", startedAt=START, statusUpdatedAt=START + 5000)
    goes_on(after)


def test_a_session_can_be_resumed_after_the_clock_was_set_back() -> None:
    run = ended()
    run.now -= HOUR
    run.hook("SessionStart", source="resume")
    run.wait(1000)
    assert run.types().count("session.discovered") == 2


# Background sessions


@pytest.mark.parametrize("first", ["file", "hooks"])
def test_a_process_made_ready_for_a_session_is_none_until_it_is_used(first: str) -> None:
    run = Run()
    if first == "file":
        run.file(spare=True)
    run.hook("InstructionsLoaded")
    run.hook("SessionStart", source="startup", model="opus")
    run.file("idle", spare=True, startedAt=START)
    run.wait(60_000)
    assert run.types() == []
    assert [event.type for event in run.events] == ["hook.instructions_loaded", "hook.session_start"], "as they came"
    run.hook("UserPromptSubmit", prompt="Do it", prompt_id="p1")
    run.file("busy", startedAt=START)
    assert run.types() == ["session.discovered", "session.state_changed", "session.started"]
    assert run.data("session.started")[0]["model"] == "opus"
    assert run.twice() == []
    run.wait()
    assert run.states()[-1] == "running"
    assert [data["text"] for data in run.data("message.user")] == ["Do it"]


@pytest.mark.parametrize("first", ["prompt", "line"])
def test_what_comes_of_such_a_session_before_its_file_tells_of_it_begins_it(first: str) -> None:
    run = Run()
    run.hook("SessionStart", source="startup")
    run.file("idle", spare=True)
    if first == "prompt":
        run.hook("UserPromptSubmit", prompt="Do it", prompt_id="p1")
        run.wait(500)
    else:
        run.prompt()
    run.file("idle", spare=True, name="A name", startedAt=START)
    run.file("busy", startedAt=START)
    run.wait()
    assert [info.pid for info in run.world.snapshot()[0]] == [PID]
    assert [data["source"] for data in run.data("session.started")] == ["startup"]
    assert "session.ended" not in run.types()


def test_a_process_made_ready_for_a_session_whose_file_comes_long_after_its_start_is_none_from_then_on() -> None:
    run = Run()
    run.hook("SessionStart", source="startup")
    run.wait(1000)
    run.file("idle", spare=True)
    assert run.types()[-3:] == ["session.state_changed", "session.ended", "session.removed"]
    run.hook("InstructionsLoaded")
    run.wait()
    assert run.world.snapshot() == ([], [])
    run.hook("UserPromptSubmit", prompt="Do it", prompt_id="p1")
    run.file("busy", startedAt=START)
    run.wait()
    assert [(info.pid, info.state) for info in run.world.snapshot()[0]] == [(PID, "running")]
    assert run.twice() == []


@pytest.mark.parametrize("order", ["file first", "hook first"])
def test_one_that_was_never_used_leaves_no_trace(order: str) -> None:
    run = Run()
    run.file("idle", spare=True)
    if order == "file first":
        run.gone()
    run.hook("SessionEnd", reason="other")
    if order == "hook first":
        run.gone()
    run.wait()
    assert (run.types(), run.world.session_list(True)) == ([], [])
    assert [event.type for event in run.events] == ["hook.session_end"]


@pytest.mark.parametrize("status", ["idle", "busy"])
def test_a_session_that_moved_to_the_background_is_over_and_goes_on_there(status: str) -> None:
    run = live()
    run.prompt()
    run.file(status, startedAt=START, parkedJobId="other")
    run.file(session="other", pid=77, kind="bg", name="Do it")
    run.hook("SessionStart", source="fork", session="other")
    run.file(status, startedAt=START, parkedJobId="other", name="Told again")
    run.wait()
    assert [(info.session_id, info.state) for info in run.world.snapshot()[0]] == [("other", "idle")]
    assert run.data("session.removed") == [{"sessionId": "s", "reason": "cleared"}]
    assert run.data("session.ended")[0]["jobId"] == "other"
    run.wait(600_000)
    run.hook("ConfigChange", prompt_id="p1")
    run.wait()
    run.gone()
    run.hook("SessionEnd", reason="prompt_input_exit")
    run.wait()
    assert [data["sessionId"] for data in run.data("session.discovered")] == ["s", "other"]
    assert len(run.data("session.ended", "s")) == 1


def test_a_session_that_moved_to_the_background_can_be_resumed_when_its_process_has_left() -> None:
    run = live()
    run.file("idle", startedAt=START, parkedJobId="other")
    run.wait(60_000)
    run.gone()
    run.hook("SessionStart", source="resume")
    run.wait()
    assert [info.session_id for info in run.world.snapshot()[0]] == ["s"]


@pytest.mark.parametrize("at_rest", [True, False])
@pytest.mark.parametrize(("away", "ends"), [(100, 0), (60_000, 1)])
def test_a_process_that_turns_to_its_own_session_again_brings_it_back(away: int, ends: int, at_rest: bool) -> None:
    run = live()
    if at_rest:
        run.answer()
        run.file("idle", startedAt=START)
        run.wait()
    run.file("idle", startedAt=START, parkedJobId="other")
    run.wait(away)
    run.file("busy", startedAt=START)
    assert [(info.session_id, info.state) for info in run.world.snapshot()[0]] == [("s", "running")]
    run.gone()
    run.wait()
    assert ["jobId" in data for data in run.data("session.ended")] == [*[True] * ends, False]


def test_a_session_that_only_one_of_its_processes_moved_to_the_background_goes_on() -> None:
    run = live()
    run.file("busy", pid=77)
    run.file("idle", startedAt=START, parkedJobId="other")
    run.wait()
    assert [(info.session_id, info.pid) for info in run.world.snapshot()[0]] == [("s", 77)]
    run.gone(pid=77)
    run.wait()
    assert ["jobId" in data for data in run.data("session.ended")] == [False]


def test_the_end_of_a_session_that_nobody_knew_is_told_as_it_came_and_makes_none() -> None:
    run = Run()
    run.hook("SessionEnd", reason="other")
    run.wait()
    assert [event.type for event in run.events] == ["hook.session_end"]


# Old news


def test_lines_that_a_fork_copied_are_no_news_and_cost_it_nothing() -> None:
    run = Run()
    run.now += 3_600_000
    run.file("idle")
    run.prompt("old words", at=START)
    run.answer(usage=tokens(100, 100), at=START + 5)
    run.prompt("new words", id="p2")
    run.answer(usage=tokens(1, 2), id="msg2")
    run.wait()
    assert [data["text"] for data in run.data("message.user")] == ["new words"]
    assert run.data("usage.updated")[-1]["outputTokens"] == 2


def test_lines_that_a_fork_copied_are_no_news_however_young_they_are() -> None:
    run = Run()
    run.now += 1000
    run.file("idle")
    run.prompt("old words", at=START)
    run.answer(at=run.now - 400, usage=tokens(100, 100))
    run.prompt("new words", id="p2")
    run.answer(at=START, id="msg2", usage=tokens(1, 2))  # the clock was set back
    run.wait()
    assert [data["text"] for data in run.data("message.user")] == ["new words"]
    assert run.data("usage.updated")[-1]["outputTokens"] == 2


def test_lines_of_a_session_that_began_again_are_its_own_though_they_are_a_little_older() -> None:
    run = Run()
    run.hook("SessionStart", source="startup")
    run.hook("SessionEnd", reason="other")
    run.wait(60_000)
    run.file("idle", pid=77)
    run.prompt("of long ago", at=run.now - 50_000)
    run.prompt("read late", at=run.now - 9_000)
    run.wait()
    assert [data["text"] for data in run.data("message.user")] == ["read late"]


@pytest.mark.parametrize("first", ["file", "hook", "line"])
def test_lines_that_a_branch_copied_are_no_news_however_young_its_process_and_they_are(first: str) -> None:
    run = Run()
    if first == "file":
        run.file("idle")
    elif first == "hook":
        run.hook("SessionStart", source="resume")
    for silent in (False, True):  # the service may be there or come later
        run.prompt("old words", silent=silent, forkedFrom={"sessionId": "older", "messageUuid": "u"})
    if first == "line":
        assert run.events == []
    run.hook("SessionStart", source="resume")
    run.prompt("new words", id="p2")
    run.wait()
    assert [data["text"] for data in run.data("message.user")] == ["new words"]
    assert [data.get("source") for data in run.data("session.started")] == ["resume"]


@pytest.mark.parametrize("first", ["file", "hook", "prompt"])
def test_what_was_told_of_a_session_before_it_was_known_is_asked_for_once(first: str) -> None:
    run, asked = Run(), list[str]()

    def again(session_id: str) -> bool:
        asked.append(session_id)
        return True

    run.world.on_unheard = again
    run.prompt("old", silent=True)
    assert asked == []
    if first == "file":
        run.file("idle")
    elif first == "hook":
        run.hook("Notification", message="m")
        run.wait()
    else:
        run.prompt("new", id="p2")
        assert run.data("message.user") == []  # it comes again, behind the old one
    assert asked == ["s"]
    run.prompt("old", silent=True)
    run.prompt("new", id="p2")
    assert [data["text"] for data in run.data("message.user")] == ["new"]
    assert asked == ["s"]


def test_what_is_read_silently_tells_nothing_until_it_has_caught_up() -> None:
    run = Run()
    run.file()
    told = len(run.events)
    run.prompt("old", silent=True)
    run.answer(call("t1"), stop="tool_use", usage=tokens(1, 2), silent=True)
    run.meta("a1", agentType="Explore", silent=True)
    run.answer(text("from a1"), agent="a1", usage=tokens(3, 4), id="msg2", silent=True)
    run.wait()
    assert run.events[told:] == []
    run.events += run.world.caught_up("s") + run.world.flush()
    assert [event.type for event in run.events[told:]] == [
        "session.state_changed",
        "usage.updated",
        "agent.state_changed",
    ]
    assert run.data("usage.updated")[-1]["outputTokens"] == 6
    assert run.data("session.state_changed")[-1]["state"] == "running"
    [agents] = run.data("agent.state_changed")[-1:]
    assert {agent["agentId"] for agent in agents["agents"]} == {"master-s", "a1"}
    told = len(run.events)
    run.result("t1")
    assert [event.type for event in run.events[told:] if event.type.startswith("tool")] == ["tool.result"]


def test_silent_lines_of_a_session_that_is_not_known_are_nothing() -> None:
    run = Run()
    run.prompt(silent=True)
    assert run.events == []
    assert run.world.caught_up("s") == []


# What is asked


def test_a_snapshot_has_every_session_and_agent_as_they_are() -> None:
    run = live()
    run.hook("SubagentStart", agent_id="a1", agent_type="Explore")
    run.wait(1000)
    [info], agents = run.world.snapshot()
    assert (info.session_id, info.state, info.model, info.version) == ("s", "running", "opus", "2.1.197")
    assert [(agent.agent_id, agent.agent_type, agent.status) for agent in agents] == [
        ("master-s", "master", "working"),
        ("a1", "Explore", "working"),
    ]


def test_the_list_has_those_that_ended_only_if_all_are_asked_for() -> None:
    run = live()
    run.file("idle", session="s2", pid=77)
    run.gone()
    run.wait()
    assert [info.session_id for info in run.world.session_list(all=False)] == ["s2"]
    assert [(info.session_id, info.state) for info in run.world.session_list(all=True)] == [
        ("s", "ended"),
        ("s2", "idle"),
    ]


def test_usage_is_of_one_session_or_of_all_and_of_nobody_nothing() -> None:
    run = live()
    run.answer(usage=tokens(1, 2, 3, 4))
    run.file("idle", session="s2", pid=77)
    run.prompt(session="s2", id="p9")
    run.answer(usage=tokens(10, 20, 30, 40), id="msg2", model="haiku", session="s2")
    run.gone()
    run.wait()
    one, every = run.world.usage("s"), run.world.usage(None)
    assert isinstance(one, SessionUsage)
    assert isinstance(every, TotalUsage)
    assert (one.input_tokens, one.output_tokens) == (1, 2)
    assert (one.cache_creation_input_tokens, one.cache_read_input_tokens) == (3, 4)
    assert (every.total_input_tokens, every.total_output_tokens, every.session_count) == (11, 22, 2)
    assert set(every.model_breakdown) == {"opus", "haiku"}
    assert run.world.usage("nobody") is None


def test_trouble_is_told_as_an_error_of_the_server() -> None:
    run = Run()
    run.see(Trouble("transcript", "a line could not be parsed", True, START))
    run.see(Trouble("transcript", "a line could not be parsed", True, START))
    one, other = run.of("system.error")
    assert (one.session_id, one.source, one.timestamp) == ("", "server", START)
    assert one.id != other.id
    assert run.data("system.error")[0] == {
        "source": "transcript",
        "message": "a line could not be parsed",
        "recoverable": True,
    }


def test_the_hook_of_doctor_is_of_no_session() -> None:
    run = Run()
    (told,) = run.hook("ClawSocketCheck", session="c0ffee")
    assert (told.type, told.session_id, told.source, told.id) == ("system.check", "", "hook", "h:hook-1")
    assert run.data("system.check") == [{"checkId": "c0ffee"}]
    assert (run.world.sessions, run.world.due) == ({}, None)


def test_nothing_is_due_when_nothing_waits() -> None:
    run = Run()
    assert run.world.due is None
    run.file("idle")
    assert run.world.due is None
    run.gone()
    assert run.world.due == START + 1 + 500
