"""A session's history is what its transcripts say, read from their end."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from clawsocket import history
from tests.state.playback import RECORDINGS, SCENARIOS, file_observations, in_order, line_observations, play

FACTS = ("message.", "tool.", "agent.")


def transcript_of(scenario: str) -> Path:
    return next((RECORDINGS / scenario / "projects").glob("*/*.jsonl"))


def read(path: Path, limit: int = 1000, before: str | None = None, size: int = 16_000_000) -> tuple[list[Any], bool]:
    events, more = history.read(path, path.stem, limit, before, max_bytes=size)
    return [json.loads(bytes(event)) for event in events], more


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_it_holds_the_facts_that_were_sent_live(scenario: str) -> None:
    events, more = read(transcript_of(scenario))
    live = play((time, seen) for time, seen in in_order(file_observations(scenario), line_observations(scenario)))
    sent = {
        event.id
        for event in live
        if event.type.startswith(FACTS)
        and event.type not in ("agent.state_changed", "message.result")
        and event.source != "server"
    }
    told = {event["id"] for event in events}
    assert sent - told == set()
    assert not more
    assert len(told) == len(events)
    assert all("seq" not in event for event in events)


def test_it_ends_before_an_event_and_is_the_last_of_them() -> None:
    path = transcript_of("f2_subagents_parallel")
    events, _ = read(path)
    page, more = read(path, limit=5, before=events[20]["id"])
    assert [event["id"] for event in page] == [event["id"] for event in events[15:20]]
    assert more
    first, more = read(path, limit=5, before=events[3]["id"])
    assert [event["id"] for event in first] == [event["id"] for event in events[:3]]
    assert not more


def test_an_event_that_never_was_has_nothing_before_it() -> None:
    assert read(transcript_of("b_bash"), before="nothing") == ([], False)


def test_its_size_is_bounded() -> None:
    path = transcript_of("r_big")
    events, more = read(path, size=4000)
    assert sum(len(json.dumps(event, separators=(",", ":"), ensure_ascii=False)) for event in events) <= 4000
    assert more
    assert events


def test_a_page_deep_in_a_long_transcript_is_found(tmp_path: Path) -> None:
    source = transcript_of("b_bash").read_bytes()
    path = tmp_path / "long.jsonl"
    with path.open("wb") as file:
        for turn in range(400):
            number = f"{turn:06}".encode()
            file.write(source.replace(b"toolu_01whaK", b"toolu_" + number).replace(b"6ae0569b", b"aa" + number))
    events, more = read(path, limit=10)
    assert more
    assert len(events) == 10
    page, more = read(path, limit=10, before="m:long:aa000003-721a-4a36-a459-94822648e862")
    assert more
    last = [event["id"] for event in page if event["type"] == "tool.use"][-1]
    assert last == "t:long:toolu_000002FwFtPevMuOtPNp6nmk:use"


def test_broken_lines_and_missing_meta_are_passed_over(tmp_path: Path) -> None:
    folder = next((RECORDINGS / "f1_subagent" / "projects").iterdir())
    shutil.copytree(folder, tmp_path / "project")
    path = next((tmp_path / "project").glob("*.jsonl"))
    whole, _ = read(path)
    for meta in (tmp_path / "project").rglob("*.meta.json"):
        meta.unlink()
    path.write_bytes(path.read_bytes() + b'{"type": "user"\n[]\nnot json\n')
    events, _ = read(path)
    assert [event["id"] for event in events] == [event["id"] for event in whole]
