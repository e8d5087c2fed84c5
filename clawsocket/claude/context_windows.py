"""How many tokens fit into the context window of a model, as Claude Code 2.1.332 has it.

The window is not on disk. Claude Code takes 1,000,000 for an id that ends in ``[1m]`` (which SessionStart tells, and
transcripts do not), and for newer models at Anthropic; behind a gateway these are 200,000. Its status line is exact.
"""

from __future__ import annotations

import re

LONG = 1_000_000
SHORT = 200_000

_SIZES = (
    (re.compile(r"claude-(?:opus-4-[78]|(?:opus|sonnet|fable|mythos)-5|haiku-5-5)(?!\d)"), LONG),
    (re.compile(r"claude-(?:[123]|instant)|claude-(?:opus|sonnet|haiku)-4(?:-[0-6])?(?!\d|-\d\d?(?!\d))"), SHORT),
)


def window(model: str, started_as: str, tokens: int) -> int | None:
    """Return the tokens that fit in.

    Args:
        model: that answered, as the transcript names it.
        started_as: the model as SessionStart named it, empty if it did not.
        tokens: that were in it.

    Returns:
        None for a model that is not known.
    """
    if tokens > SHORT or started_as.lower() == f"{model}[1m]":
        return LONG
    return next((size for pattern, size in _SIZES if pattern.search(model)), None)
