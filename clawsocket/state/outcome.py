"""How a tool call ended, told from what the transcript or a hook says of it.

Claude Code writes a refusal, an interrupt and an invalid call as tool results with ``is_error``; the texts below are
those of 2.1.197.
"""

from __future__ import annotations

from clawsocket.protocol.events import Outcome

INVALID = "<tool_use_error>"
"""A call that never ran: unknown tool, wrong parameters, Edit before Read."""

REJECTED = (
    "User rejected tool use",
    "The user doesn't want to proceed with this tool use.",
    "Permission for this tool use was denied.",
)
"""What the owner does: denies a call in its dialog, that of a subagent too, or presses Esc while it runs."""

CLASSIFIER = "Permission for this action was denied"
INTERRUPTED = "[Request interrupted by user"


def of_result(text: str, is_error: bool, note: str = "", *, asked: bool = True, rejected: bool = False) -> Outcome:
    """Return the outcome that a transcript's tool result shows.

    Args:
        text: the result's text.
        is_error: its ``is_error``.
        note: the line's ``toolUseResult`` where it is a string.
        asked: whether the owner may have been asked; a call that nobody was asked about was not denied.
        rejected: whether the line says that the call had no permission, as newer versions do.
    """
    if not is_error:
        return "ok"
    if text.startswith(INVALID):
        return "invalid"
    if INTERRUPTED in text or INTERRUPTED in note:
        return "interrupted"
    if note.startswith(REJECTED) or text.startswith(REJECTED):
        return "denied" if asked else "interrupted"
    return "denied" if rejected or text.startswith(CLASSIFIER) else "error"


def of_batch(text: str, started: bool) -> Outcome | None:
    """Return the outcome that a PostToolBatch shows of a call for which no PostToolUse came.

    Args:
        text: the call's response.
        started: whether its PreToolUse came.

    Returns:
        None where the batch can't tell: the hooks were installed while the call ran.
    """
    if text.startswith(INVALID):
        return "invalid"
    return "denied" if started else None
