"""``claw-socket uninstall``: everything as it was before."""

from __future__ import annotations

from collections.abc import Sequence

from clawsocket import config
from clawsocket.cli.carry_out import carry_out
from clawsocket.cli.parsing import Parser, RawHelp
from clawsocket.config import Settings
from clawsocket.errors import NoUserManagerError, SettingError
from clawsocket.paths import Home
from clawsocket.setup import uninstall
from clawsocket.setup.install import refuse_other_folder
from clawsocket.setup.service import Manager, manager

EPILOG = """\
It stops and removes the service, and takes the hooks out of Claude Code's settings. The token, the log and the settings
stay for the next time; --purge removes them too. What you have changed by hand since is shown, and stays.

examples:
  claw-socket uninstall --dry-run
  claw-socket uninstall --purge
"""


def main(argv: Sequence[str]) -> int:
    """Run ``claw-socket uninstall``; return the exit code.

    Raises:
        UsageError: a wrong flag.
        ClawSocketError: something is in the way.
    """
    parser = Parser(
        prog="claw-socket uninstall",
        description="Removes the service and the hooks.",
        epilog=EPILOG,
        formatter_class=RawHelp,
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="change nothing; show every file as a diff, every command"
    )
    parser.add_argument(
        "--purge", action="store_true", help="also the token, its copy in the keyring, log and settings"
    )
    options = parser.parse_args(argv)
    home = Home.default()
    settings = _settings(home)
    found = manager()
    refuse_other_folder(home, settings, found)
    steps = uninstall.steps(home, settings, found, running=_runs(found), purge=options.purge)
    carry_out(steps, dry_run=options.dry_run, nothing="There is nothing of claw-socket here.")
    return 0


def _settings(home: Home) -> Settings:
    """Return the settings; the defaults will do where there is a mistake in them: what was done is remembered."""
    try:
        settings = config.load({}, file=home.config)
        config.claude_dirs(settings)
    except SettingError as error:
        print(f"the settings are left aside: {error}")
        return Settings()
    return settings


def _runs(found: Manager) -> bool:
    """Tell whether something runs services for this user; if not, nothing of ours runs."""
    try:
        found.check()
    except NoUserManagerError as error:
        print(f"no service is stopped: {error.problem}")
        return False
    return True
