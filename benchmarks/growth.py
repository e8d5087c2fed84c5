"""How costs grow: with the number of sessions, and with the number of events on disk."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection

from benchmarks.measures import Bench, client_of
from benchmarks.processes import Service
from benchmarks.rows import SESSIONS, STORED, Sample
from benchmarks.scratch import Home
from clawsocket.log.block import Row
from clawsocket.log.store import Extras, Store
from clawsocket.protocol.envelope import Event, encode
from clawsocket.protocol.frame import text_frame

ROOM = ("--set", "log_bytes=1000000000000")
TIMES = 3
"""Starts that are measured for each size."""

AGAIN = 50_000
"""Events that are replayed from the oldest on."""


def sessions(bench: Bench) -> Iterator[Sample]:
    """1,000 events a second of one session, beside others that are known and rest."""
    with Service(bench.home().path) as service:
        there = 1
        for number in SESSIONS:
            _discover(service, there, number)
            there = number
            service.wait_until_quiet()
            yield Sample(f"sessions: memory with {number:,}", service.rss_mb())
            seen = bench.load(service, rate=1000, events=bench.scaled(5000))
            yield Sample(f"sessions: CPU of an event beside {number:,}", seen.cpu_s / seen.delivered * 1e6)
            began = time.perf_counter()
            with client_of(service) as client:
                client.recv(timeout=30)
            yield Sample(f"sessions: snapshot of {number:,}", (time.perf_counter() - began) * 1000)


def _discover(service: Service, first: int, end: int) -> None:
    """Let the service learn of sessions by a hook each."""
    connection = HTTPConnection("127.0.0.1", service.port, timeout=10)
    for number in range(first, end):
        hook = {"session_id": f"more-{number}", "hook_event_name": "SessionStart", "cwd": f"/srv/{number}"}
        connection.request("POST", "/hook", json.dumps(hook), {"Authorization": f"Bearer {service.token}"})
        if connection.getresponse().read() != b'{"status":"accepted"}':
            raise RuntimeError("a hook was refused")
    connection.close()


def store(bench: Bench) -> Iterator[Sample]:
    """Starts with more and more events on disk, and a replay of the oldest ones."""
    home = bench.home()
    with Service(home.path, *ROOM):
        pass
    there = 0
    for number in STORED[:1] if bench.quick else STORED:
        _fill(home, number - there)
        there = number
        for _ in range(TIMES):
            with Service(home.path, *ROOM) as service:
                yield Sample(f"store: start with {number:,} events", service.listening_ms)
                service.wait_until_quiet()
                yield Sample(f"store: memory with {number:,} events", service.rss_mb())
                yield Sample(f"store: replay from {number:,} events", _replay(service, min(AGAIN, number)))
    with Service(home.path, *ROOM) as service:
        _discover(service, 1, 1000)
        service.wait_until_quiet()
        yield Sample("store: memory with all that and 1,000 sessions", service.rss_mb())


def _fill(home: Home, count: int, size: int = 10_000) -> None:
    """Put events into the log on disk, as an hour ago would have."""
    log = Store(home.path / ".claw-socket" / "log.db")
    head, at = log.head, int(time.time() * 1000) - 3_600_000
    try:
        for start in range(0, count, size):
            rows = [_row(head + 1 + place, at) for place in range(start, min(start + size, count))]
            log.commit(rows, Extras(), head=rows[-1].seq)
        log.commit([], Extras(since=at), head=head + count, clean=True)
    finally:
        log.close()


def _row(seq: int, at: int) -> Row:
    event = Event("hook.notification", at, "old", f"h:{seq}", "hook", {"message": "It was done long ago."})
    return Row(seq, at, event.type, event.session_id, event.id, text_frame(encode(event, seq)))


def _replay(service: Service, count: int) -> float:
    """Return how many events a second a client gets that begins with the oldest."""
    with client_of(service) as client:
        client.recv(timeout=30)
        began = time.perf_counter()
        client.send(json.dumps({"type": "subscribe", "topics": ["hook.*"], "sinceSeq": 1}))
        seen = 0
        while seen < count:
            seen += b'"hook.notification"' in client.recv(timeout=30, decode=False)
        return count / (time.perf_counter() - began)


GROWTH: dict[str, Callable[[Bench], Iterator[Sample]]] = {"sessions": sessions, "store": store}
"""By the name that its rows begin with."""
