"""The dashboard in a browser, let in."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page

from tests.support.browser import Watched, page_of
from tests.support.service import Service


def new_code(service: Service) -> str:
    """A one-time code, as ``claw-socket open`` asks for it."""
    headers = {"Authorization": f"Bearer {service.token}"}
    request = urllib.request.Request(f"http://{service.address}/code", method="POST", headers=headers)
    with urllib.request.urlopen(request, timeout=5) as answer:
        return str(json.load(answer)["code"])


@contextmanager
def dashboard(
    browser: Browser, service: Service, place: str = "#/now", script: str = "", **options: Any
) -> Iterator[tuple[Page, Watched]]:
    """Open the dashboard at a place, let in and live, for a with block; it must be clean at its end.

    Args:
        browser: the browser.
        service: whose.
        place: the part of the address after ``/``.
        script: runs in the page before its own.
        options: of ``Browser.new_context``.
    """
    with page_of(browser, **options) as (page, watched):
        page.add_init_script(script)
        page.goto(f"http://{service.address}/#code={new_code(service)}")
        page.locator(".link", has_text="live").wait_for()
        if place != "#/now":
            page.evaluate("place => { location.hash = place }", place)
            page.locator(f"view-{place.removeprefix('#/').split('/')[0].split('?')[0]}").wait_for()
        yield page, watched


SPOKEN = """selector => {
    window.spoken = [];
    new MutationObserver((changes) => {
        for (const change of changes) for (const node of change.addedNodes) window.spoken.push(node.textContent);
    }).observe(document.querySelector(selector), { childList: true });
}"""


def read_out(page: Page, region: str) -> Callable[[], list[str]]:
    """Return what tells what a live region had read out from now on: what was put into it."""
    page.evaluate(SPOKEN, region)
    return lambda: list(page.evaluate("spoken"))
