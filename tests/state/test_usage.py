"""Tokens are counted the way they were spent: each message once, the largest reading, in any order, at its price."""

from __future__ import annotations

import gc
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawsocket.claude.transcript import CacheCreation, ServerToolUse, Usage
from clawsocket.protocol.models import SessionUsage, TotalUsage
from clawsocket.state.prices import Prices
from clawsocket.state.usage import Book, Ledger, Tokens, largest, session_usage, total_usage
from tests.state.running import START, Run, call, live, text, tokens

OPUS = "claude-opus-4-8"
PRICES = Prices()
NUMBERS = st.integers(0, 1000)
READINGS = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 2]),
        st.sampled_from(["m1", "m2", "m3"]),
        st.sampled_from([None, "r1", "r2"]),
        st.builds(Usage, NUMBERS, NUMBERS, NUMBERS, NUMBERS),
    ),
    max_size=20,
)
FIELDS = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


class Spender:
    """A session that began at a time."""

    def __init__(self, began: int = 0) -> None:
        self.age = (began, 0)
        self.moved = 0
        self.ledger = Ledger(self)

    def usage_moved(self) -> None:
        self.moved += 1


def numbers(usage: SessionUsage) -> list[int]:
    return [getattr(usage, field) for field in FIELDS]


def test_the_messages_of_a_long_session_are_nothing_to_the_garbage_collector() -> None:
    book, spender, turn = Book(PRICES), Spender(), Tokens()
    before = len(gc.get_objects())
    for number in range(1000):
        book.count(spender.ledger, (f"m{number}", None), OPUS, Usage(number), START, [turn])
    assert len(gc.get_objects()) < before + 100


@given(READINGS, st.randoms(use_true_random=False))
def test_each_message_counts_once_with_its_largest_reading_for_the_oldest_session(
    readings: list[tuple[int, str, str | None, Usage]], order: random.Random
) -> None:
    again = readings * 2
    order.shuffle(again)
    book, spenders, agent = Book(PRICES), [Spender(0), Spender(1), Spender(2)], Tokens()
    for age, message, request, usage in again:
        book.count(spenders[age].ledger, (message, request), OPUS, usage, START, [agent])
    expected = [dict.fromkeys(FIELDS, 0) for _ in spenders]
    for key in {(message, request) for _, message, request, _ in readings}:
        mine = [(age, usage) for age, *one, usage in readings if tuple(one) == key]
        for field in FIELDS:
            expected[min(age for age, _ in mine)][field] += max(getattr(usage, field) for _, usage in mine)
    for spender, sums in zip(spenders, expected, strict=True):
        spent = session_usage("s", spender.ledger.models)
        assert numbers(spent) == list(sums.values())
        cost = 5.0 * sums["input_tokens"] + 25 * sums["output_tokens"]
        cost += 6.25 * sums["cache_creation_input_tokens"] + 0.5 * sums["cache_read_input_tokens"]
        assert spent.total_cost_usd == pytest.approx(cost / 1e6, abs=1e-9)
    assert agent.total == sum(sum(sums.values()) for sums in expected)
    total = total_usage([spender.ledger for spender in spenders])
    assert total.total_input_tokens == sum(sums["input_tokens"] for sums in expected)


def test_what_one_reading_of_a_message_lacks_the_other_has() -> None:
    whole = Usage(1, 2, 3, 4, CacheCreation(3), ServerToolUse(2), "fast", "us")
    assert largest(Usage(), whole) == largest(whole, Usage()) == whole


def test_a_message_that_turns_out_to_be_larger_is_told() -> None:
    run = live()
    for output in (5, 5, 7):
        run.answer(usage=tokens(0, output), stop=None)
    assert [data["outputTokens"] for data in run.data("usage.updated")] == [5, 7]


def test_a_message_that_cost_nothing_still_names_its_model_and_comes_once() -> None:
    book, spender = Book(PRICES), Spender()
    assert book.count(spender.ledger, ("m", "r"), "opus", Usage(), START)
    assert not book.count(spender.ledger, ("m", "r"), "opus", Usage(), START)
    assert session_usage("s", spender.ledger.models).unpriced_models == ["opus"]


def test_a_model_without_a_price_is_named_and_its_cost_is_null() -> None:
    book, spender = Book(PRICES), Spender()
    book.count(spender.ledger, ("m", "r"), "mystery", Usage(1, 2, 3, 4), START)
    book.count(spender.ledger, ("m2", "r"), OPUS, Usage(1_000_000), START)
    usage = session_usage("s", spender.ledger.models, duration_ms=5, num_turns=6, updated_at=7)
    assert (usage.total_cost_usd, usage.unpriced_models) == (5.0, ["mystery"])
    assert {name: one.cost_usd for name, one in usage.model_breakdown.items()} == {"mystery": None, OPUS: 5.0}
    assert (usage.duration_ms, usage.num_turns, usage.last_updated_at) == (5, 6, 7)


def test_the_total_adds_up_sessions_by_model() -> None:
    book, one, other = Book(PRICES), Spender(), Spender()
    book.count(one.ledger, ("m1", None), OPUS, Usage(1, 2, 3, 4), START)
    book.count(other.ledger, ("m2", None), OPUS, Usage(10, 20, 30, 40), START)
    book.count(other.ledger, ("m3", None), "claude-haiku-4-5", Usage(100, 200), START)
    total = total_usage([one.ledger, other.ledger])
    assert (total.total_input_tokens, total.total_output_tokens, total.session_count) == (111, 222, 2)
    assert total.model_breakdown[OPUS].cache_read_input_tokens == 44
    assert total.total_cost_usd == pytest.approx(
        sum(one.cost_usd or 0 for one in total.model_breakdown.values()), abs=1e-9
    )
    assert total_usage([]).session_count == 0


def test_what_is_forgotten_can_be_counted_again() -> None:
    book, one, other = Book(PRICES), Spender(0), Spender(1)
    book.count(one.ledger, ("m", None), OPUS, Usage(1), START)
    book.forget(one.ledger)
    assert book.count(other.ledger, ("m", None), OPUS, Usage(1), START)


def test_the_lines_of_a_message_repeat_its_usage_and_count_once() -> None:
    run = live()
    for block in (text("a"), text("b"), call("t1")):
        run.answer(block, stop="tool_use", usage=tokens(10, 100, 1, 2), requestId="r1")
    run.answer(text("again, larger"), usage=tokens(10, 120, 1, 2), requestId="r1")
    run.answer(text("again, smaller"), usage=tokens(1, 1), requestId="r1")
    run.answer(text("another"), usage=tokens(1, 1), requestId="r2")
    usage = run.world.usage("s")
    assert usage is not None
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
    run = live(None)
    run.answer(usage=tokens(1, 2), model=OPUS)
    run.answer(agent="a1", id="msg2", model="claude-haiku-4-5", usage=tokens(10, 20))
    run.wait()
    assert run.data("usage.updated")[-1]["outputTokens"] == 22
    assert {model: one["outputTokens"] for model, one in run.data("usage.updated")[-1]["modelBreakdown"].items()} == {
        OPUS: 2,
        "claude-haiku-4-5": 20,
    }
    assert [(agent.token_count, agent.cost_usd) for agent in run.world.snapshot()[1]] == [(3, 5.5e-5), (30, 1.1e-4)]
    assert run.data("usage.updated")[-1]["totalCostUsd"] == pytest.approx(1.65e-4)
    assert run.data("message.result")[-1]["totalCostUsd"] == pytest.approx(1.65e-4)


def test_advice_is_real_spend_of_the_model_that_gave_it() -> None:
    run = live(None)
    first, second = (
        {"type": "advisor_message", "model": "claude-fable-5", **tokens(1000 * number, number)} for number in (1, 2)
    )
    own = {"type": "message", **tokens(10, 20)}
    for _ in range(2):  # each block's line repeats it
        run.answer(model=OPUS, usage={**tokens(10, 20), "iterations": [own, first]})
    assert run.data("usage.updated")[-1]["inputTokens"] == 1010
    run.answer(model=OPUS, usage={**tokens(10, 20), "iterations": [own, first, second]})
    run.wait()
    models = run.data("usage.updated")[-1]["modelBreakdown"]
    assert {name: (one["inputTokens"], one["outputTokens"]) for name, one in models.items()} == {
        OPUS: (10, 20),
        "claude-fable-5": (3000, 3),
    }
    assert run.data("message.result")[-1]["totalCostUsd"] == pytest.approx(0.00055 + 0.03015)


def test_several_changes_of_a_tick_are_one_event() -> None:
    run = Run()
    run.file("busy")
    run.holds_levels = True
    for number in range(5):
        run.answer(id=f"m{number}", usage=tokens(0, 1))
    run.holds_levels = False
    run.answer(id="last", usage=tokens(0, 1))
    assert [data["outputTokens"] for data in run.data("usage.updated")] == [6]


# Forks


def of(run: Run, session: str) -> int:
    usage = run.world.usage(session)
    assert isinstance(usage, SessionUsage)
    assert usage.output_tokens == sum(one.output_tokens for one in usage.model_breakdown.values())
    return usage.output_tokens


def original(run: Run, session: str, *, silent: bool = False) -> None:
    timestamp = "2027-01-15T07:58:30.000Z"
    run.prompt("first", at=START - 90_000, session=session, silent=silent, timestamp=timestamp)
    run.answer(id="old", usage=tokens(0, 100), at=START - 89_000, session=session, silent=silent)


@pytest.mark.parametrize("older_first", [True, False])
def test_a_fork_spent_what_it_alone_has_whichever_file_is_read_first(older_first: bool) -> None:
    run = Run()
    run.file(session="fork", pid=1)
    run.hook("SessionStart", session="older", at=START - 90_000)
    run.wait(600)
    if older_first:
        original(run, "older", silent=True)
    original(run, "fork", silent=True)
    run.answer(id="new", usage=tokens(0, 7), session="fork", silent=True)
    if not older_first:
        assert of(run, "fork") == 107
        run.events.clear()
        original(run, "older", silent=True)
        assert [event.session_id for event in run.events if event.type == "usage.updated"] == ["fork"]
    assert (of(run, "older"), of(run, "fork")) == (100, 7)
    total = run.world.usage(None)
    assert isinstance(total, TotalUsage)
    assert total.total_output_tokens == 107


def snapshot(time: str) -> tuple[str, dict[str, Any]]:
    return "file-history-snapshot", {"uuid": None, "snapshot": {"timestamp": f"2027-01-15T{time}.000Z"}}


@pytest.mark.parametrize(
    "heads",
    [
        [("queue-operation", {"uuid": None, "timestamp": "2027-01-15T08:00:00.000Z"})],
        [snapshot("08:00:00")],
        [snapshot("07:58:30"), snapshot("08:00:00")],
    ],
    ids=["queue-operation", "snapshot", "snapshots"],
)
def test_a_fork_whose_file_shows_when_it_began_never_counts_what_it_copied(
    heads: list[tuple[str, dict[str, Any]]],
) -> None:
    run = Run()
    run.file()
    for _ in ("once", "and where its file is read again"):
        for type, fields in heads:
            run.line(type, silent=True, **fields)
        original(run, "s", silent=True)
        run.prompt("own", id="p2", silent=True)
        run.answer(id="new", usage=tokens(0, 7), silent=True)
        run.prompt("next", id="p3", silent=True)
        assert (of(run, "s"), run.world.sessions["s"].usage().num_turns) == (7, 1)


@pytest.mark.parametrize("agent", [None, "a1"])
def test_what_was_spent_after_the_clock_was_set_back_is_no_copy(agent: str | None) -> None:
    run = Run()
    run.file()
    run.line("file-history-snapshot", silent=True, uuid=None, snapshot={"timestamp": "2027-01-15T08:00:00.000Z"})
    run.prompt(at=START + 10, silent=True)
    run.answer(id="before", usage=tokens(0, 3), at=START + 20, silent=True)
    run.answer(id="after", usage=tokens(0, 100), at=START - 3_600_000, silent=True, agent=agent)
    assert of(run, "s") == 103


BRANCHED = {"sessionId": "older", "messageUuid": "u"}


@pytest.mark.parametrize("silent", [True, False])
def test_a_branch_never_counts_what_it_copied(silent: bool) -> None:
    run = Run()
    run.file(session="older")
    run.line("file-history-snapshot", session="older", uuid=None, snapshot={"timestamp": "2027-01-15T08:00:00.039Z"})
    run.answer(id="old", usage=tokens(0, 100), at=START, session="older")
    run.file(session="branch", startedAt=START)
    run.answer(id="old", usage=tokens(0, 100), at=START, session="branch", silent=silent, forkedFrom=BRANCHED)
    run.answer(id="new", usage=tokens(0, 7), session="branch", silent=silent)
    assert (of(run, "older"), of(run, "branch")) == (100, 7)


def test_a_fork_never_counts_a_message_that_says_for_whom_it_was_made() -> None:
    run = Run()
    run.file()
    for made_for, sent in ("older", 100), ("s", 7):
        run.answer(id=made_for, usage=tokens(0, sent), silent=True, requestSessionId=made_for)
    assert of(run, "s") == 7


def test_a_resumed_session_counts_nothing_twice() -> None:
    run = live()
    run.answer(id="m1", usage=tokens(0, 10))
    run.hook("SessionEnd", reason="other")
    run.gone()
    run.wait(20_000)
    run.file(pid=43)
    run.answer(id="m1", usage=tokens(0, 10), silent=True)
    run.answer(id="m2", usage=tokens(0, 5))
    assert of(run, "s") == 15
