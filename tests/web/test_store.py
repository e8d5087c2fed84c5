"""What the page knows of sessions."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.service import Service
from tests.web.dashboard import dashboard


@pytest.fixture(scope="module")
def page(browser: Browser, service: Service) -> Iterator[Page]:
    with dashboard(browser, service) as (page, _):
        yield page


MERGED = """async () => {
    const { store } = await import("/app/store.js");
    const event = { sessionId: "of-this-test", timestamp: 1 };
    store.merge(event, { model: "m", cwd: "/srv" });
    const before = store.sessions.get(event.sessionId);
    store.merge(event, { model: undefined, cwd: null, name: "n" });
    const { model, cwd, name } = store.sessions.get(event.sessionId);
    return [model, cwd, name, before.name === undefined];
}"""


DIFFERS = """async ([session, before]) => (await import("/app/store.js")).differs(session, before)"""
CALL = {"name": "Bash", "inputSummary": "ls", "toolUseId": "t1"}


@pytest.mark.parametrize(
    ("session", "before", "differs"),
    [
        ({"state": "idle"}, {"state": "running"}, True),
        ({"state": "failed", "error": "529"}, {"state": "failed"}, True),
        ({"tool": CALL}, {"tool": None}, True),
        ({"tool": CALL | {"inputSummary": "make"}}, {"tool": CALL}, True),
        ({"tool": CALL | {"toolUseId": "t2"}}, {"tool": CALL}, True),
        ({"tool": dict(CALL), "error": None}, {"tool": CALL}, False),
        ({"usage": {"outputTokens": 1}}, {}, False),
    ],
)
def test_a_session_is_another_by_what_a_card_says_of_it(
    page: Page, session: dict[str, object], before: dict[str, object], *, differs: bool
) -> None:
    assert page.evaluate(DIFFERS, [session, before]) is differs


FOLLOWED = """async () => {
    const { store } = await import("/app/store.js");
    const { claw } = store;
    const told = [];
    let notice, answered = 0;
    store.claw = {
        events(topics, options) {
            told.push("stream from " + options.since.seq);
            notice = options.notice;
            return { close: () => told.push("closed"), async *[Symbol.asyncIterator]() {} };
        },
        async snapshot() {
            told.push("snapshot");
            return claw.snapshot().finally(() => answered++);
        },
    };
    const answers = async (count) => {
        do await new Promise((resolve) => setTimeout(resolve, 20)); while (answered < count);
        await new Promise((resolve) => setTimeout(resolve)); // it is taken
    };
    const from = "stream from " + store.position.seq;
    const leave = store.follow();
    await answers(1);
    notice({ type: "gap" });
    await answers(2);
    leave();
    store.claw = claw;
    return told.map((one) => (one === from ? "stream from there" : one));
}"""


def test_who_follows_is_told_how_all_is_now_and_anew_after_a_gap(page: Page) -> None:
    page.evaluate("location.hash = '#/service'")
    page.locator("view-service").wait_for()
    told = page.evaluate(FOLLOWED)
    assert told == ["stream from there", "snapshot", "snapshot", "closed"]


WAITS = """async () => {
    const { store } = await import("/app/store.js");
    const of = { sessionId: "gone-meanwhile", timestamp: 1 };
    store.merge(of, { cwd: "/srv" });
    store.learn({ ...of, type: "session.state_changed", seq: Infinity, data: { state: "requires_action", since: 1 } });
}"""
REFRESHED = """async () => (await import("/app/store.js")).store.refresh()"""


def test_a_session_that_a_snapshot_has_no_longer_waits_for_nobody(page: Page) -> None:
    page.evaluate(WAITS)
    expect(page).to_have_title(re.compile(r"^\(\d+\) "))
    page.evaluate(REFRESHED)
    expect(page).to_have_title(re.compile(r"^\w+ · claw-socket$"))


def test_what_an_event_does_not_tell_stays_as_it_was(page: Page) -> None:
    assert page.evaluate(MERGED) == ["m", None, "n", True]
