"""What a view of the dashboard takes in a Chromium in which no debugger keeps anything: as one has it who only looks.

``python -m benchmarks.unwatched [--view events] [--seconds 600] [--rate 1000] [--then 1000]``. The load is that of
:mod:`benchmarks.dashboard`. ``--view history`` is a session of 50,000 events that somebody reads, a screen in two
seconds, and now and then elsewhere; in ``--view race`` one goes through it without a rest, up and down. Each frame of
the first minute is in a trace that Chromium makes of itself. Before, and before the load, it tells of Now and of
the history how soon the first view is there. Loopback only, in a scratch home.
"""

from __future__ import annotations

import argparse
import http.client
import json
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import msgspec
from websockets.sync.client import ClientConnection, connect

from benchmarks.dashboard import EVERY, SESSIONS, TRACED, VIEWS, WINDOW, Feed, place
from benchmarks.history import STEP
from benchmarks.page import CATEGORIES, DRAW, GROWTH, MEMORY, Entry, Frames, memory, row, told
from tests.support.browser import FLAGS
from tests.support.service import Service
from tests.support.waiting import wait_for
from tests.web.dashboard import new_code
from tests.web.stage import long_conversation

TURNS = 10_000
"""Of the long session, five events each."""
UP = 45
"""Turns of who races on the way to the first event, and on the way back."""
FIRST_VIEW = 500
"""ms at most."""
TIMES = 15
"""That a first view is looked at."""
PARTS = {"now": "claw-card", "history": "article"}
"""What a view is there for."""
SHOWN = """new Promise((resolve) => new PerformanceObserver((list) => {
    const found = list.getEntries().find((entry) => entry.element?.closest(%s));
    if (found) resolve(found.startTime);
}).observe({ type: "largest-contentful-paint", buffered: true }))"""
"""When a part of a page was first on the screen, in ms since its navigation: https://www.w3.org/TR/largest-contentful-paint."""


class Values(msgspec.Struct):
    value: list[Entry] = []


class Told(msgspec.Struct):
    """What Chromium tells of a trace."""

    method: str = ""
    params: Values = msgspec.field(default_factory=Values)


class Unwatched:
    """Chromium with one page, for a with block.

    Args:
        first: the address that lets it in.
    """

    def __init__(self, first: str) -> None:
        self._first, self._reads = first, 0

    def __enter__(self) -> Self:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        if path is None:
            raise SystemExit("this needs Chromium: apt-get install chromium")
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        told = Path(self._profile.name) / "DevToolsActivePort"
        size = f"--window-size={WINDOW['width']},{WINDOW['height']}"
        options = [*FLAGS, "--headless", size, "--remote-debugging-port=0", f"--user-data-dir={self._profile.name}"]
        self._process = subprocess.Popen([path, *options, self._first], stderr=subprocess.DEVNULL)
        wait_for(lambda: told.exists() and told.read_text(), "Chromium", 20)
        self._port = int(told.read_text().split()[0])
        return self

    def go(self, address: str) -> None:
        """Have this page alone."""
        before = [one["id"] for one in self._ask("GET", "/json/list") if one["type"] == "page"]
        self._page = self._ask("PUT", f"/json/new?{quote(address, safe='')}")["webSocketDebuggerUrl"]
        for id in before:
            self._ask("GET", f"/json/close/{id}")

    def race(self) -> None:
        """Turn the wheel for some seconds, once far and then fast: to the beginning, and back to the end."""
        self._reads += 1
        far, near = (STEP, 240) if self._reads // UP % 2 else (-STEP, -240)
        self._turn([far] + [near] * 120, 0.03)

    def read(self) -> None:
        """Read on for some seconds, at times elsewhere."""
        self._reads += 1
        self._turn([-STEP if self._reads % 5 == 0 else -120] + [-120] * 9, 0.3)

    def _turn(self, ways: Iterable[int], pause: float) -> None:
        """Turn the wheel by so many pixels each, with so many seconds between."""
        with connect(self._page) as page:  # without Network.enable nothing is kept of what comes
            for by in ways:
                where = {"x": WINDOW["width"] // 2, "y": WINDOW["height"] * 3 // 4, "deltaX": 0, "deltaY": by}
                _call(page, "Input.dispatchMouseEvent", type="mouseWheel", **where)
                time.sleep(pause)

    def first_view(self, address: str, part: str, *, anew: bool) -> float:
        """Return the ms from a navigation to a part of the page on the screen.

        Args:
            address: where to go.
            part: a selector.
            anew: in a browser that was never here.
        """
        with connect(self._ask("GET", "/json/version")["webSocketDebuggerUrl"], max_size=None) as browser:
            context = _call(browser, "Target.createBrowserContext") if anew else {}
            size: Mapping[str, object] = WINDOW if anew else {}  # of a window of its own
            target = _call(browser, "Target.createTarget", url="about:blank", **context, **size)["targetId"]
            url = f"ws://127.0.0.1:{self._port}/devtools/page/{target}"
            time.sleep(1)  # until what comes with a new window is done
            with connect(url) as page:
                _call(page, "Page.navigate", url=address)
            time.sleep(1.5)  # nobody asks the page meanwhile
            with connect(url) as page:
                ask = {"expression": SHOWN % json.dumps(part), "awaitPromise": True}
                shown = _call(page, "Runtime.evaluate", **ask)["result"]["value"]
            _call(browser, "Target.closeTarget", targetId=target)
            if anew:
                _call(browser, "Target.disposeBrowserContext", **context)
        return float(shown)

    def traced(self, address: str, seconds: float, act: Callable[[], None]) -> Frames:
        """Return the frames of opening a page, and of what is done there again and again."""
        with connect(self._ask("GET", "/json/version")["webSocketDebuggerUrl"], max_size=None) as browser:
            config = {"includedCategories": CATEGORIES, "excludedCategories": ["*"]}
            _call(browser, "Tracing.start", traceConfig=config)
            began = time.monotonic()
            self.go(address)
            with connect(self._page) as page:
                _call(page, "Runtime.evaluate", expression=f"({DRAW})()")
            while time.monotonic() - began < seconds:
                act()
            browser.send(json.dumps({"id": 2, "method": "Tracing.end"}))
            entries: list[Entry] = []
            while (told := self._told(browser)).method != "Tracing.tracingComplete":
                entries += told.params.value
        return Frames(entries)

    def collect(self) -> None:
        """Collect the garbage of the page, and wait until its memory is given back."""
        with connect(self._page) as page:
            _call(page, "HeapProfiler.collectGarbage")
        time.sleep(2)

    @staticmethod
    def _told(browser: ClientConnection) -> Told:
        return msgspec.json.decode(browser.recv(timeout=60), type=Told)

    def _ask(self, method: str, path: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.request(method, path)
            answer = connection.getresponse().read()
        finally:
            connection.close()
        return json.loads(answer) if answer[:1] in (b"[", b"{") else answer

    @property
    def renderer(self) -> int:
        """The process of the page: of all renderers, the one that worked most lately."""
        before = {pid: _cpu(pid) for pid in self._renderers()}
        time.sleep(0.5)
        return max((pid for pid in self._renderers() if pid in before), key=lambda pid: _cpu(pid) - before[pid])

    def _renderers(self) -> list[int]:
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes()
            except OSError:
                continue
            if b"--type=renderer" in words and self._profile.name.encode() in words:
                found.append(int(path.parent.name))
        return found

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait()
        self._profile.cleanup()


def _call(connection: ClientConnection, method: str, **params: object) -> Any:
    """Return what Chromium answers; what it tells meanwhile is passed over."""
    connection.send(json.dumps({"id": 1, "method": method, "params": params}))
    while (answer := json.loads(connection.recv(timeout=20))).get("id") != 1:
        pass
    return answer["result"]


def _cpu(pid: int) -> int:
    return sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))


def opening(page: Unwatched, service: Service, view: str, session: str) -> Iterator[str]:
    """A row of a table: how soon the first view is there; nothing else happens."""
    times = []
    for _ in range(TIMES):
        if view == "now":
            address = f"http://{service.address}/#code={new_code(service)}"
        else:
            address = f"http://{service.address}/{place('session', session)}"
        times.append(page.first_view(address, PARTS[view], anew=view == "now"))
    middle = statistics.median(times)
    spread = f"median {middle:.0f} ({min(times):.0f} - {max(times):.0f}) ms of {TIMES}"
    yield row("first view", spread, middle <= FIRST_VIEW, f"<= {FIRST_VIEW} ms")


def rows(
    page: Unwatched, address: str, seconds: float, act: Callable[[], None], then: Callable[[], None]
) -> Iterator[str]:
    """Rows of a table: the frames of the first minute, and the memory after it, before which ``then`` is called."""
    frames = page.traced(address, min(seconds, TRACED), act)
    yield from frames.rows()
    yield row("what the most work in a frame was, ms", frames.longest())
    if seconds > TRACED:
        then()
        yield from looks(page, seconds - TRACED, act)


def looks(page: Unwatched, seconds: float, act: Callable[[], None]) -> Iterator[str]:
    """Rows of a table: what the renderer has, in turns of ten, while something is done again and again."""
    pid, seen = page.renderer, list[float]()
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        act()
        seen.append(memory(pid).private)
    parts = [max(seen[at : at + max(1, len(seen) // 10)]) for at in range(0, len(seen), max(1, len(seen) // 10))]
    yield row("private memory at most, MB", f"{max(seen):.0f}", max(seen) <= MEMORY, f"<= {MEMORY:.0f} MB")
    yield row("from tenth to tenth", ", ".join(f"{one:.0f}" for one in parts))
    page.collect()
    left, most = memory(pid).private, parts[0] + GROWTH
    yield row(
        "private memory then, after GC, MB",
        f"{left:.0f}",
        left <= most,
        f"<= {most:.0f}: the first tenth and {GROWTH:.0f}",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--rate", type=float, default=1000, help="events a second")
    parser.add_argument("--then", type=float, help="events a second after the first minute (default: as before)")
    parser.add_argument("--view", choices=(*VIEWS, "history", "race"), default="events")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Service(Path(folder), "--set", "hook_rate=1000000") as service:
        is_long = options.view in ("history", "race")
        long = long_conversation(Path(folder), TURNS) if is_long else ""
        feed = Feed(service, options.rate)
        feed.begin()
        with Unwatched(f"http://{service.address}/#code={new_code(service)}") as page:
            time.sleep(3)  # until its first view is there, and it has its cookie
            view, session = ("session", long) if is_long else (options.view, feed.lasting)
            address = f"http://{service.address}/{place(view, session)}"
            if options.view in PARTS:
                told(f"Opening, with {SESSIONS} sessions", opening(page, service, options.view, session))
            feed.start()
            act = {"history": page.read, "race": page.race}.get(options.view, lambda: time.sleep(EVERY))
            title = f"{options.view}, at {options.rate:,.0f} events a second"
            if options.then is not None:
                title += f", and {options.then:,.0f} after the first minute"
            then = partial(setattr, feed, "rate", options.rate if options.then is None else options.then)
            told(title, rows(page, address, options.seconds, act, then))
        feed.stop()


if __name__ == "__main__":
    main()
