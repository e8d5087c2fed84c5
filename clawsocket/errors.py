"""The one exception tree.

Every error that a person or a client can meet is a :class:`ClawSocketError`. It carries its facts as fields, so that
the place that reports it decides on the words for its reader; one table says with which code the command line ends.
"""

from __future__ import annotations

from pathlib import Path


class ClawSocketError(Exception):
    """Base of every error of this program. ``str(error)`` is one clear line that says what to do."""


class UsageError(ClawSocketError):
    """A flag, variable or value on the command line is wrong."""


class SettingError(UsageError):
    """A setting has a wrong name or value.

    Args:
        name: the setting as the user wrote it.
        problem: what is wrong with it, as a clause.
        where: where it came from (``--set``, a variable, a file).
    """

    def __init__(self, name: str, problem: str, where: str) -> None:
        named = where.lower().endswith((f" {name}", f"-{name}", f"_{name}", f"/{name}"))
        super().__init__(f"{where}: {problem}" if named else f"{where}: {name}: {problem}")
        self.name, self.problem, self.where = name, problem, where


class PortTakenError(ClawSocketError):
    """Another program listens on the port.

    Args:
        host: the address asked for.
        port: the port asked for.
        owner: who has it, as far as can be known ("claw-socket 0.1.0, pid 12", "another program").
    """

    def __init__(self, host: str, port: int, owner: str) -> None:
        super().__init__(f"port {port} on {host} is taken by {owner}; stop it, or choose another with --port")
        self.host, self.port, self.owner = host, port, owner


class AddressError(ClawSocketError):
    """The address can't be bound: not one of this machine's, or not allowed."""

    def __init__(self, host: str, port: int, problem: str) -> None:
        super().__init__(f"cannot listen on {host} port {port}: {problem}")
        self.host, self.port, self.problem = host, port, problem


class FolderError(ClawSocketError):
    """A folder or file of ours can't be read or written."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path, self.problem = path, problem


class FolderInUseError(ClawSocketError):
    """Another server runs on our folder.

    Args:
        path: the folder.
        owner: what is known of the other server.
    """

    def __init__(self, path: Path, owner: str) -> None:
        super().__init__(f"{path} is in use by {owner}; stop it, or set CLAW_SOCKET_DIR to another folder")
        self.path, self.owner = path, owner


class StoreError(ClawSocketError):
    """The log's database can't be used: the service goes on from memory, where it can.

    Args:
        path: the database, or its folder.
        problem: what is wrong with it, as a clause.
    """

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path, self.problem = path, problem


class StoreDamagedError(StoreError):
    """It is damaged, or was taken away: it is set aside for a new one."""


class StoreRefusedError(StoreError):
    """It must not be used as it is, and nothing was changed: the service does not start."""


class StoreTooNewError(StoreRefusedError):
    """A newer version of this program wrote it, and it was left as it is.

    Args:
        path: the database.
        found: the version of its schema.
        known: the newest version that this program knows.
    """

    def __init__(self, path: Path, found: int, known: int) -> None:
        problem = (
            f"was written by a newer claw-socket (schema {found}, this one knows {known}); upgrade, or move it away"
        )
        super().__init__(path, problem)
        self.found, self.known = found, known


class SettingsFileError(ClawSocketError):
    """Claude Code's settings.json can't be edited safely; it was left as it is."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}; the file was not changed")
        self.path, self.problem = path, problem


class NoUserManagerError(ClawSocketError):
    """Nothing runs this user's services here: no systemd of theirs, or on macOS no login at the screen.

    Args:
        problem: what was found, as a clause.
        mend: what helps.
    """

    def __init__(self, problem: str, mend: str) -> None:
        super().__init__(f"{problem}; {mend}, or leave the service out with --no-service")
        self.problem, self.mend = problem, mend


class ServiceError(ClawSocketError):
    """The system did not do what was asked for with our service.

    Args:
        problem: what was asked for and what came of it, as a clause.
        mend: what helps.
    """

    def __init__(self, problem: str, mend: str = "claw-socket logs tells more") -> None:
        super().__init__(f"{problem}; {mend}")
        self.problem, self.mend = problem, mend


class ProgramError(ClawSocketError):
    """A version of this program can't be put in place of another; nothing was changed.

    Args:
        problem: what is in the way, as a clause.
        mend: what helps.
    """

    def __init__(self, problem: str, mend: str) -> None:
        super().__init__(f"{problem}; {mend}")
        self.problem, self.mend = problem, mend


class KeyringError(ClawSocketError):
    """The keyring of the system did not do what was asked of it. ``str(error)`` says why, as a sentence."""


class InvalidHookError(ClawSocketError):
    """A hook body is not JSON, or not a hook payload.

    Args:
        code: the documented answer, ``invalid JSON`` or ``invalid hook payload``.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class RequestError(ClawSocketError):
    """A client's message gets an error reply.

    Args:
        code: one of the documented codes.
        message: a sentence for people, without anything internal.
    """

    def __init__(self, code: str, message: str | None = None) -> None:
        super().__init__(message or code)
        self.code, self.message = code, message


class NoServerError(ClawSocketError):
    """No claw-socket answers a client.

    Args:
        where: the address that was tried, or the folder in which none was found.
        problem: what came of it, as a clause.
    """

    def __init__(self, where: str, problem: str) -> None:
        start = "start it with: claw-socket start, or in a terminal: claw-socket"
        super().__init__(f"the service does not answer ({where}: {problem}); {start}")
        self.where, self.problem = where, problem


class TokenRefusedError(ClawSocketError):
    """The server does not take a client's token.

    Args:
        where: the server's address.
        origin: where the token came from; the token itself is in no error.
    """

    def __init__(self, where: str, origin: str) -> None:
        super().__init__(f"{where} refuses the token ({origin}); the right one is in its owner's ~/.claw-socket/token")
        self.where, self.origin = where, origin


class ClientClosedError(ClawSocketError):
    """A client was closed before it got its answer, or before it was asked."""

    def __init__(self) -> None:
        super().__init__("the client is closed")


EXIT_CODES: dict[type[ClawSocketError], int] = {
    PortTakenError: 3,
    AddressError: 4,
    FolderError: 5,
    SettingsFileError: 6,
    FolderInUseError: 7,
    StoreError: 8,
    ProgramError: 9,
    NoUserManagerError: 10,
    ServiceError: 11,
    KeyringError: 12,
    NoServerError: 13,
    TokenRefusedError: 14,
}
"""How the command line ends; with 1 for an error that is not here."""


def exit_code(error: ClawSocketError) -> int:
    """Return how the command line ends with an error; the nearest class in the table decides."""
    return next((EXIT_CODES[kind] for kind in type(error).__mro__ if kind in EXIT_CODES), 1)
