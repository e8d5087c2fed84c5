"""Lines are told once, those that were there before silently or not at all; subagents and pasts belong to them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from clawsocket.claude.observations import LineSeen, Observation
from clawsocket.config import Settings
from clawsocket.sources.tail import SLICE
from clawsocket.sources.transcripts import Transcripts
from clawsocket.sources.watch import Watcher
from tests.sources.following import Following
from tests.sources.running import (
    FRESH,
    LONG_AGO,
    append,
    eventually,
    line,
    make_folder,
    old_file,
    settled,
)

META = b'{"agentType":"Explore","toolUseId":"toolu_1"}'


# What is new


async def test_a_file_created_now_is_new_whatever_its_times(following: Following, project: Path) -> None:
    await following.start()
    append(project / "s.jsonl", line("1", LONG_AGO) + line("2", None) + line("3"))
    await following.until_new("1", "2", "3")
    assert following.old() == []
    assert following.reads == [("s", None)]


async def test_an_old_file_is_not_read_until_it_grows_and_then_silently_to_where_it_stood(
    following: Following, project: Path
) -> None:
    old_file(project / "s.jsonl", line("1", LONG_AGO) + line("2", None) + line("3", LONG_AGO))
    old_file(project / "other.jsonl", line("1", LONG_AGO))
    await following.start()
    (project / "s.jsonl").touch()
    append(project / "new.jsonl", line("1"))
    await following.until_new("1", session_id="new")
    assert following.told() == []
    append(project / "s.jsonl", line("4", LONG_AGO) + line("5", None))
    await following.until_new("4", "5")
    assert following.told() == [("1", True), ("2", True), ("3", True), ("4", False), ("5", False)]
    assert following.told("other") == []


async def test_the_file_of_a_living_session_is_read_silently_and_said_to_be(
    following: Following, project: Path
) -> None:
    old_file(project / "s.jsonl", line("1", LONG_AGO) + line("2", None))
    await following.start("s")
    assert following.all.reading("s")
    assert following.caught_up == []
    await eventually(lambda: following.caught_up, "the end of the reading")
    assert not following.all.reading("s")
    assert following.told() == [("1", True), ("2", True)]
    append(project / "s.jsonl", line("3"))
    await following.until_new("3")
    assert following.caught_up == ["s"]


async def test_the_end_of_the_reading_is_said_before_the_first_new_line(following: Following, project: Path) -> None:
    old_file(project / "s.jsonl", line("1", LONG_AGO))
    await following.start()
    told: list[str | None] = []
    following.all.on_caught_up = lambda _: told.extend(uuid for uuid, _ in following.told())
    append(project / "s.jsonl", line("2") + line("3"))
    await following.until_new("2", "3")
    assert told == ["1"]


async def test_files_may_be_a_little_older_than_the_clock_says(
    watcher: Watcher, seen: list[Observation], settings: Settings, now: Callable[[], int], claude: Path
) -> None:
    following = Following(claude, Transcripts([claude], watcher, seen.append, settings, lambda: now() + 10), seen)
    await following.start()
    project = claude / "projects" / "-a"
    make_folder(project)
    append(project / "s.jsonl", line("1", None))
    await following.until_new("1")
    following.all.close()


async def test_a_line_half_written_at_the_start_is_new_when_it_is_whole(following: Following, project: Path) -> None:
    half = line("2", LONG_AGO)
    append(project / "s.jsonl", line("1", LONG_AGO) + half[:20])
    await following.start("s")
    await eventually(lambda: following.caught_up, "the end of the reading")
    append(project / "s.jsonl", half[20:])
    await following.until_new("2")


async def test_what_was_written_after_the_start_is_new_wherever_it_is_found(
    following: Following, project: Path, tmp_path: Path
) -> None:
    await following.start()
    moved = tmp_path / "moved"
    moved.mkdir()
    append(moved / "s.jsonl", line("1", LONG_AGO) + line("2", None) + line("3") + line("4", None) + line("5", LONG_AGO))
    moved.rename(project.parent / "-moved")
    await following.until_new("3", "4")
    assert following.old() == ["1", "2", "5"]


async def test_old_files_that_turn_up_are_not_read(following: Following, project: Path, tmp_path: Path) -> None:
    await following.start()
    moved = tmp_path / "moved"
    moved.mkdir()
    old_file(moved / "s.jsonl", line("1"))
    moved.rename(project.parent / "-moved")
    append(project / "new.jsonl", line("1"))
    await following.until_new("1", session_id="new")
    assert following.told() == []


async def test_lines_have_the_time_of_the_line_before_them_and_the_first_that_of_the_file(
    following: Following, project: Path
) -> None:
    await following.start()
    append(project / "s.jsonl", line("1", None) + line("2", "2026-01-02T03:04:05.678Z") + line("3", None))
    await following.until_new("1", "2", "3")
    times = [item.at for item in following.seen if isinstance(item, LineSeen)]
    assert abs(times[0] - (project / "s.jsonl").stat().st_mtime * 1000) < 1000
    assert times[1:] == [1767323045678] * 2


@pytest.mark.parametrize(("first", "is_new"), [(LONG_AGO, False), (FRESH, True)])
async def test_of_a_file_found_at_the_start_the_lines_before_the_first_time_are_as_old_as_that(
    following: Following, project: Path, first: str, is_new: bool
) -> None:
    append(project / "s.jsonl", line("1", None) + b"broken\n" + line("2", None) + line("3", first) + line("4", None))
    os.utime(project / "s.jsonl", (4_000_000_000, 4_000_000_000))
    await following.start()
    await eventually(lambda: len(following.told()) == 4, "all lines")
    assert {silent for _, silent in following.told()} == {not is_new}
    lines = [item for item in following.seen if isinstance(item, LineSeen)]
    assert {item.at for item in lines} == {lines[2].line.at}


# Subagents


async def test_subagents_of_a_living_session_are_read_with_it(following: Following, project: Path) -> None:
    agents = project / "s" / "subagents"
    agents.mkdir(parents=True)
    old_file(project / "s.jsonl", line("1", LONG_AGO))
    old_file(agents / "agent-a.jsonl", line("1", LONG_AGO))
    old_file(agents / "agent-a.meta.json", META)
    await following.start("s")
    await eventually(lambda: following.caught_up, "the end of the reading")
    assert following.old() == ["1"]
    assert following.old(agent_id="a") == ["1"]
    assert following.metas() == [("a", "Explore", True)]

    append(agents / "agent-a.jsonl", line("2"))
    append(agents / "agent-b.jsonl", line("1", LONG_AGO))
    append(agents / "agent-b.meta.json", META)
    await following.until_new("2", agent_id="a")
    await following.until_new("1", agent_id="b")
    await eventually(lambda: ("b", "Explore", False) in following.metas(), "the second meta file")
    assert ("s", "b") in following.reads


@pytest.mark.parametrize("when", ["before", "after"])
async def test_the_subagents_of_a_workflow_are_those_of_its_session(
    following: Following, project: Path, when: str
) -> None:
    old_file(project / "s.jsonl", line("1", LONG_AGO))
    run = project / "s" / "subagents" / "workflows" / "wf_1"
    if when == "before":
        run.mkdir(parents=True)
        old_file(run / "agent-a.jsonl", line("0", LONG_AGO))
    await following.start("s")
    run.mkdir(parents=True, exist_ok=True)
    append(run / "journal.jsonl", line("x"))
    append(run / "agent-a.meta.json", META)
    append(run / "agent-a.jsonl", line("1"))
    await following.until_new("1", agent_id="a")
    assert following.old(agent_id="a") == (["0"] if when == "before" else [])
    assert following.metas() == [("a", "Explore", False)]
    assert following.all.path("s", "a") == run / "agent-a.jsonl"
    following.all.forget("s")
    assert following.all.path("s", "a") == run / "agent-a.jsonl"


async def test_subagents_of_sessions_that_are_over_are_left_alone(following: Following, project: Path) -> None:
    agents = project / "s" / "subagents"
    agents.mkdir(parents=True)
    old_file(project / "s.jsonl", line("1", LONG_AGO))
    old_file(agents / "agent-a.jsonl", line("1", LONG_AGO))
    await following.start()
    append(project / "t.jsonl", line("1"))
    await following.until_new("1", session_id="t")
    assert following.told("s", "a") == []


async def test_the_folder_of_subagents_comes_when_it_comes(following: Following, project: Path) -> None:
    await following.start("s")
    agents = project / "s" / "subagents"
    agents.mkdir(parents=True)
    append(agents / "agent-a.meta.json", META)
    append(agents / "agent-a.jsonl", line("1"))
    await following.until_new("1", agent_id="a")
    assert following.metas() == [("a", "Explore", False)]
    (project / "s" / "tool-results").mkdir()
    append(project / "s.jsonl", line("1"))
    await following.until_new("1")


async def test_the_folder_of_subagents_may_come_before_the_transcript_and_after_that_of_the_session(
    following: Following, project: Path
) -> None:
    (project / "s").mkdir(parents=True)
    await following.start("s")
    (project / "s" / "subagents").mkdir()
    append(project / "s" / "subagents" / "agent-a.jsonl", line("1"))
    await following.until_new("1", agent_id="a")


async def test_what_nobody_heard_is_told_again_the_old_as_old_and_the_new_as_new(
    following: Following, project: Path
) -> None:
    agents = project / "s" / "subagents"
    agents.mkdir(parents=True)
    old_file(project / "s.jsonl", line("1", LONG_AGO))
    old_file(agents / "agent-a.jsonl", line("1", LONG_AGO))
    old_file(agents / "agent-a.meta.json", META)
    await following.start()
    append(project / "s.jsonl", line("2"))
    await following.until_new("2")
    await eventually(lambda: following.old(agent_id="a") == ["1"], "the subagent")
    following.seen.clear()
    assert following.all.repeat("s")
    await following.until_new("2")
    await eventually(lambda: following.old(agent_id="a") == ["1"], "the subagent again")
    assert following.told() == [("1", True), ("2", False)]
    assert following.metas() == [("a", "Explore", True)]


async def test_a_half_written_meta_file_is_told_when_it_is_whole(following: Following, project: Path) -> None:
    agents = project / "s" / "subagents"
    agents.mkdir(parents=True)
    await following.start("s")
    append(agents / "agent-a.meta.json", META[:10])
    append(agents / "agent-a.jsonl", line("1"))
    await following.until_new("1", agent_id="a")
    assert following.metas() == []
    append(agents / "agent-a.meta.json", META[10:])
    await eventually(following.metas, "the meta file")
    (agents / "agent-a.meta.json").touch()
    append(agents / "agent-a.jsonl", line("2"))
    await following.until_new("1", "2", agent_id="a")
    assert len(following.metas()) == 1


async def test_what_a_subagent_is_can_be_told_before_the_watcher_tells_of_its_file(
    following: Following, project: Path
) -> None:
    await following.start("s")
    append(project / "s.jsonl", line("1"))
    agents = project / "s" / "subagents"
    agents.mkdir(parents=True)
    following.all.find_agent("s", "a")
    append(agents / "agent-a.meta.json", META)
    append(project / "s" / "agent-b.meta.json", META)
    for id in ("other", "../agent-b", "a"):
        following.all.find_agent("s", id)
    assert following.metas() == [("a", "Explore", False)]
    append(agents / "agent-a.jsonl", line("1"))
    await following.until_new("1", agent_id="a")
    assert len(following.metas()) == 1


# The end of a session, and its past


async def test_what_was_forgotten_is_told_silently_when_the_session_goes_on(
    following: Following, project: Path
) -> None:
    agents = project / "s" / "subagents"
    agents.mkdir(parents=True)
    await following.start("s")
    append(project / "s.jsonl", line("1") + line("2"))
    append(agents / "agent-a.meta.json", META)
    append(agents / "agent-a.jsonl", line("1"))
    await following.until_new("1", "2")
    await following.until_new("1", agent_id="a")
    following.all.forget("s")
    (project / "s.jsonl").touch()
    append(agents / "agent-a.jsonl", b"")
    await settled()
    assert len(following.told()) == 2

    following.seen.clear()
    append(project / "s.jsonl", line("3"))
    await following.until_new("3")
    assert following.told() == [("1", True), ("2", True), ("3", False)]
    await eventually(lambda: following.old(agent_id="a") == ["1"], "the subagent's past")
    assert following.metas() == [("a", "Explore", True)]
    append(agents / "agent-a.jsonl", line("2"))
    await following.until_new("2", agent_id="a")


async def test_what_is_written_after_a_truncation_is_new_also_in_a_file_that_rests(
    following: Following, project: Path
) -> None:
    await following.start("s")
    append(project / "s.jsonl", line("1") + line("2"))
    await following.until_new("1", "2")
    following.all.forget("s")
    os.truncate(project / "s.jsonl", 0)
    append(project / "s.jsonl", line("3"))
    await following.until_new("1", "2", "3")


async def test_a_deleted_file_of_a_forgotten_session_is_forgotten_too(following: Following, project: Path) -> None:
    await following.start("s")
    append(project / "s.jsonl", line("1"))
    await following.until_new("1")
    (project / "s.jsonl").unlink()
    await eventually(lambda: following.all.path("s", None) is None, "the end of the file")
    following.all.forget("s")
    following.all.follow("s")
    following.all.follow("s")
    append(project / "s.jsonl", line("2", LONG_AGO))
    await following.until_new("1", "2")
    assert following.old() == []


async def test_a_session_may_be_forgotten_by_who_takes_its_lines(
    watcher: Watcher, settings: Settings, now: Callable[[], int], claude: Path, project: Path
) -> None:
    taken: list[tuple[str | None, bool]] = []

    def sink(seen: Observation) -> None:
        assert isinstance(seen, LineSeen)
        taken.append((seen.line.uuid, seen.silent))
        if seen.line.uuid == "2" and not seen.silent:
            transcripts.forget("s")

    transcripts = Transcripts([claude], watcher, sink, settings, now)
    await transcripts.start()
    append(project / "s.jsonl", line("1") + line("2") + line("3") + line("4", text="x" * SLICE))
    await eventually(lambda: ("2", False) in taken, "the second line")
    await settled()
    assert taken == [("1", False), ("2", False)]
    append(project / "s.jsonl", line("5"))
    await eventually(lambda: taken[-1] == ("5", False), "the last line")
    assert taken[2:] == [("1", True), ("2", True), ("3", False), ("4", False), ("5", False)]
    transcripts.close()


async def test_draining_tells_at_once_what_was_written(following: Following, project: Path) -> None:
    agents = project / "s" / "subagents"
    agents.mkdir(parents=True)
    await following.start("s")
    append(project / "s.jsonl", line("1"))
    append(agents / "agent-a.jsonl", line("1"))
    following.all.drain("s")
    assert following.new() == ["1"]
    assert following.new(agent_id="a") == ["1"]
    append(project / "s.jsonl", line("2"))
    following.all.drain("s")
    assert following.new() == ["1", "2"]
    await settled()
    assert following.new() == ["1", "2"]
    following.all.drain("nobody")


async def test_draining_is_bounded(following: Following, project: Path) -> None:
    await following.start("s")
    lines = [line(str(number), text="x" * 10_000) for number in range(1000)]
    append(project / "s.jsonl", b"".join(lines))
    following.all.drain("s")
    assert 0 < len(following.told()) < 600
    await eventually(lambda: len(following.told()) == 1000, "the rest")
    assert [uuid for uuid, _ in following.told()] == [str(number) for number in range(1000)]


async def test_a_session_is_behind_until_its_files_are_read_and_not_for_one_that_cannot_be(
    following: Following, project: Path
) -> None:
    agents = project / "s" / "subagents"
    agents.mkdir(parents=True)
    append(project / "s.jsonl", line("1", LONG_AGO))
    append(agents / "agent-a.jsonl", line("1", LONG_AGO) * 10_000)
    append(project / "gone.jsonl", line("1", LONG_AGO))
    assert following.all.is_behind("s")  # nobody has looked yet what there is of it
    await following.start("s", "gone")
    (project / "gone.jsonl").unlink()
    assert following.all.is_behind("s")
    assert following.all.is_behind("gone")
    await eventually(lambda: not following.all.is_behind("gone"), "the file that is gone")
    await eventually(lambda: not following.all.is_behind("s"), "the end of the reading")
    assert len(following.old(agent_id="a")) == 10_000
    assert following.told("gone") == []
    assert not following.all.is_behind("nobody")


async def test_a_path_is_found_of_the_living_and_the_dead(
    following: Following, project: Path, other_project: Path
) -> None:
    agents = other_project / "old" / "subagents"
    agents.mkdir(parents=True)
    old_file(other_project / "old.jsonl", line("1", LONG_AGO))
    old_file(agents / "agent-a.jsonl", line("1", LONG_AGO))
    await following.start()
    assert following.all.path("old", None) == other_project / "old.jsonl"
    assert following.all.path("old", "a") == agents / "agent-a.jsonl"
    append(project / "s.jsonl", line("1"))
    assert following.all.path("s", None) == project / "s.jsonl"
    assert following.all.path("s", "a") is None
    (other_project / "old.jsonl").unlink()
    assert following.all.path("old", None) is None
    assert following.told("old") == []


@pytest.mark.parametrize("bad", ["", ".", "..", "../../out/old", "a/b", "a\0b", "a\n", "-x", "x" * 500, "\udc80"])
async def test_no_path_leads_out_of_the_projects(following: Following, claude: Path, project: Path, bad: str) -> None:
    make_folder(claude / "out" / "old" / "subagents")
    append(claude / "out" / "old.jsonl", line("1"))
    append(claude / "out" / "old" / "subagents" / "agent-a.jsonl", line("1"))
    append(project / "old.jsonl", line("1"))
    await following.start()
    assert following.all.path(bad, None) is None
    assert following.all.path(bad, "a") is None
    assert following.all.path("old", bad) is None
