"""The measurements. Each takes the samples of one round; ours and the yardstick run one after the other."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from threading import Event
from typing import Any

from websockets.sync.client import ClientConnection, connect

from benchmarks.health import Health, at_rest
from benchmarks.processes import ROOT, Load, Process, Service, Tools, Yardstick, environment, put_load
from benchmarks.rows import Sample
from benchmarks.scratch import Home

MB = 1_000_000
RING = 50_000
"""Events that fill the service's ring: 64 MB."""
SLOW = 150_000
"""Events of 200 MB."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What a measurement needs.

    Attributes:
        folder: a scratch folder.
        quick: whether the short form will do, which proves nothing but that it works.
    """

    folder: Path
    tools: Tools
    quick: bool

    def home(self) -> Home:
        """Return a fresh home."""
        return Home(Path(tempfile.mkdtemp(dir=self.folder)))

    def scaled(self, count: int) -> int:
        """Return a count, or a tenth of it for the short form."""
        return count // 10 if self.quick else count

    def load(self, server: Process, **options: Any) -> Load:
        """Run the load generator."""
        return put_load(self.tools, server, **options)

    def in_turns(self, servers: Sequence[Process], turns: int, *, events: int, **options: Any) -> list[list[Load]]:
        """Run the load generator against some servers in turns, since the mood of a machine changes within seconds.

        Returns:
            What it saw of each.
        """
        seen: list[list[Load]] = [[] for _ in servers]
        for _ in range(1 if self.quick else turns):
            for server, loads in zip(servers, seen, strict=True):
                loads.append(self.load(server, events=self.scaled(events), **options))
        return seen

    @contextmanager
    def pair(self) -> Iterator[tuple[Process, Process]]:
        """Have the service and the yardstick, warmed up, for a with block."""
        with Service(self.home().path) as service, Yardstick(self.tools, self.folder) as yardstick:
            for server in (service, yardstick):
                self.load(server, events=self.scaled(5000))
            yield service, yardstick


def line(bench: Bench) -> Iterator[Sample]:
    """Transcript lines, 20 a second, to one client."""
    home = bench.home()
    with Service(home.path) as service:
        seen = bench.load(service, writer="lines", path=home.transcript, rate=20, events=bench.scaled(400))
    yield Sample("line: to client, p50", seen.p50_ms)
    yield Sample("line: to client, p99", seen.p99_ms)


def idle(bench: Bench) -> Iterator[Sample]:
    """A minute with ten clients and five sessions, and nothing going on; and what clients cost that only listen."""
    home, seconds = bench.home(), 10 if bench.quick else 60
    with ExitStack() as stack:
        for number in range(4):
            process = stack.enter_context(subprocess.Popen(["sleep", "600"]))
            stack.callback(process.kill)
            home.start_session(process.pid, f"idle-{number}")
        service = stack.enter_context(Service(home.path))
        service.wait_until_quiet()
        seen = bench.load(service, readers=10, hold=seconds)
        yield Sample("idle: CPU", seen.cpu_s / seconds * 100)
        yield Sample("idle: memory", seen.rss_after_mb)
        many = bench.load(service, readers=500, hold=2)
        yield Sample("idle: memory of a client", (many.rss_after_mb - seen.rss_after_mb) / 490 * 1000)


def start(bench: Bench) -> Iterator[Sample]:
    """A start with nothing, and with a live session whose transcript has 100 MB, and 1 GB; then with that known.

    The yardstick is the service at rest.
    """
    with Service(bench.home().path) as service:
        yield Sample("start: listening", service.listening_ms)
    for name, size in (("100 MB", 100 * MB), ("1 GB", 1000 * MB)):
        home = bench.home()
        home.write_history(bench.scaled(size))
        with Service(home.path) as service:
            with Health(service.port, service.pid) as health, client_of(service) as client:
                client.recv(timeout=30)
                yield Sample(f"start: first snapshot beside {name}", time.perf_counter() - service.started)
                client.send(json.dumps({"type": "subscribe", "topics": ["message.*", "tool.*"]}))
                client.recv(timeout=30)
                service.wait_until_quiet()
                yield Sample(f"start: old events sent of {name}", _waiting(client.recv))
            rest = at_rest(service.port, service.pid, 1.0)
            yield Sample(f"start: longest stall beside {name}", health.worst_ms, rest)
        home.transcript.unlink()


def client_of(service: Process) -> ClientConnection:
    """Connect a client to the service."""
    return connect(f"ws://127.0.0.1:{service.port}/", additional_headers={"Authorization": f"Bearer {service.token}"})


def _waiting(receive: Callable[[float], object]) -> int:
    """Return how many messages have come."""
    count = 0
    while True:
        try:
            receive(0.1)
        except TimeoutError:
            return count
        count += 1


def replay(bench: Bench) -> Iterator[Sample]:
    """100,000 events again, most from disk, for one client after the other. The yardstick is the service at rest.

    What others wait for meanwhile is measured with 200 hooks a second to another client.
    """
    with Service(bench.home().path) as service, ThreadPoolExecutor(1) as beside:
        events = bench.scaled(2 * RING)
        bench.load(service, events=events)
        bench.load(service, events=1, session="other")  # a session's first hooks wait for its file
        service.wait_until_quiet()
        rest = at_rest(service.port, service.pid, 1.0)
        with Health(service.port, service.pid) as health:
            seen = bench.load(service, writer="none", since=0, events=events)
        if seen.delivered < events * 0.9:
            raise RuntimeError(f"of {events} events only {seen.delivered} were replayed")
        yield Sample("replay: longest stall", health.worst_ms, rest)
        yield Sample("replay: events", seen.delivered_per_s)

        quiet = bench.load(service, rate=200, events=bench.scaled(2000), session="other")
        over = Event()
        replays = beside.submit(_replay_until, over, bench, service, events)
        busy = bench.load(service, rate=200, events=bench.scaled(2000), session="other")
        over.set()
        if not replays.result():
            raise RuntimeError("nothing was replayed meanwhile")
        yield Sample("replay: latency of others, p50", busy.p50_ms, quiet.p50_ms)
        yield Sample("replay: latency of others, p99", busy.p99_ms, quiet.p99_ms)


def _replay_until(over: Event, bench: Bench, service: Process, events: int) -> int:
    """Let one client after the other be told of everything; return how many were."""
    count = 0
    while not over.is_set():
        bench.load(service, writer="none", since=0, events=events)
        count += 1
    return count


def _sample(row: str, both: Iterable[list[Load]], figure: Callable[[Load], float]) -> Sample:
    """Return the medians of what took turns."""
    return Sample(row, *(median(map(figure, loads)) for loads in both))


def writing(bench: Bench) -> Iterator[Sample]:
    """1,000 events a second to one client, kept on disk. The yardstick is the service with its log in memory alone.

    The two take turns, and each stays on one CPU: what moving about costs is more than what is measured.
    """
    with Service(bench.home().path) as disk, Service(bench.home().path, "--set", "log_to_disk=no") as memory:
        for service in (disk, memory):
            service.pin()
            bench.load(service, events=bench.scaled(5000))
        both = bench.in_turns((disk, memory), 10, rate=1000, events=2500)
    yield Sample(
        "writing: CPU per event at 1,000/s",
        *(sum(one.cpu_s for one in loads) / sum(one.delivered for one in loads) * 1e6 for loads in both),
    )
    yield _sample("writing: latency, p50 at 1,000/s", both, lambda seen: seen.p50_ms)


def hook(bench: Bench) -> Iterator[Sample]:
    """The hook as it is installed, against a shell that does nothing (the yardstick)."""
    home = bench.home()
    install = [*Service.program, "--install-hooks"]
    subprocess.run(install, cwd=ROOT, env=environment(home.path), check=True, capture_output=True)
    command = json.loads(home.settings.read_text())["hooks"]["PostToolUse"][0]["hooks"][0]["command"]
    runs: dict[str, list[float]] = {"empty": [], "1 KB": [], "5 MB": []}
    for _ in range(bench.scaled(200)):
        runs["empty"].append(_run_hook(home, ":", b""))
        runs["1 KB"].append(_run_hook(home, command, _payload(1024)))
        runs["5 MB"].append(_run_hook(home, command, _payload(5 * MB)))
    empty = median(runs["empty"])
    for size in ("1 KB", "5 MB"):
        yield Sample(f"hook: {size} over an empty sh", median(runs[size]) - empty, empty)


def _payload(size: int) -> bytes:
    return json.dumps(
        {"session_id": "s", "hook_event_name": "PostToolUse", "tool_response": "x" * (size - 85)}
    ).encode()


def _run_hook(home: Home, command: str, payload: bytes) -> float:
    """Return the time in ms that a hook takes, the writing of its input included."""
    began = time.perf_counter()
    with subprocess.Popen(
        ["/bin/sh", "-c", command], stdin=subprocess.PIPE, env=environment(home.path), bufsize=0
    ) as process:
        assert process.stdin is not None
        rest = memoryview(payload)
        while rest:
            rest = rest[process.stdin.write(rest) :]
        process.stdin.close()
        code = process.wait()
    took = (time.perf_counter() - began) * 1000
    written = [path.stat().st_size for path in home.spool.glob("*.json")]
    if code or written != ([len(payload)] if payload else []):
        raise RuntimeError(f"the hook exited with {code} and wrote {written} of {len(payload)} bytes")
    for path in home.spool.iterdir():
        path.unlink()
    return took


def fanout(bench: Bench) -> Iterator[Sample]:
    """Events to many clients, posted as fast as they are taken in, on 8 connections."""
    lost = 0
    with bench.pair() as servers:
        for readers, events in ((1, 40_000), (10, 15_000), (100, 5_000), (500, 1_500)):
            both = bench.in_turns(servers, 3, readers=readers, events=events)
            lost += sum(seen.lost + seen.repeated for seen in both[0])
            yield _sample(f"fan-out: to {readers}", both, lambda seen: seen.delivered_per_s)
            if readers == 10:
                yield _sample("latency: to 10, saturated, p50", both, lambda seen: seen.p50_ms)
                yield _sample("latency: to 10, saturated, p99", both, lambda seen: seen.p99_ms)
            if readers == 100:
                yield _sample("fan-out: CPU per million at 100", both, lambda seen: seen.cpu_s / seen.delivered * 1e6)
        many, one = (bench.load(servers[0], readers=100, filters=n, events=bench.scaled(5_000)) for n in (20, 1))
        lost += many.lost + many.repeated
        yield Sample("fan-out: to 100 by 20 filters, of that by one", many.delivered_per_s, one.delivered_per_s)
    yield Sample("fan-out: lost", lost)


def intake(bench: Bench) -> Iterator[Sample]:
    """``POST /hook`` with nobody listening, and hooks in the spool."""
    home = bench.home()
    with bench.pair() as servers:
        for name, events, options in (
            ("8 kept alive", 30_000, {"connections": 8}),
            ("1 kept alive", 15_000, {"connections": 1}),
            ("a connection each, 4 at once", 10_000, {"connections": 4, "close": True}),
        ):
            ours, theirs = (
                bench.load(server, readers=0, events=bench.scaled(events), **options).posts_per_s for server in servers
            )
            yield Sample(f"intake: {name}", ours, theirs)
    with Service(home.path) as service:
        seen = bench.load(service, writer="spool", path=home.spool, events=bench.scaled(5_000))
        yield Sample("intake: spool", seen.delivered_per_s)
        seen = bench.load(service, writer="lines", path=home.transcript, events=bench.scaled(20_000))
        yield Sample("intake: transcript lines", seen.delivered_per_s)


def latency(bench: Bench) -> Iterator[Sample]:
    """From ``POST /hook`` to a client, 200 and 1,000 a second."""
    with bench.pair() as servers:
        for rate, events in ((200, 200), (1000, 1000)):
            both = bench.in_turns(servers, 10, rate=rate, events=events)
            yield _sample(f"latency: POST to client, p50 at {rate:,}/s", both, lambda seen: seen.p50_ms)
            yield _sample(f"latency: POST to client, p99 at {rate:,}/s", both, lambda seen: seen.p99_ms)


def stalled(bench: Bench) -> Iterator[Sample]:
    """20 of 40 clients stop reading while 200 MB go out, and read on later. The yardstick is without those 20."""
    with Service(bench.home().path) as service:
        bench.load(service, events=bench.scaled(RING))
        alone, beside = (
            bench.load(service, readers=20, stalled=count, events=bench.scaled(SLOW), timeout=300) for count in (0, 20)
        )
    yield Sample("stalled: rate of the others, of that without", beside.delivered_per_s, alone.delivered_per_s)
    yield Sample("stalled: memory more", beside.rss_after_mb - beside.rss_before_mb)
    yield Sample("stalled: lost", beside.lost + beside.stalled_lost + beside.repeated)


def burst(bench: Bench) -> Iterator[Sample]:
    """20,000 lines at once, and 5,000 hooks in the spool at once. The yardstick is the service at rest."""
    home = bench.home()
    with Service(home.path) as service:
        service.wait_until_quiet()
        rest = at_rest(service.port, service.pid, 1.0)
        for name, events, options in (
            ("lines", 20_000, {"writer": "lines", "path": home.transcript}),
            ("hooks", 5_000, {"writer": "spool", "path": home.spool}),
        ):
            with Health(service.port, service.pid) as health:
                seen = bench.load(service, events=bench.scaled(events), **options)
            yield Sample(f"burst: {name} lost, doubled or out of order", seen.wrong)
            yield Sample(f"burst: longest stall in {name}", health.worst_ms, rest)


MEASURES: dict[str, Callable[[Bench], Iterator[Sample]]] = {
    measure.__name__.replace("fanout", "fan-out"): measure
    for measure in (line, idle, start, replay, hook, fanout, intake, latency, writing, stalled, burst)
}
"""By the name that its rows begin with; :mod:`benchmarks.growth` has more."""
