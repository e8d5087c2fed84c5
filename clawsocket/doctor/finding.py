"""What a check finds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

Level = Literal["ok", "warning", "error"]


class Finding(NamedTuple):
    """What a check found.

    Attributes:
        check: what was looked at, in a word.
        level: ``error``: something does not work, or is not safe; ``warning``: less than could be; ``ok``.
        what: what was found, as a clause.
        mend: the command, or the deed, that mends it.
        fix: does it, where nobody can lose anything by that; returns nothing, and raises what it meets.
    """

    check: str
    level: Level
    what: str
    mend: str | None = None
    fix: Callable[[], object] | None = None


def age(seconds: float) -> str:
    """Return a time span for people."""
    for unit, length in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
