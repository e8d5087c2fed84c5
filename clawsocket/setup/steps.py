"""The steps of an installation: each can be shown, or done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from clawsocket.setup.installed import Installed, diff, text_of
from clawsocket.setup.service import Command


class Step(NamedTuple):
    """A part of the work.

    Attributes:
        shown: what a dry run prints: a diff, a command, or a sentence.
        do: does it, and returns what is to be told, if anything.
    """

    shown: str
    do: Callable[[], str]


def commands(wanted: Iterable[Command]) -> Iterator[Step]:
    """Yield the steps that run commands."""
    for command in wanted:
        yield Step(f"$ {' '.join(command.argv)}", partial(_run, command))


def _run(command: Command) -> str:
    command.run()
    return ""


def undo(installed: Installed, path: Path) -> Step:
    """Return the step that makes a file what it was before us, unless the user has changed it since."""
    known, now = installed.record.files[str(path)], text_of(path)

    def do() -> str:
        changed = installed.undo(path)
        if changed:
            return f"{path} was changed by hand, and stays; what was changed:\n{changed}"
        return f"{path}: {'removed' if known.before is None else 'as it was before'}"

    if now not in (None, known.after):
        return Step(f"{path} was changed by hand, and stays", do)
    return Step(diff(path, now, known.before), do)
