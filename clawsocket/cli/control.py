"""``claw-socket start``, ``stop``, ``restart`` and ``logs``: the installed service."""

from __future__ import annotations

import os
from collections.abc import Sequence

from clawsocket.cli.parsing import Parser
from clawsocket.errors import ServiceError
from clawsocket.setup.service import Manager, manager


def start(argv: Sequence[str]) -> int:
    """Run ``claw-socket start``; return the exit code."""
    Parser(prog="claw-socket start", description="Starts the installed service.").parse_args(argv)
    found = _installed()
    for command in found.start():
        command.run()
    return 0


def stop(argv: Sequence[str]) -> int:
    """Run ``claw-socket stop``; return the exit code."""
    Parser(prog="claw-socket stop", description="Stops the service until the next login.").parse_args(argv)
    for command in _installed().stop():
        command.run()
    return 0


def restart(argv: Sequence[str]) -> int:
    """Run ``claw-socket restart``; return the exit code."""
    Parser(prog="claw-socket restart", description="Starts the service anew; clients resume.").parse_args(argv)
    for command in _installed().restart():
        command.run()
    return 0


def logs(argv: Sequence[str]) -> int:
    """Run ``claw-socket logs``: from then on this process is what shows them.

    Raises:
        ServiceError: there is no such program.
    """
    parser = Parser(prog="claw-socket logs", description="Shows what the service logged.")
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what comes")
    options = parser.parse_args(argv)
    command = _installed().logs(follow=options.follow)
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell is wanted
    except OSError as error:
        raise ServiceError(f"{command[0]}: {error.strerror}", "install it") from None


def _installed() -> Manager:
    found = manager()
    if not found.is_installed():
        raise ServiceError("the service is not installed", "run: claw-socket install")
    found.check()
    return found
