"""The log's database, read by another process while the service writes it. Nothing is made, migrated or changed."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from clawsocket.errors import StoreError, StoreTooNewError
from clawsocket.log.database import errors_of
from clawsocket.log.schema import MIGRATIONS
from clawsocket.log.store import Reading


def refuse_newer(path: Path) -> None:
    """See that this version could use a log, before anything rests on it.

    Raises:
        StoreTooNewError: a newer version of this program wrote it.
    """
    try:
        Viewer(path).close()
    except StoreTooNewError:
        raise
    except StoreError:  # there is none, or one that is for others to judge
        return


def schema_of(path: Path) -> int:
    """Return the version of a log's schema; 0: there is none, or it can't be read."""
    if not path.exists():
        return 0
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as db:
            return int(db.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.Error:
        return 0


class Viewer(Reading):
    """A database that somebody else may be writing."""

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            StoreTooNewError: a newer version of this program wrote it.
            StoreError: there is none, or it can't be read.
        """
        if not path.exists():
            raise StoreError(path, "there is no log yet; start claw-socket, and use Claude Code")
        with errors_of(path):
            db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)
            version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > len(MIGRATIONS):
            db.close()
            raise StoreTooNewError(path, version, len(MIGRATIONS))
        if version < len(MIGRATIONS):
            db.close()
            raise StoreError(path, "was written by an older claw-socket; start this one, which brings it up to date")
        super().__init__(path, db)

    def close(self) -> None:
        """Close it."""
        self._reader.close()
