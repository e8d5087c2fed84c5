"""Agent logs: every whole line from now on, as it was written, at the reader's own pace."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clawsocket.server import agentlog
from tests.server.harness import SESSION, Client, Rig, running


def transcript(rig: Rig, folder: Path, agent_id: str | None = None, name: str = "main.jsonl") -> Path:
    path = folder / name
    rig.fake.transcripts[(SESSION, agent_id)] = path
    return path


def write(rig: Rig, path: Path, text: str | bytes, agent_id: str | None = None) -> None:
    """Let Claude Code write, and the sources see it."""
    with path.open("ab") as file:
        file.write(text.encode() if isinstance(text, str) else text)
    rig.server.transcript_grew(SESSION, agent_id)


async def follow(client: Client, agent_id: str | None = None) -> None:
    extra = {} if agent_id is None else {"agentId": agent_id}
    reply = await client.ask("subscribe_agent_log", sessionId=SESSION, **extra)
    assert reply == {"type": "subscribed_agent_log", "sessionId": SESSION}


async def test_lines_come_as_objects_from_now_on(rig: Rig, tmp_path: Path) -> None:
    path = transcript(rig, tmp_path)
    write(rig, path, '{"old":1}\n')
    async with rig.client() as client:
        await follow(client)
        write(rig, path, '{"a":1,"b":"\u2028☃"}\n{"c":[2]}\n')
        assert await client.receive() == {"type": "agent_log", "sessionId": SESSION, "line": {"a": 1, "b": "\u2028☃"}}
        assert (await client.receive())["line"] == {"c": [2]}


async def test_a_file_that_is_still_to_come_is_read_from_its_start(rig: Rig, tmp_path: Path) -> None:
    async with rig.client() as client:
        await follow(client)
        path = transcript(rig, tmp_path)
        rig.server.transcript_grew(SESSION, None)
        write(rig, path, '{"first":1}\n')
        assert (await client.receive())["line"] == {"first": 1}


async def test_a_subagents_log_is_its_own(rig: Rig, tmp_path: Path) -> None:
    path, other = transcript(rig, tmp_path), transcript(rig, tmp_path, "agent", "agent.jsonl")
    async with rig.client() as client:
        await follow(client, "agent")
        write(rig, path, '{"main":1}\n')
        write(rig, other, '{"sub":1}\n', "agent")
        assert await client.receive() == {
            "type": "agent_log",
            "sessionId": SESSION,
            "agentId": "agent",
            "line": {"sub": 1},
        }


async def test_the_main_agent_may_be_named_as_snapshots_name_it(rig: Rig, tmp_path: Path) -> None:
    path = transcript(rig, tmp_path)
    async with rig.client() as client:
        await follow(client, f"master-{SESSION}")
        write(rig, path, '{"main":1}\n')
        assert await client.receive() == {"type": "agent_log", "sessionId": SESSION, "line": {"main": 1}}
        await follow(client)
        write(rig, path, '{"main":2}\n')
        assert (await client.receive())["line"] == {"main": 2}
        assert await client.silent(), "and it is the same log"


async def test_a_torn_line_comes_when_it_is_whole(rig: Rig, tmp_path: Path) -> None:
    path = transcript(rig, tmp_path)
    write(rig, path, '{"old":1}\n{"torn":"')
    async with rig.client() as client:
        await follow(client)
        write(rig, path, "☃".encode()[:1])
        assert await client.silent()
        write(rig, path, "☃".encode()[1:] + b'"}')
        assert await client.silent()
        write(rig, path, "\n")
        assert (await client.receive())["line"] == {"torn": "☃"}


async def test_what_is_no_json_object_is_skipped(rig: Rig, tmp_path: Path) -> None:
    path = transcript(rig, tmp_path)
    async with rig.client() as client:
        await follow(client)
        bad = [b"", b"{", b"[1]", b'"x"', b"null", b'{"a":"\xff"}', b'{"a":"\x01"}', b"{} {}", b'{"a":' * 5000]
        bad += [b'"half \\ud83d"', b'["half \\ud83d"]']
        write(rig, path, b"\n".join((*bad, b'{"half":"\\ud83d"}', b'{"good":1}', b"")))
        assert (await client.receive())["line"] == {"half": "\ud83d"}, "JavaScript writes this"
        assert (await client.receive())["line"] == {"good": 1}
        assert await client.silent()


async def test_a_rename_is_followed(rig: Rig, tmp_path: Path) -> None:
    path = transcript(rig, tmp_path)
    async with rig.client() as client:
        await follow(client)
        write(rig, path, '{"before":1}\n')
        assert (await client.receive())["line"] == {"before": 1}
        moved = path.rename(tmp_path / "moved.jsonl")
        rig.server.transcript_grew(SESSION, None)
        assert await client.silent(), "between its two names it is as good as empty"
        transcript(rig, tmp_path, name=moved.name)
        write(rig, moved, '{"after":1}\n')
        assert (await client.receive())["line"] == {"after": 1}


async def test_a_file_that_got_shorter_is_another_one(rig: Rig, tmp_path: Path) -> None:
    path = transcript(rig, tmp_path)
    write(rig, path, '{"old":1}\n' * 10)
    async with rig.client() as client:
        await follow(client)
        path.write_bytes(b"")
        write(rig, path, '{"new":1}\n')
        assert (await client.receive())["line"] == {"new": 1}


async def test_a_line_longer_than_a_slice_comes_whole_and_one_over_the_limit_not_at_all(tmp_path: Path) -> None:
    async with running(tmp_path, line_limit=300_000) as rig, rig.client() as client:
        path = transcript(rig, tmp_path)
        await follow(client)
        long, too_long = {"long": "x" * 250_000}, {"too": "y" * 700_000}
        for line in (long, too_long, {"last": 1}):
            write(rig, path, json.dumps(line) + "\n")
        assert (await client.receive())["line"] == long
        assert (await client.receive())["line"] == {"last": 1}


async def test_a_slow_reader_gets_every_line_and_costs_nothing(rig: Rig, tmp_path: Path) -> None:
    path = transcript(rig, tmp_path)
    async with rig.client(max_queue=1) as client:
        await follow(client)
        lines = [{"number": number, "x": "y" * 10_000} for number in range(2000)]
        write(rig, path, "".join(json.dumps(line) + "\n" for line in lines))
        connection = await rig.stuck()
        assert connection.transport.get_write_buffer_size() < 262_144 + 2 * agentlog.SLICE
        got = [(await client.receive())["line"]["number"] for _ in lines]
        assert got == list(range(2000))


async def test_the_same_log_twice_is_one(rig: Rig, tmp_path: Path) -> None:
    path = transcript(rig, tmp_path)
    async with rig.client() as client:
        await follow(client)
        await follow(client)
        write(rig, path, '{"a":1}\n')
        assert (await client.receive())["line"] == {"a": 1}
        assert await client.silent()


async def test_the_51st_log_is_over_the_limit(rig: Rig) -> None:
    async with rig.client() as client:
        for number in range(50):
            assert "error" not in await client.ask("subscribe_agent_log", sessionId=f"s{number}")
        assert (await client.ask("subscribe_agent_log", sessionId="s50", id=1))["error"] == "limit_exceeded"
        assert "error" not in await client.ask("subscribe_agent_log", sessionId="s49")


async def test_unsubscribing_ends_the_logs_of_a_session_or_all(rig: Rig, tmp_path: Path) -> None:
    path, other = transcript(rig, tmp_path), transcript(rig, tmp_path, "agent", "agent.jsonl")
    async with rig.client() as client:
        await follow(client)
        await follow(client, "agent")
        await client.ask("subscribe_agent_log", sessionId="other")
        reply = await client.ask("unsubscribe_agent_log", sessionId=SESSION)
        assert reply == {"type": "unsubscribed_agent_log", "sessionId": SESSION}
        write(rig, path, '{"a":1}\n')
        write(rig, other, '{"a":1}\n', "agent")
        assert await client.silent()
        assert await client.ask("unsubscribe_agent_log") == {"type": "unsubscribed_agent_log", "sessionId": None}
    assert rig.server._hub.agent_logs._followers == {}


async def test_a_client_that_went_is_not_read_for(rig: Rig, tmp_path: Path) -> None:
    transcript(rig, tmp_path)
    async with rig.client() as client, rig.client() as other:
        await follow(client)
        await client.socket.close()
        assert await other.silent()
        rig.server.transcript_grew(SESSION, None)
        assert rig.server._hub.agent_logs._followers == {}


async def test_a_failure_closes_that_client_alone(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = transcript(rig, tmp_path)
    async with rig.client() as client, rig.client() as other:
        await follow(client)
        monkeypatch.setattr(agentlog, "_is_object", None)
        write(rig, path, '{"a":1}\n')
        assert (await client.closed())[0] == 4500
        assert await other.silent()
    assert "TypeError" in caplog.text
