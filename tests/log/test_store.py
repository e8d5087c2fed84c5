"""The database of the log: what is committed is there, old ones migrate, damaged ones never give something else."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from clawsocket.errors import StoreDamagedError, StoreError, StoreRefusedError, StoreTooNewError
from clawsocket.log import store as store_module
from clawsocket.log.block import BLOCK_EVENTS, Block, Row, unpack
from clawsocket.log.database import Transaction, refuse_network, set_aside
from clawsocket.log.eventlog import EventLog
from clawsocket.log.schema import MIGRATIONS
from clawsocket.log.store import CRASH_JUMP, TRIM, Extras, Position, SavedSession, Store
from clawsocket.protocol.envelope import Event
from clawsocket.protocol.topics import Filter
from tests.log.events import ALL, fact, level, result

FAR = 1 << 60


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Store]:
    store = Store(path)
    try:
        yield store
    finally:
        store.close()


def row(seq: int, *, at: int = 1, session: str = "s", size: int = 10) -> Row:
    return Row(seq, at, "message.user", session, f"m:{seq}", f"{seq}:".encode() + b"x" * size)


def frames(store: Store) -> list[bytes]:
    """All frames, as a reader gets them that goes on where it was."""
    found, after = [], 0
    while after < FAR:
        slice = store.read(after, ALL, max_bytes=1, upto=FAR)
        if slice.frames:
            found.append(slice.frames)
        after = slice.position
    return found


def fill(store: Store, count: int, *, at: int = 1, size: int = 10) -> list[Row]:
    rows = [row(store.head + number, at=at, size=size) for number in range(1, count + 1)]
    store.commit(rows, Extras(), head=rows[-1].seq)
    return rows


# Runs


def test_a_new_database_is_private_and_holds_nothing(path: Path) -> None:
    with opened(path) as store:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert (store.oldest(), store.ids(10), store.positions(), store.sessions()) == ((0, 0), [], [], [])
        assert (store.crashed, store.posted, store.since, store.last_loss) == (False, False, None, 0)
        assert frames(store) == []


class Late(Transaction):
    """Seems to fail, as on a disk that answers too late."""

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        raise sqlite3.OperationalError("disk I/O error")


def test_what_was_committed_though_it_seemed_to_fail_is_there_once_in_the_end(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(path) as store:
        rows = [row(store.head + 1 + number, session=f"s{number % 2}") for number in range(5)]
        with monkeypatch.context() as patch:
            patch.setattr(store, "_transaction", Late(store._db))
            with pytest.raises(StoreError, match="disk I/O error"):
                store.commit(rows[:3], Extras(), head=rows[2].seq)
        store.commit(rows, Extras(), head=rows[-1].seq)
        assert frames(store) == [one.frame for one in rows]
        assert [one.seq for one in store.events("s0")] == [one.seq for one in rows[::2]]


def test_after_a_clean_end_numbers_go_on_by_one_in_the_same_log(path: Path) -> None:
    with opened(path) as store:
        rows = fill(store, 3)
        store.commit([], Extras(since=77), head=rows[-1].seq, clean=True)
    with opened(path) as again:
        assert (again.epoch, again.first, again.head) == (store.epoch, store.first, rows[-1].seq)
        assert (again.crashed, again.since) == (False, 77)
        assert frames(again) == [one.frame for one in rows]


def test_a_run_that_crashed_before_its_first_commit_leaves_when_it_began(path: Path) -> None:
    before = time.time_ns() // 1_000_000
    found = []
    for _ in range(3):
        with opened(path) as store:
            found.append(store.since)
    assert found[0] is None
    assert before <= (found[1] or 0) <= time.time_ns() // 1_000_000
    assert found[2] == found[1], "what was written while the first ran is new to all that follow"


def test_after_a_crash_numbers_jump_and_the_log_is_the_same(path: Path) -> None:
    with opened(path) as store:
        head = fill(store, 3)[-1].seq
        store.commit([], Extras(), head=head, posted=True)
    with opened(path) as again:
        assert (again.epoch, again.crashed, again.posted, again.before) == (store.epoch, True, True, head)
        assert again.head >= head + CRASH_JUMP
        again.commit([], Extras(), head=again.head)
    with opened(path) as third:
        assert third.posted is False, "this run took none"
        assert third.head >= again.head + CRASH_JUMP, "that run may have given numbers, too"


def test_no_number_is_given_twice_where_all_of_the_journal_is_lost_after_a_clean_end(path: Path) -> None:
    with opened(path) as store:
        store.commit([], Extras(), head=store.head, clean=True)
    left = path.with_name("left.db")
    with opened(path) as store:
        given = fill(store, 3)[-1].seq
        shutil.copy(path, left)  # as a machine leaves it that loses its power
    with opened(left) as again:
        assert again.crashed is True
        assert (again.epoch, again.head > given) == (store.epoch, True)


@pytest.mark.parametrize(("clean", "told"), [(False, [False, False, True, False]), (True, [False] * 4)])
def test_what_was_lost_with_the_machine_is_told_once_unless_the_run_ended_well(
    path: Path, monkeypatch: pytest.MonkeyPatch, clean: bool, told: list[bool]
) -> None:
    found = []
    for boot in "aabb":
        monkeypatch.setattr(store_module, "_boot", partial(str, boot))
        with opened(path) as store:
            found.append(store.crashed and store.posted)
            store.commit([], Extras(), head=store.head, clean=clean)
    assert found == told


def test_a_crash_that_was_not_told_yet_is_told_by_the_next_run(path: Path) -> None:
    with opened(path) as store:
        store.commit([], Extras(), head=store.head, posted=True)
    for _ in range(3):
        with opened(path) as again:
            assert (again.crashed, again.posted) == (True, True)
    with opened(path) as told:
        told.commit([row(told.head + 1)], Extras(), head=told.head + 1, clean=True)
    with opened(path) as store:
        store.commit([], Extras(), head=store.head, posted=True, clean=True)
    for posted in (True, False):
        with opened(path) as later:
            assert later.crashed is (not posted)
            assert later.posted is posted, "a run that was killed before it took any has lost none"


def test_to_look_into_a_log_and_finish_hides_no_crash_and_gives_no_number_twice(path: Path) -> None:
    with opened(path) as store:
        store.commit([], Extras(), head=store.head, posted=True)
    with opened(path) as purging:
        purging.finish()
    with opened(path) as again:
        assert (again.crashed, again.posted, again.before) == (True, True, store.head)
        assert again.head >= store.head + CRASH_JUMP


def test_a_commit_is_whole_or_not_at_all(path: Path) -> None:
    with opened(path) as store:
        fill(store, 1)
        saved = SavedSession("new", "/p", False, 5, b"saved")
        bad = Row(store.head + 2, 1, "t", "new", "x", "no bytes")  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            store.commit([row(store.head + 3), bad], Extras([Position("/f", 1, 2, 3)], [saved]), head=9)
        assert len(frames(store)) == 1
        assert (store.positions(), store.sessions()) == ([], [])
        store.commit([row(store.head + 3, session="new")], Extras(sessions=[saved]), head=store.head + 3)
        assert store.sessions() == [saved], "a key of what was rolled back is not used"


def test_positions_are_replaced_and_go_with_their_file(path: Path) -> None:
    with opened(path) as store:
        first, second = Position("/a", 1, 2, 3), Position("/b", 1, 3, 4)
        store.commit([], Extras([first, second]), head=1)
        store.commit([], Extras([first._replace(offset=9), second._replace(offset=-1)]), head=1)
        assert store.positions() == [first._replace(offset=9)]


def test_positions_may_be_of_any_path_and_any_inode(path: Path) -> None:
    names = ["/p", "/ü \u2028 \U0001f600", os.fsdecode(b"/\xff\xfe"), os.fsdecode(b"/\xc3"), r"/\xff"]
    inodes = [1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1, 0]
    positions = {Position(name, 1, inode, 3) for name, inode in zip(names, inodes, strict=True)}
    with opened(path) as store:
        store.commit([], Extras(list(positions)), head=1)
    with opened(path) as store:
        assert set(store.positions()) == positions
        store.commit([], Extras([one._replace(offset=-1) for one in positions]), head=1)
        assert store.positions() == []


def test_sessions_are_kept_as_long_as_they_live_or_have_an_event(path: Path) -> None:
    with opened(path) as store:
        over, lives = SavedSession("over", "/p", True, 1, b"1"), SavedSession("lives", "/p", False, 2, b"2")
        rows = [row(store.head + 1, session="over"), row(store.head + 2, session="lives"), row(store.head + 3, at=9)]
        store.commit(rows[:2], Extras(sessions=[over, lives]), head=rows[1].seq)
        store.commit(rows[2:], Extras(), head=rows[2].seq)
        assert store.sessions() == [over, lives]
        assert store.sessions(since=1) == [over, lives]
        assert store.sessions(since=3) == [lives], "one that lives is never too old"
        assert store.trim(before=9, max_bytes=10**9)
        assert store.sessions() == [lives]
        assert frames(store) == [rows[2].frame]


# Reading


def test_what_is_of_no_session_can_be_had_by_its_type(path: Path) -> None:
    with opened(path) as store:
        first = store.head + 1
        error = Row(first + 1, 5, "system.error", "", "e:1", b"error")
        check = Row(first + 2, 6, "system.check", "", "h:1", b"check")
        store.commit([row(first), error, check], Extras(), head=first + 2)
        assert store.events("", types=("system.error",)) == [error]
        assert store.events("") == [error, check]


def test_a_session_has_its_own_events_newest_last_and_page_by_page(path: Path) -> None:
    with opened(path) as store:
        rows = [row(store.head + n, session="ab"[n % 2]) for n in range(1, 11)]
        store.commit(rows, Extras(), head=rows[-1].seq)
        of_a = [one for one in rows if one.session_id == "a"]
        assert store.events("a") == of_a
        assert store.events("a", limit=2) == of_a[-2:]
        assert store.events("a", limit=2, before=of_a[-2].id) == of_a[-4:-2]
        assert store.events("a", types=("hook.*",)) == []
        assert store.events("a", before="m:unknown") == []
        assert store.events("unknown") == []


def test_of_a_session_one_gets_some_types_and_some_time_from_the_blocks_that_have_them(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpacked: list[int] = []

    def counted(block: Block) -> list[Row]:
        unpacked.append(block.last)
        return unpack(block)

    types = ("session.idle", "tool.use", "tool.permission_request", "message.user")
    with opened(path) as store:
        first = store.head + 1
        rows = [Row(first + n, 1000 + n, types[n % 4], "ab"[n % 3 == 0], f"e:{n}", b"{}") for n in range(60)]
        for part in range(0, 60, 12):
            store.commit(rows[part : part + 12], Extras(), head=rows[part + 11].seq)
        wanted = ("session.*", "tool.permission_*")
        monkeypatch.setattr(store_module, "unpack", counted)
        spans = ((0, 5000, -1), (1013, 1022, -1), (1013, 1040, 3), (1013, 1013, -1), (1060, 5000, -1))
        for since, until, limit in spans:
            held = [one for one in rows if one.session_id == "a" and since <= one.at <= until]
            held = [one for one in held if one.type in (types[0], types[2])]
            unpacked.clear()
            found = store.events("a", types=wanted, since=since, until=until, limit=limit)
            assert found == held[-limit if limit > 0 else 0 :]
            assert len(unpacked) <= len({(one.seq - first) // 12 for one in held})
        before = store.events("a", types=wanted, before=rows[20].id, until=1019)
        assert before == [one for one in rows[:20] if one.session_id == "a" and one.type in (types[0], types[2])]


EVENTS = st.lists(
    st.integers(0, 120).map(lambda number: (fact, level, result)[number % 3](f"id:{number // 3}")),
    max_size=40,
)
FILTERS = st.sampled_from(
    [ALL, Filter({"message.*": None}), Filter({"session.*": None}), Filter({"*": frozenset("s")}), Filter()]
)


@given(EVENTS, FILTERS, st.integers(1, 3000), st.integers(0, 45))
def test_disk_gives_what_memory_gives(
    tmp_path_factory: pytest.TempPathFactory, events: list[Event], filter: Filter, max_bytes: int, skip: int
) -> None:
    log = EventLog(max_bytes=10**9, max_events=10**6)
    for event in events:
        log.append(event)
    with opened(tmp_path_factory.mktemp("same") / "log.db") as store:
        store.commit(log._rows(0, 10**6, 10**9), Extras(), head=log.head)
        after = log.first - 1 + skip
        while after < log.head:
            slice = log.read(after, filter, max_bytes=max_bytes)
            assert store.read(after, filter, max_bytes=max_bytes, upto=log.head) == slice
            after = slice.position


# Keeping less


def test_what_is_too_old_goes_a_bounded_part_at_a_time(path: Path) -> None:
    with opened(path) as store:
        old = fill(store, 2 * TRIM, at=100)
        new = [row(old[-1].seq + number, at=200) for number in range(1, 501)]
        store.commit(new, Extras(), head=new[-1].seq)
        assert store.trim(before=150, max_bytes=10**9)
        gone = store.oldest()[0] - old[0].seq
        assert TRIM <= gone < TRIM + BLOCK_EVENTS
        assert store.trim(before=150, max_bytes=10**9)
        assert store.oldest() == (new[0].seq, new[0].at)
        assert not store.trim(before=150, max_bytes=10**9)
        assert [one.seq for one in store.events("s")] == [one.seq for one in new]


def test_what_is_too_much_goes_from_the_oldest_on_and_its_room_is_used_again(path: Path) -> None:
    limit = 4_000_000
    with opened(path) as store:
        newest = 0
        for _ in range(12):
            rows = [row(max(newest, store.head) + number, size=1000) for number in range(1, 1001)]
            newest = rows[-1].seq
            store.commit(rows, Extras(), head=newest)
            while store.trim(before=0, max_bytes=limit):
                pass
        assert path.stat().st_size < 2 * limit
        left = store.events("s")
        assert left[-1].seq == newest
        assert [one.seq for one in left] == list(range(left[0].seq, newest + 1))
        assert 1000 < len(left) < 4000


def test_what_is_too_much_takes_no_more_with_it_than_it_must(path: Path) -> None:
    limit = 3_000_000
    with opened(path) as store:
        newest = store.head
        while not store.trim(before=0, max_bytes=limit):
            rows = [row(newest + number, size=2000) for number in range(1, 101)]
            newest = rows[-1].seq
            store.commit(rows, Extras(), head=newest)
        assert sum(len(one.frame) for one in store.events("s")) > limit / 2


def test_what_is_purged_is_nowhere_in_the_files(path: Path) -> None:
    with opened(path) as store:
        fill(store, 50)
        saved = SavedSession("secret", "/p", False, 1, b"hunter2 " * 10)
        rows = [Row(store.head + n, 1, "t", "secret", f"i{n}", b"hunter2 " * 200) for n in range(51, 80)]
        store.commit(rows, Extras(sessions=[saved]), head=rows[-1].seq)
        assert any(b"hunter2" in one.read_bytes() for one in path.parent.iterdir())
        assert store.purge(["secret", "unknown"]) == len(rows)
        assert not any(b"hunter2" in one.read_bytes() for one in path.parent.iterdir())
        assert len(frames(store)) == 50
        assert store.sessions() == []


def test_a_reader_in_the_midst_of_what_is_purged_gets_no_more_of_it(path: Path) -> None:
    with opened(path) as store:
        rows = [row(store.head + n, session="secret" if n % 2 else "s") for n in range(6)]
        store.commit(rows, Extras(), head=rows[-1].seq)
        assert store.read(rows[0].seq, ALL, max_bytes=1, upto=FAR).frames == rows[1].frame
        store.purge(["secret"])
        assert store.read(rows[1].seq, ALL, max_bytes=10**6, upto=FAR).frames == rows[2].frame + rows[4].frame


def test_a_purge_takes_no_memory_for_what_it_leaves(path: Path) -> None:
    with opened(path) as store:
        fill(store, 40, size=1_000_000)
        store.commit([row(store.head + 50, session="secret")], Extras(), head=store.head + 50)
    purge = """
import re, sys
from pathlib import Path
from clawsocket.log.store import Store

def most() -> int:
    return int(re.search("VmHWM: *([0-9]+)", Path("/proc/self/status").read_text().replace("\\t", " "))[1])

store = Store(Path(sys.argv[1]))
before = most()
assert store.purge(["secret"]) == 1
print(most() - before)
"""
    done = subprocess.run([sys.executable, "-c", purge, path], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 20_000, "kB of more than 40,000"
    assert [one.name for one in path.parent.iterdir()] == ["log.db"]


def test_while_somebody_reads_a_purge_says_that_it_failed_and_can_be_asked_for_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(path) as store, contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        store._db.execute("PRAGMA busy_timeout = 0")
        rows = [Row(store.head + n, 1, "t", "secret", f"i{n}", b"hunter2 " * 200) for n in range(1, 30)]
        saved = SavedSession("secret", "/p", False, 1, b"hunter2 " * 10)
        store.commit(rows, Extras(sessions=[saved]), head=rows[-1].seq)
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM blocks").fetchone()
        for _ in range(2):
            with pytest.raises(StoreError, match="somebody else reads it"):
                store.purge(["secret"])
            assert [one.id for one in store.sessions()] == ["secret"], "so that it can be named"
            assert store.events("secret") == []
        other.execute("COMMIT")
        store.purge(["secret"])
        assert store.sessions() == []
        assert not any(b"hunter2" in one.read_bytes() for one in path.parent.iterdir())


# Versions


def older(path: Path, version: int, *, spoil: bool = False) -> list[Row]:
    """Write a database as the versions before blocks did; return its events."""
    db = sqlite3.connect(path)
    for step in MIGRATIONS[:version]:
        step(db)
    db.execute("INSERT INTO meta VALUES ('epoch', 'e'), ('head', 1999), ('first', 5), ('clean', 1)")
    db.execute("INSERT INTO sessions (key, id, saved) VALUES (1, 's', x'00'), (2, 'other', NULL)")
    db.execute("INSERT INTO positions VALUES ('/f', 1, 2, 3)")
    rows = [row(seq, session=("s", "s", "other", "")[seq % 4]) for seq in range(6, 2000)]
    rows[3] = replace(rows[3], session_id="", type="gap")
    for one in rows:
        key = {"s": 1, "other": 2, "": 0}[one.session_id]
        crc = crc32(one.frame, crc32(f"{one.seq} {key} {one.type} {one.id}".encode()))
        frame = one.frame[::-1] if spoil and one.seq == 1000 else one.frame
        db.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", (one.seq, 1, one.type, key, one.id, frame, crc))
    db.execute(f"PRAGMA user_version = {version}")
    db.commit()
    db.close()
    return rows


@pytest.mark.parametrize("version", [1, 2])
def test_a_database_of_each_older_version_opens_and_keeps_what_it_has(path: Path, version: int) -> None:
    rows = older(path, version)
    with opened(path) as store:
        assert (store.epoch, store.first, store.head, store.crashed) == ("e", 5, 1999, False)
        assert store.events("s") == [one for one in rows if one.session_id == "s"]
        assert store.events("other") == [one for one in rows if one.session_id == "other"]
        assert store.last_loss == rows[3].seq
        assert frames(store) == [one.frame for one in rows]
        assert store.ids(3) == [one.id for one in rows[-3:]]
        assert store.positions() == [Position("/f", 1, 2, 3)]
        assert [one.id for one in store.sessions()] == ["s"]
        store.commit([row(2000)], Extras(sessions=[SavedSession("s", "/p", True, 1, b"")]), head=2000)
    with opened(path) as store:
        assert store._pragma("user_version") == len(MIGRATIONS)


def test_an_older_database_that_is_damaged_is_left_as_it_is(path: Path) -> None:
    older(path, 2, spoil=True)
    with pytest.raises(StoreDamagedError):
        Store(path)
    db = sqlite3.connect(path)
    assert db.execute("SELECT count(*) FROM events").fetchone() == (1994,)
    assert db.execute("PRAGMA user_version").fetchone() == (2,)
    db.close()


def test_a_database_of_a_newer_version_is_refused_and_left_as_it_is(path: Path) -> None:
    with opened(path) as store:
        fill(store, 3)
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    db.close()
    before = path.read_bytes()
    with pytest.raises(StoreTooNewError, match="newer claw-socket"):
        Store(path)
    assert path.read_bytes() == before


# Damage


@pytest.mark.parametrize("content", [b"no database", b"no database" * 1000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_what_is_no_database_is_damaged(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(StoreDamagedError):
        Store(path)
    assert path.read_bytes() == content


def test_the_database_of_somebody_else_is_damaged_and_not_used(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE theirs (x)")
    db.execute("PRAGMA user_version = 1")
    db.close()
    with pytest.raises(StoreDamagedError):
        Store(path)


def spoiled(path: Path, content: bytes, rows: list[Row]) -> bool:
    """Open what a disk made of the database and read all of it; whether that was noticed. Nothing else may come."""
    path.write_bytes(content)
    try:
        store = Store(path)
    except StoreError:
        return True
    try:
        assert frames(store) == [one.frame for one in rows]
        assert {replace(one, at=1) for one in store.events("s")} <= set(rows)
    except StoreError:
        return True
    finally:
        store.close()
        for end in ("-wal", "-shm"):
            path.with_name(path.name + end).unlink(missing_ok=True)
    return False


@pytest.fixture
def whole(path: Path) -> tuple[bytes, list[Row]]:
    """A database that was closed well, and what is in it."""
    with opened(path) as store:
        rows = fill(store, 400, size=100)
        store.commit([], Extras(), head=rows[-1].seq, clean=True)
    return path.read_bytes(), rows


def test_a_truncated_database_gives_what_was_written_or_is_damaged(path: Path, whole: tuple[bytes, list[Row]]) -> None:
    content, rows = whole
    noticed = [spoiled(path, content[:size], rows) for size in range(1000, len(content), 3000)]
    assert all(noticed)


def test_a_flipped_bit_gives_what_was_written_or_is_damaged(path: Path, whole: tuple[bytes, list[Row]]) -> None:
    content, rows = whole
    chance = random.Random(1)
    noticed = 0
    for _ in range(400):
        flipped = bytearray(content)
        flipped[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        noticed += spoiled(path, bytes(flipped), rows)
    assert noticed > 200


def test_a_database_that_was_taken_away_or_replaced_is_noticed_at_the_next_commit(path: Path) -> None:
    with opened(path) as store:
        path.rename(path.with_name("elsewhere"))
        with pytest.raises(StoreDamagedError, match="taken away"):
            fill(store, 1)
        path.write_bytes(b"")
        with pytest.raises(StoreDamagedError, match="another file"):
            fill(store, 1)


def test_a_journal_that_was_taken_away_is_noticed_at_the_next_commit(path: Path) -> None:
    with opened(path) as store:
        fill(store, 1)
        path.with_name("log.db-wal").unlink()
        with pytest.raises(StoreDamagedError, match="its journal was taken away"):
            fill(store, 1)


def test_what_is_set_aside_keeps_its_journal_and_makes_room(path: Path) -> None:
    with opened(path) as store:
        fill(store, 1)
        aside = set_aside(path)
    assert aside.exists()
    assert not path.exists()
    assert not path.with_name("log.db-wal").exists()
    with opened(path) as fresh:
        assert fresh.epoch != store.epoch


# Places


MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
server:/export /home nfs4 rw 0 0
/dev/sdb1 /home/local ext4 rw 0 0
//server/share /mnt/my\\040share cifs rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/u/.claw-socket", "nfs4"),
        ("/home", "nfs4"),
        ("/home/local/u", None),
        ("/homeless", None),
        ("/mnt/my share/x", "cifs"),
        ("/var", None),
    ],
)
def test_a_network_file_system_is_refused_with_what_to_do(tmp_path: Path, folder: str, kind: str | None) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS)
    if kind is None:
        refuse_network(Path(folder), mounts)
    else:
        with pytest.raises(StoreRefusedError, match=f"{kind}.*CLAW_SOCKET_DIR"):
            refuse_network(Path(folder), mounts)


def test_a_mount_point_whose_name_is_no_utf_8_is_one_among_others(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_bytes(
        b"/dev/sdc1 /mnt/caf\xe9 vfat rw 0 0\nserver:/export /mnt/n\xe4s nfs4 rw 0 0\n" + MOUNTS.encode()
    )
    refuse_network(Path("/var"), mounts)
    with pytest.raises(StoreRefusedError):
        refuse_network(Path(os.fsdecode(b"/mnt/n\xe4s/u")), mounts)


def test_where_mounts_are_not_told_nothing_is_refused(tmp_path: Path) -> None:
    refuse_network(tmp_path, tmp_path / "missing")
    with opened(tmp_path / "log.db") as store:
        assert store.head > 0
