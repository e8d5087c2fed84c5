"""Changing settings in ``config.toml``: the text is edited, so that comments and everything else stay as they are."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from typing import Any


def with_settings(text: str, wanted: Mapping[str, Any]) -> str:
    """Return a TOML text with some settings changed or added.

    Args:
        text: the file as it is.
        wanted: names and new values: booleans, numbers, texts, lists of texts.

    Raises:
        ValueError: the text is no TOML, or so unusual that only a person can edit it.
    """
    for name, value in wanted.items():
        text = _with_setting(text, name, json.loads(json.dumps(value)))
    return text


def _with_setting(text: str, name: str, value: Any) -> str:
    before = tomllib.loads(text)
    if name in before and before[name] == value and type(before[name]) is type(value):
        return text
    after, line = {**before, name: value}, f"{name} = {_toml(value)}"
    for candidate in _candidates(text.split("\n"), name, line, before.get(name)):
        # Whatever the text looks like: it is right only if it says what it said, and the new value.
        if _loads(candidate) == after:
            return candidate
    raise ValueError(f"cannot be edited; put into it: {line}")


def _candidates(lines: list[str], name: str, new: str, old: Any) -> list[str]:
    """Return the text with a line in the place of the old value, which may be several lines, or at its end."""
    found = []
    for first, line in enumerate(lines):
        if line.partition("=")[0].strip(" \t\"'") != name:
            continue
        for last in range(first + 1, len(lines) + 1):
            comment = _comment(lines[last - 1], name, old) if last == first + 1 else ""
            found.append("\n".join([*lines[:first], new + comment, *lines[last:]]))
    if lines[-1]:
        lines = [*lines, ""]
    return [*found, "\n".join([*lines[:-1], new, ""])]


def _comment(line: str, name: str, old: Any) -> str:
    """Return the comment that ends a line, with the space before it."""
    for at, character in enumerate(line):
        if character == "#" and _loads(line[:at]) == {name: old}:
            return line[len(line[:at].rstrip()) :]
    return ""


def _loads(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _toml(value: Any) -> str:
    """Return a value in TOML; for these types JSON is TOML, but for DEL, which TOML wants escaped."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
