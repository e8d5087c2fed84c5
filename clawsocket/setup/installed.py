"""What ``claw-socket install`` wrote, and how to undo it without undoing what the user did."""

from __future__ import annotations

import contextlib
import difflib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from clawsocket.errors import FolderError
from clawsocket.paths import Home
from clawsocket.setup.service import MARK
from clawsocket.setup.swap import read, swap


class Written(msgspec.Struct):
    """A file that we wrote: its text before, None if there was none, and the text that we gave it."""

    before: str | None
    after: str


class Record(msgspec.Struct):
    """What is remembered.

    Attributes:
        files: the files that we wrote.
        folders: the folders that we made for them, outer ones first.
        running: what the service was started from: the version, and a hash of the program.
        on_demand: whether the first connection starts it.
    """

    files: dict[str, Written] = {}
    folders: list[str] = []
    running: str = ""
    on_demand: bool = False


class Installed:
    """The files of an installation.

    Args:
        home: our folder, which has the record of them.
    """

    def __init__(self, home: Home) -> None:
        self._path = home.installed
        try:
            self.record = msgspec.json.decode(self._path.read_bytes(), type=Record)
        except (OSError, msgspec.DecodeError):
            self.record = Record()

    def files(self, *, besides: Path) -> list[Path]:
        """Return the files that we wrote, but one."""
        return [Path(path) for path in self.record.files if Path(path) != besides]

    def save(self) -> None:
        """Keep the record; one that says nothing goes."""
        after = None if self.record == Record() else msgspec.json.encode(self.record)
        with _named(self._path):
            if (before := read(self._path)) != after:
                swap(self._path, before, after)

    def make(self, folder: Path) -> None:
        """Make a folder, and remember that it is ours and which around it are."""
        missing = [one for one in (folder, *folder.parents) if not one.exists()]
        self.record.folders += [str(one) for one in reversed(missing) if str(one) not in self.record.folders]
        self.save()
        with _named(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def write(self, path: Path, text: str, *, edit: bool = False) -> None:
        """Write a file of ours. What it was before our first writing is remembered.

        Args:
            path: the file.
            text: its new text.
            edit: the text is what was there with a change of ours: if the user has changed the file since our last
                writing, it goes on to be the user's.

        Raises:
            FolderError: it can't be written.
        """
        self.make(path.parent)
        with _named(path):
            before = read(path)
            known = self.record.files.get(str(path))
            lost = not edit and before is not None and MARK.encode() in before  # of ours, and the record of it is gone
            original = known.before if known else None if before is None or lost else before.decode()
            if not (edit and known and before is not None and before.decode() != known.after):
                self.record.files[str(path)] = Written(original, text)
                self.save()
            if not swap(_real(path), before, text.encode()):
                raise OSError(0, "another program writes it just now")

    def undo(self, path: Path) -> str:
        """Make a file what it was before us, unless the user has changed it since: then it stays.

        Returns:
            What the user has changed, as a diff.

        Raises:
            FolderError: it can't be changed.
        """
        known = self.record.files.get(str(path))
        with _named(path):
            content = read(path)
            if known is None or content is None:
                changed = ""
            elif content.decode(errors="replace") != known.after:
                changed = diff(path, known.after, content.decode(errors="replace"))
            else:
                swap(_real(path), content, None if known.before is None else known.before.encode())
                changed = ""
        self.record.files.pop(str(path), None)
        self.save()
        return changed

    def tidy(self) -> None:
        """Remove the folders that we made, as far as nothing is in them."""
        for folder in reversed(self.record.folders):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
        self.record.folders = [folder for folder in self.record.folders if Path(folder).exists()]


def _real(path: Path) -> Path:
    """Follow links, so that a file which is kept elsewhere is changed there and the link stays."""
    return Path(os.path.realpath(path))


def diff(path: Path, before: str | None, after: str | None) -> str:
    """Return a change of a file as a unified diff; None stands for no file."""
    old, new = ((text or "").splitlines(keepends=True) for text in (before, after))
    old_name, new_name = ("/dev/null" if text is None else str(path) for text in (before, after))
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        for line in difflib.unified_diff(old, new, old_name, new_name)
    )


def text_of(path: Path) -> str | None:
    """Return the text of a file, None if there is none.

    Raises:
        FolderError: it can't be read.
    """
    with _named(path):
        content = read(path)
    return None if content is None else content.decode(errors="replace")


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FolderError(path, f"cannot be read or written: {error.strerror}") from error
