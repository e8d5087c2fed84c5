"""What the page of a session does in a real Chromium when its history is long.

``python -m benchmarks.history [--turns 10000] [--seconds 600]``. Opens a session of five events a turn, goes back
to its very first event, then reads up and down. Tells how soon the end and the beginning are there, the time between
frames, and the memory of the page's scripts as it goes. Loopback only, in a scratch home.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import CDPSession, Page

from benchmarks.dashboard import FRAMES, heap
from tests.support.browser import chromium
from tests.support.service import Service
from tests.support.waiting import wait_for
from tests.web.dashboard import dashboard
from tests.web.stage import long_conversation

LIST = "document.querySelector('long-list')"
BEGUN = "document.querySelector('view-session').dataset.begin === 'true'"
STEP, EVERY = 20_000, 0.5
"""Pixels of one turn of the wheel on the way back, and seconds from one look at the memory to the next."""
PLACES = 7
"""Places of the history that are read in turn."""


def told(name: str, page: Page, cdp: CDPSession, heaps: list[float]) -> None:
    frames = page.evaluate("frames.splice(0).slice(1)")
    kept = heap(cdp, collect=True)
    elements = page.evaluate("document.getElementsByTagName('*').length")
    print(
        f"{name}: {len(frames)} frames, ms: median {statistics.median(frames):.1f},"
        f" p99 {statistics.quantiles(frames, n=100)[98]:.1f}, longest {max(frames):.1f},"
        f" over 50: {sum(one > 50 for one in frames)}; heap MB: highest {max([*heaps, kept]):.1f}, kept {kept:.1f};"
        f" elements {elements}"
    )


def back(page: Page, cdp: CDPSession) -> None:
    """Scroll to the very first event, as fast as it comes."""
    began, looked = time.monotonic(), 0.0
    heaps: list[float] = []
    while not page.evaluate(f"{BEGUN} && {LIST}.scrollTop === 0"):
        page.mouse.wheel(0, -STEP)
        page.wait_for_timeout(16)
        if len(heaps) < 1 or time.monotonic() - looked > EVERY:
            heaps.append(heap(cdp))
            looked = time.monotonic()
    page.get_by_text("prompt 0", exact=True).wait_for()
    print(f"back to the first event: {time.monotonic() - began:.1f} s")
    told("on the way", page, cdp, heaps)


def read(page: Page, cdp: CDPSession, seconds: float) -> None:
    """Read here and there, with wheel and scroll bar."""
    began, heaps, number = time.monotonic(), [], 0
    while time.monotonic() - began < seconds:
        number += 1
        page.evaluate(f"share => {{ {LIST}.scrollTop = share * {LIST}.scrollHeight }}", (number % PLACES) / PLACES)
        for _ in range(30):
            page.mouse.wheel(0, 240)
            page.wait_for_timeout(32)
        heaps.append(heap(cdp))
        if number % 30 == 0:
            told(f"after {time.monotonic() - began:.0f} s", page, cdp, heaps)
    told("to the end", page, cdp, heaps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=600)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        with Service(home) as service, chromium() as browser:
            session = long_conversation(home, options.turns)
            with service.connect() as client:
                ask = {"sessionId": session, "limit": 1}
                wait_for(lambda: client.ask("get_session_history", **ask)["events"], "the transcript", 60)
            with dashboard(browser, service, viewport={"width": 1440, "height": 900}) as (page, _):
                cdp = page.context.new_cdp_session(page)
                cdp.send("Performance.enable")
                page.evaluate(FRAMES)
                began = time.monotonic()
                page.evaluate("place => { location.hash = place }", f"#/session/{session}")
                page.get_by_text(f"answer {options.turns - 1}").wait_for()
                print(f"{5 * options.turns:,} events; the end is there after {time.monotonic() - began:.2f} s")
                page.locator("long-list").hover()
                back(page, cdp)
                read(page, cdp, options.seconds)
                print(f"load of the machine: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
