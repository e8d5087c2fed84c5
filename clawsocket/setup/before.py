"""What is there before another version takes over, so that it can be there again if that fails."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from clawsocket.errors import FolderError
from clawsocket.paths import Home
from clawsocket.setup.install import wait_until_it_answers
from clawsocket.setup.installed import Installed, text_of
from clawsocket.setup.program import Programs, gone
from clawsocket.setup.service import Job, Manager

_PATIENCE = 15.0
"""Seconds for a service that was stopped to leave our folder: some managers only send a signal."""


class Before:
    """The link to the program, the files of the service, and the log, as they are when this is made.

    Args:
        home: our folder.
        programs: the versions below the user's home.
        manager: what runs services; None: there is no service.
        job: what the service is to be; started anew, it waits for the first connection or does not, as that does.
        aside: what the log is to be called from now on; None: it stays.
    """

    def __init__(
        self, home: Home, programs: Programs, manager: Manager | None, job: Job, *, aside: Path | None
    ) -> None:
        self._home, self._programs, self._manager, self._job, self._aside = home, programs, manager, job, aside
        self._program, self._link = programs.proven(), programs.current()
        self._files = {path: text_of(path) for path in manager.known()} if manager is not None else {}
        record = Installed(home).record
        self._written, self._running = dict(record.files), record.running

    @property
    def name(self) -> str:
        """What it is called: a version, where it is one below the user's home."""
        return self._program.name if self._program is not None else "what was there"

    def is_there(self) -> bool:
        """Tell whether all of it is as it was, and nothing had to be stopped for the log."""
        return (
            self._aside is None
            and self._programs.current() == self._link
            and all(text_of(path) == text for path, text in self._files.items())
        )

    def put_back(self) -> None:
        """Make it as it was, and start the service anew.

        Raises:
            ClawSocketError: it can't be done, or the service does not answer.
        """
        self._put_files_back()
        if self._aside is not None:
            for command in self._manager.stop() if self._manager is not None else []:
                command.run()
            put_log_back(self._home, self._aside)
        self._programs.put_back(self._program)
        if self._manager is not None:
            for command in self._manager.begin(self._job):
                command.run()
            wait_until_it_answers(self._home, self._job, self._manager, version=None)
        self._programs.keep(None)

    def _put_files_back(self) -> None:
        installed = Installed(self._home)
        for path, text in self._files.items():
            if text is not None:
                installed.write(path, text)
            elif path.exists():
                gone(path)
        installed.record.files, installed.record.running = self._written, self._running
        installed.save()


def aside_of(log: Path) -> Path:
    """Return what a log that a newer version has written is called when it is set aside."""
    return log.with_name(f"{log.name}.newer-{time.strftime('%Y%m%dT%H%M%S')}-{secrets.token_hex(2)}")


def set_log_aside(home: Home, aside: Path) -> None:
    """Rename the log, and its journal with it, as soon as nobody uses it.

    Raises:
        FolderInUseError: somebody goes on using it.
        FolderError: it can't be renamed.
    """
    with home.lock(patience=_PATIENCE):
        _rename(home.log, aside)


def put_log_back(home: Home, aside: Path) -> None:
    """Undo :func:`set_log_aside`, as far as that came; a log that was begun meanwhile is set aside in its turn.

    Raises:
        FolderInUseError, FolderError: as for that.
    """
    if not list(home.root.glob(f"{aside.name}*")):
        return
    with home.lock(patience=_PATIENCE):
        if aside.exists():
            _rename(home.log, aside_of(home.log))
        _rename(aside, home.log)


def _rename(log: Path, to: Path) -> None:
    try:
        for end in ("-wal", "-shm", ""):
            part = log.with_name(log.name + end)
            if part.exists():
                part.rename(to.with_name(to.name + end))
    except OSError as error:
        raise FolderError(log, f"cannot be renamed: {error.strerror}") from error
