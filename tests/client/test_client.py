"""The client against the real service: it finds it, stays with it over restarts, and tells what is missing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from clawsocket import token
from clawsocket.client import OLDEST, Back, Event, Events, Gap, Lost, Notice, Position, connect
from clawsocket.client.blocking import connect as connect_blocking
from clawsocket.errors import ClientClosedError, NoServerError, RequestError, TokenRefusedError
from clawsocket.paths import Home
from clawsocket.protocol.events import ToolUse
from clawsocket.protocol.models import SessionUsage, TotalUsage
from tests.support.feed import SESSION, hook, line, session_file, spool
from tests.support.service import Service, run_command
from tests.support.waiting import wait_for

BASH = {"tool_name": "Bash", "tool_input": {"command": "ls"}}


def use_tool(home: Path, number: int) -> None:
    spool(home, f"{number:06}", hook(number, hook_event_name="PreToolUse", tool_use_id=f"toolu_{number}", **BASH))


def number_of(event: Event) -> int:
    return int(event.data["message"])


async def collect(events: Events, count: int) -> list[Event]:
    async with asyncio.timeout(20):
        return [await anext(events) for _ in range(count)]


# Finding the server


async def test_it_finds_the_server_by_itself_and_events_are_typed(home: Path) -> None:
    with Service(home) as service:
        service.wait_for_hooks()
        async with connect() as claw, claw.events("tool.*", session=SESSION) as events:
            use_tool(home, 1)
            (event,) = await collect(events, 1)
            assert isinstance(event.data, ToolUse)
            assert (event.type, event.session_id, event.data.tool_name) == ("tool.use", SESSION, "Bash")
            assert events.position is not None
            assert events.position.seq == event.seq


async def test_hooks_have_their_payload_and_aliases_their_own_data(home: Path) -> None:
    with Service(home) as service:
        service.wait_for_hooks()
        async with connect() as claw, claw.events("hook.pre_tool_use", "tool.started", "hook.started") as events:
            use_tool(home, 1)
            told = {event.type: event.data for event in await collect(events, 3)}
        assert told["hook.pre_tool_use"]["tool_input"] == {"command": "ls"}
        assert told["tool.started"].tool_name == told["hook.started"].tool_name == "Bash"


async def test_a_number_that_is_too_large_ends_no_stream(home: Path) -> None:
    with Service(home) as service:
        service.wait_for_hooks()
        async with connect() as claw, claw.events("hook.pre_tool_use", "tool.use") as events:
            sent = hook(1, hook_event_name="PreToolUse", tool_use_id="toolu_1", **BASH)
            spool(home, "1", sent.replace(b'"ls"', b"1e400"))
            told = {event.type: event.data for event in await collect(events, 2)}
        assert told["hook.pre_tool_use"]["tool_input"] == told["tool.use"].input == {"command": math.inf}


async def test_without_a_unix_socket_it_goes_by_the_url_and_the_token_in_the_file(home: Path) -> None:
    with Service(home) as service:
        endpoint = json.loads((service.folder / "endpoint").read_text())
        (service.folder / "endpoint").write_text(json.dumps({**endpoint, "socket": None}))
        async with connect() as claw:
            assert (await claw.snapshot()).sessions == []
            assert run_command(home, "--rotate-token").returncode == 0
            assert await claw.sessions() == []  # with the new token


async def test_a_wrong_token_is_a_clear_error_that_does_not_show_it(home: Path) -> None:
    wrong = token.new_token()
    with Service(home) as service:
        for url in (service.endpoint["url"], f"{service.endpoint['url']}?token={wrong}"):
            with pytest.raises(TokenRefusedError, match=r"refuses the token \(given by the caller\)") as refused:
                async with connect(url, token=wrong):
                    pass
            assert wrong not in str(refused.value)


async def test_a_token_that_is_refused_later_is_an_error_too(home: Path) -> None:
    with Service(home) as service:
        url, right = str(service.endpoint["url"]), service.token
        async with connect(url, token=right) as claw, claw.events() as events:
            assert run_command(home, "--rotate-token").returncode == 0
            with pytest.raises(TokenRefusedError):
                await collect(events, 1)


async def test_our_token_is_not_shown_to_other_machines(home: Path) -> None:
    from clawsocket.client.address import find

    (home / ".claw-socket").mkdir()
    token.save(home / ".claw-socket" / "token", token.new_token())
    assert find("ws://[::1]:3838/").token is not None
    assert find("wss://example.invalid/").token is None


async def test_no_server_is_a_clear_error(home: Path) -> None:
    with pytest.raises(NoServerError, match="start it with: claw-socket start, or"):
        async with connect():
            pass
    with pytest.raises(RequestError, match="ws://HOST:PORT"):
        async with connect("http://localhost:1"):
            pass


async def test_who_waits_gets_a_server_that_starts_later(home: Path) -> None:
    notices: list[Notice] = []
    async with connect(wait=True) as claw:
        opening = asyncio.create_task(claw.events(notice=notices.append).open())
        await asyncio.to_thread(wait_for, lambda: notices, "a notice")
        service = await asyncio.to_thread(Service, home)
        with service:
            async with asyncio.timeout(15):
                await opening
                assert await claw.sessions() == []
    assert [type(one) for one in notices] == [Lost, Back]


# Over restarts: see test_restarts.py too


async def test_a_position_that_was_kept_goes_on_where_it_was(home: Path) -> None:
    with Service(home) as service:
        service.wait_for_hooks()
        async with connect() as claw, claw.events("hook.notification") as events:
            spool(home, "1", hook(1))
            await collect(events, 1)
            position = events.position
    with Service(home):
        for number in (2, 3):
            spool(home, str(number), hook(number))
        async with connect() as claw:
            assert [number_of(e) for e in await collect(claw.events("hook.*", since=position), 2)] == [2, 3]
            assert [number_of(e) for e in await collect(claw.events("hook.*", since=OLDEST), 3)] == [1, 2, 3]


async def test_a_gap_and_a_foreign_epoch_are_told_in_their_place(home: Path) -> None:
    (home / ".claw-socket" / "spool").mkdir(parents=True, mode=0o700)
    order: list[object] = []
    with Service(home) as service:
        service.wait_for_hooks()
        async with connect() as claw, claw.events("hook.*", notice=order.append) as events:
            spool(home, "1", hook(1))
            order += [number_of(event) for event in await collect(events, 1)]
            await asyncio.to_thread(service.stop)
            for path in service.folder.glob("log.db*"):
                path.unlink()
            spool(home, "2", hook(2))
            (service.folder / "spool" / ".full").touch()
            with await asyncio.to_thread(Service, home):
                order += [number_of(event) for event in await collect(events, 1)]
                epoch = events.position
                assert epoch is not None
                later = [one for one in order if not isinstance(one, Lost | Back)]
                assert later[0] == 1
                assert later[-1] == 2
                gaps = [one for one in later if isinstance(one, Gap)]
                assert [gap.reason for gap in gaps] == ["epoch", "spool_full"]
                spool(home, "3", hook(3))
                assert [number_of(event) for event in await collect(events, 1)] == [3]
                assert epoch.epoch == (await claw.snapshot()).epoch


async def test_gaps_are_logged_where_nobody_asks_for_them(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Service(home) as service:
        service.wait_for_hooks()
        async with connect() as claw, claw.events("hook.*", since=Position(5, "another")) as events:
            spool(home, "1", hook(1))
            await collect(events, 1)
    assert "are missing: epoch" in caplog.text


async def test_a_reader_that_takes_its_time_misses_nothing(home: Path) -> None:
    with Service(home, "--set", "ping_interval=1", "--set", "ping_timeout=0.5") as service:
        service.wait_for_hooks()
        async with connect() as claw, claw.events("hook.notification") as events:
            for number in range(3000):
                spool(home, f"{number:05}", hook(number, more="x" * 2000))
            await asyncio.sleep(3)
            assert [number_of(event) for event in await collect(events, 3000)] == list(range(3000))


async def test_what_waited_for_a_service_comes_whole_also_where_that_has_little_memory(home: Path) -> None:
    Home(home / ".claw-socket").create()
    for number in range(2000):
        spool(home, f"{number:05}", hook(number))
    notices: list[Notice] = []
    with Service(home, "--set", "ring_events=500"):
        async with connect() as claw, claw.events("hook.notification", since=OLDEST, notice=notices.append) as events:
            assert [number_of(event) for event in await collect(events, 2000)] == list(range(2000))
    assert notices == []


# Questions


async def test_it_answers_questions_while_events_are_read_and_after_a_restart(home: Path) -> None:
    with Service(home) as service:
        service.wait_for_hooks()
        async with connect() as claw, claw.events("tool.use") as events:
            use_tool(home, 1)
            async for _ in events:
                assert [one.session_id for one in await claw.sessions()] == [SESSION]
                break
            assert isinstance(await claw.usage(SESSION), SessionUsage)
            assert isinstance(await claw.usage(), TotalUsage)
            report = await claw.usage_report("day", "model", since="2026-01-01")
            assert (report.by, report.since, report.rows) == (["day", "model"], "2026-01-01", [])
            with pytest.raises(RequestError, match="not one of the protocol's"):
                await claw.history("")
            await asyncio.to_thread(service.stop)
            asking = asyncio.create_task(claw.sessions(all=True))
            with await asyncio.to_thread(Service, home):
                assert SESSION in [one.session_id for one in await asking]


async def test_a_topic_that_the_server_refuses_is_an_error(home: Path) -> None:
    with Service(home):
        async with connect() as claw:
            with pytest.raises(RequestError):
                await collect(claw.events(""), 1)


async def test_watching_tells_how_everything_is_whenever_it_changes(home: Path) -> None:
    with Service(home) as service:
        service.wait_for_hooks()
        async with connect() as claw:
            states = []
            async with asyncio.timeout(20):
                async for snapshot in claw.watch():
                    states.append([one.state for one in snapshot.sessions])
                    if states[-1] == []:
                        use_tool(home, 1)
                    if states[-1] == ["running"]:
                        ask = hook(2, hook_event_name="PermissionRequest", **BASH)
                        spool(home, "000002", ask)
                    if states[-1] == ["requires_action"]:
                        break
            assert states[0] == []


async def test_watching_ends_with_an_error_when_the_token_is_refused(home: Path) -> None:
    async def watch(url: str, token: str) -> None:
        async with connect(url, token=token) as claw, asyncio.timeout(20):
            async for _ in claw.watch():
                run_command(home, "--rotate-token")

    with Service(home) as service, pytest.raises(TokenRefusedError):
        await watch(service.endpoint["url"], service.token)


# Without asyncio


def test_the_blocking_client_reads_asks_and_survives_a_restart(home: Path) -> None:
    with Service(home) as service:
        service.wait_for_hooks()
        with connect_blocking() as claw, claw.events("tool.use") as events:
            assert (events.snapshot.sessions, events.closed) == ([], False)
            use_tool(home, 1)
            assert next(events).data.tool_use_id == "toolu_1"
            assert [one.session_id for one in claw.sessions()] == [SESSION]
            service.stop()
            with Service(home):
                use_tool(home, 2)
                for event in events:
                    assert event.data.tool_use_id == "toolu_2"
                    break
                assert events.position is not None
                assert isinstance(claw.usage(), TotalUsage)
                assert claw.usage_report().by == ["day"]
                wait_for(lambda: "tool.use" in [one.type for one in claw.history(SESSION)], "the call on disk")
                for snapshot in claw.watch():
                    assert [one.session_id for one in snapshot.sessions] == [SESSION]
                    break
                assert claw.snapshot().epoch == snapshot.epoch
            events.close()
            assert (list(events), events.closed) == ([], True)


@pytest.mark.timeout(10)
def test_a_blocking_client_that_was_not_opened_says_how_it_is() -> None:
    claw = connect_blocking()
    for ask in (claw.sessions, claw.events("*").__next__, lambda: next(iter(claw.watch()))):
        with pytest.raises(RuntimeError, match="with connect"):
            ask()
    claw._loop.close()


def test_a_loop_of_the_blocking_client_that_is_left_leaves_no_connection(home: Path) -> None:
    with Service(home) as service, connect_blocking() as claw:
        service.wait_for_hooks()
        spool(home, "1", hook(1))
        for _ in claw.events("hook.notification", since=OLDEST):
            break
        wait_for(lambda: len(claw.status().clients) == 1, "the end of the stream's connection")


def test_the_blocking_client_leaves_no_thread(home: Path) -> None:
    def named() -> list[threading.Thread]:
        return [one for one in threading.enumerate() if one.name == "claw-socket-client"]

    with pytest.raises(NoServerError), connect_blocking():
        pass
    with Service(home), connect_blocking():
        assert len(named()) == 1
    assert named() == []


def test_leaving_the_blocking_client_ends_what_other_threads_read_and_ask_of_a_service_that_is_away(home: Path) -> None:
    notices: list[Notice] = []
    ended: list[object] = []

    def ask(question: Callable[[], object]) -> None:
        try:
            ended.append(question())
        except ClientClosedError:
            ended.append("closed")

    with connect_blocking(wait=True) as claw:
        streams = [claw.events(notice=notices.append), claw.watch(notices.append)]
        streams.append(claw.agent_log(SESSION, notice=notices.append))
        questions = [*(partial(list[object], stream) for stream in streams), claw.snapshot, claw.sessions]
        threads = [threading.Thread(target=ask, args=[one], daemon=True) for one in questions]
        for thread in threads:
            thread.start()
        wait_for(lambda: len(notices) == len(streams), "all that wait for the service")
    for thread in threads:
        thread.join(10)
    assert sorted(map(str, ended)) == ["[]", "[]", "[]", "closed", "closed"]


def test_a_blocking_client_that_was_left_has_nothing_more_to_tell(home: Path) -> None:
    with connect_blocking(wait=True) as claw:
        events = claw.events()
    assert list(events) == []
    assert list(claw.watch()) == []
    events.close()
    with pytest.raises(ClientClosedError):
        claw.snapshot()
    with pytest.raises(ClientClosedError), claw.events():
        pass


# Raw lines of transcripts


@contextlib.contextmanager
def transcript(home: Path) -> Iterator[Path]:
    """The transcript of a session that lives."""
    path = home / ".claude" / "projects" / "-w" / f"{SESSION}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(line(0) + b"\n")
    with session_file(home):
        yield path


async def test_a_transcript_is_told_line_by_line_and_goes_on_after_a_restart(home: Path) -> None:
    notices: list[Notice] = []

    async def told(log: AsyncIterator[dict[str, Any]], path: Path, number: int) -> dict[str, Any]:
        """Write until a line is told: it says nowhere from when on lines are."""
        coming = asyncio.ensure_future(anext(log))
        while not coming.done():
            with path.open("ab") as file:
                file.write(line(number) + b"\n")
            await asyncio.wait([coming], timeout=0.1)
        return coming.result()

    with transcript(home) as path, Service(home) as service:
        async with (
            connect() as claw,
            asyncio.timeout(30),
            contextlib.aclosing(claw.agent_log(SESSION, notice=notices.append)) as log,
        ):
            first = await told(log, path, 1)
            assert first == json.loads(line(1, at=0)) | {"timestamp": first["timestamp"]}
            await asyncio.to_thread(service.stop)
            with await asyncio.to_thread(Service, home):
                while (await told(log, path, 2))["promptId"] != "p2":
                    pass
    assert [type(one) for one in notices] == [Lost, Back]


async def test_an_agent_log_that_the_server_refuses_is_an_error(home: Path) -> None:
    with Service(home):
        async with connect() as claw:
            with pytest.raises(RequestError, match="not one of the protocol's"):
                await anext(claw.agent_log(""))


def test_ctrl_c_while_the_blocking_client_watches_is_that_and_nothing_else(home: Path) -> None:
    main = threading.main_thread().ident
    assert main is not None
    with Service(home), connect_blocking() as claw:
        watched = claw.watch()
        next(watched)
        threading.Timer(0.3, signal.pthread_kill, (main, signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            list(watched)
        assert claw.sessions() == []


def test_the_blocking_client_reads_a_transcript(home: Path) -> None:
    with transcript(home) as path, Service(home), connect_blocking() as claw:
        log = claw.agent_log(SESSION)
        writing = threading.Event()

        def write() -> None:
            while not writing.wait(0.05):
                with path.open("ab") as file:
                    file.write(line(7) + b"\n")

        writer = threading.Thread(target=write)
        writer.start()
        try:
            assert next(log)["promptId"] == "p7"
        finally:
            writing.set()
            writer.join()
        log.close()  # type: ignore[attr-defined]
