"""What is read of a transcript is whole and in order, whatever happens to it and however much it is."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from functools import partial
from itertools import groupby
from pathlib import Path
from time import perf_counter

import pytest

from clawsocket.claude.observations import LineSeen, Observation
from clawsocket.config import Settings
from clawsocket.sources.transcripts import Transcripts
from clawsocket.sources.watch import Watcher
from tests.sources.following import Following
from tests.sources.running import (
    LONG_AGO,
    append,
    eventually,
    flood,
    has_length,
    line,
    refuse_listing,
    settled,
)

# Files that are not only appended to


async def test_a_truncated_file_is_read_again(following: Following, project: Path) -> None:
    await following.start()
    append(project / "s.jsonl", line("1") + line("2"))
    await following.until_new("1", "2")
    os.truncate(project / "s.jsonl", 0)
    append(project / "s.jsonl", line("3"))
    await following.until_new("1", "2", "3")


async def test_of_a_rewritten_file_only_what_is_later_than_the_start_is_new(
    following: Following, project: Path
) -> None:
    append(project / "s.jsonl", line("1", LONG_AGO) + line("2", LONG_AGO))
    await following.start("s")
    await eventually(lambda: following.caught_up, "the end of the reading")
    (project / "s.jsonl").write_bytes(line("1'", LONG_AGO) + line("2'", LONG_AGO) + line("3"))
    await following.until_new("3")
    assert following.old() == ["1", "2", "1'", "2'"]


async def test_a_file_put_in_the_place_of_another_is_read_from_its_beginning(
    following: Following, project: Path, tmp_path: Path
) -> None:
    await following.start()
    append(project / "s.jsonl", line("1"))
    await following.until_new("1")
    append(tmp_path / "new", line("2", LONG_AGO) + line("3"))
    (tmp_path / "new").rename(project / "s.jsonl")
    await following.until_new("1", "3")
    assert following.old() == ["2"]


async def test_a_deleted_file_may_come_back(following: Following, project: Path) -> None:
    await following.start()
    append(project / "s.jsonl", line("1"))
    await following.until_new("1")
    (project / "s.jsonl").unlink()
    append(project / "s.jsonl", line("2"))
    await following.until_new("1", "2")


# Lines that are no good


async def test_broken_and_unknown_lines_are_counted_and_each_told_once(following: Following, project: Path) -> None:
    await following.start()
    bad = b'{"type":"user"\n[1]\n\xff\n"secret"\n\n' * 3
    unknown = b'{"type":"brand-new"}\n{"type":"other_one"}\n{"type":"<b>odd</b>"}\n{}\n' * 2
    unknown += b'{"type":"' + b"long" * 11 + b'"}\n'
    append(project / "s.jsonl", line("1") + bad + unknown + line("2"))
    await eventually(lambda: following.new()[-1:] == ["2"], "the last line")
    assert following.all.broken == 12
    assert following.all.unknown == {"brand-new": 2, "other_one": 2, "?": 5}
    assert len(following.troubles()) == 2
    assert not any("secret" in message or "<b>" in message for message in following.troubles())


async def test_kinds_of_unknown_lines_are_bounded(following: Following, project: Path) -> None:
    await following.start()
    append(project / "s.jsonl", b"".join(b'{"type":"kind-%d"}\n' % number for number in range(500)) + line("1"))
    await eventually(lambda: following.new()[-1:] == ["1"], "the last line")
    assert len(following.all.unknown) == 101
    assert following.all.unknown["?"] == 400


async def test_a_line_over_the_limit_is_skipped_and_told_once(
    watcher: Watcher, seen: list[Observation], now: Callable[[], int], claude: Path, project: Path
) -> None:
    transcripts = Transcripts([claude], watcher, seen.append, Settings(line_limit=2000), now)
    following = Following(claude, transcripts, seen)
    await following.start()
    for number in range(2):
        append(project / "s.jsonl", line("long", text="x" * 2000) + line(f"{number}"))
    await following.until_new("0", "1")
    assert len(following.troubles()) == 1
    assert "line_limit" in following.troubles()[0]
    transcripts.close()


async def test_a_line_of_many_megabytes_is_whole(following: Following, project: Path) -> None:
    await following.start()
    append(project / "s.jsonl", line("1", text="\u2028" * 5_000_000) + line("2"))
    await following.until_new("1", "2")


async def test_a_file_that_cannot_be_read_is_read_when_it_can(
    monkeypatch: pytest.MonkeyPatch, following: Following, project: Path
) -> None:
    await following.start()
    refused: list[str] = []

    def refusing(path: str, flags: int) -> int:
        if path.endswith("s.jsonl") and len(refused) < 3:
            refused.append(path)
            raise OSError(errno.EMFILE, "Too many open files", path)
        return real(path, flags)

    real = os.open
    monkeypatch.setattr(os, "open", refusing)
    append(project / "s.jsonl", line("1"))
    await following.until_new("1")
    assert following.troubles() == ["transcripts can't be read (Too many open files)"]


async def test_a_file_that_we_may_not_read_is_read_when_we_may_and_asked_for_no_more_often(
    monkeypatch: pytest.MonkeyPatch, following: Following, watcher: Watcher, project: Path
) -> None:
    await following.start()
    allowed, refused = False, 0

    def refusing(path: str, flags: int) -> int:
        nonlocal refused
        if path.endswith("s.jsonl") and not allowed:
            refused += 1
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return real(path, flags)

    real = os.open
    monkeypatch.setattr(os, "open", refusing)
    append(project / "s.jsonl", line("1"))
    await eventually(lambda: refused, "the first try")
    await settled()
    assert refused < 4
    allowed = True
    (project / "s.jsonl").chmod(0o644)
    await following.until_new("1")
    assert following.troubles() == ["transcripts can't be read (Permission denied)"]


async def test_a_link_that_leads_in_a_circle_is_not_looked_at_again_and_again(
    following: Following, watcher: Watcher, project: Path
) -> None:
    (project / "s.jsonl").symlink_to("s.jsonl")
    await following.start()
    assert following.troubles() == ["transcripts can't be read (Too many levels of symbolic links)"]
    assert not watcher._again
    (project / "s.jsonl").unlink()
    append(project / "s.jsonl", line("1"))
    await following.until_new("1")


async def test_folders_that_cannot_be_listed_now_are_listed_later_and_nothing_is_lost(
    monkeypatch: pytest.MonkeyPatch, following: Following, watcher: Watcher, project: Path
) -> None:
    append(project / "s.jsonl", line("1", LONG_AGO))
    refuse_listing(monkeypatch, 3)
    await following.start("s")
    await eventually(lambda: following.old() == ["1"], "the first line")
    refuse_listing(monkeypatch, 3)
    watcher.again(project.parent)
    watcher.again(project)
    append(project / "s.jsonl", line("2"))
    await following.until_new("2")
    assert following.all.path("s", None) == project / "s.jsonl"
    assert following.troubles() == ["transcripts can't be read (Too many open files)"]


async def test_a_failing_sink_costs_the_one_line(
    watcher: Watcher, settings: Settings, now: Callable[[], int], claude: Path, project: Path
) -> None:
    taken: list[str | None] = []

    def sink(seen: Observation) -> None:
        assert isinstance(seen, LineSeen)
        if seen.line.uuid == "2":
            raise RuntimeError("no")
        taken.append(seen.line.uuid)

    errors: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context["exception"]))
    transcripts = Transcripts([claude], watcher, sink, settings, now)
    await transcripts.start()
    append(project / "s.jsonl", line("1") + line("2") + line("3"))
    await eventually(lambda: taken[-1:] == ["3"], "the last line")
    assert taken == ["1", "3"]
    assert len(errors) == 1
    transcripts.close()


# Much at once


async def test_a_burst_of_lines_arrives_whole_and_in_order(following: Following, project: Path) -> None:
    await following.start()
    total = 20_000
    for begin in range(0, total, 50):
        append(project / "s.jsonl", b"".join(line(str(number)) for number in range(begin, begin + 50)))
    await eventually(lambda: len(following.new()) >= total, "all lines")
    assert following.new() == [str(number) for number in range(total)]


async def test_lines_missed_by_the_queue_of_the_system_are_found(
    following: Following, project: Path, other_project: Path
) -> None:
    await following.start()
    flood(project)
    append(project / "a.jsonl", line("1"))
    append(other_project / "s.jsonl", line("1"))
    new = project.with_name("-new")
    new.mkdir()
    append(new / "t.jsonl", line("1"))
    for session_id in ("a", "s", "t"):
        await following.until_new("1", session_id=session_id)


async def test_files_are_read_by_turns_however_slow_their_lines_are_taken(
    watcher: Watcher, settings: Settings, now: Callable[[], int], claude: Path, project: Path
) -> None:
    taken: list[str] = []

    def sink(seen: Observation) -> None:
        assert isinstance(seen, LineSeen)
        taken.append(seen.session_id)
        end = perf_counter() + 0.001
        while perf_counter() < end:
            pass

    transcripts = Transcripts([claude], watcher, sink, settings, now)
    await transcripts.start()
    for session_id in "ab":
        append(project / f"{session_id}.jsonl", line("x") * 100)
    await eventually(partial(has_length, taken, 200), "all lines")
    assert max(len(list(run)) for _, run in groupby(taken[:100])) < 20
    transcripts.close()


async def test_a_huge_file_does_not_keep_others_waiting(
    watcher: Watcher, settings: Settings, now: Callable[[], int], claude: Path, project: Path
) -> None:
    one = line("old", LONG_AGO, text="x" * 4000)
    with (project / "big.jsonl").open("wb") as stream:
        for _ in range(100):
            stream.write(one * 250)
    count, others = 0, []

    def sink(seen: Observation) -> None:
        nonlocal count
        assert isinstance(seen, LineSeen)
        if seen.session_id == "big":
            assert seen.silent
            count += 1
        else:
            others.append(count)

    transcripts = Transcripts([claude], watcher, sink, settings, now)
    await transcripts.start()
    transcripts.follow("big")
    for number in range(5):
        append(project / "s.jsonl", line(str(number)))
        await eventually(partial(has_length, others, number + 1), "the small file")
        assert transcripts.reading("big")
    await eventually(lambda: not transcripts.reading("big"), "the end of the huge one", 60)
    assert count == 25_000
    assert others[-1] < count
    transcripts.close()
