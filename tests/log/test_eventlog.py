"""The log: every event once, numbered, kept as long as there is room, read exactly."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawsocket.log.eventlog import EventLog
from clawsocket.log.slices import SCAN
from clawsocket.protocol.replies import Gap
from clawsocket.protocol.topics import Filter
from tests.log.events import ALL, fact, filled, level, messages, result, seqs

NOTHING = Filter()


def everything(log: EventLog, filter: Filter = ALL, *, after: int = 0, max_bytes: int = 10**9) -> list[bytes]:
    """What a reader gets that reads again and again, slice by slice."""
    slices = []
    while after < log.head:
        slice = log.read(after, filter, max_bytes=max_bytes)
        assert slice.position > after
        after = slice.position
        slices.append(slice.frames)
    return slices


# Numbers


def test_the_first_number_is_the_time_in_microseconds() -> None:
    before = time.time_ns() // 1000
    seq = filled(0).append(fact("a"))
    assert seq is not None
    assert before < seq <= time.time_ns() // 1000 + 1


def test_numbers_are_consecutive_and_stand_in_the_frames() -> None:
    log = filled(0)
    given = [log.append(fact(f"m:{number}")) for number in range(50)]
    assert given == list(range(log.first, log.first + 50))
    assert seqs(b"".join(everything(log))) == given
    assert log.head == given[-1]


def test_every_log_has_an_epoch_of_its_own() -> None:
    assert len({filled(0).epoch for _ in range(20)}) == 20


def test_an_event_that_cannot_be_encoded_gets_no_number_and_harms_no_other() -> None:
    log = filled(2)
    with pytest.raises(TypeError):
        log.append(fact("odd", text=object()))  # type: ignore[arg-type]
    with pytest.raises(UnicodeEncodeError):
        log.append(fact("half", text="\ud83d"))
    log.append(fact("m:2"))
    assert [message["id"] for message in messages(b"".join(everything(log)))] == ["m:0", "m:1", "m:2"]
    assert seqs(b"".join(everything(log))) == [log.first, log.first + 1, log.first + 2]


# Once


def test_a_known_fact_is_not_appended_again_whoever_tells_it() -> None:
    log = filled(1)
    head = log.head
    assert log.append(fact("m:0", text="told otherwise")) is None
    assert log.head == head
    assert len(messages(b"".join(everything(log)))) == 1


def test_a_hook_that_is_not_in_the_catalogue_is_a_fact() -> None:
    log = filled(0)
    assert log.append(fact("h:1", type="hook.directory_added")) is not None
    assert log.append(fact("h:1", type="hook.directory_added")) is None


def test_a_level_may_come_again() -> None:
    log = filled(0)
    log.append(fact("n:1"))
    assert log.append(level("n:1")) is not None
    assert log.append(level("n:1")) is not None


def test_so_many_facts_are_remembered_and_then_the_oldest_is_forgotten() -> None:
    log = EventLog(max_bytes=10**9, max_events=10**6, known=4)
    for id in "abcd":
        log.append(fact(id))
    assert log.append(fact("a")) is None
    for id in "efghi":
        log.append(fact(id))
    assert [log.append(fact(id)) for id in "fghi"] == [None] * 4
    assert log.append(fact("a")) is not None


def test_hooks_by_post_which_nobody_tells_again_push_no_fact_out_of_memory() -> None:
    log = EventLog(max_bytes=10**9, max_events=10**6, known=4)
    for id in "abcd":
        log.append(fact(id))
    posted = [log.append(fact(f"h:post-5eed-{number}")) for number in range(10)]
    assert None not in posted
    assert [log.append(fact(id)) for id in "abcd"] == [None] * 4


def test_who_listens_is_told_of_what_is_new_and_of_nothing_else() -> None:
    log, told = filled(0), []
    log.on_append = lambda: told.append(log.head)
    log.append(fact("a"))
    log.append(fact("a"))
    log.append(level("b"))
    assert told == [log.first, log.first + 1]


# What is kept


def test_an_empty_log_has_nothing_older_than_its_next() -> None:
    log = filled(0)
    assert log.oldest == log.head + 1 == log.first
    assert log.read(0, ALL, max_bytes=100) == (b"", log.head)


@given(st.lists(st.integers(0, 300), max_size=60), st.integers(100, 2000), st.integers(1, 30))
def test_as_much_is_kept_as_there_is_room_for_and_at_least_the_newest(
    sizes: list[int], max_bytes: int, max_events: int
) -> None:
    log = EventLog(max_bytes=max_bytes, max_events=max_events)
    kept: list[tuple[int, bytes]] = []
    for number, size in enumerate(sizes):
        seq = log.append(fact(f"m:{number}", text="x" * size))
        assert seq is not None
        kept.append((seq, log.read(seq - 1, ALL, max_bytes=1).frames))
        while len(kept) > 1 and (len(kept) > max_events or sum(len(frame) for _, frame in kept) > max_bytes):
            kept.pop(0)
        assert log.oldest == kept[0][0]
        assert b"".join(everything(log)) == b"".join(frame for _, frame in kept)


def test_a_log_that_has_evicted_very_much_is_still_exact() -> None:
    log = filled(10_000, max_events=100)
    assert log.oldest == log.head - 99
    assert seqs(b"".join(everything(log))) == list(range(log.oldest, log.head + 1))


# Reading

FILTERS: list[dict[str, frozenset[str] | None]] = [
    {},
    {"*": None},
    {"*": frozenset({"s"})},
    {"message.*": frozenset({"t"}), "tool.use": None},
    {"tool.*": None},
]
TYPES = ["message.user", "tool.use", "session.renamed"]


@given(
    st.lists(st.tuples(st.sampled_from(TYPES), st.sampled_from("st"), st.integers(0, 80)), max_size=40),
    st.sampled_from(FILTERS),
    st.data(),
)
def test_a_read_gives_exactly_what_is_wanted_from_there_to_there(
    events: list[tuple[str, str, int]], topics: dict[str, Any], data: st.DataObject
) -> None:
    log = EventLog(max_bytes=10**9, max_events=20)
    for number, (type, session, size) in enumerate(events):
        log.append(fact(f"{number}", type=type, session=session, text="x" * size))
    after = log.first + data.draw(st.integers(-2, len(events)))
    upto = data.draw(st.none() | st.integers(-1, len(events) - 1).map(log.first.__add__))
    max_bytes = data.draw(st.integers(1, 2000))
    wanted = Filter(topics)
    slice = log.read(after, wanted, max_bytes=max_bytes, upto=upto)

    begin, end = max(after, log.oldest - 1), log.head if upto is None else upto
    given, at = b"", begin
    while at < end and len(given) < max_bytes:
        at += 1
        type, session, _ = events[at - log.first]
        if wanted.wants(type, session):
            given += log.read(at - 1, ALL, max_bytes=1).frames
    assert slice == (given, at)


@given(st.integers(0, 60), st.integers(1, 3000), st.sampled_from(FILTERS[1:]))
def test_slice_by_slice_gives_the_same_as_all_at_once(count: int, max_bytes: int, topics: dict[str, Any]) -> None:
    log = filled(count)
    assert b"".join(everything(log, Filter(topics), max_bytes=max_bytes)) == b"".join(everything(log, Filter(topics)))


@given(
    st.lists(st.tuples(st.sampled_from(TYPES), st.sampled_from("st"), st.integers(0, 80)), max_size=20),
    st.lists(
        st.tuples(
            st.sampled_from([*FILTERS, {"tool.started": None, "message.*": None}]), st.sampled_from([1, 300, 3000])
        ),
        max_size=8,
    ),
)
def test_each_of_many_readers_at_one_place_gets_what_it_would_get_alone(
    events: list[tuple[str, str, int]], readers: list[tuple[dict[str, Any], int]]
) -> None:
    log = filled(0)
    for number, (type, session, size) in enumerate(events):
        log.append(fact(f"{number}", type=type, session=session, text="x" * size))
    start = log.first - 1
    together = [log.read(start, Filter(topics), max_bytes=max_bytes) for topics, max_bytes in readers]
    for (topics, max_bytes), slice in zip(readers, together, strict=True):
        log.read(start, ALL, max_bytes=1, upto=start)  # somebody is elsewhere: what was shared is forgotten
        assert log.read(start, Filter(topics), max_bytes=max_bytes) == slice


def test_what_was_purged_is_given_to_no_reader_that_comes_to_a_place_after_another() -> None:
    log = filled(3)
    start = log.first - 1
    assert len(seqs(log.read(start, ALL, max_bytes=10**6).frames)) == 3
    log.purge(lambda session: session == "s")
    assert [log.read(start, ALL, max_bytes=10**6) for _ in range(2)] == [(b"", log.head)] * 2


def test_a_slice_ends_with_the_event_that_fills_it() -> None:
    log = filled(100, text="x" * 1000)
    for slice in everything(log, max_bytes=5000)[:-1]:
        assert 5000 <= len(slice) < 5000 + 1200


def test_a_read_looks_at_so_many_events_and_no_more() -> None:
    log = filled(SCAN + 10)
    start = log.first - 1
    assert log.read(start, NOTHING, max_bytes=100) == (b"", start + SCAN)
    assert log.read(start + SCAN, NOTHING, max_bytes=100) == (b"", log.head)


def test_a_reader_from_before_what_is_kept_begins_with_the_oldest() -> None:
    log = filled(50, max_events=5)
    assert seqs(log.read(0, ALL, max_bytes=10**6).frames) == list(range(log.head - 4, log.head + 1))


def test_a_reader_ahead_of_the_log_gets_nothing_and_stays_where_it_is() -> None:
    log = filled(5)
    assert log.read(log.head + 7, ALL, max_bytes=100) == (b"", log.head + 7)


# Aliases


def test_who_asks_for_both_names_gets_both_the_primary_first() -> None:
    log = filled(0)
    log.append(result("t1"))
    log.append(result("t2", success=False))
    both = Filter({"tool.*": None, "tool.completed": None, "tool.failed": None})
    read = messages(log.read(0, both, max_bytes=10**6).frames)
    assert [(message["type"], message["seq"] - log.first, message["id"]) for message in read] == [
        ("tool.result", 0, "t1"),
        ("tool.completed", 0, "t1"),
        ("tool.result", 1, "t2"),
        ("tool.failed", 1, "t2"),
    ]


def test_who_asks_for_an_alias_alone_gets_it_alone_and_everything_has_no_aliases() -> None:
    log = filled(1)
    log.append(result("t1"))
    alone = log.read(0, Filter({"tool.completed": frozenset({"s"})}), max_bytes=10**6).frames
    assert [message["type"] for message in messages(alone)] == ["tool.completed"]
    assert log.read(0, Filter({"tool.completed": frozenset({"t"})}), max_bytes=10**6).frames == b""
    assert [message["type"] for message in messages(b"".join(everything(log)))] == ["message.user", "tool.result"]


def test_aliases_fill_a_slice_too() -> None:
    log = filled(0)
    for number in range(100):
        log.append(result(f"t{number}"))
    first = log.read(0, Filter({"tool.completed": None}), max_bytes=10_000)
    assert 0 < len(messages(first.frames)) < 100
    big = filled(0)
    for number in range(10):
        big.append(fact(f"u{number}", type="tool.use", text="x" * 9000))
    assert len(messages(big.read(0, Filter({"tool.started": None}), max_bytes=10_000).frames)) == 2


# Gaps


def test_nothing_is_missing_while_nothing_is_gone() -> None:
    log = filled(10)
    assert [log.gap(after) for after in (0, log.first - 1, log.first, log.head)] == [None] * 4


def test_what_is_evicted_is_told_with_its_numbers() -> None:
    log = filled(10, max_events=4)
    first, oldest = log.first, log.first + 6
    assert log.oldest == oldest
    gap = Gap(from_=first + 3, to=oldest - 1, oldest_seq=oldest, reason="evicted")
    assert log.gap(first + 2) == gap
    assert log.gap(0) == Gap(from_=first, to=oldest - 1, oldest_seq=oldest, reason="evicted")
    assert log.gap(oldest - 1) is None
    assert log.gap(oldest - 2) == Gap(from_=oldest - 1, to=oldest - 1, oldest_seq=oldest, reason="evicted")


def test_a_number_of_another_log_is_told() -> None:
    log = filled(10)
    gap = log.gap(log.first - 5000)
    assert gap is not None
    assert (gap.reason, gap.from_, gap.to, gap.oldest_seq) == (
        "epoch",
        log.first - 4999,
        log.first - 1,
        log.first,
    )
    before = log.first - 1
    for after in (log.head - 2, log.head, log.head + 5):  # which of its own numbers are gone, nobody can know
        told = Gap(from_=before, to=before, oldest_seq=log.first, reason="epoch")
        assert log.gap(after, foreign=True) == told


# Losses


def test_a_loss_is_told_in_its_place_to_everyone_who_wants_anything() -> None:
    log = filled(2)
    lost = log.lose("spool_full")
    log.append(fact("after"))
    for filter in (ALL, Filter({"tool.*": frozenset({"another"})})):
        told = messages(b"".join(everything(log, filter)))
        gaps = [message for message in told if message["type"] == "gap"]
        assert gaps == [{"type": "gap", "from": lost, "to": lost, "oldestSeq": log.first, "reason": "spool_full"}]
    order = [message.get("seq", message.get("from")) for message in messages(b"".join(everything(log)))]
    assert order == list(range(log.first, log.first + 4))
    assert everything(log, NOTHING) == [b""]
    assert log.last_loss == lost
