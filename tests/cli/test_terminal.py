"""The commands of the terminal as their users see them: recorded runs of Claude Code, in tmux, at several widths."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest

from clawsocket import __version__
from clawsocket.cli.event_line import brief
from clawsocket.cli.look import Look, columns
from clawsocket.cli.watch import ASKS, Call, Calls, asking, call_lines, limits, session_lines
from clawsocket.cli.watch_screen import Pane, Watch
from clawsocket.client import incoming
from clawsocket.protocol.models import AgentState, Context, LimitType, RateLimit, SessionInfo, WaitingTool
from tests.support.feed import SESSION, hook, spool
from tests.support.replay import Replay
from tests.support.screen import Screen
from tests.support.service import PROGRAM, ROOT, Service, environment, run_command
from tests.support.waiting import wait_for

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None and not os.environ.get("CI"), reason="needs tmux")

NASTY = "[bold]a|b~~~<b>\x1b[31m\u202e\n--x\\n"
"""A name that means something to Textual, SwiftBar, Pango and terminals."""

PLAYED = {
    "j_permission": "PermissionRequest",
    "f2_subagents_parallel": "SubagentStart",
    "m6_tui_429": "StopFailure",
    "a_plain": "Stop",
    "c_fail": "Stop",
}
"""The recordings, each up to a hook."""

WIDTHS = (60, 80, 160)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home whose service has seen recorded runs, each left where it is interesting."""
    home = tmp_path_factory.mktemp("home")
    with ExitStack() as stack:
        service = stack.enter_context(Service(home))
        service.wait_for_hooks()
        for scenario, until in PLAYED.items():
            stack.enter_context(Replay(home, scenario)).run(until)
        states = {"requires_action", "running", "failed", "idle"}

        def seen() -> bool:
            told = json.loads(run_command(home, "ps", "--json").stdout)["sessions"]
            agents = [agent for one in told for agent in one["agents"] if agent["agentType"] != "master"]
            return len(told) == len(PLAYED) and len(agents) == 2 and states <= {one["state"] for one in told}

        wait_for(seen, "all sessions and agents", 20)
        yield home


def assert_fits(screen: Screen, width: int) -> None:
    assert all(columns(line) <= width for line in screen.lines())
    assert "Traceback" not in screen.text


def has_colours(painted: str) -> bool:
    return re.search(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]", painted) is not None


@pytest.mark.parametrize("width", WIDTHS)
def test_ps_and_tail_show_the_recordings_at_every_width(played: Path, width: int) -> None:
    with Screen(played, "ps", width=width) as ps, Screen(played, "tail", "--since", "300d", width=width) as tail:
        ps.shows("EXIT:0")
        first = ps.lines()[1]
        assert first.startswith("j-permission")
        assert "requires_action" in first
        assert "permission: Bash rm" in first
        tail.shows("state_changed", 20)
        assert_fits(ps, width)
        assert_fits(tail, width)
        assert has_colours(ps.painted)
        assert has_colours(tail.painted)


def test_ps_watch_fits_at_once_and_stops_with_the_terminal_as_it_was(home: Path) -> None:
    with Screen(home, "--norc", "-i", program=["bash"]) as screen:
        screen.write(shlex.join([*PROGRAM, "ps", "--watch"]))
        screen.press("Enter")
        whole = "the service does not answer; waiting for it"
        for width, shown in ((120, whole), (30, f"{whole[:29]}…"), (60, whole)):
            screen.resize(width)
            wait_for(lambda: screen.lines() == [shown], shown)  # noqa: B023 - it is used at once
        screen.press("C-z")
        assert whole not in screen.shows("Stopped")
        screen.write("fg")
        screen.press("Enter")
        wait_for(lambda: screen.lines() == [whole], "it again")
        screen.press("C-c")
        assert whole not in screen.shows("fg")


def test_ps_watch_steers_no_terminal_that_can_not_be_steered(home: Path) -> None:
    program = ["env", "TERM=dumb", *PROGRAM]
    with Service(home), Screen(home, "ps", "--watch", program=program) as screen:
        screen.shows("no sessions")
        screen.press("C-c")
        assert "no sessions" in screen.shows("EXIT:130")  # which would be gone with a screen of its own


def test_without_colours_there_are_none_in_any_of_them(played: Path) -> None:
    for command in (["ps"], ["tail", "--since", "300d"], ["ps", "--watch"], ["watch"]):
        with Screen(played, *command, more={"NO_COLOR": "1"}) as screen:
            screen.shows("j-permission" if command[0] != "tail" else "state_changed", 20)
            assert not has_colours(screen.painted), command


def test_wait_and_line_and_the_bars_in_a_terminal(played: Path) -> None:
    with (
        Screen(played, "wait", "--until", "requires_action", width=60) as wait,
        Screen(played, "line") as line,
        Screen(played, "waybar", width=200) as waybar,
        Screen(played, "xbar", width=160) as xbar,
    ):
        assert "j-permission-0d  requires_action  permission" in wait.shows("EXIT:0")
        assert_fits(wait, 60)
        line.shows("1 waiting, 1 running, 2 idle")
        waybar.shows('"alt":"requires_action"')
        xbar.shows("j-permission-0d: needs you since")
        for screen in (line, waybar, xbar):
            screen.press("C-c")
            assert "Traceback" not in screen.shows("EXIT:130")


# waybar and xbar


def read_json(process: subprocess.Popen[str]) -> dict[str, object]:
    assert process.stdout is not None
    found: dict[str, object] = json.loads(process.stdout.readline())
    return found


@pytest.fixture
def run(played: Path) -> Iterator[Runs]:
    with ExitStack() as stack:
        yield Runs(played, stack)


class Runs:
    """Commands whose output goes into a pipe."""

    def __init__(self, home: Path, stack: ExitStack) -> None:
        self._home, self._stack = home, stack

    def __call__(self, *arguments: str, home: Path | None = None) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "clawsocket", *arguments],
            cwd=ROOT,
            env=environment(home or self._home),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._stack.enter_context(process)
        self._stack.callback(process.kill)
        return process


def test_waybar_tells_text_tooltip_class_and_percentage(run: Runs) -> None:
    told = read_json(run("waybar"))
    assert set(told) == {"text", "alt", "tooltip", "class", "percentage"}
    assert told["text"] == "1 waiting, 1 failed, 1 running"
    assert told["alt"] == told["class"] == "requires_action"
    assert told["percentage"] == 2
    lines = str(told["tooltip"]).split("\n")
    assert lines[0].startswith("j-permission-0d: needs you since ")
    assert "permission: Bash rm -v main.py" in lines[0]
    assert "  └ Explore · Find hello" in lines
    assert read_json(run("waybar", "--format", "{requires_action}<{sessions}"))["text"] == "1&lt;5"


@pytest.mark.parametrize("command", ["waybar", "xbar", "line"])
def test_bars_end_when_nobody_reads_and_when_they_are_told_to(run: Runs, command: str) -> None:
    unread, ended = run(command), run(command)
    for process in (unread, ended):
        assert process.stdout is not None
        assert process.stdout.readline()
    assert unread.stdout is not None
    unread.stdout.close()
    ended.send_signal(signal.SIGTERM)
    assert unread.wait(10) == 141
    assert ended.wait(10) == 143
    for process in (unread, ended):
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_xbar_streams_for_swiftbar_and_prints_one_menu_for_xbar(run: Runs, played: Path) -> None:
    once = run_command(played, "xbar", "--once")
    lines = once.stdout.splitlines()
    assert once.returncode == 0
    assert lines[0].startswith("1 waiting, 1 failed, 1 running | color=#d97706 ")
    assert lines[1] == "---"
    assert lines[2].startswith("j-permission-0d: needs you since ")
    assert lines[3].startswith("--permission: Bash rm -v main.py | ")
    streaming = run("xbar")
    assert streaming.stdout is not None
    assert [streaming.stdout.readline().rstrip("\n") for _ in range(4)] == ["~~~", *lines[:3]]


def test_a_service_that_is_stopped_is_shown_and_waited_for(home: Path, run: Runs) -> None:
    off = run_command(home, "xbar", "--once")
    assert (off.returncode, off.stderr) == (0, "")
    assert "claw-socket is not running" in off.stdout
    waybar, xbar = run("waybar", home=home), run("xbar", home=home)
    assert read_json(waybar)["class"] == "off"
    assert xbar.stdout is not None
    while "It is waited for" not in xbar.stdout.readline():
        pass
    with Service(home) as service:
        assert read_json(waybar)["class"] == "none"
        assert [xbar.stdout.readline() for _ in range(4)][-1].startswith("no sessions")
        service.stop()
        assert read_json(waybar)["text"] == "off"


def test_text_of_others_does_nothing_in_a_bar(home: Path, run: Runs) -> None:
    with Service(home) as service:
        service.wait_for_hooks()
        spool(home, "1", hook(1, cwd=f"/w/{NASTY}", hook_event_name="UserPromptSubmit", prompt="x"))
        spool(home, "2", hook(2, cwd="/w/---", session_id=SESSION.replace("a", "b")))
        wait_for(lambda: run_command(home, "ps").stdout.count("\n") == 3, "two sessions")
        (first, second), tooltip = (str(read_json(run("waybar", home=home))["tooltip"]).split("\n") for _ in range(2))
        assert tooltip == [first, second]
        assert first.startswith("[bold]a|b~~~&lt;b&gt;?[31m? --x\\n: running")
        menu = run_command(home, "xbar", "--once").stdout
        shown = menu.split("---\n", 1)[1].splitlines()
        assert all(line.count("|") == 1 for line in shown if line != "---")
        assert "~~~" not in menu
        assert "\\" not in menu
        assert shown[0].startswith("[bold]a¦b~ ~~<b>?[31m? --x/n: running")
        assert any(line.startswith(("·: idle", "·: running")) for line in shown)


# watch


@pytest.mark.parametrize("width", WIDTHS)
def test_watch_fits_and_those_that_need_their_owner_come_first(played: Path, width: int) -> None:
    with Screen(played, "watch", width=width) as screen:
        screen.shows("NEEDS YOU")
        screen.shows("asks you")
        lines = screen.lines()
        assert lines[0].startswith("claw-socket  1 waiting, 1 failed, 1 running")
        assert "j-permission-0d" in lines[2]
        assert "NEEDS YOU" in lines[2]
        assert "permission: Bash rm -v main.py" in lines[3]
        assert "> delete the file" in screen.text
        assert "q quit" in lines[-1] or width < 80
        assert_fits(screen, width)
        assert has_colours(screen.painted)
        screen.press("q")
        assert "NEEDS YOU" not in screen.shows("EXIT:0")


def test_watch_by_its_keys(played: Path) -> None:
    with Screen(played, "watch", width=120) as screen:
        screen.shows("calls of j-permission-0d")
        screen.press("j")
        screen.shows("calls of f2-subagents")
        screen.press("n")
        screen.shows("calls of j-permission-0d")
        screen.press("/")
        screen.shows("only what has this in it")
        for key in ("c", "-", "f", "a", "i", "l"):
            screen.press(key)
        screen.shows("calls of c-fail")
        assert "j-permission" not in screen.text
        screen.shows("error ")  # the outcome of the call that failed, and why
        screen.shows("Exit code 3")
        screen.press("Escape")
        screen.shows("j-permission-0d")
        screen.press("Tab")
        wait_for(lambda: any("▌ " in line[40:] for line in screen.lines()), "the mark in the calls")
        screen.resize(50)
        wait_for(lambda: len(screen.lines()[1]) <= 50, "the new width")
        assert_fits(screen, 50)
        screen.press("C-c")
        assert "NEEDS YOU" not in screen.shows("EXIT:130")


async def resized(sizes: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return how wide the first line is in each size, and how wide its pane; nothing changes but the size."""

    class Still:
        async def watch(self, _noticed: object) -> AsyncIterator[object]:
            yield SimpleNamespace(sessions=sessions, agents=[], server=SimpleNamespace(version=__version__))
            await asyncio.Event().wait()

        async def events(self, *_topics: str, **_how: object) -> AsyncIterator[object]:
            yield await asyncio.Event().wait()

        async def history(self, *_of: str, **_how: object) -> list[object]:
            return []

    sessions = [
        SessionInfo(pid=1, session_id=f"{one}", cwd="/w", started_at=0, discovered_at=0, state="idle", since=0)
        for one in range(40)
    ]
    app, widths = Watch(Still(), Look(80)), []  # type: ignore[arg-type]
    async with app.run_test(size=(80, 30)) as pilot:
        pane = app.query_one("#sessions", Pane)
        for size in sizes:
            await pilot.resize_terminal(*size)
            await pilot.pause(0.2)
            first = str(pane.get_option_at_index(0).prompt).split("\n")[0]
            widths.append((len(first), pane.scrollable_content_region.width))
    return widths


def test_watch_fits_at_once_when_the_terminal_has_another_size() -> None:
    for line, pane in asyncio.run(resized([(40, 30), (110, 30), (50, 12), (160, 50), (99, 20), (100, 20)])):
        assert line == pane


def test_watch_is_live_waits_for_its_service_and_leaves_the_terminal_as_it_was(home: Path) -> None:
    with Screen(home, "watch", width=100) as screen:
        screen.shows("waiting for claw-socket; start it with: claw-socket start")
        with Service(home) as service:
            service.wait_for_hooks()
            screen.shows("no sessions")
            bash = {"tool_name": "Bash", "tool_use_id": "t1", "tool_input": {"command": "make [red]it\x1b[31m"}}
            spool(home, "1", hook(1, hook_event_name="PreToolUse", cwd=f"/w/{NASTY}", **bash))
            screen.shows("Bash make [red]it?[31m")
            assert "[bold]a|b~~~<b>?[31m" in screen.text
            screen.shows("running 2s")  # goes on by itself
            spool(home, "2", hook(2, hook_event_name="PostToolUse", duration_ms=1234, tool_response={}, **bash))
            screen.shows("ok 1.2s")
            service.stop()
            screen.shows("waiting for claw-socket", 15)
            assert "ok 1.2s" in screen.text
        with Service(home):
            wait_for(lambda: "waiting for" not in screen.text, "the service on the screen", 20)
            os.kill(screen.pid("clawsocket watch"), signal.SIGTERM)
            assert "ok 1.2s" not in screen.shows("EXIT:143")


def test_watch_ends_with_its_terminal(home: Path) -> None:
    with Service(home):
        pids = [closed(home) for _ in range(5)]
        wait_for(lambda: not any(map(is_there, pids)), "their end")


def closed(home: Path) -> int:
    """Have a terminal closed with one in it; return its process."""
    with Screen(home, "watch") as screen:
        screen.shows("no sessions")
        return screen.pid("clawsocket watch")


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_watch_ends_with_an_error_where_its_token_is_refused(home: Path) -> None:
    with Service(home) as service:
        endpoint = json.loads((service.folder / "endpoint").read_text())
        (service.folder / "endpoint").write_text(json.dumps({**endpoint, "socket": None}))
        (service.folder / "token").write_text("ab" * 32)
        with Screen(home, "watch") as screen:
            shown = screen.shows("EXIT:14")
            assert "refuses the token" in shown
            assert "Traceback" not in shown


def test_watch_without_textual_or_a_terminal_says_what_to_do(home: Path) -> None:
    code = "import sys; sys.modules['textual'] = None; from clawsocket.cli import main; sys.exit(main(['watch']))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment(home), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "pip install 'claw-socket[watch]'" in done.stderr
    assert done.stderr.count("\n") == 1
    piped = run_command(home, "watch")
    assert piped.returncode == 1
    assert "claw-socket ps --watch --json" in piped.stderr


def test_no_other_command_loads_textual(home: Path) -> None:
    code = "import sys; from clawsocket.cli import main; main(['ps']); main(['xbar', '--once']); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment(home), capture_output=True, text=True, check=True
    )
    assert {"textual", "rich"}.isdisjoint(done.stdout.split())


def test_agents_are_a_tree_and_the_gauge_is_as_full_as_the_context() -> None:
    common = {"session_id": SESSION, "last_activity_at": 0, "tool_count": 0, "token_count": 0, "cwd": "/w"}
    common |= {"started_at": 0, "tool_history": [], "status": "working"}
    main = AgentState(agent_id=f"master-{SESSION}", agent_type="master", **common)  # type: ignore[arg-type]
    outer, inner, other = (
        AgentState(agent_id=id, agent_type=id, parent_agent_id=parent, **common)  # type: ignore[arg-type]
        for id, parent in (("outer", main.agent_id), ("inner", "outer"), ("other", "gone"))
    )
    context = Context(percent_used=70, tokens_used=7, tokens_max=10, official=True)
    session = SessionInfo(
        pid=1, session_id=SESSION, cwd="/w", started_at=0, discovered_at=0, state="running", since=0, context=context
    )
    agents = [main, outer, inner, other]
    for width in (24, 40, 80):
        lines = ["".join(text for text, _ in line) for line in session_lines(session, agents, Look(width), 5000)]
        assert all(columns(line) <= width for line in lines)
        assert lines[0].split()[0] == "w"
        assert "███████░░░ 70 %" in lines[1]
        assert ["".join(line[:6]).rstrip() for line in lines[2:]] == ["  ├ ou", "  │ └", "  └ ot"]


def test_a_limit_is_as_it_was_told_last_until_it_is_reset() -> None:
    def told(type: LimitType, percent: float, at: int, resets_at: int) -> SessionInfo:
        limit = RateLimit(type=type, percent_used=percent, resets_at=resets_at, updated_at=at, official=True)
        return SessionInfo(
            pid=1,
            session_id=SESSION,
            cwd="/w",
            started_at=0,
            discovered_at=0,
            state="idle",
            since=0,
            rate_limits=[limit],
        )

    sessions = [
        told("seven_day", 3, 1, 1000), told("five_hour", 70, 9, 100), told("five_hour", 99, 2, 50),
        told("seven_day", 4, 2, 1000),
    ]  # fmt: skip
    shown = [[(one.type, one.percent_used) for one in limits(sessions, now)] for now in (10, 100, 1000)]
    assert shown == [[("five_hour", 70), ("seven_day", 4)], [("seven_day", 4)], []]
    assert limits([], 10) == []


def test_calls_are_known_in_whatever_order_they_are_told() -> None:
    def event(kind: str, at: int, **data: object) -> incoming.Event:
        fields = {"type": kind, "timestamp": at, "sessionId": SESSION, "seq": at, "id": f"{kind}{at}", "source": "hook"}
        return incoming.event(json.dumps(fields | {"data": data}))[0]

    use = event("tool.use", 1, toolName="Bash", toolUseId="t", input={}, inputSummary='{"command": "ls"}')
    asked = event("tool.permission_requested", 2, toolName="Bash", inputSummary="")
    result = event(
        "tool.result", 3, toolName="Bash", toolUseId="t", success=True, outcome="ok", outputSummary="", durationMs=5
    )
    for order in ([use, asked, result], [result, use]):
        calls = Calls()
        for one in order:
            calls.take(one)
        (call,) = calls.of(SESSION)
        assert (call.what, call.outcome, call.took) == ("ls", "ok", 5)
    calls = Calls()
    calls.take(use)
    calls.take(asked)
    session = SessionInfo(
        pid=1, session_id=SESSION, cwd="/w", started_at=0, discovered_at=0, state="requires_action", since=0
    )
    assert [one.outcome for one in asking(calls.of(SESSION), session)] == [ASKS]
    session.state = "running"
    assert [one.outcome for one in asking(calls.of(SESSION), session)] == [""]
    for number in range(2000):
        calls.take(event("tool.use", number, toolName="B", toolUseId=f"n{number}", input={}, inputSummary=""))
    assert len(calls.of(SESSION)) == 300
    calls.keep([])
    assert calls.of(SESSION) == []


def test_of_several_calls_the_one_asks_that_the_session_waits_for() -> None:
    calls = [Call(at, None, "Bash", "", id=f"t{at}") for at in range(3)]
    session = SessionInfo(
        pid=1, session_id=SESSION, cwd="/w", started_at=0, discovered_at=0, state="requires_action", since=0
    )
    for known, outcomes in ((None, ["", "", ASKS]), ("t1", ["", ASKS, ""]), ("gone", ["", "", ASKS])):
        session.tool = WaitingTool(name="Bash", input_summary="", tool_use_id=known)
        assert [one.outcome for one in asking(calls, session)] == outcomes


def test_a_call_fits_and_says_how_it_ended() -> None:
    call = Call(0, "abcdefgh", "Bash", "x" * 500, "error", 65_000, "no\nsuch file")
    for width in (30, 60, 120):
        lines = ["".join(text for text, _ in line) for line in call_lines(call, Look(width), 0)]
        assert all(columns(line) <= width for line in lines)
        assert lines[0].endswith("error 1m")
        assert "no such file" in lines[1]


@pytest.mark.parametrize(
    ("summary", "shown"),
    [
        ('{"command":"echo \\"hi\\"","description":"x"}', 'echo "hi"'),
        ('{"file_path": "/a/b"', "/a/b"),
        ('{"command":"cut off he', "cut off he"),
        ('{"command":"cut off in an escape\\', "cut off in an escape"),
        ('{"questions":[{"question":"Which library?","header":"Lib', "Which library?"),
        ('{"plan":"# Plan\\n1. Do it"}', "# Plan\n1. Do it"),
        ('{"to":"al","summary":"A \\"word\\"","message":"Go on"}', 'al: A "word"'),
        ('{"to":"al","message":"Go o', "al: Go o"),
        ('{"other":1}', '{"other":1}'),
        ("", ""),
    ],
)
def test_of_a_tools_input_its_command_path_or_question_is_shown(summary: str, shown: str) -> None:
    assert brief(summary) == shown
