r"""Decoding JSON as JavaScript writes it.

A string that was cut in the middle of an emoji ends in half a surrogate pair; JavaScript writes that as ``\ud83d``,
and reads it again, while strict decoders refuse all of the text. Here it becomes U+FFFD.
"""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec

T = TypeVar("T")

_HEX = rb"[0-9a-fA-F]{2}"
# A pair and any other escape (which may be an escaped backslash) are passed over; what is left is half a pair.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB]" + _HEX + rb"\\u[dD][c-fC-F]" + _HEX + rb"|(u[dD][89a-fA-F]" + _HEX + rb")|.)", re.DOTALL
)


def mend(text: bytes) -> bytes:
    """Return JSON text with every half surrogate pair replaced by U+FFFD."""
    return _ESCAPE.sub(lambda found: rb"\ufffd" if found[1] else found[0], text)


def decode(decoder: msgspec.json.Decoder[T], text: bytes) -> tuple[T, bytes]:
    """Decode JSON text, mending it if need be.

    Returns:
        What it says, and the text that says it.

    Raises:
        msgspec.ValidationError: it is JSON of another shape.
        msgspec.DecodeError: it is not JSON, or nested too deeply.
    """
    try:
        return _decode(decoder, text), text
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        mended = mend(text)
        if mended == text:
            raise
        return _decode(decoder, mended), mended


def _decode(decoder: msgspec.json.Decoder[T], text: bytes) -> T:
    try:
        return decoder.decode(text)
    except RecursionError as error:
        raise msgspec.DecodeError(str(error)) from error
