"""Recordings that are copied in while the service runs: whatever comes first, all of their usage is counted."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.state.playback import RECORDINGS
from tests.support import oracle
from tests.support.feed import line, session_file
from tests.support.service import Service
from tests.support.waiting import wait_for

NAMES = ("f1_subagent", "f2_subagents_parallel", "d_parallel", "g_thinking")
LONG_AGO = 1_700_000_000
"""Before all recordings: lines from before a session began are another's."""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path) as running:
        running.wait_for_hooks()
        yield running


@pytest.mark.parametrize("order", ["session_first", "agents_first", "main_first", "at_once"])
def test_all_usage_is_counted_whatever_comes_first(tmp_path: Path, service: Service, order: str) -> None:
    with ExitStack() as stack, service.connect() as client:

        def begin(ids: list[str]) -> None:
            for id in ids:
                stack.enter_context(session_file(tmp_path, id, began=LONG_AGO))

        for name in NAMES:
            source = RECORDINGS / name / "projects"
            ids = oracle.sessions(source)
            if order == "session_first":
                begin(ids)
            copy(source, tmp_path, order)
            if order != "session_first":
                begin(ids)
        for name in NAMES:
            for id in oracle.sessions(RECORDINGS / name / "projects"):
                wanted = oracle.read(id, RECORDINGS / name / "projects", ()).usage
                wait_for(
                    lambda id=id, wanted=wanted: tokens(client.ask("get_usage", sessionId=id)) == wanted,  # type: ignore[misc]
                    f"the usage of {name}",
                )


def test_all_usage_of_an_old_session_that_goes_on_without_a_session_file_is_counted(tmp_path: Path) -> None:
    source = RECORDINGS / "f2_subagents_parallel" / "projects"
    projects = Path(shutil.copytree(source, tmp_path / ".claude" / "projects"))
    [id], [transcript] = oracle.sessions(source), projects.glob("*/*.jsonl")
    with Service(tmp_path) as service, service.connect() as client:
        service.wait_for_hooks()
        with transcript.open("ab") as file:
            file.write(line(1, session=id) + b"\n")
        wanted = oracle.read(id, source, ()).usage
        wait_for(lambda: tokens(client.ask("get_usage", sessionId=id)) == wanted, "the usage of before")


def copy(source: Path, home: Path, order: str) -> None:
    projects = home / ".claude" / "projects"
    projects.mkdir(parents=True, exist_ok=True)
    if order == "at_once":
        aside = Path(shutil.copytree(source, home / "aside" / source.parent.name))
        for folder in aside.iterdir():
            folder.rename(projects / folder.name)
        return
    files = [path for path in source.rglob("*") if path.is_file()]
    for path in sorted(files, key=lambda path: ("subagents" in path.parts) != (order == "agents_first")):
        place = projects / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, place)


def tokens(usage: dict[str, Any]) -> oracle.Tokens:
    names = ("inputTokens", "outputTokens", "cacheCreationInputTokens", "cacheReadInputTokens")
    return oracle.Tokens(*(usage[name] for name in names))
