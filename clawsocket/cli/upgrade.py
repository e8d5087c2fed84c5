"""``claw-socket upgrade`` and ``downgrade``: another version in place of this one, without losing an event.

Whichever version is to take over does that itself (``upgrade --take-over``): it alone knows what it can use, and what
it needs. This one hands over to it, and goes on if it refuses.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from clawsocket import __version__, config
from clawsocket.cli import skew
from clawsocket.cli.carry_out import carry_out
from clawsocket.cli.parsing import Parser, RawHelp
from clawsocket.config import Settings
from clawsocket.errors import ClawSocketError, FolderError, ProgramError, ServiceError, StoreTooNewError, UsageError
from clawsocket.log.viewer import refuse_newer
from clawsocket.paths import Home
from clawsocket.setup import download, install
from clawsocket.setup.installed import Installed
from clawsocket.setup.program import NAME, Programs, is_one_file
from clawsocket.setup.service import Manager, manager
from clawsocket.setup.steps import Step

EPILOG = """\
FILE is a download: the program in one file, or a .tar.gz of its folder. Its SHA-256 is checked against --sha256, or
against SHA256SUMS beside it. Without FILE, a download that is run takes over itself, or else the newer version that
was there before claw-socket downgrade.

The new version looks first whether it can use the settings and the log, puts itself into ~/.local/share/claw-socket,
brings hooks and service up to date, and starts the service anew. Hooks wait meanwhile, and clients that resume miss
nothing. If it does not answer, the version before is put back. That one is kept for claw-socket downgrade.

What came as a package is upgraded as one; then claw-socket install starts the new version:
  uv tool upgrade claw-socket && claw-socket install
  sudo apt install ./claw-socket_0.2.0_amd64.deb && claw-socket install

exit codes: 9 it can't take over, and nothing was changed; 11 it did not start; the others as of claw-socket itself

examples:
  claw-socket upgrade claw-socket-0.2.0-linux-x86_64.tar.gz
  ./claw-socket-0.2.0-linux-x86_64 upgrade
"""

DOWN_EPILOG = """\
The version from before the last upgrade takes over, if it can use the settings and the log as they are now; if not,
nothing is stopped or changed. The newer one is kept: claw-socket upgrade takes it again.

exit codes: 9 it can't take over, and nothing was changed; 11 it did not start; the others as of claw-socket itself
"""

_NEW_LOG = "where a newer version has written the log, set that aside and begin a new one"


def main(argv: Sequence[str]) -> int:
    """Run ``claw-socket upgrade``; return the exit code.

    Raises:
        UsageError: a wrong flag, or a file that is none of ours.
        ProgramError: it can't take over; nothing was changed.
        ClawSocketError: it did not start; what was there before is there again.
    """
    parser = Parser(
        prog="claw-socket upgrade",
        description="Puts another version in place of this one.",
        epilog=EPILOG,
        formatter_class=RawHelp,
    )
    parser.add_argument("file", metavar="FILE", nargs="?", type=Path, help="the download of another version")
    parser.add_argument("--sha256", metavar="SUM", type=_sum, help="what the SHA-256 of FILE has to be")
    parser.add_argument("--new-log", action="store_true", help=_NEW_LOG)
    parser.add_argument("--take-over", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    more = ["--new-log"] if options.new_log else []
    if options.file is not None:
        return _upgrade_to(options.file, options.sha256, more)
    if options.sha256 is not None:
        raise UsageError("--sha256 is for a FILE; claw-socket upgrade --help tells more")
    if options.take_over or is_one_file():
        return _take_over(new_log=options.new_log)
    kept = Programs.default().previous()
    if kept is None or not skew.is_newer(kept.name):
        raise UsageError("upgrade needs the FILE of another version; claw-socket upgrade --help tells more")
    return _run(kept / NAME, more)


def down(argv: Sequence[str]) -> int:
    """Run ``claw-socket downgrade``; return the exit code.

    Raises:
        UsageError: a wrong flag.
        ProgramError: there is no version before this one.
    """
    parser = Parser(
        prog="claw-socket downgrade",
        description="Puts the version before this one back in its place.",
        epilog=DOWN_EPILOG,
        formatter_class=RawHelp,
    )
    parser.add_argument("--new-log", action="store_true", help=_NEW_LOG)
    options = parser.parse_args(argv)
    kept = Programs.default().previous()
    if kept is None:
        raise ProgramError(
            "no version before this one is kept",
            "take its download: claw-socket upgrade FILE, or downgrade the package",
        )
    if skew.is_newer(kept.name):
        raise ProgramError(f"the version that is kept, {kept.name}, is newer", "claw-socket upgrade takes it again")
    return _run(kept / NAME, ["--new-log"] if options.new_log else [])


def _sum(text: str) -> str:
    if not re.fullmatch("[0-9a-fA-F]{64}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no SHA-256")
    return text.lower()


# Handing over


def _upgrade_to(file: Path, wanted: str | None, more: list[str]) -> int:
    """Let a download take over; return its exit code."""
    programs = Programs.default()
    programs.refuse_others()
    download.refuse_packages(file)
    Installed(Home.default()).make(programs.folder)
    with programs.partial() as partial:
        copy = download.fetch(file, partial)
        print(download.check(copy, file, wanted), file=sys.stderr, flush=True)
        program = download.unpack(copy, partial)
        version = download.version(program)
        if version != __version__:
            print(f"{version} takes over from {__version__}", flush=True)
        return _run(program, more)


def _run(program: Path, more: list[str]) -> int:
    return subprocess.run([program, "upgrade", "--take-over", *more], check=False).returncode


# Taking over


def _take_over(*, new_log: bool) -> int:
    home, runner, programs = Home.default(), manager(), Programs.default()
    before, has_service = programs.current(), any(path.exists() for path in runner.known())
    if before is None and not has_service:
        raise ProgramError("no claw-socket is installed here that could be upgraded", "run install instead")
    # A service has nothing of this shell's environment: what it was given it has from its file and config.toml.
    settings = _settings(home, {} if has_service else os.environ)
    wishes = install.Wishes(settings, {}, on_demand=Installed(home).record.on_demand, programs=programs)
    if has_service and not runner.gives(install.job_of(home, wishes)):
        raise ProgramError(
            f"the service does not run on {home.root}; nothing was changed", "set CLAW_SOCKET_DIR here as for install"
        )
    if has_service:
        runner.check()
    _refuse_newer(home, runner if has_service else None, new_log=new_log)
    hooks = list(install.refresh_steps(home, settings)) if settings.hooks else []
    steps = _steps(home, wishes, programs, runner if has_service else None, hooks)
    try:
        carry_out(steps, dry_run=False, nothing=f"{__version__} is what runs already.")
    except ClawSocketError as error:
        if before in (None, programs.current()):
            raise
        raise _put_back(programs, before, error) from None
    if not has_service:
        print("There is no service to start anew; claw-socket install makes one.")
    elif before is not None and (kept := programs.previous()):
        print(f"Back to {kept.name}: claw-socket {'upgrade' if skew.is_newer(kept.name) else 'downgrade'}")
    return 0


def _steps(
    home: Home, wishes: install.Wishes, programs: Programs, runner: Manager | None, hooks: list[Step]
) -> Iterator[Step]:
    """Yield what makes this version the one that is used. What is installed and what not stays as it is.

    The hooks come last: the version before may have to be put back, and then finds its own.
    """
    programs.refuse_others()
    installed, before = Installed(home), programs.current()
    yield from install.token_steps(home, installed)
    yield from programs.put(installed)
    if runner is not None:
        yield from install.service_steps(home, wishes, installed, runner, changed=False)
    yield from hooks
    yield install.keeping(programs, before)


def _settings(home: Home, environ: Mapping[str, str]) -> Settings:
    try:
        return config.load({}, file=home.config, environ=environ)
    except UsageError as error:
        raise ProgramError(
            f"{__version__} does not take the settings ({error}); nothing was changed", "mend them"
        ) from None


def _refuse_newer(home: Home, runner: Manager | None, *, new_log: bool) -> None:
    """See that this version can read the log.

    Raises:
        ProgramError: a newer one has written it.
    """
    try:
        refuse_newer(home.log)
    except StoreTooNewError as error:
        if not new_log:
            raise ProgramError(
                f"{__version__} can't read the log of a newer version (schema {error.found}, it knows {error.known}); "
                "nothing was changed",
                "with --new-log it sets that aside and begins a new one",
            ) from None
        for command in runner.stop() if runner else []:
            command.run()
        _set_aside(home)


def _set_aside(home: Home) -> None:
    """Rename the log, and its journal with it, while nobody uses it."""
    with home.lock():
        aside = home.log.with_name(f"{home.log.name}.newer-{time.strftime('%Y%m%dT%H%M%S')}")
        try:
            for end in ("-wal", "-shm", ""):
                part = home.log.with_name(home.log.name + end)
                if part.exists():
                    part.rename(aside.with_name(aside.name + end))
        except OSError as error:
            raise FolderError(home.log, f"cannot be renamed: {error.strerror}") from error
    print(f"log: {aside} is what was there")


def _put_back(programs: Programs, before: Path, error: ClawSocketError) -> ServiceError:
    """Let the version before take over again; return what is to be told."""
    print(f"claw-socket: {error}", file=sys.stderr, flush=True)
    programs.use(before)
    is_back = _run(before / NAME, []) == 0
    now = f"{before.name} is there again" if is_back else f"and {before.name} could not be put back"
    return ServiceError(f"{__version__} did not take over: {now}")
