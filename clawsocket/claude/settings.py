"""Our hook entries in Claude Code's ``settings.json``, put in and taken out as edits of its text.

The part of the file that matters here::

    {"hooks": {"<event>": [
        {"matcher": "...", "hooks": [{"type": "command", "command": "...", "timeout": 10}], "_tag": "claw-socket"}]}}

An entry is ours by its tag, or if all of its commands are: the spool hook (by its marker), or the curl command that the
original program left. Everything else is the user's, and stays as it is written, in its order. A command of ours among
others goes alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from clawsocket.claude.hook_command import MARKER, TIMEOUT
from clawsocket.claude.hook_events import FIRST_KNOWN
from clawsocket.claude.json_text import Child, Edit, Node, Style, append, apply, delete, parse, replace
from clawsocket.claude.status_line_setting import recorded, take

TAG = "claw-socket"
"""Value of the key ``_tag`` in an entry of ours. Claude Code accepts it, but drops it when it writes the file anew."""

_ORIGINAL = re.compile(r"\bcurl\b.*(?:localhost|127\.0\.0\.1|\[::1\]):3838/hook\b", re.DOTALL)
_TAGGED_ORIGINAL = re.compile(r"\bcurl\b.*/hook\b", re.DOTALL)


def entries(
    command: str, known: Collection[str], *, stream: bool = False, watch_files: Sequence[str] = ()
) -> dict[str, dict[str, Any]]:
    """Return what to register: an entry for each event.

    Args:
        command: the hook's line of shell.
        known: the events that the installed Claude Code has.
        stream: register MessageDisplay, which makes Claude Code wait for the hook at each batch of lines.
        watch_files: literal names for FileChanged; without any there is nothing to watch.
    """
    asked = {"MessageDisplay": stream, "FileChanged": bool(watch_files)}
    entry: dict[str, Any] = {"hooks": [{"type": "command", "command": command, "timeout": TIMEOUT}], "_tag": TAG}
    wanted = {event: entry for event in FIRST_KNOWN if event in known and asked.get(event, True)}
    if "FileChanged" in wanted:
        wanted["FileChanged"] = {"matcher": "|".join(watch_files), **entry}
    return wanted


def merge(text: str, wanted: Mapping[str, Mapping[str, Any]]) -> str:
    """Put our entries into the text of a settings file.

    Entries of ours that are right stay as they are; others are put right where they stand, or taken out if not wanted.

    Args:
        text: the file. An empty one is as good as ``{}``.
        wanted: from :func:`entries`.

    Returns:
        The new text; the same if there is nothing to do.

    Raises:
        ValueError: it is not JSON, or its hooks are not as Claude Code has them; the text says why, as a clause.
    """
    text = _reduce("{}\n" if _is_blank(text) else text, wanted, keep=())
    root, hooks = _parse(text)
    lists = dict(_events(hooks))
    missing = {event: entry for event, entry in wanted.items() if event not in lists or not _ours(lists[event])}
    if not missing:
        return text
    style = Style.of(text, root)
    new = [(event, [entry]) for event, entry in missing.items() if event not in lists]
    if hooks is None:
        return apply(text, [append(text, style, root, [("hooks", dict(new))])])
    edits = [append(text, style, lists[event], [(None, missing[event])]) for event in missing if event in lists]
    return apply(text, edits + ([append(text, style, hooks, new)] if new else []))


def strip(text: str, original: str = "") -> str:
    """Take all that is ours out of the text of a settings file: the entries, and the recorder of the status line.

    Args:
        text: the file.
        original: how it was before we came.

    Raises:
        ValueError: as for :func:`merge`.
    """
    return take(strip_hooks(text, original), original)


def strip_hooks(text: str, original: str = "") -> str:
    """Take our entries out of the text of a settings file, and the lists and objects that then hold nothing.

    Args:
        text: the file.
        original: how it was before our entries came: a list or object that was there stays, though empty.

    Raises:
        ValueError: as for :func:`merge`.
    """
    if _is_blank(text):
        return text
    _, hooks = (None, None) if _is_blank(original) else _parse(original)
    return _reduce(text, {}, keep=None if hooks is None else dict(_events(hooks)))


def registered(text: str) -> frozenset[str]:
    """Return the events for which a command of ours is there.

    Raises:
        ValueError: as for :func:`merge`.
    """
    if _is_blank(text):
        return frozenset()
    events = _events(_parse(text)[1])
    return frozenset(event for event, list in events if any(_our_commands(child.node) for child in list.children))


def hooks_are_off(text: str) -> str | None:
    """Return the key by which settings keep our hooks from running; None: nothing does.

    Args:
        text: the user's settings, or those of whoever manages the machine: ``allowManagedHooksOnly`` counts only there,
            and where it should not be, it means nothing.

    Raises:
        ValueError: as for :func:`merge`.
    """
    if _is_blank(text):
        return None
    root, _ = _parse(text)
    on = {child.key for child in root.children if child.node.value is True}
    return next((key for key in ("disableAllHooks", "allowManagedHooksOnly") if key in on), None)


def is_empty(text: str) -> bool:
    """Tell whether a settings file says nothing at all."""
    return _is_blank(text) or not parse(text).children


def foreign(text: str) -> object:
    """Return all that is not ours in a settings file, in its order, for comparison."""
    if _is_blank(text):
        return (), ()
    root, hooks = _parse(text)
    shapes = (
        (event, tuple(_foreign_shape(child.node) for child in entry_list.children if not _is_ours(child.node)))
        for event, entry_list in _events(hooks)
    )
    line = recorded(root)
    users = {} if line is None else {line.command.start: line.users}
    made = line is not None and line.users is None
    others = tuple(
        (child.key, _shape(child.node, instead=users))
        for index, child in enumerate(root.children)
        if child.node is not hooks and not (made and line and index == line.member)
    )
    return others, tuple((event, shape) for event, shape in shapes if shape)


def _is_blank(text: str) -> bool:
    return not text.strip(" \t\r\n")


def _foreign_shape(entry: Node) -> object:
    mine, listed = _our_commands(entry), entry.get("hooks")
    if not mine or not listed:
        return _shape(entry)
    ours = [listed.children[index] for index in mine] + [child for child in entry.children if _is_tag(child)]
    return _shape(entry, frozenset(child.start for child in ours))


def _shape(
    node: Node, skipped: frozenset[int] = frozenset(), instead: Mapping[int, object] = MappingProxyType({})
) -> object:
    """Return a value as nested tuples, without the children that start at some places, or with other values there."""
    if not isinstance(node.value, dict | list):
        return node.value
    kept = (child for child in node.children if child.start not in skipped)
    return type(node.value), tuple(
        (child.key, instead[child.start] if child.start in instead else _shape(child.node, skipped, instead))
        for child in kept
    )


def _parse(text: str) -> tuple[Node, Node | None]:
    """Return the whole and its ``hooks``."""
    try:
        root = parse(text)
    except ValueError as error:
        raise ValueError(f"is not JSON: {error}") from None
    if not isinstance(root.value, dict):
        raise ValueError("is not a JSON object")
    hooks = root.get("hooks")
    if hooks is not None and not isinstance(hooks.value, dict):
        raise ValueError('its "hooks" is not an object')
    return root, hooks


def _events(hooks: Node | None) -> list[tuple[str, Node]]:
    """Return the events in ``hooks`` with their lists of entries."""
    found: dict[str, Node] = {}
    for child in hooks.children if hooks else ():
        event = child.key or ""
        if event in found:
            raise ValueError(f"the key {json.dumps(event)} is in its hooks twice")
        if not isinstance(child.node.value, list):
            raise ValueError(f"its hooks for {json.dumps(event)} are not a list")
        found[event] = child.node
    return list(found.items())


def _ours(entry_list: Node) -> list[int]:
    return [index for index, child in enumerate(entry_list.children) if _is_ours(child.node)]


def _is_ours(entry: Node) -> bool:
    """Tell whether an entry is ours as a whole."""
    mine, listed = _our_commands(entry), entry.get("hooks")
    if mine and listed:
        return len(mine) == len(listed.children)
    return any(_is_tag(child) for child in entry.children)


def _is_tag(child: Child) -> bool:
    return bool(child.key == "_tag" and child.node.value == TAG)


def _our_commands(entry: Node) -> list[int]:
    """Return the indexes of the commands in an entry that are ours."""
    listed = entry.get("hooks")
    curl = _TAGGED_ORIGINAL if any(_is_tag(child) for child in entry.children) else _ORIGINAL
    found = []
    for index, child in enumerate(listed.children if listed else ()):
        command = child.node.value.get("command") if isinstance(child.node.value, dict) else None
        if isinstance(command, str) and (MARKER in command or curl.search(command)):
            found.append(index)
    return found


def _reduce(text: str, wanted: Mapping[str, Mapping[str, Any]], keep: Collection[str] | None) -> str:
    """Take out what is ours, but for one right entry for each wanted event.

    Args:
        text: the file.
        wanted: the entries that stay.
        keep: events whose list stays, though empty; None: not even the object of all hooks does.
    """
    root, hooks = _parse(text)
    if hooks is None:
        return text
    style = Style.of(text, root)
    edits: list[Edit] = []
    emptied: list[int] = []
    for index, (event, entry_list) in enumerate(_events(hooks)):
        doomed = _ours(entry_list)
        if doomed and event in wanted:
            edits += _put_right(text, style, entry_list.children[doomed.pop(0)], wanted[event])
        if doomed and len(doomed) == len(entry_list.children) and event not in (keep or ()):
            emptied.append(index)
            continue
        edits += delete(entry_list, doomed)
        for child in entry_list.children:
            edits += [] if _is_ours(child.node) else _without_ours(child.node)
    if keep is None and emptied and len(emptied) == len(hooks.children):
        edits += delete(root, [index for index, child in enumerate(root.children) if child.node is hooks])
    else:
        edits += delete(hooks, emptied)
    return apply(text, edits)


def _put_right(text: str, style: Style, child: Child, entry: Mapping[str, Any]) -> list[Edit]:
    right = parse(json.dumps(entry)).value
    return [] if {**child.node.value, "_tag": TAG} == right else [replace(text, style, child, entry)]


def _without_ours(entry: Node) -> list[Edit]:
    """Take our commands out of an entry that has others too, and with them the tag: the entry is the user's."""
    mine, listed = _our_commands(entry), entry.get("hooks")
    if not mine or not listed:
        return []
    return delete(entry, [index for index, child in enumerate(entry.children) if _is_tag(child)]) + delete(listed, mine)
