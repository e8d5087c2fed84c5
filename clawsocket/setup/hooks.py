"""Installing our hooks in the settings of Claude Code, and taking them out again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from clawsocket.claude.hook_command import hook_command, spool_script
from clawsocket.claude.settings import entries, hooks_are_off, merge, registered, strip_hooks
from clawsocket.config import Settings
from clawsocket.paths import Home, write_private
from clawsocket.setup.claude_version import installed_events
from clawsocket.setup.settings_file import (
    BOM,
    Change,
    Editor,
    in_settings,
    paths,
    preview_in,
    preview_out,
    put_in,
    remembered,
    take_out,
)
from clawsocket.setup.swap import read


class Look(NamedTuple):
    """What is to be seen of our hooks in a settings file.

    Attributes:
        path: the file, links followed.
        problem: why nothing can be known of it, as a clause; None: it could be read.
        missing: the events whose hook is not there.
        unknown: those whose hook is there, and that the installed Claude Code does not have.
        is_right: installing would change nothing.
        lacks_script: the hooks are right but for the script that they run, which is missing or another.
        off: the key by which this file turns all hooks off.
    """

    path: Path
    problem: str | None = None
    missing: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()
    is_right: bool = False
    lacks_script: bool = False
    off: str | None = None


def look(home: Home, claude_dirs: Sequence[Path], settings: Settings) -> list[Look]:
    """Compare what is registered with what :func:`install` with the same arguments would register; nothing is changed.

    Raises:
        FolderError: no hook can be made for our folder.
    """
    known = installed_events(claude_dirs)
    wanted = _wanted(home, known, settings)
    has_script = not _preview_script(home, settings)
    return [_look(path, wanted, known, has_script=has_script) for path in paths(claude_dirs)]


def _look(path: Path, wanted: Mapping[str, Mapping[str, Any]], known: frozenset[str], *, has_script: bool) -> Look:
    try:
        text = (read(path) or b"").decode().removeprefix(BOM)
        there = registered(text)
        off = hooks_are_off(text)
        registered_right = merge(text, wanted) == text
        return Look(
            path,
            missing=frozenset(wanted) - there,
            unknown=there - known,
            is_right=registered_right and has_script,
            lacks_script=registered_right and not has_script,
            off=off if off == "disableAllHooks" else None,
        )
    except OSError as error:
        return Look(path, f"cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        return Look(path, "is not UTF-8")
    except ValueError as error:
        return Look(path, str(error))


def install(home: Home, claude_dirs: Sequence[Path], settings: Settings) -> list[Change]:
    """Register the spool hook in the settings of Claude Code, or bring it up to date.

    Args:
        home: our folder; made if it is not there.
        claude_dirs: the folders of Claude Code; made if they are not there.
        settings: ``stream``, ``watch_files`` and ``spool_limit`` are looked at.

    Returns:
        What was done, for each file (folders can share one through links).

    Raises:
        SettingsFileError: a file can't be edited safely and was left as it is. The others are done all the same.
        FolderError: our own folder can't be made, or written.
    """
    wanted = _wanted(home, installed_events(claude_dirs), settings)
    _write_script(home, settings)
    return put_in(home, paths(claude_dirs), lambda text: merge(text, wanted))


def refresh(home: Home, settings: Settings) -> list[Change]:
    """Bring the hooks up to date wherever they were put and still are, and put them nowhere else.

    Args, Returns, Raises:
        As for :func:`install`.
    """
    files, edit = _refreshing(home, settings)
    if files:
        _write_script(home, settings)
    return put_in(home, files, edit)


def preview_refresh(home: Home, settings: Settings) -> list[tuple[Path, str, str]]:
    """Return what :func:`refresh` would change, as :func:`preview` does."""
    files, edit = _refreshing(home, settings)
    return (_preview_script(home, settings) if files else []) + preview_in(home, files, edit)


def _refreshing(home: Home, settings: Settings) -> tuple[list[Path], Editor]:
    files = [path for path in remembered(home) if path.exists()]
    wanted = _wanted(home, installed_events([path.parent for path in files]), settings)
    return files, lambda text: merge(text, wanted) if registered(text) else text


def _wanted(home: Home, known: frozenset[str], settings: Settings) -> dict[str, dict[str, Any]]:
    return entries(command(home), known, stream=settings.stream, watch_files=settings.watch_files)


def command(home: Home) -> str:
    """Return the command that is registered.

    Raises:
        FolderError: no hook can be made for our folder.
    """
    return hook_command(in_settings(home.hook))


def _write_script(home: Home, settings: Settings) -> None:
    """Write what the registered command runs, before it is registered. Like the spool, it stays until ours goes."""
    home.create()
    for path, _, text in _preview_script(home, settings):
        write_private(path, text)


def _preview_script(home: Home, settings: Settings) -> list[tuple[Path, str, str]]:
    """Return the script as a change to its file; nothing: it is there as it should be."""
    text = spool_script(in_settings(home.spool), settings.spool_limit)
    try:
        before = (read(home.hook) or b"").decode(errors="replace")
    except OSError:
        before = ""
    return [] if before == text else [(home.hook, before, text)]


def remove(home: Home, files: Sequence[Path]) -> list[Change]:
    """Take our hooks, and those of the original program, out of some settings files.

    A file that was not changed since they were installed gets its bytes of before back, and one that we created goes,
    if there is nothing else of ours in it.

    Args:
        home: our folder.
        files: the settings files, links followed.

    Returns:
        What was done, for each file.

    Raises:
        SettingsFileError: as for :func:`install`.
        FolderError: our own folder can't be made.
    """
    return take_out(home, files, strip_hooks)


def preview(home: Home, claude_dirs: Sequence[Path], settings: Settings) -> list[tuple[Path, str, str]]:
    """Return what :func:`install` would change, and change nothing: each file, its text as it is and as it would be.

    Args, Raises:
        As for :func:`install`.
    """
    wanted = _wanted(home, installed_events(claude_dirs), settings)
    return _preview_script(home, settings) + preview_in(home, paths(claude_dirs), lambda text: merge(text, wanted))


def preview_removal(home: Home, files: Sequence[Path]) -> list[tuple[Path, str, str]]:
    """Return what :func:`remove` would change, in the same way."""
    return preview_out(home, files, strip_hooks)
