"""A transcript is the same one wherever it is moved to, and told once whatever its names."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from clawsocket.claude.observations import Observation
from clawsocket.config import Settings
from clawsocket.sources import transcript_index, transcripts
from clawsocket.sources.transcripts import Transcripts
from clawsocket.sources.watch import Watcher
from tests.sources.following import Following
from tests.sources.running import (
    LONG_AGO,
    append,
    eventually,
    flood,
    line,
    make_folder,
    move,
    settled,
)


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


async def test_a_file_made_in_the_place_of_a_deleted_one_is_a_new_one(following: Following, project: Path) -> None:
    await following.start()
    for number in range(3):
        append(project / "s.jsonl", line(str(number), LONG_AGO))
        await following.until_new(*[str(one) for one in range(number + 1)])
        (project / "s.jsonl").unlink()
        await settled()
    assert following.old() == []


async def test_a_file_is_found_where_it_is_though_nobody_told(
    following: Following, watcher: Watcher, project: Path, other_project: Path
) -> None:
    await following.start()
    append(project / "s.jsonl", line("1"))
    await following.until_new("1")
    watcher.remove(other_project)
    flood(project)
    (project / "s.jsonl").unlink()
    append(other_project / "s.jsonl", line("2"))
    await eventually(lambda: following.all.path("s", None), "the file")
    assert following.all.path("s", None) == other_project / "s.jsonl"
    await following.until_new("1", "2")


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


async def test_what_is_gone_for_good_is_forgotten(
    following: Following, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcript_index, "LOST", -1.0)
    monkeypatch.setattr(transcripts, "FOLDERS", 3)
    await following.start()

    def meta_told(number: int) -> bool:
        return following.metas()[-1:] == [(f"a{number}", "Explore", False)]

    for number in range(10):
        path, agents = project / f"s{number}.jsonl", project / f"s{number}" / "subagents"
        agents.mkdir(parents=True)
        append(agents / f"agent-a{number}.meta.json", b'{"agentType": "Explore"}')
        append(agents / f"agent-a{number}.jsonl", line("2"))
        append(path, line("1"))
        await following.until_new("1", session_id=f"s{number}")
        await following.until_new("2", session_id=f"s{number}", agent_id=f"a{number}")
        await eventually(partial(meta_told, number), "the meta file")
        following.all.forget(f"s{number}")
        following.all.checkpoints.collect(lambda _session_id: True)
        shutil.rmtree(path.with_suffix(""))
        path.unlink()
        await eventually(lambda: not following.all._index.names(project), "that it is gone")
    index = following.all._index
    assert not index._folders
    assert len(index._sessions) <= 3
    assert len(index._files) <= 3
    assert len(following.all.checkpoints._taken) <= 3
    assert len(following.all._metas) == 3


async def test_a_pipe_in_the_place_of_a_transcript_is_none(following: Following, project: Path) -> None:
    path, agents = project / "s.jsonl", project / "s" / "subagents"
    await following.start("s")
    append(path, line("1"))
    await following.until_new("1")
    path.unlink()
    agents.mkdir(parents=True)
    for pipe in (path, agents / "agent-a.jsonl"):
        os.mkfifo(pipe)
    assert following.all.path("s", None) is None
    assert following.all.path("s", "a") is None


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
