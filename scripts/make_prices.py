"""Make the table of prices, ``clawsocket/state/prices.json``, from the package genai-prices.

Run it in the development environment after an upgrade of the package: ``python scripts/make_prices.py``. What the
package lacks is as Claude Code has it. Where both have a price the package's counts, which is what the API charges:
Claude Code 2.1.197 reckons with 3 and 15 dollars for Sonnet 5, which were announced and never in force; 2.1.332 has
2 and 10, as the package has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from genai_prices import data, types

TABLE = Path(__file__).parent.parent / "clawsocket" / "state" / "prices.json"

FIELDS = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cacheRead": "cache_read_mtok",
    "cacheWrite5m": "cache_write_mtok",
    "cacheWrite1h": "cache_write_1h_mtok",
    "webSearch": "web_searches_kcount",
}
"""Our names, all of prices in US dollars for a million tokens (web searches: for a thousand), and the package's."""

Rate = dict[str, Any]

CLAUDE_CODE = "Claude Code 2.1.332"
FAST_OPUS: Rate = {
    "speed": "fast", "input": 30, "output": 150, "cacheRead": 3, "cacheWrite5m": 37.5, "cacheWrite1h": 60,
    "webSearch": 10,
}  # fmt: skip
MYTHOS: Rate = {
    "input": 10, "output": 50, "cacheRead": 1, "cacheWrite5m": 12.5, "cacheWrite1h": 20, "webSearch": 10,
}  # fmt: skip
LACKING: dict[str, list[Rate]] = {
    "claude-mythos-5": [MYTHOS],
    "claude-mythos-5-1": [MYTHOS | {"cacheRead": 0.25}],
    "claude-opus-4-6": [FAST_OPUS],
    "claude-opus-4-7": [FAST_OPUS],
}
"""What the package has no rates for, as Claude Code has them."""


def table() -> dict[str, Any]:
    """Return the table as it has to be, but for its date."""
    [anthropic] = [one for one in data.providers if one.id == "anthropic"]
    package = distribution("genai-prices")
    models: dict[str, dict[str, Any]] = {
        model.id: {"match": pattern(model.match), "rates": rates(model)} for model in anthropic.models
    }
    for name, more in LACKING.items():
        model = models.setdefault(name, {"match": rf"^{re.escape(name)}$|^{re.escape(name)}-\d{{8}}$", "rates": []})
        if {one.get("speed") for one in more} & {one.get("speed") for one in model["rates"]}:
            raise ValueError(f"the package has these rates of {name} now: take them out of LACKING")
        model["rates"] += more
    source = f"{package.name} {package.version}; {CLAUDE_CODE}: {', '.join(map(_named, LACKING))}"
    return {"source": source, "models": dict(sorted(models.items()))}


def _named(name: str) -> str:
    return f"{name} (fast)" if LACKING[name] == [FAST_OPUS] else name


def pattern(clause: Any) -> str:
    """Return a clause that chooses a model by its name as a regular expression."""
    match clause:
        case types.ClauseOr(or_=clauses):
            return "|".join(pattern(one) for one in clauses)
        case types.ClauseStartsWith(starts_with=text):
            return f"^{re.escape(text)}"
        case types.ClauseEquals(equals=text):
            return f"^{re.escape(text)}$"
        case types.ClauseContains(contains=text):
            return re.escape(text)
        case types.ClauseRegex(regex=text):
            return str(text)
    raise ValueError(f"a new kind of clause: {clause}")


def rates(model: types.ModelInfo) -> list[Rate]:
    """Return the rates of a model; of those that apply to a message the last one counts."""
    listed = model.prices if isinstance(model.prices, list) else [types.ConditionalPrice(prices=model.prices)]
    found: list[Rate] = []
    for one in listed:
        since = {"since": starts(one.constraint)} if one.constraint is not None else {}
        found += [since | rate for rate in tiers(one.prices)]
    for variant in model.price_variants or ():
        if variant.when == {"speed": "fast"}:
            since = {"since": starts(variant.constraint)} if variant.constraint is not None else {}
            merged = types.ModelPrice(**(vars(listed[-1].prices) | vars(variant.prices)))
            found += [{"speed": "fast"} | since | rate for rate in tiers(merged)]
    return found


def starts(constraint: Any) -> str:
    """Return the day from which on a price applies."""
    if not isinstance(constraint, types.StartDateConstraint):
        raise TypeError(f"a new kind of constraint: {constraint}")
    return constraint.start_date.isoformat()


def tiers(price: types.ModelPrice) -> Iterator[Rate]:
    """Yield the rates of a price: the base, and those for longer prompts."""
    values = {name: getattr(price, theirs, None) for name, theirs in FIELDS.items()}
    starts = {tier.start for value in values.values() if isinstance(value, types.TieredPrices) for tier in value.tiers}
    for above in (0, *sorted(starts)):
        rate = {name: number(at(value, above)) for name, value in values.items() if value is not None}
        yield rate if above == 0 else {"above": above} | rate


def at(value: Any, above: int) -> Decimal:
    """Return a price for prompts of more than so many tokens."""
    if not isinstance(value, types.TieredPrices):
        return Decimal(value)
    passed: Iterable[types.Tier] = [tier for tier in value.tiers if tier.start <= above]
    return [value.base, *(tier.price for tier in passed)][-1]


def number(value: Decimal) -> int | float:
    """Return a price as JSON has it."""
    return int(value) if value == int(value) else float(value)


if __name__ == "__main__":
    whole = {"date": datetime.now(UTC).date().isoformat()} | table()
    TABLE.write_text(json.dumps(whole, indent=1) + "\n", "utf-8")
