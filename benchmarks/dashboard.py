"""What a view of the dashboard does in a real Chromium while 200 sessions make 1,000 events a second.

``python -m benchmarks.dashboard [--view now] [--seconds 60] [--rate 1000]``. Tells what is transferred for all views,
the work of the main thread in each frame, for a minute, and the memory of the renderer until the end: with ``--seconds
600``, whether it grows. Loopback only, in a scratch home.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize

from benchmarks.page import Memory, Watch, bare, row, told, traced
from clawsocket.claude.projects import project_folder
from tests.spending import answer, prompt, write
from tests.support.browser import chromium
from tests.support.service import Service
from tests.web.dashboard import dashboard
from tests.web.stage import MODEL, stamp

VIEWS = ("now", "session", "events", "usage", "service")
SESSIONS = 200
STEP = 0.02
"""Seconds between two bursts of hooks."""
EVENTS = 3.1
"""That a step of the feed makes."""
TURN, TURNS = 24, 20
"""Steps of a turn, and turns of a session; then another takes its place."""
OLD, DAYS = 3000, 300
"""Sessions of other days whose transcripts Usage sums up."""
TRACED = 60
"""Seconds of which all frames are told: a longer trace would be in the way of the memory."""
EVERY = 5
"""Seconds from one look at the memory to the next."""
WINDOW: ViewportSize = {"width": 1440, "height": 900}
TRANSFER = 150
"""kB at most."""

OUTPUT = "Looked at src/components and packages/core: render() returns the ids of props.items; the build passes. " * 8
ANSWER = "**Done.** `render()` returns the ids of _all_ items:\n\n- the build passes\n- so do the tests\n\n" * 4


class Feed(threading.Thread):
    """Sessions that go from turn to turn, at an even pace: hooks, and lines of their transcripts.

    One in twenty waits for its owner all the time, the others once in a turn. The one after the first lives on.

    Attributes:
        rate: events a second.

    Args:
        service: takes it.
        rate: at first.
    """

    def __init__(self, service: Service, rate: float) -> None:
        super().__init__(daemon=True)
        self._service, self._stopping = service, threading.Event()
        self.rate = rate
        self._connection = http.client.HTTPConnection(service.address)
        self._headers = {"Authorization": f"Bearer {service.token}"}
        self._ids: list[str] = []
        self._steps = [0] * SESSIONS

    @property
    def lasting(self) -> str:
        """A session that stays."""
        return self._ids[1]

    def begin(self) -> None:
        """Start the sessions."""
        for place in range(SESSIONS):
            self._ids.append("")
            self._start(place)
            if place % 20 == 0:
                self._post(place, "UserPromptSubmit", prompt="go")
                self._post(place, "PermissionRequest", tool_name="Bash", tool_input={"command": "make deploy"})

    def _start(self, place: int) -> None:
        self._ids[place] = str(uuid.uuid4())
        self._post(place, "SessionStart", source="startup", model=MODEL)

    def run(self) -> None:
        before, due = time.monotonic(), 0.0
        for number in itertools.count():
            while number >= due:
                if self._stopping.wait(STEP):
                    return
                now = time.monotonic()
                due += (now - before) * self.rate / EVENTS
                before = now
            place = number % SESSIONS
            if place % 20 == 0:
                self._post(place, "Notification", message=f"still waiting, {number}")
            else:
                self._step(place, self._steps[place])
                self._steps[place] += 1

    def _step(self, place: int, step: int) -> None:
        """A turn: a prompt, calls, one of them after a question, a word at times, and the end."""
        at, number = (step + place) % TURN, step // 2
        call = {"tool_name": "Bash", "tool_use_id": f"t{place}-{number}", "tool_input": {"command": f"make {number}"}}
        if at == 0:
            self._post(place, "Stop", last_assistant_message="Done.")
            if step // TURN >= TURNS and place != 1:
                self._post(place, "SessionEnd", reason="logout")
                self._start(place)
                self._steps[place] = 0
        elif at == 1:
            self._post(place, "UserPromptSubmit", prompt=f"go on, {number}")
        elif at == 9:
            self._post(place, "PermissionRequest", tool_name="Bash", tool_input={"command": f"make deploy {number}"})
        elif at % 8 == 5:
            self._say(place, step)
        elif step % 2 == 0:
            self._post(place, "PreToolUse", **call)
        else:
            self._post(place, "PostToolUse", tool_response={"stdout": OUTPUT}, duration_ms=12, **call)

    def _post(self, place: int, name: str, **payload: object) -> None:
        body = {"session_id": self._ids[place], "hook_event_name": name, "cwd": f"/srv/app-{place}", **payload}
        self._connection.request("POST", "/hook", json.dumps(body), self._headers)
        self._connection.getresponse().read()

    def _say(self, place: int, step: int) -> None:
        path = self._service.home / ".claude" / "projects" / project_folder(f"/srv/app-{place}")
        path.mkdir(parents=True, exist_ok=True)
        id = self._ids[place]
        usage = {"input_tokens": 4, "output_tokens": 345, "cache_read_input_tokens": 9012}
        message = {"id": f"msg_{id}_{step}", "role": "assistant", "model": MODEL, "usage": usage}
        line = {
            "type": "assistant",
            "message": {**message, "content": [{"type": "text", "text": ANSWER}]},
            "uuid": str(uuid.uuid4()),
            "timestamp": stamp(time.time()),
            "cwd": f"/srv/app-{place}",
            "sessionId": id,
            "isSidechain": False,
        }
        with (path / f"{id}.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    def stop(self) -> None:
        self._stopping.set()
        self.join()


def spend(home: Path) -> None:
    """Have old transcripts."""
    now = time.time()
    for number in range(OLD):
        at = stamp(now - 86_400 * (1 + number % DAYS))
        write(home, f"old-{number}", prompt("p", at), answer(f"m{number}", 500, at=at), project=f"-srv-{number % 50}")


def events(service: Service) -> int:
    with service.connect() as client:
        return int(client.ask("get_status")["events"])


def transferred(page: Page, session: str) -> float:
    """kB of all views, and of the schema of an event."""
    for view in VIEWS:
        page.evaluate("place => { location.hash = place }", place(view, session))
        page.locator(f"view-{view}").wait_for()
        if view == "events":
            page.locator(".event-row:visible").first.click()
            page.locator(".schema").wait_for()
    kinds = ("navigation", "resource")
    sizes = page.evaluate(
        "kinds => kinds.flatMap((one) => performance.getEntriesByType(one)).map((one) => one.transferSize)", kinds
    )
    return float(sum(sizes)) / 1000


def place(view: str, session: str) -> str:
    return f"#/session/{session}" if view == "session" else f"#/{view}"


def sizes(browser: Browser, service: Service, session: str) -> Iterator[str]:
    """A row of a table: how large the page is."""
    with dashboard(browser, service, viewport=WINDOW) as (page, _):
        size = transferred(page, session)
    yield row("transferred for all views", f"{size:.1f} kB", size <= TRANSFER, f"<= {TRANSFER} kB")


def watch(browser: Browser, page: Page, empty: Memory, service: Service, where: str, seconds: float) -> Iterator[str]:
    """Go to a view, and watch it for a while."""

    def look() -> None:
        page.evaluate("place => { location.hash = place }", where)
        page.wait_for_timeout(1000 * min(seconds, TRACED))

    began, before = time.monotonic(), events(service)
    frames = traced(browser, page, look)
    yield row("events a second", f"{(events(service) - before) / (time.monotonic() - began):.0f}")
    yield from frames.rows()
    yield row("what the most work in a frame was, ms", frames.longest())
    began, looks = time.monotonic(), Watch(browser, page, empty)
    while time.monotonic() - began < seconds - TRACED:
        page.wait_for_timeout(1000 * EVERY)
        looks.look()
    yield from looks.rows(time.monotonic() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=float, default=1000, help="events a second")
    parser.add_argument("--view", choices=VIEWS, default="now")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        spend(home)
        with Service(home, "--set", "hook_rate=1000000") as service, chromium() as browser:
            empty = bare(browser)
            feed = Feed(service, options.rate)
            feed.begin()
            told("All views", sizes(browser, service, feed.lasting))
            feed.start()
            before = "#/service" if options.view == "now" else "#/now"
            with dashboard(browser, service, before, viewport=WINDOW) as (page, _):
                page.wait_for_timeout(2000)
                title = f"{options.view}, at {options.rate:,.0f} events a second"
                told(title, watch(browser, page, empty, service, place(options.view, feed.lasting), options.seconds))
            feed.stop()


if __name__ == "__main__":
    main()
