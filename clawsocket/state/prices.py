"""What a message cost.

The table is ``prices.json`` beside this file, made by ``scripts/make_prices.py``; a user's own of the same form comes
before it. Costs are whole millionths of a micro-dollar, so that sums are exact and in any order the same; only where
they go out they become dollars.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from clawsocket.claude.transcript import Usage

UNIT = 1_000_000
"""Parts of a micro-dollar in which costs are counted, so that prices with six decimals are exact."""

US_ONLY = 110
"""Percent of their price that tokens cost where no other country may answer, as Claude Code 2.1.332 has it."""

Price = Annotated[float, Meta(ge=0, le=1e6)]


class Rate(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    """Prices in US dollars for a million tokens, ``webSearch`` for a thousand searches, and when they apply.

    Attributes:
        since: the day (UTC) from which on they apply.
        above: they apply to messages with a longer prompt than so many tokens.
        speed: they apply to messages that were answered at this speed (``fast``); None: at any but ``fast``.
    """

    input: Price
    output: Price
    cache_read: Price | None = None
    cache_write_5m: Price | None = msgspec.field(default=None, name="cacheWrite5m")
    cache_write_1h: Price | None = msgspec.field(default=None, name="cacheWrite1h")
    web_search: Price = 0.0
    since: date | None = None
    above: Annotated[int, Meta(ge=0)] = 0
    speed: str | None = None

    @property
    def starts(self) -> int:
        """When they begin to apply, ms since 1970."""
        if self.since is None:
            return 0
        return int(datetime(self.since.year, self.since.month, self.since.day, tzinfo=UTC).timestamp()) * 1000

    def weights(self) -> tuple[int, int, int, int, int, int]:
        """Return what one token of each kind costs: input, output, cache reads, 5-minute and 1-hour writes; a search.

        What the table does not tell of the cache is as usual: reads 0.1, writes 1.25 and 2 times the input.
        """
        read = self.input * 0.1 if self.cache_read is None else self.cache_read
        short = self.input * 1.25 if self.cache_write_5m is None else self.cache_write_5m
        long = self.input * 2 if self.cache_write_1h is None else self.cache_write_1h
        tokens = [round(price * UNIT) for price in (self.input, self.output, read, short, long)]
        return (*tokens, round(self.web_search * 1000 * UNIT))  # type: ignore[return-value]


class Model(msgspec.Struct, forbid_unknown_fields=True):
    """A model's rates; of those that apply to a message the last one counts.

    Attributes:
        match: a regular expression that finds its names; by default it has one.
    """

    rates: Annotated[list[Rate], Meta(min_length=1)]
    match: str | None = None


class Table(msgspec.Struct):
    """A file of prices."""

    models: dict[str, Model]
    date: str | None = None
    source: str | None = None


_table = msgspec.json.Decoder(Table)


class Prices:
    """Prices by model.

    Attributes:
        date: of the table that comes with the program.
        digest: is another one for other prices.
    """

    def __init__(self, own: bytes | None = None) -> None:
        """Take the table that comes with the program.

        Args:
            own: the user's, JSON of the same form, which comes before it.

        Raises:
            ValueError: it is not of that form; the text says where.
        """
        program = Path(__file__).with_name("prices.json").read_bytes()
        tables = [_table.decode(program)]
        self.digest = blake2b(program + (own or b""), digest_size=16).digest()
        self.date = tables[0].date
        if own is not None:
            tables.insert(0, _parse(own))
        self._models = [
            (re.compile(model.match if model.match is not None else f"^{re.escape(name)}$"), _Rates(model.rates))
            for table in tables
            for name, model in table.models.items()
        ]
        self._known: dict[str, list[_Rates]] = {}

    def cost(self, model: str, usage: Usage, at: int) -> int | None:
        """Return what a message cost.

        Args:
            model: that answered.
            usage: its tokens.
            at: ms since 1970.

        Returns:
            Millionths of a micro-dollar, None for a model without a price, or without one of fast mode for a
            message in it.
        """
        try:
            known = self._known[model]
        except KeyError:
            names = {model, _plain(model)}
            known = self._known[model] = [
                rates for pattern, rates in self._models if any(pattern.search(name) for name in names)
            ]
        for rates in known:
            cost = rates.cost(usage, at)
            if cost is not None:
                return cost
        return None


_PLAIN = re.compile(r"(claude-.*?)(?:-v\d+(?::\d+)?)?$")


def _plain(model: str) -> str:
    """Return what Anthropic calls a model that Bedrock, Vertex or a gateway calls otherwise.

    Claude Code looks for a name of its own in theirs, such as ``us.anthropic.claude-sonnet-4-5-20250929-v1:0``.
    """
    found = _PLAIN.search(model)
    return found[1].replace("@", "-") if found else model


class _Rates:
    """The rates of a model, ready to be applied."""

    def __init__(self, rates: list[Rate]) -> None:
        self._rates = [(one.starts, one.above, one.speed, one.weights()) for one in reversed(rates)]

    def cost(self, usage: Usage, at: int) -> int | None:
        long, writes = usage.cache_1h, usage.cache_creation_input_tokens
        prompt = usage.input_tokens + writes + usage.cache_read_input_tokens
        speeds = ("fast",) if usage.speed == "fast" else (None, usage.speed)
        applying = (
            weights
            for starts, above, speed, weights in self._rates
            if at >= starts and (above == 0 or prompt > above) and speed in speeds
        )
        found = next(applying, None)
        if found is None:
            return None
        fresh, out, read, short_write, long_write, search = found
        tokens = (
            usage.input_tokens * fresh
            + usage.output_tokens * out
            + usage.cache_read_input_tokens * read
            + (writes - long) * short_write
            + long * long_write
        )
        if usage.inference_geo == "us":
            tokens = tokens * US_ONLY // 100
        return tokens + usage.searches * search


def _parse(own: bytes) -> Table:
    table = _table.decode(own)
    for name, model in table.models.items():
        try:
            re.compile(model.match or "")
        except re.error as error:
            raise ValueError(f"{error} - at `$.models[{name!r}].match`") from None
    return table


def dollars(cost: int, digits: int = 9) -> float:
    """Return a cost in US dollars, without the noise of binary fractions; with 12 digits it is exact."""
    return round(cost / UNIT / 1_000_000, digits)
