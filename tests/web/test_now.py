"""Now: what each session does, those that need somebody first."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.browser import page_of
from tests.support.feed import spool
from tests.support.service import Service
from tests.support.waiting import wait_for
from tests.web.dashboard import dashboard, new_code, read_out
from tests.web.stage import Scene, scene

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>\u202egnp.\x1b[31mred\x1b[0m\u200b"


@pytest.fixture
def page(browser: Browser, service: Service) -> Iterator[Page]:
    with dashboard(browser, service) as (page, _):
        yield page


def card(page: Page, one: Scene) -> Locator:
    return page.locator(f'claw-card[data-session="{one.id}"]')


def groups(page: Page) -> list[str]:
    return page.locator(".group-head").all_inner_texts()


def test_a_service_without_sessions_says_so(page: Page) -> None:
    expect(page.locator(".empty")).to_contain_text("No session of Claude Code runs")
    expect(page).to_have_title("Now · claw-socket")


def test_who_needs_somebody_comes_first_with_why_and_what(service: Service, page: Page) -> None:
    with ExitStack() as stack:
        runs, waits, fails, rests = (stack.enter_context(scene(service, name)) for name in ("r", "w", "f", "i"))
        for one in (runs, waits, fails, rests):
            one.main.prompt("go")
        rests.idle()
        fails.fail()
        runs.main.call("Read", file_path="/home/dev/app/main.py")
        expect(card(page, runs)).to_contain_text("Read /home/dev/app/main.py")
        waits.main.ask("Bash", command="rm -rf build", description="Clean")
        expect(card(page, waits).locator(".card-why")).to_have_text("asks for permission: Bash")
        expect(card(page, waits).locator(".card-input")).to_have_text("rm -rf build")
        expect(card(page, waits)).to_contain_text("waiting")
        expect(page.locator(".group-head")).to_have_text(["Needs you 1", "Running 1", "Failed 1", "Idle 1"])
        expect(page).to_have_title("(1) Now · claw-socket")
        assert "%3E1%3C" in str(page.locator("link[rel=icon]").get_attribute("href"))
        expect(page.locator(".bar nav a").first).to_have_accessible_name(re.compile("Now ?1 session needs you"))
        expect(page.locator("[aria-live=polite]")).to_have_text("app asks for permission")


def test_each_call_is_read_out_also_in_the_same_words_as_the_one_before(service: Service, page: Page) -> None:
    with scene(service) as one:
        one.main.prompt("go")
        spoken = read_out(page, "claw-shell > [aria-live]")

        def call(times: int) -> None:
            call = one.main.ask("Bash", command="ls")
            expect(card(page, one).locator(".card-why")).to_be_visible()
            wait_for(lambda: len(spoken()) == times, "the call")
            one.main.done(call, "Bash")
            one.status("busy")
            expect(card(page, one).locator(".card-why")).to_be_hidden()

        call(1)
        call(2)
        assert spoken() == ["app asks for permission"] * 2


def test_a_question_is_shown(service: Service, page: Page) -> None:
    with scene(service) as one:
        one.main.prompt("go")
        one.main.ask("AskUserQuestion", questions=[{"question": "Which library?", "header": "L", "options": []}])
        expect(card(page, one).locator(".card-why")).to_have_text("has a question")
        expect(card(page, one).locator(".card-input")).to_have_text("Which library?")


def test_what_waits_is_still_there_when_the_page_is_opened_anew(service: Service, page: Page) -> None:
    with scene(service) as one:
        one.main.prompt("go")
        one.main.ask("Bash", command="make deploy")
        expect(card(page, one).locator(".card-input")).to_have_text("make deploy")
        page.reload()
        expect(card(page, one).locator(".card-why")).to_have_text("asks for permission: Bash")
        expect(card(page, one).locator(".card-input")).to_have_text("make deploy")


def test_a_card_shows_project_branch_model_context_and_cost(service: Service, page: Page) -> None:
    with scene(service, "tokens", "/home/dev/compiler", "feature/parser") as one:
        one.main.prompt("go")
        one.main.say("Well.", tokens=20_000)
        one.status_line(78, 64, 41)
        shown = card(page, one)
        for text in ("compiler", "feature/parser", "tokens", "opus-4-8", "78 % of 200k", "20.0k out", "$"):
            expect(shown).to_contain_text(text)
        expect(page.locator(".limits")).to_contain_text("64 %")
        expect(page.locator(".limits")).to_contain_text(re.compile("told (now|.* ago)"))
        with service.connect() as client:
            usage = client.ask("get_usage", sessionId=one.id)
        expect(shown).to_contain_text(f"${usage['totalCostUsd']:.2f}")


def test_a_time_tells_its_day_to_who_points_at_it(service: Service, page: Page) -> None:
    with scene(service) as one:
        one.main.prompt("go")
        when = card(page, one).locator(".card-when time")
        expect(when).not_to_have_attribute("title", re.compile("."))
        when.hover()
        expect(when).to_have_attribute("title", re.compile(rf"\b{time.strftime('%Y')}\b.*:\d\d"))


def test_agents_stand_below_those_that_started_them(service: Service, page: Page) -> None:
    with scene(service) as one:
        one.main.prompt("go")
        call = one.main.call("Agent", description="Find callers", prompt="find", subagent_type="Explore")
        agent = one.agent(call, "Find callers")
        agent.call("Grep", pattern="parse")
        rows = card(page, one).locator(".agent")
        expect(rows).to_have_count(2)
        expect(rows.nth(1)).to_contain_text("Explore")
        expect(rows.nth(1)).to_contain_text("Find callers · Grep parse")
        assert rows.nth(1).evaluate("row => row.style.getPropertyValue('--depth')") == "1"


def test_a_state_that_is_not_known_yet_has_a_group_too(service: Service, page: Page) -> None:
    with scene(service) as one:
        one.main.prompt("go")
        expect(card(page, one)).to_be_visible()
        shown = page.evaluate(
            """async (sessionId) => {
                const { store } = await import("/app/store.js");
                store.merge({ sessionId }, { state: "asleep" });
                document.querySelector("view-now").changed(store.everything);
                const card = document.querySelector(`claw-card[data-session="${sessionId}"]`);
                return card?.closest("section").querySelector(".group-head").textContent;
            }""",
            one.id,
        )
        assert shown == "asleep 1"


def test_the_first_session_is_told_of_also_if_it_needs_somebody_at_once(page: Page) -> None:
    expect(page.locator(".empty")).to_be_visible()
    said = read_out(page, "claw-shell > .unseen")
    page.evaluate("""async () => {
        const { store } = await import("/app/store.js");
        const event = { sessionId: "x", timestamp: Date.now(), seq: Infinity };
        store.merge(event, { cwd: "/home/dev/app" });
        const data = { state: "requires_action", waitingFor: "permission" };
        store.learn({ ...event, type: "session.state_changed", data });
    }""")
    wait_for(said, "what is read out")
    assert said() == ["app asks for permission"]


def test_a_session_that_ends_goes(service: Service, page: Page) -> None:
    with scene(service) as one:
        one.main.prompt("go")
        expect(card(page, one)).to_be_visible()
    expect(card(page, one)).to_have_count(0)


def test_of_many_sessions_that_ended_the_newest_have_a_card(browser: Browser, tmp_path: Path) -> None:
    ids = [f"00000000-0000-4000-8000-{number:012}" for number in range(22)]
    with Service(tmp_path) as service, dashboard(browser, service) as (page, _):

        def happens(number: int, name: str, **payload: str) -> None:
            body = {"session_id": ids[number], "hook_event_name": name, "cwd": f"/srv/app-{number}", **payload}
            spool(service.home, f"{time.time_ns()}-{name}", json.dumps(body).encode(), time.time())

        def shown(number: int) -> Locator:
            return page.locator(f'claw-card[data-session="{ids[number]}"]')

        happens(21, "UserPromptSubmit", prompt="go")
        for number in range(20):
            happens(number, "UserPromptSubmit", prompt="go")
            expect(shown(number)).to_contain_text(f"app-{number}")
            happens(number, "SessionEnd", reason="logout")
            expect(shown(number)).to_have_attribute("data-state", "ended")
        ended = page.locator('.group[data-state="ended"]')
        expect(ended.locator(".group-number")).to_have_text("20")
        expect(ended).to_contain_text("and 8 before")
        expect(ended.locator("claw-card")).to_have_count(12)
        for number in range(20):
            expect(shown(number)).to_have_count(int(number > 7))
        page.evaluate(KNOWN, [ids[20], "/srv/app-20"])  # of many that come at once, cards are made in frames to come
        happens(21, "Stop", last_assistant_message="Done.")
        expect(shown(21)).to_have_attribute("data-state", "idle")
        expect(shown(20)).to_have_accessible_name("app-20")
        expect(shown(20).locator(".card-title")).to_have_attribute("href", f"#/session/{ids[20]}")


KNOWN = """async ([id, cwd]) => {
    const { store } = await import("/app/store.js");
    store.merge({ sessionId: id, timestamp: Date.now() }, { cwd });
}"""


def test_what_a_session_says_is_text_whatever_it_is(service: Service, page: Page) -> None:
    with scene(service, HOSTILE, f"/home/dev/{HOSTILE.replace('/', '')}", HOSTILE) as one:
        one.main.prompt("go")
        one.main.ask("Bash", command=HOSTILE + "x" * 5_000_000)
        expect(card(page, one).locator(".card-input")).to_contain_text("<script>alert(2)</script>")
        expect(card(page, one).locator(".card-input")).to_contain_text("\u27e8U+202E\u27e9gnp.\u241b[31mred")
        assert page.locator("claw-card img, claw-card script").count() == 0
        assert "\u202e" not in page.content()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_contents_can_be_hidden_and_the_rest_stays(service: Service, page: Page) -> None:
    with scene(service, "secret name", "/home/dev/app") as one:
        one.main.prompt("go")
        one.main.ask("Bash", command="cat secret.txt")
        field = card(page, one).locator(".card-input")
        expect(field).to_be_visible()
        page.get_by_role("button", name="Options").click()
        page.get_by_label("Hide contents").check()
        expect(field).to_be_hidden()
        expect(card(page, one).locator(".card-name")).to_be_hidden()
        expect(card(page, one).locator(".card-why")).to_be_visible()
        page.reload()
        expect(card(page, one).locator(".card-why")).to_be_visible()
        expect(card(page, one).locator(".card-input")).to_be_hidden()


def test_cards_keep_their_focus_and_their_text_while_things_change(service: Service, page: Page) -> None:
    with scene(service, "first") as one, scene(service, "second") as other:
        one.main.prompt("go")
        other.main.prompt("go")
        link = card(page, other).locator(".card-title")
        link.focus()
        other.main.ask("Bash", command="ls -l")
        expect(card(page, other).locator(".card-why")).to_be_visible()
        expect(link).to_be_focused()
        one.main.ask("Bash", command="ls")
        expect(page.locator(".card-why:visible")).to_have_count(2)
        expect(link).to_be_focused()


def test_a_notification_is_for_a_session_that_is_not_in_view(browser: Browser, service: Service) -> None:
    with dashboard(browser, service, permissions=["notifications"]) as (page, _), scene(service) as one:
        page.evaluate("""() => {
            window.shown = [];
            window.Notification = class {
                static permission = "granted";
                static requestPermission = async () => "granted";
                constructor(title, { body }) { window.shown.push(`${title} | ${body}`); }
                close() { window.shown.push("closed"); }
            };
        }""")
        page.get_by_role("button", name="Options").click()
        page.get_by_label("Notify").check()
        page.keyboard.press("Escape")
        one.main.prompt("go")
        id = one.main.ask("Bash", command="ls")
        expect(card(page, one).locator(".card-why")).to_be_visible()
        assert page.evaluate("shown") == []
        one.main.done(id, "Bash")
        one.status("busy")
        expect(card(page, one).locator(".card-why")).to_be_hidden()
        page.evaluate("location.hash = '#/service'")
        page.locator("view-service").wait_for()
        one.main.ask("Bash", command="make")
        wait_for(lambda: page.evaluate("shown.length === 1"), "the notification")
        assert page.evaluate("shown") == ["app asks for permission | Bash: make"]
        one.status("busy")
        wait_for(lambda: page.evaluate("shown.length === 2"), "the notification")


def test_who_took_the_leave_to_notify_back_sees_that_nothing_will_be_notified(
    browser: Browser, service: Service
) -> None:
    wished = """localStorage.setItem("claw-socket-options", '{"notify": true}')"""
    for permissions, is_on in (([], False), (["notifications"], True)):
        with dashboard(browser, service, script=wished, permissions=permissions) as (page, _):
            page.get_by_role("button", name="Options").click()
            expect(page.get_by_label("Notify")).to_be_checked(checked=is_on)


def test_of_sounds_that_the_browser_did_not_play_one_is_heard_when_it_does(page: Page) -> None:
    tones = page.evaluate("""async () => {
        const starts = [], waits = [];
        const { start } = OscillatorNode.prototype;
        OscillatorNode.prototype.start = function (at) {
            starts.push(this.frequency.value);
            start.call(this, at);
        };
        AudioContext.prototype.resume = () => new Promise((done) => waits.push(done));
        const { chime } = await import("/app/calls.js");
        const missed = Array.from({ length: 5 }, () => chime());
        for (const done of waits) done();
        await Promise.all(missed);
        return starts;
    }""")
    assert tones == TONES


def test_a_sound_is_for_a_session_that_is_not_in_view_and_for_who_wants_it(browser: Browser, service: Service) -> None:
    with page_of(browser) as (page, _), scene(service) as one, scene(service, "other") as other:
        page.add_init_script("""window.tones = [];
            const start = OscillatorNode.prototype.start;
            OscillatorNode.prototype.start = function (at) {
                tones.push(this.frequency.value);
                start.call(this, at);
            };
        """)
        page.goto(f"http://{service.address}/#code={new_code(service)}")
        for made in (one, other):
            made.main.prompt("go")
            expect(card(page, made)).to_have_attribute("data-state", "running")
        page.evaluate("location.hash = '#/service'")
        page.locator("view-service").wait_for()
        needs = page.locator(".bar nav .count")

        def asked(who: Scene, count: int) -> list[float]:
            who.main.ask("Bash", command="ls")
            expect(needs).to_have_text(str(count))
            found: list[float] = page.evaluate("tones.splice(0)")
            return found

        assert asked(one, 1) == [], "nobody asked for it"
        one.status("busy")
        expect(needs).to_be_hidden()
        page.get_by_role("button", name="Options").click()
        page.get_by_label("Sound").check()
        assert page.evaluate("tones.splice(0)") == TONES, "so it sounds"
        page.keyboard.press("Escape")
        assert asked(one, 1) == TONES
        page.evaluate("place => { location.hash = place }", f"#/session/{other.id}")
        page.locator("view-session").wait_for()
        assert asked(other, 2) == [], "it is in view"


TONES = [659, 880]
"""Hz of the two tones."""
