"""How far a transcript was taken goes to disk, whatever becomes of its session."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import NoReturn

import pytest

from clawsocket.log.store import Position
from clawsocket.sources.checkpoints import Checkpoints
from tests.sources.following import Following
from tests.sources.running import append, line


def offsets(checkpoints: Checkpoints, *, quiet: bool) -> list[int]:
    return [one.offset for one in checkpoints.collect(lambda _session_id: quiet)]


async def test_while_something_waits_in_a_session_a_crash_has_its_lines_told_again(
    following: Following, project: Path
) -> None:
    await following.start()
    append(project / "s.jsonl", line("1"))
    await following.until_new("1")
    assert offsets(following.all.checkpoints, quiet=False) == [0], "the file is new, all of it"
    assert offsets(following.all.checkpoints, quiet=False) == []
    assert offsets(following.all.checkpoints, quiet=True) == [len(line("1"))]
    assert not following.all.checkpoints.waiting


async def test_a_session_that_is_over_before_it_was_quiet_was_taken_to_its_end(
    following: Following, project: Path
) -> None:
    await following.start()
    append(project / "s.jsonl", line("1") + line("2"))
    await following.until_new("1", "2")
    assert offsets(following.all.checkpoints, quiet=False) == [0]
    following.all.forget("s")
    assert offsets(following.all.checkpoints, quiet=True) == [len(line("1") + line("2"))]
    assert not following.all.checkpoints.waiting


async def test_a_file_that_was_replaced_was_taken_as_the_one_that_is_there_now(
    following: Following, project: Path
) -> None:
    path = project / "s.jsonl"
    await following.start()
    append(path, line("1"))
    await following.until_new("1")
    append(project / "another", line("1") + line("2"))
    (project / "another").rename(path)
    await following.until_new("1", "2")
    *_, taken = following.all.checkpoints.collect(lambda _session_id: True)
    assert (taken.inode, taken.offset) == (path.stat().st_ino, path.stat().st_size)


@pytest.mark.parametrize(("before", "after"), [("-a", "-b"), ("-b", "-a")])
def test_a_file_that_was_moved_was_taken_as_far_as_in_its_last_folder(tmp_path: Path, before: str, after: str) -> None:
    place = tmp_path / after / "s.jsonl"
    place.parent.mkdir()
    place.touch()
    old = Position(str(tmp_path / before / "s.jsonl"), 1, 2, 10)
    positions = sorted([old, Position(str(place), 1, 2, 30)])
    checkpoints = Checkpoints(positions, time.monotonic)
    assert checkpoints.offset("s.jsonl", (1, 2), 30) == 30
    assert checkpoints.gone() == [old._replace(offset=-1)]


def refuse(error: int, path: Path) -> NoReturn:
    raise OSError(error, os.strerror(error), str(path))


@pytest.mark.parametrize("error", [errno.EACCES, errno.EIO, errno.ESTALE])
def test_a_file_that_cannot_be_looked_at_is_not_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    checkpoints = Checkpoints([Position(str(tmp_path / "-a" / "s.jsonl"), 1, 2, 10)], time.monotonic)
    monkeypatch.setattr(Path, "stat", lambda path, **_: refuse(error, path))
    assert checkpoints.gone() == []


@pytest.mark.parametrize("place", ["subagents", "subagents/workflows/wf_1"])
def test_a_subagents_file_is_gone_also_with_the_folder_of_its_session(tmp_path: Path, place: str) -> None:
    gone = Position(str(tmp_path / "-a" / "s" / place / "agent-1.jsonl"), 1, 2, 10)
    assert Checkpoints([gone], time.monotonic).gone() == [gone._replace(offset=-1)]


def test_a_file_below_a_folder_that_is_not_mounted_is_not_gone(tmp_path: Path) -> None:
    gone, away = (Position(str(tmp_path / name / "s.jsonl"), 1, 2, 10) for name in ("-a", "not mounted/-a"))
    assert Checkpoints([gone, away], time.monotonic).gone() == [gone._replace(offset=-1)]
