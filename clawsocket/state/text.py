"""Short texts for people from long values."""

from __future__ import annotations

from typing import Any

import msgspec

from clawsocket.claude.transcript import Block

LIMIT = 500
"""Longest summary, in characters."""


class _Response(msgspec.Struct):
    stdout: str | None = None
    stderr: str | None = None


class _Part(msgspec.Struct):
    type: str = ""
    text: str = ""


_parts = msgspec.json.Decoder(list[_Part])


def cut(text: str) -> str:
    """Return a text of at most :data:`LIMIT` characters."""
    return text if len(text) <= LIMIT else text[: LIMIT - 1] + "…"


def input_summary(raw: bytes | msgspec.Raw) -> str:
    """Return a tool's input, JSON, as a summary: the JSON itself, cut."""
    return cut(bytes(memoryview(raw)[: LIMIT * 4]).decode("utf-8", "ignore")) if raw else ""


def response_summary(raw: bytes | msgspec.Raw) -> str:
    """Return a tool's response as a hook gives it: its output where it has one, else its JSON, cut."""
    data = bytes(raw)
    try:
        if data[:1] == b'"':
            return cut(msgspec.json.decode(data, type=str))
        if b'"stdout"' in data[:64]:
            response = msgspec.json.decode(data, type=_Response)
            return cut("\n".join(part for part in (response.stdout, response.stderr) if part))
        if data[:1] == b"[":
            return cut("\n".join(one.text for one in _parts.decode(data) if one.type == "text" and one.text))
    except msgspec.DecodeError:
        pass
    return input_summary(data)


def failure(name: str | None, text: str | None) -> str | None:
    """Return why a session failed: Claude Code's name of the error or, where it has none ("unknown"), its text."""
    return cut(text) if text and name in (None, "unknown") else name


def content_text(content: Any) -> str:
    """Return the text of a message's or tool result's content: a string, or blocks of which only the texts count."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "\n".join(filter(None, map(_block_text, content)))


def _block_text(block: Any) -> str:
    if isinstance(block, Block):
        return (block.text or "") if block.type == "text" else ""
    if isinstance(block, dict) and block.get("type") == "text":
        return str(block.get("text", ""))
    return ""
