"""What is written to transcripts is told whole, in order and once; what was there before silently or not at all."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from clawsocket.claude.observations import AgentMetaSeen, LineSeen, Observation, Trouble
from clawsocket.config import Settings
from clawsocket.sources.transcripts import Transcripts
from clawsocket.sources.watch import Watcher
from tests.sources.running import (
    LONG_AGO,
    append,
    eventually,
    line,
    make_folder,
    move,
    old_file,
    queue_limit,
    refuse_listing,
    settled,
)

META = b'{"agentType":"Explore","toolUseId":"toolu_1"}'


class Following:
    """The transcripts of a Claude Code folder, and what they told."""

    def __init__(self, claude: Path, transcripts: Transcripts, seen: list[Observation]) -> None:
        self.projects, self.all, self.seen = claude / "projects", transcripts, seen
        self.caught_up: list[str] = []
        self.all.on_caught_up = self.caught_up.append
        self.reads: list[tuple[str, str | None]] = []
        self.all.on_read = lambda session_id, agent_id: self.reads.append((session_id, agent_id))

    async def start(self, *living: str) -> None:
        await self.all.start()
        for session_id in living:
            self.all.follow(session_id)

    def told(self, session_id: str = "s", agent_id: str | None = None) -> list[tuple[str | None, bool]]:
        """The lines of a file: uuid, and whether silent."""
        lines = [item for item in self.seen if isinstance(item, LineSeen)]
        return [(i.line.uuid, i.silent) for i in lines if (i.session_id, i.agent_id) == (session_id, agent_id)]

    def new(self, session_id: str = "s", agent_id: str | None = None) -> list[str | None]:
        return [uuid for uuid, silent in self.told(session_id, agent_id) if not silent]

    def old(self, session_id: str = "s", agent_id: str | None = None) -> list[str | None]:
        return [uuid for uuid, silent in self.told(session_id, agent_id) if silent]

    def metas(self) -> list[tuple[str, str, bool]]:
        return [(i.agent_id, i.meta.agent_type, i.silent) for i in self.seen if isinstance(i, AgentMetaSeen)]

    def troubles(self) -> list[str]:
        return [item.message for item in self.seen if isinstance(item, Trouble)]

    async def until_new(self, *uuids: str, session_id: str = "s", agent_id: str | None = None) -> None:
        await eventually(lambda: len(self.new(session_id, agent_id)) >= len(uuids), f"new lines {uuids}")
        assert self.new(session_id, agent_id) == list(uuids)


@pytest.fixture
async def following(
    claude: Path, watcher: Watcher, seen: list[Observation], settings: Settings, now: Callable[[], int]
) -> AsyncIterator[Following]:
    following = Following(claude, Transcripts([claude], watcher, seen.append, settings, now), seen)
    yield following
    following.all.close()


@pytest.fixture
def project(claude: Path) -> Path:
    folder = claude / "projects" / "-home-dev-a"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def other_project(claude: Path) -> Path:
    folder = claude / "projects" / "-home-dev-b"
    folder.mkdir(parents=True)
    return folder


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


# Folders and files that come, go and move


async def test_everything_may_be_missing_at_the_start(following: Following, claude: Path) -> None:
    await following.start()
    for number in range(2):
        folder = claude / "projects" / f"-{number}"
        folder.mkdir(parents=True)
        append(folder / f"s{number}.jsonl", line("1") + line("2"))
        await following.until_new("1", "2", session_id=f"s{number}")


async def test_folders_may_be_deleted_and_made_again(following: Following, project: Path) -> None:
    await following.start()
    for number in range(3):
        append(project / f"s{number}.jsonl", line("1"))
        await following.until_new("1", session_id=f"s{number}")
        shutil.rmtree(project.parent if number else project)
        make_folder(project)


async def test_the_whole_claude_folder_may_be_moved_away_and_made_anew(
    following: Following, claude: Path, project: Path
) -> None:
    await following.start()
    append(project / "s.jsonl", line("1"))
    await following.until_new("1")
    move(claude, claude.with_name("old"))
    await eventually(lambda: following.all.path("s", None) is None, "the end of the file")
    make_folder(project)
    append(project / "t.jsonl", line("1"))
    await following.until_new("1", session_id="t")
    append(claude.with_name("old") / "projects" / project.name / "s.jsonl", line("2"))
    append(project / "t.jsonl", line("2"))
    await following.until_new("1", "2", session_id="t")
    assert following.new() == ["1"]


async def test_a_file_moved_to_another_project_is_read_on(
    following: Following, project: Path, other_project: Path
) -> None:
    await following.start()
    append(project / "s.jsonl", line("1") + line("2")[:9])
    await following.until_new("1")
    (project / "s.jsonl").rename(other_project / "s.jsonl")
    append(other_project / "s.jsonl", line("2")[9:] + line("3", type="relocated"))
    await following.until_new("1", "2", "3")
    assert following.old() == []
    assert following.all.path("s", None) == other_project / "s.jsonl"


async def test_a_file_moved_to_a_new_project_is_read_on(following: Following, project: Path) -> None:
    append(project / "s.jsonl", line("1", LONG_AGO))
    await following.start("s")
    await eventually(lambda: following.caught_up, "the end of the reading")
    new = project.with_name("-new")
    new.mkdir()
    (project / "s.jsonl").rename(new / "s.jsonl")
    append(new / "s.jsonl", line("2"))
    await following.until_new("2")
    assert following.old() == ["1"]


async def test_a_project_moved_with_all_its_files_is_read_on(following: Following, project: Path) -> None:
    agents = project / "s" / "subagents"
    agents.mkdir(parents=True)
    await following.start()
    append(project / "s.jsonl", line("1"))
    append(agents / "agent-a.jsonl", line("1"))
    await following.until_new("1")
    await following.until_new("1", agent_id="a")
    moved = project.with_name("-moved")
    move(project, moved)
    append(moved / "s.jsonl", line("2"))
    append(moved / "s" / "subagents" / "agent-a.jsonl", line("2"))
    await following.until_new("1", "2")
    await following.until_new("1", "2", agent_id="a")
    assert following.all.path("s", "a") == moved / "s" / "subagents" / "agent-a.jsonl"


async def test_a_file_made_after_another_with_the_same_inode_is_a_new_one(following: Following, project: Path) -> None:
    await following.start()
    append(project / "s.jsonl", line("1"))
    await following.until_new("1")
    (project / "s.jsonl").unlink()
    names = [f"t{number}" for number in range(20)]
    for name in names:  # file systems give the number again, sooner or later
        append(project / f"{name}.jsonl", line("2", LONG_AGO))
    for name in names:
        await following.until_new("2", session_id=name)


async def test_a_link_in_the_place_of_a_folder_is_followed(following: Following, claude: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "-real").mkdir(parents=True)
    make_folder(claude)
    (claude / "projects").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "far").mkdir()
    (tmp_path / "elsewhere" / "-link").symlink_to(tmp_path / "far")
    await following.start()
    append(tmp_path / "elsewhere" / "-real" / "s.jsonl", line("1"))
    append(tmp_path / "far" / "t.jsonl", line("1"))
    await following.until_new("1")
    await following.until_new("1", session_id="t")


async def test_a_folder_under_two_names_is_told_once(
    watcher: Watcher, seen: list[Observation], settings: Settings, now: Callable[[], int], tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    (first / "projects" / "-a").mkdir(parents=True)
    second.mkdir()
    (second / "projects").symlink_to(first / "projects")
    following = Following(first, Transcripts([first, second], watcher, seen.append, settings, now), seen)
    await following.start()
    path = first / "projects" / "-a" / "s.jsonl"
    append(path, line("1"))
    await following.until_new("1")
    append(path, line("2"))
    append(first / "projects" / "-a" / "t.jsonl", line("1"))
    await following.until_new("1", session_id="t")
    assert following.new() == ["1", "2"]
    following.all.close()


async def test_what_is_no_transcript_is_passed_over(following: Following, project: Path) -> None:
    names = [
        "agent-a.jsonl",
        ".hidden.jsonl",
        "with space.jsonl",
        "s.jsonl.bak",
        "s.json",
        "ü.jsonl",
        "x" * 200 + ".jsonl",
    ]
    for name in names:
        append(project / name, line("1"))
    (project / "folder.jsonl").mkdir()
    os.mkfifo(project / "pipe.jsonl")
    (project / "nowhere.jsonl").symlink_to("nothing")
    os.close(os.open(os.fsencode(project) + b"/\xff.jsonl", os.O_CREAT))
    await following.start("folder", "pipe", "nowhere")
    for name in names:
        append(project / name, line("2"))
    append(project / "s.jsonl", line("1"))
    await following.until_new("1")
    assert len(following.seen) == 1


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


async def test_broken_and_unknown_lines_are_counted_and_told_once_a_kind(following: Following, project: Path) -> None:
    await following.start()
    bad = b'{"type":"user"\n[1]\n\xff\n"secret"\n\n' * 3
    unknown = b'{"type":"brand-new"}\n{"type":"other_one"}\n{"type":"<b>odd</b>"}\n{}\n' * 2
    append(project / "s.jsonl", line("1") + bad + unknown + line("2"))
    await eventually(lambda: following.new()[-1:] == ["2"], "the last line")
    assert following.all.broken == 12
    assert following.all.unknown == {"brand-new": 2, "other_one": 2, "?": 4}
    assert len(following.troubles()) == 4
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
    append(project / "s.jsonl", line("1") + line("2") + line("3"))
    await eventually(lambda: ("2", False) in taken, "the second line")
    await settled()
    assert taken == [("1", False), ("2", False)]
    append(project / "s.jsonl", line("4"))
    await eventually(lambda: taken[-1] == ("4", False), "the last line")
    assert taken[2:] == [("1", True), ("2", True), ("3", False), ("4", False)]
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


@pytest.mark.parametrize("bad", ["", ".", "..", "../-home-dev-b/old", "a/b", "a\0b", "a\n", "-x", "x" * 500, "\udc80"])
async def test_no_path_leads_out_of_the_projects(following: Following, project: Path, bad: str) -> None:
    append(project / "old.jsonl", line("1"))
    await following.start()
    assert following.all.path(bad, None) is None
    assert following.all.path("old", bad) is None


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
    limit = queue_limit()
    files = [(project / f"{name}.jsonl").open("ab", 0) for name in "ab"]
    for number in range(limit + 10):
        files[number % 2].write(b"\n")
    for file in files:
        file.close()
    append(project / "a.jsonl", line("1"))
    append(other_project / "s.jsonl", line("1"))
    new = project.with_name("-new")
    new.mkdir()
    append(new / "t.jsonl", line("1"))
    for session_id in ("a", "s", "t"):
        await following.until_new("1", session_id=session_id)


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
        await eventually(lambda number=number: len(others) > number, "the small file")  # type: ignore[misc]
        assert transcripts.reading("big")
    await eventually(lambda: not transcripts.reading("big"), "the end of the huge one", 60)
    assert count == 25_000
    assert others[-1] < count
    transcripts.close()
