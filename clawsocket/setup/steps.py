"""The steps of an installation: each can be shown, or done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from clawsocket.errors import SettingsFileError
from clawsocket.paths import Home
from clawsocket.setup import hooks, statusline
from clawsocket.setup.installed import Installed, diff, text_of
from clawsocket.setup.service import Command
from clawsocket.setup.settings_file import Change


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


def take_out(home: Home, files: Iterable[Path]) -> Iterator[Step]:
    """Yield the steps that take the recorder of the status line and the hooks out of some settings files."""
    for path in files:
        for name, part in (("status line recorder", statusline), ("hooks", hooks)):
            try:
                changes = part.preview_removal(home, [path])
            except SettingsFileError as error:  # of one that can't be read the others know nothing
                yield Step(str(error), partial(str, error))
                break
            if changes:
                shown = "".join(diff(path, before, after or None) for path, before, after in changes)
                yield Step(shown, partial(_taken_out, name, partial(part.remove, home, [path])))


def _taken_out(name: str, remove: Callable[[], list[Change]]) -> str:
    try:
        again = {"restored": ", which is again what it was before"}
        return "\n".join(f"{name}: taken out of {change.path}{again.get(change.action, '')}" for change in remove())
    except SettingsFileError as error:
        return str(error)


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
