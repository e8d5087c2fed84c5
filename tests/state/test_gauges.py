"""The context and the limits are told when they change, and by whom knows best."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from clawsocket.claude import status_line
from clawsocket.claude.observations import StatusLineSeen
from clawsocket.protocol.models import Context, TotalUsage
from clawsocket.state import saved
from tests.state.playback import (
    RECORDINGS,
    Timed,
    file_observations,
    hook_observations,
    in_order,
    line_observations,
    play,
)
from tests.state.running import START, Run, live, tokens

MODEL = "claude-opus-4-6"
USAGE = tokens(input=10, output=500, created=90, read=49_900)
TRANSCRIPT_FIRST = {"j_permission", "j5_two_ask", "l4_resume_tui"}
"""While a dialog is open Claude Code asks for no status line; and what was said before is read before it does."""

LINED = sorted(path.parent.name for path in RECORDINGS.glob("*/statusline.jsonl"))


def lined(
    run: Run, used: int | None = None, *, size: int = 200_000, session: str = "s", at: int | None = None, **more: Any
) -> None:
    """The status line, with so many tokens in the context; None: nothing is known."""
    context = {
        "context_window_size": size,
        "total_input_tokens": used or 0,
        "current_usage": None if used is None else {"input_tokens": used},
        "used_percentage": None if used is None else round(used * 100 / size),
    }
    line = status_line.parse(json.dumps({"session_id": session, "context_window": context, **more}).encode())
    run.see(StatusLineSeen(line, run.now if at is None else at))


def limits(five: float | None = None, seven: float | None = None, *, resets: int = 2_000_000_000) -> dict[str, Any]:
    given = {"five_hour": five, "seven_day": seven}
    return {name: {"used_percentage": used, "resets_at": resets} for name, used in given.items() if used is not None}


def contexts(run: Run) -> list[tuple[int, int, float, bool]]:
    return [
        (one["tokensUsed"], one["tokensMax"], one["percentUsed"], one["official"]) for one in run.data("usage.context")
    ]


def told_limits(run: Run) -> list[tuple[str, float]]:
    return [(one["type"], one["percentUsed"]) for one in run.data("usage.rate_limit")]


# The context, by the transcript


def restarted(run: Run, *, away: int = 0, status: str | None = "busy") -> Run:
    """What the next run of the service knows, ``away`` ms later, with the session's file as it is then."""
    kept = saved.load(saved.save(run.world.sessions["s"]))
    assert kept is not None
    after = Run()
    after.now = run.now + away
    after.world.restore(kept, [], after.now)
    if status is not None:
        after.file(status)
    return after


def test_the_newest_answer_tells_how_full_the_context_is() -> None:
    run = live()
    run.answer(usage=USAGE, model=MODEL)
    run.answer(usage=USAGE, model=MODEL)
    run.answer(id="msg2", usage=tokens(input=100_000), model=MODEL)
    assert contexts(run) == [(50_000, 200_000, 25.0, False), (100_000, 200_000, 50.0, False)]
    event = run.of("usage.context")[-1]
    assert (event.source, event.session_id, event.agent_id) == ("transcript", "s", None)


def test_subagents_and_what_claude_code_made_itself_do_not_count() -> None:
    run = live()
    run.answer(usage=USAGE, model=MODEL, agent="a1", isSidechain=True)
    run.answer(id="msg2", usage=USAGE, model="<synthetic>")
    run.answer(id="msg3", usage=tokens(output=5), model=MODEL)
    run.answer(id="msg4", model=MODEL)
    assert contexts(run) == []


def test_the_window_of_a_model_that_is_not_known_is_not_guessed() -> None:
    run = live()
    run.answer(usage=USAGE, model="some-model")
    assert contexts(run) == []


def test_a_model_that_was_started_with_a_million_has_one() -> None:
    run = Run()
    run.file("busy")
    run.hook("SessionStart", source="startup", model=f"{MODEL}[1m]")
    run.answer(usage=USAGE, model=MODEL)
    assert contexts(run) == [(50_000, 1_000_000, 5.0, False)]


def test_a_compaction_resets_it() -> None:
    run = live()
    run.answer(usage=USAGE, model=MODEL)
    run.line("system", subtype="compact_boundary", compactMetadata={"trigger": "auto", "postTokens": 2000})
    run.answer(id="msg2", usage=tokens(input=3000), model=MODEL)
    run.line("system", subtype="compact_boundary", compactMetadata={"trigger": "manual"})
    assert [used for used, *_ in contexts(run)] == [50_000, 2000, 3000, 0]


def test_a_compaction_tells_nothing_where_nothing_is_known() -> None:
    run = live()
    run.line("system", subtype="compact_boundary", compactMetadata={"trigger": "auto", "postTokens": 2000})
    assert contexts(run) == []


def test_what_was_there_before_is_told_once_when_all_of_it_is_read() -> None:
    run = Run()
    run.file("busy")
    for number in range(3):
        run.answer(id=f"msg{number}", usage=tokens(input=1000 * number + 1000), model=MODEL, silent=True)
    assert contexts(run) == []
    run._told(run.world.caught_up("s"))
    run._told(run.world.flush())
    assert contexts(run) == [(3000, 200_000, 1.5, False)]


# The context, by the status line


def test_the_status_line_wins_and_knows_the_window() -> None:
    run = live()
    lined(run)
    run.answer(usage=USAGE, model=MODEL)
    lined(run, 50_000, size=1_000_000)
    run.wait()
    assert contexts(run) == [(50_000, 1_000_000, 5, True)]
    assert run.of("usage.context")[0].source == "status_line"


def test_it_is_told_only_when_it_changes() -> None:
    run = live()
    for _ in range(5):
        lined(run, 50_000)
    assert len(contexts(run)) == 1


def test_before_the_first_answer_nothing_is_known() -> None:
    run = live()
    lined(run)
    assert contexts(run) == []
    info = run.world.snapshot()[0][0]
    assert (info.context, info.rate_limits) == (None, None)


def test_after_a_compaction_it_is_empty_until_the_next_answer() -> None:
    run = live()
    lined(run, 50_000)
    run.line("system", subtype="compact_boundary", compactMetadata={"trigger": "auto", "postTokens": 2000})
    lined(run)
    run.wait()
    lined(run, 3000)
    assert contexts(run) == [(50_000, 200_000, 25, True), (0, 200_000, 0, True), (3000, 200_000, 2, True)]


def test_where_the_status_line_comes_no_more_the_transcript_tells_again_with_its_window() -> None:
    run = live()
    lined(run, 50_000, size=1_000_000)
    run.answer(usage=tokens(input=60_000), model=MODEL)
    run.wait(2999 - 1)
    assert len(contexts(run)) == 1
    run.wait(2)
    assert contexts(run)[1:] == [(60_000, 1_000_000, 6.0, False)]


def test_an_older_status_line_does_not_replace_a_newer_one() -> None:
    run = live()
    lined(run, 50_000)
    lined(run, 40_000, at=START - 1000)
    assert [used for used, *_ in contexts(run)] == [50_000]


def test_what_comes_after_the_clock_was_set_back_is_not_older() -> None:
    run = live()
    lined(run, 10_000, rate_limits=limits(5.0))
    run.now -= 3_600_000
    lined(run, 150_000, rate_limits=limits(60.0))
    assert contexts(run)[-1][0] == 150_000
    assert told_limits(run)[-1] == ("five_hour", 60.0)


def test_of_all_sessions_the_newest_limits_are_known_after_the_clock_was_set_back() -> None:
    run = live()
    run.file("busy", session="s2", pid=43)
    lined(run, 10_000, rate_limits=limits(5.0))
    run.now -= 3_600_000
    lined(run, 10_000, session="s2", rate_limits=limits(60.0))
    total = run.world.usage(None)
    assert isinstance(total, TotalUsage)
    assert [limit.percent_used for limit in total.rate_limits or ()] == [60.0]


def test_a_new_run_of_a_session_without_a_status_line_does_not_wait_for_one() -> None:
    run = live()
    lined(run, 50_000)
    run.hook("SessionEnd", reason="other")
    run.gone()
    run.wait(60_000)
    run.file("busy", pid=43)
    run.answer(id="msg9", usage=tokens(input=60_000), model=MODEL)
    assert contexts(run)[-1] == (60_000, 200_000, 30.0, False)


def test_one_that_comes_before_its_session_is_known_is_not_lost() -> None:
    run = Run()
    lined(run, 50_000)
    lined(run, 51_000)
    run.file("busy")
    assert [used for used, *_ in contexts(run)] == [51_000]
    assert run.types()[0] == "session.discovered"


def test_one_of_a_session_that_nobody_knows_makes_none() -> None:
    run = Run()
    lined(run, 50_000)
    lined(run, 50_000, session="old", at=START - 60_000)
    run.wait()
    run.file("busy", session="old")
    assert contexts(run) == []
    assert len(run.world.sessions) == 1


# The limits


def test_the_limits_are_told_when_they_change_each_for_itself() -> None:
    run = live()
    lined(run, rate_limits=limits(7.000000000000001, 50))
    lined(run, rate_limits=limits(7.000000000000001, 50))
    lined(run, rate_limits=limits(28.999999999999996, 50))
    lined(run, rate_limits=limits(28.999999999999996, 50, resets=2_000_000_001))
    assert told_limits(run) == [
        ("five_hour", 7.0),
        ("seven_day", 50.0),
        ("five_hour", 29.0),
        ("five_hour", 29.0),
        ("seven_day", 50.0),
    ]
    first = run.of("usage.rate_limit")[0]
    assert first.source == "status_line"
    assert run.data("usage.rate_limit")[0] == {
        "type": "five_hour",
        "percentUsed": 7.0,
        "resetsAt": 2_000_000_000_000,
        "official": True,
    }


def test_what_a_gateway_lets_one_spend_is_a_limit_as_well() -> None:
    run = live()
    lined(run, rate_limits={"spend_limit": {"used_percentage": 80, "resets_at": 2_000_000_000, "used_usd": 400}})
    assert told_limits(run) == [("spend_limit", 80.0)]
    lined(run, rate_limits=limits(7))
    assert [(one.type, one.percent_used) for one in run.world.snapshot()[0][0].rate_limits or ()] == [
        ("spend_limit", 80.0),
        ("five_hour", 7.0),
    ]


def test_without_a_status_line_there_are_none() -> None:
    run = live()
    run.answer(usage=USAGE, model=MODEL)
    lined(run)
    lined(run, rate_limits={"five_hour": {"used_percentage": None, "resets_at": 5}})
    assert told_limits(run) == []
    assert run.world.snapshot()[0][0].rate_limits is None
    total = run.world.usage(None)
    assert json.loads(msgspec.json.encode(total)).get("rateLimits") is None


def test_a_limit_is_as_old_as_the_answer_that_told_it() -> None:
    run = live()
    lined(run, rate_limits=limits(7), cost={"total_api_duration_ms": 100})
    told = run.now - 1
    lined(run, rate_limits=limits(7), cost={"total_api_duration_ms": 100})
    assert ages(run) == [told], "an idle session only repeats it"
    lined(run, rate_limits=limits(7), cost={"total_api_duration_ms": 200})
    assert ages(run) == [run.now - 1], "another answer told the same"
    assert len(told_limits(run)) == 1


def test_a_limit_that_an_idle_session_repeats_after_a_restart_is_as_old_as_it_was() -> None:
    run = live()
    lined(run, rate_limits=limits(7), cost={"total_api_duration_ms": 100})
    after = restarted(run, away=60_000, status=None)
    lined(after, rate_limits=limits(7), cost={"total_api_duration_ms": 100})
    assert ages(after) == ages(run)


def ages(run: Run) -> list[int]:
    return [limit.updated_at for limit in run.world.snapshot()[0][0].rate_limits or ()]


def test_of_all_sessions_the_newest_limits_are_in_the_usage_of_all() -> None:
    run = live()
    run.file("busy", session="t", pid=43)
    lined(run, session="t", rate_limits=limits(30, 50))
    lined(run, session="s", rate_limits=limits(31))
    run.gone(session="s")
    run.wait()
    total = json.loads(msgspec.json.encode(run.world.usage(None)))
    assert {one["type"]: one["percentUsed"] for one in total["rateLimits"]} == {"five_hour": 31.0, "seven_day": 50.0}


def test_what_is_known_survives_the_program_and_is_not_told_again() -> None:
    run = live()
    lined(run, 50_000, rate_limits=limits(7))
    after = restarted(run)
    info = after.world.snapshot()[0][0]
    assert info.context is not None
    assert info.context.tokens_used == 50_000
    assert [limit.percent_used for limit in info.rate_limits or ()] == [7.0]
    lined(after, 50_000, rate_limits=limits(7))
    assert (contexts(after), told_limits(after)) == ([], [])
    after.answer(id="msg7", usage=tokens(input=50_000), model="of-that-window")
    assert contexts(after) == [], "a status line is there"
    lined(after, 60_000, rate_limits=limits(8))
    assert ([one[0] for one in contexts(after)], told_limits(after)) == ([60_000], [("five_hour", 8.0)])
    ids = [event.id for event in [*run.events, *after.events] if event.type.startswith("usage.")]
    assert len(ids) == len(set(ids))


def test_that_a_model_was_started_with_a_million_is_known_after_a_restart_without_the_hook_that_said_so() -> None:
    run = Run()
    run.file("busy")
    run.hook("SessionStart", source="startup", model=f"{MODEL}[1m]")
    after = restarted(run)
    after.answer(usage=tokens(input=150_000), model=MODEL)
    assert contexts(after) == [(150_000, 1_000_000, 15.0, False)]


def test_the_window_that_a_status_line_told_is_known_after_a_restart() -> None:
    run = live()
    lined(run, 50_000, size=400_000)
    for tokens_used in (60_000, 80_000):  # no status line comes any more
        run = restarted(run)
        run.answer(id=f"msg{tokens_used}", usage=tokens(input=tokens_used), model="some-model")
        assert contexts(run) == [(tokens_used, 400_000, tokens_used / 4000, False)]


def test_what_no_status_line_told_is_worked_out_by_the_model_after_a_restart() -> None:
    run = live()
    run.answer(usage=tokens(input=50_000), model=MODEL)
    after = restarted(run)
    after.answer(usage=tokens(input=50_000), model=MODEL)
    after.answer(id="msg2", usage=tokens(input=60_000), model="claude-opus-4-8")
    assert contexts(after)[-1][:2] == (60_000, 1_000_000)


def test_what_a_status_line_told_is_not_worked_out_again_after_a_restart() -> None:
    run = live()
    run.answer(usage=tokens(input=40_000), model=MODEL)
    run.answer(id="msg2", usage=tokens(input=50_000), model=MODEL)
    lined(run, 50_000)
    for _ in range(2):
        run = restarted(run, status="idle")
        run.answer(usage=tokens(input=40_000), model=MODEL, silent=True)
        run.answer(id="msg2", usage=tokens(input=50_000), model=MODEL, silent=True)
        run.wait()
        assert contexts(run) == []
        assert run.world.snapshot()[0][0].context == Context(
            percent_used=25, tokens_used=50_000, tokens_max=200_000, official=True
        )


# Recorded runs


def status_lines(scenario: str) -> list[Timed]:
    seen: list[Timed] = []
    for text in (RECORDINGS / scenario / "statusline.jsonl").read_text().split("\n"):
        if text:
            record = json.loads(text)
            line = status_line.parse(json.dumps(record["payload"]).encode())
            seen.append((record["recv"], StatusLineSeen(line, round(record["recv"] * 1000))))
    return seen


@pytest.mark.parametrize("scenario", LINED)
def test_recorded_status_lines_and_transcripts_count_alike(scenario: str) -> None:
    parts = (hook_observations(scenario), file_observations(scenario), line_observations(scenario))
    lines = status_lines(scenario)
    by_line = [one.data for one in play(in_order(*parts, lines)) if one.type == "usage.context"]
    by_transcript = [one.data for one in play(in_order(*parts)) if one.type == "usage.context"]
    by_line_itself = [context for context in by_line if context.official]
    assert (len(by_line) > len(by_line_itself)) == (scenario in TRANSCRIPT_FIRST)
    told = [one.line.context_window for _, one in lines if isinstance(one, StatusLineSeen)]
    expected = [(one.total_input_tokens, one.context_window_size) for one in told if one and one.current_usage]
    assert [(one.tokens_used, one.tokens_max) for one in by_line_itself] == list(dict.fromkeys(expected))
    assert {one.tokens_used for one in by_line} <= {one.tokens_used for one in by_transcript}
    assert by_line[-1].tokens_used == by_transcript[-1].tokens_used
