"""JSON text with the place of every value, and edits that leave everything else as it was, byte for byte.

New text follows the style it is put in: indentation, line ends, one line or many.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_PRETTY = "  "


class Number(NamedTuple):
    """A number as it is written: ``1.0`` and ``1`` are two."""

    text: str


@dataclass(frozen=True, slots=True)
class Node:
    """A value: ``text[start:end]``.

    Attributes:
        value: as a Python value: dict, list, str, :class:`Number`, bool or None. Of keys that repeat, the last counts.
        children: the members or items of an object or array.
    """

    start: int
    end: int
    value: Any
    children: tuple[Child, ...] = ()

    def get(self, key: str) -> Node | None:
        """Return the value of a member of an object.

        Raises:
            ValueError: the key is there more than once.
        """
        found = [child.node for child in self.children if child.key == key]
        if len(found) > 1:
            raise ValueError(f"the key {json.dumps(key)} is there {len(found)} times")
        return found[0] if found else None


@dataclass(frozen=True, slots=True)
class Child:
    """A member of an object, from its key on, or an item of an array (``key`` is None)."""

    start: int
    key: str | None
    key_end: int
    node: Node

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.node.end


class Edit(NamedTuple):
    """``text[start:end]`` becomes ``new``."""

    start: int
    end: int
    new: str


def parse(text: str) -> Node:
    """Parse strict JSON.

    Raises:
        ValueError: it is not JSON; the text says where.
    """
    try:
        node = _value(text, _skip(text, 0))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if _skip(text, node.end) != len(text):
        raise _error(text, _skip(text, node.end), "more after the end")
    return node


def _error(text: str, at: int, problem: str) -> ValueError:
    return json.JSONDecodeError(problem, text, at)


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _value(text: str, at: int) -> Node:
    first = text[at : at + 1]
    if first == '"':
        value, end = _string(text, at)
        return Node(at, end, value)
    if first in ("{", "["):
        return _container(text, at, "}" if first == "{" else "]")
    for word, meaning in _WORDS.items():
        if text.startswith(word, at):
            return Node(at, at + len(word), meaning)
    if match := _NUMBER.match(text, at):
        return Node(at, match.end(), Number(match.group()))
    raise _error(text, at, "a value was expected")


def _string(text: str, at: int) -> tuple[str, int]:
    match = _STRING.match(text, at)
    if not match:
        raise _error(text, at, "a string does not end")
    try:
        return json.loads(match.group()), match.end()
    except ValueError:
        raise _error(text, at, "a string has a wrong escape") from None


def _container(text: str, start: int, closing: str) -> Node:
    children: list[Child] = []
    at = _skip(text, start + 1)
    while text[at : at + 1] != closing:
        if children:
            if text[at : at + 1] != ",":
                raise _error(text, at, f"',' or '{closing}' was expected")
            at = _skip(text, at + 1)
        children.append(_member(text, at) if closing == "}" else _item(text, at))
        at = _skip(text, children[-1].end)
    values: Any = [child.node.value for child in children]
    if closing == "}":
        values = dict(zip((child.key for child in children), values, strict=True))
    return Node(start, at + 1, values, tuple(children))


def _item(text: str, at: int) -> Child:
    return Child(at, None, at, _value(text, at))


def _member(text: str, at: int) -> Child:
    if text[at : at + 1] != '"':
        raise _error(text, at, "a key was expected")
    key, key_end = _string(text, at)
    colon = _skip(text, key_end)
    if text[colon : colon + 1] != ":":
        raise _error(text, colon, "':' was expected")
    return Child(at, key, key_end, _value(text, _skip(text, colon + 1)))


def apply(text: str, edits: Iterable[Edit]) -> str:
    """Return the text with edits made that don't overlap."""
    for edit in sorted(edits, reverse=True):
        text = text[: edit.start] + edit.new + text[edit.end :]
    return text


def delete(container: Node, doomed: Sequence[int]) -> list[Edit]:
    """Return the edits that take out the children with these indexes.

    Each goes with the comma and the space before it, the first ones with those after them.
    """
    children = container.children
    if not doomed:
        return []
    if len(doomed) == len(children):
        return [Edit(container.start + 1, container.end - 1, "")]
    first_kept = next(index for index in range(len(children)) if index not in doomed)
    return [
        Edit(children[index].start, children[index + 1].start, "")
        if index < first_kept
        else Edit(children[index - 1].end, children[index].end, "")
        for index in doomed
    ]


class Style(NamedTuple):
    """How a document is laid out.

    Attributes:
        unit: one level of indentation; None: it is on one line.
        newline: how its lines end.
        comma: between values on one line.
        colon: between key and value.
    """

    unit: str | None
    newline: str
    comma: str
    colon: str

    @classmethod
    def of(cls, text: str, root: Node) -> Style:
        """Tell the style of a document from its last member."""
        newline = "\r\n" if "\r\n" in text else "\n"
        if not root.children:
            return cls(_PRETTY, newline, ", ", ": ")
        lead = _lead(text, root)
        unit = lead.rpartition("\n")[2] if "\n" in lead else None
        last = root.children[-1]
        colon = text[last.key_end : last.node.start] if last.key is not None else ": "
        return cls(unit, newline, "," + (lead if unit is None else " "), ": " if "\n" in colon else colon)

    def dump(self, value: object, indent: str | None) -> str:
        """Write a value whose first line starts in a line with this indentation (None: all on one line)."""
        if indent is None or self.unit is None:
            return json.dumps(value, ensure_ascii=False, separators=(self.comma, self.colon))
        lines = json.dumps(value, ensure_ascii=False, indent=self.unit, separators=(",", self.colon))
        return lines.replace("\n", self.newline + indent)


def _lead(text: str, container: Node) -> str:
    """Return the space before the last child."""
    last = container.children[-1].start
    return text[len(text[:last].rstrip(" \t\r\n")) : last]


def _line_indent(text: str, at: int) -> str:
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip(" \t"))]


def append(text: str, style: Style, container: Node, items: Sequence[tuple[str | None, object]]) -> Edit:
    """Return the edit that puts items (key and value; no key in an array) at the end of an object or array."""
    if container.children:
        lead = _lead(text, container)
        lines, place = "\n" in lead, container.children[-1].end
        indent = lead.rpartition("\n")[2]
    else:
        lines, place = style.unit is not None, container.start + 1
        indent = _line_indent(text, container.start) + (style.unit or "")
    gap = style.newline + indent if lines else _lead(text, container) if container.children else ""
    written = []
    for key, value in items:
        name = "" if key is None else json.dumps(key, ensure_ascii=False) + style.colon
        written.append(gap + name + style.dump(value, indent if lines else None))
    if container.children:
        return Edit(place, place, "".join("," + item for item in written))
    tail = style.newline + _line_indent(text, container.start) if lines else ""
    return Edit(place, container.end - 1, ",".join(written) + tail)


def replace(text: str, style: Style, child: Child, value: object) -> Edit:
    """Return the edit that gives a child another value."""
    alone = text[: child.start].rstrip(" \t").endswith("\n")
    return Edit(child.node.start, child.end, style.dump(value, _line_indent(text, child.start) if alone else None))
