"""What the command line takes: from the commands' own parsers, or from the help of those that have none."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple, get_args
from unittest import mock

from clawsocket.cli import COMMANDS, arguments
from clawsocket.cli.completion import FILES
from clawsocket.protocol.events import EVENTS
from clawsocket.protocol.models import State
from clawsocket.spending.report import By

_TOPICS = sorted({*EVENTS, *(f"{name.split('.')[0]}.*" for name in EVENTS)})
_STATES = list(get_args(State))


class Value(NamedTuple):
    """What a flag or an argument takes.

    Attributes:
        kind: ``session``, ``setting``, ``file``, ``folder``, ``words``, or ``text``, which nothing can complete.
        name: what help calls it.
        words: those of ``words``.
    """

    kind: str
    name: str
    words: Sequence[str] = ()


class Flag(NamedTuple):
    """A flag: its names, what it takes, its line of help."""

    names: tuple[str, ...]
    value: Value | None
    help: str


class Command(NamedTuple):
    """A command, or an action of one: its words, its line of help, and what may follow."""

    words: tuple[str, ...]
    help: str
    flags: list[Flag]
    argument: Value | None
    actions: list[Command]

    @property
    def place(self) -> str:
        """Its words, each behind a slash; empty for the program itself."""
        return "".join(f"/{word}" for word in self.words)


_VALUES = {
    "SESSION": ("session", ()),
    "NAME=VALUE": ("setting", ()),
    "name=value": ("setting", ()),
    "FILE": ("file", ()),
    "PATH": ("folder", ()),
    "STATE": ("words", _STATES),
    "TOPIC": ("words", _TOPICS),
    "what": ("words", get_args(By)),
    "shell": ("words", tuple(FILES)),
}
"""What can be completed, by what the help calls it."""


def _value(name: str, choices: Sequence[str] = ()) -> Value:
    kind, words = ("words", list(choices)) if choices else _VALUES.get(name, ("text", ()))
    return Value(kind, name.lower(), list(words))


class _Caught(Exception):  # noqa: N818 - it is no error
    pass


def _parser(function: str) -> argparse.ArgumentParser:
    """Return the parser that a command makes."""
    module, _, name = function.partition(":")
    command = getattr(importlib.import_module(module), name or "main")
    with mock.patch.object(argparse.ArgumentParser, "parse_args", side_effect=_Caught, autospec=True) as parse:
        with contextlib.suppress(_Caught):
            command([])
        found: argparse.ArgumentParser = parse.call_args[0][0]
    return found


def _of_parser(words: tuple[str, ...], help: str, parser: argparse.ArgumentParser) -> Command:
    flags, argument, actions = [], None, list[Command]()
    for one in parser._actions:
        if one.help == argparse.SUPPRESS:
            continue
        if isinstance(one, argparse._SubParsersAction):
            told = {choice.dest: choice.help or "" for choice in one._choices_actions}
            actions = [_of_parser((*words, name), told[name], sub) for name, sub in one.choices.items()]
            continue
        name = one.metavar if isinstance(one.metavar, str) else one.dest.upper()
        value = None if one.nargs == 0 else _value(name, [str(choice) for choice in one.choices or ()])
        if one.option_strings:
            flags.append(Flag(tuple(one.option_strings), value, one.help or ""))
        else:
            argument = value
    return Command(words, help, flags, argument, actions)


def _of_help(words: tuple[str, ...], help: str, text: str) -> Command:
    """Read a help that was written by hand: a flag is at the beginning of a line, and its help beside or below it."""
    found = re.findall(r"^  (--[a-z-]+)(?: <([a-z=]+)>)?\s+([^\n]+(?:\n {10,}[^\n]+)*)", text, re.MULTILINE)
    flags = [Flag((flag,), _value(name) if name else None, " ".join(about.split())) for flag, name, about in found]
    argument = re.search(rf"^Usage: {' '.join(('claw-socket', *words))} <([a-z]+)>$", text, re.MULTILINE)
    return Command(words, help, flags, _value(argument[1]) if argument else None, [])


def command_line() -> Command:
    """Return all that can be completed."""
    main = _of_help((), "", arguments.HELP)
    for name, (function, help) in COMMANDS.items():
        text = getattr(importlib.import_module(function.partition(":")[0]), "HELP", None)
        main.actions.append(_of_help((name,), help, text) if text else _of_parser((name,), help, _parser(function)))
    return main


def walk(command: Command) -> Iterator[Command]:
    """Yield a command and all below it."""
    yield command
    for one in command.actions:
        yield from walk(one)
