"""Counting tokens the way they were spent.

Claude Code writes one line per content block, each with the identical final usage of the whole API message, and resumed
sessions and rewritten files hold old lines again. So a message counts once, by its id and request id, and where two
lines differ the largest wins.
"""

from __future__ import annotations

from clawsocket.claude.transcript import Usage
from clawsocket.protocol.models import ModelUsage, SessionUsage, TotalUsage

SYNTHETIC = "<synthetic>"
"""The model of lines that Claude Code made itself: an API error, an interrupt. Nobody paid for them."""


class Tokens:
    """A sum of tokens."""

    __slots__ = ("cache_creation", "cache_read", "input", "output")

    def __init__(self) -> None:
        """Start at nothing."""
        self.input = self.output = self.cache_creation = self.cache_read = 0

    def add(self, usage: Usage, before: Usage) -> None:
        """Add what a message grew by."""
        self.input += usage.input_tokens - before.input_tokens
        self.output += usage.output_tokens - before.output_tokens
        self.cache_creation += usage.cache_creation_input_tokens - before.cache_creation_input_tokens
        self.cache_read += usage.cache_read_input_tokens - before.cache_read_input_tokens

    @property
    def total(self) -> int:
        """All of them together."""
        return self.input + self.output + self.cache_creation + self.cache_read

    def as_dict(self) -> dict[str, int]:
        """Return them under the wire's names."""
        return {
            "inputTokens": self.input,
            "outputTokens": self.output,
            "cacheCreationInputTokens": self.cache_creation,
            "cacheReadInputTokens": self.cache_read,
        }


NOTHING = Usage()


def largest(one: Usage, other: Usage) -> Usage:
    """Return, field by field, the larger of two readings of the same message."""
    return Usage(
        max(one.input_tokens, other.input_tokens),
        max(one.output_tokens, other.output_tokens),
        max(one.cache_creation_input_tokens, other.cache_creation_input_tokens),
        max(one.cache_read_input_tokens, other.cache_read_input_tokens),
    )


class Ledger:
    """The messages of a session that were counted, and their sums by model."""

    def __init__(self) -> None:
        """Start empty."""
        self.models: dict[str, Tokens] = {}
        self._counted: dict[int, Usage] = {}

    def count(self, message_id: str, request_id: str | None, model: str, usage: Usage) -> tuple[Usage, Usage] | None:
        """Count a message once.

        Returns:
            What it is now and what it was before, for sums of the caller's own; None if it adds nothing.
        """
        key = hash((message_id, request_id))
        before = self._counted.get(key, NOTHING)
        now = largest(usage, before)
        if key in self._counted and now == before:
            return None
        self._counted[key] = now
        self.models.setdefault(model, Tokens()).add(now, before)
        return now, before


def breakdown(models: dict[str, Tokens]) -> dict[str, ModelUsage]:
    """Return sums by model as they are on the wire; costs are null, since there are no prices yet."""
    return {
        name: ModelUsage(
            input_tokens=tokens.input,
            output_tokens=tokens.output,
            cache_creation_input_tokens=tokens.cache_creation,
            cache_read_input_tokens=tokens.cache_read,
            cost_usd=None,
        )
        for name, tokens in models.items()
    }


def session_usage(
    session_id: str, models: dict[str, Tokens], *, duration_ms: int = 0, num_turns: int = 0, updated_at: int = 0
) -> SessionUsage:
    """Return a session's usage as it is on the wire. Durations and times are in ms."""
    sums = list(models.values())
    return SessionUsage(
        session_id=session_id,
        input_tokens=sum(tokens.input for tokens in sums),
        output_tokens=sum(tokens.output for tokens in sums),
        cache_creation_input_tokens=sum(tokens.cache_creation for tokens in sums),
        cache_read_input_tokens=sum(tokens.cache_read for tokens in sums),
        total_cost_usd=0.0,
        duration_ms=duration_ms,
        num_turns=num_turns,
        model_breakdown=breakdown(models),
        unpriced_models=sorted(models),
        last_updated_at=updated_at,
    )


def total_usage(ledgers: list[Ledger]) -> TotalUsage:
    """Return the usage of all sessions together as it is on the wire."""
    models: dict[str, Tokens] = {}
    for ledger in ledgers:
        for name, tokens in ledger.models.items():
            sum_ = models.setdefault(name, Tokens())
            sum_.input += tokens.input
            sum_.output += tokens.output
            sum_.cache_creation += tokens.cache_creation
            sum_.cache_read += tokens.cache_read
    return TotalUsage(
        total_cost_usd=0.0,
        total_input_tokens=sum(tokens.input for tokens in models.values()),
        total_output_tokens=sum(tokens.output for tokens in models.values()),
        session_count=len(ledgers),
        model_breakdown=breakdown(models),
    )
