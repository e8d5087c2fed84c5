"""``tail``, ``ps`` and ``wait`` against the real service: in a terminal, in pipes, over restarts and without it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from rich.cells import cell_len

from clawsocket.claude.transcript import Usage
from clawsocket.cli import main
from clawsocket.cli.event_line import age, doing, duration, line
from clawsocket.cli.line import values
from clawsocket.cli.live import Tell
from clawsocket.cli.look import Look, columns
from clawsocket.cli.ps import table
from clawsocket.client import incoming
from clawsocket.protocol.envelope import Event as Said
from clawsocket.protocol.envelope import encode
from clawsocket.protocol.events import EVENTS, MessageError, MessageUser, SessionEnded, SessionStateChanged, ToolResult
from clawsocket.protocol.models import AgentState, Context, SessionInfo, WaitingTool
from clawsocket.protocol.replies import FEATURES, Gap, ServerInfo, Snapshot
from clawsocket.state.prices import Prices
from clawsocket.state.usage import Tokens, session_usage
from tests.support.feed import SESSION, hook, session_file, spool
from tests.support.screen import Screen
from tests.support.service import PROGRAM, ROOT, Service, environment, run_command
from tests.support.waiting import wait_for

in_tmux = pytest.mark.skipif(shutil.which("tmux") is None and not os.environ.get("CI"), reason="needs tmux")
OTHER = SESSION.replace("aaaa", "bbbb")


@pytest.fixture
def service(home: Path) -> Iterator[Service]:
    with Service(home) as running:
        running.wait_for_hooks()
        yield running


class Numbers:
    """Puts hooks into the spool, each under a name of its own."""

    def __init__(self, home: Path) -> None:
        self._home, self._number = home, 0

    def hook(self, name: str, **more: object) -> None:
        self._number += 1
        spool(self._home, f"{self._number:06}", hook(self._number, hook_event_name=name, **more))

    def bash(self, command: str, **more: object) -> None:
        tool = {"tool_name": "Bash", "tool_use_id": f"toolu_{self._number}", "tool_input": {"command": command}}
        self.hook("PreToolUse", **tool, **more)

    def ask(self, command: str, **more: object) -> None:
        """As Claude Code does: the call first, then the question about it."""
        self.bash(command, **more)
        self.hook("PermissionRequest", tool_name="Bash", tool_input={"command": command}, **more)

    def stop(self, **more: object) -> None:
        self.hook("Stop", **more)


@pytest.fixture
def feed(home: Path) -> Numbers:
    return Numbers(home)


class Piped:
    """A command whose output goes into a pipe."""

    def __init__(self, home: Path, *arguments: str) -> None:
        command = [*PROGRAM, *arguments]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(home),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.out, self.err = self.process.stdout, self.process.stderr

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@contextmanager
def piped(home: Path, *arguments: str) -> Iterator[Piped]:
    command = Piped(home, *arguments)
    try:
        yield command
    finally:
        command.end()


def wait_until_reading(service: Service, count: int) -> None:
    """Wait until so many connections are open on the service's Unix socket."""
    path, known = str(service.folder / "socket"), Path("/proc/net/unix")
    if not known.exists():
        pytest.skip("needs /proc")

    def there() -> bool:
        lines = known.read_text().splitlines()
        return sum(one.endswith(f" {path}") and one.split()[5] == "03" for one in lines) >= count

    wait_for(there, f"{count} connections")


def until_shown(screen: Screen, feed: Numbers) -> None:
    """Feed calls until one is shown: from here on all are."""

    def shown() -> bool:
        feed.bash("ready")
        return "ready" in screen.text

    wait_for(shown, "a call on the screen", 20)


# tail


@in_tmux
def test_tail_shows_a_line_for_each_event_in_a_terminal(home: Path, service: Service, feed: Numbers) -> None:
    with session_file(home), Screen(home, "tail") as screen:
        until_shown(screen, feed)
        feed.ask("rm main.py\n\x1b[31mred")
        screen.shows("requires_action")
        asked = [one for one in screen.lines() if "rm main.py" in one and "tool.use" in one]
        assert len(asked) == 1  # one line each
        assert asked[0].split()[1:4] == ["w-1", "tool.use", "Bash"]
        assert not [one for one in screen.lines() if '{"command"' in one]
        assert all(len(one) <= 120 for one in screen.lines())
        assert "\x1b[36mtool.use" in screen.painted
        screen.press("C-c")
        assert "Traceback" not in screen.shows("EXIT:130")


def test_json_says_the_same_and_harms_no_terminal_and_no_reader_of_lines(home: Path, service: Service) -> None:
    name = "c1\x9b31m\x85next\u2028line\u202eltr\x7f 日本"
    spool(home, "1", hook(1, hook_event_name="UserPromptSubmit", prompt=name, cwd=f"/w/{name}"))
    wait_for(lambda: name[-2:] in run_command(home, "history", "--json").stdout, "the session in the log")
    for command in (
        ["ps", "--json"],
        ["history", "--json"],
        ["history", "show", SESSION, "--json"],
        ["history", "export", SESSION],
        ["wait", "--until", "running", "--json"],
    ):
        told = run_command(home, *command).stdout
        assert "".join(told.split("\n")).isprintable(), command
        assert told.count("\n") == len(told.splitlines())
        if command[0] != "wait":
            assert name in json.dumps([json.loads(one) for one in told.splitlines()], ensure_ascii=False)
    with piped(home, "tail", "*", "--since", "1d", "--json") as tail:
        line = next(one for one in tail.out if "prompt" in one and "hook." in one)
        assert line.rstrip("\n").isprintable()
        assert json.loads(line)["data"]["prompt"] == name
    with piped(home, "waybar") as bar:
        assert bar.out.readline().rstrip("\n").isprintable()


@in_tmux
def test_no_color_and_narrow_terminals(home: Path, service: Service, feed: Numbers) -> None:
    with Screen(home, "tail", width=40, more={"NO_COLOR": "1"}) as screen:
        until_shown(screen, feed)
        feed.ask("rm " + "long " * 50)
        shown = screen.shows("permission_requested")
        assert all(columns(one) <= 40 for one in shown.splitlines())
        assert len([one for one in screen.lines() if "use Bash" in one and "rm long" in one]) == 1  # one line each
        assert "\x1b[3" not in screen.painted


@in_tmux
def test_tail_waits_for_a_service_that_is_stopped_and_loses_nothing_over_restarts(home: Path, feed: Numbers) -> None:
    (home / ".claw-socket" / "spool").mkdir(parents=True, mode=0o700)
    with Screen(home, "tail", "tool.*", width=300) as screen:
        screen.shows("in a terminal: claw-socket; waiting for it")
        with Service(home) as service:
            screen.shows("the service is here")
            until_shown(screen, feed)
            feed.bash("number-1-")
            screen.shows("number-1-")
            for number, end in ((2, signal.SIGTERM), (3, signal.SIGKILL)):
                service.process.send_signal(end)
                service.process.wait(10)
                feed.bash(f"number-{number}-")
                service = Service(home)
                screen.shows(f"number-{number}-", 20)
            assert [screen.text.count(f"number-{number}-") for number in (1, 2, 3)] == [1, 1, 1]
            service.stop()


def test_tail_in_a_pipe_is_line_by_line_json_and_ends_when_nobody_reads(
    home: Path, service: Service, feed: Numbers
) -> None:
    with piped(home, "tail", "tool.*", "--session", "aaaa", "--json") as refused:
        assert "no session has" in refused.err.read()
        assert refused.process.wait(10) == 1
    with piped(home, "tail", "tool.*", "--json", "--since", "1h") as command:
        feed.bash("first", session_id=OTHER)
        told = json.loads(command.out.readline())  # at once, though it goes on
        assert (told["sessionId"], told["type"], told["data"]["input"]) == (OTHER, "tool.use", {"command": "first"})
        assert told["seq"] > 0
        command.out.close()
        assert command.process.wait(10) == 141  # without another event
        assert command.err.read() == ""


def test_tail_says_which_topics_are_no_events(home: Path, service: Service) -> None:
    with piped(home, "tail", "tool", "tool.*", "message.user", "tool.started", "hook.stop", "*") as command:
        assert command.err.readline().startswith("claw-socket: no event is known as 'tool'; ")
        wait_until_reading(service, 1)
        command.process.terminate()
        assert command.err.read() == ""


def test_tail_of_one_session_since_a_time(home: Path, service: Service, feed: Numbers) -> None:
    feed.bash("first")
    feed.bash("elsewhere", session_id=OTHER)
    spool(home, "old", hook(9, hook_event_name="PreToolUse", tool_name="Old", tool_use_id="o"), time.time() - 7200)
    wait_for(lambda: not list((service.folder / "spool").iterdir()), "an empty spool")
    with piped(home, "tail", "tool.use", "--session", "aaaa", "--since", "1h") as command:
        assert "first" in command.out.readline()
        feed.bash("second")
        assert "second" in command.out.readline()


def test_tail_goes_on_when_the_token_is_rotated(home: Path, service: Service, feed: Numbers) -> None:
    endpoint = json.loads((service.folder / "endpoint").read_text())
    (service.folder / "endpoint").write_text(json.dumps({**endpoint, "socket": None}))
    with piped(home, "tail", "tool.*", "--since", "1h") as command:
        feed.bash("before")
        assert "before" in command.out.readline()
        assert run_command(home, "--rotate-token").returncode == 0
        wait_for(lambda: "the token was rotated" in service.log.read_text(), "the service to know")
        feed.bash("after")
        assert "after" in command.out.readline()
        command.process.terminate()
        assert command.err.read() == ""


def test_every_event_of_the_catalogue_is_one_line_that_fits() -> None:
    for name, kind in EVENTS.items():
        said = Said(name, 1_795_380_827_645, SESSION, "x", "hook", kind.example, agent_id="a1")
        event, _ = incoming.event(encode(said, 1))
        for width in (10, 40, 80):
            for colour in (False, True):
                shown = line(event, "a name\n\x07 with 日本語", Look(width, colour, terminal=True), 1_795_380_827)
                plain = shown.replace("\x1b[0m", "")
                assert "\n" not in shown
                assert "\x07" not in shown
                assert colour or columns(plain) <= width
        assert name in line(event, "name", Look(), 1_795_380_827)


GIVEN = "<command-message>goal</command-message>\n<command-args>do it</command-args>"
SENT = "Another Claude session sent a message:\n"
END = "</cross-session-message>\n\nThis came from another Claude session"
REST = '{"type":"idle_notification","result":"Done_it."}'
AT_REST = f'</teammate-message>\n\n<teammate-message teammate_id="al">\n{REST}\n</teammate-message>'


@pytest.mark.parametrize(
    ("said", "synthetic", "shown"),
    [
        ("<bash-input>ls -l</bash-input>", True, "ls -l"),
        (f"<command-name>/goal</command-name>\n{GIVEN}", True, "/goal do it"),
        (f"{GIVEN}<command-name>/goal</command-name>", True, "/goal do it"),
        ("<system-reminder>See <command-name>/x</command-name>.</system-reminder>", True, "See /x ."),
        ('<cross-session-message from="uds:/1">\nSee\n', True, "uds:/1: See"),
        ("<command-name>/clear</command-name>\n<command-message>clear</command-message>", True, "/clear"),
        (
            "<task-notification>\n<task-id>b1</task-id>\n<summary>Tests ran</summary></task-notification>",
            True,
            "Tests ran",
        ),
        (f'{SENT}<cross-session-message from="uds:/1" from-name="one">\nSee <b>\n{END}', True, "one: See <b>"),
        (
            f'{SENT}<teammate-message teammate_id="al" color="blue">\nI looked.\n{AT_REST}',
            True,
            "al: I looked.  al: Done_it.",
        ),
        ('<teammate-message>\n{"type":"plan_approved"}\n</teammate-message>', True, "somebody: plan approved"),
        ('<teammate-message teammate_id="al">\n{"type":5} and no end', True, 'al: {"type":5} and no end'),
        ('<teammate-message teammate_id="al">{"type":5}</teammate-message>', True, 'al: {"type":5}'),
        ("What does <b> do?", None, "What does <b> do?"),
    ],
)
def test_what_claude_code_says_in_the_users_place_is_shown_without_its_tags(
    said: str, synthetic: bool | None, shown: str
) -> None:
    data = MessageUser(text=said, is_synthetic=synthetic)
    event, _ = incoming.event(encode(Said("message.user", 0, SESSION, "x", "transcript", data), 1))
    assert line(event, "w", Look(200), 0).partition("message.user")[2].strip() == shown


def test_where_a_session_went_on_stands_behind_its_end() -> None:
    data = SessionEnded(reason="cleared", job_id="0bb6202d", usage=None)
    event, _ = incoming.event(encode(Said("session.ended", 0, SESSION, "x", "server", data), 1))
    assert line(event, "w", Look(200), 0).endswith("cleared 0bb6202d")


# ps


def test_ps_shows_sessions_and_what_they_wait_for(home: Path, service: Service, feed: Numbers) -> None:
    nothing = run_command(home, "ps")
    assert (nothing.stdout, nothing.returncode) == ("no sessions\n", 0)
    feed.bash("ls", cwd="/home/dev/other", session_id=OTHER)
    with session_file(home, status="busy"):
        feed.ask("rm main.py")
        wait_for(lambda: {"requires_action", "running"} <= {*run_command(home, "ps").stdout.split()}, "the states")
        shown = run_command(home, "ps").stdout.splitlines()
        assert shown[0].split() == ["SESSION", "STATE", "FOR", "CONTEXT", "COST", "WHAT"]
        assert shown[1].split()[:2] == ["w-1", "requires_action"]
        assert "rm main.py" in shown[1]
        assert shown[2].split()[:2] == ["other", "running"]
        told = json.loads(run_command(home, "ps", "--json").stdout)["sessions"]
        assert {one["sessionId"]: one["state"] for one in told} == {SESSION: "requires_action", OTHER: "running"}
        assert [agent["agentType"] for one in told for agent in one["agents"]] == ["master", "master"]


def test_ps_without_a_service_says_what_to_do(home: Path) -> None:
    done = run_command(home, "ps")
    assert (done.returncode, done.stdout) == (13, "")
    assert "start it with: claw-socket start, or" in done.stderr
    assert done.stderr.count("\n") == 1


@in_tmux
def test_ps_watch_changes_in_place_waits_and_leaves_the_terminal_as_it_was(home: Path, feed: Numbers) -> None:
    with Service(home) as service, Screen(home, "ps", "--watch", width=100) as screen:
        service.wait_for_hooks()
        screen.shows("no sessions")
        feed.bash("ls")
        screen.shows("running")
        feed.ask("rm main.py")
        shown = screen.shows("requires_action")
        assert "running" not in shown
        assert "\x1b[1m\x1b[33mrequires_action" in screen.painted
        screen.shows("2s")  # the age goes on by itself
        screen.resize(50)
        assert all(len(one) <= 50 for one in screen.shows("requires_action").splitlines())
        service.stop()
        screen.resize(100)
        screen.shows("waiting for it", 15)
        assert "requires_action" in screen.text
        with Service(home):
            wait_for(lambda: "waiting" not in screen.text, "the service on the screen", 20)
            screen.press("C-c")
            assert "requires_action" not in screen.shows("EXIT:130")


@in_tmux
def test_ps_watch_shows_those_that_need_their_owner_however_low_the_terminal(home: Path, feed: Numbers) -> None:
    with Service(home) as service, Screen(home, "ps", "--watch", width=100) as screen:
        service.wait_for_hooks()
        for number in range(40):
            feed.bash("ls", session_id=f"{number:08}-2222-4333-8444-555555555555", cwd=f"/w/{number}")
        feed.ask("rm main.py", session_id=OTHER, cwd="/w/asks")
        shown = screen.shows("… 13 more").splitlines()  # 42 lines with the head, of which 30 fit
        assert shown[0].startswith("SESSION")
        assert "requires_action" in shown[1]
        assert len(shown) == 30


@in_tmux
def test_ps_watch_that_is_ended_leaves_the_terminal_as_it_was(home: Path, service: Service) -> None:
    with Screen(home, "ps", "--watch") as screen:
        screen.shows("no sessions")
        os.kill(screen.pid(f"{PROGRAM[-1]} ps"), signal.SIGTERM)
        assert "no sessions" not in screen.shows("EXIT:143")


def test_ps_watch_in_a_pipe_is_a_line_for_each_change(home: Path, service: Service, feed: Numbers) -> None:
    with piped(home, "ps", "--watch", "--json") as command:
        assert json.loads(command.out.readline()) == {"sessions": []}
        feed.bash("ls")
        while not (told := json.loads(command.out.readline())["sessions"]):
            pass
        assert told[0]["sessionId"] == SESSION


def test_ps_fits_and_shows_agents_context_and_cost() -> None:
    session = SessionInfo(
        pid=1,
        session_id=SESSION,
        cwd="/home/dev/a-rather-long-name-for-a-folder",
        started_at=0,
        discovered_at=0,
        state="requires_action",
        since=0,
        waiting_for="permission",
        tool=WaitingTool(name="Bash", input_summary='{"command":"rm"}'),
        context=Context(percent_used=41.7, tokens_used=1, tokens_max=2, official=True),
    )
    common = {"session_id": SESSION, "last_activity_at": 0, "tool_count": 0, "token_count": 0, "cwd": "/w"}
    agents = [
        AgentState(
            agent_id=f"master-{SESSION}",
            agent_type="master",
            status="tool_running",
            current_tool="Agent",
            current_tool_input='{"description":"look around"}',
            started_at=0,
            tool_history=[],
            **common,  # type: ignore[arg-type]
        ),
        AgentState(
            agent_id="a1",
            agent_type="Explore",
            status="working",
            started_at=60_000,
            tool_history=[],
            description="look around",
            cost_usd=0.25,
            **common,  # type: ignore[arg-type]
        ),
    ]
    server = ServerInfo(version="0", protocol=1, features=FEATURES)
    snapshot = Snapshot(sessions=[session], agents=agents, head_seq=0, epoch="e", server=server)
    wide = table(snapshot, Look(120), 120_000).splitlines()
    assert wide[1].split() == [
        "a-rather-long-name-for-a-fo…", "requires_action", "2m", "42", "%",
        "permission:", "Bash", "rm",
    ]  # fmt: skip
    assert wide[2].split() == ["└", "Explore", "working", "1m", "$0.25", "look", "around"]
    for width in range(24, 121):
        assert all(columns(one) <= width for one in table(snapshot, Look(width), 120_000).splitlines())
    assert "requires_action" in table(snapshot, Look(30), 0)
    assert "└" not in table(snapshot, Look(80, block="#"), 0)


def test_a_session_that_failed_says_why() -> None:
    session = SessionInfo(
        pid=1, session_id=SESSION, cwd="/w", started_at=0, discovered_at=0, state="failed", since=0, error="rate_limit"
    )
    assert doing(session, []) == "rate_limit"
    state = SessionStateChanged(state="failed", since=0, error="rate_limit")
    event, _ = incoming.event(encode(Said("session.state_changed", 0, SESSION, "x", "hook", state), 1))
    assert line(event, "w", Look(80), 0).split()[-2:] == ["failed", "rate_limit"]
    ended = ToolResult(
        tool_name="Bash", tool_use_id="t", success=False, outcome="interrupted", output_summary="", error="interrupted"
    )
    event, _ = incoming.event(encode(Said("tool.result", 0, SESSION, "x", "hook", ended), 1))
    assert line(event, "w", Look(80), 0).endswith("tool.result               Bash interrupted")
    error = MessageError(error="unknown", status=400, text="API Error: 400 it is wrong")
    event, _ = incoming.event(encode(Said("message.error", 0, SESSION, "x", "transcript", error), 1))
    assert line(event, "w", Look(80), 0).endswith("message.error             400 API Error: 400 it is wrong")


@pytest.mark.parametrize(
    ("models", "said"),
    [(["claude-opus-4-8"], "$5.00"), (["mystery"], "?"), (["claude-opus-4-8", "mystery"], "$5.00+?"), ([], "$0.00")],
)
def test_what_a_model_without_a_price_took_is_not_said_to_be_nothing(models: list[str], said: str) -> None:
    sums, prices, message = {model: Tokens() for model in models}, Prices(), Usage(1_000_000)
    for model, tokens in sums.items():
        tokens.add(message, prices.cost(model, message, 1_795_000_000_000))
    usage = session_usage(SESSION, sums)
    session = SessionInfo(
        pid=1, session_id=SESSION, cwd="/w", started_at=0, discovered_at=0, state="idle", since=0, usage=usage
    )
    server = ServerInfo(version="0", protocol=1, features=FEATURES)
    snapshot = Snapshot(sessions=[session], agents=[], head_seq=0, epoch="e", server=server)
    assert table(snapshot, Look(80), 0).splitlines()[1].split() == ["w", "idle", "0s", said]
    assert values([session], [])["cost"] == said


def test_what_a_newer_service_says_is_shown_as_it_says_it(capsys: pytest.CaptureFixture[str]) -> None:
    info = {"pid": 1, "cwd": "/w", "startedAt": 0, "discoveredAt": 0, "since": 0}
    sessions = [{**info, "sessionId": state, "state": state} for state in ("dreaming", "idle")]
    said = {"type": "snapshot", "sessions": sessions, "agents": [], "headSeq": 0, "epoch": "e"}
    server = {"version": "9", "protocol": 1, "features": []}
    snapshot = incoming.reply(json.dumps({**said, "server": server}), Snapshot)
    assert [row.split()[1] for row in table(snapshot, Look(80), 0).splitlines()[1:]] == ["idle", "dreaming"]
    gap = {"type": "gap", "from": 1, "to": 1, "oldestSeq": 1, "reason": "flood"}
    Tell()(incoming.reply(json.dumps(gap), Gap))
    assert capsys.readouterr().err == "claw-socket: some events may be missing here\n"


def test_marks_above_and_below_a_character_take_no_column() -> None:
    for text, taken in (("ที่นี่", 2), ("e\u0301", 1), ("日本", 4), ("❤️", 2), ("🇩🇪", 2)):
        assert columns(text) == taken == cell_len(text)
        assert Look().pad(text, 9) == text + " " * (9 - taken)


def test_ages_and_durations_are_said_in_their_greatest_unit() -> None:
    assert [age(ms) for ms in (-5, 59_999, 60_000, 7_200_000, 200_000_000)] == ["0s", "59s", "1m", "2h", "2d"]
    assert [duration(ms) for ms in (3, 1500, 65_000)] == ["3ms", "1.5s", "1m"]


# wait


def test_wait_ends_when_a_session_needs_its_owner(home: Path, service: Service, feed: Numbers) -> None:
    with piped(home, "wait", "--until", "requires_action", "--json") as command:
        wait_until_reading(service, 2)
        feed.bash("ls")
        feed.ask("rm main.py")
        told = json.loads(command.out.read())
        assert (told["sessionId"], told["state"]) == (SESSION, "requires_action")
        assert "rm main.py" in told["why"]
        assert command.process.wait(10) == 0


def test_what_is_so_already_counts_unless_the_next_change_is_wanted(
    home: Path, service: Service, feed: Numbers
) -> None:
    feed.bash("ls")
    feed.ask("rm")
    wait_for(lambda: "requires_action" in run_command(home, "ps").stdout, "the state")
    assert run_command(home, "wait", "--until", "requires_action").stdout.split()[:2] == ["w", "requires_action"]
    done = run_command(home, "wait", "--until", "requires_action", "--next", "--timeout", "0.5")
    assert (done.returncode, done.stdout, done.stderr) == (124, "", "")


def test_wait_for_one_session_tells_when_it_ends_first(home: Path, service: Service, feed: Numbers) -> None:
    feed.bash("ls")
    wait_for(lambda: "running" in run_command(home, "ps").stdout, "the session")
    with (
        piped(home, "wait", "--until", "requires_action", "--session", "aaaa") as asked,
        piped(home, "wait", "--until", "ended", "--session", SESSION) as ended,
    ):
        wait_until_reading(service, 4)
        feed.ask("rm", session_id=OTHER)  # another one's
        feed.hook("SessionEnd", reason="other")
        assert "ended" in asked.out.read()
        assert asked.process.wait(10) == 15
        assert "ended" in ended.out.read()
        assert ended.process.wait(10) == 0
    assert run_command(home, "wait", "--until", "idle", "--session", "cccc").returncode == 1


def test_a_name_means_the_session_that_lives_before_one_that_has_ended(home: Path, service: Service) -> None:
    for session in (SESSION, OTHER):  # as /clear does: another session of the same name
        with session_file(home, session):
            wait_for(lambda: "w-1" in run_command(home, "ps").stdout, "the session")
            done = run_command(home, "wait", "--until", "idle", "--session", "w-1", "--json")
            assert (done.returncode, done.stderr) == (0, "")
            assert json.loads(done.stdout)["sessionId"] == session
        wait_for(lambda: run_command(home, "ps").stdout == "no sessions\n", "its end")
    both = run_command(home, "wait", "--until", "idle", "--session", "w-1")
    assert both.returncode == 1
    assert "2 sessions have the id or name 'w-1'" in both.stderr
    assert both.stderr.endswith("claw-socket ps and history list them\n")


def test_who_did_not_read_for_long_is_not_told_that_the_service_was_away(home: Path, feed: Numbers) -> None:
    with Service(home, "--set", "ping_interval=0.2", "--set", "ping_timeout=0.2") as service:
        service.wait_for_hooks()
        feed.bash("before")
        with piped(home, "tail", "--since", "1h", "tool.*") as command:
            assert "before" in command.out.readline()
            command.process.send_signal(signal.SIGSTOP)
            wait_for(lambda: not has_clients(service), "the end of its connection")
            feed.bash("meanwhile")
            command.process.send_signal(signal.SIGCONT)
            assert "meanwhile" in command.out.readline()
            command.process.terminate()
            assert command.err.read() == ""


def has_clients(service: Service) -> bool:
    request = Request(f"http://{service.address}/metrics", headers={"Authorization": f"Bearer {service.token}"})
    with urlopen(request, timeout=5) as answer:
        return "\nclaw_socket_clients 0\n" not in answer.read().decode()


def test_wait_goes_on_over_a_restart(home: Path, feed: Numbers) -> None:
    with Service(home) as service:
        service.wait_for_hooks()
        with piped(home, "wait", "--until", "requires_action") as command:
            wait_until_reading(service, 2)
            service.stop()
            feed.bash("ls")
            feed.ask("rm")
            with Service(home):
                assert "requires_action" in command.out.read()
                assert command.process.wait(10) == 0


def test_wait_looks_anew_where_events_are_missing(home: Path, feed: Numbers) -> None:
    with Service(home) as service:
        service.wait_for_hooks()
        feed.ask("ls")
        wait_for(lambda: "requires_action" in run_command(home, "ps").stdout, "the session")
        with piped(home, "wait", "--until", "requires_action", "--next") as command:
            with service.connect() as client:
                wait_for(lambda: any(one["topics"] for one in client.ask("get_status")["clients"]), "its subscription")
            service.stop()
            for path in service.folder.glob("log.db*"):
                path.unlink()
            feed.ask("rm")
            with Service(home):
                assert "requires_action" in command.out.read()
                assert command.process.wait(10) == 0
                assert "the service has begun a new log" in command.err.read()


def test_wait_without_a_service_or_with_a_wrong_flag(home: Path) -> None:
    assert run_command(home, "wait", "--until", "idle").returncode == 13
    for wrong in (["--until", "asleep"], ["--until", "idle", "--timeout", "soon"], []):
        done = run_command(home, "wait", *wrong)
        assert done.returncode == 1
        assert "claw-socket wait --help" in done.stderr


# line


def test_line_is_printed_anew_when_it_changes(home: Path, feed: Numbers) -> None:
    with piped(home, "line", "--format", "{requires_action}/{sessions} {waiting} {cost}", "--off", "off") as command:
        assert command.out.readline() == "off\n"
        with Service(home) as service:
            service.wait_for_hooks()
            assert command.out.readline() == "0/0  $0.00\n"
            feed.ask("rm")
            wait_for(lambda: command.out.readline() == "1/1 w $0.00\n", "the line")
            service.stop()
            assert command.out.readline() == "off\n"


@pytest.mark.parametrize("wrong", ["{nothing}", "{running.__class__}", "{running!r}", "{running:>9999999}", "{", "{}"])
def test_a_format_puts_in_what_there_is_and_nothing_else(home: Path, wrong: str) -> None:
    done = run_command(home, "line", "--format", wrong)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1


# All of them


def test_the_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    for command, words in {
        "tail": ["TOPIC", "--since"],
        "ps": ["--watch"],
        "wait": ["exit codes", "124"],
        "line": ["{waiting}"],
        "waybar": ["return-type", "class"],
        "xbar": ["streamable", "--once"],
        "watch": ["keys:", "pip install 'claw-socket[watch]'"],
    }.items():
        with pytest.raises(SystemExit):
            main([command, "--help"])
        told = capsys.readouterr().out
        assert all(word in told for word in words)
        assert command in ("waybar", "xbar", "watch") or "examples:" in told


def test_a_version_is_told_without_loading_a_client() -> None:
    code = "import sys; from clawsocket.cli import main; main(['--version']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert loaded.isdisjoint({"asyncio", "websockets", "clawsocket.client", "clawsocket.protocol", "msgspec"})
