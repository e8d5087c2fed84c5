"""Putting our recorder in front of the user's status line in the settings of Claude Code, and taking it away again."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from clawsocket.claude.recorder_command import recorder_command
from clawsocket.claude.status_line_setting import put, take
from clawsocket.paths import Home
from clawsocket.setup.settings_file import Change, Editor, in_settings, paths, preview_in, preview_out, put_in, take_out


def install(home: Home, claude_dirs: Sequence[Path]) -> list[Change]:
    """Put the recorder in front of the status line, or bring it up to date. What the line shows stays the same.

    Args:
        home: our folder; made if it is not there.
        claude_dirs: the folders of Claude Code; made if they are not there.

    Returns:
        What was done, for each file (folders can share one through links).

    Raises:
        SettingsFileError: a file can't be edited safely and was left as it is. The others are done all the same.
        FolderError: our own folder can't be made.
    """
    return put_in(home, paths(claude_dirs), _putting(home))


def _putting(home: Home) -> Editor:
    return partial(put, recorder=partial(recorder_command, in_settings(home.spool)))


def remove(home: Home, files: Sequence[Path]) -> list[Change]:
    """Take the recorder away again; the user's own command is as it was, byte for byte.

    Args:
        home: our folder.
        files: the settings files, links followed.

    Returns:
        What was done, for each file.

    Raises:
        SettingsFileError: as for :func:`install`.
        FolderError: our own folder can't be made.
    """
    return take_out(home, files, take)


def preview(home: Home, claude_dirs: Sequence[Path]) -> list[tuple[Path, str, str]]:
    """Return what :func:`install` would change, and change nothing: each file, its text as it is and as it would be.

    Args, Raises:
        As for :func:`install`.
    """
    return preview_in(home, paths(claude_dirs), _putting(home))


def preview_removal(home: Home, files: Sequence[Path]) -> list[tuple[Path, str, str]]:
    """Return what :func:`remove` would change, in the same way."""
    return preview_out(home, files, take)
