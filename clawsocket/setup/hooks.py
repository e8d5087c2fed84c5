"""Installing our hooks in the settings of Claude Code, and taking them out again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from clawsocket.claude.hook_command import spool_command
from clawsocket.claude.settings import entries, merge, strip_hooks
from clawsocket.config import Settings
from clawsocket.paths import Home
from clawsocket.setup.claude_version import installed_events
from clawsocket.setup.settings_file import Change, put_in, spool_name, take_out


def install(
    home: Home,
    claude_dirs: Sequence[Path],
    *,
    stream: bool = False,
    watch_files: Sequence[str] = (),
    limit: int = Settings().spool_limit,
) -> list[Change]:
    """Register the spool hook in the settings of Claude Code, or bring it up to date.

    Args:
        home: our folder; made if it is not there.
        claude_dirs: the folders of Claude Code; made if they are not there.
        stream: register MessageDisplay too.
        watch_files: literal file names for FileChanged.
        limit: bytes of the largest payload that a hook keeps.

    Returns:
        What was done, for each file (folders can share one through links).

    Raises:
        SettingsFileError: a file can't be edited safely and was left as it is. The others are done all the same.
        FolderError: our own folder can't be made.
    """
    known = installed_events(claude_dirs)
    wanted = entries(spool_command(spool_name(home), limit), known, stream=stream, watch_files=watch_files)
    return put_in(home, claude_dirs, lambda text: merge(text, wanted))


def remove(home: Home, claude_dirs: Sequence[Path]) -> list[Change]:
    """Take our hooks, and those of the original program, out of the settings of Claude Code.

    A file that was not changed since they were installed gets its bytes of before back, and one that we created goes,
    if there is nothing else of ours in it.

    Args:
        home: our folder.
        claude_dirs: the folders of Claude Code.

    Returns:
        What was done, for each file.

    Raises:
        SettingsFileError: as for :func:`install`.
        FolderError: our own folder can't be made.
    """
    return take_out(home, claude_dirs, strip_hooks)
