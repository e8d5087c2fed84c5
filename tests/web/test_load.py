"""However much happens, the page takes little of it at a time, and forgets what nobody looks at any more."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from tests.support.service import Service
from tests.web.dashboard import dashboard
from tests.web.stage import scene

PACE = 50
"""ms between two times that views are told."""
TOLD = """async () => {
    const { store } = await import("/app/store.js");
    window.told = [];
    store.subscribe(() => window.told.push(performance.now()));
}"""


def test_views_are_told_twenty_times_a_second_at_most(browser: Browser, service: Service) -> None:
    with dashboard(browser, service) as (page, _), scene(service) as one:
        page.evaluate(TOLD)
        for number in range(60):
            one.main.done(one.main.call("Bash", command=f"make {number}"), "Bash")
        one.main.ask("Bash", command="make deploy")
        expect(page.locator(".card-input:visible")).to_have_text("make deploy")
        times = page.evaluate("told")
        assert times
        assert len(times) - 2 <= (times[-1] - times[0]) / PACE  # the first may have been told a little late


LANES = """async () => {
    const { Lanes } = await import("/app/lanes.js");
    const lanes = new Lanes();
    const change = (at, state) =>
        lanes.take({ type: "session.state_changed", id: String(at), timestamp: at, data: { state, since: at } }, "");
    for (let at = 0; at < 1000; at += 2) {
        change(at, "requires_action");
        change(at + 1, "running");
    }
    lanes.forgetBefore(990);
    change(1000, "running");
    return lanes.waits.map(({ from }) => from);
}"""


def test_what_a_session_waited_for_long_ago_is_forgotten_with_its_items(browser: Browser, service: Service) -> None:
    with dashboard(browser, service) as (page, _):
        assert page.evaluate(LANES) == [990, 992, 994, 996, 998]
