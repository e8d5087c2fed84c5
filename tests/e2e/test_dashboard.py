"""The dashboard beside a real Claude Code: what its owner must know is there before they look."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.terminal import live
from tests.e2e.test_states import RULES, allow_agents
from tests.support.browser import chromium
from tests.support.service import Service
from tests.support.waiting import wait_for
from tests.web.dashboard import dashboard

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


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("home")) as service:
        service.wait_for_hooks()
        allow_agents(service)
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
            pressed = claude.key(answer)
            assert turned(page, pressed, after) - pressed * 1000 <= CLEARS
            expect(page.locator(".card-why")).to_be_hidden()
            expect(page.locator("claw-card[data-state=idle]")).to_be_visible(timeout=20_000)
        claude.leave()
    expect(page.locator("claw-card")).to_have_count(0, timeout=10_000)


def test_agents_an_error_and_a_kill_show_rightly(service: Service, page: Page, claude_binary: Path) -> None:
    with live(claude_binary, service.home, RULES) as claude:
        claude.say("use two agents")
        rows = page.locator(".agent", has_text="general-purpose")
        expect(rows).to_have_count(2, timeout=20_000)
        expect(rows.filter(has_text="A · ")).to_have_count(1)
        expect(page.locator("claw-card[data-state=idle]")).to_be_visible(timeout=20_000)
        expect(page.locator(".card-agents")).to_have_text("2 agents finished")
        with service.connect() as client:
            usage = client.ask("get_usage", sessionId=claude.session_file["sessionId"])
        spent = usage["totalCostUsd"]
        expect(page.locator(".card-foot")).to_contain_text(f"${spent:.4f}" if spent < 0.01 else f"${spent:.2f}")
        claude.say("bad request")
        expect(page.locator("claw-card[data-state=failed] .card-failure")).to_be_visible(timeout=20_000)
        claude.say("be slow")
        expect(page.locator("claw-card[data-state=running]")).to_be_visible(timeout=20_000)
        claude.wait("word word")
        killed = time.time()
        os.kill(claude.session_file["pid"], signal.SIGKILL)
        assert turned(page, killed, "ended", "none") - killed * 1000 <= DIES
    expect(page.locator("claw-card")).to_have_count(0, timeout=10_000)
