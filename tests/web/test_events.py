"""Events: the stream as it is, filtered, searched, paused, and never more of it in the page than a page can hold."""

from __future__ import annotations

import http.client
import json
import re
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.feed import SESSION, session_file
from tests.support.service import Service
from tests.support.waiting import wait_for
from tests.web.axe import violations
from tests.web.dashboard import dashboard
from tests.web.stage import Scene, scene
from tests.web.test_login import forgive, is_live
from tests.web.test_now import HOSTILE

MOST, IN_PAGE = 5000, 100
"""Rows that the page holds, and elements for them."""


@pytest.fixture
def page(browser: Browser, service: Service) -> Iterator[Page]:
    with dashboard(browser, service, "#/events", permissions=["clipboard-read", "clipboard-write"]) as (page, _):
        yield page


def post(service: Service, *messages: str, session: str = SESSION) -> None:
    """Tell of hooks, in order: each is an event `hook.notification`."""
    connection = http.client.HTTPConnection(service.address, timeout=30)
    headers = {"Authorization": f"Bearer {service.token}", "Content-Type": "application/json"}
    for message in messages:
        body = {"session_id": session, "hook_event_name": "Notification", "message": message, "cwd": "/home/dev/app"}
        connection.request("POST", "/hook", json.dumps(body).encode(), headers)
        assert connection.getresponse().read() == b'{"status":"accepted"}'
    connection.close()


def rows(page: Page, text: str = "") -> Locator:
    return page.locator(".event-row:visible", has_text=text)


def chip(page: Page, name: str) -> Locator:
    return page.get_by_role("group", name="Topics").get_by_role("button", name=name, exact=True)


def only(page: Page, one: Scene, topic: str) -> Locator:
    """The one event of a topic that a session made, with nothing else in the list that could move it."""
    page.evaluate("place => { location.hash = place }", f"#/events?topics={topic}&session={one.id}")
    expect(page.locator(".event-row:visible")).to_have_count(1)
    return rows(page, topic)


def numbers(page: Page) -> list[int]:
    """Of the messages that are in view, from the top."""
    found = page.locator(".event-row:visible").evaluate_all(
        "rows => rows.sort((a, b) => a.index - b.index).map((row) => row.item.event?.data.message ?? '')"
    )
    return [int(one.rpartition(" ")[2]) for one in found if re.fullmatch(r".* \d+", one)]


def test_where_nothing_is_recent_it_says_where_the_rest_is(browser: Browser, tmp_path: Path) -> None:
    with Service(tmp_path) as service:
        service.wait_for_hooks()
        post(service, "long ago")
    with sqlite3.connect(tmp_path / ".claw-socket" / "log.db") as log:
        log.execute("UPDATE meta SET value = 0 WHERE name = 'clean'")  # as after a crash
    log.close()
    with Service(tmp_path) as service, dashboard(browser, service, "#/events?topics=hook.*") as (page, _):
        expect(rows(page, "gap")).to_have_count(1)  # hooks may have been lost
        expect(page.locator("view-events .empty")).to_have_text(re.compile("^Nothing recent.*from the oldest"))
        expect(page.locator("view-events .empty")).to_be_visible()
        page.get_by_label("Begin with").select_option("from the oldest")
        expect(rows(page, "long ago")).to_be_visible()


def test_events_come_as_they_happen_and_topics_and_sessions_filter_them(service: Service, page: Page) -> None:
    with scene(service) as one, scene(service, "other", "/home/dev/other") as other:
        one.main.prompt("first of all")
        expect(rows(page, "first of all").first).to_be_visible()
        chip(page, "tool.*").click()
        id = one.main.call("Bash", command="make test")
        one.main.done(id, "Bash")
        expect(rows(page, "Bash make test")).to_have_count(1)
        expect(rows(page, "Bash ok")).to_have_count(1)
        expect(rows(page, "first of all")).to_have_count(0)
        page.get_by_label("Add a topic").fill("hook.user_prompt_submit")
        page.keyboard.press("Enter")
        expect(rows(page, "first of all")).to_have_count(1)
        other.main.prompt("from elsewhere")
        expect(rows(page, "from elsewhere")).to_have_count(1)
        page.get_by_label("Session", exact=True).focus()
        page.get_by_label("Session", exact=True).select_option(one.id)
        expect(rows(page, "first of all")).to_have_count(1)
        expect(rows(page, "from elsewhere")).to_have_count(0)
        query = urlsplit(page.url).fragment
        assert "topics=tool.*%2Chook.user_prompt_submit" in query
        assert f"session={one.id}" in query
        page.reload()
        expect(rows(page, "Bash make test")).to_have_count(1)
        expect(rows(page, "from elsewhere")).to_have_count(0)
        expect(chip(page, "tool.*")).to_have_attribute("aria-pressed", "true")
        chip(page, "all").click()
        expect(chip(page, "tool.*")).to_have_attribute("aria-pressed", "false")


def test_who_comes_to_choose_a_session_finds_those_of_that_moment(service: Service, page: Page) -> None:
    chooser = page.get_by_label("Session", exact=True)
    with scene(service) as one:
        one.main.prompt("first of all")
        expect(rows(page, "first of all").first).to_be_visible()
        wait_for(lambda: known(page, one.id), "the session, by another stream")
        chooser.focus()
        chooser.select_option(one.id)
        expect(chooser.locator("option:checked")).to_have_text(re.compile("^app "))
        with scene(service, "other", "/home/dev/other") as other:
            other.main.prompt("from elsewhere")
            wait_for(lambda: known(page, other.id), "the other session")
            chooser.click()  # what has the focus already is opened
            expect(chooser.locator("option", has_text="other ")).to_have_count(1)
            assert chooser.input_value() == one.id
        chooser.select_option("")
        expect(chooser.locator("option")).to_have_count(3)  # while somebody chooses by keys, none of them goes


def test_a_session_that_can_be_chosen_is_named_by_its_folder_as_it_is_now(service: Service, page: Page) -> None:
    chooser, id = page.get_by_label("Session", exact=True), "beadfeed-aaaa-4bbb-8ccc-123456789abc"
    with session_file(service.home, id, "busy") as pid:
        wait_for(lambda: known(page, id), "the session")
        chooser.click()
        expect(chooser.locator("option").last).to_have_text(re.compile("^w "))
        Scene(service, pid, id, "other", "/home/dev/other", "main").hook("SessionStart", source="startup")
        expect(chooser.locator("option").last).to_have_text(re.compile("^other "))


def known(page: Page, id: str) -> bool:
    return bool(page.evaluate("async id => (await import('/app/store.js')).store.sessions.has(id)", id))


def test_topics_are_suggested_from_the_contract(page: Page) -> None:
    page.get_by_label("Add a topic").focus()
    wait_for(lambda: page.locator("#event-types option").count() > 40, "the suggestions")
    known = page.locator("#event-types option").evaluate_all("all => all.map((one) => one.value)")
    assert {"tool.*", "tool.use", "hook.pre_tool_use", "usage.rate_limit"} <= set(known)


def test_a_pause_loses_nothing(service: Service, page: Page) -> None:
    post(service, "before 1")
    expect(rows(page, "before 1")).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    post(service, *(f"while paused {number}" for number in range(40)))
    expect(page.locator(".events-told")).to_contain_text("Nothing is lost")
    shown = rows(page, "while paused").count()
    page.get_by_role("button", name="Go on").click()
    expect(rows(page, "while paused 39")).to_be_visible()
    assert shown <= 1  # one was on its way
    page.get_by_label("Search").fill("while paused")
    expect(page.locator(".events-count")).to_have_text(re.compile("^40 of"))


def test_the_search_finds_what_is_in_an_event_and_not_in_its_line(service: Service, page: Page) -> None:
    with scene(service) as one:
        one.main.prompt("go")
        one.main.call("Bash", command="ls", description="List the NEEDLE files")
        post(service, "hay 1")
        expect(rows(page, "hay 1")).to_be_visible()
        page.get_by_label("Search").fill("needle")
        expect(rows(page, "tool.use")).to_have_count(1)
        expect(rows(page, "hay")).to_have_count(0)
        assert "search=needle" in page.url
        post(service, "another needle 2", "more hay 3")
        expect(rows(page, "another needle 2")).to_have_count(1)
        expect(rows(page, "more hay")).to_have_count(0)
        page.get_by_label("Search").fill("nowhere to be found")
        expect(page.locator(".events-list .empty")).to_have_text("Nothing here holds that.")
        page.get_by_label("Search").fill("")
        expect(rows(page, "more hay 3")).to_be_visible()


def test_an_event_is_shown_as_json_with_its_schema_and_can_be_copied(service: Service, page: Page) -> None:
    with scene(service) as one:
        one.main.prompt("go")
        one.main.call("Bash", command="make test")
        only(page, one, "tool.use").click()
        detail = page.locator("claw-event")
        shown = json.loads(detail.locator(".event-json").inner_text())
        assert (shown["type"], shown["sessionId"], shown["data"]["toolName"]) == ("tool.use", one.id, "Bash")
        expect(detail.locator(".schema tbody tr").first).to_contain_text("data.toolName")
        expect(detail).to_contain_text("A tool call began; once per toolUseId")
        detail.locator("summary").click()
        schema = json.loads(detail.locator(".schema-raw").inner_text())
        assert schema["title"] == "ToolUse"
        detail.get_by_role("button", name="Copy as JSON").click()
        expect(detail.locator("[role=status]")).to_have_text("copied")
        assert json.loads(page.evaluate("navigator.clipboard.readText()")) == shown
        wait_for(lambda: f"event={shown['seq']}" in page.evaluate("location.hash"), "the address")
        page.reload()
        expect(detail.locator(".event-json")).to_contain_text(shown["id"])
        expect(page.locator(".event-row[aria-selected=true]")).to_be_visible()


def test_it_is_used_by_keyboard(service: Service, page: Page) -> None:
    post(service, *(f"key {number}" for number in range(60)))
    expect(rows(page, "key 59")).to_be_visible()
    grid = page.get_by_role("listbox", name="Events")
    grid.focus()
    page.keyboard.press("End")
    chosen = page.locator(".event-row[aria-selected=true]")
    expect(chosen).to_have_count(1)
    page.keyboard.press("Home")
    expect(chosen).to_have_attribute("aria-posinset", "1")
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("PageDown")
    page.keyboard.press("ArrowUp")
    expect(chosen).to_be_visible()
    assert grid.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Copy as JSON")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("claw-event")).to_be_hidden()
    expect(grid).to_be_focused()


def test_what_events_hold_is_text_and_can_be_hidden(service: Service, page: Page) -> None:
    with scene(service, "x", "/home/dev/<b>bold") as one:
        one.main.prompt(HOSTILE)
        id = one.main.call("Bash", command="cat")
        one.main.done(id, "Bash", HOSTILE + "x" * 5_000_000)
        expect(rows(page, "<script>alert(2)</script>").first).to_be_visible()
        only(page, one, "hook.post_tool_use").click()
        expect(page.locator(".event-json")).to_contain_text("more characters)")
        assert page.locator("view-events script, view-events img").count() == 0
        assert "\u202e" not in page.content()
        page.get_by_role("button", name="Options").click()
        page.get_by_label("Hide contents").check()
        expect(page.locator(".event-json")).to_be_hidden()
        expect(page.locator(".event-row .event-said.content:visible")).to_have_count(0)
        expect(page.locator(".event-row .event-type:visible").first).to_be_visible()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that keeps the newest 6,500 events, and takes many hooks."""
    settings = ("ring_events=6500", "log_to_disk=no", "hook_rate=1000000")
    home = tmp_path_factory.mktemp("small")
    with Service(home, *(word for one in settings for word in ("--set", one))) as service:
        service.wait_for_hooks()
        post(service, *(f"event {number}" for number in range(7000)))
        yield service


def test_it_begins_with_the_oldest_and_says_what_is_missing(browser: Browser, small: Service) -> None:
    with dashboard(browser, small, "#/events?since=oldest&topics=hook.*") as (page, _):
        gap = page.locator(".event-row[data-gap]")
        expect(gap).to_contain_text("events are missing here: not kept any more")
        gap.click()
        told = json.loads(page.locator(".event-json").inner_text())
        assert (told["type"], told["reason"]) == ("gap", "evicted")
        page.get_by_role("button", name="Close").click()
        first = numbers(page)[0]
        assert 0 < first < 1000
        expect(page.get_by_role("button", name="Next 5,000")).to_be_visible()
        assert page.evaluate("document.querySelectorAll('.event-row').length") <= IN_PAGE
        expect(page.locator(".events-count")).to_have_text("5,000 events")
        page.get_by_role("button", name="Next 5,000").click()
        wait_for(lambda: numbers(page)[:1] == [first + MOST - 1], "the next ones")
        page.get_by_role("button", name="Follow").click()
        expect(rows(page, "event 6999")).to_be_visible()


def test_the_list_is_filled_also_where_nothing_more_comes(browser: Browser, tmp_path: Path) -> None:
    with Service(tmp_path) as service:
        service.wait_for_hooks()
        post(service, *(f"event {number}" for number in range(120)))
        tall = {"width": 1440, "height": 2000}
        with dashboard(browser, service, "#/events?topics=hook.*", viewport=tall) as (page, _):
            expect(rows(page, "event 119")).to_be_visible()
            wait_for(lambda: page.evaluate(FILLED), "rows from edge to edge")


FILLED = """() => {
    const box = document.querySelector("claw-rows");
    const rows = [...box.querySelectorAll(".event-row")].filter((row) => row.checkVisibility());
    return rows.reduce((sum, row) => sum + row.offsetHeight, 0) >= box.clientHeight;
}"""


def test_what_one_reads_stays_where_it_is(browser: Browser, small: Service) -> None:
    with dashboard(browser, small, "#/events?topics=hook.*") as (page, _):
        expect(rows(page, "event 6999")).to_be_visible()
        page.locator("claw-rows").hover()
        page.mouse.wheel(0, -3000)
        expect(page.get_by_role("button", name="Follow")).to_have_attribute("aria-pressed", "false")
        before = places(page)
        post(small, *(f"new {number}" for number in range(4800)))
        expect(page.locator(".events-count")).to_have_text("5,000 events")
        now = places(page)
        assert now.items() <= before.items(), "none of them moved; what is said below may hide the last"
        assert len(now) > 10
        page.get_by_role("button", name="Follow").click()
        expect(rows(page, "new 4799")).to_be_visible()
        expect(page.locator(".events-count")).to_have_text("2,000 events")


def places(page: Page) -> dict[str, float]:
    """Where each row in view stands."""
    found: dict[str, float] = page.evaluate("""() => {
        const box = document.querySelector("claw-rows").getBoundingClientRect();
        const rows = [...document.querySelectorAll(".event-row")].filter((row) => row.checkVisibility());
        const places = rows.map((row) => [row.innerText, row.getBoundingClientRect()]);
        const seen = places.filter(([, place]) => place.top >= box.top && place.bottom <= box.bottom);
        return Object.fromEntries(seen.map(([text, place]) => [text, place.top]));
    }""")
    return found


def test_it_goes_on_after_a_restart_where_it_was(browser: Browser, tmp_path: Path) -> None:
    with ExitStack() as stack:
        service = stack.enter_context(Service(tmp_path))
        service.wait_for_hooks()
        port = urlsplit(str(service.endpoint["url"])).port
        page, watched = stack.enter_context(dashboard(browser, service, "#/events"))
        post(service, "before 1")
        expect(rows(page, "before 1")).to_be_visible()
        wait_for(lambda: committed(service), "the commit")
        service.process.send_signal(signal.SIGTERM)
        service.process.wait()
        with Service(tmp_path, "--port", str(port)) as again:
            is_live(page)
            post(again, "after 2")
            expect(rows(page, "after 2")).to_be_visible(timeout=10_000)
            expect(rows(page, "before 1")).to_have_count(1)
            expect(page.locator(".event-row[data-gap]:visible")).to_have_count(0)
            forgive(watched, "ERR_CONNECTION", "WebSocket", "Failed to fetch")


def committed(service: Service) -> bool:
    with service.connect() as client:
        status: dict[str, Any] = client.ask("get_status")
    return bool(status["store"]["behind"] == 0)


def test_a_topic_that_is_refused_is_told(page: Page) -> None:
    page.evaluate(f"location.hash = '#/events?session={'x' * 300}'")
    expect(page.locator(".events-list .empty")).to_contain_text("The events can't be read")


@pytest.mark.parametrize("look", ["light-1440", "dark-390"])
def test_everyone_can_use_it(browser: Browser, small: Service, look: str) -> None:
    scheme, _, width = look.partition("-")
    options: dict[str, Any] = {"color_scheme": scheme, "viewport": {"width": int(width), "height": 900}}
    with dashboard(browser, small, "#/events?since=oldest&topics=hook.*", bypass_csp=True, **options) as (page, _):
        expect(page.get_by_role("button", name="Next 5,000")).to_be_visible()
        assert violations(page) == []
        rows(page, "hook.notification").first.click()
        expect(page.locator(".schema")).to_be_visible()
        page.locator("claw-event summary").click()
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off at the side"
