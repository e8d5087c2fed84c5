"""The JavaScript client in Node and Bun, against the real service."""

from __future__ import annotations

import itertools
import json
import re
import urllib.request
from pathlib import Path

from clawsocket import token
from clawsocket.protocol.aliases import ALIASES_OF
from clawsocket.protocol.events import EVENTS
from clawsocket.protocol.replies import CLOSE_CODES
from tests.client_js.running import CLIENT, Running, run
from tests.support.feed import SESSION, hook, line, session_file, spool
from tests.support.service import Service, run_command
from tests.support.waiting import wait_for

ONES = itertools.count(1)


def use_tool(home: Path) -> str:
    ident = f"toolu_{next(ONES)}"
    tool = {"tool_name": "Bash", "tool_input": {"command": "ls"}, "tool_use_id": ident}
    spool(home, ident, hook(0, hook_event_name="PreToolUse", **tool))
    return ident


def lag(service: Service) -> float:
    """How many events a client has not been sent, at most."""
    ask = urllib.request.Request(
        f"http://{service.address}/metrics", headers={"Authorization": f"Bearer {service.token}"}
    )
    with urllib.request.urlopen(ask, timeout=5) as answer:
        found = re.search(r"^claw_socket_client_lag_events (\S+)", answer.read().decode(), re.MULTILINE)
    assert found is not None
    return float(found[1])


# Finding the server


def test_it_finds_the_server_by_itself_and_gives_events(shared: Service, runtime: str) -> None:
    source = f"""
        const claw = await connect();
        const events = await claw.events("tool.*", {{ session: "{SESSION}" }}).open();
        tell("open", events.snapshot.epoch === events.position.epoch);
        for await (const event of events) {{
            tell(event.type, event.data.toolUseId, events.position.seq === event.seq);
            break;
        }}
        tell("closed", events.closed, (await events.next()).done);
    """
    with Running(shared.home, source, runtime) as running:
        assert running.wait() == [["open", True]]
        ident = use_tool(shared.home)
        assert running.end()[1:] == [["tool.use", ident, True], ["closed", True, True]]


def test_a_stream_that_is_read_and_opened_at_once_has_one_connection(home: Path, runtime: str) -> None:
    source = """
        const claw = await connect();
        const events = claw.events("tool.*");
        const first = events.next();
        await Promise.all([events.open(), events.open()]);
        tell((await claw.status()).clients.length);
        tell((await first).value.type);
    """
    with Service(home), Running(home, source, runtime) as running:
        assert running.wait() == [2], "the stream's, and that of questions"
        use_tool(home)
        assert running.end()[1:] == ["tool.use"]


def test_who_is_to_ask_can_connect_before(home: Path, runtime: str) -> None:
    source = """
        const claw = await connect({ wait: true });
        tell((await failure(claw.open())).split(":")[0]);
        tell((await claw.status()).clients.length);
        const another = await connect({ wait: true });
        const [, , status] = await Promise.all([another.open(), another.open(), another.status()]);
        await another.open();
        tell(status.clients.length, (await another.status()).clients.length);
        const third = await connect({ wait: true });
        await Promise.all([third.status(), new Promise((resolve) => setTimeout(resolve)).then(() => third.open())]);
        await third.status();
        while ((await third.status()).clients.length > 3) await new Promise((resolve) => setTimeout(resolve, 20));
    """
    with Running(home, source, runtime) as running:
        assert running.wait() == ["NoServerError"]
        with Service(home):
            assert running.end()[1:] == [1, [2, 2]]


def test_a_function_tells_each_connection_where_the_server_is_and_may_end_the_stream(home: Path, runtime: str) -> None:
    with Service(home) as service:
        source = f"""
            const notices = [];
            let asked = 0;
            const url = async () => {{
                asked++;
                if (asked === 1) throw new client.NoServerError("there", "it sleeps");
                if (asked === 3) throw new Error("signed out");
                return "{service.endpoint["url"]}";
            }};
            const claw = await connect({{ url, wait: true }});
            const events = await claw.events("tool.*", {{ notice: ({{ type }}) => notices.push(type) }}).open();
            tell("open");
            tell(await failure(events.next()), asked, notices);
        """
        with Running(home, source, runtime) as running:
            running.wait()
            service.stop()
            assert running.end()[1:] == [["Error: signed out", 3, ["lost", "back", "lost"]]]


def test_claw_socket_dir_is_another_folder(shared: Service, tmp_path: Path) -> None:
    source = "tell((await (await connect()).snapshot()).epoch.length)"
    with Running(tmp_path, source, more={"CLAW_SOCKET_DIR": str(shared.folder)}) as running:
        assert running.end() == [16]


def test_without_a_unix_socket_it_goes_by_the_url_and_the_token_in_the_file(home: Path, runtime: str) -> None:
    with Service(home) as service:
        endpoint = json.loads((service.folder / "endpoint").read_text())
        (service.folder / "endpoint").write_text(json.dumps({**endpoint, "socket": None}))
        source = """
            const claw = await connect();
            tell((await claw.snapshot()).sessions);
            await new Promise((resolve) => process.stdin.once("data", resolve));
            process.stdin.destroy();
            tell(await claw.sessions());
        """
        with Running(home, source, runtime) as running:
            running.wait()
            assert run_command(home, "--rotate-token").returncode == 0
            running.say()
            assert running.end() == [[], []]  # the second one with the new token


def test_a_wrong_token_is_a_clear_error_that_does_not_show_it(shared: Service, runtime: str) -> None:
    wrong, url = token.new_token(), shared.endpoint["url"]
    source = f"""
        tell(await failure(connect({{ url: "{url}", token: "{wrong}" }})));
        tell(await failure(connect({{ url: "{url}?token={wrong}", token: "{wrong}" }})));
        tell(await failure(connect({{ url: "{url}", token: "a\\r\\nb" }})));
    """
    with Running(shared.home, source, runtime) as running:
        first, second, third = running.end()
        for told in (first, second):
            assert re.match(r"TokenRefusedError: .* refuses the token \(given by the caller\)", told)
        assert third.startswith("RequestError: ")
        assert wrong not in "".join(running.told) + running.errors.read_text()


def test_a_token_that_is_refused_later_is_an_error_too(home: Path) -> None:
    with Service(home) as service:
        source = f"""
            const claw = await connect({{ url: "{service.endpoint["url"]}", token: "{service.token}" }});
            const events = await claw.events().open();
            tell("open");
            tell(await failure(events.next()), events.closed);
        """
        with Running(home, source) as running:
            running.wait()
            assert run_command(home, "--rotate-token").returncode == 0
            ((told, closed),) = running.end()[1:]
        assert told.startswith("TokenRefusedError")
        assert closed


def test_no_server_is_a_clear_error(tmp_path: Path, runtime: str) -> None:
    nothing, refused, wrong = run(
        tmp_path,
        """
        tell(await failure(connect()));
        tell(await failure(connect({ url: "http://localhost:1" })));
        tell(await failure(connect({ url: "localhost:3838?token=secret" })));
        """,
        runtime,
    )
    assert nothing == (
        f"NoServerError: the service does not answer ({tmp_path}/.claw-socket/endpoint: it is not there); "
        "start it with: claw-socket start, or in a terminal: claw-socket"
    )
    assert "ws://localhost:1/: connection refused" in refused
    assert wrong == "RequestError: localhost:3838 is no address of a WebSocket (ws://HOST:PORT)"


def test_an_endpoint_or_a_token_that_tells_nothing_is_a_clear_error(tmp_path: Path) -> None:
    folder = tmp_path / ".claw-socket"
    (folder / "token").mkdir(parents=True)
    for endpoint, told in (("{", "it tells nothing"), ('{"url": "ws://localhost:1"}', "token: cannot be read")):
        (folder / "endpoint").write_text(endpoint)
        assert told in run(tmp_path, "tell(await failure(connect()))")[0]


def test_who_waits_gets_a_server_that_starts_later(home: Path, runtime: str) -> None:
    source = """
        const claw = await connect({ wait: true });
        await claw.events("*", { notice: noticed }).open();
        tell(await claw.sessions());
    """
    with Running(home, source, runtime) as running:
        running.wait()
        with Service(home):
            assert running.end() == [["notice", "lost", None], ["notice", "back", None], []]


def test_signals_end_the_waiting(shared: Service, tmp_path: Path) -> None:
    source = """
        const soon = () => AbortSignal.timeout(50);
        const waiting = await connect({ wait: true, url: "ws://127.0.0.1:1" });
        tell((await failure(waiting.sessions({ signal: soon() }))).split(":")[0]);
        tell((await failure(waiting.events("*", { signal: soon() }).next())).split(":")[0]);
        tell((await failure(waiting.watch({ signal: soon() }).next())).split(":")[0]);
        tell((await failure(waiting.agentLog("a", "b", { signal: soon() }).next())).split(":")[0]);
        tell((await failure(connect({ signal: AbortSignal.abort(new Error("no more")) }))));
        const all = new AbortController();
        const claw = await connect({ signal: all.signal });
        const next = failure(claw.events("tool.failed").next());
        all.abort(new Error("enough"));
        tell(await next, await failure(claw.sessions()));
    """
    told = run(shared.home, source)
    assert told == [*["TimeoutError"] * 4, "Error: no more", ["Error: enough", "Error: enough"]]


def test_many_streams_and_questions_at_once_are_no_leak_to_node(shared: Service) -> None:
    source = """
        process.on("warning", (warning) => tell(warning.name));
        const { signal } = new AbortController();
        const claw = await connect({ signal });
        const twenty = (make) => Promise.all(Array.from({ length: 20 }, make));
        await twenty(() => claw.sessions({ signal }));
        const streams = await twenty(() => claw.events("tool.failed", { signal }).open());
        tell((await claw.status()).clients.length);
        await claw.close();
        tell(streams.every((one) => one.closed));
    """
    assert run(shared.home, source) == [21, True]


def test_a_client_that_was_closed_ends_its_streams_and_answers_no_more(shared: Service, runtime: str) -> None:
    source = """
        const claw = await connect();
        const streams = [claw.events("tool.failed"), claw.watch(), claw.agentLog("a")];
        await streams[1].next();
        const ends = streams.map((stream) => stream.next());
        setTimeout(() => claw.close(), 100);
        tell((await Promise.all(ends)).map(({ done }) => done));
        tell(await failure(claw.sessions()));
    """
    assert run(shared.home, source, runtime) == [[True, True, True], "ClawSocketError: the client was closed"]


def test_a_program_that_waits_for_nothing_ends_though_it_closed_nothing(shared: Service, runtime: str) -> None:
    source = """
        const claw = await connect();
        await claw.events().open();
        tell((await claw.sessions()).length >= 0);
    """
    assert run(shared.home, source, runtime) == [True]


# Over restarts: see tests/client/test_restarts.py too


def test_a_position_that_was_kept_goes_on_where_it_was(home: Path) -> None:
    with Service(home) as service:
        service.wait_for_hooks()
        spool(home, "1", hook(1))
        (position,) = run(
            home,
            """
            const events = (await connect()).events("hook.notification", { since: OLDEST });
            await numbers(events, 1);
            tell(events.position);
            """,
        )
    with Service(home):
        for number in (2, 3):
            spool(home, str(number), hook(number))
        source = f"""
            const claw = await connect();
            tell(await numbers(claw.events("hook.*", {{ since: {json.dumps(position)} }}), 2));
            tell(await numbers(claw.events("hook.*", {{ since: OLDEST }}), 3));
        """
        assert run(home, source) == [[2, 3], [1, 2, 3]]


def test_a_gap_and_a_foreign_epoch_are_told_in_their_place(home: Path) -> None:
    (home / ".claw-socket" / "spool").mkdir(parents=True, mode=0o700)
    source = """
        const claw = await connect();
        const events = await claw.events("hook.*", { notice: noticed }).open();
        tell("open");
        for await (const { data } of events) {
            tell(Number(data.message));
            if (data.message === "3") break;
        }
        tell(events.position.epoch === (await claw.snapshot()).epoch);
    """
    with Service(home) as service:
        service.wait_for_hooks()
        with Running(home, source) as running:
            running.wait()
            spool(home, "1", hook(1))
            running.wait(2)
            service.stop()
            for path in service.folder.glob("log.db*"):
                path.unlink()
            spool(home, "2", hook(2))
            (service.folder / "spool" / ".full").touch()
            with Service(home):
                wait_for(lambda: 2 in running.told, "what came after the gap", 20)
                spool(home, "3", hook(3))
                told = running.end()
    lost, back = ["notice", "lost", None], ["notice", "back", None]
    gaps = [["notice", "gap", "epoch"], ["notice", "gap", "spool_full"]]
    assert told == ["open", 1, lost, back, *gaps, 2, 3, True]


def test_gaps_are_told_to_the_console_where_nobody_asks_for_them(shared: Service) -> None:
    spool(shared.home, f"n{next(ONES)}", hook(1))
    source = """
        const events = (await connect()).events("hook.notification", { since: { seq: 5, epoch: "another" } });
        tell(await numbers(events, 1));
    """
    with Running(shared.home, source) as running:
        running.end()
        assert re.search(r"claw-socket: events \d+ to \d+ are missing: epoch", running.errors.read_text())


def test_a_reader_that_takes_its_time_misses_nothing_and_the_server_keeps_its_place(home: Path, runtime: str) -> None:
    source = """
        const claw = await connect();
        const events = await claw.events("hook.notification").open();
        tell("open");
        await new Promise((resolve) => process.stdin.once("data", resolve));
        process.stdin.destroy();
        const found = await numbers(events, 400);
        tell(found.every((number, at) => number === at));
    """
    with Service(home, "--set", "ping_interval=1", "--set", "ping_timeout=0.5") as service:
        service.wait_for_hooks()
        with Running(home, source, runtime) as running:
            running.wait()
            for number in range(400):
                spool(home, f"{number:05}", hook(number, more="x" * 50_000))
            wait_for(lambda: lag(service) > 100, "a client that is behind", 20)
            running.say()
            assert running.end() == ["open", True]


# Questions


def test_it_answers_questions_while_events_are_read_and_after_a_restart(home: Path, runtime: str) -> None:
    source = f"""
        const claw = await connect();
        for await (const event of claw.events("tool.use", {{ since: OLDEST }})) {{
            const [sessions, one, all] = await Promise.all([claw.sessions(), claw.usage("{SESSION}"), claw.usage()]);
            const report = await claw.usageReport({{ by: ["day", "model"], since: "2026-01-01" }});
            tell(sessions.map(({{ sessionId }}) => sessionId), one, all, report);
            break;
        }}
        tell(await failure(claw.history("")));
        tell(await failure(claw.events("").next()));
        tell("asking");
        await new Promise((resolve) => process.stdin.once("data", resolve));
        process.stdin.destroy();
        tell((await claw.sessions({{ all: true }})).map(({{ sessionId }}) => sessionId));
        tell((await claw.history("{SESSION}", {{ limit: 5 }})).map(({{ type, seq }}) => [type, seq ?? null]));
    """
    with Service(home) as service:
        service.wait_for_hooks()
        use_tool(home)
        with Running(home, source, runtime) as running:
            (sessions, one, all, report), history, events, _ = running.wait(4)
            assert sessions == [SESSION]
            assert one["sessionId"] == SESSION
            assert all["sessionCount"] == 1
            assert (report["by"], report["since"], report["rows"]) == (["day", "model"], "2026-01-01", [])
            assert history == events == "RequestError: the message is not one of the protocol's"
            service.stop()
            running.say()
            with Service(home):
                again, past = running.end()[4:]
    assert again == [SESSION]
    assert ["tool.use", None] in past


def test_watching_tells_how_everything_is_whenever_it_changes(home: Path) -> None:
    source = """
        const claw = await connect();
        for await (const { sessions } of claw.watch()) {
            tell(sessions.map(({ state }) => state));
            if (sessions[0]?.state === "requires_action") break;
        }
        tell("over");
    """
    with Service(home) as service:
        service.wait_for_hooks()
        with Running(home, source) as running:
            assert running.wait() == [[]]
            use_tool(home)
            wait_for(lambda: ["running"] in running.told, "a session that runs")
            ask = {"tool_name": "Bash", "tool_input": {"command": "ls"}}
            spool(home, "asked", hook(2, hook_event_name="PermissionRequest", **ask))
            assert running.end()[-2:] == [["requires_action"], "over"]


def test_an_agent_log_gives_the_lines_of_a_transcript(home: Path) -> None:
    source = f"""
        const claw = await connect();
        const log = claw.agentLog("{SESSION}");
        const first = log.next();
        await claw.snapshot();
        tell("open");
        tell((await first).value.uuid);
        tell((await log.return()).done);
    """
    transcript = home / ".claude" / "projects" / "-w" / f"{SESSION}.jsonl"
    transcript.parent.mkdir(parents=True)
    transcript.write_bytes(line(1) + b"\n")
    with Service(home) as service, session_file(home):
        wait_for(lambda: b'"sessions":1' in urllib.request.urlopen(f"http://{service.address}/health").read(), "it")
        with Running(home, source) as running:
            running.wait()
            numbers = itertools.count(2)

            def grew() -> bool:
                with transcript.open("ab") as file:
                    file.write(line(next(numbers)) + b"\n")
                return len(running.told) > 1

            wait_for(grew, "a line")
            _, uuid, done = running.end()
    assert re.fullmatch(r"00000000-0000-0000-0000-[0-9a-f]{12}", uuid)
    assert done


# The client's own copies of what the protocol says


def test_it_knows_which_events_may_come_again_with_more_in_them() -> None:
    found = re.search(r"^const LEVEL = /(.*)/;$", CLIENT.read_text(), re.MULTILINE)
    assert found is not None
    level = re.compile(found[1])
    assert {name for name in EVENTS if level.search(name)} == {name for name, one in EVENTS.items() if not one.fact}


def test_it_knows_the_aliases() -> None:
    found = re.search(r"^const ALIASES = new Map\((\[.*?\])\);$", CLIENT.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    aliases = json.loads(re.sub(r",(\s*\])", r"\1", found[1]))
    assert {primary: tuple(names) for primary, names in aliases} == ALIASES_OF


def test_it_knows_the_close_codes() -> None:
    found = dict(re.findall(r'^  (\d{4}): "(.*)",$', CLIENT.read_text(), re.MULTILINE))
    assert {int(code): meaning for code, meaning in found.items()} == CLOSE_CODES
