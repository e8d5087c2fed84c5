"""What a page takes in Chromium: the work of its main thread in each frame, and the memory of its renderer.

On a machine that does other things, too, the time from frame to frame says little of a page. Chromium's trace also
tells how much CPU time each task of the main thread took: that is the page's own work, whoever else wanted the CPU.
"""

from __future__ import annotations

import os
import statistics
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from playwright.sync_api import Browser, CDPSession, Page

FRAME, MEMORY, GROWTH = 50.0, 150.0, 5.0
"""ms, MB, and MB from the first minute to the end: what is promised at most."""

CATEGORIES = ("devtools.timeline", "disabled-by-default-devtools.timeline")
PARTS = 5
"""Parts of the longest frame that are told."""

DRAW = (
    "() => { window.isDrawing = true; const frame = () => window.isDrawing && requestAnimationFrame(frame); frame(); }"
)
"""Has the page draw every frame, whether or not anything in it changes, so that each is in the trace."""


class Entry(msgspec.Struct):
    """One of a trace: times in µs, ``tdur`` of CPU."""

    name: str
    ph: str
    pid: int
    tid: int
    ts: int
    dur: int = 0
    tdur: int = 0
    args: msgspec.Raw = msgspec.Raw(b"{}")

    @property
    def end(self) -> int:
        return self.ts + self.dur


class Trace(msgspec.Struct):
    traceEvents: list[Entry]  # noqa: N815


@dataclass(frozen=True, slots=True)
class Frame:
    """From the beginning of one frame to that of the next.

    Attributes:
        wall: how long it took, in ms.
        work: of it, the CPU time of the main thread, in ms.
        tasks: what the main thread did.
    """

    wall: float
    work: float
    tasks: Sequence[Entry]


def traced(browser: Browser, page: Page, act: Callable[[], object]) -> Frames:
    """Return the frames of a page while something is done."""
    page.evaluate(DRAW)
    browser.start_tracing(page=page, categories=list(CATEGORIES))
    act()
    page.evaluate("window.isDrawing = false")
    return Frames(msgspec.json.decode(browser.stop_tracing(), type=Trace).traceEvents)


class Frames:
    """The frames in a trace, told as a part of a table.

    Args:
        entries: of all threads; the renderer whose main thread did the most is that of the page.
    """

    def __init__(self, entries: list[Entry]) -> None:
        names = {(one.pid, one.tid): one.args for one in entries if one.name == "thread_name"}
        mains = {thread for thread, args in names.items() if b'"CrRendererMain"' in bytes(args)}
        done = [one for one in entries if one.ph == "X" and (one.pid, one.tid) in mains]
        ((pid, _),) = Counter(one.pid for one in done).most_common(1)
        self._done = sorted((one for one in done if one.pid == pid), key=lambda one: (one.ts, -one.dur))
        self.all = list(self._frames())

    def _frames(self) -> Iterator[Frame]:
        """A frame begins with a task in which callbacks of ``requestAnimationFrame`` run."""
        drawn = [one.ts for one in self._done if one.name == "FireAnimationFrame"]
        begin, tasks = 0, list[Entry]()
        for task in self._done:
            if task.name != "RunTask":
                continue
            at = bisect_left(drawn, task.ts)
            if at < len(drawn) and drawn[at] < task.end:
                if begin:
                    yield Frame((task.ts - begin) / 1000, sum(one.tdur for one in tasks) / 1000, tasks)
                begin, tasks = task.ts, []
            tasks.append(task)

    def rows(self) -> Iterator[str]:
        """Two rows: for wall time and for CPU time."""
        work = [one.work for one in self.all]
        yield row("main thread in a frame, CPU", f"{_spread(work)} ms", max(work) <= FRAME, f"<= {FRAME:.0f} ms each")
        yield row("from frame to frame", f"{_spread([one.wall for one in self.all])} ms")

    def longest(self) -> str:
        """What the frame with the most work was made of, each part without what is inside of it."""
        worst = max(self.all, key=lambda one: one.work)
        parts: Counter[str] = Counter()
        outer: list[Entry] = []
        for one in self._during(worst):
            while outer and outer[-1].end <= one.ts:
                outer.pop()
            parts[_label(one)] += one.tdur
            if outer:
                parts[_label(outer[-1])] -= one.tdur
            outer.append(one)
        return ", ".join(f"{name} {took / 1000:.1f}" for name, took in parts.most_common(PARTS))

    def _during(self, frame: Frame) -> Iterator[Entry]:
        for task in frame.tasks:
            first = bisect_left(self._done, task.ts, key=lambda one: one.ts)
            for one in islice(self._done, first, None):
                if one.ts >= task.end:
                    break
                yield one


def _label(entry: Entry) -> str:
    data = msgspec.json.decode(entry.args).get("data") if entry.name in ("FunctionCall", "EvaluateScript") else None
    if not isinstance(data, dict) or not data.get("url"):
        return entry.name
    return f"{str(data['url']).rsplit('/', 1)[-1]}:{data.get('lineNumber')} {data.get('functionName', '')}".strip()


def _spread(figures: list[float]) -> str:
    middle, p99 = statistics.median(figures), statistics.quantiles(figures, n=100, method="inclusive")[98]
    over = f"{sum(one > FRAME for one in figures)} of {len(figures):,} over {FRAME:.0f}"
    return f"median {middle:.1f}, p99 {p99:.1f}, longest {max(figures):.1f}; {over}"


@dataclass(frozen=True, slots=True)
class Memory:
    """Of a process, in MB.

    Attributes:
        private: what it alone has and no file backs (RssAnon and VmSwap): the footprint in Chromium's task manager.
        pss: with its share of what it has together with others, Chromium's own code above all.
        rss: with all of that.
    """

    private: float
    pss: float
    rss: float

    def __str__(self) -> str:
        return f"{self.private:.0f} MB private, {self.pss:.0f} PSS, {self.rss:.0f} RSS"


def memory(pid: int) -> Memory:
    status, rollup = (_kilobytes(Path(f"/proc/{pid}/{name}")) for name in ("status", "smaps_rollup"))
    return Memory((status["RssAnon"] + status["VmSwap"]) / 1000, rollup["Pss"] / 1000, rollup["Rss"] / 1000)


def _kilobytes(path: Path) -> dict[str, float]:
    lines = (line.split() for line in path.read_text().splitlines())
    return {line[0].rstrip(":"): int(line[1]) * 1.024 for line in lines if len(line) == 3 and line[2] == "kB"}


def renderer(browser: Browser) -> int:
    """The process of the page: of all renderers, the one that worked most."""
    session = browser.new_browser_cdp_session()
    processes: list[dict[str, Any]] = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    renderers = [one for one in processes if one["type"] == "renderer"]
    return int(max(renderers, key=lambda one: one["cpuTime"])["id"])


def bare(browser: Browser) -> Memory:
    """What an empty page takes."""
    page = browser.new_page()
    page.goto("about:blank")
    page.evaluate("() => { for (const end = performance.now() + 300; performance.now() < end; ); }")
    try:
        return memory(renderer(browser))
    finally:
        page.close()


class Watch:
    """Looks at the memory of a page from now on.

    Args:
        browser: with this page alone.
        page: the page.
        empty: what an empty page takes.
    """

    def __init__(self, browser: Browser, page: Page, empty: Memory) -> None:
        self._empty, self._pid = empty, renderer(browser)
        self._cdp = page.context.new_cdp_session(page)
        self._cdp.send("Performance.enable")
        self._heap, self._begin = heap(self._cdp), memory(self._pid)
        self._seen: list[Memory] = []

    def look(self) -> None:
        self._seen.append(memory(self._pid))

    def rows(self, seconds: float) -> Iterator[str]:
        """Rows of a table; ``seconds`` is how long it was watched."""
        self.look()
        most = max(one.private for one in self._seen)
        half = self._seen[len(self._seen) // 2 :]
        told = f"{most:.0f} MB; in the second half {min(one.private for one in half):.0f} to "
        told += f"{max(one.private for one in half):.0f}; at the end {self._seen[-1]}"
        end, after = heap(self._cdp), memory(self._pid)
        grown, budget = end - self._heap, f"<= {MEMORY:.0f} MB"
        yield row("private memory of the renderer at most", told, most <= MEMORY, budget)
        more = most - self._empty.private
        yield row("of it, more than an empty page", f"{more:.0f} MB; that has {self._empty}", more <= MEMORY, budget)
        private = f"{self._begin.private:.0f} to {after.private:.0f} MB"
        yield row("private memory after GC, begin to end", private, after.private <= MEMORY, budget)
        heaps = f"{self._heap:.1f} to {end:.1f} MB in {seconds:.0f} s"
        yield row("heap of the scripts after GC", heaps, grown <= GROWTH, f"grows by <= {GROWTH:.0f} MB")
        yield row("nodes after GC, with those in no page", f"{metric(self._cdp, 'Nodes'):,.0f}")


def metric(session: CDPSession, name: str) -> float:
    """Something that Chromium counts of the page."""
    found = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    return float(found[name])


def heap(session: CDPSession) -> float:
    """MB that the page's scripts hold when all that is not needed was given back."""
    session.send("HeapProfiler.collectGarbage")
    return metric(session, "JSHeapUsedSize") / 1e6


def row(name: str, figure: str, kept: bool | None = None, budget: str = "") -> str:
    verdict = {None: "", True: "kept", False: "**not kept**"}[kept]
    return f"| {name} | {figure} | {budget} | {verdict} |"


def told(title: str, rows: Iterable[str]) -> None:
    """Print a table, and what the machine was asked for meanwhile."""
    print(f"\n{title}; load of the machine {os.getloadavg()[0]:.1f}\n\n| what | | budget | |\n|---|---|---|---|")
    for one in rows:
        print(one, flush=True)
