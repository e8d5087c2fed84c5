"""Counting tokens the way they were spent.

Claude Code writes one line per content block, each with the identical final usage of the whole API message, and resumed
sessions and rewritten files hold old lines again. So a message counts once, by its id and request id, and where two
lines differ the largest wins. Of a session and its forks it counts for the oldest.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import msgspec

from clawsocket.claude.transcript import CacheCreation, ServerToolUse, Usage
from clawsocket.protocol.models import ModelUsage, SessionUsage, TotalUsage
from clawsocket.state.prices import Prices, dollars

SYNTHETIC = "<synthetic>"
"""The model of lines that Claude Code made itself: an API error, an interrupt. Nobody paid for them."""


class Tokens:
    """A sum of tokens, and what they cost.

    Attributes:
        cost: millionths of a micro-dollar.
        messages: how many messages they are of.
        unpriced: how many of these have no price.
    """

    __slots__ = ("cache_creation", "cache_read", "cost", "input", "messages", "output", "unpriced")

    def __init__(self) -> None:
        """Start at nothing."""
        self.input = self.output = self.cache_creation = self.cache_read = 0
        self.cost = self.messages = self.unpriced = 0

    def add(self, usage: Usage, cost: int | None, sign: int = 1) -> None:
        """Add a message, or with the sign -1 take it out again."""
        self.input += sign * usage.input_tokens
        self.output += sign * usage.output_tokens
        self.cache_creation += sign * usage.cache_creation_input_tokens
        self.cache_read += sign * usage.cache_read_input_tokens
        self.messages += sign
        if cost is None:
            self.unpriced += sign
        else:
            self.cost += sign * cost

    def merge(self, other: Tokens) -> None:
        """Add another sum."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def total(self) -> int:
        """All tokens together."""
        return self.input + self.output + self.cache_creation + self.cache_read

    @property
    def usd(self) -> float | None:
        """Their cost in US dollars, None where none of them has a price."""
        return None if self.messages and self.unpriced == self.messages else dollars(self.cost)

    def as_dict(self) -> dict[str, int]:
        """Return them under the wire's names."""
        return {
            "inputTokens": self.input,
            "outputTokens": self.output,
            "cacheCreationInputTokens": self.cache_creation,
            "cacheReadInputTokens": self.cache_read,
        }


def largest(one: Usage, other: Usage) -> Usage:
    """Return, number by number, the larger of two readings of the same message."""
    return Usage(
        max(one.input_tokens, other.input_tokens),
        max(one.output_tokens, other.output_tokens),
        max(one.cache_creation_input_tokens, other.cache_creation_input_tokens),
        max(one.cache_read_input_tokens, other.cache_read_input_tokens),
        CacheCreation(max(one.cache_1h, other.cache_1h)),
        ServerToolUse(max(one.searches, other.searches)),
        one.speed or other.speed,
        one.inference_geo or other.inference_geo,
    )


class Spender(Protocol):
    """A session, as far as it matters here."""

    @property
    def age(self) -> tuple[int, int]:
        """What is smaller for the older of two sessions that hold the same message."""

    def usage_moved(self) -> None:
        """Learn that a message turned out to be of an older session."""


class Ledger:
    """What a session spent, by model."""

    def __init__(self, spender: Spender) -> None:
        """Start empty."""
        self.spender = spender
        self.sums: dict[str, Tokens] = {}
        self.keys: list[int] = []
        self._places: tuple[Tokens, ...] = ()

    def places(self, model: str, sums: Iterable[Tokens]) -> tuple[Tokens, ...]:
        """Return what a message of a model counts for; messages that follow each other share it."""
        places = (self.sums.setdefault(model, Tokens()), *sums)
        if places != self._places:
            self._places = places
        return self._places

    @property
    def models(self) -> dict[str, Tokens]:
        """The models that answered, with their sums."""
        return {name: tokens for name, tokens in self.sums.items() if tokens.messages}


class _Message(msgspec.Struct, gc=False):
    """A message that was counted, and where.

    There may be hundreds of thousands: the garbage collector would hold the loop for 50 ms to look at all of them.
    """

    model: str
    usage: Usage
    cost: int | None
    ledger: Ledger
    sums: tuple[Tokens, ...]

    def add(self, sign: int) -> None:
        for tokens in self.sums:
            tokens.add(self.usage, self.cost, sign)


class Book:
    """Every message of every session that is known, once."""

    def __init__(self, prices: Prices) -> None:
        """Start empty."""
        self._prices = prices
        self._messages: dict[int, _Message] = {}

    def count(
        self,
        ledger: Ledger,
        key: tuple[str | int | None, ...],
        model: str,
        usage: Usage,
        at: int,
        sums: Iterable[Tokens] = (),
    ) -> bool:
        """Count a message where it belongs.

        Args:
            ledger: of the session that holds it.
            key: its id and its request's, and for advice its place in the message's usage.
            model: that answered.
            usage: its tokens.
            at: ms since 1970.
            sums: what else it counts for: the agent, the turn.

        Returns:
            Whether that session spent more than was known.
        """
        hashed = hash(key)
        places = ledger.places(model, sums)
        known = self._messages.get(hashed)
        if known is None:
            message = self._messages[hashed] = _Message(
                model, usage, self._prices.cost(model, usage, at), ledger, places
            )
            ledger.keys.append(hashed)
            message.add(1)
            return True
        moves = known.ledger is not ledger and ledger.spender.age < known.ledger.spender.age
        now = largest(usage, known.usage)
        if not moves and now == largest(known.usage, known.usage):
            return False
        known.add(-1)
        if moves:
            known.ledger.spender.usage_moved()
            known.ledger, known.sums = ledger, places
            ledger.keys.append(hashed)
        known.usage, known.cost = now, self._prices.cost(known.model, now, at)
        known.add(1)
        return known.ledger is ledger

    def forget(self, ledger: Ledger) -> None:
        """Forget a session's messages."""
        for key in ledger.keys:
            message = self._messages.get(key)
            if message is not None and message.ledger is ledger:
                del self._messages[key]

    def clear(self) -> None:
        """Forget all messages. What they hold stays in memory otherwise: the garbage collector does not look there."""
        self._messages.clear()


def breakdown(models: dict[str, Tokens]) -> dict[str, ModelUsage]:
    """Return sums by model as they are on the wire; the cost of a model without a price is null."""
    return {
        name: ModelUsage(
            input_tokens=tokens.input,
            output_tokens=tokens.output,
            cache_creation_input_tokens=tokens.cache_creation,
            cache_read_input_tokens=tokens.cache_read,
            cost_usd=tokens.usd,
        )
        for name, tokens in models.items()
    }


def session_usage(
    session_id: str, models: dict[str, Tokens], *, duration_ms: int = 0, num_turns: int = 0, updated_at: int = 0
) -> SessionUsage:
    """Return a session's usage as it is on the wire. Durations and times are in ms."""
    whole = total(models.values())
    return SessionUsage(
        session_id=session_id,
        input_tokens=whole.input,
        output_tokens=whole.output,
        cache_creation_input_tokens=whole.cache_creation,
        cache_read_input_tokens=whole.cache_read,
        total_cost_usd=dollars(whole.cost),
        duration_ms=duration_ms,
        num_turns=num_turns,
        model_breakdown=breakdown(models),
        unpriced_models=sorted(name for name, tokens in models.items() if tokens.unpriced),
        last_updated_at=updated_at,
    )


def total(sums: Iterable[Tokens]) -> Tokens:
    """Return the sum of sums."""
    whole = Tokens()
    for tokens in sums:
        whole.merge(tokens)
    return whole


def total_usage(ledgers: list[Ledger]) -> TotalUsage:
    """Return the usage of all sessions together as it is on the wire."""
    models: dict[str, Tokens] = {}
    for ledger in ledgers:
        for name, tokens in ledger.models.items():
            models.setdefault(name, Tokens()).merge(tokens)
    whole = total(models.values())
    return TotalUsage(
        total_cost_usd=dollars(whole.cost),
        total_input_tokens=whole.input,
        total_output_tokens=whole.output,
        session_count=len(ledgers),
        model_breakdown=breakdown(models),
    )
