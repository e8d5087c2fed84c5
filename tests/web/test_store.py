"""What the page knows of sessions."""

from __future__ import annotations

from playwright.sync_api import Browser

from tests.support.service import Service
from tests.web.dashboard import dashboard

MERGED = """async () => {
    const { store } = await import("/app/store.js");
    const event = { sessionId: "of-this-test", timestamp: 1 };
    store.merge(event, { model: "m", cwd: "/srv" });
    const before = store.sessions.get(event.sessionId);
    store.merge(event, { model: undefined, cwd: null, name: "n" });
    const { model, cwd, name } = store.sessions.get(event.sessionId);
    return [model, cwd, name, before.name === undefined];
}"""


def test_what_an_event_does_not_tell_stays_as_it_was(browser: Browser, service: Service) -> None:
    with dashboard(browser, service) as (page, _):
        assert page.evaluate(MERGED) == ["m", None, "n", True]
