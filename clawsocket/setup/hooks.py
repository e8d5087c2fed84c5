"""Installing our hooks in the settings of Claude Code, and taking them out again.

Nothing of the user's is lost or reordered: the text is edited, not written anew (:mod:`clawsocket.claude.settings`),
compared with what it was, backed up, and swapped in only if nobody else has written (:mod:`clawsocket.setup.swap`).

In ``Home.backups``, for each settings file: ``settings-<hash>-<time>.json``, the last ten copies from before a change
of ours, and ``settings-<hash>.record``, which tells the removal what the file was like before our entries came.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from clawsocket.claude.hook_command import spool_command
from clawsocket.claude.json_text import parse
from clawsocket.claude.settings import entries, foreign, hooks_are_off, is_empty, merge, registered, strip
from clawsocket.config import Settings
from clawsocket.errors import FolderError, SettingsFileError
from clawsocket.paths import Home
from clawsocket.setup.backups import Backups, Record, digest
from clawsocket.setup.claude_version import installed_events
from clawsocket.setup.swap import read, refuse_read_only, swap

Action = Literal["created", "updated", "unchanged", "removed", "restored"]

_BOM = "\ufeff"
_TRIES = 100
_BETWEEN_TRIES = 0.01
_LOCK_WAIT = 5.0
_TORN_LOOKS = 20
_TORN_WAIT = 0.2
"""Seconds that another program may need to write a file in place."""


@dataclass(frozen=True, slots=True)
class Change:
    """What was done to a settings file.

    Attributes:
        path: the file, links followed.
        action: ``created`` the file, ``updated`` our entries in it, ``removed`` them from it, ``restored`` the file,
            byte for byte, to what it was before them, or ``unchanged``.
        backup: the copy of what it was before, if there was a file and it was changed.
    """

    path: Path
    action: Action
    backup: Path | None = None


class Look(NamedTuple):
    """What is to be seen of our hooks in a settings file.

    Attributes:
        path: the file, links followed.
        problem: why nothing can be known of it, as a clause; None: it could be read.
        missing: the events whose hook is not there.
        unknown: those whose hook is there, and that the installed Claude Code does not have.
        is_right: installing would change nothing.
        off: the key by which this file turns all hooks off.
    """

    path: Path
    problem: str | None = None
    missing: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()
    is_right: bool = False
    off: str | None = None


def look(
    home: Home, claude_dirs: Sequence[Path], *, stream: bool, watch_files: Sequence[str], limit: int
) -> list[Look]:
    """Compare what is registered with what :func:`install` with the same arguments would register; nothing is changed.

    Raises:
        FolderError: no hook can be made for our folder.
    """
    known = installed_events(claude_dirs)
    wanted = entries(command(home, limit), known, stream=stream, watch_files=watch_files)
    return [_look(path, wanted, known) for path in _paths(claude_dirs)]


def _look(path: Path, wanted: Mapping[str, Mapping[str, Any]], known: frozenset[str]) -> Look:
    try:
        text = (read(path) or b"").decode().removeprefix(_BOM)
        there = registered(text)
        off = hooks_are_off(text)
        return Look(
            path,
            missing=frozenset(wanted) - there,
            unknown=there - known,
            is_right=merge(text, wanted) == text,
            off=off if off == "disableAllHooks" else None,
        )
    except OSError as error:
        return Look(path, f"cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        return Look(path, "is not UTF-8")
    except ValueError as error:
        return Look(path, str(error))


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
    home.create()
    known = installed_events(claude_dirs)
    wanted = entries(command(home, limit), known, stream=stream, watch_files=watch_files)
    return _each(home, claude_dirs, lambda found: _with_hooks(found, wanted))


def command(home: Home, limit: int) -> str:
    """Return the line of shell that is registered.

    Raises:
        FolderError: no hook can be made for our folder.
    """
    path = str(home.spool.absolute())
    try:
        path.encode()
    except UnicodeEncodeError:
        raise FolderError(home.spool, "its name is not UTF-8, and settings.json can hold no other") from None
    return spool_command(path, limit)


def remove(home: Home, claude_dirs: Sequence[Path]) -> list[Change]:
    """Take our hooks, and those of the original program, out of the settings of Claude Code.

    A file that was not changed since they were installed gets its bytes of before back, and one that we created goes.

    Args:
        home: our folder.
        claude_dirs: the folders of Claude Code.

    Returns:
        What was done, for each file.

    Raises:
        SettingsFileError: as for :func:`install`.
        FolderError: our own folder can't be made.
    """
    home.create()
    return _each(home, claude_dirs, _without_hooks)


def preview(
    home: Home,
    claude_dirs: Sequence[Path],
    *,
    stream: bool = False,
    watch_files: Sequence[str] = (),
    limit: int = Settings().spool_limit,
) -> list[tuple[Path, str, str]]:
    """Return what :func:`install` would change, and change nothing: each file, its text as it is and as it would be.

    Args, Raises:
        As for :func:`install`.
    """
    known = installed_events(claude_dirs)
    wanted = entries(command(home, limit), known, stream=stream, watch_files=watch_files)
    return _preview(home, claude_dirs, lambda found: _with_hooks(found, wanted))


def preview_removal(home: Home, claude_dirs: Sequence[Path]) -> list[tuple[Path, str, str]]:
    """Return what :func:`remove` would change, in the same way."""
    return _preview(home, claude_dirs, _without_hooks)


class _Found(NamedTuple):
    """A settings file as it is now, and what we remember of it."""

    path: Path
    content: bytes | None
    record: Record | None

    @property
    def whole(self) -> str:
        try:
            return (self.content or b"").decode()
        except UnicodeDecodeError:
            raise ValueError("is not UTF-8") from None

    @property
    def text(self) -> str:
        return self.whole.removeprefix(_BOM)

    def like(self, text: str) -> str:
        return _BOM + text if self.whole.startswith(_BOM) else text

    @property
    def is_unchanged(self) -> bool:
        """It is as we left it."""
        return self.content is not None and self.record is not None and self.record.after == digest(self.content)

    def without_ours(self) -> str | None:
        """Return what it would be if we had never come; None: it would not be there."""
        if self.content is None:
            return None
        if self.is_unchanged and self.record:
            return self.record.original
        text = strip(self.text, ((self.record and self.record.original) or "").removeprefix(_BOM))
        created = self.record is not None and self.record.original is None
        return None if created and text != self.text and is_empty(text) else self.like(text)


class _Plan(NamedTuple):
    action: Action
    after: bytes | None
    record: Record | None


_Planner = Callable[[_Found], _Plan | None]


def _preview(home: Home, claude_dirs: Sequence[Path], plan: _Planner) -> list[tuple[Path, str, str]]:
    changes = []
    for path in _paths(claude_dirs):
        found = _find(path, Backups(home.backups, path))
        try:
            planned = plan(found)
            if planned is not None:
                changes.append((path, found.whole, (planned.after or b"").decode()))
        except ValueError as error:
            raise SettingsFileError(path, str(error)) from None
    return changes


def _with_hooks(found: _Found, wanted: Mapping[str, Mapping[str, Any]]) -> _Plan | None:
    text = merge(found.text, wanted)
    if found.content is not None and text == found.text:
        return None
    after = found.like(text).encode()
    record = Record(os.fsencode(found.path).decode(errors="replace"), found.without_ours(), digest(after))
    return _Plan("created" if found.content is None else "updated", after, record)


def _without_hooks(found: _Found) -> _Plan | None:
    if found.content is None or (before := found.without_ours()) == found.whole:
        return None
    return _Plan("restored" if found.is_unchanged else "removed", None if before is None else before.encode(), None)


def _paths(claude_dirs: Sequence[Path]) -> list[Path]:
    """Return the settings files, links followed, each once."""
    return list(dict.fromkeys(Path(os.path.realpath(folder / "settings.json")) for folder in claude_dirs))


def _each(home: Home, claude_dirs: Sequence[Path], plan: _Planner) -> list[Change]:
    """Do it for every file, and only then raise what went wrong first."""
    changes, failures = [], []
    with _locked(home.root / "settings.lock"):
        for path in _paths(claude_dirs):
            try:
                changes.append(_edit(path, Backups(home.backups, path), plan))
            except SettingsFileError as error:
                failures.append(error)
    if failures:
        raise failures[0]
    return changes


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other processes of ours out."""
    deadline = time.monotonic() + _LOCK_WAIT
    with path.open("ab") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise SettingsFileError(path, "another claw-socket holds the lock") from None
                time.sleep(_BETWEEN_TRIES)
        yield


def _edit(path: Path, backups: Backups, plan: _Planner) -> Change:
    """Carry out a plan until there is nothing more to do, however often others write in between."""
    change: Change | None = None
    for _ in range(_TRIES):
        found = _find(path, backups)
        try:
            planned = plan(found)
            if planned is None:
                return change or Change(path, "unchanged")
            _verify(found, planned)
        except ValueError as error:
            raise SettingsFileError(path, str(error)) from None
        done = _carry_out(found, planned, backups)
        change = change or done
        if not done:
            time.sleep(_BETWEEN_TRIES)
    raise SettingsFileError(path, "another program keeps changing it")


def _find(path: Path, backups: Backups) -> _Found:
    try:
        content, looked = read(path), 0
        while _may_be_torn(content) and looked < _TORN_LOOKS:
            time.sleep(_TORN_WAIT)
            content, last = read(path), content
            looked = _TORN_LOOKS if content == last else looked + 1
    except OSError as error:
        raise SettingsFileError(path, f"cannot be read: {error.strerror}") from error
    return _Found(path, content, backups.record())


def _may_be_torn(content: bytes | None) -> bool:
    """Tell whether somebody is perhaps writing it just now."""
    try:
        parse("null" if content is None else content.decode().removeprefix(_BOM))
    except ValueError:
        return True
    return False


def _verify(found: _Found, planned: _Plan) -> None:
    after = (planned.after or b"").decode().removeprefix(_BOM)
    if foreign(after) != foreign(found.text):
        raise ValueError("the edit would change more than our entries")


def _carry_out(found: _Found, planned: _Plan, backups: Backups) -> Change | None:
    """Back up, then change the file; None: somebody else has changed it first."""
    try:
        refuse_read_only(found.path)
        backup = None if found.content is None else backups.copy(found.content)
        if planned.record:
            backups.remember(planned.record)
        if not swap(found.path, found.content, planned.after):
            if backup:
                backup.unlink()
            return None
    except OSError as error:
        raise SettingsFileError(found.path, f"cannot be changed: {error.strerror}") from error
    if not planned.record:
        backups.remember(None)
    return Change(found.path, planned.action, backup)
