"""What outlives the service: the log, what was known, and where it stood."""

from __future__ import annotations

import contextlib
import functools
import json
import shutil
import signal
import sqlite3
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from clawsocket.config import load
from clawsocket.errors import StoreError
from clawsocket.log.block import Row
from clawsocket.log.eventlog import EventLog
from clawsocket.log.viewer import Viewer
from clawsocket.paths import Home
from clawsocket.persistence import Persistence
from clawsocket.state.world import World
from tests.sources.running import eventually
from tests.support.client import Client
from tests.support.feed import SESSION, hook, line, session_file, spool
from tests.support.service import Service, run_command
from tests.support.torture import torture
from tests.support.waiting import wait_for


def kill(service: Service) -> None:
    service.process.send_signal(signal.SIGKILL)
    service.process.wait(10)


@contextmanager
def killed(home: Path, *arguments: str) -> Iterator[Service]:
    """A service that is killed in the end."""
    service = Service(home, *arguments)
    try:
        yield service
    finally:
        kill(service)


def transcript(home: Path) -> Path:
    path = home / ".claude" / "projects" / "-w" / f"{SESSION}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def write(path: Path, *numbers: int) -> None:
    with path.open("ab") as file:
        for number in numbers:
            file.write(line(number) + b"\n")


def texts(client: Client) -> list[str]:
    """The numbers of the prompts that a client was told of."""
    return [event["data"]["text"].split()[1] for event in client.of(SESSION, "message.user")]


def stored(service_or_home: Service | Path, type: str) -> list[Row]:
    """What the database holds of a type, as somebody outside sees it; nothing while there is none."""
    folder = service_or_home.folder if isinstance(service_or_home, Service) else service_or_home / ".claw-socket"
    with contextlib.suppress(StoreError), contextlib.closing(Viewer(folder / "log.db")) as viewer:
        return [row for row in viewer.rows(0, 1 << 62) if fnmatchcase(row.type, type)]
    return []


def post(service: Service, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {service.token}"}
    request = urllib.request.Request(f"http://{service.address}/hook", body, headers)
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert answer.status == 202


def feed(home: Path, client: Client, count: int) -> None:
    """Let so many hooks through, a few at a time: memory must not be too small for a burst."""
    for start in range(0, count, 10):
        for number in range(start, start + 10):
            spool(home, f"{number:04}", hook(number))
        wait_for(functools.partial(told, client, start + 10), "the hooks")


def told(client: Client, count: int) -> bool:
    return len(client.of(SESSION, "hook.notification")) == count


# Crashes and restarts


@pytest.mark.timeout(240)
def test_no_fact_is_lost_when_the_service_is_killed_thirty_times_at_random_moments(tmp_path: Path) -> None:
    result = torture(tmp_path, kills=30, seed=1)
    assert result.problems == []
    assert result.facts > 500


@pytest.mark.timeout(120)
def test_over_ten_restarts_under_load_numbers_are_consecutive_and_nothing_comes_twice(tmp_path: Path) -> None:
    result = torture(tmp_path, kills=10, seed=2, clean=True)
    assert result.problems == []
    assert result.facts > 200


def test_what_was_written_while_the_service_was_down_comes_with_its_own_time_and_nothing_older_does(
    tmp_path: Path,
) -> None:
    path = transcript(tmp_path)
    with session_file(tmp_path):
        with Service(tmp_path) as service, service.connect() as client:
            client.follow()
            write(path, 1, 2)
            wait_for(lambda: texts(client) == ["1", "2"], "the lines")
            seen = client.events[-1]["seq"]
        before = time.time()
        write(path, 3)
        after = time.time()
        with Service(tmp_path) as service, service.connect() as client:
            client.resume(seen, client.snapshot["epoch"])
            wait_for(lambda: "3" in texts(client), "the line")
            spool(tmp_path, "9", hook(9))
            wait_for(lambda: client.of(SESSION, "hook.notification"), "a hook")
            assert texts(client) == ["3"]
            (event,) = client.of(SESSION, "message.user")
            assert int(before * 1000) <= event["timestamp"] <= after * 1000
            assert client.problems == []


def test_lines_of_a_process_that_ended_while_the_service_was_down_are_told_when_another_goes_on(tmp_path: Path) -> None:
    path = transcript(tmp_path)
    with session_file(tmp_path), Service(tmp_path) as service, service.connect() as client:
        client.follow()
        write(path, 1)
        wait_for(lambda: texts(client) == ["1"], "the line")
    with path.open("ab") as file:
        file.write(line(2, at=time.time() - 3600) + b"\n")
    with session_file(tmp_path), Service(tmp_path) as service, service.connect() as client:
        client.follow(back=True)
        wait_for(lambda: texts(client) == ["1", "2"], "the line of the process before")


def test_a_session_is_after_a_restart_what_it_was_before(tmp_path: Path) -> None:
    asking = {"hook_event_name": "PermissionRequest", "tool_name": "Bash", "tool_input": {"command": "rm x"}}
    calling = asking | {"hook_event_name": "PreToolUse", "tool_use_id": "toolu_1"}
    with Service(tmp_path) as service, service.connect() as client:
        client.follow()
        spool(tmp_path, "1", hook(1, **calling))
        spool(tmp_path, "2", hook(2, **asking))
        wait_for(lambda: client.of(SESSION, "tool.permission_requested"), "the request")
        (before,) = client.ask("get_snapshot")["sessions"]
        seen = client.events[-1]["seq"]
    with Service(tmp_path) as service, service.connect() as client:
        (after,) = client.snapshot["sessions"]
        assert after == before
        assert after["state"] == "requires_action"
        client.resume(seen, client.snapshot["epoch"])
        done = asking | {"hook_event_name": "PostToolUse", "tool_use_id": "toolu_1", "tool_response": "ok"}
        spool(tmp_path, "3", hook(3, **done))
        wait_for(lambda: client.of(SESSION, "tool.result"), "the result")
        assert not client.of(SESSION, "tool.use"), "it was told before"
        assert not client.of(SESSION, "session.discovered", "session.started")
        (result,) = client.of(SESSION, "tool.result")
        assert (result["data"]["toolName"], result["data"]["success"]) == ("Bash", True)


def test_a_session_whose_process_died_while_the_service_was_down_ends_at_the_start(tmp_path: Path) -> None:
    with session_file(tmp_path, status="busy"), Service(tmp_path) as service, service.connect() as client:
        client.follow(back=True)
        wait_for(lambda: client.of(SESSION, "session.state_changed"), "the session")
        seen = client.events[-1]["seq"]
    with Service(tmp_path) as service, service.connect() as client:
        client.resume(seen, client.snapshot["epoch"])
        wait_for(lambda: client.of(SESSION, "session.removed"), "its end")
        ends = [
            (one["type"], one["data"].get("reason")) for one in client.of(SESSION, "session.ended", "session.removed")
        ]
        assert ends == [("session.ended", "process_exited"), ("session.removed", "process_exited")]


@pytest.mark.parametrize("is_interrupted", [False, True])
def test_a_session_that_ended_while_the_service_was_down_is_told_whole_before_its_end(
    tmp_path: Path, is_interrupted: bool
) -> None:
    path, last = transcript(tmp_path), 600
    with session_file(tmp_path), Service(tmp_path) as service, service.connect() as client:
        client.follow()
        write(path, 1)
        wait_for(lambda: texts(client) == ["1"], "the line")
        seen = client.events[-1]["seq"]
    with path.open("ab") as file:  # much more than is read at once when a session ends
        for number in range(2, last + 1):
            file.write(line(number).replace(b"x" * 300, b"x" * 30_000) + b"\n")
    if is_interrupted:
        with Service(tmp_path):
            pass  # it stops in the middle of the reading
    with Service(tmp_path, "--set", "end_wait=0.001") as service, service.connect() as client:
        client.resume(seen, client.snapshot["epoch"])
        wait_for(lambda: client.of(SESSION, "session.removed"), "its end", 60)
        assert texts(client) == [str(number) for number in range(2, last + 1)]
        assert client.of(SESSION, "message.user", "session.ended")[-1]["type"] == "session.ended"


def live_and_end(home: Path, client: Client, path: Path, *last: int) -> None:
    """Follow a session that writes two lines to its transcript, and the last ones as it ends, until it was removed."""
    client.follow()
    with session_file(home):
        write(path, 1, 2)
        wait_for(lambda: texts(client) == ["1", "2"], "the lines")
        write(path, *last)
    wait_for(lambda: client.of(SESSION, "session.removed"), "its end")


def test_a_session_that_was_over_is_not_told_again_by_the_next_run(tmp_path: Path) -> None:
    path = transcript(tmp_path)
    with Service(tmp_path) as service, service.connect() as client:
        live_and_end(tmp_path, client, path, 3)  # as Claude Code does, which ends with the answer
        assert texts(client) == ["1", "2", "3"]
        seen = client.events[-1]["seq"]
    with Service(tmp_path) as service, service.connect() as client:
        client.resume(seen, client.snapshot["epoch"])
        spool(tmp_path, "9", hook(9, session_id="another"))
        wait_for(lambda: client.of("another", "hook.notification"), "a hook")
        wait_for(lambda: client.ask("get_status")["caughtUp"], "the transcripts")
        assert client.of(SESSION) == []
        assert [one["sessionId"] for one in client.ask("get_snapshot")["sessions"]] == ["another"]


def test_a_session_that_ended_just_before_a_restart_is_removed_though_nothing_more_happens(tmp_path: Path) -> None:
    with Service(tmp_path) as service, service.connect() as client:
        client.follow()
        post(service, hook(0, hook_event_name="SessionStart", source="startup"))
        post(service, hook(1, hook_event_name="SessionEnd", reason="other"))
        wait_for(lambda: client.of(SESSION, "session.ended"), "its end")
        seen = client.events[-1]["seq"]
    with Service(tmp_path, "--set", "linger=1") as service, service.connect() as client:
        client.resume(seen, client.snapshot["epoch"])
        wait_for(lambda: client.of(SESSION, "session.removed"), "that it is removed")
        assert client.ask("get_snapshot")["sessions"] == []


def test_the_id_that_a_process_has_for_a_moment_is_in_no_list_and_no_history(tmp_path: Path) -> None:
    def listed(client: Client) -> list[str]:
        return [one["sessionId"] for one in client.ask("get_session_list", all=True)["sessions"]]

    other = "0b5c1f0e-52a8-4f0e-9a37-6a1f6c1f9d11"
    with Service(tmp_path) as service, service.connect() as client:
        client.follow()
        with session_file(tmp_path, other, status=None) as pid:
            wait_for(lambda: stored(service, "session.discovered"), "it on disk")
            file = tmp_path / ".claude" / "sessions" / f"{pid}.json"
            file.write_text(json.dumps(json.loads(file.read_text()) | {"sessionId": SESSION, "status": "idle"}))
            wait_for(lambda: client.of(other, "session.removed"), "its end")
            assert listed(client) == [SESSION]
        wait_for(lambda: client.of(SESSION, "session.removed"), "the end of the session")
        assert listed(client) == [SESSION]
    with Service(tmp_path) as service, service.connect() as client:
        assert listed(client) == [SESSION]
    shown = run_command(tmp_path, "history").stdout
    assert (SESSION in shown, other in shown) == (True, False)
    assert other in run_command(tmp_path, "history", "purge", "--project", "/w", "--dry-run").stdout


def test_what_a_session_spent_that_ended_is_known_to_the_next_run_too(tmp_path: Path) -> None:
    path, asked = transcript(tmp_path), {"sessionId": SESSION}
    answer = {
        **json.loads(line(4)),
        "type": "assistant",
        "message": {"id": "m", "role": "assistant", "model": "claude-opus-4-1", "stop_reason": "end_turn"}
        | {"content": [{"type": "text", "text": "4"}], "usage": {"input_tokens": 10, "output_tokens": 20}},
    }
    with Service(tmp_path) as service, service.connect() as client:
        path.write_text(json.dumps(answer) + "\n")
        live_and_end(tmp_path, client, path)
        before = client.ask("get_usage", **asked)
        assert (before["inputTokens"], before["outputTokens"]) == (10, 20)
    with Service(tmp_path) as service, service.connect() as client:
        assert client.ask("get_session_list", all=True)["sessions"][0]["state"] == "ended"
        assert client.ask("get_usage", **asked) == before
        assert client.ask("get_usage", sessionId="nobody")["inputTokens"] == 0
    assert run_command(tmp_path, "history", "purge", "--yes", "--session", SESSION).returncode == 0
    with Service(tmp_path) as service, service.connect() as client:
        assert client.ask("get_usage", **asked)["inputTokens"] == 0


def test_a_session_that_ended_shortly_before_a_crash_does_not_live_again(tmp_path: Path) -> None:
    """Its lines are read once more, as nobody noted yet how far they had been."""
    path = transcript(tmp_path)
    with killed(tmp_path) as service, service.connect() as client:
        live_and_end(tmp_path, client, path)
        wait_for(lambda: stored(service, "session.removed"), "its end on disk")
        (ended,) = client.ask("get_session_list", all=True)["sessions"]
        seen = client.events[-1]["seq"]
    with Service(tmp_path) as service, service.connect() as client:
        client.resume(seen, client.snapshot["epoch"])
        write(path, 3)
        wait_for(lambda: "3" in texts(client), "a line that trails its end")
        assert client.ask("get_snapshot")["sessions"] == []
        assert client.of(SESSION, "session.discovered", "session.started", "session.removed") == []
        (after,) = client.ask("get_session_list", all=True)["sessions"]
        assert (after["state"], after["name"], after["startedAt"]) == ("ended", ended["name"], ended["startedAt"])


def test_a_hook_stays_in_the_spool_until_it_is_on_disk(tmp_path: Path) -> None:
    folder = tmp_path / ".claw-socket"
    with killed(tmp_path) as service:
        db = sqlite3.connect(folder / "log.db", isolation_level=None)
        db.execute("BEGIN IMMEDIATE")  # nobody else can write
        with service.connect() as client:
            client.follow()
            spool(tmp_path, "1", hook(1))
            wait_for(lambda: client.of(SESSION, "hook.notification"), "the hook")
            (event,) = client.of(SESSION, "hook.notification")
            assert (folder / "spool" / "1.json").exists()
        kill(service)
        db.close()
    assert stored(tmp_path, "*") == []
    with Service(tmp_path) as service, service.connect() as client:
        client.ask("subscribe", topics=["*"], sinceSeq=event["seq"], epoch=client.snapshot["epoch"])
        (again,) = wait_for(lambda: client.of(SESSION, "hook.notification"), "the hook, again")
        assert again["id"] == event["id"]
        assert again["seq"] > event["seq"]
        wait_for(lambda: not (folder / "spool" / "1.json").exists(), "its file to go")


def test_what_waited_is_taken_no_faster_than_it_comes_to_disk(tmp_path: Path) -> None:
    path = tmp_path / ".claude" / "projects" / "-w" / f"{SESSION}.jsonl"
    path.parent.mkdir(parents=True)
    (tmp_path / ".claw-socket" / "spool").mkdir(parents=True)
    with session_file(tmp_path):
        with Service(tmp_path):
            path.touch()
        for number in range(3000):
            spool(tmp_path, str(number), hook(number))
        path.write_bytes(b"".join(line(number) + b"\n" for number in range(9000)))
        with Service(tmp_path, "--set", "ring_events=2000") as service, service.connect() as client:
            client.follow(back=True)
            wait_for(lambda: len(client.of(SESSION, "hook.notification", "message.user")) == 12_000, "all of it", 30)
            assert [one for one in client.others if one["type"] == "gap"] == []


def test_a_crash_that_may_have_lost_a_posted_hook_is_a_gap(tmp_path: Path) -> None:
    with killed(tmp_path) as service, service.connect() as client:
        client.follow()
        post(service, hook(1))
        wait_for(lambda: client.of(SESSION, "hook.notification"), "the hook")
        seen = client.events[-1]["seq"]
        wait_for(lambda: stored(service, "hook.notification"), "the commit, which says that a hook was posted")
    with Service(tmp_path) as service, service.connect() as client:
        reply = client.resume(seen, client.snapshot["epoch"])
        assert reply["recovered"] is False
        (gap,) = wait_for(lambda: [one for one in client.others if one["type"] == "gap"], "the gap")
        assert gap["reason"] == "crash"


async def test_that_a_hook_was_posted_is_on_disk_before_an_event_is_made_of_it(tmp_path: Path) -> None:
    home, log, settings = Home(tmp_path), EventLog(max_bytes=10**6, max_events=10), load({})
    persistence = Persistence(home, settings, log, World(), [])
    with contextlib.closing(sqlite3.connect(home.log)) as db:
        told = functools.partial(db.execute, "SELECT value FROM meta WHERE name = 'posted'")
        assert told().fetchone() == (0,)
        persistence.posted()
        await eventually(lambda: told().fetchone() == (1,), "the commit, which says that a hook was posted")
    assert log.head == log.first - 1
    await persistence.close()


def test_a_crash_after_spooled_hooks_alone_is_none(tmp_path: Path) -> None:
    with killed(tmp_path) as service, service.connect() as client:
        client.follow()
        spool(tmp_path, "1", hook(1))
        wait_for(lambda: client.of(SESSION, "hook.notification"), "the hook")
        seen = client.events[-1]["seq"]
    with Service(tmp_path) as service, service.connect() as client:
        assert client.resume(seen, client.snapshot["epoch"])["recovered"] is True
        spool(tmp_path, "2", hook(2))
        wait_for(lambda: [one for one in client.events if one["data"].get("message") == "2"], "the next hook")
        assert [one["type"] for one in client.others if one["type"] == "gap"] == []
        wait_for(lambda: not list((tmp_path / ".claw-socket" / "spool").glob("*.json")), "both on disk")
        with service.connect() as late:
            assert late.resume(seen, late.snapshot["epoch"])["recovered"] is True


# What is kept


def test_a_session_that_claude_code_has_deleted_is_listed_and_has_its_history(tmp_path: Path) -> None:
    path = transcript(tmp_path)
    with session_file(tmp_path), Service(tmp_path) as service, service.connect() as client:
        client.follow()
        write(path, *range(1, 31))
        wait_for(lambda: len(texts(client)) == 30, "the lines")
    path.unlink()
    with Service(tmp_path) as service, service.connect() as client:
        wait_for(lambda: not client.ask("get_session_list")["sessions"], "the session to be over")
        (listed,) = client.ask("get_session_list", all=True)["sessions"]
        assert (listed["sessionId"], listed["state"], listed["cwd"]) == (SESSION, "ended", "/w")
        last = client.ask("get_session_history", sessionId=SESSION, limit=5)
        assert last["more"] is True
        assert len(last["events"]) == 5
        assert all("seq" not in event for event in last["events"])
        page = client.ask("get_session_history", sessionId=SESSION, limit=10_000, before=last["events"][0]["id"])
        prompts = [one for one in (*page["events"], *last["events"]) if one["type"] == "message.user"]
        assert [one["data"]["text"].split()[1] for one in prompts] == [str(number) for number in range(1, 31)]
        assert "more" not in page


def test_the_history_of_a_transcript_that_cannot_be_read_is_what_the_log_has(tmp_path: Path) -> None:
    path = transcript(tmp_path)
    with session_file(tmp_path), Service(tmp_path) as service, service.connect() as client:
        client.follow()
        write(path, 1, 2)
        wait_for(lambda: texts(client) == ["1", "2"], "the lines")
        wait_for(lambda: len(stored(service, "message.user")) == 2, "both on disk")
        path.unlink()
        path.mkdir()
        events = client.ask("get_session_history", sessionId=SESSION)["events"]
        prompts = [one["data"]["text"].split()[1] for one in events if one["type"] == "message.user"]
        assert prompts == ["1", "2"]


def test_what_memory_has_no_room_for_is_replayed_from_disk(tmp_path: Path) -> None:
    with Service(tmp_path, "--set", "ring_events=50") as service, service.connect() as client:
        client.follow()
        first = client.snapshot["headSeq"]
        feed(tmp_path, client, 300)
        wait_for(lambda: stored(service, "*")[-1].seq == client.events[-1]["seq"], "the commit")
        with service.connect() as late:
            reply = late.resume(first, late.snapshot["epoch"])
            assert reply["recovered"] is True
            wait_for(lambda: len(late.events) == len(client.events), "all of it")
            assert late.events == client.events
            assert late.problems == []


def test_nothing_is_on_disk_when_the_log_is_not_to_be(tmp_path: Path) -> None:
    with Service(tmp_path, "--set", "log_to_disk=no") as service, service.connect() as client:
        client.follow()
        spool(tmp_path, "1", hook(1))
        wait_for(lambda: client.of(SESSION, "hook.notification"), "the hook")
        wait_for(lambda: not (service.folder / "spool" / "1.json").exists(), "its file to go")
        assert not (service.folder / "log.db").exists()


def test_a_purged_session_is_gone_from_memory_and_files(tmp_path: Path) -> None:
    secret, other = "correct-horse-battery-staple", "bbbb1111-2222-4333-8444-555555555555"
    with Service(tmp_path) as service, service.connect() as client:
        client.follow()
        spool(tmp_path, "1", hook(1, prompt=secret))
        spool(tmp_path, "2", hook(2, session_id=other))
        wait_for(lambda: client.of(other, "hook.notification"), "the hooks")
        wait_for(lambda: stored(service, "hook.notification")[1:], "the commit")
        wait_for(lambda: not list((service.folder / "spool").iterdir()), "the spool to be empty")
        request = service.folder / "purge"
        request.with_suffix(".new").write_text(json.dumps({"sessions": [SESSION]}))
        request.with_suffix(".new").rename(request)
        wait_for(lambda: not request.exists(), "the request to be done")
        holding = [
            path.name for path in service.folder.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()
        ]
        assert holding == []
        with service.connect() as late:
            late.follow(back=True)
            wait_for(lambda: late.of(other, "hook.notification"), "the other session")
            assert not late.of(SESSION, "hook.notification")


# Faults


def test_a_client_that_wants_all_or_nothing_is_closed_where_it_would_miss_something(tmp_path: Path) -> None:
    with Service(tmp_path, "--set", "ring_events=50", "--set", "log_to_disk=no") as service:
        with service.connect() as client:
            client.follow()
            first = client.snapshot["headSeq"]
            feed(tmp_path, client, 100)
        with service.connect() as late:
            reply = late.resume(first, late.snapshot["epoch"], allOrNothing=True)
            assert reply["recovered"] is False
            wait_for(lambda: late._socket.close_code == 4408, "the close")
            assert late.events == []


@pytest.mark.parametrize("harm", ["no database", "truncated"])
def test_a_damaged_database_is_set_aside_and_clients_are_told(tmp_path: Path, harm: str) -> None:
    with Service(tmp_path) as service, service.connect() as client:
        client.follow()
        for number in range(200):
            spool(tmp_path, f"{number:04}", hook(number, prompt="x" * 1000))
        wait_for(lambda: len(client.of(SESSION, "hook.notification")) == 200, "the hooks")
        seen, epoch = client.events[-1]["seq"], client.snapshot["epoch"]
    path = tmp_path / ".claw-socket" / "log.db"
    content = path.read_bytes()
    path.write_bytes(b"no database" * 1000 if harm == "no database" else content[: len(content) // 3])
    with Service(tmp_path) as service, service.connect() as client:
        assert client.snapshot["epoch"] != epoch
        reply = client.resume(seen, epoch)
        assert reply["recovered"] is False
        assert [one["reason"] for one in client.others if one["type"] == "gap"] == ["epoch"]
        (told,) = wait_for(lambda: [one for one in client.events if one["type"] == "system.error"], "the error")
        assert "set aside" in told["data"]["message"]
        (aside,) = [one for one in service.folder.glob("log.db.damaged-*") if one.suffix not in ("-wal", "-shm")]
        assert aside.stat().st_size > 0


def test_a_database_that_is_deleted_is_begun_again_with_what_memory_holds(tmp_path: Path) -> None:
    with Service(tmp_path) as service, service.connect() as client:
        client.follow()
        spool(tmp_path, "1", hook(1))
        wait_for(lambda: client.of(SESSION, "hook.notification"), "the hook")
        wait_for(lambda: stored(service, "hook.notification"), "the commit")
        for path in service.folder.glob("log.db*"):
            path.unlink()
        spool(tmp_path, "2", hook(2))
        wait_for(lambda: len(stored(service, "hook.notification")) == 2, "both hooks")
        wait_for(lambda: [one for one in client.events if one["type"] == "system.error"], "the error")
        assert client.problems == []
        seen, epoch = client.events[-1]["seq"], client.snapshot["epoch"]
    with Service(tmp_path) as service, service.connect() as client:
        assert client.resume(seen, epoch)["recovered"] is True


def test_a_database_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    with Service(tmp_path):
        pass
    path = tmp_path / ".claw-socket" / "log.db"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    before = path.read_bytes()
    done = run_command(tmp_path, "--port", "0")
    assert done.returncode == 8
    assert "newer claw-socket" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert path.read_bytes() == before


def test_on_a_full_disk_the_service_goes_on_from_memory_and_writes_when_there_is_room(tmp_path: Path) -> None:
    small = tmp_path / ".claw-socket"
    small.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m,mode=700", "tmpfs", str(small)], check=True)
    try:
        with Service(tmp_path, "--set", "hook_rate=100000") as service, service.connect() as client:
            client.follow()
            ballast = small / "ballast"
            with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * 4096)
            for number in range(300):
                post(service, hook(number, prompt="x" * 2000))
            wait_for(lambda: len(client.of(SESSION, "hook.notification")) == 300, "the hooks")
            wait_for(lambda: [one for one in client.events if one["type"] == "system.error"], "the error")
            assert shutil.disk_usage(small).free < 100_000
            assert urllib.request.urlopen(f"http://{service.address}/health", timeout=5).status == 200
            ballast.unlink()
            wait_for(lambda: len(stored(service, "hook.notification")) == 300, "all of it on disk", 40)
            assert client.problems == []
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_in_a_folder_that_cannot_be_written_the_service_goes_on_from_memory(tmp_path: Path) -> None:
    with Service(tmp_path):
        pass
    folder = tmp_path / ".claw-socket"
    (folder / "log.db").unlink()
    (folder / "log.db").mkdir()  # root may write anywhere; nobody may write a database there
    with Service(tmp_path) as service, service.connect() as client:
        client.follow(back=True)
        spool(tmp_path, "1", hook(1))
        wait_for(lambda: client.of(SESSION, "hook.notification"), "the hook")
        (told,) = [one for one in client.events if one["type"] == "system.error"]
        assert "memory alone" in told["data"]["message"]
        wait_for(lambda: not (folder / "spool" / "1.json").exists(), "its file to go")
    (folder / "log.db").rmdir()
