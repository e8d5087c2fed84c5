"""A tail gives every finished line once, however the file grows, and begins again when it became another."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawsocket.sources.tail import Tail
from tests.sources.running import append

LINES = st.lists(
    st.one_of(st.binary(max_size=20), st.text(max_size=10).map(str.encode)).map(lambda raw: raw.replace(b"\n", b"\r")),
    max_size=30,
)


def texts(tail: Tail, limit: int = 1 << 18) -> list[bytes]:
    found = [raw for _, raw in tail.read(limit)]
    while tail.more:
        found += [raw for _, raw in tail.read(limit)]
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


@given(lines=LINES, rest=st.binary(max_size=5), cuts=st.lists(st.integers(0, 700)), limit=st.integers(1, 60))
def test_any_way_of_appending_gives_the_same_lines(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], rest: bytes, cuts: list[int], limit: int
) -> None:
    path = tmp_path_factory.mktemp("tail") / "file"
    whole = b"".join(line + b"\n" for line in lines) + rest.replace(b"\n", b"\r")
    path.touch()
    tail, found = Tail(str(path), 1000), []
    places = sorted({min(cut, len(whole)) for cut in cuts} | {len(whole)})
    for begin, end in zip([0, *places], places, strict=False):
        append(path, whole[begin:end])
        found += tail.read(limit)
        assert not tail.restarted
    while tail.more:
        found += tail.read(limit)
    assert [raw for _, raw in found] == lines
    ends = [len(b"\n".join(lines[:number])) + 1 for number in range(1, len(lines) + 1)]
    assert [end for end, _ in found] == ends
    assert tail.offset == len(whole)


def test_only_newlines_end_lines(path: Path) -> None:
    text = "a\u2028b\u2029c\x0bd\x0ce\x85f\rg"
    path.write_bytes(text.encode() + b"\n")
    assert texts(Tail(str(path), 1000)) == [text.encode()]


def test_a_cut_character_is_not_read_in_halves(path: Path) -> None:
    data = "\U0001f600\n".encode()
    path.write_bytes(data[:2])
    tail = Tail(str(path), 1000)
    assert texts(tail) == []
    append(path, data[2:])
    assert texts(tail) == [data[:-1]]


@pytest.mark.parametrize("limit", [7, 1 << 18])
def test_a_line_over_the_limit_is_skipped_and_the_next_one_is_not(path: Path, limit: int) -> None:
    path.write_bytes(b"one\n" + b"x" * 101 + b"\n" + b"y" * 100 + b"\nthree\n")
    tail = Tail(str(path), 100)
    assert texts(tail, limit) == [b"one", b"y" * 100, b"three"]
    assert tail.skipped == 1


def test_a_line_over_the_limit_is_not_kept_in_memory(path: Path) -> None:
    path.write_bytes(b"x" * 100_000)
    tail = Tail(str(path), 1000)
    assert texts(tail, 500) == []
    assert sum(map(len, tail._held)) <= 1500
    append(path, b"x\nnext\n")
    assert texts(tail) == [b"next"]


def test_a_slice_is_no_longer_than_asked(path: Path) -> None:
    path.write_bytes(b"line\n" * 100)
    tail = Tail(str(path), 1000)
    assert len(tail.read(50)) == 10
    assert tail.more


def test_a_truncated_file_is_read_again(path: Path) -> None:
    path.write_bytes(b"one\ntwo\n")
    tail = Tail(str(path), 1000)
    texts(tail)
    os.truncate(path, 0)
    assert texts(tail) == []
    assert tail.restarted
    append(path, b"three\n")
    assert texts(tail) == [b"three"]
    assert not tail.restarted


def test_a_file_rewritten_in_place_is_read_again(path: Path) -> None:
    path.write_bytes(b"one\ntwo\nthr")
    tail = Tail(str(path), 1000)
    texts(tail)
    inode = path.stat().st_ino
    path.write_bytes(b"eno\nowt\nfour\nfive\n")
    assert path.stat().st_ino == inode
    assert texts(tail) == [b"eno", b"owt", b"four", b"five"]
    assert tail.restarted


def test_a_file_in_another_ones_place_is_read_from_its_beginning(path: Path) -> None:
    path.write_bytes(b"one\ntwo\n")
    tail = Tail(str(path), 1000)
    texts(tail)
    other = path.with_name("other")
    other.write_bytes(b"three\nfour\nfive\n")
    other.replace(path)
    assert texts(tail) == [b"three", b"four", b"five"]


def test_a_copy_that_goes_on_is_read_on(path: Path) -> None:
    path.write_bytes(b"one\ntwo\n")
    tail = Tail(str(path), 1000)
    texts(tail)
    other = path.with_name("other")
    other.write_bytes(b"one\ntwo\nthree\n")
    other.replace(path)
    assert texts(tail) == [b"three"]


def test_lines_that_end_alike_do_not_hide_a_rewriting(path: Path) -> None:
    end = b',"sessionId":"11111111-2222-4333-8444-555555555555","version":"2.1.197","gitBranch":"HEAD"}\n'
    path.write_bytes(b'{"uuid":"1"' + end)
    tail = Tail(str(path), 1000)
    texts(tail)
    path.write_bytes(b'{"uuid":"2"' + end + b'{"uuid":"3"' + end)
    assert [raw[9:10] for raw in texts(tail)] == [b"2", b"3"]


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_what_is_no_file_is_an_error_and_never_waits(path: Path, make: object) -> None:
    assert callable(make)
    make(path)
    with pytest.raises(OSError, match=r"not a file|Is a directory"):
        Tail(str(path), 1000).read()


def test_a_file_that_is_gone_is_an_error_and_can_come_back(path: Path) -> None:
    path.write_bytes(b"one\n")
    tail = Tail(str(path), 1000)
    texts(tail)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        tail.read()
    path.write_bytes(b"one\ntwo\n")
    assert texts(tail) == [b"two"]
