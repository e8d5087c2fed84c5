"""A WebSocket text frame from a server (RFC 6455, 5.2): unmasked, final, any length."""

from __future__ import annotations


def text_frame(payload: bytes) -> bytes:
    """Return ``payload``, UTF-8 text, as one frame."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


def gathered(frames: bytes) -> bytes:
    """Return one frame, an ``events`` message with what some frames hold that :func:`text_frame` made."""
    view = memoryview(frames)
    parts = []
    at, end = 0, len(view)
    while at < end:
        at, size = at + 2, view[at + 1]
        if size >= 126:
            length = 2 if size == 126 else 8
            at, size = at + length, int.from_bytes(view[at : at + length], "big")
        parts.append(view[at : at + size])
        at += size
    return text_frame(b'{"type":"events","events":[' + b",".join(parts) + b"]}")


def payload_of(frame: bytes) -> memoryview:
    """Return the payload of a frame that :func:`text_frame` made."""
    return memoryview(frame)[{0x7E: 4, 0x7F: 10}.get(frame[1], 2) :]
