"""Tokens are counted the way they were spent: each message once, the largest reading, in any order."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from clawsocket.claude.transcript import Usage
from clawsocket.state.usage import Ledger, session_usage, total_usage
from tests.state.running import Run, call, live, text, tokens

NUMBERS = st.integers(0, 1000)
READINGS = st.lists(
    st.tuples(
        st.sampled_from(["m1", "m2", "m3"]),
        st.sampled_from([None, "r1", "r2"]),
        st.builds(Usage, NUMBERS, NUMBERS, NUMBERS, NUMBERS),
    ),
    max_size=20,
)
FIELDS = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


@given(READINGS, st.randoms(use_true_random=False))
def test_each_message_counts_once_with_its_largest_reading(
    readings: list[tuple[str, str | None, Usage]], order: random.Random
) -> None:
    again = readings * 2
    order.shuffle(again)
    ledger = Ledger()
    grown = dict.fromkeys(FIELDS, 0)
    for message, request, usage in again:
        counted = ledger.count(message, request, f"model-{message}", usage)
        if counted is not None:
            for field in FIELDS:
                grown[field] += getattr(counted[0], field) - getattr(counted[1], field)
    expected = dict.fromkeys(FIELDS, 0)
    for key in {(message, request) for message, request, _ in readings}:
        for field in FIELDS:
            expected[field] += max(getattr(usage, field) for *mine, usage in readings if tuple(mine) == key)
    sums = session_usage("s", ledger.models)
    assert {field: getattr(sums, field) for field in FIELDS} == expected == grown
    assert {field: sum(getattr(one, field) for one in sums.model_breakdown.values()) for field in FIELDS} == expected


def test_a_message_that_cost_nothing_still_names_its_model_and_comes_once() -> None:
    ledger = Ledger()
    assert ledger.count("m", "r", "opus", Usage()) is not None
    assert ledger.count("m", "r", "opus", Usage()) is None
    assert session_usage("s", ledger.models).unpriced_models == ["opus"]


def test_no_prices_are_known_yet_and_it_says_so() -> None:
    ledger = Ledger()
    ledger.count("m", "r", "opus", Usage(1, 2, 3, 4))
    usage = session_usage("s", ledger.models, duration_ms=5, num_turns=6, updated_at=7)
    assert (usage.total_cost_usd, usage.unpriced_models, usage.model_breakdown["opus"].cost_usd) == (
        0.0,
        ["opus"],
        None,
    )
    assert (usage.duration_ms, usage.num_turns, usage.last_updated_at) == (5, 6, 7)


def test_the_total_adds_up_sessions_by_model() -> None:
    one, other = Ledger(), Ledger()
    one.count("m1", None, "opus", Usage(1, 2, 3, 4))
    other.count("m1", None, "opus", Usage(10, 20, 30, 40))
    other.count("m2", None, "haiku", Usage(100, 200))
    total = total_usage([one, other])
    assert (total.total_input_tokens, total.total_output_tokens, total.session_count) == (111, 222, 2)
    assert total.model_breakdown["opus"].cache_read_input_tokens == 44
    assert total_usage([]).session_count == 0


def test_the_lines_of_a_message_repeat_its_usage_and_count_once() -> None:
    run = live()
    for block in (text("a"), text("b"), call("t1")):
        run.answer(block, stop="tool_use", usage=tokens(10, 100, 1, 2), requestId="r1")
    run.answer(text("again, larger"), usage=tokens(10, 120, 1, 2), requestId="r1")
    run.answer(text("again, smaller"), usage=tokens(1, 1), requestId="r1")
    run.answer(text("another"), usage=tokens(1, 1), requestId="r2")
    usage = run.world.usage("s")
    assert usage.model_breakdown["opus"].output_tokens == 121
    assert usage.model_breakdown["opus"].input_tokens == 11


def test_usage_is_told_only_when_it_grew() -> None:
    run = live()
    run.answer(usage=tokens(1, 2))
    told = len(run.data("usage.updated"))
    run.answer(usage=tokens(1, 2))
    run.answer()
    assert len(run.data("usage.updated")) == told == 1


def test_what_claude_code_made_itself_costs_nothing() -> None:
    run = live()
    run.answer(text("API Error"), model="<synthetic>", usage=tokens(5, 5), isApiErrorMessage=True)
    assert run.data("usage.updated") == []
    assert run.world.snapshot()[0][0].model == "opus"


def test_subagents_are_real_spend_of_their_own_model() -> None:
    run = live()
    run.answer(usage=tokens(1, 2))
    run.answer(agent="a1", id="msg2", model="haiku", usage=tokens(10, 20))
    run.wait()
    assert run.data("usage.updated")[-1]["outputTokens"] == 22
    assert {model: one["outputTokens"] for model, one in run.data("usage.updated")[-1]["modelBreakdown"].items()} == {
        "opus": 2,
        "haiku": 20,
    }
    assert [agent.token_count for agent in run.world.snapshot()[1]] == [3, 30]


def test_several_changes_of_a_tick_are_one_event() -> None:
    run = Run()
    run.file("busy")
    run.holds_levels = True
    for number in range(5):
        run.answer(id=f"m{number}", usage=tokens(0, 1))
    run.holds_levels = False
    run.answer(id="last", usage=tokens(0, 1))
    assert [data["outputTokens"] for data in run.data("usage.updated")] == [6]
