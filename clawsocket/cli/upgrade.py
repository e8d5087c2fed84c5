"""``claw-socket upgrade`` and ``downgrade``: another version in place of this one, without losing an event.

Whichever version is to take over does that itself (``upgrade --take-over``): it alone knows what it can use, and what
it needs. This one hands over to it, and goes on if it refuses.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from clawsocket import __version__, config
from clawsocket.cli import skew
from clawsocket.cli.carry_out import carry_out
from clawsocket.cli.parsing import Parser, RawHelp
from clawsocket.config import Settings
from clawsocket.errors import ClawSocketError, ProgramError, ServiceError, StoreTooNewError, UsageError
from clawsocket.log.viewer import refuse_newer, schema_of
from clawsocket.paths import Home
from clawsocket.setup import download, install
from clawsocket.setup.before import Before, aside_of, set_log_aside
from clawsocket.setup.installed import Installed
from clawsocket.setup.program import NAME, Programs, is_one_file
from clawsocket.setup.service import Job, Manager, manager
from clawsocket.setup.steps import Step, commands

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
    # What ends this program is for the one that takes over, which has something to put back.
    with (
        subprocess.Popen([program, "upgrade", "--take-over", *more]) as other,
        _interrupts(lambda number, _: other.send_signal(number)),
    ):
        return other.wait()


@contextlib.contextmanager
def _interrupts(handler: Callable[[int, object], None] | signal.Handlers) -> Iterator[None]:
    """Let something else than the end of this program come of Ctrl-C, a terminal that closes, and SIGTERM."""
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)}
    caught = [one for one, was in before.items() if was != signal.SIG_IGN]  # nohup wants it to go on
    try:
        for one in caught:
            signal.signal(one, handler)
        yield
    finally:
        for one in caught:
            signal.signal(one, before[one])


def _interrupt(_number: int, _frame: object) -> None:
    """Raise KeyboardInterrupt, once: what is put back then must be put back to its end."""
    for one in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)
    raise KeyboardInterrupt


# Taking over


def _take_over(*, new_log: bool) -> int:
    home, found, programs = Home.default(), manager(), Programs.default()
    kept = programs.current()
    runner = found if any(path.exists() for path in found.known()) else None
    if kept is None and runner is None:
        raise ProgramError("no claw-socket is installed here that could be upgraded", "run install instead")
    programs.refuse_others()
    # A service has nothing of this shell's environment: what it was given it has from its file and config.toml.
    settings = _settings(home, os.environ if runner is None else {})
    wishes = install.Wishes(settings, {}, on_demand=Installed(home).record.on_demand, programs=programs)
    job = install.job_of(home, wishes)
    if runner is not None:
        runner.check()
        _refuse_other_folder(home, runner, job)
    aside = _refuse_newer(home, new_log=new_log)
    hooks = list(install.refresh_steps(home, settings)) if settings.hooks else []
    with programs.lock(Installed(home)), _interrupts(_interrupt):
        before, schema = Before(home, programs, runner, job, aside=aside), schema_of(home.log)
        try:
            carry_out(
                _steps(home, wishes, programs, runner, aside, hooks),
                dry_run=False,
                nothing=f"{__version__} is what runs already.",
            )
        except BaseException as error:
            if before.is_there():
                raise
            if aside is None and 0 < schema < schema_of(home.log):
                raise _go_on(before, error) from error
            raise _put_back(before, error) from error
    if runner is None:
        print("There is no service to start anew; claw-socket install makes one.")
    elif kept is not None and (back := programs.previous()):
        print(f"Back to {back.name}: claw-socket {'upgrade' if skew.is_newer(back.name) else 'downgrade'}")
    return 0


def _steps(
    home: Home,
    wishes: install.Wishes,
    programs: Programs,
    runner: Manager | None,
    aside: Path | None,
    hooks: list[Step],
) -> Iterator[Step]:
    """Yield what makes this version the one that is used. What is installed and what not stays as it is.

    The hooks come last: the version before may have to be put back, and then finds its own.
    """
    installed, before = Installed(home), programs.proven()
    yield from install.token_steps(home, installed)
    yield from programs.put(installed)
    if aside is not None:
        yield from commands(runner.stop() if runner is not None else [])
        yield Step(f"the log is now {aside}", partial(_set_aside, home, aside))
    if runner is not None:
        yield from install.service_steps(home, wishes, installed, runner, changed=aside is not None)
    yield from hooks
    yield install.keeping(programs, before)


def _set_aside(home: Home, aside: Path) -> str:
    set_log_aside(home, aside)
    return f"log: {aside} is what was there"


def _settings(home: Home, environ: Mapping[str, str]) -> Settings:
    try:
        return config.load({}, file=home.config, environ=environ)
    except UsageError as error:
        raise ProgramError(
            f"{__version__} does not take the settings ({error}); nothing was changed", "mend them"
        ) from None


def _refuse_other_folder(home: Home, runner: Manager, job: Job) -> None:
    if not runner.gives(job):
        raise ProgramError(
            f"the service does not run on {home.root}; nothing was changed", "set CLAW_SOCKET_DIR here as for install"
        )


def _refuse_newer(home: Home, *, new_log: bool) -> Path | None:
    """See that this version can read the log; return what it is to be called if it can't, None: it can.

    Raises:
        ProgramError: a newer one has written it, and it is not to be set aside.
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
        return aside_of(home.log)
    return None


def _go_on(before: Before, error: BaseException) -> ServiceError:
    """Leave this version there, as what was there before can't read the log any more; return what is to be told."""
    _tell(error)
    return ServiceError(
        f"{__version__} has brought the log up to date, and stays; {before.name} could not read it",
        "claw-socket logs tells more, and claw-socket downgrade --new-log sets that log aside",
    )


def _tell(error: BaseException) -> None:
    known = isinstance(error, ClawSocketError)
    said = error if known else "interrupted" if isinstance(error, KeyboardInterrupt) else repr(error)
    with contextlib.suppress(OSError):  # a terminal that is gone hears nothing, and the work goes on
        print(f"claw-socket: {said}", file=sys.stderr, flush=True)


def _put_back(before: Before, error: BaseException) -> ServiceError:
    """Let what was there before be there again; return what is to be told."""
    _tell(error)
    try:
        with _interrupts(signal.SIG_IGN):
            before.put_back()
        now = f"{before.name} is there again"
    except ClawSocketError as problem:
        now = f"and {before.name} could not be put back ({problem})"
    return ServiceError(f"{__version__} did not take over: {now}")
