"""Changing the settings of Claude Code safely, for whatever of ours is to be put in or taken out.

Nothing of the user's is lost or reordered: the text is edited, not written anew (:mod:`clawsocket.claude.settings`),
compared with what it was, backed up, and swapped in only if nobody else has written (:mod:`clawsocket.setup.swap`).

In ``Home.backups``, for each settings file: ``settings-<hash>-<time>.json``, the last ten copies from before a change
of ours, and ``settings-<hash>.record``, which tells the last removal what the file was like before we came.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from clawsocket.claude.json_text import parse
from clawsocket.claude.settings import foreign, is_empty, strip
from clawsocket.errors import FolderError, SettingsFileError
from clawsocket.paths import Home
from clawsocket.setup.backups import Backups, Record, digest, records
from clawsocket.setup.swap import read, refuse_read_only, swap

Action = Literal["created", "updated", "unchanged", "removed", "restored"]

BOM = "\ufeff"
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


Editor = Callable[[str], str]
"""Edits the text of a settings file. Raises ValueError, whose text says why as a clause, if it can't be done safely."""


def put_in(home: Home, files: Sequence[Path], edit: Editor) -> list[Change]:
    """Put something of ours into some settings files, or bring it up to date.

    Args:
        home: our folder; made if it is not there.
        files: the settings files, links followed; made, with their folders, if they are not there.
        edit: puts it in.

    Returns:
        What was done, for each file (folders can share one through links).

    Raises:
        SettingsFileError: a file can't be edited safely and was left as it is. The others are done all the same.
        FolderError: our own folder can't be made.
    """
    home.create()
    return _each(home, files, lambda found: _with_ours(found, edit))


def take_out(home: Home, files: Sequence[Path], edit: Callable[[str, str], str]) -> list[Change]:
    """Take something of ours out again.

    When nothing of ours is left, a file that was not changed meanwhile gets its bytes of before back, and one that we
    created goes.

    Args:
        home: our folder.
        files: the settings files, links followed.
        edit: takes it out of a text; the second is what the file was before we came, empty for nothing.

    Returns:
        What was done, for each file.

    Raises:
        SettingsFileError: as for :func:`put_in`.
        FolderError: our own folder can't be made.
    """
    home.create()
    return _each(home, files, lambda found: _without(found, edit))


def preview_in(home: Home, files: Sequence[Path], edit: Editor) -> list[tuple[Path, str, str]]:
    """Return what :func:`put_in` would change, and change nothing: each file, its text as it is and as it would be.

    Raises:
        SettingsFileError: a file can't be edited safely.
    """
    return _preview(home, files, lambda found: _with_ours(found, edit))


def preview_out(home: Home, files: Sequence[Path], edit: Callable[[str, str], str]) -> list[tuple[Path, str, str]]:
    """Return what :func:`take_out` would change, in the same way."""
    return _preview(home, files, lambda found: _without(found, edit))


def paths(claude_dirs: Sequence[Path]) -> list[Path]:
    """Return the settings files of some folders, links followed, each once."""
    return list(dict.fromkeys(Path(os.path.realpath(folder / "settings.json")) for folder in claude_dirs))


def every(claude_dirs: Sequence[Path], files: Sequence[Path]) -> list[Path]:
    """Return the settings files of some folders, and more of them, each once."""
    return list(dict.fromkeys([*paths(claude_dirs), *files]))


def remembered(home: Home) -> list[Path]:
    """Return the settings files that something of ours was put into and not taken out of, links followed."""
    return [Path(one.path) for one in records(home.backups)]


def in_settings(path: Path) -> str:
    """Return a path as a command in the settings names it.

    Raises:
        FolderError: JSON can't hold it.
    """
    name = str(path.absolute())
    try:
        name.encode()
    except UnicodeEncodeError:
        raise FolderError(path, "its name is not UTF-8, and settings.json can hold no other") from None
    return name


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
        return self.whole.removeprefix(BOM)

    def like(self, text: str) -> str:
        return BOM + text if self.whole.startswith(BOM) else text

    @property
    def is_unchanged(self) -> bool:
        """It is as we left it."""
        return self.content is not None and self.record is not None and self.record.after == digest(self.content)

    @property
    def original(self) -> str:
        """What is remembered of it from before our entries; empty for nothing."""
        return ((self.record and self.record.original) or "").removeprefix(BOM)

    def leave(self, text: str, original: str | None) -> tuple[bytes, Record]:
        """Return what to leave there with something of ours in it, and what to remember."""
        after = self.like(text).encode()
        return after, Record(os.fsencode(self.path).decode(errors="replace"), original, digest(after))

    def without_ours(self) -> str | None:
        """Return what it would be if we had never come; None: it would not be there."""
        if self.content is None:
            return None
        if self.is_unchanged and self.record:
            return self.record.original
        text = strip(self.text, self.original)
        created = self.record is not None and self.record.original is None
        return None if created and text != self.text and is_empty(text) else self.like(text)


class _Plan(NamedTuple):
    action: Action
    after: bytes | None
    record: Record | None


_Planner = Callable[[_Found], _Plan | None]


def _with_ours(found: _Found, edit: Editor) -> _Plan | None:
    text = edit(found.text)
    if found.content is not None and text == found.text:
        return None
    return _Plan("created" if found.content is None else "updated", *found.leave(text, found.without_ours()))


def _without(found: _Found, edit: Callable[[str, str], str]) -> _Plan | None:
    if found.content is None or (text := edit(found.text, found.original)) == found.text:
        return None
    before = found.without_ours()
    if strip(text, found.original) != text:  # there is something else of ours
        return _Plan("removed", *found.leave(text, before))
    return _Plan("restored" if found.is_unchanged else "removed", None if before is None else before.encode(), None)


def _each(home: Home, files: Sequence[Path], plan: _Planner) -> list[Change]:
    """Do it for every file, and only then raise what went wrong first."""
    changes, failures = [], []
    with _locked(home.root / "settings.lock"):
        for path in files:
            try:
                changes.append(_edit(path, Backups(home.backups, path), plan))
            except SettingsFileError as error:
                failures.append(error)
    if failures:
        raise failures[0]
    return changes


def _preview(home: Home, files: Sequence[Path], plan: _Planner) -> list[tuple[Path, str, str]]:
    changes = []
    for path in files:
        found = _find(path, Backups(home.backups, path))
        try:
            planned = plan(found)
            if planned is not None:
                changes.append((path, found.whole, (planned.after or b"").decode()))
        except ValueError as error:
            raise SettingsFileError(path, str(error)) from None
    return changes


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other processes of ours out."""
    deadline = time.monotonic() + _LOCK_WAIT
    try:
        file = path.open("ab")
    except OSError as error:
        raise FolderError(path.parent, f"cannot be written: {error.strerror}") from error
    with file:
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
        parse("null" if content is None else content.decode().removeprefix(BOM))
    except ValueError:
        return True
    return False


def _verify(found: _Found, planned: _Plan) -> None:
    after = (planned.after or b"").decode().removeprefix(BOM)
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
