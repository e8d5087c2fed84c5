"""The download of another version: nothing depends on it before it was checked."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from clawsocket.errors import ProgramError, UsageError
from clawsocket.setup import download


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "downloads").mkdir()
    path = tmp_path / "downloads" / "claw-socket-0.2.0"
    path.write_bytes(b"\x7fELF and so on")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "partial").mkdir()
    return tmp_path / "partial"


def archive(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as out:
        for member, content in members:
            out.addfile(member, io.BytesIO(content))
    return path


def member(name: str, size: int = 0, *, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.size, found.type, found.linkname, found.mode = size, kind, link, 0o755
    return found


def test_its_sum_is_that_of_the_list_beside_it(file: Path, folder: Path) -> None:
    copy = download.fetch(file, folder)
    assert "was not checked" in download.check(copy, file, None)
    right = hashlib.sha256(file.read_bytes()).hexdigest()
    sums = file.with_name("SHA256SUMS")
    sums.write_text(f"{'0' * 64}  another\n{right} *{file.name}\n")
    assert download.check(copy, file, None) == f"{file.name}: its SHA-256 is that of SHA256SUMS beside it"
    assert "--sha256" in download.check(copy, file, right)
    sums.write_text(f"{'0' * 64}  {file.name}\n")
    with pytest.raises(ProgramError, match=f"is not what SHA256SUMS beside it says .SHA-256 {right}"):
        download.check(copy, file, None)
    with pytest.raises(ProgramError, match="is not what --sha256 says"):
        download.check(copy, file, "1" * 64)
    assert "--sha256" in download.check(copy, file, right), "what was given goes first"


def test_what_is_checked_is_what_is_run(file: Path, folder: Path) -> None:
    copy = download.fetch(file, folder)
    file.write_bytes(b"\x7fELF of somebody else")
    assert download.unpack(copy, folder).read_bytes() == b"\x7fELF and so on"
    assert copy.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\n", b"PK\x03\x04", b"\x1f\x8bnonsense"])
def test_what_is_no_program_is_refused(file: Path, folder: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(UsageError, match=r"neither a program nor a \.tar\.gz|can't be unpacked"):
        download.unpack(download.fetch(file, folder), folder)


def test_an_archive_holds_a_program(file: Path, folder: Path) -> None:
    archive(
        file,
        (member("claw/_internal", kind=tarfile.DIRTYPE), b""),
        (member("claw/_internal/lib.so", kind=tarfile.SYMTYPE, link="lib.so.1"), b""),
        (member("claw/_internal/lib.so.1", 3), b"lib"),
        (member("claw/claw-socket", 1), b"x"),
    )
    program = download.unpack(download.fetch(file, folder), folder)
    assert program == folder / "unpacked" / "claw" / "claw-socket"
    assert program.stat().st_mode & 0o777 == 0o755
    assert (program.parent / "_internal" / "lib.so").read_bytes() == b"lib"


@pytest.mark.parametrize(
    "bad",
    [
        member("../outside", 1),
        member("/outside", 1, kind=tarfile.LNKTYPE, link="/etc/passwd"),
        member("link", kind=tarfile.SYMTYPE, link="../../outside"),
        member("link", kind=tarfile.SYMTYPE, link="/etc/passwd"),
        member("device", kind=tarfile.CHRTYPE),
    ],
)
def test_an_archive_writes_nothing_outside_its_folder(file: Path, folder: Path, bad: tarfile.TarInfo) -> None:
    archive(file, (bad, b"x"))
    with pytest.raises(UsageError):
        download.unpack(download.fetch(file, folder), folder)
    assert not (folder / "outside").exists()


def test_an_archive_that_is_too_big_is_not_unpacked(file: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "MOST", 10)
    archive(file, (member("claw-socket", 11), b"x" * 11))
    with pytest.raises(UsageError, match="too big"):
        download.unpack(download.fetch(file, folder), folder)
    assert list((folder / "unpacked").iterdir()) == []


def test_an_archive_without_a_program_is_told(file: Path, folder: Path) -> None:
    archive(file, (member("claw/readme", 1), b"x"))
    with pytest.raises(UsageError, match="there is no program of claw-socket in"):
        download.unpack(download.fetch(file, folder), folder)


def test_a_package_is_for_its_manager() -> None:
    with pytest.raises(UsageError, match=r"apt install ./claw\.deb && claw-socket install"):
        download.refuse_packages(Path("/d/claw.deb"))
    with pytest.raises(UsageError, match=r"uv tool install --force ./claw\.whl"):
        download.refuse_packages(Path("/d/claw.whl"))
    download.refuse_packages(Path("/d/claw.tar.gz"))


def test_a_file_that_is_not_there_is_told(folder: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        download.fetch(folder / "nothing", folder)


def test_a_program_says_its_version_or_why_it_does_not_run(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\necho 0.2.0rc1\n")
    program.chmod(0o700)
    assert download.version(program) == "0.2.0rc1"
    program.write_text('#!/bin/sh\necho "libc.so.6: version GLIBC_2.99 not found" >&2; exit 1\n')
    with pytest.raises(ProgramError, match=r"does not run here .*GLIBC_2.99 not found"):
        download.version(program)
    program.write_text("nonsense")
    with pytest.raises(ProgramError, match="does not run here"):
        download.version(program)
