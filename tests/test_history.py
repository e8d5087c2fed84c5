"""A session's history is what its transcripts say, read from their end."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clawsocket import history
from clawsocket.protocol.envelope import Envelope
from clawsocket.sources import backwards
from clawsocket.sources.transcript_index import FOREVER
from tests.state.playback import RECORDINGS, SCENARIOS, file_observations, in_order, line_observations, play
from tests.web.stage import long_conversation

FACTS = ("message.", "tool.", "agent.")


def transcript_of(scenario: str) -> Path:
    return next((RECORDINGS / scenario / "projects").glob("*/*.jsonl"))


def read(path: Path, limit: int = 1000, before: str | None = None, size: int = 16_000_000) -> tuple[list[Any], bool]:
    events, more = asyncio.run(history.read(path, path.stem, limit, before, max_bytes=size))
    return [json.loads(bytes(event)) for event in events], more


def repeated(path: Path, turns: int) -> None:
    """Have a transcript that says the same again and again, with other ids."""
    source = transcript_of("b_bash").read_bytes()
    with path.open("wb") as file:
        for turn in range(turns):
            number = f"{turn:06}".encode()
            file.write(source.replace(b"toolu_01whaK", b"toolu_" + number).replace(b"6ae0569b", b"aa" + number))


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


def test_that_of_a_branch_has_what_it_copied(tmp_path: Path) -> None:
    source = transcript_of("b_bash")
    branch = tmp_path / source.name
    lines = [json.loads(line) for line in source.read_bytes().split(b"\n") if line]
    branch.write_text("".join(json.dumps({**line, "forkedFrom": {"sessionId": "older"}}) + "\n" for line in lines))
    assert [event["id"] for event in read(branch)[0]] == [event["id"] for event in read(source)[0]]


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
    path = tmp_path / "long.jsonl"
    repeated(path, 400)
    events, more = read(path, limit=10)
    assert more
    assert len(events) == 10
    page, more = read(path, limit=10, before="m:long:aa000003-721a-4a36-a459-94822648e862")
    assert more
    last = [event["id"] for event in page if event["type"] == "tool.use"][-1]
    assert last == "t:long:toolu_000002FwFtPevMuOtPNp6nmk:use"


def test_an_event_over_the_size_of_a_page_is_a_page_of_its_own() -> None:
    path = transcript_of("b_bash")
    whole, _ = read(path)
    first, more = read(path, size=1)
    assert (first, more) == (whole[-1:], True)
    assert read(path, before=first[0]["id"], size=1) == (whole[-2:-1], True)
    raws = [json.dumps(one).encode() for one in whole]
    stored, more = history.stored(raws, 10, max_bytes=1)
    assert ([json.loads(bytes(one)) for one in stored], more) == (whole[-1:], True)


def pages(
    path: Path, limit: int, places: history.Places | None, logged: history.Logged = history.nothing
) -> list[list[str]]:
    """The ids of all pages, from the end to the beginning."""
    found: list[list[str]] = []
    before, more = None, True
    while more:
        page = history.read(path, path.stem, limit, before, max_bytes=16_000_000, logged=logged, places=places)
        raws, more = asyncio.run(page)
        found.append([json.loads(bytes(raw))["id"] for raw in raws])
        before = found[-1][0]
    return found


def test_lines_that_tell_nothing_are_passed_over_however_many_there_are(tmp_path: Path) -> None:
    path = next((tmp_path / ".claude").rglob(f"{long_conversation(tmp_path, 300)}.jsonl"))
    told = path.read_bytes()
    (whole,) = pages(path, 10_000, None)
    notes = b'{"type":"mode","permissionMode":"plan"}\n' * 1000
    half = told.rindex(b"\n", 0, told.index(whole[-100].split(":")[2].encode())) + 1
    path.write_bytes(told[:half] + notes + told[half:] + notes)
    found = pages(path, 50, history.Places())
    assert [id for page in reversed(found) for id in page] == whole


def test_a_page_is_full_wherever_it_ends(tmp_path: Path) -> None:
    path = with_agent(tmp_path, before=50, inside=150, after=250)
    (whole,) = pages(path, 10_000, None)
    for end in range(30, len(whole), 20):
        assert [event["id"] for event in read(path, 30, whole[end])[0]] == whole[end - 30 : end]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_pages_are_the_same_whether_their_places_are_known(scenario: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = transcript_of(scenario)
    whole, _ = read(path)
    monkeypatch.setattr(history, "CONTEXT", 1000)
    known = pages(path, 10, history.Places())
    assert known == pages(path, 10, None)
    assert [id for page in reversed(known) for id in page] == [event["id"] for event in whole]


def costs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What is read of transcripts from now on: lines, for each look into one."""
    cost: list[int] = []

    def counted(file: Path, count: int, **more: Any) -> tuple[list[bytes], int]:
        found = backwards.last_lines(file, count, **more)
        cost.append(len(found[0]))
        return found

    monkeypatch.setattr(history, "last_lines", counted)
    return cost


def with_agent(folder: Path, *, before: int = 0, inside: int, after: int = 0) -> Path:
    """Write a session with a subagent, and so many calls before it, in it and after it; return its transcript."""
    path, agent = folder / "s.jsonl", folder / "s" / "subagents" / "agent-a.jsonl"
    agent.parent.mkdir(parents=True)
    agent.with_suffix(".meta.json").write_text(json.dumps({"agentType": "Explore", "toolUseId": "toolu_agent"}))
    numbers = itertools.count()

    def write(file: Path, type: str, block: dict[str, Any], **more: Any) -> None:
        number = next(numbers)
        message = {"id": f"msg{number}", "model": "m", "role": type, "content": [block]}
        fields = {"type": type, "uuid": f"u{number}", "message": message, "sessionId": "s", "promptId": "p", **more}
        at = dt.datetime.fromtimestamp(1_790_000_000 + number, dt.UTC)
        with file.open("a") as stream:
            stream.write(json.dumps({**fields, "timestamp": at.isoformat()}) + "\n")

    def calls(file: Path, count: int) -> None:
        for _ in range(count):
            id = f"toolu_{next(numbers)}"
            write(file, "assistant", {"type": "tool_use", "id": id, "name": "Bash", "input": {"command": "ls"}})
            write(file, "user", {"type": "tool_result", "tool_use_id": id, "content": "ok"})

    write(path, "user", {"type": "text", "text": "do it"})
    calls(path, before)
    write(path, "assistant", {"type": "tool_use", "id": "toolu_agent", "name": "Agent", "input": {"prompt": "look"}})
    write(agent, "user", {"type": "text", "text": "look"}, agentId="a", isSidechain=True)
    calls(agent, inside)
    done = {"type": "tool_result", "tool_use_id": "toolu_agent", "content": "seen"}
    write(path, "user", done, toolUseResult={"agentId": "a", "status": "completed"})
    calls(path, after)
    return path


@pytest.mark.parametrize(("before", "after"), [(0, 0), (0, 400), (400, 0), (400, 400)])
def test_a_long_subagent_is_whole_in_a_history_however_short_the_transcript_and_costs_what_is_returned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: int, after: int
) -> None:
    path = with_agent(tmp_path, before=before, inside=1000, after=after)
    whole, more = read(path, 10_000)
    assert not more
    assert [event["type"] for event in whole].count("message.assistant") == before + 1 + 1000 + after
    assert [event["data"]["toolName"] for event in whole if event["type"] == "tool.result"].count("Agent") == 1
    ids = [event["id"] for event in whole]

    cost = costs(monkeypatch)
    known = pages(path, 100, history.Places())
    assert [id for page in reversed(known) for id in page] == ids
    assert max(cost) <= 100 + history.CONTEXT
    assert len(cost) <= 2 * len(known), "each page is read at once"
    for at in (150, len(ids) // 2, len(ids) - 150):  # the places of the pages may be forgotten
        page, more = read(path, 100, ids[at])
        assert ([event["id"] for event in page], more) == (ids[at - 100 : at], True)


def test_the_subagents_of_a_workflow_are_in_a_history(tmp_path: Path) -> None:
    path = with_agent(tmp_path, inside=10)
    whole, _ = read(path)
    agents = path.with_suffix("") / "subagents"
    run = agents / "workflows" / "wf_1"
    run.mkdir(parents=True)
    for file in list(agents.glob("agent-*")):
        file.rename(run / file.name)
    assert read(path) == (whole, False)


def test_a_history_ends_where_a_subagents_transcript_is_more_than_is_read_for_one_reply(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = with_agent(tmp_path, inside=1000)
    whole, _ = read(path, 10_000)
    monkeypatch.setattr(history, "READ_LIMIT", 50_000)
    monkeypatch.setattr(backwards, "BLOCK", 10_000)
    events, more = read(path, 10_000)
    assert more
    assert 100 < len(events) < len(whole)
    assert [event["id"] for event in events[-100:]] == [event["id"] for event in whole[-100:]]


def test_data_of_the_log_that_is_json_and_no_number_of_ours_stays_as_it_is() -> None:
    path = transcript_of("b_bash")
    odd = msgspec.Raw(b'{"n":1e999}')
    sent = Envelope(type="session.idle", timestamp=1, session_id=path.stem, data=odd, id="h:1", source="hook", seq=7)
    raw = msgspec.json.encode(sent)
    without_seq = raw.replace(b'"seq":7,', b"")
    stored, _ = history.stored([raw], 10, max_bytes=1000)
    assert [bytes(one) for one in stored] == [without_seq]

    async def logged(_since: int, _until: int) -> list[bytes]:
        return [raw]

    events, _ = asyncio.run(history.read(path, path.stem, 1000, None, max_bytes=16_000_000, logged=logged))
    assert bytes(events[0]) == without_seq


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_what_only_the_log_tells_stands_once_in_its_place_page_by_page(data: st.DataObject) -> None:
    path = transcript_of(data.draw(st.sampled_from(["f2_subagents_parallel", "b_bash", "r_big"])))
    told, _ = read(path)
    times = [event["timestamp"] for event in told]
    near = st.integers(times[0] - 5, times[-1] + 5) | st.sampled_from(times)
    own = [
        Envelope(type="session.idle", timestamp=at, session_id=path.stem, data={}, id=f"h:{number}", source="hook")
        for number, at in enumerate(sorted(data.draw(st.lists(near, max_size=40))))
    ]
    asked: list[tuple[int, int]] = []

    async def logged(since: int, until: int) -> list[bytes]:
        asked.append((since, until))
        return [msgspec.json.encode(one) for one in own if since <= one.timestamp <= until]

    limit = data.draw(st.integers(1, 30))
    for places in (None, history.Places()):
        found = pages(path, limit, places, logged)
        ids = [id for page in reversed(found) for id in page]
        assert sorted(ids) == sorted([event["id"] for event in told] + [one.id for one in own])
        assert [id for id in ids if id[0] == "h"] == [one.id for one in own]
        assert [id for id in ids if id[0] != "h"] == [event["id"] for event in told]
    assert asked[0][1] > times[-1] + 5, "what comes behind the last line is asked for, too"


def test_a_page_costs_what_it_returns_however_long_the_transcript_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = next((tmp_path / ".claude").rglob(f"{long_conversation(tmp_path, 1000)}.jsonl"))
    cost = costs(monkeypatch)
    places = history.Places()
    asked: list[tuple[int, int]] = []

    async def logged(since: int, until: int) -> list[bytes]:
        asked.append((since, until))
        return []

    found = pages(path, 500, places, logged)
    assert all(since > 0 for since, _ in asked[:-2]), "the log is asked for the page's own time alone"
    assert all(until < FOREVER for _, until in asked[1:])
    assert len(found) > 8
    assert len({id for page in found for id in page}) == sum(len(page) for page in found)
    assert len(cost) <= len(found) + 1, "each page is read at once"
    assert max(cost) <= 500 + history.CONTEXT
    path.write_bytes(path.read_bytes()[-100_000:])
    page = history.read(path, path.stem, 500, found[0][0], max_bytes=16_000_000, places=places)
    assert asyncio.run(page)[1] is False


def test_the_places_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "PLACES", 2)
    places, path = history.Places(), Path("/x")
    for name in "abc":
        places.keep(path, name, {path: 1})
    assert [bool(places.find(path, name)) for name in "abc"] == [False, True, True]


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


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_a_subagents_transcript_that_cannot_be_read_hides_no_other(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    path = tmp_path / "s.jsonl"
    shutil.copy(transcript_of("b_bash"), path)
    whole, _ = read(path)
    agents = tmp_path / "s" / "subagents"
    agents.mkdir(parents=True)
    make(agents / "agent-a.jsonl")
    make(agents / "agent-b.meta.json")
    shutil.copy(path, agents / "agent-b.jsonl")
    events, more = read(path)
    events = [event for event in events if "agentId" not in event]
    assert [event["id"] for event in events] == [event["id"] for event in whole]
    assert not more
