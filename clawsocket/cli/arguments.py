"""The flags: those of the original to the letter, and ``--set`` for every setting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from clawsocket import __version__
from clawsocket.errors import UsageError

PLACE = "{commands}\n"
"""Where the commands go in the help."""

HELP = """\
Usage: claw-socket [options]
       claw-socket <command> [options]

Serves every Claude Code session of this user, live, on ws://localhost:3838.

{commands}

Options:
  --port <number>      Port for WebSocket and HTTP (default: 3838, env: CLAW_SOCKET_PORT)
  --host <string>      Address to listen on (default: localhost, env: CLAW_SOCKET_HOST)
  --verbose            Log more
  --no-hooks           Don't install the hooks, and don't read what they wrote
  --no-auth            Let every program of this machine connect without the token
  --rotate-token       Make a new token and exit; a running server takes it at once
  --install-hooks      Install the hooks in Claude Code's settings and exit
  --uninstall-hooks    Remove them and exit
  --install-statusline
                       Record what Claude Code tells its status line, which stays as it is, and exit
  --uninstall-statusline
                       Stop that, put the status line back as it was, and exit
  --set <name=value>   Change a setting, listed below; may be repeated
  --help               Show this help
  --version            Show the version

The token that clients need is in ~/.claw-socket/token.

Exit codes: 0 fine, 1 a wrong flag or value, 3 the port is taken, 4 the address can't be used, 5 a folder can't
be used, 6 Claude Code's settings can't be edited safely, 7 another server uses the folder, 8 the log can't be used,
9 another version can't take over, 10 nothing runs services for you here, 11 the service did not do what was asked
for, 12 the keyring can't, 13 the service does not answer, 14 it refuses the token, 130 Ctrl-C, 141 nobody reads.

Settings (--set name=value, CLAW_SOCKET_NAME, or name = value in ~/.claw-socket/config.toml; lists with commas):
"""

_VALUES = {"--port": "port", "--host": "host"}
_SWITCHES = {"--verbose": ("verbose", "true"), "--no-hooks": ("hooks", "false"), "--no-auth": ("auth", "false")}
_ACTIONS = {
    "--rotate-token": "rotate",
    "--install-hooks": "install",
    "--uninstall-hooks": "uninstall",
    "--install-statusline": "install statusline",
    "--uninstall-statusline": "uninstall statusline",
}


class Options(NamedTuple):
    """What the command line asks for.

    Attributes:
        action: ``serve``, ``rotate``, ``install``, ``uninstall``, ``install statusline`` or ``uninstall statusline``.
        given: settings by name, as text.
        show: a text to print instead; None for none.
    """

    action: str
    given: dict[str, str]
    show: str | None = None


def parse(argv: Sequence[str]) -> Options:
    """Return what the arguments ask for.

    Raises:
        UsageError: a flag that is not known, or lacks its value.
    """
    action, given = "serve", dict[str, str]()
    rest = list(argv)
    while rest:
        flag, equals, inline = rest.pop(0).partition("=")
        if flag in ("--help", "-h"):
            return Options(action, given, help_text())
        if flag == "--version":
            return Options(action, given, f"{__version__}\n")
        if flag in _ACTIONS and not equals:
            action = _ACTIONS[flag]
        elif flag in _SWITCHES and not equals:
            name, value = _SWITCHES[flag]
            given[name] = value
        elif flag in _VALUES or flag == "--set":
            value = inline if equals else rest.pop(0) if rest else ""
            if not value:
                raise UsageError(f"{flag} needs a value; see claw-socket --help")
            name, value = (_VALUES[flag], value) if flag in _VALUES else assignment(value)
            given[name] = value
        elif flag in _ACTIONS or flag in _SWITCHES:
            raise UsageError(f"{flag} takes no value; see claw-socket --help")
        elif flag.startswith("-"):
            raise UsageError(f"unknown option {flag}; see claw-socket --help")
        else:
            raise UsageError(f"{flag} is no command, or one that does not come first; see claw-socket --help")
    return Options(action, given)


def assignment(text: str) -> tuple[str, str]:
    """Return the name and the value of a ``name=value``.

    Raises:
        UsageError: it is none.
    """
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"--set wants name=value, not {text!r}; see claw-socket --help")
    return name.strip().replace("-", "_"), value.strip()


def help_text() -> str:
    """Return the help, every setting with its default included."""
    from clawsocket.config import rows

    lines = [HELP]
    for row in rows():
        default = ",".join(row.default) if isinstance(row.default, tuple) else str(row.default).lower()
        unit = f" {row.unit}" if row.unit in ("s", "bytes") else ""
        lines.append(f"  {row.name:<28} {row.help} [{default or 'none'}{unit}]\n")
    return "".join(lines)
