"""What Claude Code gives its status line: JSON of the session, of which a few numbers are found nowhere else.

Measured on Claude Code 2.1.197: ``context_window`` is of the newest answer (``current_usage`` is null before the first
and after a compaction); ``rate_limits`` are there for subscribers after an answer, and tell what that answer's headers
told, so that an idle session repeats old numbers. Times are seconds since 1970. 2.1.332 has none where the API is not
Anthropic's own, and ``spend_limit`` for who comes by a Claude apps gateway.
"""

from __future__ import annotations

from typing import Any

import msgspec

from clawsocket.claude import lenient
from clawsocket.claude.lenient import Amount, Number


class ContextWindow(msgspec.Struct):
    """How full the context window is. ``current_usage`` is null while nothing is known."""

    context_window_size: Number | None = None
    total_input_tokens: Number | None = None
    used_percentage: Amount | None = None
    current_usage: Any = None


class Limit(msgspec.Struct):
    """How much of a limit of the account is used."""

    used_percentage: Amount | None = None
    resets_at: Amount | None = None


class RateLimits(msgspec.Struct):
    """The limits of the account: those of a plan, or of what may be spent."""

    five_hour: Limit | None = None
    seven_day: Limit | None = None
    spend_limit: Limit | None = None


class Cost(msgspec.Struct):
    """What the session took; ``total_api_duration_ms`` rises with each answer."""

    total_api_duration_ms: Amount | None = None


class StatusLine(msgspec.Struct):
    """The JSON, as far as it is looked at."""

    session_id: str
    context_window: ContextWindow | None = None
    rate_limits: RateLimits | None = None
    cost: Cost | None = None


_decoder = msgspec.json.Decoder(StatusLine, strict=False)


def parse(body: bytes) -> StatusLine:
    """Return what a status line was given.

    Raises:
        ValueError: it is not JSON, or says nothing of a session.
    """
    try:
        line, _ = lenient.decode(_decoder, body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError("no status line") from error
    if not line.session_id or len(line.session_id) > 256:
        raise ValueError("no status line")
    return line
