"""What was spent is summed up over all files, each message once, and only what is new is read again."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import random
import shutil
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clawsocket.spending import scan, transcripts
from clawsocket.spending.cache import Cache
from clawsocket.spending.report import By, Row, grouped_by, report, unpriced
from clawsocket.state.prices import Prices, dollars
from clawsocket.state.usage import Tokens, total
from tests.spending import OPUS, answer, prompt, write
from tests.state.playback import RECORDINGS
from tests.state.test_prices import STREAMS, told

PRICES = Prices()
WAYS: tuple[By, ...] = ("day", "project", "model", "session", "agent", "prompt")


def rows(home: Path, cache: Cache | None = None, prices: Prices = PRICES) -> list[Row]:
    return report([home / ".claude"], cache or Cache(None), prices)[0]


def outputs(found: list[Row], by: By) -> dict[str, int]:
    return {name: tokens.output for name, tokens in grouped(found, by).items()}


def grouped(found: list[Row], by: By) -> dict[str, Tokens]:
    return {name: tokens for (name,), tokens in grouped_by(found, (by,)).items()}


@pytest.mark.parametrize("scenario", STREAMS)
def test_a_recorded_session_cost_what_claude_code_says(scenario: str, home: Path) -> None:
    shutil.copytree(RECORDINGS / scenario / "projects", home / ".claude" / "projects")
    cost, models = told(scenario)
    found = rows(home)
    assert dollars(total(grouped(found, "model").values()).cost) == pytest.approx(cost, abs=1e-9)
    assert outputs(found, "model") == {name: sums["outputTokens"] for name, sums in models.items()}
    assert {name: tokens.cache_creation for name, tokens in grouped(found, "model").items()} == {
        name: sums["cacheCreationInputTokens"] for name, sums in models.items()
    }


MESSAGES = st.tuples(
    st.sampled_from(["s1", "s2", "s3"]),
    st.sampled_from(["", "a1"]),
    st.integers(0, 12),
    st.integers(0, 1000),
    st.integers(1, 28),
    st.sampled_from([OPUS, "claude-haiku-4-5", "mystery"]),
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(MESSAGES, max_size=25))
def test_every_way_to_sum_up_gives_the_same_total(
    home: Path, messages: list[tuple[str, str, int, int, int, str]]
) -> None:
    shutil.rmtree(home / ".claude", ignore_errors=True)
    files: dict[tuple[str, str], list[dict[str, Any]]] = {}
    largest: dict[int, int] = {}
    for session, agent, id, output, day, model in messages:
        line = answer(f"m{id}", output, at=f"2026-03-{day:02}T12:00:00.000Z", model=model)
        files.setdefault((session, agent), []).append(line)
        largest[id] = max(largest.get(id, 0), output)
    for (session, agent), lines in files.items():
        write(home, session, *lines, agent=agent)
    found = rows(home)
    costs = set()
    for by in WAYS:
        whole = total(grouped(found, by).values())
        assert (whole.output, whole.messages) == (sum(largest.values()), len(largest))
        costs.add((whole.cost, whole.unpriced))
    assert len(costs) == 1


def test_what_one_line_of_a_message_lacks_another_has(home: Path) -> None:
    one: dict[str, Any] = {
        "input_tokens": 5,
        "cache_read_input_tokens": 7,
        "server_tool_use": {"web_search_requests": 2},
    }
    other: dict[str, Any] = {"cache_creation_input_tokens": 9, "cache_creation": {"ephemeral_1h_input_tokens": 3}}
    found = []
    for lines in ([one, other], [other, one], [one | other]):
        write(home, "s", *(answer("m", usage=usage) for usage in lines))
        found.append(rows(home))
    assert found[0] == found[1] == found[2]
    assert (found[0][0].input, found[0][0].cache_creation) == (5, 9)


def test_lines_of_one_message_count_once_and_those_of_nobody_not_at_all(home: Path) -> None:
    write(
        home,
        "s",
        prompt("p1"),
        answer("m1", 10),
        answer("m1", 12),
        answer("m1", 3),
        prompt("p2"),
        answer("m2", 5, usage={"output_tokens": 5, "cache_creation_input_tokens": "odd"}),
        answer("m3", 100, model="<synthetic>"),
        {"type": "user", "toolUseResult": {"usage": {"output_tokens": 1000}}, "message": {"content": "x"}},
    )
    assert outputs(rows(home), "prompt") == {"p1": 12, "p2": 5}


def test_what_had_to_be_answered_in_the_us_costs_more(home: Path) -> None:
    write(home, "s", answer("m1", 1_000_000, usage={"inference_geo": "us"}), answer("m2", 1_000_000))
    assert grouped(rows(home), "model")[OPUS].usd == 25 * 1.1 + 25


def test_advice_counts_for_the_model_that_gave_it(home: Path) -> None:
    advice = [{"type": "advisor_message", "model": "claude-fable-5", "output_tokens": 1_000_000}] * 2
    usage = {"iterations": [{"type": "message", "output_tokens": 10}, *advice]}
    write(home, "s", prompt("p1"), answer("m1", 10, usage=usage), answer("m1", 10, usage=usage))
    write(home, "copy", prompt("p1"), answer("m1", 10, usage=usage))
    found = grouped(rows(home), "model")
    assert {name: (one.output, one.messages) for name, one in found.items()} == {
        OPUS: (10, 1),
        "claude-fable-5": (2_000_000, 2),
    }
    assert found["claude-fable-5"].usd == 100


def test_a_subagent_counts_in_its_session_and_project(home: Path) -> None:
    write(home, "s", prompt("p1"), answer("m1", 10))
    write(home, "s", {**answer("m2", 5), "cwd": "/app/worktree"}, agent="a1")
    write(home, "s", answer("m2", 5), agent="a2")
    found = rows(home)
    assert outputs(found, "session") == {"s": 15}
    assert outputs(found, "project") == {"/app": 15}
    assert sum(outputs(found, "agent").values()) == 15


def test_the_subagents_of_a_workflow_count_in_its_session(home: Path) -> None:
    write(home, "s", prompt("p1"), answer("m1", 10))
    agent = write(home, "s", answer("m2", 5), agent="a1")
    run = agent.parent / "workflows" / "wf_1"
    run.mkdir(parents=True)
    (run / "journal.jsonl").write_text('{"type":"result","usage":{"output_tokens":9}}\n')
    agent.rename(run / agent.name)
    assert outputs(rows(home), "agent") == {"": 10, "a1": 5}
    assert outputs(rows(home), "session") == {"s": 15}


def test_a_subagent_beside_its_session_as_of_old_counts_in_it(home: Path) -> None:
    write(home, "s", prompt("p1"), answer("m1", 10))
    path = write(home, "agent-a1", {"isSidechain": True, "sessionId": "s", "agentId": "a1", **answer("m2", 5)})
    found = rows(home)
    assert outputs(found, "session") == {"s": 15}
    assert outputs(found, "agent") == {"": 10, "a1": 5}
    path.write_bytes(path.read_bytes().replace(b"sessionId", b"session"))
    assert outputs(rows(home), "session") == {"a1": 5, "s": 10}


OLD = [prompt("p1"), answer("m1", 100)]


def snapshot(day: int) -> dict[str, Any]:
    return {"type": "file-history-snapshot", "snapshot": {"timestamp": f"2026-03-{day:02}T09:00:00.000Z"}}


FORKS: dict[str, list[dict[str, Any]]] = {
    "a queue-operation": [{"type": "queue-operation", "timestamp": "2026-03-02T09:00:00.000Z"}],
    "a snapshot": [snapshot(2)],
    "snapshots that it copied": [snapshot(1), snapshot(2)],
    "nothing": [],
}


@pytest.mark.parametrize("head", FORKS)
@pytest.mark.parametrize(("older", "fork"), [("a", "b"), ("b", "a")])
def test_a_fork_spent_what_it_alone_has(home: Path, head: str, older: str, fork: str) -> None:
    cache = Cache(None)
    new = answer("m2", 7, at="2026-03-02T10:00:00.000Z")
    write(home, fork, *FORKS[head], *OLD, new)
    assert outputs(rows(home, cache), "session") == {fork: 107}
    write(home, older, *OLD)
    assert outputs(rows(home, cache), "session") == {fork: 7, older: 100}
    if head != "nothing":  # and the older one may go on
        write(home, older, *OLD, answer("m3", 1, at="2026-03-03T10:00:00.000Z"))
        assert outputs(rows(home, cache), "session") == {fork: 7, older: 101}


def branched(*lines: dict[str, Any]) -> list[dict[str, Any]]:
    """Lines as ``/branch`` copies them: a mark behind all else, and nothing before them."""
    return [{**line, "forkedFrom": {"sessionId": "older", "messageUuid": "u"}} for line in lines]


@pytest.mark.parametrize("names", [("a", "b", "c", "d"), ("d", "c", "b", "a")])
def test_a_branch_spent_what_it_alone_has(home: Path, names: tuple[str, ...]) -> None:
    first, second, third, copy = names
    snapshot = {"type": "file-history-snapshot", "snapshot": {"timestamp": "2026-03-01T11:59:00.050Z"}}
    long = {"type": "system", "timestamp": "2026-03-01T12:01:00.000Z", "content": "x" * 100_000}
    own = answer("m2", 7, at="2026-03-02T10:00:00.000Z")
    write(home, first, snapshot, *OLD, long)
    write(home, second, *branched(*OLD, long), own)
    write(home, third, *branched(*OLD, long, own), answer("m3", 1, at="2026-03-03T10:00:00.000Z"))
    write(home, copy, *branched(*OLD, long))
    assert outputs(rows(home), "session") == {first: 100, second: 7, third: 1}


def test_a_branch_whose_first_prompt_is_long_spent_what_it_alone_has(home: Path) -> None:
    image = {"type": "user", "promptId": "p1", "message": {"content": "x" * 100_000}}
    long = {**image, "timestamp": "2026-03-01T11:59:00.000Z", "cwd": "/app"}
    snapshot = {"type": "file-history-snapshot", "snapshot": {"timestamp": "2026-03-01T11:59:00.050Z"}}
    write(home, "older", snapshot, long, answer("m1", 100))
    write(home, "branch", *branched(long, answer("m1", 100)), answer("m2", 7, at="2026-03-02T10:00:00.000Z"))
    assert outputs(rows(home), "session") == {"older": 100, "branch": 7}


def test_a_model_without_a_price_is_named(home: Path) -> None:
    write(home, "s", answer("m1", 10, model="mystery"), answer("m2", 1_000_000))
    found = rows(home)
    assert unpriced(found) == ["mystery"]
    assert {name: tokens.usd for name, tokens in grouped(found, "model").items()} == {"mystery": None, OPUS: 25.0}
    own = Prices(b'{"models": {"mystery": {"rates": [{"input": 1, "output": 100000}]}}}')
    assert unpriced(rows(home, prices=own)) == []


def test_days_are_those_of_the_time_zone(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home, "s", answer("m1", 1, at="2026-03-01T23:30:00.000Z"), answer("m2", 2, at="never"))
    cache = Cache(None)
    try:
        for zone, day in (("UTC", "2026-03-01"), ("Europe/Berlin", "2026-03-02"), ("Asia/Kathmandu", "2026-03-02")):
            monkeypatch.setenv("TZ", zone)
            time.tzset()
            assert outputs(rows(home, cache), "day") == {day: 1, "": 2}
    finally:
        monkeypatch.undo()
        time.tzset()


# What is read


def count_scans(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """The files that are read from now on, and whether from where they stood."""
    read: list[tuple[str, bool]] = []

    def counting(path: str, before: scan.Found | None = None) -> scan.Found:
        read.append((Path(path).stem, before is not None))
        return scan.scan(path, before)

    monkeypatch.setattr("clawsocket.spending.report.scan", counting)
    return read


def test_only_what_is_new_is_read(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "usage.db"
    growing, _ = write(home, "grows", answer("m1", 1)), write(home, "rests", answer("m2", 2))
    read = count_scans(monkeypatch)
    assert outputs(rows(home, Cache(path)), "session") == {"grows": 1, "rests": 2}
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(read) == 2
    with growing.open("a") as file:
        file.write(json.dumps(answer("m3", 4)) + "\n" + json.dumps(answer("m4", 8))[:50])
    read.clear()
    assert outputs(rows(home, Cache(path)), "session") == {"grows": 5, "rests": 2}
    assert read == [("grows", True)]
    with growing.open("a") as file:
        file.write(json.dumps(answer("m4", 8))[50:] + "\n")
    assert outputs(rows(home, Cache(path)), "session") == {"grows": 13, "rests": 2}
    read.clear()
    assert outputs(rows(home, Cache(path)), "session") == {"grows": 13, "rests": 2}
    assert read == []


def test_a_file_that_was_rewritten_is_read_anew_and_one_that_went_is_forgotten(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    file = write(home, "s", answer("m1", 1))
    write(home, "gone", answer("m9", 9)).unlink()
    assert outputs(rows(home, Cache(path)), "session") == {"s": 1}
    write(home, "s", answer("m2", 2), answer("m3", 4), answer("m4", 8))
    assert outputs(rows(home, Cache(path)), "session") == {"s": 14}
    file.unlink()
    assert rows(home, Cache(path)) == []
    assert sqlite3.connect(path).execute("SELECT count(*) FROM files").fetchone() == (0,)


@pytest.mark.parametrize("broken", [b"no database at all " * 100, b""])
def test_a_broken_cache_costs_nothing_but_time(home: Path, tmp_path: Path, broken: bytes) -> None:
    path = tmp_path / "usage.db"
    path.write_bytes(broken)
    write(home, "s", answer("m1", 1))
    assert outputs(rows(home, Cache(path)), "session") == {"s": 1}
    assert outputs(rows(home, Cache(tmp_path / "nowhere" / "usage.db")), "session") == {"s": 1}


@pytest.mark.parametrize("table", ["files", "reports"])
@pytest.mark.parametrize("damage", ["zeroblob(length(kept))", "7", "substr(kept, 1, 20)"])
def test_damage_inside_of_the_cache_costs_nothing_but_time(home: Path, tmp_path: Path, table: str, damage: str) -> None:
    path = tmp_path / "usage.db"
    write(home, "s", answer("m1", 1), answer("m2", 2))
    whole = rows(home, Cache(path))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        if table == "files":
            db.execute("DELETE FROM reports")
        db.execute(f"UPDATE {table} SET kept = {damage}")
        broken = db.execute(f"SELECT kept FROM {table}").fetchone()
        assert rows(home, Cache(path)) == whole
        assert db.execute(f"SELECT kept FROM {table}").fetchone() != broken


def test_a_cache_that_cannot_be_written_hides_nothing_that_is_new(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    write(home, "s", answer("m1", 1))
    rows(home, Cache(path))
    write(home, "s", answer("m1", 1), answer("m2", 2))
    cache = Cache(path)
    cache._db.execute("PRAGMA query_only = ON")  # as on a full disk
    assert outputs(rows(home, cache), "session") == {"s": 3}


def test_damage_to_a_name_in_the_cache_costs_nothing_but_time(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    write(home, "s", answer("m1", 1))
    whole = rows(home, Cache(path))
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE files", b"CREATE\xffTABLE files"))
    assert rows(home, Cache(path)) == whole


def test_no_byte_that_is_another_in_the_cache_makes_a_number_another(home: Path) -> None:
    write(home, "s", answer("m1", 200), answer("m2", 2))
    cache = Cache(None)
    whole = rows(home, cache)
    [kept] = cache._db.execute("SELECT kept FROM files").fetchone()
    for place in range(len(kept)):
        for bit in (1, 0x80):
            cache._db.execute("DELETE FROM reports")
            broken = kept[:place] + bytes([kept[place] ^ bit]) + kept[place + 1 :]
            cache._db.execute("UPDATE files SET kept = ?", (broken,))
            assert rows(home, cache) == whole


def test_a_transcript_may_be_in_any_folder_and_have_any_inode_and_time(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = os.fsdecode(b"odd-\xff")
    write(home, "s", answer("m1", 1), project=odd)
    write(home, odd, answer("m2", 2), agent="a1", project=odd)
    files, found = transcripts.files, transcripts.files([home / ".claude"])
    assert len(found) == 2

    def far(_dirs: object) -> list[transcripts.File]:
        return [file._replace(inode=(1 << 64) - number, changed=1 << 70) for number, file in enumerate(found, 1)]

    for way in (files, far):
        monkeypatch.setattr(transcripts, "files", way)
        cache = Cache(tmp_path / "usage.db")
        assert outputs(rows(home, cache), "project") == {"odd-\ufffd": 3}
        assert outputs(rows(home, cache), "session") == {"s": 1, "odd-\ufffd": 2}
        assert all(cache.get(file) for file in way([home / ".claude"]))


@pytest.mark.parametrize("is_kept", [True, False])
def test_what_could_not_be_read_is_named_and_in_the_next_report(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_kept: bool
) -> None:
    cache = Cache(tmp_path / "usage.db")
    paths = {name: str(write(home, name, answer(name, 1))) for name in ("fails", "goes", "is-read")}
    reads: list[str] = []

    def failing(path: str, before: scan.Found | None = None) -> scan.Found:
        reads.append(path)
        if path == paths["goes"]:
            raise FileNotFoundError(errno.ENOENT, "gone")
        if path == paths["fails"] and (is_kept or reads.count(path) > 1):
            raise OSError(errno.EIO, "Input/output error")
        return scan.scan(path, before)

    if not is_kept:  # what can't be kept is read again
        monkeypatch.setattr(cache, "get", lambda _file: None)
    with monkeypatch.context() as patch:
        patch.setattr("clawsocket.spending.report.scan", failing)
        found, unread = report([home / ".claude"], cache, PRICES)
    assert outputs(found, "session") == {"is-read": 1}
    assert {path: error.strerror for path, error in unread.items()} == {paths["fails"]: "Input/output error"}
    assert report([home / ".claude"], cache, PRICES)[1] == {}
    assert outputs(rows(home, cache), "session") == {"fails": 1, "goes": 1, "is-read": 1}


def test_lines_across_reads_and_odd_bytes_are_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(home, "s", *(answer(f"m{number}", number) for number in range(50)))
    lines = path.read_bytes()
    path.write_bytes(b"\n\xff\xfe\n" + lines + b'{"usage": broken}\n{"type":"assistant","message":{"usage":7}}\n\0\n')
    expected = sum(range(50))
    for size in (1, 7, 100, 4_000_000):
        monkeypatch.setattr(scan, "CHUNK", size)
        assert total(grouped(rows(home), "day").values()).output == expected


def test_progress_goes_up_to_the_end(home: Path) -> None:
    sizes = [write(home, f"s{number}", answer(f"m{number}")).stat().st_size for number in range(3)]
    told: list[tuple[int, int]] = []
    report([home / ".claude"], Cache(None), PRICES, lambda done, all: told.append((done, all)))
    assert told[0] == (0, sum(sizes))
    assert told[-1] == (sum(sizes), sum(sizes))
    assert told == sorted(told)


def test_each_file_is_found_once_whatever_leads_to_it(home: Path) -> None:
    path = write(home, "s", answer("m1"))
    (home / "link").symlink_to(home / ".claude")
    os.link(path, path.with_name("second.jsonl"))
    path.with_name("notes.txt").write_text("x")
    (home / ".claude" / "projects" / "stray.jsonl").write_text("x")
    found = transcripts.files([home / ".claude", home / "link", home / "missing"])
    assert len(found) == 1


def test_a_link_that_leads_in_a_circle_hides_no_transcript(home: Path) -> None:
    path = write(home, "s", answer("m1"))
    for folder in (path.parent, path.parent.parent):
        (folder / "circle").symlink_to("circle")
    assert len(transcripts.files([home / ".claude"])) == 1


def test_the_order_of_files_makes_no_difference(home: Path) -> None:
    lines = [answer(f"m{number}", number) for number in range(9)]
    for seed in range(3):
        order = random.Random(seed)
        for number in range(4):
            write(home, f"s{number}", *lines[: 2 * number + 1])
        names = order.sample(range(4), 4)
        for place, number in enumerate(names):
            source = home / ".claude" / "projects" / "-app" / f"s{number}.jsonl"
            os.utime(source, (place, place))
        assert outputs(rows(home), "session") == {"s0": 0, "s1": 3, "s2": 7, "s3": 11}
