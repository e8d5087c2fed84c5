"""Short texts for people from long values."""

from __future__ import annotations

from typing import Any

import msgspec

from clawsocket.claude.transcript import Block

LIMIT = 500
"""Longest summary, in characters."""


class _Part(msgspec.Struct):
    type: str = ""
    text: str = ""


class _File(msgspec.Struct):
    content: str = ""


class _Response(msgspec.Struct, rename="camel"):
    """What says most of a response: of Bash, Read, AskUserQuestion, Edit and Write, Agent and others, EnterWorktree."""

    stdout: str = ""
    stderr: str = ""
    file: _File | None = None
    answers: dict[str, str] = {}
    file_path: str = ""
    content: str | list[_Part] = ""
    message: str = ""
    agent_id: Any = None
    status: Any = None


_parts = msgspec.json.Decoder(list[_Part])
_response = msgspec.json.Decoder(_Response)


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
        if data[:1] == b"[":
            return cut(_text(_parts.decode(data)))
        if data[:1] == b"{":
            said = _said(_response.decode(data))
            return cut(said) if said or b'"stdout"' in data[:64] else input_summary(data)
    except msgspec.DecodeError:
        pass
    return input_summary(data)


def _said(response: _Response) -> str:
    if response.stdout or response.stderr:
        return "\n".join(filter(None, (response.stdout, response.stderr)))
    content = response.content if isinstance(response.content, str) else _text(response.content)
    file = response.file.content if response.file else ""
    said = file or "\n".join(response.answers.values()) or response.file_path or content or response.message
    is_launched = response.agent_id is not None and isinstance(response.status, str)
    return said or (response.status.replace("_", " ") if is_launched else "")


def _text(parts: list[_Part]) -> str:
    return "\n".join(one.text for one in parts if one.type == "text" and one.text)


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
