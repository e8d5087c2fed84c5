"""The names that the original sent, and its public documentation did not: sent by exact name only.

An alias is a frame of its own with data of its own, the same ``seq`` and ``id``, right after the primary. It is made
from the primary's frame when somebody asked for it, and costs nothing otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from clawsocket.protocol.base import Wire
from clawsocket.protocol.envelope import sent
from clawsocket.protocol.events import ToolResult
from clawsocket.protocol.frame import payload_of, text_frame


class ToolCompleted(Wire, kw_only=True):
    """``tool.completed``: a ``tool.result`` that succeeded. ``durationMs`` is null where nobody measured it."""

    tool_name: str
    tool_use_id: str
    duration_ms: int | float | None
    output_summary: str


class ToolFailed(Wire, kw_only=True):
    """``tool.failed``: a ``tool.result`` that did not succeed."""

    tool_name: str
    tool_use_id: str
    error: str
    is_interrupt: bool | None = None


class HookStarted(Wire, kw_only=True):
    """``hook.started``: a ``hook.pre_tool_use``."""

    hook_type: str
    tool_name: str


class HookCompleted(Wire, kw_only=True):
    """``hook.completed``: a ``hook.post_tool_use`` or ``hook.post_tool_use_failure``."""

    hook_type: str
    tool_name: str
    success: bool


class _Named(Wire, kw_only=True):
    tool_name: Any = None


_named = msgspec.json.Decoder(_Named)
_result = msgspec.json.Decoder(ToolResult)


def _completed(raw: msgspec.Raw) -> ToolCompleted | None:
    data = _result.decode(raw)
    if not data.success:
        return None
    return ToolCompleted(
        tool_name=data.tool_name,
        tool_use_id=data.tool_use_id,
        duration_ms=data.duration_ms,
        output_summary=data.output_summary,
    )


def _failed(raw: msgspec.Raw) -> ToolFailed | None:
    data = _result.decode(raw)
    if data.success:
        return None
    return ToolFailed(
        tool_name=data.tool_name,
        tool_use_id=data.tool_use_id,
        error=data.error or data.outcome,
        is_interrupt=data.is_interrupt,
    )


def _started(raw: msgspec.Raw) -> HookStarted:
    return HookStarted(hook_type="PreToolUse", tool_name=_tool_name(raw))


def _ended(kind: str, success: bool) -> Callable[[msgspec.Raw], HookCompleted]:
    return lambda raw: HookCompleted(hook_type=kind, tool_name=_tool_name(raw), success=success)


def _tool_name(raw: msgspec.Raw) -> str:
    """Return the tool that a hook's payload names; the rest of a payload is Claude Code's, and may be anything."""
    name = _named.decode(raw).tool_name
    return name if isinstance(name, str) else "unknown"


def _same(raw: msgspec.Raw) -> msgspec.Raw:
    return raw


_MAKERS: dict[tuple[str, str], Callable[[msgspec.Raw], Wire | msgspec.Raw | None]] = {
    ("tool.use", "tool.started"): _same,
    ("tool.result", "tool.completed"): _completed,
    ("tool.result", "tool.failed"): _failed,
    ("usage.updated", "usage.update"): _same,
    ("hook.pre_tool_use", "hook.started"): _started,
    ("hook.post_tool_use", "hook.completed"): _ended("PostToolUse", True),
    ("hook.post_tool_use_failure", "hook.completed"): _ended("PostToolUseFailure", False),
}
"""(Primary type, alias) to the maker of the alias's data from the primary's; None where the alias does not apply."""

ALIASES_OF = {primary: tuple(alias for one, alias in _MAKERS if one == primary) for primary, _ in _MAKERS}
"""Primary type to the aliases that it may be sent under."""


def alias_frames(type: str, frame: bytes, wanted: Iterable[str]) -> list[bytes]:
    """Return the frames of the wanted aliases of an event.

    Args:
        type: the event's own type.
        frame: its WebSocket frame.
        wanted: aliases that the type may be sent under.
    """
    envelope = sent(payload_of(frame))
    frames = []
    for alias in wanted:
        made = _MAKERS[type, alias](envelope.data)
        if made is not None:
            frames.append(text_frame(msgspec.json.encode(msgspec.structs.replace(envelope, type=alias, data=made))))
    return frames
