"""The program itself: by which path it is started, and where a download puts itself.

A program in one file unpacks itself into a temporary folder at every start, which no service can be started from. So it
puts what it is made of below the user's home, a folder for each version, and a path beside them that stays the same::

    ~/.local/share/claw-socket/0.2.0/          the program and _internal; what was put there is never changed
    ~/.local/share/claw-socket/previous        a link to the version before, for ``claw-socket downgrade``
    ~/.local/share/claw-socket/replaced        the same while one takes over: a link to the one that it replaces
    ~/.local/bin/claw-socket                   a link to the program of the version that is used

``$XDG_DATA_HOME`` stands for ``~/.local/share``, as programs of the user expect
(https://specifications.freedesktop.org/basedir-spec/latest/).
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from clawsocket import __version__
from clawsocket.errors import FolderError, ProgramError
from clawsocket.paths import absolute
from clawsocket.setup.installed import Installed
from clawsocket.setup.steps import Step

NAME = "claw-socket"
PARTS = "_internal"
"""The folder beside the program that has its libraries and data."""

_UNPACKED = "_MEI"
"""How the temporary folder is called into which a program in one file unpacks itself (https://pyinstaller.org)."""

_PARTIAL = ".partial-"


def bundle() -> Path | None:
    """Return the folder of this program, if it is a binary; None: an interpreter runs it."""
    return Path(sys.executable).parent if getattr(sys, "frozen", False) else None


def is_one_file() -> bool:
    """Tell whether this program is a download in one file, which is in no folder that stays."""
    folder = bundle()
    return folder is not None and folder.name.startswith(_UNPACKED)


class Programs:
    """The versions of this program below a user's home.

    Args:
        folder: has a folder for each version.
        link: leads to the program of the one that is used.
    """

    def __init__(self, folder: Path, link: Path) -> None:
        self.folder, self.link = folder, link
        self._previous, self._replaced = folder / "previous", folder / "replaced"

    @classmethod
    def default(cls) -> Programs:
        """Return those of this user."""
        data = Path(os.environ.get("XDG_DATA_HOME") or "")
        home = Path.home()
        return cls((data if data.is_absolute() else home / ".local/share") / NAME, home / ".local/bin" / NAME)

    def current(self) -> Path | None:
        """Return the folder of the version that the link leads to; None: there is no link of ours."""
        try:
            target = self.link.readlink()
        except OSError:
            return None
        return target.parent if target.parent.parent == self.folder else None

    def proven(self) -> Path | None:
        """Return the folder of the version that was the last to take over to the end; None: there is no link."""
        return self._at(self._replaced) or self.current()

    def previous(self) -> Path | None:
        """Return the folder of the version that was used before; None: there is none."""
        return self._at(self._replaced) or self._at(self._previous)

    def _at(self, link: Path) -> Path | None:
        try:
            found = self.folder / link.readlink().name
        except OSError:
            return None
        return found if is_program(found) else None

    def has_us(self) -> bool:
        """Tell whether the program that runs here is one of them."""
        folder = bundle()
        return folder is not None and folder.parent == Path(os.path.realpath(self.folder))

    def refuse_others(self) -> None:
        """See that the link can be made.

        Raises:
            ProgramError: what is in its place is not ours.
        """
        if os.path.lexists(self.link) and self.current() is None:
            what = f"leads to {self.link.readlink()}" if self.link.is_symlink() else "is a file"
            raise ProgramError(
                f"{self.link} {what}, which is not of this installation, and stays",
                "remove it (uv tool uninstall claw-socket, pipx uninstall claw-socket), or upgrade that one instead",
            )

    def put(self, installed: Installed) -> Iterator[Step]:
        """Yield what makes the program that runs here the one that is used.

        Args:
            installed: remembers which folders were made; and the service is to be started anew.
        """
        source = bundle()
        assert source is not None, "an interpreter has no program to put anywhere"
        wanted = self._place(source)
        if not is_program(wanted):

            def copy() -> str:
                installed.make(self.folder)
                with self.partial() as partial:
                    _copy(source, partial / NAME)
                    (partial / NAME).rename(wanted)
                return f"program: {__version__} in {wanted}"

            yield Step(f"a copy of this program, {__version__}, in {wanted}", copy)
        if self.current() != wanted:

            def use() -> str:
                installed.make(self.link.parent)
                installed.record.running = ""  # it is not what is installed any more, whatever becomes of this
                installed.save()
                if before := self.proven():
                    _link(self._replaced, Path(before.name))
                self.use(wanted)
                return f"program: {self.link} is now {__version__}{_on_path(self.link.parent)}"

            yield Step(f"{self.link} leads to {wanted / NAME}", use)

    def _place(self, source: Path) -> Path:
        """Return the folder for a program: of its version, and where that has another program, with its hash."""
        if self.has_us():
            return self.folder / source.name
        place = self.folder / __version__
        own = _digest(source / NAME)
        if not os.path.lexists(place) or (is_program(place) and _digest(place / NAME) == own):
            return place
        return self.folder / f"{__version__}-{own[:8]}"

    def use(self, version: Path) -> None:
        """Let the link lead to the program of a version, from one moment to the next.

        Raises:
            FolderError: it can't be made.
        """
        _link(self.link, version / NAME)

    def put_back(self, version: Path | None) -> None:
        """Let the link lead to what it led to before.

        Args:
            version: the folder of that version; None: there was no link.

        Raises:
            FolderError: it can't be made, or the program is gone.
        """
        if version is None:
            self.link.unlink(missing_ok=True)
        elif is_program(version):
            self.use(version)
        else:
            raise FolderError(version, "the program is gone")
        self._replaced.unlink(missing_ok=True)

    def keep(self, previous: Path | None) -> None:
        """Keep the version that is used and one other, and remove the rest.

        Args:
            previous: the other; None: that which was kept already.
        """
        current = self.current()
        if previous is not None and previous != current and is_program(previous):
            _link(self._previous, Path(previous.name))
        self._replaced.unlink(missing_ok=True)
        kept = (current, self.previous())
        for old in self._all():
            if old not in kept and not Path(sys.executable).is_relative_to(os.path.realpath(old)):
                shutil.rmtree(old, ignore_errors=True)

    def _all(self) -> list[Path]:
        """Return all that is ours in the folder, but links: programs, and what was left of unfinished ones."""
        try:
            found = sorted(self.folder.iterdir())
        except OSError:
            return []
        return [one for one in found if not one.is_symlink() and (is_program(one) or _is_abandoned(one))]

    def remove(self) -> Iterator[Step]:
        """Yield what removes all of them; what else is in the folder stays."""
        link = [self.link] if self.current() is not None else []
        notes = [one for one in (self._previous, self._replaced) if one.is_symlink()]
        for one in (*link, *self._all(), *notes):
            yield Step(f"remove {one}", partial(gone, one))

    @contextlib.contextmanager
    def lock(self, installed: Installed) -> Iterator[None]:
        """Keep other processes from putting a version here, until the context ends or the process does.

        The folder itself is locked; it is made if it is not there.

        Args:
            installed: remembers which folders were made.

        Raises:
            ProgramError: another one is at it.
            FolderError: it can't be made or locked.
        """
        installed.make(self.folder)
        try:
            descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise FolderError(self.folder, f"cannot be opened: {error.strerror}") from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ProgramError("another upgrade is under way", "try again when it has ended") from None
            except OSError as error:
                raise FolderError(self.folder, f"cannot be locked: {error.strerror}") from error
            yield
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def partial(self) -> Iterator[Path]:
        """Make a folder for what is not complete yet; afterwards it is gone.

        Raises:
            FolderError: it can't be written.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            partial = Path(tempfile.mkdtemp(prefix=f"{_PARTIAL}{os.getpid()}-", dir=self.folder))
            try:
                yield partial
            finally:
                shutil.rmtree(partial, ignore_errors=True)
        except OSError as error:
            raise FolderError(Path(error.filename or self.folder), f"cannot be written: {_reason(error)}") from error


def programs_of_this() -> Programs | None:
    """Return the programs that the one that runs here is one of, or is to be; None: it is started from where it is."""
    programs = Programs.default()
    return programs if programs.has_us() or is_one_file() else None


def package() -> bytes:
    """Return what tells the code of this package from any other, where an interpreter runs it: its list of files."""
    if bundle() is not None:
        return b""
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        return (distribution(NAME).read_text("RECORD") or "").encode()
    except PackageNotFoundError:
        return b""


def is_program(folder: Path) -> bool:
    """Tell whether a folder has a program of ours."""
    return (folder / NAME).is_file() and (folder / PARTS).is_dir()


def command() -> tuple[str, ...]:
    """Return the command that runs this program, by the path that stays the same over upgrades.

    That is no folder of a version, and links are not followed: they are what an upgrade changes.
    """
    if Path(sys.argv[0]).name == "__main__.py":
        return sys.executable, "-m", "clawsocket"
    invoked = absolute(shutil.which(sys.argv[0]) or sys.argv[0])
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep)]
    same = [
        path for path in (folder / invoked.name for folder in folders if folder.is_absolute()) if _same(path, invoked)
    ]
    return (str(min([*same, invoked], key=lambda path: __version__ in str(path))),)


def _same(path: Path, other: Path) -> bool:
    try:
        return os.access(path, os.X_OK) and path.samefile(other)
    except OSError:
        return False


def _copy(source: Path, to: Path) -> None:
    """Copy a program: beside it in a temporary folder is also what unpacked it."""
    to.mkdir(mode=0o755)
    shutil.copytree(source / PARTS, to / PARTS, symlinks=True, copy_function=_copy_file)
    _copy_file(source / NAME, to / NAME)
    (to / NAME).chmod(0o755)


def _reason(error: OSError) -> str:
    """Return why something can't be written; of a folder that is copied, why the first of its files can't."""
    if isinstance(error, shutil.Error):
        said = str(error.args[0][0][2])  # [Errno 28] No space left on device: '/from' -> '/to'
        return said.partition("] ")[2].partition(": ")[0] or said
    return str(error.strerror)


def _copy_file(source: str | Path, to: str | Path) -> None:
    shutil.copy2(source, to, follow_symlinks=False)
    if not os.path.islink(to):  # noqa: PTH114 - copytree gives texts
        with open(to, "rb") as file:
            os.fsync(file.fileno())  # the link may survive a loss of power: so must what it leads to


def _link(link: Path, target: Path) -> None:
    partial = link.with_name(f".{link.name}.{os.getpid()}")
    try:
        partial.unlink(missing_ok=True)
        partial.symlink_to(target)
        partial.replace(link)
    except OSError as error:
        raise FolderError(link, f"cannot be made: {error.strerror}") from error


def gone(path: Path) -> str:
    """Remove a file, a link, or a folder with all that is in it; return what was done.

    Raises:
        FolderError: it can't be removed.
    """
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError as error:
        raise FolderError(path, f"cannot be removed: {error.strerror}") from error
    return f"removed: {path}"


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _is_abandoned(path: Path) -> bool:
    """Tell whether something is what an installation left behind that was killed."""
    found = re.fullmatch(re.escape(_PARTIAL) + r"([0-9]{1,9})-.*", path.name)
    if found is None:
        return False
    try:
        os.kill(int(found[1]), 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass
    return False


def _on_path(folder: Path) -> str:
    if str(folder) in os.environ.get("PATH", "").split(os.pathsep):
        return ""
    return f'; it is not on your PATH yet: export PATH="{folder}:$PATH"'
