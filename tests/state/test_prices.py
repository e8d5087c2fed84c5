"""A message costs what Claude Code says that it costs, at the prices that the package genai-prices has."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import genai_prices
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawsocket.claude import transcript
from clawsocket.claude.transcript import CacheCreation, ServerToolUse, Usage
from clawsocket.protocol.models import SessionUsage
from clawsocket.state.prices import UNIT, Prices, dollars
from clawsocket.state.world import World
from scripts import make_prices
from tests.state.playback import RECORDINGS, file_observations, line_observations

NOW = 1_795_000_000_000
PRICES = Prices()
STREAMS = [
    path.parent.name for path in sorted(RECORDINGS.glob("*/stream.jsonl")) if b'"total_cost_usd"' in path.read_bytes()
]


def test_the_table_is_what_the_package_says() -> None:
    table = json.loads(make_prices.TABLE.read_bytes())
    assert PRICES.date == table.pop("date")
    assert table == make_prices.table()


FAST = ("claude-opus-4-8", "claude-opus-5", "claude-fable-5-2")
"""Models that the package has a price of fast mode for."""

NAMES = (
    *FAST, "claude-sonnet-4-5-20250929", "claude-opus-4-6", "claude-haiku-4-5-20251001", "claude-haiku-5-5",
)  # fmt: skip
SMALL = st.integers(0, 150_000)


@given(st.sampled_from(NAMES), SMALL, SMALL, SMALL, SMALL, SMALL, st.integers(0, 5), st.booleans(), st.booleans())
def test_a_cost_is_that_of_the_package(
    model: str, fresh: int, out: int, short: int, long: int, read: int, searches: int, fast: bool, early: bool
) -> None:
    at = 1_770_000_000_000 if early else NOW
    speed = "fast" if fast and model in FAST else "standard"
    usage = Usage(fresh, out, short + long, read, CacheCreation(long), ServerToolUse(searches), speed)
    theirs = genai_prices.calc_price(
        genai_prices.Usage(
            input_tokens=fresh + short + long + read,
            output_tokens=out,
            cache_read_tokens=read,
            cache_write_tokens=short + long,
            cache_write_1h_tokens=long,
            web_searches=searches,
        ),
        model,
        provider_id="anthropic",
        genai_request_timestamp=datetime.fromtimestamp(at / 1000, UTC),
        price_context={"speed": speed},
    )
    cost = PRICES.cost(model, usage, at)
    assert cost is not None
    assert cost == theirs.total_price * 1_000_000 * UNIT


@pytest.mark.parametrize(
    ("model", "speed", "dollars_told"),
    [
        ("claude-opus-4-6", "fast", 30 + 150 + 3 + 37.5 + 60),
        ("claude-opus-4-7", "fast", 30 + 150 + 3 + 37.5 + 60),
        ("claude-opus-4-7", "standard", 5 + 25 + 0.5 + 6.25 + 10),
        ("claude-opus-4-8", "fast", 10 + 50 + 1 + 12.5 + 20),
        ("claude-mythos-5", None, 10 + 50 + 1 + 12.5 + 20),
        ("claude-mythos-5-20260701", None, 10 + 50 + 1 + 12.5 + 20),
        ("claude-mythos-5-1", None, 10 + 50 + 0.25 + 12.5 + 20),
    ],
)
def test_what_the_package_lacks_costs_what_claude_code_says(model: str, speed: str | None, dollars_told: float) -> None:
    million = 1_000_000
    usage = Usage(million, million, 2 * million, million, CacheCreation(million), speed=speed)
    cost = PRICES.cost(model, usage, NOW)
    assert cost is not None
    assert dollars(cost) == dollars_told


def test_what_had_to_be_answered_in_the_us_costs_a_tenth_more_but_for_searches() -> None:
    usage = Usage(1000, 1000, 1000, 1000, CacheCreation(500), ServerToolUse(2), "fast")
    searches = 2 * 10_000 * UNIT
    anywhere = PRICES.cost("claude-opus-5", usage, NOW)
    usage.inference_geo = "us"
    there = PRICES.cost("claude-opus-5", usage, NOW)
    assert anywhere is not None
    assert there is not None
    assert (there - searches) * 10 == (anywhere - searches) * 11
    usage.inference_geo = "global"
    assert PRICES.cost("claude-opus-5", usage, NOW) == anywhere


def test_fast_mode_without_a_price_of_its_own_has_no_cost() -> None:
    assert PRICES.cost("claude-haiku-4-5", Usage(1, speed="fast"), NOW) is None
    own = {"models": {"haiku": {"match": "^claude-haiku", "rates": [{"input": 7, "output": 7, "speed": "fast"}]}}}
    prices = Prices(json.dumps(own).encode())
    assert prices.cost("claude-haiku-4-5", Usage(1, speed="fast"), NOW) == 7 * UNIT
    assert prices.cost("claude-haiku-4-5", Usage(1), NOW) == PRICES.cost("claude-haiku-4-5", Usage(1), NOW)


def test_where_none_of_the_users_rates_applies_the_programs_do() -> None:
    rates = [{"input": 2, "output": 3, "since": "2026-11-01"}]
    prices = Prices(json.dumps({"models": {"claude-opus-4-8": {"rates": rates}}}).encode())
    fast, plain = Usage(1, speed="fast"), Usage(1)
    assert prices.cost("claude-opus-4-8", plain, NOW) == 2 * UNIT
    assert prices.cost("claude-opus-4-8", plain, 0) == PRICES.cost("claude-opus-4-8", plain, 0)
    assert prices.cost("claude-opus-4-8", fast, NOW) == PRICES.cost("claude-opus-4-8", fast, NOW)


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5-20250929"),
        ("us.anthropic.claude-opus-4-6-v1", "claude-opus-4-6"),
        ("global.anthropic.claude-sonnet-5", "claude-sonnet-5"),
        ("anthropic/claude-opus-4-8", "claude-opus-4-8"),
        ("claude-opus-4@20250514", "claude-opus-4-20250514"),
        (
            "arn:aws:bedrock:us-east-2:1:inference-profile/eu.anthropic.claude-haiku-4-5-20251001-v1:0",
            "claude-haiku-4-5",
        ),
    ],
)
def test_a_model_costs_the_same_by_the_name_that_a_gateway_has_for_it(name: str, plain: str) -> None:
    usage = Usage(300_000, 10, 100, 1000, CacheCreation(50))
    assert PRICES.cost(name, usage, NOW) == PRICES.cost(plain, usage, NOW) is not None
    own = {"models": {name: {"rates": [{"input": 7, "output": 7, "speed": "fast"}]}}}
    prices = Prices(json.dumps(own).encode())
    assert prices.cost(name, Usage(1, speed="fast"), NOW) == 7 * UNIT
    assert prices.cost(name, usage, NOW) == PRICES.cost(plain, usage, NOW)


@pytest.mark.parametrize("name", ["gpt-x", "claude-", "us.anthropic.claude-nova-7-v1:0", "my-claude-sonnet-5-copy"])
def test_a_model_that_nobody_priced_has_no_cost(name: str) -> None:
    assert PRICES.cost(name, Usage(1), NOW) is None


def test_the_users_prices_come_first_and_fill_in_what_is_usual() -> None:
    rates = [
        {"input": 2, "output": 3},
        {"input": 4, "output": 6, "above": 10},
        {"input": 8, "output": 8, "speed": "fast"},
    ]
    own = {"models": {"claude-opus-4-8": {"rates": rates}, "any": {"match": "^mystery", "rates": rates[:1]}}}
    prices = Prices(json.dumps(own).encode())
    assert prices.digest != PRICES.digest
    cost = {
        "plain": prices.cost("claude-opus-4-8", Usage(1, 1), NOW),
        "cache": prices.cost("mystery-7", Usage(0, 0, 8, 10, CacheCreation(4)), NOW),
        "long": prices.cost("claude-opus-4-8", Usage(11), NOW),
        "fast": prices.cost("claude-opus-4-8", Usage(1, speed="fast"), NOW),
    }
    assert cost == {"plain": 5 * UNIT, "cache": 28 * UNIT, "long": 44 * UNIT, "fast": 8 * UNIT}
    assert prices.cost("claude-opus-4-8[1m]", Usage(1), NOW) == PRICES.cost("claude-opus-4-8", Usage(1), NOW)


@pytest.mark.parametrize(
    "own",
    [
        b"{",
        b"[]",
        b"{}",
        b'{"models": {"x": {"rates": []}}}',
        b'{"models": {"x": {"rates": [{"input": -1, "output": 1}]}}}',
        b'{"models": {"x": {"rates": [{"input": 1, "output": 1, "cache": 2}]}}}',
        b'{"models": {"x": {"match": "(", "rates": [{"input": 1, "output": 1}]}}}',
    ],
)
def test_broken_prices_are_refused(own: bytes) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        Prices(own)


# Claude Code's own sums


def results(scenario: str) -> list[dict[str, Any]]:
    lines = (RECORDINGS / scenario / "stream.jsonl").read_bytes().split(b"\n")
    return [one for one in map(msgspec.json.decode, filter(None, lines)) if one.get("type") == "result"]


def told(scenario: str) -> tuple[float, dict[str, Counter[str]]]:
    """The cost and the tokens by model that Claude Code told: of each process its last result."""
    cost, models = 0.0, dict[str, Counter[str]]()
    processes = ["l1_resume_first", scenario] if scenario == "l2_resume" else [scenario]
    for process in processes:
        last = results(process)[-1]
        cost += last["total_cost_usd"]
        for model, usage in last["modelUsage"].items():
            sums = models.setdefault(model.partition("[")[0], Counter())
            sums.update({name: count for name, count in usage.items() if name.endswith("Tokens")})
            del sums["maxOutputTokens"]
    return cost, models


def whole(scenario: str) -> SessionUsage:
    world = World()
    seen = sorted([*file_observations(scenario)[:1], *line_observations(scenario)], key=lambda one: one[0])
    for time, one in seen:
        world.apply(one, round(time * 1000))
    [session] = {*world.sessions, *world.past}
    usage = world.usage(session)
    assert isinstance(usage, SessionUsage)
    return usage


@pytest.mark.parametrize("scenario", STREAMS)
def test_a_recorded_session_cost_what_claude_code_says(scenario: str) -> None:
    cost, models = told(scenario)
    usage = whole(scenario)
    assert usage.total_cost_usd == pytest.approx(cost, abs=1e-9)
    assert usage.unpriced_models == []
    found = {}
    for name, one in usage.model_breakdown.items():
        found[name] = Counter(
            inputTokens=one.input_tokens,
            outputTokens=one.output_tokens,
            cacheReadInputTokens=one.cache_read_input_tokens,
            cacheCreationInputTokens=one.cache_creation_input_tokens,
        )
    assert found == models


def test_a_usage_tells_what_its_price_depends_on() -> None:
    raw = b'{"input_tokens":1,"cache_creation_input_tokens":5,"cache_creation":{"ephemeral_1h_input_tokens":9},'
    usage = transcript.usage(msgspec.Raw(raw + b'"server_tool_use":{"web_search_requests":2},"speed":"fast"}'))
    assert usage is not None
    assert (usage.cache_1h, usage.searches, usage.speed) == (5, 2, "fast")
    assert dollars(3 * UNIT + UNIT // 2) == 3.5e-6
