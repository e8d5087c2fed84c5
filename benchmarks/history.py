"""What the page of a session with a long history does in a real Chromium, while 200 others make 1,000 events a second.

``python -m benchmarks.history [--turns 10000] [--seconds 600] [--rate 1000]``. Opens a session of five events a turn,
goes back to its very first event, then reads up and down. Tells how soon its end and its beginning are there; the work
of the main thread in each frame on the way back, and in a minute of reading; and the memory of the renderer until the
end. Loopback only, in a scratch home.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page

from benchmarks.dashboard import TRACED, WINDOW, Feed
from benchmarks.page import Memory, Watch, bare, row, told, traced
from tests.support.browser import chromium
from tests.support.service import Service
from tests.support.waiting import wait_for
from tests.web.dashboard import dashboard
from tests.web.stage import long_conversation

LIST = "document.querySelector('long-list')"
BEGUN = "document.querySelector('view-session').dataset.begin === 'true'"
STEP = 20_000
"""Pixels of one turn of the wheel on the way back."""
PLACES = 7
"""Places of the history that are read in turn."""


def opened(page: Page, session: str, answer: str) -> None:
    page.evaluate("place => { location.hash = place }", f"#/session/{session}")
    page.get_by_text(answer).wait_for()
    page.locator("long-list").hover()


def back(page: Page) -> None:
    """Scroll to the very first event, as fast as it comes."""
    while not page.evaluate(f"{BEGUN} && {LIST}.scrollTop === 0"):
        page.mouse.wheel(0, -STEP)
        page.wait_for_timeout(16)
    page.get_by_text("prompt 0", exact=True).wait_for()


def read(page: Page, seconds: float, look: Callable[[], None] = lambda: None) -> None:
    """Read here and there, with wheel and scroll bar."""
    began, number = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        number += 1
        page.evaluate(f"share => {{ {LIST}.scrollTop = share * {LIST}.scrollHeight }}", (number % PLACES) / PLACES)
        for _ in range(30):
            page.mouse.wheel(0, 240)
            page.wait_for_timeout(32)
        look()


def watch(browser: Browser, page: Page, empty: Memory, session: str, turns: int, seconds: float) -> Iterator[str]:
    for name, act in (
        ("to the end", lambda: opened(page, session, f"answer {turns - 1}")),
        ("back to the first event", lambda: back(page)),
        ("reading", lambda: read(page, min(seconds, TRACED))),
    ):
        began = time.monotonic()
        frames = traced(browser, page, act)
        yield row(name, f"{time.monotonic() - began:.1f} s")
        yield from frames.rows()
        yield row("what the most work in a frame was, ms", frames.longest())
    began, looks = time.monotonic(), Watch(browser, page, empty)
    read(page, max(0, seconds - TRACED), looks.look)
    yield from looks.rows(time.monotonic() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--rate", type=float, default=1000, help="events a second of other sessions")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        with Service(home, "--set", "hook_rate=1000000") as service, chromium() as browser:
            session = long_conversation(home, options.turns)
            with service.connect() as client:
                ask = {"sessionId": session, "limit": 1}
                wait_for(lambda: client.ask("get_session_history", **ask)["events"], "the transcript", 60)
            empty = bare(browser)
            feed = Feed(service, options.rate)
            feed.begin()
            with dashboard(browser, service, viewport=WINDOW) as (page, _):
                feed.start()
                page.wait_for_timeout(2000)
                title = f"A history of {5 * options.turns:,} events, at {options.rate:,.0f} events a second"
                told(title, watch(browser, page, empty, session, options.turns, options.seconds))
            feed.stop()


if __name__ == "__main__":
    main()
