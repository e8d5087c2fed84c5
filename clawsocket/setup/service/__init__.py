"""The service as the system runs it: systemd's user manager on Linux, launchd on macOS.

:class:`Manager` is what both can do. A manager only says which files and commands it takes; who carries them out can
also just show them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple, Protocol

from clawsocket.errors import ServiceError

TEMPLATES = files("clawsocket.setup.service") / "templates"
FOLDER = "CLAW_SOCKET_DIR"
"""The variable that names our folder to a service, where it is not the usual one."""
MARK = "`claw-socket install`"
"""What every file that we write says of itself."""
_TRIES = 20
_BETWEEN_TRIES = 0.25
_TIME_LIMIT = 150.0


class Job(NamedTuple):
    """What is to run.

    Attributes:
        program: the command, its first word an absolute path that stays the same over upgrades.
        folder: our own folder, the only one that it may write.
        environment: variables that it needs.
        listen: addresses like ``127.0.0.1:3838`` on which the first connection starts it; empty: every login does.
    """

    program: tuple[str, ...]
    folder: Path
    environment: dict[str, str]
    listen: tuple[str, ...] = ()


class Command(NamedTuple):
    """A command of the system.

    Attributes:
        argv: its words.
        fine: exit codes that are as good as 0.
        again: exit codes after which it is tried again for some seconds.
    """

    argv: tuple[str, ...]
    fine: tuple[int, ...] = ()
    again: tuple[int, ...] = ()

    def run(self) -> None:
        """Run it.

        Raises:
            ServiceError: it failed.
        """
        for last in (*[False] * (_TRIES - 1), True):
            code, said = ask(self.argv)
            if code == 0 or code in self.fine:
                return
            if last or code not in self.again:
                raise ServiceError(f"{' '.join(self.argv)} failed with {code}{': ' if said else ''}{said}")
            time.sleep(_BETWEEN_TRIES)


def ask(argv: Sequence[str]) -> tuple[int, str]:
    """Run a command; return its exit code, 127 if there is no such program, and all that it said, in one line."""
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_TIME_LIMIT, check=False
        )
    except OSError as error:
        return 127, str(error.strerror)
    except subprocess.TimeoutExpired:
        return 124, f"no answer within {_TIME_LIMIT:.0f} s"
    return done.returncode, " ".join((done.stdout + done.stderr).split())


class State(NamedTuple):
    """What the system says of our service.

    Attributes:
        enabled: it starts at login, or with the first connection.
        active: it runs, or waits for the first connection.
        text: in a few words for people.
    """

    enabled: bool
    active: bool
    text: str


class Manager(Protocol):
    """What runs services for this user."""

    name: str

    def check(self) -> None:
        """Look whether it is there.

        Raises:
            NoUserManagerError: it is not.
        """

    def files(self, job: Job) -> dict[Path, str]:
        """Return the files that make ``job`` a service, with their content."""

    def gives(self, job: Job) -> bool:
        """Tell whether the service that is there runs on the folder that ``job`` would."""

    def caveat(self) -> str:
        """Return what is not as good as it could be on this system, in a sentence; empty if all is."""

    def known(self) -> list[Path]:
        """Return where files of ours may be."""

    def is_installed(self) -> bool:
        """Tell whether there is a service of ours, also one that a package brought."""

    def logged(self) -> list[Path]:
        """Return the files that it has our log in; none if it keeps logs itself."""

    def begin(self, job: Job) -> list[Command]:
        """Return what makes it start by itself, and starts it anew with the files as they are now."""

    def end(self) -> list[Command]:
        """Return what stops it and lets it start no more, before its files go."""

    def detach(self) -> list[Command]:
        """Return what lets it start no more, in place of :meth:`end` where the manager does not run."""

    def forget(self) -> list[Command]:
        """Return what is to be done when its files are gone."""

    def start(self) -> list[Command]:
        """Return what starts it."""

    def stop(self) -> list[Command]:
        """Return what stops it until the next login."""

    def restart(self) -> list[Command]:
        """Return what starts it anew."""

    def state(self) -> State:
        """Return how it is."""

    def logs(self, *, follow: bool) -> list[str]:
        """Return the command that shows what it logged."""


def manager() -> Manager:
    """Return the manager of this system."""
    if sys.platform == "darwin":
        from clawsocket.setup.service.launchd import Launchd

        return Launchd(Path.home(), os.getuid())
    from clawsocket.setup.service.systemd import Systemd

    return Systemd()
