"""A session is there when its file says so and its process lives, and it goes with either."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from clawsocket.claude.observations import Observation, SessionFileSeen, SessionGone, Trouble
from clawsocket.config import Settings
from clawsocket.sources import session_files
from clawsocket.sources.session_files import SessionFiles
from clawsocket.sources.watch import Watcher
from tests.sources.running import Process, eventually, has_length, make_folder, refuse_listing, settled

Sleeper = Callable[[], Process]


@pytest.fixture
def folder(claude: Path) -> Path:
    path = claude / "sessions"
    path.mkdir(parents=True)
    return path


@pytest.fixture
async def files(
    claude: Path, watcher: Watcher, seen: list[Observation], settings: Settings, now: Callable[[], int]
) -> AsyncIterator[SessionFiles]:
    files = SessionFiles([claude], watcher, seen.append, settings, now)
    yield files
    files.close()


def content(process: Process, session_id: str = "s", **fields: Any) -> bytes:
    data = {"pid": process.pid, "sessionId": session_id, "cwd": "/w", "procStart": process.start, **fields}
    return json.dumps(data).encode()


def write(folder: Path, process: Process, session_id: str = "s", **fields: Any) -> Path:
    """Write a session file as Claude Code does: in place."""
    path = folder / f"{process.pid}.json"
    path.write_bytes(content(process, session_id, **fields))
    return path


def short(seen: list[Observation]) -> list[tuple[str, ...]]:
    told: list[tuple[str, ...]] = []
    for item in seen:
        if isinstance(item, SessionFileSeen):
            told.append(("seen", item.file.session_id, item.file.status or ""))
        elif isinstance(item, SessionGone):
            told.append(("gone", item.session_id, item.reason))
        else:
            assert isinstance(item, Trouble)
            told.append(("trouble", item.message))
    return told


async def until(seen: list[Observation], *wanted: tuple[str, ...]) -> None:
    await eventually(lambda: len(seen) >= len(wanted), f"{wanted}, not {short(seen)}")
    await settled()
    assert short(seen) == list(wanted)


async def test_sessions_that_run_already_are_told(
    files: SessionFiles, folder: Path, seen: list[Observation], sleeper: Sleeper
) -> None:
    path = write(folder, sleeper(), status="busy")
    os.utime(path, (1_600_000_000, 1_600_000_000))
    await files.start()
    assert short(seen) == [("seen", "s", "busy")]
    assert isinstance(seen[0], SessionFileSeen)
    assert seen[0].at == 1_600_000_000_000


async def test_a_session_comes_changes_and_goes(
    files: SessionFiles, folder: Path, seen: list[Observation], sleeper: Sleeper, now: Callable[[], int]
) -> None:
    await files.start()
    process = sleeper()
    path = write(folder, process)
    await until(seen, ("seen", "s", ""))
    write(folder, process)
    write(folder, process, status="busy")
    write(folder, process, status="busy")
    await until(seen, ("seen", "s", ""), ("seen", "s", "busy"))
    path.unlink()
    process.kill()
    await until(seen, ("seen", "s", ""), ("seen", "s", "busy"), ("gone", "s", "file_removed"))
    assert all(abs(item.at - now()) < 10_000 for item in seen if not isinstance(item, Trouble))


async def test_a_killed_process_leaves_its_file_and_is_gone_all_the_same(
    files: SessionFiles, folder: Path, seen: list[Observation], sleeper: Sleeper
) -> None:
    await files.start()
    process = sleeper()
    path = write(folder, process)
    await until(seen, ("seen", "s", ""))
    process.kill(reap=False)
    wanted = [("seen", "s", ""), ("gone", "s", "process_exited")]
    await until(seen, *wanted)
    path.touch()
    await until(seen, *wanted)
    path.unlink()
    await until(seen, *wanted)


async def test_files_of_the_dead_are_passed_over(
    files: SessionFiles, folder: Path, seen: list[Observation], sleeper: Sleeper
) -> None:
    dead, reused = sleeper(), sleeper()
    dead.kill()
    write(folder, dead)
    write(folder, reused, procStart="1")
    await files.start()
    (folder / f"{reused.pid}.json").touch()
    await settled()
    assert seen == []


async def test_a_pid_that_is_given_again_is_another_session(
    files: SessionFiles, folder: Path, seen: list[Observation], sleeper: Sleeper
) -> None:
    first, second = sleeper(), sleeper()
    path = folder / f"{first.pid}.json"
    path.write_bytes(content(first, "old"))
    await files.start()
    path.write_bytes(content(second, "new"))
    await until(seen, ("seen", "old", ""), ("gone", "old", "process_exited"), ("seen", "new", ""))
    first.kill()
    await settled()
    assert len(seen) == 3


async def test_clearing_turns_the_process_to_another_session(
    files: SessionFiles, folder: Path, seen: list[Observation], sleeper: Sleeper
) -> None:
    process = sleeper()
    write(folder, process, "old")
    await files.start()
    write(folder, process, "new")
    wanted = [("seen", "old", ""), ("gone", "old", "cleared"), ("seen", "new", "")]
    await until(seen, *wanted)
    process.kill()
    await until(seen, *wanted, ("gone", "new", "process_exited"))


async def test_changing_the_folder_or_the_name_is_a_change(
    files: SessionFiles, folder: Path, seen: list[Observation], sleeper: Sleeper
) -> None:
    process = sleeper()
    write(folder, process)
    await files.start()
    write(folder, process, cwd="/elsewhere", name="called")
    await eventually(lambda: len(seen) == 2, "the change")
    assert isinstance(seen[1], SessionFileSeen)
    assert (seen[1].file.cwd, seen[1].file.name) == ("/elsewhere", "called")


async def test_a_half_written_file_is_read_when_it_is_whole(
    files: SessionFiles, folder: Path, seen: list[Observation], sleeper: Sleeper
) -> None:
    process = sleeper()
    whole = content(process)
    path = folder / f"{process.pid}.json"
    path.write_bytes(whole[:20])
    await files.start()
    await settled()
    assert seen == []
    with path.open("ab") as stream:
        stream.write(whole[20:])
    await until(seen, ("seen", "s", ""))
    path.write_bytes(b"")
    await settled()
    path.write_bytes(whole)
    await settled()
    assert len(seen) == 1


async def test_a_file_that_stays_broken_is_a_trouble_told_once(
    monkeypatch: pytest.MonkeyPatch, files: SessionFiles, folder: Path, seen: list[Observation], sleeper: Sleeper
) -> None:
    monkeypatch.setattr(session_files, "_PATIENCE", 0.01)
    await files.start()
    for number in (1, 2):
        (folder / f"{number}.json").write_bytes(b'{"pid":"secret"}')
    await until(seen, ("trouble", "a session file is of no known form; its session may go unseen"))
    write(folder, sleeper())
    await eventually(lambda: len(seen) == 2, "a good one")


async def test_a_folder_that_cannot_be_listed_now_is_listed_later_and_nobody_is_gone(
    monkeypatch: pytest.MonkeyPatch,
    files: SessionFiles,
    watcher: Watcher,
    folder: Path,
    seen: list[Observation],
    sleeper: Sleeper,
) -> None:
    write(folder, sleeper(), "first")
    refuse_listing(monkeypatch, 2)
    await files.start()
    trouble = ("trouble", "session files can't be read (Too many open files)")
    await until(seen, trouble, ("seen", "first", ""))
    refuse_listing(monkeypatch, 2)
    watcher.again(folder)
    write(folder, sleeper(), "second")
    await until(seen, trouble, ("seen", "first", ""), ("seen", "second", ""))


async def test_other_names_are_passed_over(
    files: SessionFiles, folder: Path, seen: list[Observation], sleeper: Sleeper
) -> None:
    process = sleeper()
    for name in ("1.json.tmp", ".1.json", "x.json", "1", "1\n.json", "99999999999.json"):
        (folder / name).write_bytes(content(process))
    os.mkfifo(folder / "2.json")
    await files.start()
    write(folder, process)
    await until(seen, ("trouble", "session files can't be read (not a file)"), ("seen", "s", ""))


async def test_the_folder_may_come_late_go_and_come_back(
    files: SessionFiles, claude: Path, seen: list[Observation], sleeper: Sleeper
) -> None:
    await files.start()
    process = sleeper()
    for number in range(2):
        make_folder(claude / "sessions")
        path = write(claude / "sessions", process, f"s{number}")
        await eventually(partial(has_length, seen, number * 2 + 1), "the session")
        path.unlink()
        (claude / "sessions").rmdir()
        await eventually(partial(has_length, seen, number * 2 + 2), "its end")
    assert short(seen)[-1] == ("gone", "s1", "file_removed")


async def test_a_folder_under_two_names_is_told_once(
    watcher: Watcher,
    seen: list[Observation],
    settings: Settings,
    now: Callable[[], int],
    claude: Path,
    folder: Path,
    sleeper: Sleeper,
) -> None:
    link = claude.with_name("link")
    link.symlink_to(claude)
    files = SessionFiles([claude, link, claude], watcher, seen.append, settings, now)
    await files.start()
    path = write(folder, sleeper())
    await until(seen, ("seen", "s", ""))
    path.unlink()
    await until(seen, ("seen", "s", ""), ("gone", "s", "file_removed"))
    files.close()


async def test_a_file_replaced_by_another_is_read(
    files: SessionFiles, folder: Path, seen: list[Observation], sleeper: Sleeper
) -> None:
    process = sleeper()
    path = write(folder, process)
    await files.start()
    (folder / "new").write_bytes(content(process, status="idle"))
    (folder / "new").rename(path)
    await until(seen, ("seen", "s", ""), ("seen", "s", "idle"))


async def test_changes_missed_by_the_queue_of_the_system_are_found(
    files: SessionFiles, folder: Path, watcher: Watcher, seen: list[Observation], sleeper: Sleeper
) -> None:
    first, second = sleeper(), sleeper()
    path = write(folder, first, "first")
    await files.start()
    watcher.remove(folder)  # from here on nothing is told, as in a queue that is full
    path.unlink()
    write(folder, second, "second")
    watcher.add(folder, files._changed)
    watcher.again(folder)
    await until(seen, ("seen", "first", ""), ("gone", "first", "file_removed"), ("seen", "second", ""))


async def test_nothing_is_told_after_close(
    watcher: Watcher,
    seen: list[Observation],
    settings: Settings,
    now: Callable[[], int],
    claude: Path,
    folder: Path,
    sleeper: Sleeper,
) -> None:
    files = SessionFiles([claude], watcher, seen.append, settings, now)
    process = sleeper()
    path = write(folder, process)
    (folder / "1.json").write_bytes(b"{")
    await files.start()
    before = len(seen)
    files.close()
    process.kill()
    path.unlink()
    await settled()
    assert len(seen) == before
