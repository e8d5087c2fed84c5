"""What a server sends, as typed objects."""

from __future__ import annotations

import functools
import json
import operator
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from clawsocket.protocol import aliases, replies
from clawsocket.protocol.aliases import ALIASES_OF
from clawsocket.protocol.base import Wire
from clawsocket.protocol.events import EVENTS, LEVELS, ToolUse
from clawsocket.protocol.models import SessionUsage

T = TypeVar("T")


class Event(Wire, kw_only=True):
    """An event.

    Attributes:
        type: its name in the catalogue, such as ``tool.use``.
        timestamp: ms since 1970, of the thing itself.
        session_id: "" for events of the server.
        agent_id: the subagent; None for the session's main agent.
        seq: its place in the log; None in a history.
        id: the same whichever source told of it, and however often.
        source: who told of it.
        data: the Struct of its type in :mod:`clawsocket.protocol.events`. A ``hook.*`` event has the hook's payload as
            a dict, and so has a type, or a value in it, that this version does not know.
    """

    type: str
    timestamp: int
    session_id: str
    agent_id: str | None = None
    seq: int | None = None
    id: str
    source: str
    data: Any


class _Raw(Event, kw_only=True):
    data: msgspec.Raw


class Batch(msgspec.Struct):
    """Events that came together."""

    events: list[msgspec.Raw]


class Head(msgspec.Struct):
    """What tells messages apart."""

    type: str
    seq: int | None = None
    id: Any = None


_TYPES: dict[str, Any] = {name: kind.data for name, kind in EVENTS.items() if not name.startswith("hook.")}
_TYPES |= {
    "tool.started": ToolUse,
    "tool.completed": aliases.ToolCompleted,
    "tool.failed": aliases.ToolFailed,
    "usage.update": SessionUsage,
    "hook.started": aliases.HookStarted,
    "hook.completed": aliases.HookCompleted,
}
_decoders: dict[str, msgspec.json.Decoder[Any]] = {}
_wider: dict[Any, Any] = {}
_any = msgspec.json.Decoder()
_head = msgspec.json.Decoder(Head)
_raw = msgspec.json.Decoder(_Raw)
_LEVELS = LEVELS.union(*(ALIASES_OF.get(name, ()) for name in LEVELS))


def head(message: str | bytes | msgspec.Raw) -> Head:
    """Return what tells a message from others.

    Raises:
        msgspec.DecodeError: it is no message of this protocol.
    """
    return _head.decode(message)


def event(message: str | bytes | msgspec.Raw) -> tuple[Event, Any]:
    """Return an event, and what it is known by: a second one known by the same tells nothing new.

    That is its ``id``, and its type, as an alias has the same ``id``; a level, which may come again after a crash with
    more in it, is known by its data too.

    Raises:
        msgspec.DecodeError: it is no event.
    """
    raw = _raw.decode(message)
    known_by = (raw.id, raw.type, hash(bytes(raw.data)) if raw.type in _LEVELS else 0)
    fields = {name: getattr(raw, name) for name in raw.__struct_fields__}
    return Event(**{**fields, "data": data(raw.type, raw.data)}), known_by


def alias_of(event: Event) -> str | None:
    """Return the name by which an event comes once more, right after itself, to who asks for that; None for none."""
    names = ALIASES_OF.get(event.type, (None,))
    if len(names) == 1:
        return names[0]
    said = event.data
    success = said.get("success") if isinstance(said, dict) else getattr(said, "success", None)
    return names[1] if success is False else names[0]


def data(type: str, raw: bytes | msgspec.Raw) -> Any:
    """Return an event's data as the Struct of its type; as a dict where this version does not know it."""
    if type not in _decoders and type in _TYPES:
        _decoders[type] = msgspec.json.Decoder(_TYPES[type])
    try:
        return _decoders.get(type, _any).decode(raw)
    except msgspec.ValidationError:
        said = untyped(bytes(raw))
    try:
        return msgspec.convert(said, _TYPES.get(type, Any))  # it may have been a number alone that was refused
    except msgspec.ValidationError:
        return said


def untyped(message: str | bytes) -> Any:
    """Return what JSON says as plain Python values; what is too large for a number is infinity, as in JavaScript.

    The decoder of all else refuses such numbers, and half surrogate pairs, which a transcript may hold.
    """
    return json.loads(message, parse_int=_whole)


def _whole(digits: str) -> int | float:
    try:
        return int(digits)
    except ValueError:  # Python reads so many digits and no more
        return float(digits)


def reply(message: str | bytes | msgspec.Raw, kind: type[T]) -> T:
    """Return a message as the Struct of its kind; a word in it that this version does not know is there as it was said.

    Raises:
        msgspec.DecodeError: it is no such message.
    """
    try:
        return msgspec.json.decode(message, type=kind)
    except msgspec.ValidationError:
        if kind not in _wider:
            _wider[kind] = _widened(kind)
        wider: type[T] = _wider[kind]
    return msgspec.json.decode(message, type=wider)


def _widened(kind: Any) -> Any:
    """Return a type with any text where it has a few words; itself if there are none."""
    origin, arguments = get_origin(kind), [_widened(one) for one in get_args(kind)]
    if origin is Literal:
        return str
    if origin is UnionType:
        return functools.reduce(operator.or_, arguments)
    if origin is not None:
        return origin[tuple(arguments)]
    return _widened_struct(kind) if isinstance(kind, type) and issubclass(kind, msgspec.Struct) else kind


def _widened_struct(kind: type[msgspec.Struct]) -> type[msgspec.Struct]:
    hints = get_type_hints(kind)
    fields = [
        (one.name, wider, msgspec.field(default=one.default, name=one.encode_name))
        for one in msgspec.structs.fields(kind)
        if (wider := _widened(hints[one.name])) != hints[one.name]
    ]
    if not fields:
        return kind
    return msgspec.defstruct(kind.__name__, fields, bases=(kind,), tag=kind.__struct_config__.tag, kw_only=True)


batch = msgspec.json.Decoder(Batch).decode
bookmark = msgspec.json.Decoder(replies.Bookmark).decode
error = msgspec.json.Decoder(replies.Error).decode
