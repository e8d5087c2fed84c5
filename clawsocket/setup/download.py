"""The download of another version: looked at, checked and unpacked, before anything depends on it."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from clawsocket.errors import ProgramError, UsageError
from clawsocket.setup.program import NAME, is_program

SUMS = "SHA256SUMS"
"""The file beside a download that has its sum, as ``sha256sum`` writes it."""

MOST = 500_000_000
"""Bytes that a program may have when it is unpacked; it has about 40 MB."""

_LIMIT = 60.0
_BINARY = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
"""How the programs of Linux and macOS begin (``file``'s magic/elf and magic/mach)."""

_PACKAGES = {
    ".deb": "sudo apt install ./{name} && claw-socket install",
    ".whl": "uv tool install --force ./{name} (or pipx, or pip), then claw-socket install",
}


def refuse_packages(file: Path) -> None:
    """See that a file is none that a package manager has to install.

    Raises:
        UsageError: it is.
    """
    if file.suffix in _PACKAGES:
        raise UsageError(f"{file.name} is a package: {_PACKAGES[file.suffix].format(name=file.name)}")


def fetch(file: Path, folder: Path) -> Path:
    """Copy a download, so that what is checked is what is run; return the copy.

    Raises:
        UsageError: it can't be read.
    """
    if not file.is_file():
        raise UsageError(f"{file}: there is no such file")
    try:
        with file.open("rb") as source, (folder / file.name).open("xb") as copy:
            shutil.copyfileobj(source, copy)
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from None
    return folder / file.name


def check(copy: Path, file: Path, wanted: str | None) -> str:
    """See that a download is what it should be; return what is to be told.

    Args:
        copy: the copy of it.
        file: where it lay.
        wanted: its SHA-256; None: that in ``SHA256SUMS`` beside it, if there is one.

    Raises:
        ProgramError: it is something else.
    """
    where = "--sha256"
    if wanted is None:
        wanted, where = _listed(file), f"{SUMS} beside it"
    if wanted is None:
        return f"{file.name}: nothing beside it tells its SHA-256, so that was not checked"
    with copy.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != wanted:
        raise ProgramError(f"{file} is not what {where} says (SHA-256 {found}); nothing was changed", "load it again")
    return f"{file.name}: its SHA-256 is that of {where}"


def _listed(file: Path) -> str | None:
    try:
        text = (file.parent / SUMS).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    found = dict(reversed(line) for line in re.findall(r"^([0-9a-fA-F]{64}) [ *](.+)$", text, re.MULTILINE))
    return found[file.name].lower() if file.name in found else None


def unpack(copy: Path, folder: Path) -> Path:
    """Return the program of a download, ready to be run.

    Raises:
        UsageError: it has none.
        ProgramError: it can't be unpacked here.
    """
    with copy.open("rb") as content:
        begin = content.read(4)
    if begin in _BINARY:
        copy.chmod(0o700)
        return copy
    if not begin.startswith(b"\x1f\x8b"):
        raise UsageError(f"{copy.name} is neither a program nor a .tar.gz of one")
    to = folder / "unpacked"
    to.mkdir()
    _extract(copy, to)
    for one in (to, *to.iterdir()):
        if is_program(one):
            return one / NAME
    raise UsageError(f"there is no program of claw-socket in {copy.name}")


def _extract(copy: Path, to: Path) -> None:
    try:
        with tarfile.open(copy, "r:gz") as archive:
            members = archive.getmembers()
            if sum(member.size for member in members) > MOST:
                raise UsageError(f"{copy.name} is too big to be a program of claw-socket")
            for member in members:
                _extract_one(archive, member, to)
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise UsageError(f"{copy.name} can't be unpacked: {error}") from None


def _extract_one(archive: tarfile.TarFile, member: tarfile.TarInfo, to: Path) -> None:
    """Put a folder, a file or a link within the archive where it belongs. (tarfile's filters came with 3.11.4.)"""
    place = to / member.name
    if not _stays_inside(member.name) or (member.issym() and not _stays_inside(member.linkname)):
        raise tarfile.TarError(f"{member.name!r} leads out of it")
    if member.isdir():
        place.mkdir(parents=True, exist_ok=True)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    if member.issym():
        place.symlink_to(member.linkname)
        return
    content = archive.extractfile(member) if member.isreg() else None
    if content is None:
        raise tarfile.TarError(f"{member.name!r} is no file")
    with content, place.open("xb") as file:
        shutil.copyfileobj(content, file)
    place.chmod(0o755 if member.mode & 0o100 else 0o644)


def _stays_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def version(program: Path) -> str:
    """Return the version that a program says it is, which shows that it runs on this machine.

    Raises:
        ProgramError: it does not.
    """
    try:
        done = subprocess.run(
            [program, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LIMIT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        said = str(error)
    else:
        if done.returncode == 0 and re.fullmatch(r"[0-9][0-9A-Za-z.+-]{0,60}", done.stdout.strip()):
            return done.stdout.strip()
        said = " ".join((done.stderr or done.stdout).split())[:300]
    raise ProgramError(f"it does not run here ({said}); nothing was changed", "take the download for this machine")
