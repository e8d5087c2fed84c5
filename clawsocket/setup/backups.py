"""What we remember of a settings file: copies from before our changes, and what it was like without our entries."""

from __future__ import annotations

import contextlib
import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from clawsocket.errors import FolderError

_COPIES = 10


class Record(msgspec.Struct):
    """A file that has our entries.

    Attributes:
        path: the file.
        original: its text without our entries; None: it was not there.
        after: the hash of what we left there.
    """

    path: str
    original: str | None
    after: str


def digest(content: bytes) -> str:
    """Return the hash by which a content is known again."""
    return hashlib.sha256(content).hexdigest()


def records(folder: Path) -> list[Record]:
    """Return what is remembered of all files, as far as it can be read."""
    found = []
    for path in sorted(folder.glob("settings-*.record")):
        with contextlib.suppress(OSError, msgspec.DecodeError):
            found.append(msgspec.json.decode(path.read_bytes(), type=Record))
    return found


class Backups:
    """The copies and the record of one file, in files of mode 0600.

    Args:
        folder: where they are; made if needed.
        path: the file that they are about.
    """

    def __init__(self, folder: Path, path: Path) -> None:
        self._folder = folder
        self._name = f"settings-{digest(os.fsencode(path))[:12]}"
        self._record = folder / f"{self._name}.record"

    def record(self) -> Record | None:
        """Return what is remembered; None: nothing, or nothing that can be read."""
        try:
            return msgspec.json.decode(self._record.read_bytes(), type=Record)
        except (OSError, msgspec.DecodeError):
            return None

    def remember(self, record: Record | None) -> None:
        """Keep a record instead of the one before; None: forget it."""
        try:
            if record is None:
                self._record.unlink(missing_ok=True)
            else:
                self._write(self._record.with_suffix(".partial"), msgspec.json.encode(record)).replace(self._record)
        except OSError as error:
            raise FolderError(self._folder, f"cannot be written: {error.strerror}") from error

    def copy(self, content: bytes) -> Path:
        """Keep a copy, and of the copies the last ten.

        Raises:
            FolderError: it can't be written.
        """
        name = f"{self._name}-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}.json"
        try:
            copy = self._write(self._folder / name, content)
            for old in sorted(self._folder.glob(f"{self._name}-*.json"))[:-_COPIES]:
                old.unlink(missing_ok=True)
        except OSError as error:
            raise FolderError(self._folder, f"cannot be written: {error.strerror}") from error
        return copy

    def _write(self, path: Path, content: bytes) -> Path:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        return path
