"""``statusLine`` in Claude Code's ``settings.json``: our recorder put in front of the user's command, and taken away.

The part of the file that matters here::

    {"statusLine": {"type": "command", "command": "...", "padding": 0}}

Only the command is edited; where there is no ``statusLine``, one of ours is made, and goes again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from clawsocket.claude.json_text import Child, Node, Style, append, apply, delete, parse, replace
from clawsocket.claude.recorder_command import is_recorder, users_command

KEY = "statusLine"


def put(text: str, recorder: Callable[[str | None], str]) -> str:
    """Put the recorder into the text of a settings file.

    Args:
        text: the file. An empty one is as good as ``{}``.
        recorder: makes the command, given the user's own (None for none).

    Returns:
        The new text; the same if there is nothing to do.

    Raises:
        ValueError: it is not JSON, or its status line is not as Claude Code has it; the text says why, as a clause.
    """
    text = text if text.strip(" \t\r\n") else "{}\n"
    root = _parsed(text)
    if not isinstance(root.value, dict):
        raise ValueError("is not a JSON object")
    style, line = Style.of(text, root), root.get(KEY)
    if line is None:
        new = {"type": "command", "command": recorder(None)}
        return apply(text, [append(text, style, root, [(KEY, new)])])
    command = _command(line)
    if command is None or line.value.get("type") != "command":
        raise ValueError(f'its "{KEY}" is not a command')
    now: str = command.node.value
    wanted = recorder(users_command(now) if is_recorder(now) else now)
    return text if wanted == now else apply(text, [replace(text, style, command, wanted)])


def take(text: str, original: str = "") -> str:
    """Take the recorder out of the text of a settings file.

    Args:
        text: the file, JSON or empty.
        original: how it was before the recorder came: the user's command is written as it was there.
    """
    if not text.strip(" \t\r\n"):
        return text
    root = _parsed(text)
    found = recorded(root)
    if found is None:
        return text
    if found.users is None:
        return apply(text, delete(root, [found.member]))
    written = _as_written(original, found.users)
    edit = replace(text, Style.of(text, root), found.command, found.users)
    return apply(text, [edit if written is None else edit._replace(new=written)])


class Recorded(NamedTuple):
    """A status line with our recorder.

    Attributes:
        member: which member of the settings it is, counted from 0.
        command: the recorder, with the user's command.
        users: the user's command; None: all of the status line is ours.
    """

    member: int
    command: Child
    users: str | None


def recorded(root: Node) -> Recorded | None:
    """Find the status line with our recorder in a settings file."""
    for index, child in enumerate(root.children):
        if child.key == KEY and (command := _command(child.node)) and is_recorder(command.node.value):
            return Recorded(index, command, users_command(command.node.value))
    return None


def _command(line: Node) -> Child | None:
    """Return the one command of a status line."""
    found = [child for child in line.children if child.key == "command"]
    return found[0] if len(found) == 1 and isinstance(found[0].node.value, str) else None


def _parsed(text: str) -> Node:
    try:
        return parse(text)
    except ValueError as error:
        raise ValueError(f"is not JSON: {error}") from None


def _as_written(original: str, users: str) -> str | None:
    """Return the JSON of the user's command in the file as it was; None if it was another."""
    for child in parse(original).children if original.strip(" \t\r\n") else ():
        command = _command(child.node) if child.key == KEY else None
        if command is not None and command.node.value == users:
            return original[command.node.start : command.node.end]
    return None
