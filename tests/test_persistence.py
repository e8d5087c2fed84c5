"""From one run to the next, without a service around it: what a start makes of the database that it finds."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from clawsocket import persistence
from clawsocket.claude import hooks
from clawsocket.claude.observations import HookSeen
from clawsocket.config import Settings
from clawsocket.errors import StoreError
from clawsocket.log.eventlog import EventLog
from clawsocket.log.store import Extras, Position, Store
from clawsocket.log.viewer import Viewer
from clawsocket.paths import Home
from clawsocket.persistence import DAY, Persistence
from clawsocket.sources.transcript_index import Transcript
from clawsocket.state import saved
from clawsocket.state.world import World
from tests.log.events import ALL, messages
from tests.sources.running import eventually
from tests.support.feed import SESSION, hook

PAGE = 8192


class Run:
    """A run of the program, as far as its log goes."""

    def __init__(self, home: Home, **changed: Any) -> None:
        self.log, self.world = EventLog(max_bytes=10**8, max_events=10**5), World()
        self.persistence = Persistence(home, Settings(**changed), self.log, self.world, [])

    def take(self, number: int, at: int = 1_700_000_000_000, **more: object) -> None:
        """Take a hook."""
        seen = HookSeen(str(number), at, hooks.parse(hook(number, **more)))
        for event in (*self.world.apply(seen, at), *self.world.flush(), *self.world.expire(at + 1000)):
            self.log.append(event)
            self.persistence.touch(event.session_id)


def kill(run: Run) -> None:
    """End a run before it has written anything."""
    disk = run.persistence.disk
    assert disk is not None
    assert disk._timer is not None
    disk._timer.cancel()
    for worker in (disk._reader, disk._writer):
        worker.stop()
    disk._store.close()


@contextlib.asynccontextmanager
async def running(home: Home, **changed: Any) -> AsyncIterator[Run]:
    run = Run(home, **changed)
    yield run
    await run.persistence.close()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "claw")
    home.create()
    return home


async def test_the_file_of_a_hook_that_is_held_stays_as_long_as_it_is_held(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(persistence, "HELD", 0.01)
    async with running(home) as run:
        deleted: list[bool] = []
        looks = 0

        def holds(_world: World) -> bool:
            nonlocal looks
            looks += 1
            return looks < 4

        monkeypatch.setattr(World, "holds_hooks", property(holds))
        run.persistence.release(lambda: deleted.append(looks == 4))
        await eventually(lambda: bool(deleted), "its file to go")
        assert deleted == [True]


async def test_a_session_that_ended_shortly_before_is_known_to_the_next_run(home: Home) -> None:
    now = time.time_ns() // 1_000_000
    async with running(home) as run:
        run.persistence.caught_up = lambda: True
        for id, at in (("long ago", now - DAY), (SESSION, now)):
            run.take(1, at, session_id=id)
            run.take(2, at, session_id=id, hook_event_name="SessionEnd")
            run.world.expire(at + 120_000)
            assert id in run.world.past
    async with running(home) as run:
        assert list(run.world.ended) == [SESSION]


async def test_the_state_of_a_session_goes_to_disk_with_the_event_that_tells_it(home: Home) -> None:
    async with running(home) as run:
        disk = run.persistence.disk
        assert disk is not None
        for number, (name, state) in enumerate((("SessionStart", "idle"), ("PermissionRequest", "requires_action"))):
            run.take(number, hook_event_name=name)
            await eventually(lambda: disk.committed == run.log.head, "the commit")
            with contextlib.closing(Viewer(home.log)) as viewer:
                (kept,) = map(saved.load, [one.saved for one in viewer.sessions()])
            assert kept is not None
            assert kept.info.state == state


async def test_how_a_session_was_at_the_end_of_a_run_is_on_disk(home: Home) -> None:
    call: dict[str, Any] = {"hook_event_name": "PreToolUse", "tool_name": "Read"}
    async with running(home) as run:
        disk = run.persistence.disk
        assert disk is not None
        run.take(1, **call, tool_use_id="1")
        await eventually(lambda: disk.committed == run.log.head, "the commit")
        run.take(2, 1_700_000_000_500, **call, tool_use_id="2")
    with contextlib.closing(Viewer(home.log)) as viewer:
        assert [one.last_at for one in viewer.sessions()] == [1_700_000_000_500]


# Damage


async def test_wherever_a_database_is_damaged_the_service_starts_with_it_or_with_a_new_one(home: Home) -> None:
    async with running(home) as run:
        for number in range(100):
            run.take(number, prompt="x" * 1500)
        assert run.persistence.disk is not None
        run.persistence.disk.add(Extras([Position(f"/{'long' * 20}/{number}", 1, number, 5) for number in range(200)]))
    content = home.log.read_bytes()
    aside = 0
    for start in range(0, len(content), PAGE):
        home.log.write_bytes(content[:start] + bytes(PAGE) + content[start + PAGE :])
        async with running(home) as run:
            assert run.persistence.disk is not None, "a log is on disk"
            assert (SESSION in run.world.sessions) is (run.persistence.trouble is None), (
                "nothing of a damaged one is used"
            )
        kept = list(home.root.glob("log.db.damaged-*"))
        assert bool(kept) is (run.persistence.trouble is not None)
        aside += bool(kept)
        for path in kept:
            path.unlink()
    assert aside > len(content) // PAGE // 2


# Runs without a log


def losses(run: Run) -> list[str]:
    frames = run.log.read(0, ALL, max_bytes=10**6).frames
    return [message["reason"] for message in messages(frames) if message["type"] == "gap"]


@pytest.mark.parametrize(("posted", "ends_well"), [(True, True), (True, False), (False, False)])
async def test_what_was_posted_may_be_lost_with_a_crash_and_with_nothing_else(
    home: Home, posted: bool, ends_well: bool
) -> None:
    run = Run(home)
    disk = run.persistence.disk
    assert disk is not None
    if posted:
        run.persistence.posted()
    run.take(1)
    await eventually(lambda: disk.committed == run.log.head and disk._trimming is None, "the commit")
    disk.wake()
    if ends_well:
        await run.persistence.close()
    else:
        kill(run)
    async with running(home) as run:
        assert losses(run) == (["crash"] if posted and not ends_well else [])


@pytest.mark.parametrize("reason", ["it was not to be used", "it could not be opened"])
async def test_what_a_run_took_without_the_log_is_told_as_a_gap_by_the_next_one(
    home: Home, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    def refuse(path: Path) -> Store:
        raise StoreError(path, "database is locked")

    async with running(home) as run:
        run.take(1)
    with monkeypatch.context() as patch:
        if reason == "it could not be opened":
            patch.setattr(persistence, "Store", refuse)
        async with running(home, log_to_disk=reason == "it could not be opened") as run:
            assert run.persistence.disk is None
            run.take(2)
    async with running(home) as run:
        seen = run.log.first
        assert losses(run) == ["source"]
        assert seen < run.log.last_loss, "so that nobody is told that nothing is missing"
    async with running(home) as run:
        assert losses(run) == []
    assert not home.missed.exists()


async def test_where_there_was_no_room_for_the_mark_it_is_left_at_the_end(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, mode: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    async with running(home):
        pass
    with monkeypatch.context() as patch:
        patch.setattr(Path, "touch", refuse)
        run = Run(home, log_to_disk=False)
    assert not home.missed.exists()
    await run.persistence.close()
    assert home.missed.exists()


async def test_a_run_without_a_log_leaves_no_mark_where_there_is_none_to_go_on_with(home: Home) -> None:
    async with running(home, log_to_disk=False) as run:
        run.take(1)
    assert not home.missed.exists()


async def test_a_loss_that_a_run_was_killed_before_it_had_told_is_told_by_the_next_one(home: Home) -> None:
    async with running(home):
        pass
    home.missed.touch()
    kill(Run(home))
    assert home.missed.exists()
    async with running(home) as run:
        assert losses(run) == ["source"]


@pytest.mark.parametrize("writable", [False, True], ids=["to the end", "until there is room"])
async def test_what_memory_let_go_of_and_never_came_to_disk_is_told_as_a_gap_by_the_next_run(
    home: Home, monkeypatch: pytest.MonkeyPatch, writable: bool
) -> None:
    def refuse(store: Store, *_: object, **__: object) -> None:
        raise StoreError(store.path, "disk is full")

    async with running(home) as run:
        run.take(0)
    run = Run(home)
    with monkeypatch.context() as patch:
        patch.setattr(Store, "commit", refuse)
        for number in range(1, 100):
            run.take(number)
        run.log._max_events = 10
        run.take(100)
        assert home.missed.exists()
        if not writable:
            await run.persistence.close()
    if writable:
        await run.persistence.close()
    assert home.missed.exists() is not writable
    async with running(home) as run:
        assert ("source" in losses(run)) is not writable


# Forgetting


async def test_a_purge_that_meets_damage_is_done_in_the_new_database(home: Home) -> None:
    async with running(home) as run:
        run.take(1)
        run.take(2, session_id="other")
    with contextlib.closing(sqlite3.connect(home.log)) as db, db:
        db.execute("UPDATE blocks SET crc = 0")
        db.execute("UPDATE sessions SET ended = 1")  # so that the start reads no block
    async with running(home) as run:
        run.take(3, session_id="new")
        await run.persistence.purge([SESSION])
    assert list(home.root.glob("log.db.damaged-*")) != []
    with contextlib.closing(Viewer(home.log)) as viewer:
        assert [one.id for one in viewer.sessions()] == ["new"]


async def test_positions_of_files_that_are_gone_are_forgotten(home: Home, tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    positions = [Position(str(tmp_path / name), 1, 2, 3) for name in ("there", "gone")]
    async with running(home) as run:
        assert run.persistence.disk is not None
        run.persistence.disk.add(Extras(positions))
    async with running(home) as run:
        await run.persistence.forget_gone()
    with contextlib.closing(Viewer(home.log)) as viewer:
        assert viewer.positions() == positions[:1]


async def test_that_a_purged_session_is_gone_is_told_to_who_takes_events_later_too(home: Home) -> None:
    async with running(home) as run:
        run.take(1, prompt="secret")
        run.take(2, session_id="other")
        seen = run.log.first - 1
        await run.persistence.purge([SESSION])
        told = messages(run.log.read(seen, ALL, max_bytes=10**6).frames)
        of_it = [message for message in told if message["sessionId"] == SESSION]
        assert [message["type"] for message in of_it] == ["session.removed"]
        assert of_it == told[-1:]
        assert SESSION not in run.world.sessions
    with contextlib.closing(Viewer(home.log)) as viewer:
        assert [row.type for row in viewer.events(SESSION)] == ["session.removed"]
        assert viewer.events("other") != []
        assert [one.id for one in viewer.sessions()] == ["other"]


async def test_of_a_session_that_is_over_nothing_is_kept_in_memory_for_its_next_save(home: Home) -> None:
    async with running(home) as run:
        run.take(1)
        run.take(2, hook_event_name="SessionEnd")
        run.persistence._extras()
        (kept,) = run.persistence._saved
        for event in run.world.expire(run.world.now + 100_000):
            run.log.append(event)
            run.persistence.touch(event.session_id)
        assert kept not in run.world.sessions
        (saved,) = run.persistence._extras().sessions
        assert saved.ended
        assert not run.persistence._saved


async def test_where_nothing_goes_to_disk_nothing_is_gathered_for_it(home: Home, tmp_path: Path) -> None:
    async with running(home, log_to_disk=False) as run:
        path = tmp_path / "s.jsonl"
        path.touch()
        transcript = Transcript(path, ("s", None), path.stat())
        run.persistence.checkpoints.begun(transcript)
        run.persistence.checkpoints.moved(transcript)
        run.take(1)
        assert run.persistence._extras() == Extras([], [], None)


async def test_settings_that_are_a_pipe_are_as_good_as_none(home: Home, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "settings.json")
    log = EventLog(max_bytes=10**8, max_events=10**5)
    found = Persistence(home, Settings(), log, World(), [tmp_path])
    assert found.disk is not None
    await found.close()
