"""Cursors: everything wanted once and in order, whoever else lags, fails or goes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from clawsocket.log import fanout as module
from clawsocket.log.eventlog import EventLog
from clawsocket.log.fanout import Cursor, FanOut
from clawsocket.log.slices import SCAN
from clawsocket.protocol.replies import Gap
from clawsocket.protocol.topics import Filter
from tests.log.events import ALL, fact, messages, seqs

SLICE = 10_000


class FakeSink:
    """A client that takes what it is given, for as long as it has room."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.writes: list[bytes] = []
        self.room = True
        self.failed = self.asked = 0
        self.broken = False

    @property
    def seqs(self) -> list[int]:
        return [seq for frames in self.writes for seq in seqs(frames)]

    def send_frames(self, frames: bytes) -> bool:
        if self.broken:
            raise OSError("gone")
        self.writes.append(frames)
        self.told += seqs(frames)
        return self.room

    def takes_gaps(self) -> bool:
        self.asked += 1
        return True

    def send_gap(self, gap: Gap) -> bool:
        self.told.append(gap)
        return True

    def reached(self, position: int) -> None:
        self.told.append(("reached", position))

    def fail(self) -> None:
        self.failed += 1


class Rig:
    """A log with its fan-out."""

    def __init__(self, *, max_events: int = 10**6) -> None:
        self.log = EventLog(max_bytes=10**9, max_events=max_events)
        self.fanout = FanOut(self.log, slice_bytes=SLICE)
        self._count = 0

    def client(self, filter: Filter = ALL) -> tuple[FakeSink, Cursor]:
        sink = FakeSink()
        cursor = self.fanout.add(sink)
        cursor.filter = filter
        return sink, cursor

    def append(self, count: int = 1, *, text: str = "", session: str = "s", type: str = "message.user") -> list[int]:
        given = []
        for _ in range(count):
            self._count += 1
            seq = self.log.append(fact(f"m:{self._count}", text=text, session=session, type=type))
            assert seq is not None
            given.append(seq)
        return given

    async def rest(self) -> None:
        """Wait until no round is due any more."""
        await until(lambda: not self.fanout._scheduled and self.fanout._later is None)


async def until(done: Callable[[], object]) -> None:
    for _ in range(1_000_000):
        if done():
            return
        await asyncio.sleep(0)
    raise TimeoutError


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    monkeypatch.setattr(module, "ROUND", 3600)  # a round is not cut short, however slow this machine is
    return Rig()


@pytest.fixture
def unsaturated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who rests does so for ever, and the loop is not saturated, however long a round may take here."""
    monkeypatch.setattr(module, "LEAST_WAIT", 3600)
    monkeypatch.setattr(module, "LONG", 3600)


# Live


async def test_a_new_cursor_gets_what_comes_and_nothing_of_before(rig: Rig) -> None:
    rig.append(3)
    sink, cursor = rig.client()
    given = rig.append(3)
    await rig.rest()
    assert sink.seqs == given
    assert cursor.position == rig.log.head


async def test_the_events_of_a_tick_are_one_write(rig: Rig) -> None:
    sink, _ = rig.client()
    rig.append(20)
    await rig.rest()
    assert len(sink.writes) == 1


@pytest.mark.parametrize("turns", [1, 3, 50])
async def test_a_busy_loop_gathers_as_long_as_more_comes_but_not_for_ever(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, turns: int
) -> None:
    monkeypatch.setattr(module, "BUSY", 3600)
    monkeypatch.setattr(module, "LONG", 3600)  # nor does a slow machine make it wait
    sink, _ = rig.client()
    given = rig.append(1)
    await rig.rest()
    given += rig.append(1)
    for _ in range(turns):
        await asyncio.sleep(0)
        given += rig.append(1)
    assert len(sink.writes) == 1 + turns // (module.TURNS + 1)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert sink.seqs == given


async def test_nothing_is_written_where_nothing_is_wanted(rig: Rig) -> None:
    sink, cursor = rig.client(Filter({"tool.*": None}))
    nobody, _ = rig.client(Filter())
    rig.append(5)
    await rig.rest()
    assert (sink.told, nobody.told) == ([], [])
    assert cursor.position == rig.log.head


async def test_each_gets_what_it_wants(rig: Rig) -> None:
    mine, _ = rig.client(Filter({"*": frozenset({"mine"})}))
    tools, _ = rig.client(Filter({"tool.*": None}))
    one, two, three = (
        rig.append(session="mine"),
        rig.append(type="tool.use"),
        rig.append(type="tool.use", session="mine"),
    )
    await rig.rest()
    assert mine.seqs == one + three
    assert tools.seqs == two + three


async def test_clients_that_want_the_same_share_the_bytes(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[Filter] = []
    real = rig.log.read

    def read(after: int, filter: Filter, **more: Any) -> Any:
        reads.append(filter)
        return real(after, filter, **more)

    monkeypatch.setattr(rig.log, "read", read)
    sinks = [rig.client(Filter({"*": None}))[0] for _ in range(50)]
    other, _ = rig.client(Filter({"tool.*": None}))
    given = rig.append(4)
    await rig.rest()
    assert all(sink.seqs == given for sink in sinks)
    assert len({id(sink.writes[0]) for sink in sinks}) == 1
    assert len(reads) == 2
    assert other.writes == []


# Behind


async def test_a_client_without_room_gets_nothing_until_it_has_and_then_all(rig: Rig) -> None:
    slow, cursor = rig.client()
    fast, _ = rig.client()
    slow.room = False
    first = rig.append(2)
    await rig.rest()
    later = rig.append(200, text="x" * 1000)
    await rig.rest()
    assert slow.seqs == first
    assert fast.seqs == first + later
    slow.room = True
    rig.fanout.resume(cursor)
    await rig.rest()
    assert slow.seqs == first + later


async def test_a_client_that_is_behind_gets_bounded_slices_and_the_others_their_turn(rig: Rig) -> None:
    late, cursor = rig.client()
    live, _ = rig.client()
    late.room = False
    before = rig.append(200, text="x" * 1000)
    await rig.rest()
    late.room = True
    rig.fanout.resume(cursor)
    await until(lambda: len(late.writes) >= 3)
    assert late.seqs != before
    now = rig.append(1)
    await rig.rest()
    assert live.seqs == before + now
    assert late.seqs == before + now
    assert max(map(len, late.writes)) < SLICE + 2000


async def test_a_filter_that_wants_little_catches_up_over_very_many(rig: Rig) -> None:
    sink, cursor = rig.client(Filter({"tool.*": None}))
    cursor.ready = False
    rig.append(SCAN * 2 + 5)
    wanted = rig.append(1, type="tool.use")
    cursor.ready = True
    await rig.rest()
    assert sink.seqs == wanted


@pytest.mark.usefixtures("unsaturated")
async def test_one_that_is_told_of_what_was_rests_in_between_and_what_is_new_does_not_wait_for_it(rig: Rig) -> None:
    late, cursor = rig.client()
    live, live_cursor = rig.client()
    cursor.ready = False
    for _ in range(5):
        rig.append(module.FAR // 4)
        await until(lambda: live_cursor.position == rig.log.head)
    rig.fanout.resume(cursor)
    for slices in range(3):
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(late.writes) == slices
        now = rig.append(1)
        await until(lambda: live_cursor.position == rig.log.head)
        assert seqs(live.writes[-1]) == now


@pytest.mark.usefixtures("unsaturated")
async def test_many_that_are_told_of_what_was_rest_too(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROUND", 0.0)  # one of them in each
    clients = [rig.client() for _ in range(3)]
    _, no_room = rig.client()
    _, live = rig.client()
    for _, cursor in clients:
        cursor.ready = False
    for _ in range(5):
        rig.append(module.FAR // 4)
        await until(lambda: no_room.position == live.position == rig.log.head)
    no_room.ready = False
    rig.append(1)
    await until(lambda: live.position == rig.log.head)
    for _, cursor in clients:
        rig.fanout.resume(cursor)
    for told in range(1, 4):
        rig.fanout._round()
        for _ in range(100):
            await asyncio.sleep(0)
        assert len([sink for sink, _ in clients if sink.writes]) == told


@pytest.mark.usefixtures("unsaturated")
async def test_who_is_a_little_behind_does_not_rest_beside_who_is_far(rig: Rig) -> None:
    _, far = rig.client()
    near, cursor = rig.client()
    far.ready = False
    rig.append(module.FAR)
    await until(lambda: cursor.position == rig.log.head)
    cursor.ready = False
    missed = rig.append(200, text="x" * 1000)
    await until(lambda: not rig.fanout._scheduled)
    near.writes.clear()
    for one in (far, cursor):
        rig.fanout.resume(one)
    await until(lambda: cursor.position == rig.log.head)
    assert near.seqs == missed
    assert len(near.writes) > 10


async def test_a_cursor_that_is_set_back_gets_it_again_in_order_and_goes_on(rig: Rig) -> None:
    sink, cursor = rig.client()
    given = rig.append(10)
    await rig.rest()
    cursor.position = given[3]
    rig.fanout.wake()
    more = rig.append(2)
    await rig.rest()
    assert sink.seqs == given + given[4:] + more


async def test_a_cursor_is_advanced_at_once_so_that_what_follows_comes_after(rig: Rig) -> None:
    sink, cursor = rig.client()
    given = rig.append(3)
    rig.fanout.advance(cursor)
    assert sink.seqs == given
    await rig.rest()
    assert sink.seqs == given
    sink.room, cursor.ready = False, False
    rig.append(1)
    rig.fanout.advance(cursor)
    assert sink.seqs == given


# Batches


async def test_what_comes_alone_is_told_at_once_and_what_follows_together_later(rig: Rig) -> None:
    sink, cursor = rig.client()
    other, _ = rig.client()
    cursor.pace = 0.05
    first = rig.append(1)
    await until(lambda: sink.writes)
    told = time.perf_counter()
    later = [*rig.append(2)]
    await until(lambda: len(other.seqs) == 3)
    later += rig.append(2)
    await until(lambda: len(other.seqs) == 5)
    assert time.perf_counter() < cursor.due, "this machine is too slow for this test"
    assert sink.seqs == first
    await rig.rest()
    assert time.perf_counter() - told >= 0.04
    assert [seqs(frames) for frames in sink.writes] == [first, later]
    assert [message["type"] for frames in sink.writes for message in messages(frames)] == ["events", "events"]
    assert [message["type"] for frames in other.writes for message in messages(frames)] == ["message.user"] * 5


async def test_batches_of_what_was_do_not_wait_for_each_other(rig: Rig) -> None:
    sink, cursor = rig.client()
    cursor.pace = 3600.0
    given = rig.append(40, text="x" * 1000)
    await until(lambda: cursor.position == rig.log.head)
    assert sink.seqs == given
    assert len(sink.writes) > 3, "each bounded"
    assert all(len(messages(frames)) == 1 for frames in sink.writes)
    late = rig.append(1)
    await until(lambda: rig.fanout._later)
    assert late[0] not in sink.seqs


async def test_a_client_that_is_told_of_what_was_does_not_wait_for_the_batch_of_another(rig: Rig) -> None:
    batched, patient = rig.client()
    patient.due = time.perf_counter() + 3600
    late, cursor = rig.client()
    cursor.ready = False
    rig.append(module.FAR + 1)
    await until(lambda: rig.fanout._later)
    rig.fanout.resume(cursor)
    async with asyncio.timeout(10):
        await until(lambda: cursor.position == rig.log.head)
    assert len(late.writes) > 1
    assert (late.seqs[-1], batched.seqs) == (rig.log.head, [])
    assert rig.fanout._later is not None, "its batch is due, too"


async def test_who_is_to_be_told_something_gets_first_what_waits_for_a_batch(rig: Rig) -> None:
    sink, cursor = rig.client()
    cursor.pace = 3600.0
    given = rig.append(1)
    await until(lambda: sink.writes)
    given += rig.append(3)
    rig.fanout.advance(cursor)
    assert sink.seqs == given


async def test_without_a_time_all_that_is_there_is_one_batch(rig: Rig) -> None:
    sink, cursor = rig.client()
    cursor.pace = 0.0
    given = [rig.append(3), rig.append(2)]
    await rig.rest()
    given.append(rig.append(2))
    await rig.rest()
    assert [seqs(frames) for frames in sink.writes] == [given[0] + given[1], given[2]]


# Barriers


@pytest.mark.parametrize("ahead", [0, 1, 5, 9])
async def test_a_barrier_is_reached_after_everything_up_to_it_and_before_anything_later(rig: Rig, ahead: int) -> None:
    sink, cursor = rig.client()
    given = rig.append(10)
    cursor.barrier = given[ahead]
    await rig.rest()
    assert sink.told == [*given[: ahead + 1], ("reached", given[ahead]), *given[ahead + 1 :]]
    assert cursor.barrier is None


async def test_a_barrier_is_reached_even_if_nothing_before_it_is_wanted(rig: Rig) -> None:
    sink, cursor = rig.client(Filter({"tool.*": None}))
    given = rig.append(3)
    cursor.barrier = given[1]
    await rig.rest()
    assert sink.told == [("reached", given[1])]


async def test_a_barrier_waits_for_room(rig: Rig) -> None:
    sink, cursor = rig.client()
    sink.room = False
    given = rig.append(30, text="x" * 1000)
    cursor.barrier = given[-1]
    await rig.rest()
    assert ("reached", given[-1]) not in sink.told
    sink.room = True
    rig.fanout.resume(cursor)
    await rig.rest()
    assert sink.told == [*given, ("reached", given[-1])]


@pytest.mark.parametrize("before", [*range(1, 7), 1000])
async def test_a_barrier_before_what_is_kept_is_reached_after_the_gap(before: int) -> None:
    rig = Rig(max_events=5)
    sink, cursor = rig.client()
    cursor.ready = False
    given = rig.append(1030)
    cursor.barrier = given[-5 - before]
    rig.fanout.resume(cursor)
    await rig.rest()
    gap = Gap(from_=given[0], to=given[-6], oldest_seq=given[-5], reason="evicted")
    assert sink.told == [gap, ("reached", given[-6]), *given[-5:]]


# Gaps


async def test_who_falls_behind_what_is_kept_is_told_once_what_is_gone() -> None:
    rig = Rig(max_events=10)
    sink, cursor = rig.client()
    first = rig.append(2)
    await rig.rest()
    cursor.ready = False
    lost = rig.append(5)
    kept = rig.append(10)
    rig.fanout.resume(cursor)
    await rig.rest()
    gap = Gap(from_=lost[0], to=lost[-1], oldest_seq=kept[0], reason="evicted")
    assert sink.told == [*first, gap, *kept]
    rig.append(1)
    await rig.rest()
    assert [one for one in sink.told if isinstance(one, Gap)] == [gap]


async def test_who_comes_to_a_loss_is_asked_whether_it_goes_on_and_nobody_else_is(rig: Rig) -> None:
    sink, cursor = rig.client()
    nobody, _ = rig.client(Filter())
    given = rig.append(2)
    await rig.rest()
    assert sink.asked == 0
    rig.log.lose("source")
    given += rig.append(2)
    await rig.rest()
    assert (sink.asked, nobody.asked) == (1, 0)
    rig.append(2)
    await rig.rest()
    cursor.position = given[-2]
    rig.fanout.wake()
    await rig.rest()
    assert sink.asked == 1
    cursor.position = given[0]
    rig.fanout.wake()
    await rig.rest()
    assert sink.asked == 2


async def test_who_wants_nothing_misses_nothing() -> None:
    rig = Rig(max_events=10)
    sink, cursor = rig.client(Filter())
    cursor.ready = False
    rig.append(50)
    rig.fanout.resume(cursor)
    await rig.rest()
    assert sink.told == []
    assert cursor.position == rig.log.head


# Trouble


async def test_a_client_that_fails_is_dropped_and_told_and_stops_nobody(rig: Rig) -> None:
    before, broken, after = (rig.client()[0] for _ in range(3))
    broken.broken = True
    given = rig.append(3)
    await rig.rest()
    given += rig.append(3)
    await rig.rest()
    assert (before.seqs, after.seqs) == (given, given)
    assert (broken.failed, len(rig.fanout.cursors)) == (1, 2)


async def test_a_client_that_goes_during_a_round_gets_nothing_more(rig: Rig) -> None:
    gone, cursor = rig.client()

    class Last(FakeSink):
        def send_frames(self, frames: bytes) -> bool:
            rig.fanout.remove(cursor)
            return super().send_frames(frames)

    rig.fanout.cursors.clear()
    last = Last()
    rig.fanout.add(last).filter = ALL
    rig.fanout.cursors[cursor] = None
    given = rig.append(1)
    await rig.rest()
    assert last.seqs == given
    assert gone.told == []


async def test_removing_a_client_twice_is_nothing(rig: Rig) -> None:
    _, cursor = rig.client()
    rig.fanout.remove(cursor)
    rig.fanout.remove(cursor)
    assert not rig.fanout.cursors


async def test_a_client_that_comes_during_a_round_misses_nothing(rig: Rig) -> None:
    late: list[FakeSink] = []

    class Host(FakeSink):
        def send_frames(self, frames: bytes) -> bool:
            if not late:
                late.append(rig.client()[0])
                late_seqs.extend(rig.append(1))
            return super().send_frames(frames)

    late_seqs: list[int] = []
    rig.fanout.add(Host()).filter = ALL
    rig.append(1)
    await rig.rest()
    assert late[0].seqs == late_seqs


async def test_a_round_that_takes_long_goes_on_where_it_stopped(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROUND", 0.0)
    sinks = [rig.client()[0] for _ in range(20)]
    given = rig.append(5)
    await asyncio.sleep(0)
    assert len([sink for sink in sinks if sink.writes]) == 1
    await rig.rest()
    assert all(sink.seqs == given for sink in sinks)


@pytest.mark.parametrize("round", [0.0, 3600])
async def test_a_saturated_loop_waits_for_what_may_come_and_not_with_what_is_there(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, round: float
) -> None:
    monkeypatch.setattr(module, "ROUND", round)
    monkeypatch.setattr(module, "LEAST_WAIT", 3600)
    monkeypatch.setattr(module, "LONG", 0)  # any round is a long one
    sinks = [rig.client()[0] for _ in range(3)]
    given = rig.append(200, text="x" * 1000)
    await rig.rest()
    assert all(sink.seqs == given for sink in sinks)
    rig.fanout._last_took = 3600
    rig.append(1)
    for _ in range(100):
        await asyncio.sleep(0)
    assert all(sink.seqs == given for sink in sinks)


async def test_aliases_go_out_with_their_primaries(rig: Rig) -> None:
    sink, _ = rig.client(Filter({"tool.*": None, "tool.started": None}))
    [seq] = rig.append(type="tool.use")
    await rig.rest()
    read = [message for frames in sink.writes for message in messages(frames)]
    assert [(message["type"], message["seq"]) for message in read] == [("tool.use", seq), ("tool.started", seq)]
