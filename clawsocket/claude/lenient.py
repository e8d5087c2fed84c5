r"""Decoding JSON as JavaScript writes it, in a form that changes with every release of Claude Code.

A string that was cut in the middle of an emoji ends in half a surrogate pair; JavaScript writes that as ``\ud83d``,
and reads it again, while strict decoders refuse all of the text. Here it becomes U+FFFD. A field of another type than
the one that is known counts as absent: one odd field must not cost the others.

What passes here can be sent to any client, and decoded and encoded again in parts, without further care.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

T = TypeVar("T")

Number = Annotated[int, Meta(ge=0, le=2**53)]
Amount = Annotated[float, Meta(ge=0, le=2**53)]
"""As far as JavaScript counts exactly."""

SHALLOW = 200
"""Brackets that a text may have without being looked at for their depth."""

SHORT = 1600
"""Bytes that a text may have without its brackets being counted: nested 800 levels deep at most, which is fine."""

MARGIN = 100
"""Levels of nesting left free, so that what can be decoded here can be decoded and encoded anywhere."""

_HEX = rb"[0-9a-fA-F]{2}"
# A pair and any other escape (which may be an escaped backslash) are passed over; what is left is half a pair.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB]" + _HEX + rb"\\u[dD][c-fC-F]" + _HEX + rb"|(u[dD][89a-fA-F]" + _HEX + rb")|.)", re.DOTALL
)


def mend(text: bytes) -> bytes:
    """Return JSON text with every half surrogate pair replaced by U+FFFD."""
    return _ESCAPE.sub(lambda found: rb"\ufffd" if found[1] else found[0], text)


def decode(decoder: msgspec.json.Decoder[T], text: bytes) -> tuple[T, bytes]:
    """Decode the JSON text of a Struct, mending it if need be.

    Returns:
        What it says, and the text that says it.

    Raises:
        msgspec.ValidationError: it is no JSON object, or a field that is needed is absent or of another type.
        msgspec.DecodeError: it is not JSON, or nested too deeply.
        UnicodeDecodeError: it is not UTF-8.
    """
    if not text.isascii():
        text.decode()  # a decoder does not look at what it passes over, but clients do
    if len(text) <= SHORT:
        try:
            return decoder.decode(text), text
        except msgspec.DecodeError:
            pass  # what is odd takes longer
    try:
        return _decode(decoder, text), text
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        mended = mend(text)
        if mended == text:
            raise
        return _decode(decoder, mended), mended


def again(decoder: msgspec.json.Decoder[T], text: bytes | msgspec.Raw) -> T:
    """Decode what :func:`decode` gave, or a part of it, for more.

    Raises:
        msgspec.ValidationError: it is no JSON object, or a field that is needed is absent or of another type.
    """
    try:
        return decoder.decode(text)
    except msgspec.ValidationError:
        return decoder.decode(_without_odd_fields(decoder, text))


def _decode(decoder: msgspec.json.Decoder[T], text: bytes) -> T:
    try:
        if len(text) > SHORT and not _is_shallow(text):
            _any.decode(b"[" * MARGIN + text + b"]" * MARGIN)
        return again(decoder, text)
    except RecursionError as error:
        raise msgspec.DecodeError(str(error)) from error


def _is_shallow(text: bytes) -> bool:
    """Tell whether a text has few brackets. To find them is ten times as fast as to count them, in long texts."""
    left = SHALLOW
    for bracket in (b"[", b"{"):
        at = text.find(bracket)
        while at >= 0:
            if left == 0:
                return False
            left -= 1
            at = text.find(bracket, at + 1)
    return True


def _without_odd_fields(decoder: msgspec.json.Decoder[Any], text: bytes | msgspec.Raw) -> bytes:
    kind: Any = decoder.type
    known = _field_decoders(kind)
    fields = _object.decode(text)
    return msgspec.json.encode(
        {name: value for name, value in fields.items() if name not in known or _fits(known[name], value)}
    )


@cache
def _field_decoders(kind: Any) -> dict[str, msgspec.json.Decoder[Any]]:
    fields = msgspec.structs.fields(kind)
    return {field.encode_name: msgspec.json.Decoder(field.type, strict=False) for field in fields}


def _fits(decoder: msgspec.json.Decoder[Any], value: msgspec.Raw) -> bool:
    try:
        decoder.decode(value)
    except msgspec.DecodeError:
        return False
    return True


_any = msgspec.json.Decoder(msgspec.Raw)
_object: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw])
