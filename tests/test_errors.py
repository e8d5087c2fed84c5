"""Every error is one clear line, and ends the command line with a code."""

from __future__ import annotations

from pathlib import Path

import pytest

from clawsocket import errors
from clawsocket.errors import EXIT_CODES, ClawSocketError, SettingError, UsageError, exit_code

SETTINGS = Path("/h/.claude/settings.json")

LINES: list[tuple[ClawSocketError, str, int]] = [
    (SettingError("port", "'x' is wrong", "--port"), "--port: 'x' is wrong", 1),
    (SettingError("linger", "'x' is wrong", "--set linger"), "--set linger: 'x' is wrong", 1),
    (
        SettingError("port", "'x' is wrong", "CLAW_SOCKET_PORT"),
        "CLAW_SOCKET_PORT: 'x' is wrong",
        1,
    ),
    (SettingError("port", "'x' is wrong", "/h/config.toml"), "/h/config.toml: port: 'x' is wrong", 1),
    (
        SettingError("auth", "'x' is wrong", "/h/auth/config.toml"),
        "/h/auth/config.toml: auth: 'x' is wrong",
        1,
    ),
    (
        errors.PortTakenError("localhost", 3838, "claw-socket 0.1.0, pid 12"),
        "port 3838 on localhost is taken by claw-socket 0.1.0, pid 12; stop it, or choose another with --port",
        3,
    ),
    (
        errors.AddressError("1.2.3.4", 80, "Permission denied"),
        "cannot listen on 1.2.3.4 port 80: Permission denied",
        4,
    ),
    (errors.FolderError(Path("/h"), "cannot be made"), "/h: cannot be made", 5),
    (
        errors.SettingsFileError(SETTINGS, "is not JSON"),
        f"{SETTINGS}: is not JSON; the file was not changed",
        6,
    ),
    (
        errors.FolderInUseError(Path("/h"), "pid 5"),
        "/h is in use by pid 5; stop it, or set CLAW_SOCKET_DIR to another folder",
        7,
    ),
    (errors.StoreError(Path("/h/log.db"), "disk is full"), "/h/log.db: disk is full", 8),
    (errors.StoreDamagedError(Path("/h/log.db"), "is no database"), "/h/log.db: is no database", 8),
    (errors.StoreRefusedError(Path("/h"), "is on NFS"), "/h: is on NFS", 8),
    (
        errors.StoreTooNewError(Path("/h/log.db"), 3, 2),
        "/h/log.db: was written by a newer claw-socket (schema 3, this one knows 2); upgrade, or move it away",
        8,
    ),
    (errors.ProgramError("it is not ours", "remove it"), "it is not ours; remove it", 9),
    (errors.KeyringError("the keyring is locked"), "the keyring is locked", 12),
    (
        errors.NoUserManagerError("no systemd of yours runs", "log in"),
        "no systemd of yours runs; log in, or leave the service out with --no-service",
        10,
    ),
    (errors.ServiceError("it did not start"), "it did not start; claw-socket logs tells more", 11),
    (
        errors.NoServerError("/h/socket", "no"),
        "the service does not answer (/h/socket: no); start it with: claw-socket start, or in a terminal: claw-socket",
        13,
    ),
    (
        errors.TokenRefusedError("ws://localhost:3838/", "from /h/token"),
        "ws://localhost:3838/ refuses the token (from /h/token); the right one is in its owner's ~/.claw-socket/token",
        14,
    ),
    (errors.ClientClosedError(), "the client is closed", 1),
    (errors.InvalidHookError("invalid JSON"), "invalid JSON", 1),
    (errors.RequestError("limit_exceeded", "too many"), "too many", 1),
    (errors.RequestError("limit_exceeded"), "limit_exceeded", 1),
]


@pytest.mark.parametrize(("error", "line", "code"), LINES, ids=lambda value: type(value).__name__)
def test_an_error_is_one_line_and_has_an_exit_code(error: ClawSocketError, line: str, code: int) -> None:
    assert str(error) == line
    assert exit_code(error) == code


def test_every_error_is_shown_here() -> None:
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ClawSocketError)}
    assert kinds - {type(error) for error, _, _ in LINES} == {ClawSocketError, UsageError}


def test_errors_carry_their_facts() -> None:
    setting = SettingError("port", "'x' is wrong", "--port")
    assert (setting.name, setting.problem, setting.where) == ("port", "'x' is wrong", "--port")
    taken = errors.PortTakenError("localhost", 3838, "somebody")
    assert (taken.host, taken.port, taken.owner) == ("localhost", 3838, "somebody")
    request = errors.RequestError("rate_limited", "slow down")
    assert (request.code, request.message) == ("rate_limited", "slow down")


def test_every_failure_has_an_exit_code_of_its_own() -> None:
    assert len(EXIT_CODES) == len({0, 1, *EXIT_CODES.values()}) - 2
