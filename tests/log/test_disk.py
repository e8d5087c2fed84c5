"""The log's way to disk: committed soon, in order; what waits for it is called; what fails is told and tried again."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import math
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from clawsocket.errors import StoreDamagedError, StoreError
from clawsocket.log import disk as disk_module
from clawsocket.log import eventlog as eventlog_module
from clawsocket.log import store as store_module
from clawsocket.log.disk import Disk
from clawsocket.log.eventlog import KNOWN, EventLog
from clawsocket.log.fanout import FanOut
from clawsocket.log.store import Extras, Position, SavedSession, Store
from clawsocket.log.viewer import Viewer
from clawsocket.log.worker import Job
from clawsocket.protocol.replies import Gap
from tests.log.events import ALL, fact, messages, seqs
from tests.log.test_fanout import FakeSink
from tests.sources.running import eventually

Begin = Callable[..., tuple[EventLog, Disk]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


@pytest.fixture
async def begin(path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Begin]:
    """Opens logs; those that are still open in the end are closed."""
    monkeypatch.setattr(disk_module, "RETRY", (0.02, 0.1))
    made: list[Disk] = []

    def begin(*, max_events: int = 1000, max_bytes: int = 10**9, max_age: int = 10**15) -> tuple[EventLog, Disk]:
        log = EventLog(max_bytes=10**9, max_events=max_events)
        store = Store(path)
        disk = Disk(store, max_bytes=max_bytes, max_age=max_age)
        log.resume(disk, store, store.ids(KNOWN))
        made.append(disk)
        return log, disk

    yield begin
    for disk in made:
        if not disk._closing:
            await disk.close()


def put(log: EventLog, *numbers: int) -> None:
    for number in numbers:
        log.append(fact(f"m:{number}"))


async def committed(log: EventLog, disk: Disk) -> None:
    done = asyncio.Event()
    disk.when_committed(done.set)
    await asyncio.wait_for(done.wait(), 10)
    assert disk.committed >= log.head


def spoil(path: Path, *, first: int = 10**6) -> None:
    """Let the blocks with the first events, so many, be other than they were written."""
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute(
            "UPDATE blocks SET frames = x'00' WHERE last < (SELECT value FROM meta WHERE name = 'first') + ?", (first,)
        )


def damage(store: Store, **_: object) -> None:
    raise StoreDamagedError(store.path, "a bad page")


def ids(path: Path) -> list[str]:
    with contextlib.closing(Viewer(path)) as viewer:
        return viewer.ids(10**6)


async def test_what_is_appended_is_on_disk_soon_and_what_waits_for_it_is_called_in_order(
    begin: Begin, path: Path
) -> None:
    log, disk = begin()
    called: list[str] = []
    put(log, 1)
    disk.when_committed(lambda: called.append("1"))
    put(log, 2)
    disk.when_committed(lambda: called.append("2"))
    assert called == []
    await committed(log, disk)
    assert called == ["1", "2"]
    assert ids(path) == ["m:1", "m:2"]
    disk.when_committed(lambda: called.append("at once"))
    assert called[-1] == "at once"


async def test_thousands_that_wait_do_not_hold_the_loop(begin: Begin) -> None:
    log, disk = begin()
    put(log, 1)
    turns: list[int] = []
    turn = 0

    def slow() -> None:
        time.sleep(0.0002)  # as a file that is deleted
        turns.append(turn)

    for _ in range(100):
        disk.when_committed(slow)
    while len(turns) < 100:
        await asyncio.sleep(0)
        turn += 1
    assert len(set(turns)) > 5


async def test_extras_go_with_the_events_that_were_there_when_they_were_asked_for(begin: Begin) -> None:
    log, disk = begin()
    disk.extras = lambda: Extras([Position("/f", 1, 2, log.head - log.first + 1)])
    put(log, 1, 2, 3)
    await committed(log, disk)
    assert await disk.call(Store.positions) == [Position("/f", 1, 2, 3)]


async def test_many_events_are_committed_in_parts(begin: Begin, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_module, "BATCH", 7)
    log, disk = begin()
    asked: list[int] = []

    def extras() -> Extras:
        asked.append(log.head)
        return Extras()

    disk.extras = extras
    put(log, *range(30))
    await committed(log, disk)
    assert ids(path) == [f"m:{number}" for number in range(30)]
    assert asked == [log.head], "they belong to the last part"


@pytest.mark.parametrize("fails", [False, True], ids=["works", "fails"])
async def test_what_is_written_and_read_is_let_go_at_once_and_waits_for_no_garbage_collector(
    begin: Begin, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    log, disk = begin()

    def jobs() -> list[object]:
        return [one for one in gc.get_objects() if isinstance(one, Job)]

    def fail(store: Store, *_: object, **_more: object) -> None:
        raise StoreError(store.path, "the disk is full")

    gc.collect()
    gc.disable()
    try:
        if fails:
            with monkeypatch.context() as patch:
                patch.setattr(Store, "commit", fail)
                patch.setattr(Store, "read", fail)
                put(log, 0)
                await eventually(lambda: not disk.works, "a commit that fails")
                with pytest.raises(StoreError):
                    await disk.read(log.first - 1, ALL, max_bytes=10**6, upto=log.head)
        for number in range(1, 4):
            put(log, number)
            await committed(log, disk)  # heard, as somebody waits for it
        assert (await disk.read(log.first - 1, ALL, max_bytes=10**6, upto=log.head)).frames
        await eventually(lambda: not jobs(), "the end of the jobs")
    finally:
        gc.enable()


async def test_the_end_of_a_commit_that_takes_its_time_is_heard(begin: Begin) -> None:
    log, disk = begin()
    goes_on = threading.Event()
    writing = asyncio.ensure_future(disk.write(lambda _store: goes_on.wait(10)))
    put(log, 1)
    await eventually(lambda: disk._commit is not None and disk._timer is None, "the turn after the commit's")
    goes_on.set()
    await writing
    await eventually(lambda: disk.committed == log.head, "its end")


async def test_after_a_clean_end_the_log_goes_on_and_knows_its_facts(begin: Begin) -> None:
    log, disk = begin()
    put(log, 1, 2)
    await disk.close()
    again, _ = begin()
    assert (again.epoch, again.head, again.first) == (log.epoch, log.head, log.first)
    assert again.append(fact("m:2")) is None
    assert again.append(fact("m:3")) == log.head + 1


async def test_after_a_start_no_memory_is_spent_on_hooks_by_post(begin: Begin) -> None:
    log, disk = begin()
    for id in ("h:post-5eed-0", "h:4021-77"):
        log.append(fact(id))
    await disk.close()
    log, _ = begin()
    assert [log.knows("h:post-5eed-0"), log.knows("h:4021-77")] == [False, True]


async def test_what_memory_has_no_room_for_is_read_from_disk(begin: Begin) -> None:
    log, disk = begin(max_events=10)
    put(log, *range(10))
    await committed(log, disk)
    put(log, *range(10, 15))
    await committed(log, disk)
    after = log.first - 1
    assert log.on_disk(after)
    assert log.gap(after) is None
    slice = await disk.read(after, ALL, max_bytes=10**6, upto=log.head)
    assert seqs(slice.frames) == list(range(log.first, log.head + 1))


async def test_what_is_old_and_on_disk_is_let_go_of_and_read_from_there(begin: Begin) -> None:
    log, disk = begin()
    put(log, *range(10))
    await committed(log, disk)
    put(log, 10)
    log.let_go(1)
    assert log.oldest_in_memory == log.first, "they are of the moment 1"
    log.let_go(2)
    assert log.oldest_in_memory == log.head, "the newest is not on disk yet"
    await committed(log, disk)
    log.let_go(2)
    assert (log.oldest_in_memory, log.bytes_in_memory) == (log.head + 1, 0)
    assert (log.oldest, log.gap(log.first), log.is_whole(log.first)) == (log.first, None, True)
    fanout = FanOut(log, slice_bytes=10**6)
    reader = FakeSink()
    cursor = fanout.add(reader)
    cursor.filter, cursor.position = ALL, log.first - 1
    put(log, 11)
    await eventually(lambda: cursor.position == log.head, "all of it")
    assert reader.told == list(range(log.first, log.head + 1))


async def test_what_is_on_disk_no_more_stays_in_memory_however_old_it_is(begin: Begin) -> None:
    log, disk = begin()
    put(log, *range(10))
    await committed(log, disk)
    await disk.write(lambda store: store.trim(before=10**15, max_bytes=10**9))
    log.let_go(2)
    assert log.oldest_in_memory == log.first
    put(log, 10)
    await committed(log, disk)
    log.let_go(2)
    assert log.oldest_in_memory == log.first, "what came first is not on disk, though something is again"


async def test_much_that_is_let_go_of_does_not_hold_the_loop_and_is_not_held_by_what_was_read_last(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eventlog_module, "LET_GO", 4)
    log, disk = begin()
    put(log, *range(10))
    await committed(log, disk)
    log.read(log.first - 1, ALL, max_bytes=10**6)
    assert log._batch is not None
    left = []
    for _ in range(3):
        log.let_go(2)
        left.append(log.head + 1 - log.oldest_in_memory)
    assert left == [6, 2, 0]
    assert log._batch is None


async def test_a_log_in_memory_alone_lets_go_of_nothing_that_has_room() -> None:
    log = EventLog(max_bytes=10**9, max_events=1000)
    put(log, *range(10))
    log.let_go(2)
    assert log.oldest_in_memory == log.first


async def test_what_was_never_on_disk_and_has_no_room_in_memory_is_a_gap(begin: Begin, path: Path) -> None:
    log, disk = begin(max_events=10)
    called: list[str] = []
    missing: list[bool] = []
    disk.on_missing = missing.append
    put(log, *range(5))
    await committed(log, disk)
    busy = sqlite3.connect(path, isolation_level=None)
    busy.execute("BEGIN IMMEDIATE")
    put(log, *range(5, 10))
    disk.when_committed(lambda: called.append("given up"))
    put(log, *range(10, 30))
    assert called == ["given up"], "it will never be on disk, so nobody need wait"
    assert [log.is_whole(after) for after in (log.first - 1, disk.committed, log.oldest_in_memory - 1)] == [
        False,
        False,
        True,
    ], "what is on disk is there, and what comes behind it is gone"
    lost = log.gap(disk.committed)
    assert lost is not None
    assert (lost.from_, lost.to, lost.reason) == (disk.committed + 1, log.oldest_in_memory - 1, "evicted")
    assert missing == [True]
    busy.execute("ROLLBACK")
    busy.close()
    await committed(log, disk)
    assert missing == [True, False]
    told = [f"m:{number}" for number in (*range(5), *range(20, 30))]
    assert ids(path) == [*told[:5], f"gap:{log.head - 10}", *told[5:]]


@pytest.mark.parametrize("before", [0, 5])
async def test_who_comes_later_is_told_of_what_never_came_to_disk(begin: Begin, path: Path, before: int) -> None:
    log, disk = begin(max_events=10)
    put(log, *range(before))
    await committed(log, disk)
    busy = sqlite3.connect(path, isolation_level=None)
    busy.execute("BEGIN IMMEDIATE")
    put(log, *range(before, 30))
    busy.execute("ROLLBACK")
    busy.close()
    await committed(log, disk)
    put(log, *range(30, 40))
    await committed(log, disk)
    read = await disk.read(log.first - 1, ALL, max_bytes=10**6, upto=log.head)
    told = [message.get("seq") or (message["from"], message["to"]) for message in messages(read.frames)]
    hole = (log.first + before, log.first + 19)
    assert told == [*range(log.first, hole[0]), hole, *range(hole[1] + 1, log.head + 1)]
    assert log.last_loss == hole[1], "so that who has less is not told that nothing is missing"


async def test_a_hole_on_disk_hides_no_later_loss(begin: Begin, path: Path) -> None:
    log, disk = begin(max_events=10)
    busy = sqlite3.connect(path, isolation_level=None)
    busy.execute("BEGIN IMMEDIATE")
    put(log, *range(30))
    lost = log.lose("source")
    busy.execute("ROLLBACK")
    busy.close()
    await committed(log, disk)
    assert log.last_loss == lost, "who has what came before it is not told that nothing is missing"


async def test_there_is_no_room_for_more_while_half_of_memory_is_not_on_disk_yet(begin: Begin) -> None:
    log, disk = begin(max_events=10)
    goes_on = threading.Event()
    busy = disk.write(lambda _store: goes_on.wait(10))
    writing = asyncio.ensure_future(busy)
    await eventually(disk._writer._jobs.empty, "the writer to be at it")
    put(log, *range(5))
    assert log.has_room()
    put(log, 5)
    assert not log.has_room()
    goes_on.set()
    await writing
    await committed(log, disk)
    assert log.has_room()


async def four_blocks(begin: Begin) -> tuple[EventLog, Disk]:
    """Have a log of twelve events, three to a block on disk, of which memory holds the last three."""
    log, disk = begin(max_events=3)
    for number in range(0, 12, 3):
        put(log, number, number + 1, number + 2)
        await committed(log, disk)
    await eventually(lambda: disk._trimming is None, "the first look")
    return log, disk


async def test_what_was_deleted_of_a_log_is_a_gap(begin: Begin, path: Path) -> None:
    log, disk = await four_blocks(begin)
    assert log.gap(log.first) is None
    await disk.write(lambda store: store.trim(before=10**15, max_bytes=10**9))
    assert disk.oldest == 0, "all of it"
    lost = log.gap(log.first)
    assert lost is not None
    assert (lost.from_, lost.reason) == (log.first + 1, "evicted")
    assert lost.to == log.oldest_in_memory - 1, "what memory holds is there"


async def test_what_is_deleted_while_a_reader_waits_for_its_turn_is_a_gap(begin: Begin) -> None:
    log, disk = await four_blocks(begin)
    fanout, sink, others = FanOut(log, slice_bytes=10**6), FakeSink(), threading.Event()
    cursor = fanout.add(sink)
    cursor.filter, cursor.position = ALL, log.first
    asked = disk.call(lambda _store: others.wait(10))  # keeps the reading thread busy
    reading = asyncio.ensure_future(asked)
    fanout.wake()
    await eventually(lambda: disk._reader._jobs.qsize() == 1, "the reader to wait")
    trimming = asyncio.ensure_future(disk.write(lambda store: store.trim(before=10**15, max_bytes=10**9)))
    await eventually(lambda: disk._reader._jobs.qsize() == 2, "the deleting to be done")
    others.set()
    await asyncio.gather(reading, trimming)
    await eventually(lambda: sink.told[-1:] == [log.head], "what is left")
    assert isinstance(sink.told[0], Gap), "it got no event after the first, and nothing said so"
    assert (sink.told[0].from_, sink.told[0].to) == (log.first + 1, log.head - 3)
    assert sink.told[1:] == [log.head - 2, log.head - 1, log.head]


async def test_what_is_deleted_before_a_reader_has_its_turn_is_a_gap(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, disk = await four_blocks(begin)
    monkeypatch.setattr(store_module, "TRIM", 3)
    fanout = FanOut(log, slice_bytes=10**6)
    sink = FakeSink()
    cursor = fanout.add(sink)
    cursor.filter, cursor.position = ALL, log.first - 1
    async with fanout._disk_turn:
        fanout.wake()
        await eventually(lambda: cursor.read is not None, "the wait for its turn")
        await disk.write(lambda store: store.trim(before=10**15, max_bytes=10**9))
    await eventually(lambda: cursor.position == log.head, "the end of the log")
    gap, *rest = sink.told
    assert (gap.from_, gap.to, gap.reason) == (log.first, log.first + 2, "evicted")
    assert rest == list(range(log.first + 3, log.head + 1))


async def test_who_is_to_be_told_something_before_what_is_on_disk_is_told_once_of_the_gap(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, disk = await four_blocks(begin)
    monkeypatch.setattr(store_module, "TRIM", 6)
    await disk.write(lambda store: store.trim(before=10**15, max_bytes=10**9))
    fanout = FanOut(log, slice_bytes=10**6)
    sink = FakeSink()
    cursor = fanout.add(sink)
    cursor.filter, cursor.position, cursor.barrier = ALL, log.first - 1, log.first + 1
    fanout.wake()
    await eventually(lambda: cursor.position == log.head, "the end of the log")
    gap, *rest = sink.told
    assert (gap.from_, gap.to, gap.reason) == (log.first, log.first + 5, "evicted")
    assert rest == [("reached", log.first + 5), *range(log.first + 6, log.head + 1)]


async def test_what_a_change_that_fails_has_deleted_is_a_gap(begin: Begin) -> None:
    def fail_late(store: Store) -> None:
        store.trim(before=10**15, max_bytes=10**9)
        raise StoreError(store.path, "somebody else reads it")

    log, disk = begin(max_events=3)
    put(log, 1, 2, 3)
    await committed(log, disk)
    await eventually(lambda: disk._trimming is None, "the first look")
    with pytest.raises(StoreError):
        await disk.write(fail_late)
    assert disk.oldest == 0


async def test_a_database_that_cannot_be_written_is_told_once_and_tried_again(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, disk = begin()
    told: list[tuple[str, bool]] = []
    disk.on_trouble = lambda message, goes_on: told.append((message, goes_on))
    disk.extras = lambda: Extras([Position("/f", 1, 2, 3)])
    full = disk._store._db
    full.execute("PRAGMA max_page_count = 1")  # SQLite's own full disk
    log.append(fact("big", text="x" * 1_000_000))
    await eventually(lambda: told != [], "the trouble")
    disk.extras = Extras
    put(log, 1)
    await eventually(lambda: disk._wait == disk_module.RETRY[1], "further attempts")
    assert len(told) == 1
    assert told[0][1] is True
    full.execute("PRAGMA max_page_count = 1000000")
    await committed(log, disk)
    assert await disk.call(lambda store: store.ids(9)) == ["big", "m:1"]
    assert await disk.call(Store.positions) == [Position("/f", 1, 2, 3)], "what the failed commit had is not lost"


async def test_of_what_waits_for_a_database_that_cannot_be_written_only_the_newest_is_held(
    begin: Begin, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, disk = begin()
    commits = 0

    def fail(store: Store, *_: object, **more: object) -> None:
        nonlocal commits
        commits += 1
        raise StoreError(store.path, "no room")

    def extras() -> Extras:
        return Extras([Position("/f", 1, 2, commits)], [SavedSession("s", "/p", False, commits, b"")])

    disk.extras = extras
    with monkeypatch.context() as patch:
        patch.setattr(Store, "commit", fail)
        put(log, 1)
        await eventually(lambda: commits > 3, "some attempts")
    await committed(log, disk)
    last = await disk.call(lambda store: (store.positions(), store.sessions()))
    assert last == ([Position("/f", 1, 2, commits)], [SavedSession("s", "/p", False, commits, b"")])
    disk.add(extras())
    disk.add(extras())
    assert disk._extras == extras()


async def test_a_log_that_cannot_be_closed_well_is_closed(begin: Begin, caplog: pytest.LogCaptureFixture) -> None:
    log, disk = begin()
    disk.extras = lambda: Extras([Position("/f", 1 << 64, 1, 3)])  # nothing that SQLite takes
    put(log, 1)
    await disk.close()
    assert "could not be closed well" in caplog.text
    with pytest.raises(StoreError):
        disk._store.commit([], Extras(), head=1)


async def test_a_database_that_is_damaged_is_replaced_by_what_memory_holds(begin: Begin, path: Path) -> None:
    log, disk = begin()
    damaged: list[str] = []
    disk.on_damage = damaged.append
    put(log, 1, 2)
    await committed(log, disk)
    await asyncio.to_thread(path.unlink)
    put(log, 3)
    await eventually(lambda: damaged != [], "the damage")
    await committed(log, disk)
    assert ids(path) == ["m:1", "m:2", "m:3"]
    await disk.close()
    again, _ = begin()
    assert (again.epoch, again.head) == (log.epoch, log.head)


async def test_what_memory_has_no_room_for_when_a_database_is_replaced_is_one_gap_whatever_was_lost_before(
    begin: Begin, path: Path
) -> None:
    log, disk = begin(max_events=10)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as busy:
        busy.execute("BEGIN IMMEDIATE")
        put(log, *range(30))
        busy.execute("ROLLBACK")
    await committed(log, disk)
    for start in range(30, 60, 10):
        put(log, *range(start, start + 10))
        await committed(log, disk)
    kept = log.oldest_in_memory
    gap = Gap(from_=log.first + 3, to=kept - 1, oldest_seq=kept, reason="evicted")
    disk._replace(disk._store, StoreDamagedError(path, "once"))
    assert log.gap(log.first + 2) == gap
    assert log.head - disk.committed == 10, "so many are not on disk yet"
    await committed(log, disk)
    assert log.gap(log.first + 2) == gap
    assert ids(path) == [f"m:{number}" for number in range(50, 60)]
    assert (log.oldest, disk.oldest, log.gap(kept - 1)) == (kept, kept, None)


async def test_what_memory_lets_go_before_a_new_database_is_written_is_told_once(begin: Begin, path: Path) -> None:
    log, disk = begin(max_events=10)
    put(log, *range(10))
    await committed(log, disk)
    disk._replace(disk._store, StoreDamagedError(path, "once"))
    put(log, *range(10, 15))
    told = log.gap(log.first)
    assert told is not None
    assert (told.from_, told.to) == (log.first + 1, log.first + 4)
    await committed(log, disk)
    read = await disk.read(log.first - 1, ALL, max_bytes=10**6, upto=log.head)
    hole, *events = messages(read.frames)
    assert (hole["from"], hole["to"]) == (log.first, log.first + 4)
    assert [event["seq"] for event in events] == list(range(log.first + 5, log.head + 1))


async def test_what_was_the_oldest_event_of_a_database_that_was_replaced_counts_no_more(
    begin: Begin, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, disk = begin(max_events=10)
    for start in range(0, 30, 10):
        put(log, *range(start, start + 10))
        await committed(log, disk)
    await eventually(lambda: disk._trimming is None, "the first look")
    real = Store.oldest

    def oldest(store: Store) -> tuple[int, int]:
        loop.call_soon_threadsafe(disk._replace, store, StoreDamagedError(path, "once"))
        return real(store)

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(Store, "oldest", oldest)
    await disk.write(lambda _store: None)
    await committed(log, disk)
    assert disk.oldest == log.oldest_in_memory == log.first + 20


async def test_where_every_new_database_is_damaged_the_disk_is_not_filled_with_them(
    begin: Begin, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, disk = begin()
    told: list[str] = []
    disk.on_trouble = lambda message, _goes_on: told.append(message)
    trims = 0

    def trim(store: Store, **_: int) -> bool:
        nonlocal trims
        trims += 1
        raise StoreDamagedError(store.path, "a bad disk")

    monkeypatch.setattr(Store, "trim", trim)
    monkeypatch.setattr(disk_module, "TRIM_INTERVAL", 0)

    async def looked() -> None:
        seen = trims
        await eventually(lambda: trims > seen, "a look")

    put(log, 1)
    for number in range(2, 5):
        await looked()
        await committed(log, disk)
        put(log, number)
    await eventually(lambda: told != [], "the trouble")
    aside = [one.name for one in path.parent.glob("log.db.damaged-*")]
    assert len([one for one in aside if not one.endswith(("-wal", "-shm"))]) == 1
    await committed(log, disk)
    assert ids(path) == [f"m:{number}" for number in range(1, 5)]


async def test_damage_that_a_reader_meets_is_an_error_and_mended(begin: Begin, path: Path) -> None:
    log, disk = begin(max_events=5)
    damaged: list[str] = []
    disk.on_damage = damaged.append
    put(log, *range(5))
    await committed(log, disk)
    put(log, *range(5, 10))
    await committed(log, disk)
    spoil(path, first=5)
    with pytest.raises(StoreDamagedError):
        await disk.read(log.first - 1, ALL, max_bytes=10**6, upto=log.head)
    assert damaged != []
    await committed(log, disk)
    assert ids(path) == [f"m:{number}" for number in range(5, 10)]
    gap = log.gap(log.first - 1)
    assert gap is not None
    assert (gap.from_, gap.to) == (log.first, log.first + 4)


async def test_a_database_that_is_damaged_while_it_is_closed_is_left_as_it_is(
    begin: Begin, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, disk = begin()
    closing = threading.Event()

    def late(store: Store, *_: object, **__: object) -> None:
        closing.wait(10)
        damage(store)

    monkeypatch.setattr(Store, "commit", late)
    put(log, 1)
    await eventually(lambda: disk._commit is not None, "a commit")
    end = asyncio.ensure_future(disk.close())
    await eventually(lambda: disk._closing, "the end")
    closing.set()
    await end
    assert [one.name for one in path.parent.glob("log.db*damaged*")] == []


async def test_damage_that_a_question_or_a_purge_meets_is_an_error_and_mended(begin: Begin, path: Path) -> None:
    log, disk = begin()
    damaged: list[str] = []
    disk.on_damage = damaged.append
    put(log, 1, 2)
    await committed(log, disk)
    for ask in (disk.call(lambda store: store.events("s")), disk.write(lambda store: store.purge(["s"]))):
        disk._replaced = -math.inf  # long ago
        await asyncio.to_thread(spoil, path)
        with pytest.raises(StoreDamagedError):
            await ask
        await committed(log, disk)
        assert ids(path) == ["m:1", "m:2"]
    assert len(damaged) == 2


async def test_damage_that_a_look_for_what_is_old_meets_is_mended_and_told_once(
    begin: Begin, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, disk = begin()
    damaged: list[str] = []
    told: list[str] = []
    disk.on_damage, disk.on_trouble = damaged.append, lambda message, _goes_on: told.append(message)
    with monkeypatch.context() as patch:
        patch.setattr(Store, "trim", damage)
        put(log, 1)
        await eventually(lambda: damaged != [], "the damage")
    await committed(log, disk)
    assert (len(damaged), told, ids(path)) == (1, [], ["m:1"])


async def test_damage_that_a_reader_meets_in_a_new_database_holds_up_no_commit(begin: Begin, path: Path) -> None:
    log, disk = begin()
    put(log, 1)
    await committed(log, disk)
    disk._replace(disk._store, StoreDamagedError(path, "once"))
    await committed(log, disk)
    told: list[str] = []
    disk.on_trouble = lambda message, _goes_on: told.append(message)
    spoil(path)
    put(log, 2)
    with pytest.raises(StoreDamagedError):
        await disk.read(log.first - 1, ALL, max_bytes=10**6, upto=log.head)
    await committed(log, disk)
    assert told == []
    assert ids(path) == ["m:1", "m:2"]


async def test_what_is_too_old_is_deleted_after_a_commit(begin: Begin, path: Path) -> None:
    log, disk = begin(max_age=0)
    put(log, 1, 2, 3)
    await committed(log, disk)
    await eventually(lambda: ids(path) == [], "an empty log")
    await eventually(lambda: disk.oldest == 0 and disk._trimming is None, "it to be known")
    assert disk.works
