"""The frame of the dashboard: it is small and quick, comes back by itself, and everyone can use it."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from clawsocket.server.pages import pages
from tests.support.browser import page_of
from tests.support.feed import session_file
from tests.support.service import Service
from tests.support.waiting import wait_for
from tests.web.axe import violations
from tests.web.dashboard import dashboard, new_code
from tests.web.stage import long_conversation, scene
from tests.web.test_login import forgive, is_live

VIEWS = ("now", "session", "usage", "events", "service")
TRANSFER = 150_000
"""Bytes, at most. How soon it is there, ``benchmarks`` measure."""
UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def busy(service: Service) -> Iterator[str]:
    """Sessions in all states; gives the id of the one with the most in it."""
    with ExitStack() as stack:
        waits, runs, fails, rests = (stack.enter_context(scene(service, name)) for name in ("w", "r", "f", "i"))
        for one in (waits, runs, fails, rests):
            one.main.prompt("go")
        waits.main.ask("Bash", command="rm -rf build")
        waits.status_line(78, 64, 41)
        call = runs.main.call("Agent", description="Find callers", prompt="find", subagent_type="Explore")
        runs.agent(call, "Find callers").call("Grep", pattern="parse")
        runs.main.say("**Well**, `so` be it.")
        fails.fail()
        rests.idle()
        yield runs.id


def place(view: str, session: str) -> str:
    return f"#/session/{session}" if view == "session" else f"#/{view}"


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("look", ["light-1440", "dark-390"])
def test_everyone_can_use_it(browser: Browser, service: Service, busy: str, view: str, look: str) -> None:
    scheme, _, width = look.partition("-")
    options: dict[str, Any] = {"color_scheme": scheme, "viewport": {"width": int(width), "height": 900}}
    with dashboard(browser, service, place(view, busy), bypass_csp=True, **options) as (page, _):
        if view == "now":
            expect(page.locator(".card-why:visible")).to_be_visible()
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off at the side"


def test_everyone_can_use_a_session_of_which_nothing_is_known(browser: Browser, service: Service) -> None:
    with dashboard(browser, service, f"#/session/{UNKNOWN}", bypass_csp=True) as (page, _):
        expect(page.locator(".story-top")).to_have_text("Nothing is known of this session.")
        assert violations(page) == []


@pytest.mark.parametrize("view", VIEWS)
def test_every_action_is_reached_by_keyboard(browser: Browser, service: Service, busy: str, view: str) -> None:
    with dashboard(browser, service, place(view, busy)) as (page, _):
        if view == "usage":
            expect(page.locator("summary:visible")).to_have_count(3)  # the days' and two limits'
        page.evaluate(MARK)
        page.evaluate("document.activeElement.blur()")
        reached = set()
        for _ in range(150):
            page.keyboard.press("Tab")
            mark = page.evaluate("document.activeElement?.dataset.mark ?? null")
            if mark in reached:
                break
            if mark is not None:
                reached.add(mark)
                assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        missing = page.evaluate(
            "reached => [...document.querySelectorAll('[data-mark]')].filter((one) => one.checkVisibility() && "
            "!reached.includes(one.dataset.mark)).map((one) => one.outerHTML.slice(0, 150))",
            list(reached),
        )
        assert missing == []


MARK = """() => {
    const all = document.querySelectorAll(
        "a[href], button:not(:disabled), input:not([type=radio]), select, summary, [tabindex='0']");
    // One of a group is reached so, the others from there.
    [...all].filter((one) => one.tabIndex >= 0).forEach((one, index) => { one.dataset.mark = index; });
}"""


def test_the_options_are_used_by_keyboard(browser: Browser, service: Service) -> None:
    with dashboard(browser, service) as (page, _):
        page.get_by_role("button", name="Options").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_label("Hide contents")).to_be_visible()
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        expect(page.get_by_label("Hide contents")).to_be_checked()
        assert page.evaluate("document.documentElement.classList.contains('hide-contents')")
        page.keyboard.press("Escape")
        expect(page.get_by_label("Hide contents")).to_be_hidden()
        expect(page.get_by_role("button", name="Options")).to_be_focused()


def test_the_content_is_one_key_away(browser: Browser, service: Service) -> None:
    with dashboard(browser, service) as (page, _):
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_be_focused()


def test_what_is_shown_is_in_the_address(browser: Browser, service: Service) -> None:
    with dashboard(browser, service) as (page, _):
        page.get_by_role("link", name="Service").click()
        page.locator("view-service").wait_for()
        assert urlsplit(page.url).fragment == "/service"
        page.go_back()
        page.locator("view-now").wait_for()
        page.goto(f"http://{service.address}/#/service")
        page.reload()
        page.locator("view-service").wait_for()
        expect(page.locator("nav a[aria-current=page]")).to_have_text("Service")
        expect(page).to_have_title(re.compile("Service · claw-socket$"))


LOADED = """[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .map((one) => [one.name, one.transferSize])"""


def test_back_leads_to_where_one_was_in_a_long_view(browser: Browser, service: Service, busy: str) -> None:
    with dashboard(browser, service, viewport={"width": 390, "height": 400}) as (page, _):
        expect(page.locator("claw-card")).to_have_count(4)
        page.evaluate("scrollTo(0, 300)")
        page.evaluate("location.hash = '#/service'")
        page.locator("view-service").wait_for()
        assert page.evaluate("scrollY") == 0
        page.go_back()
        page.locator("view-now").wait_for()
        wait_for(lambda: page.evaluate("scrollY") == 300, "the place")
        page.evaluate("location.hash = '#/usage'")
        page.locator("view-usage").wait_for()
        page.evaluate("location.hash = '#/now'")
        page.locator("claw-card").first.wait_for()
        assert page.evaluate("scrollY") == 0, "a link leads to the beginning"


def test_it_is_light(browser: Browser, service: Service, busy: str) -> None:
    with dashboard(browser, service) as (page, _):
        for view in VIEWS:
            page.evaluate("place => { location.hash = place }", place(view, busy))
            page.locator(f"view-{view}").wait_for()
            if view == "events":
                page.locator(".event-row:visible").first.click()
                page.locator(".schema").wait_for()
        entries = page.evaluate(LOADED)
        paths = {urlsplit(name).path for name, _ in entries}
        assert paths >= {path.decode() for path in pages() if path.startswith((b"/app/", b"/claw-socket.js"))}
        assert sum(size for _, size in entries) <= TRANSFER, entries


def loaded(page: Page) -> dict[str, int]:
    """The files of the page that were loaded until now: their paths, and the bytes that came for each."""
    found = {urlsplit(name).path: size for name, size in page.evaluate(LOADED)}
    return {path: size for path, size in found.items() if path.encode() in pages()}


def test_who_was_here_before_loads_nothing_again(browser: Browser, service: Service) -> None:
    with dashboard(browser, service) as (page, _):
        page.locator("view-now").wait_for()
        before = loaded(page)
        assert before["/app/shell.js"] > 2000
        page.reload()
        page.locator("view-now").wait_for()
        again = loaded(page)
        assert again["/app/shell.js"] <= 300, "a head, that it is still the same"
        assert max(size for path, size in again.items() if path in before) <= 300


def questions(page: Page) -> list[dict[str, Any]]:
    """What a page asks the service from now on; it fills as it goes."""
    asked: list[dict[str, Any]] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: asked.append(json.loads(frame))))
    return asked


def received(page: Page) -> list[dict[str, Any]]:
    """The events that a page is sent from now on; it fills as it goes."""
    events: list[dict[str, Any]] = []

    def take(frame: str | bytes) -> None:
        message = json.loads(frame)
        events.extend(message["events"] if message["type"] == "events" else [message])

    page.on("websocket", lambda socket: socket.on("framereceived", take))
    return events


def test_no_stream_of_a_page_costs_it_a_message_for_each_event(browser: Browser, service: Service, busy: str) -> None:
    with dashboard(browser, service) as (page, _):
        asked = questions(page)
        page.reload()
        for view, streams in (("now", 2), ("session", 3), ("events", 4), ("usage", 5)):
            page.evaluate("place => { location.hash = place }", place(view, busy))
            while sum(one["type"] == "subscribe" for one in asked) < streams:
                page.wait_for_timeout(20)
        assert all(0 < one["batchMs"] <= 50 for one in asked if one["type"] == "subscribe")


def test_what_only_now_shows_of_all_sessions_is_sent_to_no_other_view(
    browser: Browser, service: Service, busy: str
) -> None:
    with dashboard(browser, service) as (page, _), scene(service) as one:
        sent = received(page)
        page.reload()
        page.locator("claw-card").first.wait_for()
        one.main.call("Grep", pattern="parse")
        while not any(event["type"] == "agent.state_changed" for event in sent):
            page.wait_for_timeout(20)
        page.evaluate("place => { location.hash = place }", place("session", busy))
        page.locator('long-list article[data-kind="prompt"]').first.wait_for()
        sent.clear()
        one.main.prompt("go")
        one.main.call("Read", file_path="main.py")
        one.main.say("Well.", tokens=20_000)
        one.main.ask("Bash", command="make deploy")
        expect(page).to_have_title("(2) Session · claw-socket")
        told = {event["type"] for event in sent if event.get("sessionId") == one.id}
        assert told == {"session.state_changed"}
        page.evaluate("place => { location.hash = place }", "#/now")
        card = page.locator(f'claw-card[data-session="{one.id}"]')
        expect(card).to_contain_text("20.1k out")
        with service.connect() as client:
            usage = client.ask("get_usage", sessionId=one.id)
        expect(card).to_contain_text(f"${usage['totalCostUsd']:.2f}")


FILLED_AT_ONCE = """() => {
    const view = document.createElement("view-now");
    document.querySelector("main").append(view);
    return view.querySelectorAll("claw-card[role=article]").length;
}"""


def test_the_first_view_waits_for_nothing_but_what_it_shows(browser: Browser, tmp_path: Path) -> None:
    session = long_conversation(tmp_path, 10_000)
    with ExitStack() as stack:
        for number in range(200):
            stack.enter_context(session_file(tmp_path, str(UUID(int=number)), name=f"session {number}"))
        service = stack.enter_context(Service(tmp_path))
        page, _ = stack.enter_context(dashboard(browser, service))
        asked = questions(page)
        page.reload()
        expect(page.locator("claw-card[role=article]")).to_have_count(200)
        while len(asked) < 2:
            page.wait_for_timeout(20)
        assert [one["type"] for one in asked[:2]] == ["subscribe"] * 2  # more may be asked once it is there
        assert page.evaluate(FILLED_AT_ONCE) == 6
        expect(page.locator("view-now:last-child claw-card[role=article]")).to_have_count(200)
        page.evaluate("place => { location.hash = place }", f"#/session/{session}")
        page.reload()
        expect(page.locator("article[data-kind=answer]").last).to_contain_text("answer 9999")
        first = next(one for one in asked if one["type"] not in ("subscribe", "get_snapshot"))
        assert (first["type"], first["limit"]) == ("get_session_history", 300)


COUNT_FORMATTERS = """
    const made = (self.made = []);
    Intl.DateTimeFormat = class extends Intl.DateTimeFormat {
        constructor(...given) { super(...given); made.push("formatter"); }
    };
    new MutationObserver((_, observer) => {
        if (document.querySelector("claw-card[role=article]") === null) return;
        observer.disconnect();
        made.push("card");
    }).observe(document, { childList: true, subtree: true });
"""


def test_the_formatter_of_times_is_made_after_the_first_view_and_before_somebody_needs_it(
    browser: Browser, service: Service, busy: str
) -> None:
    with dashboard(browser, service, script=COUNT_FORMATTERS) as (page, _):
        wait_for(lambda: len(page.evaluate("made")) == 2, "the formatter")
        assert page.evaluate("made") == ["card", "formatter"]
        page.locator("claw-card time:visible").first.hover()
        wait_for(lambda: len(page.evaluate("made")) == 3, "that of the note")


def test_the_page_comes_in_while_the_rest_of_it_is_loaded(browser: Browser, service: Service, busy: str) -> None:
    with scene(service, "late") as late, dashboard(browser, service) as (page, _):
        expect(page.locator(f"[data-session='{late.id}']")).to_be_visible()
        held: list[Route] = []

        def hold(route: Route) -> None:
            held.append(route)

        page.route("**/app/shell.js", hold)
        with page.expect_websocket() as connected:
            page.reload(wait_until="commit")
        connected.value.wait_for_event("framereceived")
        assert held
        expect(page.locator("claw-card")).to_have_count(0)
        for one in held:
            one.continue_()
        expect(page.locator("claw-card[role=article]").first).to_be_visible()
        expect(page.locator(".link")).to_have_text("live")
        late.hook("PermissionRequest", tool_name="Bash", tool_input={"command": "ls"})  # the first news is told
        expect(page.locator("claw-shell > .unseen[aria-live]")).to_contain_text("asks for permission")


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_that_was_left_takes_no_memory(browser: Browser, service: Service, busy: str, view: str) -> None:
    with dashboard(browser, service, place(view, busy)) as (page, _):
        cdp = page.context.new_cdp_session(page)

        def is_forgotten() -> bool:
            cdp.send("HeapProfiler.collectGarbage")
            return bool(page.evaluate("window.left.deref() === undefined"))

        page.evaluate("name => { window.left = new WeakRef(document.querySelector(name)) }", f"view-{view}")
        assert not is_forgotten()
        other = "service" if view == "now" else "now"
        page.evaluate("place => { location.hash = place }", place(other, busy))
        page.locator(f"view-{other}").wait_for()
        wait_for(is_forgotten, "the end of all that held it")


def test_what_moves_does_not_for_those_who_want_no_motion(browser: Browser, service: Service, busy: str) -> None:
    with dashboard(browser, service, reduced_motion="reduce") as (page, _):
        expect(page.locator(".card-why:visible")).to_be_visible()
        assert page.evaluate("document.getAnimations().length") == 0
        bars = "getComputedStyle(document.querySelector('.gauge-bar')).transitionDuration"
        assert page.evaluate(bars) in ("0s", "0ms")


GROUND = """selector => {
    const { backgroundColor, backgroundImage } = getComputedStyle(document.querySelector(selector));
    return `${backgroundColor} ${backgroundImage}`;
}"""
INKS = """() => {
    const { colours } = document.querySelector(".time-canvas");
    return [colours.tool, colours["tool-ink"], colours.model, colours.call];
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_bars_and_what_is_pressed_are_seen_where_the_system_forces_its_colours(
    browser: Browser, service: Service, busy: str, scheme: str
) -> None:
    with dashboard(browser, service, forced_colors="active", color_scheme=scheme) as (page, _):

        def differ(one: str, other: str) -> bool:
            for selector in (one, other):
                expect(page.locator(selector).first).to_be_attached()
            return bool(page.evaluate(GROUND, one) != page.evaluate(GROUND, other))

        assert differ(".gauge-bar", "claw-gauge")
        assert differ(".dot[data-state=running]", ".dot[data-state=idle]")
        badge = "getComputedStyle(document.querySelector('.bar .count'))"
        assert page.evaluate(f"{badge}.color !== {badge}.backgroundColor")
        page.evaluate("location.hash = '#/usage'")
        for bar in (".day-bar", ".usage-bar"):
            assert differ(bar, "claw-days"), bar
        assert differ(".choices [aria-pressed=true]", ".choices [aria-pressed=false]")
        page.evaluate("place => { location.hash = place }", f"#/session/{busy}")
        inks = wait_for(lambda: page.evaluate(INKS) if page.locator(".time-canvas span").count() else None, "a picture")
        assert inks[0] != inks[1], "the names of calls are seen on their bars"
        assert len({*inks}) == len(inks)


def test_it_comes_back_by_itself_and_misses_nothing(browser: Browser, tmp_path: Path) -> None:
    with ExitStack() as stack:
        service = stack.enter_context(Service(tmp_path))
        service.wait_for_hooks()
        port = urlsplit(str(service.endpoint["url"])).port
        page, watched = stack.enter_context(dashboard(browser, service))
        one, other = stack.enter_context(scene(service, "one")), stack.enter_context(scene(service, "two"))
        one.main.prompt("go")
        other.main.prompt("go")
        expect(page.locator("claw-card")).to_have_count(2)
        service.process.send_signal(signal.SIGKILL)
        service.process.wait()
        expect(page.locator(".notice")).to_contain_text("The service is away")
        expect(page.locator("claw-card")).to_have_count(2)
        other.main.ask("Bash", command="make deploy")
        with Service(tmp_path, "--port", str(port)):
            expect(page.locator(".card-why:visible")).to_have_text("asks for permission: Bash", timeout=10_000)
            expect(page.locator(".card-input:visible")).to_have_text("make deploy")
            is_live(page)
            expect(page.locator(".notice")).to_be_empty()
            forgive(watched, "ERR_CONNECTION", "WebSocket", "Failed to fetch")
        service.stop()
        service.process.returncode = 0


def test_a_view_that_is_opened_while_the_service_is_away_says_so_and_fills_when_it_is_back(
    browser: Browser, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        service = stack.enter_context(Service(tmp_path))
        port = urlsplit(str(service.endpoint["url"])).port
        page, watched = stack.enter_context(dashboard(browser, service))
        page.evaluate("Promise.all(['session', 'service'].map((view) => customElements.whenDefined(`view-${view}`)))")
        styled = "[...document.querySelectorAll('link[rel=stylesheet]')].every((one) => one.sheet)"
        wait_for(lambda: page.evaluate(styled), "the styles")
        service.process.send_signal(signal.SIGKILL)
        service.process.wait()
        expect(page.locator(".notice")).to_contain_text("The service is away")
        page.evaluate("location.hash = '#/session/nobody'")
        expect(page.locator("view-session")).to_contain_text("The conversation comes as soon as it is back.")
        page.evaluate("location.hash = '#/service'")
        expect(page.locator("view-service [role=status]").first).to_have_text(
            "The service is away. How it is comes as soon as it is back."
        )
        expect(page.get_by_role("heading", name="Doctor")).to_be_hidden()
        with Service(tmp_path, "--port", str(port)):
            expect(page.get_by_role("heading", name="Doctor")).to_be_visible(timeout=10_000)
            expect(page.locator("view-service [role=status]").first).to_be_empty()
            page.evaluate("location.hash = '#/session/nobody'")
            expect(page.locator("view-session")).to_contain_text("Nothing is known of this session.")
            forgive(watched, "ERR_CONNECTION", "WebSocket", "Failed to fetch")
        service.stop()
        service.process.returncode = 0


def test_a_view_that_could_not_be_loaded_says_so_and_comes_when_the_service_is_back(
    browser: Browser, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        service = stack.enter_context(Service(tmp_path))
        service.wait_for_hooks()
        port = urlsplit(str(service.endpoint["url"])).port
        page, watched = stack.enter_context(dashboard(browser, service, "#/now"))
        is_live(page)
        page.route("**/app/view-usage.js", lambda route: route.abort())
        page.evaluate("location.hash = '#/usage'")
        page.reload()
        expect(page.locator("main")).to_contain_text("This view could not be loaded.")
        is_live(page)
        page.unroute("**/app/view-usage.js")
        service.process.send_signal(signal.SIGTERM)
        service.process.wait()
        with Service(tmp_path, "--port", str(port)):
            expect(page.locator("view-usage")).to_be_visible(timeout=10_000)
            is_live(page)
            forgive(watched, "ERR_", "WebSocket", "Failed to fetch")


def test_a_service_that_hangs_is_said_to_and_what_happened_meanwhile_comes(browser: Browser, tmp_path: Path) -> None:
    with Service(tmp_path) as service, page_of(browser) as (page, _), scene(service) as one:
        service.wait_for_hooks()
        page.clock.install()
        page.goto(f"http://{service.address}/#code={new_code(service)}")
        one.main.prompt("go")
        expect(page.locator("claw-card[data-state=running]")).to_be_visible()
        service.process.send_signal(signal.SIGSTOP)
        try:
            one.main.ask("Bash", command="make deploy")
            page.clock.fast_forward(10_000)
            expect(page.locator(".notice")).to_contain_text("The service does not answer for", timeout=10_000)
            expect(page.locator(".link")).to_be_empty()
        finally:
            service.process.send_signal(signal.SIGCONT)
        page.clock.fast_forward(2000)
        expect(page.locator(".card-input:visible")).to_have_text("make deploy")
        is_live(page)
        expect(page.locator(".notice")).to_be_empty()


def test_words_are_whole_on_a_phone(browser: Browser, service: Service) -> None:
    with dashboard(browser, service, "#/service", viewport={"width": 360, "height": 740}) as (page, _):
        cells = page.locator("section[aria-label=Sources] td")
        expect(cells.first).to_have_text("hooks")
        lines = """cell => {
            const range = document.createRange();
            range.selectNodeContents(cell);
            return range.getClientRects().length;
        }"""
        for word in ("hooks", "transcripts", "nothing"):
            assert cells.get_by_text(word, exact=True).first.evaluate(lines) == 1, word
        assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_an_answer_that_failed_is_told_until_there_is_another(browser: Browser, service: Service) -> None:
    with dashboard(browser, service, "#/service") as (page, _):
        expect(page.get_by_role("heading", name="As it runs")).to_be_visible()
        page.evaluate("""async () => {
            const { store } = await import("/app/store.js");
            const { status } = store.claw;
            store.claw.status = () => {
                store.claw.status = status;
                return Promise.reject(new Error("rate_limited"));
            };
        }""")
        problem = page.locator("view-service > [role=status]")
        expect(problem).to_have_text("The service does not say how it is: rate_limited")
        expect(problem).to_be_empty()


def test_the_page_says_how_the_service_is_and_what_the_doctor_finds(
    browser: Browser, service: Service, busy: str
) -> None:
    with dashboard(browser, service, "#/service") as (page, _):
        shown = page.locator("view-service")
        with service.connect() as client:
            status = client.ask("get_status")
        expect(shown).to_contain_text(f"as process {status['pid']}")
        expect(shown.locator("table").nth(1)).to_contain_text("session.*, system.error, usage.rate_limit")
        expect(shown.locator(".finding").first).to_be_visible(timeout=15_000)
        found = wait_for(lambda: shown.locator(".finding").all_inner_texts(), "the findings")
        assert any("hook of our own reached a client" in one for one in found)
        expect(page.get_by_role("button", name="Look again")).to_be_enabled()
