"""``claw-socket install``: hooks, token and service, so that it is there at every login."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from clawsocket import config
from clawsocket.cli.arguments import assignment
from clawsocket.cli.carry_out import carry_out
from clawsocket.cli.parsing import Parser, RawHelp
from clawsocket.config import Settings
from clawsocket.errors import AddressError, ClawSocketError, UsageError
from clawsocket.log.viewer import refuse_newer
from clawsocket.paths import Home, absolute
from clawsocket.setup import install
from clawsocket.setup.installed import Installed
from clawsocket.setup.program import programs_of_this
from clawsocket.setup.service import Manager, manager
from clawsocket.setup.settings_file import paths, remembered

_PORTS = 100

EPILOG = """\
What it does: makes the token, puts a copy of it into the system's keyring, writes the hooks into Claude Code's
settings, writes the service for systemd (Linux) or launchd (macOS), starts it, and waits until it answers. What is so
already stays as it is, so it may be run again at any time: after an upgrade it starts the new version. A download in
one file first puts the program into ~/.local/share/claw-socket, and a link to it into ~/.local/bin.

Settings given here are kept in ~/.claw-socket/config.toml, where the service finds them; so are CLAW_SOCKET_... of this
shell. Its CLAUDE_CONFIG_DIR joins the folders that are kept, and the hooks leave a folder that --set claude_dirs=... no
longer names. A port that another program has is replaced by the next free one.

A service of systemd runs while you are logged in, and with `loginctl enable-linger` always.

exit codes: 10 nothing runs services for you here, 11 the service did not start; the others as of claw-socket itself

examples:
  claw-socket install --dry-run          every file as a diff, and every command
  claw-socket install --port 4000
  claw-socket install --no-service       the hooks alone; start claw-socket by yourself
"""


def main(argv: Sequence[str]) -> int:
    """Run ``claw-socket install``; return the exit code.

    Raises:
        UsageError: a wrong flag or value.
        NoUserManagerError: nothing runs services for this user.
        ClawSocketError: something is in the way.
    """
    options = _parser().parse_args(argv)
    home = Home.default()
    runner = manager() if options.service else None
    if runner is not None:
        runner.check()
        install.refuse_other_folder(home, Settings(), runner)
    given = _given(options.set, hooks=options.hooks)
    settings = config.load(given, file=home.config)
    kept = {name: getattr(settings, name) for name in given}
    if folders := _folders(home, settings, given):
        kept["claude_dirs"] = folders
    on_demand = Installed(home).record.on_demand if options.on_demand is None else options.on_demand
    if options.statusline and not settings.hooks:
        raise UsageError("--statusline needs what reads the hooks; leave --no-hooks out, or --set hooks=yes")
    if on_demand and settings.port == 0:
        raise UsageError("--on-demand needs a port, not 0; see claw-socket install --help")
    if runner is not None:
        port = _port(home, settings, runner)
        if port != settings.port:
            print(f"port {settings.port} is another program's; taking {port}")
            kept["port"] = port
    settings = config.load({**given, **kept}, file=home.config)
    programs = programs_of_this()
    if programs is not None:
        refuse_newer(home.log)
        programs.refuse_others()
    wishes = install.Wishes(settings, kept, options.keyring, settings.hooks, options.statusline, on_demand, programs)
    alone = contextlib.nullcontext() if programs is None or options.dry_run else programs.lock(Installed(home))
    with alone, _telling_what_stays(home, dry_run=options.dry_run):
        steps = install.steps(home, wishes, runner)
        carry_out(steps, dry_run=options.dry_run, nothing="Everything is installed already.")
    if not options.dry_run:
        if not settings.hooks:
            print("The hooks are left out (hooks = false in the settings); --set hooks=yes brings them back.")
        print("Undo all of it with: claw-socket uninstall --purge")
    return 0


@contextlib.contextmanager
def _telling_what_stays(home: Home, *, dry_run: bool) -> Iterator[None]:
    """Where it does not come to its end, say what becomes of what was done: hooks, a service that is tried again."""
    try:
        yield
    except (ClawSocketError, KeyboardInterrupt):
        if home.root.exists() and not dry_run:
            print("What is done so far stays: claw-socket install goes on from here, claw-socket uninstall undoes it.")
        raise


def _parser() -> Parser:
    parser = Parser(
        prog="claw-socket install",
        description="Makes claw-socket part of the system: there at every login.",
        epilog=EPILOG,
        formatter_class=RawHelp,
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="change nothing; show every file as a diff, every command"
    )
    for name, metavar, help in (("port", "NUMBER", "port to listen on"), ("host", "ADDRESS", "address to listen on")):
        parser.add_argument(
            f"--{name}", dest="set", action="append", type=partial(_named, name), metavar=metavar, help=help
        )
    parser.add_argument(
        "--set", action="append", type=assignment, metavar="NAME=VALUE", help="a setting, as of claw-socket"
    )
    parser.add_argument("--no-service", dest="service", action="store_false", help="leave the service out")
    parser.add_argument("--no-hooks", dest="hooks", action="store_false", help="leave the hooks out, for good")
    parser.add_argument(
        "--statusline", action="store_true", help="record what your status line is told: context and limits"
    )
    parser.add_argument(
        "--no-keyring", dest="keyring", action="store_false", help="no copy of the token in the keyring"
    )
    when = parser.add_mutually_exclusive_group()
    when.add_argument(
        "--on-demand", action="store_true", default=None, help="start at the first connection (systemd), not at login"
    )
    when.add_argument("--at-login", dest="on_demand", action="store_false", help="start at login (default)")
    return parser


def _named(name: str, text: str) -> tuple[str, str]:
    return name, text


def _given(flags: list[tuple[str, str]] | None, *, hooks: bool) -> dict[str, str]:
    """Return the settings that are to be kept: those of this shell, which the service does not have, and the flags."""
    variables = {name: os.environ.get(f"CLAW_SOCKET_{name.upper()}", "") for name in sorted(config.NAMES)}
    given = {name: value for name, value in variables.items() if value} | dict(flags or [])
    return given if hooks else {**given, "hooks": "false"}


def _folders(home: Home, settings: Settings, given: dict[str, str]) -> tuple[str, ...]:
    """Return Claude Code's folders as they are to be kept: those that are said, with the folder of this shell.

    The service runs elsewhere, so none is relative. A folder of another shell that has our hooks already stays.
    """
    said = tuple(one if one.startswith("~") else str(absolute(one)) for one in settings.claude_dirs)
    shell = os.environ.get("CLAUDE_CONFIG_DIR")
    if not shell or "claude_dirs" in given:
        return said if "claude_dirs" in given else ()
    own = Path.home() / ".claude"
    if not said and paths([own])[0] in remembered(home):
        said = (str(own),)
    known = paths([Path(one).expanduser() for one in said])
    added = absolute(shell)
    return said if paths([added])[0] in known else (*said, str(added))


def _port(home: Home, settings: Settings, runner: Manager) -> int:
    """Return a port that is free, or our running service's: the wanted one, or one of the next.

    Raises:
        FolderInUseError: a claw-socket that is no service runs; the service could not start beside it.
        AddressError: none is free, or the address is not ours.
    """
    from clawsocket.server.listen import TakenError, listen

    wanted = settings.port
    if runner.state().active:
        if wanted == config.load({}, file=home.config).port or _ends(home.endpoint, wanted):
            return wanted
    elif home.root.exists():
        with home.lock():
            pass
    for port in range(wanted, min(wanted + _PORTS, 65536)):
        try:
            for sock in listen(settings.host, port):
                sock.close()
        except TakenError:
            continue
        return port
    raise AddressError(settings.host, wanted, f"it and the next {_PORTS} are other programs'; choose one with --port")


def _ends(endpoint: Path, port: int) -> bool:
    try:
        return f":{port}/" in endpoint.read_text("utf-8")
    except OSError:
        return False
