"""Where things are: our own folder, and the folders of Claude Code."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from clawsocket.errors import FolderError, FolderInUseError

_BETWEEN_TRIES = 0.05


def write_private(path: Path, text: str) -> None:
    """Write a file with mode 0600, atomically.

    Raises:
        FolderError: it can't be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise FolderError(path, f"cannot be written: {error.strerror}") from error


def absolute(path: str | Path) -> Path:
    """Return a path from the root, without ``..``; links in it stay, as they may lead elsewhere tomorrow."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - Path.resolve() follows links, Path.absolute() leaves ``..``


def claude_dir(environ: Mapping[str, str] | None = None) -> Path:
    """Return Claude Code's folder: ``$CLAUDE_CONFIG_DIR``, or ``~/.claude``."""
    environ = os.environ if environ is None else environ
    return Path(environ.get("CLAUDE_CONFIG_DIR") or Path.home() / ".claude")


@dataclass(frozen=True, slots=True)
class Home:
    """Our own folder (0700) and what is in it."""

    root: Path

    @classmethod
    def default(cls) -> Home:
        """Return ``$CLAW_SOCKET_DIR``, or ``~/.claw-socket``."""
        return cls(Path(os.environ.get("CLAW_SOCKET_DIR") or Path.home() / ".claw-socket"))

    @property
    def token(self) -> Path:
        """The auth token, 0600."""
        return self.root / "token"

    @property
    def spool(self) -> Path:
        """Where hooks put their payloads, one file each."""
        return self.root / "spool"

    @property
    def hook(self) -> Path:
        """The script that the hooks run, 0600."""
        return self.root / "hook"

    @property
    def log(self) -> Path:
        """The log's database, 0600."""
        return self.root / "log.db"

    def logs_aside(self, why: str = "*") -> list[Path]:
        """Return the files of logs that were set aside: ``damaged`` ones, those of a ``newer`` version, or all."""
        return sorted(self.root.glob(f"{self.log.name}.{why}-*"))

    @property
    def missed(self) -> Path:
        """A mark that the log misses what a run without it took; empty."""
        return self.root / "log.db-missed"

    @property
    def purge(self) -> Path:
        """A request to the running service to forget sessions, JSON."""
        return self.root / "purge"

    @property
    def prices(self) -> Path:
        """The user's own prices of models, JSON."""
        return self.root / "prices.json"

    @property
    def usage(self) -> Path:
        """What the transcripts say of usage, kept so that they need not be read again; 0600."""
        return self.root / "usage.db"

    @property
    def socket(self) -> Path:
        """The Unix socket, 0600: its owner needs no token."""
        return self.root / "socket"

    @property
    def endpoint(self) -> Path:
        """Where the running server is, 0600, JSON."""
        return self.root / "endpoint"

    @property
    def signed_out(self) -> Path:
        """Which pages were signed out before their time, 0600, JSON."""
        return self.root / "signed-out"

    @property
    def config(self) -> Path:
        """The user's settings, TOML."""
        return self.root / "config.toml"

    @property
    def backups(self) -> Path:
        """Copies of files that we edited."""
        return self.root / "backups"

    @property
    def installed(self) -> Path:
        """What ``claw-socket install`` wrote where, so that it can be undone; JSON."""
        return self.root / "installed.json"

    @contextlib.contextmanager
    def lock(self, *, patience: float = 0.0) -> Iterator[None]:
        """Claim the folder for one server, until the context ends or the process does.

        The folder itself is locked, which writes nothing: it may be on a disk that is read-only.

        Args:
            patience: seconds for a server that has it to leave it.

        Raises:
            FolderInUseError: another server has it.
            FolderError: it can't be locked.
        """
        try:
            descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise FolderError(self.root, f"cannot be opened: {error.strerror}") from error
        try:
            self._claim(descriptor, time.monotonic() + patience)
            yield
        finally:
            os.close(descriptor)

    def _claim(self, descriptor: int, end: float) -> None:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() >= end:
                    raise FolderInUseError(self.root, self._running()) from None
            except OSError as error:
                raise FolderError(self.root, f"cannot be locked: {error.strerror}") from error
            time.sleep(_BETWEEN_TRIES)

    def _running(self) -> str:
        try:
            found = json.loads(self.endpoint.read_bytes())
            return f"claw-socket {found['version']}, pid {found['pid']}, on {found['url']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "another claw-socket"

    def create(self) -> None:
        """Make the folder and the spool, readable by their owner alone.

        Raises:
            FolderError: it can't be made, or is somebody else's.
        """
        for folder in (self.root, self.spool):
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                status = folder.stat()
                if status.st_uid != os.getuid():
                    raise FolderError(folder, "belongs to another user")
                if status.st_mode & 0o077:
                    folder.chmod(0o700)
            except OSError as error:
                if folder == self.spool and error.errno == errno.EROFS:
                    return  # the service is useful without
                raise FolderError(folder, f"cannot be made: {error.strerror}") from error
