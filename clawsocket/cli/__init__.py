"""The command line. Nothing heavy is imported before it is known what is asked for."""

from __future__ import annotations

import codecs
import errno
import importlib
import io
import os
import sys
from collections.abc import Sequence

from clawsocket import __version__
from clawsocket.cli.arguments import PLACE, parse
from clawsocket.errors import EXIT_CODES, ClawSocketError, FolderError, exit_code

COMMANDS = {
    "install": ("clawsocket.cli.install", "Make it part of the system: service, hooks, token; there at every login"),
    "uninstall": ("clawsocket.cli.uninstall", "Remove all that again; --purge leaves no trace"),
    "upgrade": ("clawsocket.cli.upgrade", "Put another version in place of this one, without losing an event"),
    "downgrade": ("clawsocket.cli.upgrade:down", "Put the version before the last upgrade back"),
    "start": ("clawsocket.cli.control:start", "Start the installed service"),
    "stop": ("clawsocket.cli.control:stop", "Stop it until the next login"),
    "restart": ("clawsocket.cli.control:restart", "Start it anew"),
    "logs": ("clawsocket.cli.control:logs", "Show what it logged; -f goes on with what comes"),
    "doctor": ("clawsocket.cli.doctor", "Look for what is wrong, say how to mend it, and mend what is safe"),
    "history": ("clawsocket.cli.history", "List sessions of the past, show, export or forget them"),
    "status": ("clawsocket.cli.status", "Show whether the service runs, where, and what it sees"),
    "token": ("clawsocket.cli.token", "Show or replace the token; keep a copy in the system's keyring"),
    "line": ("clawsocket.cli.line", "Print one line on all sessions whenever it changes, for a status bar"),
    "open": ("clawsocket.cli.open", "Open the dashboard in the browser"),
    "ps": ("clawsocket.cli.ps", "Show the sessions and agents as they are, or as they change"),
    "tail": ("clawsocket.cli.tail", "Show events as they happen, one line each"),
    "usage": ("clawsocket.cli.usage", "Show what was used and what it cost, by day, project, model or session"),
    "completion": ("clawsocket.cli.completion", "Print what bash, zsh or fish complete this command line by"),
    "wait": ("clawsocket.cli.wait", "Wait until a session needs you, is idle, or has ended"),
    "watch": ("clawsocket.cli.watch", "Fill the terminal with sessions, agents and tool calls, live"),
    "waybar": ("clawsocket.cli.bars:waybar", "Print all sessions as Waybar wants it, whenever they change"),
    "xbar": ("clawsocket.cli.bars:xbar", "Print all sessions as a menu for SwiftBar or xbar, whenever they change"),
}
"""The commands: each with its module, whose ``main(argv)``, or the function named after a colon, runs it and returns
the exit code, and a line of help."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments after the program's name; the process's own by default.

    Returns:
        The exit code: 0 fine, 1 a wrong flag or value, others as ``--help`` says.
    """
    _open_streams()
    try:
        try:
            return _command(sys.argv[1:] if argv is None else argv)
        finally:
            sys.stdout.flush()  # what can't be written is known here, and not only when Python ends
    except ClawSocketError as error:
        from clawsocket.cli.look import clean

        print(f"claw-socket: {clean(str(error))}", file=sys.stderr)
        return exit_code(error)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        _forget_output()
        return 141
    except OSError as error:
        if isinstance(error, PermissionError):  # of whatever is looked at first in a folder that sudo made
            code = EXIT_CODES[FolderError]
        elif error.errno in (errno.ENOSPC, errno.EDQUOT):
            _forget_output()
            code = 1
        else:
            raise
        print(f"claw-socket: {f'{error.filename}: ' if error.filename else ''}{error.strerror}", file=sys.stderr)
        return code


def _forget_output() -> None:
    """See that what is left unwritten troubles nobody when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _open_streams() -> None:
    """Take nothing for what is closed, and write as JSON has it what the terminal does not have."""
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: SIM115 - it stays open
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        codecs.register_error("as JSON", _as_json)
        sys.stdout.reconfigure(errors="as JSON")


def _as_json(error: UnicodeError) -> tuple[str, int]:
    """Return a character that can't be encoded as it may stand in JSON, which so says the same."""
    import json

    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def _command(argv: Sequence[str]) -> int:
    if argv and argv[0] in COMMANDS:
        module, _, function = COMMANDS[argv[0]][0].partition(":")
        return int(getattr(importlib.import_module(module), function or "main")(argv[1:]))
    options = parse(argv)
    if options.show is not None:
        from clawsocket.cli.look import Look, folded

        print(folded(options.show.replace(PLACE, _commands()), Look.of(sys.stdout).width), end="")
        return 0
    return _run(options.action, options.given)


def _commands() -> str:
    lines = [f"  {name:<20} {help}\n" for name, (_, help) in COMMANDS.items()]
    return f"Commands (claw-socket <command> --help tells more):\n{''.join(lines)}"


def _run(action: str, given: dict[str, str]) -> int:
    from clawsocket import config
    from clawsocket.paths import Home

    home = Home.default()
    settings = config.load(given, file=home.config)
    if action == "serve":
        from clawsocket.cli.serve import serve

        return serve(settings, home)
    if action == "rotate":
        from clawsocket.cli.token import rotate

        return rotate(home)
    from clawsocket.cli.hooks import change

    return change(action, settings, home)


__all__ = ["__version__", "main"]
