"""The dashboard beside a real Claude Code: what its owner must know is there before they look."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.terminal import Live, live
from tests.e2e.test_states import RULES, allow_agents, rule
from tests.support import oracle
from tests.support.browser import chromium
from tests.support.client import Client, Json
from tests.support.oracle import Tool, Truth
from tests.support.service import Service, run_command
from tests.support.waiting import wait_for
from tests.web.conversation import MAIN, TALL, wait_until_whole
from tests.web.dashboard import dashboard
from tests.web.figures import check_head, check_now, check_usage, words
from tests.web.test_login import forgive

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

TURNS, CLEARS, DIES = 150, 500, 2000
"""ms, at most: from a dialog to its card, from the answer to the card without it, from SIGKILL to the end."""

WATCH = """() => {
    window.turns = [];
    const look = () => {
        const card = document.querySelector("claw-card");
        const state = card?.dataset.state ?? "none";
        if (state !== turns.at(-1)?.[0]) turns.push([state, Date.now()]);
        requestAnimationFrame(look);
    };
    look();
}"""
"""Notes when a frame shows the card in another state: what an eye could see."""


SPENT = rule(
    "spend",
    {
        "text": "Spent.",
        "usage": {
            "input_tokens": 900,
            "cache_creation_input_tokens": 41_000,
            "cache_read_input_tokens": 55_000,
            "output_tokens": 7_300,
        },
    },
)
"""An answer that costs enough to be seen."""

OUTAGE = int(os.environ.get("OUTAGE", "11"))
"""Seconds without the service, while Claude Code goes on; ``OUTAGE=300 pytest …`` is one of five minutes."""
AWAY = f"{OUTAGE} s" if OUTAGE < 60 else f"{OUTAGE // 60} min"
COARSE = 5
"""ms by which the time of a file may be early: that of a hook, as the kernel gives it."""
BOTH = """() => {
    const agents = [...document.querySelectorAll(".agent")].map((one) => one.textContent);
    return ["A · ", "B · "].every((name) => agents.some((one) => /general-purpose/.test(one) && one.includes(name)));
}"""
"""Whether a frame shows two agents at once: together they may live for less than a second."""
LANES = """() => document.querySelector("claw-timeline").lanes
    .map(({ agent, from, stopped }) => ({ agent, from, stopped }))"""
BARS = """async () => {
    const timeline = document.querySelector("claw-timeline");
    for (let frame = 0; ; frame++) {
        await new Promise(requestAnimationFrame);
        const { range: { from, to }, marks } = timeline;
        const scale = document.querySelector(".time-canvas").clientWidth / (to - from);
        const bars = marks.filter(({ kind }) => kind === "tool");
        const isDrawn = bars.every((bar) => Math.abs(bar.x - (bar.from - from) * scale) < 0.01);
        if (isDrawn || frame === 300) return bars.map((bar) => ({ ...bar, wide: bar.width / scale }));
    }
}"""
"""The bars of calls, each with how long it is on the canvas, in ms, once they are drawn where they are now."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("home")) as service:
        service.wait_for_hooks()
        allow_agents(service)
        assert run_command(service.home, "--install-statusline").returncode == 0
        yield service


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(service: Service, browser: Browser) -> Iterator[Page]:
    with dashboard(browser, service) as (page, _):
        page.evaluate(WATCH)
        yield page


def turned(page: Page, after: float, *states: str) -> float:
    """The time, in ms since 1970, at which a frame showed the card in one of these states, after a time in s."""

    def look() -> float | None:
        turns = page.evaluate("turns")
        return next((at for name, at in turns if name in states and at >= after * 1000), None)

    return wait_for(look, f"a card that shows {states}", 20)


def test_a_permission_dialog_turns_its_card_at_once_and_its_answer_clears_it(
    service: Service, page: Page, claude_binary: Path
) -> None:
    with live(claude_binary, service.home, RULES) as claude:
        for answer, after in (("Escape", "idle"), ("1", "running")):
            claude.screen.expect("Do you want to proceed")
            said = time.time()
            claude.say("delete the file")
            shown = wait_for(lambda: claude.screen.shown_at, "the dialog")
            assert turned(page, said, "requires_action") - shown * 1000 <= TURNS
            expect(page.locator(".card-why")).to_have_text("asks for permission: Bash")
            expect(page.locator(".card-input")).to_have_text("rm -v main.py")
            expect(page.locator(".bar .count")).to_have_text("1")
            pressed = claude.answer(answer)
            assert turned(page, pressed, after) - pressed * 1000 <= CLEARS
            expect(page.locator(".card-why")).to_be_hidden()
            expect(page.locator("claw-card[data-state=idle]")).to_be_visible(timeout=20_000)
        claude.leave()
    expect(page.locator("claw-card")).to_have_count(0, timeout=10_000)


def rows(page: Page, kind: str) -> Locator:
    return page.locator(f'long-list article[data-kind="{kind}"]')


def told_whole(page: Page, service: Service, session: str) -> None:
    """Wait until all that Claude Code wrote of a session is in its page, once and in order."""
    projects = service.home / ".claude" / "projects"
    wait_until_whole(page, oracle.read(session, projects, hooks=()), projects)


def test_agents_numbers_an_error_and_a_kill_show_rightly(
    service: Service, browser: Browser, page: Page, claude_binary: Path
) -> None:
    with live(claude_binary, service.home, [SPENT, *RULES]) as claude, service.connect() as client:
        client.follow()
        session = claude.session_file["sessionId"]
        with dashboard(browser, service, f"#/session/{session}", viewport=TALL) as (talk, _):
            idle = page.locator("claw-card[data-state=idle]")
            claude.say("use two agents")
            page.wait_for_function(BOTH, timeout=20_000)
            expect(idle).to_be_visible(timeout=20_000)
            expect(page.locator(".card-agents")).to_have_text("2 agents finished")
            check_agents(talk, client, service, session)
            claude.say("spend")
            expect(page.locator(".card-foot")).to_contain_text("7.3k out", timeout=20_000)
            results = wait_for(lambda: spent(client, session), "the results")
            assert sum(results) == client.ask("get_usage", sessionId=session)["outputTokens"]
            # What is told of agents in the background, as all are in newer versions, is a turn or two.
            ended = len(client.of(session, "hook.stop"))
            assert len(results) == ended >= 2
            expect(rows(talk, "turn")).to_have_count(ended, timeout=20_000)
            expect(page.locator(".card-context")).to_have_text(re.compile(r"^(48 % of 200k|10 % of 1\.0M)$"))
            check_now(page, client)
            check_head(talk, client, session)
            page.evaluate("location.hash = '#/usage'")
            check_usage(page, client)
            page.evaluate("location.hash = '#/now'")
            claude.say("bad request")
            expect(page.locator("claw-card[data-state=failed] .card-failure")).to_be_visible(timeout=20_000)
            expect(talk.locator(".session-state")).to_contain_text("failed")
            expect(rows(talk, "error")).to_contain_text("The API refused (400)")
            expect(rows(talk, "turn")).to_contain_text([*["Turn ended"] * ended, "Ended by an error"])
            claude.say("be slow")
            expect(page.locator("claw-card[data-state=running]")).to_be_visible(timeout=20_000)
            claude.wait("word word")
            killed = time.time()
            os.kill(claude.session_file["pid"], signal.SIGKILL)
            assert turned(page, killed, "ended", "none") - killed * 1000 <= DIES
            expect(talk.locator(".session-state")).to_contain_text("ended")
            expect(rows(talk, "life").last).to_contain_text("process")
            told_whole(talk, service, session)
    expect(page.locator("claw-card")).to_have_count(0, timeout=10_000)


def spent(client: Client, session: str) -> list[int] | None:
    """Return what each turn so far put out, when that which spends is over."""
    results = [one["data"]["usage"]["outputTokens"] for one in client.of(session, "message.result")]
    return results if results and results[-1] >= 7_300 else None


def check_agents(page: Page, client: Client, service: Service, session: str) -> None:
    """Agents at once have a lane each and are inside of their calls; times are the events', and the transcripts'."""
    truth = wait_for(lambda: written(service, session), "the ends of all calls in the transcripts")
    lanes = {one["agent"]: one for one in page.evaluate(LANES)}
    bars = {bar["key"]: bar for bar in page.evaluate(BARS)}
    assert lanes.keys() == {MAIN, *truth.agents}
    assert bars.keys() == truth.tools.keys()
    for id, tool in truth.tools.items():
        check_bar(bars[id], tool, [one for one in client.of(session) if one["data"].get("toolUseId") == id])
    assert len({bar["top"] for bar in bars.values() if bar["agent"]}) == 2, "each in a lane of its own"
    started = {one["data"]["agentId"]: one["data"] for one in client.of(session, "agent.started")}
    first, second = (lanes[agent] for agent in truth.agents)
    assert max(first["from"], second["from"]) < min(first["stopped"], second["stopped"]), "at the same time"
    for id, agent in truth.agents.items():
        lane, call = lanes[id], bars[agent.parent_tool_use_id]
        times = {one["type"]: one["timestamp"] for one in client.of(session) if one["data"].get("agentId") == id}
        assert call["from"] - COARSE <= lane["from"] <= times["agent.started"]
        assert lane["stopped"] == times["agent.stopped"]
        assert started[id].get("background") or lane["stopped"] <= call["until"] + COARSE
        group = page.locator(f'article[data-key="{call["key"]}"] .agent-group')
        took = words(page, "duration", lane["stopped"] - lane["from"])
        expect(group.locator(".agent-group-facts")).to_have_text(f"1 call · {took}")
        group.locator("summary").first.click()
        expect(group.locator("article .tool-name")).to_have_text("Bash")
    told_whole(page, service, session)


def written(service: Service, session: str) -> Truth | None:
    """What Claude Code wrote, once it wrote how each call ended."""
    truth = oracle.read(session, service.home / ".claude" / "projects", hooks=())
    return truth if all(tool.answered_at for tool in truth.tools.values()) else None


def check_bar(bar: Json, tool: Tool, events: list[Json]) -> None:
    """A bar is as long as its call took: no longer than from line to line, and no shorter than the tool says."""
    times = {one["type"]: one["timestamp"] for one in events}
    assert (bar["agent"], bar["from"], bar["until"]) == (tool.agent_id or MAIN, times["tool.use"], times["tool.result"])
    assert bar["wide"] == pytest.approx(bar["until"] - bar["from"], abs=1)
    assert tool.answered_at is not None
    assert tool.used_at - COARSE <= bar["from"] < bar["until"] <= tool.answered_at + COARSE
    assert bar["wide"] >= bar["durationMs"] - COARSE


def test_compact_and_clear_show_rightly(service: Service, browser: Browser, page: Page, claude_binary: Path) -> None:
    with live(claude_binary, service.home, RULES) as claude:
        first = claude.session_file["sessionId"]
        with dashboard(browser, service, f"#/session/{first}", viewport=TALL) as (talk, _):
            for number in range(1, 5):  # less is not worth it to Claude Code
                claude.say("hello")
                expect(rows(talk, "turn")).to_have_count(number, timeout=20_000)
            claude.say("/compact")
            compacted = rows(talk, "compacted")
            expect(compacted).to_contain_text("Compacted", timeout=30_000)
            wait_for(lambda: claude.session_file.get("status") == "idle", "rest")
            expect(page.locator("claw-card[data-state=idle]")).to_have_count(1)
            expect(rows(talk, "note").filter(has_text="/compact")).to_have_count(1)
            told_whole(talk, service, first)
            claude.say("/clear")
            second = wait_for(lambda: other_than(claude, first), "another session")
            expect(talk.locator(".session-state")).to_contain_text("ended")
            cleared = rows(talk, "life").last
            expect(cleared).to_contain_text("Cleared")
            cleared.get_by_role("link", name="It goes on here").click()
            talk.wait_for_url(f"**#/session/{second}")
            expect(page.locator("claw-card")).to_have_count(1)
            expect(page.locator("claw-card")).to_have_attribute("data-session", second)
            claude.say("hello again")
            expect(rows(talk, "turn")).to_have_count(1, timeout=20_000)
            expect(rows(talk, "life").first).to_contain_text("Begun anew by /clear")
            told_whole(talk, service, second)
            told_whole_later(talk, service, first)


def other_than(claude: Live, session: str) -> str | None:
    """Its session, once it is another one."""
    now: str = claude.session_file["sessionId"]
    return now if now != session else None


def told_whole_later(page: Page, service: Service, session: str) -> None:
    """What was told as it went is the same when it is read anew."""
    page.evaluate("place => { location.hash = place }", f"#/session/{session}?agent=*")
    told_whole(page, service, session)


@pytest.mark.timeout(60 + OUTAGE)
def test_a_restart_and_an_outage_lose_nothing(browser: Browser, tmp_path: Path, claude_binary: Path) -> None:
    with ExitStack() as services, ExitStack() as stack:

        def started(*arguments: str) -> Service:
            service = Service(tmp_path, *arguments)
            services.callback(service.stop)
            service.wait_for_hooks()
            return service

        service = started()
        again = ("--port", str(urlsplit(str(service.endpoint["url"])).port))
        allow_agents(service)
        claude = stack.enter_context(live(claude_binary, tmp_path, RULES))
        session = claude.session_file["sessionId"]
        now, watched = stack.enter_context(dashboard(browser, service))
        talk, watched_too = stack.enter_context(
            dashboard(browser, service, f"#/session/{session}?agent=*", viewport=TALL)
        )
        claude.say("hello")
        expect(rows(talk, "turn")).to_have_count(1, timeout=20_000)

        assert service.stop() == 0
        expect(talk.locator(".notice")).to_contain_text("The service is away")
        claude.say("hello again")
        claude.wait(r"(?s)Hello\..*Hello\.")
        service = started(*again)
        expect(rows(talk, "turn")).to_have_count(2, timeout=10_000)
        told_whole(talk, service, session)

        service.process.kill()
        expect(now.locator(".notice")).to_contain_text("The service is away")
        claude.say("use two agents")
        claude.wait("Both are done")
        claude.say("delete the file")
        claude.wait("Do you want to proceed")
        expect(now.locator("claw-card")).to_have_attribute("data-state", "idle")
        expect(now.locator(".notice")).to_contain_text(f"away for {AWAY}", timeout=1000 * (OUTAGE + 10))
        service = started(*again)
        expect(now.locator(".card-why")).to_have_text("asks for permission: Bash", timeout=10_000)
        expect(now.locator(".notice")).to_be_empty()
        expect(rows(talk, "tool").last).to_have_attribute("data-outcome", "waits")
        claude.answer("1")
        expect(now.locator("claw-card[data-state=idle]")).to_be_visible(timeout=20_000)
        told_whole(talk, service, session)
        expect(rows(talk, "gap")).to_have_count(0)
        talk.reload()
        told_whole(talk, service, session)
        for one in (watched, watched_too):
            forgive(one, "ERR_CONNECTION", "WebSocket", "Failed to fetch")
