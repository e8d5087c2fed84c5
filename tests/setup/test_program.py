"""By which path the program is started, and what is done to the folder that has its versions."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from clawsocket import __version__
from clawsocket.errors import FolderError, ProgramError
from clawsocket.paths import Home
from clawsocket.setup.installed import Installed
from clawsocket.setup.program import Programs, command, is_one_file, package, programs_of_this


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The folder of a version, with the program, and one with a link to it, both on the PATH."""
    version, stable = tmp_path / "opt" / f"claw-socket-{__version__}" / "bin", tmp_path / "bin"
    for folder in (version, stable):
        folder.mkdir(parents=True)
    (version / "claw-socket").write_text("#!/bin/sh\n")
    (version / "claw-socket").chmod(0o755)
    (stable / "claw-socket").symlink_to(version / "claw-socket")
    monkeypatch.setenv("PATH", f"{version}:{stable}:relative")
    return version, stable


@pytest.mark.parametrize("called", ["claw-socket", "{version}/claw-socket", "{stable}/claw-socket"])
def test_the_program_is_the_link_that_an_upgrade_changes(
    folders: tuple[Path, Path], called: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    version, stable = folders
    monkeypatch.setattr(sys, "argv", [called.format(version=version, stable=stable)])
    assert command() == (str(stable / "claw-socket"),)


def test_another_program_of_that_name_is_not_taken_for_ours(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "mine" / "claw-socket"
    mine.parent.mkdir()
    mine.write_text("#!/bin/sh\n")
    mine.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["mine/claw-socket"])
    assert command() == (str(mine),)


def test_a_module_is_run_by_its_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/x/clawsocket/__main__.py"])
    assert command() == (sys.executable, "-m", "clawsocket")


@pytest.fixture
def programs(home: Path) -> Programs:
    """Two versions, of which the older one is used."""
    found = Programs.default()
    for version in (__version__, "9.9.9"):
        make(found.folder / version, version)
    found.link.parent.mkdir(parents=True)
    found.use(found.folder / __version__)
    return found


def make(folder: Path, content: str) -> Path:
    (folder / "_internal").mkdir(parents=True)
    (folder / "_internal" / "data").write_text(content)
    (folder / "claw-socket").write_text(content)
    return folder


def run_as(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process be the program in a folder."""
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(folder / "claw-socket"))


def put(programs: Programs, home: Path) -> None:
    for step in programs.put(Installed(Home(home / ".claw-socket"))):
        step.do()


def test_what_an_interpreter_runs_is_put_nowhere(home: Path) -> None:
    assert not is_one_file()
    assert programs_of_this() is None
    assert b"claw_socket" in package()


def test_a_relative_data_home_is_none(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "data")
    assert Programs.default().folder == home / ".local" / "share" / "claw-socket"
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert Programs.default().folder == Path("/data/claw-socket")


def test_the_link_changes_from_one_moment_to_the_next(programs: Programs) -> None:
    before = programs.link.lstat().st_ino
    programs.use(programs.folder / "9.9.9")
    assert programs.current() == programs.folder / "9.9.9"
    assert programs.link.lstat().st_ino != before, "another took its place; it was never away"
    assert [path.name for path in programs.link.parent.iterdir()] == ["claw-socket"]


def test_one_at_a_time_puts_a_version_here(programs: Programs, home: Path) -> None:
    installed = Installed(Home(home / ".claw-socket"))
    with (
        programs.lock(installed),
        pytest.raises(ProgramError, match="another upgrade is under way"),
        programs.lock(installed),
    ):
        pass
    with programs.lock(installed):
        pass


def test_the_link_is_put_back_only_to_a_program(programs: Programs) -> None:
    programs.put_back(programs.folder / "9.9.9")
    assert programs.current() == programs.folder / "9.9.9"
    with pytest.raises(FolderError, match=r"1\.1\.1: the program is gone"):
        programs.put_back(programs.folder / "1.1.1")
    assert programs.current() == programs.folder / "9.9.9"
    programs.put_back(None)
    assert not os.path.lexists(programs.link)


def test_until_a_version_has_taken_over_the_one_that_it_replaces_is_the_one_before(
    programs: Programs, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(programs.folder / "0.0.1", "oldest")
    programs.keep(programs.folder / "0.0.1")
    for version in ("9.9.9", "9.9.10"):  # neither comes to its end with it
        run_as(make(programs.folder / version, version), monkeypatch)
        put(programs, home)
        assert programs.current() == programs.folder / version
        assert (programs.proven(), programs.previous()) == (programs.folder / __version__,) * 2
    programs.keep(programs.proven())
    assert (programs.proven(), programs.previous()) == (programs.folder / "9.9.10", programs.folder / __version__)
    assert {path.name for path in programs.folder.iterdir()} == {"9.9.10", __version__, "previous"}


def test_a_version_that_was_put_back_is_the_one_that_is_used_and_not_the_one_before(
    programs: Programs, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_as(programs.folder / "9.9.9", monkeypatch)
    put(programs, home)
    programs.put_back(programs.proven())
    assert (programs.proven(), programs.previous()) == (programs.folder / __version__, None)


def test_the_program_that_is_used_and_the_one_before_are_kept(programs: Programs) -> None:
    make(programs.folder / "0.0.1", "old")
    (programs.folder / ".partial-999999999-x").mkdir()
    (programs.folder / f".partial-{os.getpid()}-x").mkdir()
    (programs.folder / "mine").mkdir()
    programs.use(programs.folder / "9.9.9")
    programs.keep(programs.folder / __version__)
    left = {path.name for path in programs.folder.iterdir()}
    assert left == {__version__, "9.9.9", "previous", "mine", f".partial-{os.getpid()}-x"}
    assert programs.previous() == programs.folder / __version__
    programs.keep(programs.folder / "9.9.9")
    assert programs.previous() == programs.folder / __version__, "it is no version before itself"


def test_another_program_of_the_same_version_does_not_change_the_one_that_may_run(
    programs: Programs, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_as(make(tmp_path / "_MEI1", "built today"), monkeypatch)
    assert is_one_file()
    put(programs, home)
    current = programs.current()
    assert current is not None
    assert current.name.startswith(f"{__version__}-")
    assert (current / "_internal" / "data").read_text() == "built today"
    put(programs, home)
    assert programs.current() == current, "once"


def test_one_of_them_takes_over_without_a_copy(programs: Programs, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_as(programs.folder / "9.9.9", monkeypatch)
    assert programs_of_this() is not None
    before = sorted(programs.folder.iterdir())
    put(programs, home)
    assert programs.current() == programs.folder / "9.9.9"
    assert sorted(programs.folder.iterdir()) == sorted([*before, programs.folder / "replaced"])


@pytest.mark.parametrize("what", ["a file", "a link", "a link to nothing"])
def test_what_is_not_ours_is_never_replaced(programs: Programs, tmp_path: Path, what: str) -> None:
    programs.refuse_others()
    programs.link.unlink()
    if what == "a file":
        programs.link.write_text("mine")
    else:
        programs.link.symlink_to(tmp_path if what == "a link" else tmp_path / "nothing")
    with pytest.raises(ProgramError, match="not of this installation, and stays"):
        programs.refuse_others()
    assert programs.current() is None
    assert not [step for step in programs.remove() if str(programs.link) in step.shown]


def test_all_of_them_can_be_removed_and_what_else_is_there_stays(programs: Programs) -> None:
    programs.keep(programs.folder / "9.9.9")
    (programs.folder / "notes").write_text("mine")
    for step in programs.remove():
        assert step.shown.startswith("remove ")
        assert step.do().startswith("removed: ")
    assert [path.name for path in programs.folder.iterdir()] == ["notes"]
    assert not os.path.lexists(programs.link)


def test_why_the_program_cannot_be_copied_is_told(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(source: str, to: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), source, None, to)

    monkeypatch.setattr("clawsocket.setup.program._copy_file", fail)
    run_as(make(tmp_path / "_MEI1", "x"), monkeypatch)
    with pytest.raises(FolderError, match=r"share/claw-socket: cannot be written: No space left on device$"):
        put(Programs.default(), home)


def test_a_folder_that_cannot_be_written_is_told(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (home / ".local").write_text("no folder")
    run_as(make(tmp_path / "_MEI1", "x"), monkeypatch)
    with pytest.raises(FolderError, match=r"\.local"):
        put(Programs.default(), home)
