"""Whatever happens in a folder is told, wherever the folder comes from and whatever becomes of it."""

from __future__ import annotations

import errno
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Hashable
from pathlib import Path
from typing import Any

import pytest
from watchfiles import awatch
from watchfiles.main import FileChange

from clawsocket.claude.observations import Observation, Trouble
from clawsocket.config import Settings
from clawsocket.sources import watchfiles_folders
from clawsocket.sources.inotify import InotifyFolders
from clawsocket.sources.watch import Kind, Native, Told, Watcher
from clawsocket.sources.watchfiles_folders import WatchfilesFolders
from tests.sources.running import append, eventually, flood, settled

Make = Callable[[Told], Native]


class Changes(list[tuple[str, str | None, bool]]):
    """What was told: the folder's name, the name in it, and whether it was created."""

    def __call__(self, folder: Path, name: str | None, created: bool) -> None:
        self.append((folder.name, name, created))

    def has(self, folder: str, name: str | None) -> bool:
        return any(change[:2] == (folder, name) for change in self)


@pytest.fixture
def changes() -> Changes:
    return Changes()


@pytest.fixture(params=[InotifyFolders, WatchfilesFolders])
async def any_watcher(
    request: pytest.FixtureRequest, seen: list[Observation], settings: Settings, now: Callable[[], int]
) -> AsyncIterator[Watcher]:
    watcher = Watcher(seen.append, settings, now, request.param)
    watcher.start()
    yield watcher
    watcher.close()


async def test_files_that_come_change_and_go_are_told(any_watcher: Watcher, changes: Changes, tmp_path: Path) -> None:
    any_watcher.add(tmp_path, changes)
    append(tmp_path / "a", b"1")
    await eventually(lambda: changes.has(tmp_path.name, "a") or changes.has(tmp_path.name, None), "the new file")
    changes.clear()
    append(tmp_path / "a", b"2")
    await eventually(lambda: changes.has(tmp_path.name, "a"), "the change")
    changes.clear()
    (tmp_path / "a").rename(tmp_path / "b")
    await eventually(lambda: changes.has(tmp_path.name, "a") and changes.has(tmp_path.name, "b"), "both names")
    changes.clear()
    (tmp_path / "b").unlink()
    await eventually(lambda: changes.has(tmp_path.name, "b"), "the end")


async def test_a_folder_may_come_late_go_and_come_back(any_watcher: Watcher, changes: Changes, tmp_path: Path) -> None:
    folder = tmp_path / "one" / "two" / "three"
    any_watcher.add(folder, changes)
    for _ in range(2):
        changes.clear()
        folder.mkdir(parents=True)
        await eventually(lambda: changes.has("three", None), "the folder")
        (folder / "a").touch()
        await eventually(lambda: changes.has("three", "a") or changes.count(("three", None, False)) > 1, "the file")
        changes.clear()
        (folder / "a").unlink()
        folder.rmdir()
        (tmp_path / "one" / "two").rmdir()
        await eventually(lambda: changes.has("three", None), "the end")


async def test_a_folder_is_made_at_once_with_what_is_in_it(watcher: Watcher, changes: Changes, tmp_path: Path) -> None:
    folder = tmp_path / "one" / "two" / "three"
    watcher.add(folder, changes)
    folder.mkdir(parents=True)
    (folder / "a").touch()
    await eventually(lambda: changes.has("three", None), "the folder")
    changes.clear()
    (folder / "b").touch()
    await eventually(lambda: ("three", "b", True) in changes, "the next file")


async def test_created_is_told_apart_from_moved_here(watcher: Watcher, changes: Changes, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    watcher.add(tmp_path / "in", changes)
    (tmp_path / "a").touch()
    (tmp_path / "a").rename(tmp_path / "in" / "a")
    (tmp_path / "in" / "b").touch()
    await eventually(lambda: changes.has("in", "b"), "the second file")
    assert [change for change in changes if change[1]][:2] == [("in", "a", False), ("in", "b", True)]


async def test_a_folder_moved_away_with_its_parent_is_not_followed(
    watcher: Watcher, changes: Changes, tmp_path: Path
) -> None:
    folder = tmp_path / "parent" / "folder"
    folder.mkdir(parents=True)
    watcher.add(folder, changes)
    (tmp_path / "parent").rename(tmp_path / "old")
    await eventually(lambda: changes.has("folder", None), "the end")
    changes.clear()
    (tmp_path / "old" / "folder" / "a").touch()
    folder.mkdir(parents=True)
    await eventually(lambda: changes.has("folder", None), "the new folder")
    (folder / "b").touch()
    await eventually(lambda: changes.has("folder", "b"), "its file")
    assert not changes.has("folder", "a")


async def test_a_link_to_another_folder_is_followed_there(watcher: Watcher, changes: Changes, tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    link = tmp_path / "link"
    link.symlink_to("first")
    watcher.add(link, changes)
    (tmp_path / "first" / "a").touch()
    await eventually(lambda: changes.has("link", "a"), "a file behind the link")
    (tmp_path / "new").symlink_to("second")
    (tmp_path / "new").rename(link)
    await eventually(lambda: changes.has("link", None), "the other link")
    (tmp_path / "second" / "b").touch()
    await eventually(lambda: changes.has("link", "b"), "a file behind the other link")


async def test_two_names_of_a_folder_are_both_told(watcher: Watcher, changes: Changes, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    for name in ("real", "link"):
        watcher.add(tmp_path / name, changes)
    (tmp_path / "real" / "a").touch()
    await eventually(lambda: changes.has("real", "a") and changes.has("link", "a"), "both names")
    watcher.remove(tmp_path / "link")
    (tmp_path / "real" / "b").touch()
    await eventually(lambda: changes.has("real", "b"), "the name that is left")
    assert not changes.has("link", "b")


async def test_what_was_removed_is_not_told(watcher: Watcher, changes: Changes, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        watcher.add(tmp_path / name, changes)
    watcher.remove(tmp_path / "a")
    watcher.remove(tmp_path / "never added")
    (tmp_path / "a" / "x").touch()
    (tmp_path / "b" / "x").touch()
    await eventually(lambda: changes.has("b", "x"), "the other folder")
    assert not changes.has("a", "x")


async def test_nothing_is_told_after_close(
    no_descriptor_leaks: None, seen: list[Observation], settings: Settings, now: Callable[[], int], tmp_path: Path
) -> None:
    watcher, changes = Watcher(seen.append, settings, now), Changes()
    watcher.start()
    watcher.add(tmp_path, changes)
    (tmp_path / "a").touch()
    watcher.close()
    watcher.close()
    await settled()
    assert changes == []


async def test_an_overflow_of_the_queue_means_a_look_at_everything(
    watcher: Watcher, changes: Changes, tmp_path: Path
) -> None:
    (tmp_path / "there").mkdir()
    watcher.add(tmp_path / "there", changes)
    watcher.add(tmp_path / "missing" / "folder", changes)
    flood(tmp_path / "there")
    (tmp_path / "missing" / "folder").mkdir(parents=True)
    await eventually(lambda: changes.has("there", None) and changes.has("folder", None), "the looks")
    (tmp_path / "missing" / "folder" / "c").touch()
    await eventually(lambda: changes.has("folder", "c"), "a file in the folder whose beginning was missed")


async def test_another_look_comes_when_asked_for(watcher: Watcher, changes: Changes, tmp_path: Path) -> None:
    watcher.add(tmp_path, changes)
    watcher.again(tmp_path)
    await eventually(lambda: changes.has(tmp_path.name, None), "the look")


class Limited:
    """inotify with a limit on folders, as the system has one."""

    room = 3

    def __init__(self, told: Told) -> None:
        self._folders = InotifyFolders(told)
        self._handles: set[Hashable] = set()

    def watch(self, folder: Path, *, shallow: bool) -> Hashable:
        handle = self._folders.watch(folder, shallow=shallow)
        if handle not in self._handles and len(self._handles) >= self.room:
            self._folders.unwatch(handle)
            raise OSError(errno.ENOSPC, "No space left on device")
        self._handles.add(handle)
        return handle

    def unwatch(self, handle: Hashable) -> None:
        self._handles.discard(handle)
        self._folders.unwatch(handle)

    def close(self) -> None:
        self._folders.close()


async def test_what_the_limit_leaves_out_is_polled_until_there_is_room(
    monkeypatch: pytest.MonkeyPatch,
    seen: list[Observation],
    settings: Settings,
    now: Callable[[], int],
    tmp_path: Path,
    changes: Changes,
) -> None:
    watcher = Watcher(seen.append, settings, now, Limited)
    watcher.start()
    for name in "abcd":  # with the folder above there is room for two
        (tmp_path / name).mkdir()
        watcher.add(tmp_path / name, changes)
    assert [type(item) for item in seen] == [Trouble]
    trouble = seen[0]
    assert isinstance(trouble, Trouble)
    assert "fs.inotify.max_user_watches" in trouble.message
    assert "every 0.02 s" in trouble.message
    assert trouble.source == "watch"

    await eventually(lambda: changes.count(("c", None, False)) > 2 and changes.has("d", None), "looks in intervals")
    assert not changes.has("a", None)
    (tmp_path / "b" / "file").touch()
    await eventually(lambda: changes.has("b", "file"), "a file where there was room")

    monkeypatch.setattr(Limited, "room", 100)
    await eventually(lambda: not any(item.polled for item in watcher._watched.values()), "the end of the polling")
    for name in "cd":
        (tmp_path / name / "file").touch()
    await eventually(lambda: changes.has("c", "file") and changes.has("d", "file"), "files where there is room now")
    assert len(seen) == 1
    watcher.close()


async def test_without_any_notification_everything_is_polled(
    seen: list[Observation], settings: Settings, now: Callable[[], int], tmp_path: Path, changes: Changes
) -> None:
    made: list[Told] = []

    def make(told: Told) -> Native:
        made.append(told)
        if len(made) < 4:
            raise OSError(errno.EMFILE, "Too many open files")
        return InotifyFolders(told)

    watcher = Watcher(seen.append, settings, now, make)
    watcher.start()
    watcher.add(tmp_path / "later", changes)
    await eventually(lambda: len(changes) >= 2, "looks")
    trouble = seen[0]
    assert isinstance(trouble, Trouble)
    assert "fs.inotify.max_user_instances" in trouble.message
    await eventually(lambda: not any(item.polled for item in watcher._watched.values()), "the end of the polling")
    (tmp_path / "later").mkdir()
    changes.clear()
    await eventually(lambda: changes.has("later", None), "the folder")
    assert len(seen) == 1
    watcher.close()


async def test_a_folder_in_the_way_of_no_folder_is_waited_for(
    watcher: Watcher, changes: Changes, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    watcher.add(tmp_path / "file" / "folder", changes)
    (tmp_path / "file").unlink()
    (tmp_path / "file" / "folder").mkdir(parents=True)
    await eventually(lambda: changes.has("folder", None), "the folder")


async def test_a_folder_that_comes_while_we_begin_to_wait_for_it_is_watched(
    seen: list[Observation], settings: Settings, now: Callable[[], int], tmp_path: Path, changes: Changes
) -> None:
    folder = tmp_path / "one" / "two"

    class Racing(Limited):
        room = 100

        def watch(self, place: Path, *, shallow: bool) -> Hashable:
            if place == folder.parent and place.is_dir():
                folder.mkdir(exist_ok=True)
            elif place == tmp_path:
                folder.parent.mkdir(exist_ok=True)
            return super().watch(place, shallow=shallow)

    watcher = Watcher(seen.append, settings, now, Racing)
    watcher.start()
    watcher.add(folder, changes)
    (folder / "a").touch()
    await eventually(lambda: changes.has("two", "a"), "its file")
    watcher.close()


async def test_names_of_any_bytes_are_told(watcher: Watcher, changes: Changes, tmp_path: Path) -> None:
    watcher.add(tmp_path, changes)
    names = [os.fsdecode(b"\xff\xfe"), "ü \u2028 \U0001f600", "two\nlines", " .. "]
    for name in names:
        (tmp_path / name).touch()
    await eventually(lambda: all(changes.has(tmp_path.name, name) for name in names), "all names")


async def test_a_run_of_watchfiles_that_fails_is_said_once_and_begun_again(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    seen: list[Observation],
    settings: Settings,
    now: Callable[[], int],
    tmp_path: Path,
    changes: Changes,
) -> None:
    errors = [OSError(errno.EMFILE, "Too many open files"), RuntimeError("no"), ExceptionGroup("", [RuntimeError()])]

    async def failing(*folders: str, **more: Any) -> AsyncIterator[set[FileChange]]:
        if errors:
            raise errors.pop()
        async for batch in awatch(*folders, **more):
            yield batch

    def is_told() -> bool:
        (tmp_path / "a").touch()
        return changes.has(tmp_path.name, "a")

    monkeypatch.setattr(watchfiles_folders, "awatch", failing)
    monkeypatch.setattr(watchfiles_folders, "_AGAIN", 0.02)
    watcher = Watcher(seen.append, settings, now, WatchfilesFolders)
    watcher.start()
    watcher.add(tmp_path, changes)
    await eventually(lambda: not errors, "runs that fail")
    assert changes.has(tmp_path.name, None)
    await eventually(is_told, "a file")
    assert [record.name for record in caplog.records].count(watchfiles_folders.__name__) == 1
    watcher.close()


class Still:
    """Tells nothing by itself."""

    def watch(self, folder: Path, *, shallow: bool) -> Hashable:
        return folder

    def unwatch(self, handle: Hashable) -> None:
        pass

    def close(self) -> None:
        pass


async def test_of_many_folders_that_go_each_holds_nothing_up(
    seen: list[Observation], settings: Settings, now: Callable[[], int], changes: Changes
) -> None:
    watcher = Watcher(seen.append, settings, now, lambda _told: Still())
    watcher.start()
    for number in range(1500):
        watcher.add(Path(f"/home/dev/.claude/projects/-home-dev-work-{number}"), changes)
    calls = Counter[str]()
    sys.setprofile(lambda _frame, event, _arg: calls.update((event,)))
    try:
        watcher._told(Path("/home/dev/.claude/projects"), "-home-dev-work-7", Kind.LEFT)
    finally:
        sys.setprofile(None)
    each = (calls["call"] + calls["c_call"]) / len(watcher._watched)
    assert each < 50, "to take each path apart and compare its parts takes 111"
    watcher.close()
