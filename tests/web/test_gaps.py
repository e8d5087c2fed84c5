"""What the service lost is said where it is missing, and what is on disk all the same is there."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, expect

from tests.support import oracle
from tests.support.service import Service
from tests.support.waiting import wait_for
from tests.web.conversation import TALL, rows, wait_until_whole
from tests.web.dashboard import dashboard
from tests.web.stage import scene
from tests.web.test_events import committed, post
from tests.web.test_login import forgive


def test_a_crash_that_may_have_lost_something_is_told_where_it_was(browser: Browser, tmp_path: Path) -> None:
    with ExitStack() as services, ExitStack() as stack:
        service = Service(tmp_path)
        services.callback(service.process.kill)
        service.wait_for_hooks()
        port = urlsplit(str(service.endpoint["url"])).port
        one = stack.enter_context(scene(service))
        events, watched = stack.enter_context(dashboard(browser, service, "#/events", viewport=TALL))
        talk, watched_too = stack.enter_context(dashboard(browser, service, f"#/session/{one.id}", viewport=TALL))
        one.main.prompt("before the crash")
        one.idle("before it, too")
        post(service, "not in the spool", session=one.id)
        expect(events.locator(".event-row", has_text="not in the spool")).to_be_visible()
        expect(talk.locator('article[data-kind="turn"]')).to_be_visible()
        wait_for(lambda: committed(service), "the commit, which says that a hook was posted")
        service.process.kill()
        service.process.wait()
        one.main.prompt("meanwhile")
        again = services.enter_context(Service(tmp_path, "--port", str(port)))
        gap = talk.locator('article[data-kind="gap"]')
        expect(gap).to_contain_text("Here the service could not tell everything: it crashed", timeout=10_000)
        one.main.prompt("after it")
        expect(talk.get_by_text("after it")).to_be_visible()
        wait_until_whole(talk, oracle.read(one.id, projects(again), hooks=()), projects(again))
        shown = [row["text"] if row["kind"] != "gap" else "gap" for row in rows(talk)]
        assert [text for text in shown if text in TELLING] == list(TELLING)
        expect(events.locator(".event-row[data-gap]")).to_contain_text("Events are missing here: the service crashed")
        expect(events.locator(".event-row", has_text="after it").first).to_be_visible()
        assert kinds(events) == ["before", '"gap":', "meanwhile", "after"]
        for page in (watched, watched_too):
            forgive(page, "ERR_CONNECTION", "WebSocket", "Failed to fetch")


TELLING = ("before the crash", "before it, too", "gap", "meanwhile", "after it")


def projects(service: Service) -> Path:
    return service.home / ".claude" / "projects"


def kinds(page: Page) -> list[str]:
    """Say of the rows, from the top, what they are of: each run of the same once."""
    texts = page.locator(".event-row:visible").evaluate_all(
        "rows => rows.sort((a, b) => a.index - b.index).map((row) => JSON.stringify(row.item))"
    )
    said = [next((word for word in ('"gap":', "before", "meanwhile", "after") if word in text), "") for text in texts]
    return [word for word, _ in groupby(word for word in said if word)]
