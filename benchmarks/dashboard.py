"""What the dashboard does in a real Chromium while 200 sessions make 1,000 events a second.

``python -m benchmarks.dashboard [--seconds 60] [--view now] [--rate 1000]``. Tells the time between frames, the memory
of the page's scripts as it goes, what was transferred, and how soon the first view is there. Loopback only, in a
scratch home.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import os
import statistics
import tempfile
import threading
import time
from pathlib import Path

from playwright.sync_api import CDPSession, Page

from tests.support.browser import chromium
from tests.support.service import Service
from tests.web.dashboard import dashboard

SESSIONS = 200
STEP = 0.02
"""Seconds between two bursts of hooks."""

FRAMES = """() => {
    window.frames = [];
    let before = performance.now();
    const frame = (now) => {
        window.frames.push(now - before);
        before = now;
        requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
}"""


class Feed(threading.Thread):
    """Posts hooks of many sessions, at an even pace.

    Attributes:
        sent: how many so far.
        rate: hooks a second.
    """

    def __init__(self, service: Service, rate: float) -> None:
        super().__init__(daemon=True)
        self._connection = http.client.HTTPConnection(service.address)
        self._headers = {"Authorization": f"Bearer {service.token}"}
        self.sent, self.rate, self._stopping = 0, rate, threading.Event()

    def post(self, session: int, name: str, **payload: object) -> None:
        body = {"session_id": f"session-{session}", "hook_event_name": name, "cwd": f"/srv/app-{session}", **payload}
        self._connection.request("POST", "/hook", json.dumps(body), self._headers)
        self._connection.getresponse().read()
        self.sent += 1

    def begin(self) -> None:
        """Start the sessions; one in twenty waits for its owner."""
        for session in range(SESSIONS):
            self.post(session, "SessionStart", source="startup", model="claude-opus-4-8")
            self.post(session, "UserPromptSubmit", prompt="go")
            if session % 20 == 0:
                self.post(session, "PermissionRequest", tool_name="Bash", tool_input={"command": "make deploy"})

    def run(self) -> None:
        began, due = time.monotonic(), 0
        for number in itertools.count():
            while number >= due:
                if self._stopping.wait(STEP):
                    return
                due = int((time.monotonic() - began) * self.rate)
            session = number // 2 % SESSIONS
            call = {"tool_name": "Bash", "tool_use_id": f"t{number // 2}", "tool_input": {"command": f"make {number}"}}
            if session % 20 == 0:
                self.post(session, "Notification", message=f"still waiting, {number}")
            elif number % 2 == 0:
                self.post(session, "PreToolUse", **call)
            else:
                self.post(session, "PostToolUse", tool_response={"stdout": "ok"}, duration_ms=12, **call)

    def stop(self) -> None:
        self._stopping.set()
        self.join()


def metrics(session: CDPSession) -> dict[str, float]:
    """What Chromium counts of the page: bytes, and seconds of work."""
    return {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}


def heap(session: CDPSession, *, collect: bool = False) -> float:
    """MB that the page's scripts hold."""
    if collect:
        session.send("HeapProfiler.collectGarbage")
    return metrics(session)["JSHeapUsedSize"] / 1e6


def events(service: Service) -> int:
    with service.connect() as client:
        return int(client.ask("get_status")["events"])


def watch(page: Page, service: Service, seconds: float) -> dict[str, object]:
    """Watch the page for a while."""
    cdp = page.context.new_cdp_session(page)
    cdp.send("Performance.enable")
    page.evaluate(FRAMES)
    before, began, heaps = events(service), time.monotonic(), [heap(cdp, collect=True)]
    worked = metrics(cdp)
    while time.monotonic() - began < seconds:
        page.wait_for_timeout(min(5000, seconds * 100))
        heaps.append(heap(cdp))
    took = time.monotonic() - began
    frames = page.evaluate("frames.slice(1)")
    work = {name: value - worked[name] for name, value in metrics(cdp).items()}
    after = heap(cdp, collect=True)
    return {
        "events a second": round((events(service) - before) / took),
        "frames": len(frames),
        "frame ms, median": round(statistics.median(frames), 1),
        "frame ms, p99": round(statistics.quantiles(frames, n=100)[98], 1),
        "frame ms, longest": round(max(frames), 1),
        "frames over 50 ms": sum(one > 50 for one in frames),
        "work of the page in a frame, ms": {
            name: round(1000 * work[f"{name}Duration"] / len(frames), 2)
            for name in ("Task", "Script", "Layout", "RecalcStyle")
        },
        "heap MB at the start, highest, at the end": [round(one, 1) for one in (heaps[0], max(heaps), after)],
        "load of the machine": os.getloadavg()[0],
    }


def first_view(page: Page) -> float:
    page.reload()
    page.locator("claw-card").first.wait_for()
    return float(page.evaluate("performance.now()"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=float, default=1000, help="events a second")
    parser.add_argument("--view", default="now")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        with Service(home, "--set", "hook_rate=1000000") as service, chromium() as browser:
            feed = Feed(service, options.rate / 3)  # a hook makes three events, or a little more
            feed.begin()
            viewport = {"width": 1440, "height": 900}
            with dashboard(browser, service, f"#/{options.view}", viewport=viewport) as (page, _):
                if options.view == "now":
                    print("first view, ms:", [round(first_view(page)) for _ in range(5)])
                sizes = page.evaluate("performance.getEntriesByType('resource').map((one) => one.transferSize)")
                print("transfer of the first view, kB:", round(sum(sizes) / 1000, 1))
                feed.start()
                page.wait_for_timeout(2000)
                for name, value in watch(page, service, options.seconds).items():
                    print(f"{name}: {value}")
                feed.stop()


if __name__ == "__main__":
    main()
