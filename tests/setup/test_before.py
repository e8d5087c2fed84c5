"""What was there is had back: the log, however far setting it aside came, the link, and the files of the service."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from clawsocket.errors import FolderError, FolderInUseError
from clawsocket.paths import Home
from clawsocket.setup import before
from clawsocket.setup.before import Before, aside_of, put_log_back, set_log_aside
from clawsocket.setup.installed import Installed
from clawsocket.setup.program import Programs
from clawsocket.setup.service import Command, Job, Manager

ENDS = ("", "-wal", "-shm")


@pytest.fixture
def ours(home: Path) -> Home:
    found = Home(home / ".claw-socket")
    found.create()
    write(found.log, "newer")
    return found


def write(log: Path, text: str) -> None:
    for end in ENDS:
        log.with_name(log.name + end).write_text(text)


def read(log: Path) -> list[str]:
    return [log.with_name(log.name + end).read_text() for end in ENDS]


def test_the_log_is_had_back_with_its_journal(ours: Home) -> None:
    aside = aside_of(ours.log)
    set_log_aside(ours, aside)
    assert read(aside) == ["newer"] * 3
    assert not ours.log.exists()
    put_log_back(ours, aside)
    assert read(ours.log) == ["newer"] * 3
    assert not aside.exists()


def test_what_was_begun_meanwhile_is_set_aside_in_its_turn(ours: Home) -> None:
    aside = aside_of(ours.log)
    set_log_aside(ours, aside)
    write(ours.log, "meanwhile")
    put_log_back(ours, aside)
    assert read(ours.log) == ["newer"] * 3
    (meanwhile,) = [path for path in ours.root.glob("log.db.newer-*") if not path.name.endswith(ENDS[1:])]
    assert read(meanwhile) == ["meanwhile"] * 3


def test_where_setting_it_aside_failed_half_way_all_of_it_is_had_back(
    ours: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, aside = Path.rename, aside_of(ours.log)

    def fail(path: Path, to: Path) -> Path:
        if path == ours.log:
            raise OSError(5, os.strerror(5))
        return rename(path, to)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", fail)
        with pytest.raises(FolderError, match="cannot be renamed: Input/output error"):
            set_log_aside(ours, aside)
    assert aside.with_name(f"{aside.name}-wal").exists()
    put_log_back(ours, aside)
    assert read(ours.log) == ["newer"] * 3
    assert not list(ours.root.glob("log.db.newer-*"))


def test_under_a_server_that_goes_on_it_stays(ours: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(before, "_PATIENCE", 0.1)
    aside = aside_of(ours.log)
    with ours.lock():
        with pytest.raises(FolderInUseError):
            set_log_aside(ours, aside)
        put_log_back(ours, aside)
    assert read(ours.log) == ["newer"] * 3


class Units:
    """Stands for what runs services: it has one file, and may get another."""

    def __init__(self, home: Path) -> None:
        self.unit, self.socket = home / "unit", home / "socket"
        self.done: list[str] = []

    def known(self) -> list[Path]:
        return [self.unit, self.socket]

    def stop(self) -> list[Command]:
        self.done.append("stop")
        return []

    def begin(self, _job: Job) -> list[Command]:
        self.done.append("begin")
        return []


def test_the_link_the_service_and_the_log_are_what_they_were(
    ours: Home, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(before, "wait_until_it_answers", lambda *_, **__: "")
    programs, units, job = Programs.default(), Units(home), Job(("/x",), ours.root, {})
    for version in ("1", "2"):
        (programs.folder / version / "_internal").mkdir(parents=True)
        (programs.folder / version / "claw-socket").touch()
    programs.link.parent.mkdir(parents=True)
    programs.use(programs.folder / "1")
    installed = Installed(ours)
    installed.write(units.unit, "of 1")
    installed.record.running = "1"
    installed.save()
    remembered, aside = ours.installed.read_bytes(), aside_of(ours.log)
    assert Before(ours, programs, cast(Manager, units), job, aside=None).is_there()
    found = Before(ours, programs, cast(Manager, units), job, aside=aside)
    changes: list[Callable[[], None]] = [
        lambda: programs.use(programs.folder / "2"),
        lambda: installed.write(units.unit, "of 2"),
        lambda: installed.write(units.socket, "of 2"),
    ]
    for change in changes:
        kept = Before(ours, programs, cast(Manager, units), job, aside=None)
        change()
        assert not kept.is_there()
    set_log_aside(ours, aside)
    found.put_back()
    assert found.name == "1"
    assert programs.current() == programs.folder / "1"
    assert (units.unit.read_text(), units.socket.exists()) == ("of 1", False)
    assert ours.installed.read_bytes() == remembered
    assert read(ours.log) == ["newer"] * 3
    assert units.done == ["stop", "begin"]
    assert not (programs.folder / "2").exists()
