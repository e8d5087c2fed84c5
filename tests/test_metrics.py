"""What Prometheus scrapes is what is there, in a form that Prometheus reads."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from clawsocket.config import Settings
from clawsocket.log.eventlog import EventLog
from clawsocket.log.fanout import FanOut
from clawsocket.metrics import Metrics
from clawsocket.protocol.envelope import Event
from clawsocket.protocol.replies import Gap
from clawsocket.protocol.topics import Filter
from clawsocket.sources.spool import Spool
from clawsocket.sources.transcripts import Transcripts
from clawsocket.sources.watch import Watcher
from clawsocket.state.world import World
from tests.state import playback
from tests.support.feed import SESSION, hook, line, session_file, spool
from tests.support.service import Service
from tests.support.waiting import wait_for

Values = dict[tuple[str, ...], float]


def values(text: str) -> Values:
    """Return every sample by its name and its labels' values; the names are those of Prometheus's own parser."""
    families = list(text_string_to_metric_families(text))
    names = [family.name for family in families]
    assert len(names) == len(set(names))
    assert all(family.documentation and family.type in ("counter", "gauge") for family in families)
    found: Values = {}
    for sample in (sample for family in families for sample in family.samples):
        key = (sample.name.removeprefix("claw_socket_"), *sample.labels.values())
        assert sample.name.startswith("claw_socket_")
        assert key not in found
        found[key] = sample.value
    return found


class Parts:
    """The parts of a service that does not run."""

    def __init__(self, folder: Path) -> None:
        watcher, settings = Watcher(print, Settings(), lambda: 0), Settings()
        self.world = World()
        self.log = EventLog(max_bytes=1_000_000, max_events=3)
        self.fanout = FanOut(self.log, slice_bytes=1000)
        self.spool = Spool(folder, watcher, print, settings, lambda: 0)
        self.transcripts = Transcripts([folder], watcher, print, settings, lambda: 0)
        store = folder / "log.db"
        self.metrics = Metrics(self.world, self.log, self.fanout, self.transcripts, self.spool, store)

    def values(self) -> Values:
        return values(self.metrics.text())

    def append(self, count: int) -> None:
        for _ in range(count):
            self.log.append(Event("cwd.changed", 1, "s", f"id{self.log.head}", "hook", {}))


class Slow:
    """A client that takes nothing."""

    def send_frames(self, frames: bytes) -> bool:
        return False

    def takes_gaps(self) -> bool:
        return True

    def send_gap(self, gap: Gap) -> bool:
        return True

    def reached(self, position: int) -> None: ...

    def fail(self) -> None: ...


async def test_events_and_memory_are_counted_by_the_numbers_that_the_log_has(tmp_path: Path) -> None:
    parts = Parts(tmp_path)
    parts.append(5)
    found = parts.values()
    assert found["events_total",] == 5
    assert found["log_head",] == parts.log.head
    assert found["log_memory_events",] == 3
    assert found["log_memory_bytes",] == parts.log.bytes_in_memory > 100
    assert not [key for key in found if key[0].startswith("store_")]  # there is none


async def test_a_slow_subscriber_is_behind_and_misses_nothing_unless_it_is_told(tmp_path: Path) -> None:
    parts = Parts(tmp_path)
    cursor = parts.fanout.add(Slow())
    parts.fanout.add(Slow())  # wants nothing, so it is not behind
    cursor.filter = Filter({"*": None})
    parts.append(1)
    async with asyncio.timeout(10):
        while cursor.ready:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0)
    parts.append(2)
    found = parts.values()
    assert (found["clients",], found["clients_stalled",], found["client_lag_events",]) == (2, 1, 2)
    assert (found["events_dropped_total",], found["client_gaps_total",]) == (0, 0)
    parts.append(5)
    parts.fanout.advance(cursor)
    assert parts.values()["client_gaps_total",] == 0
    cursor.ready = True
    parts.fanout.advance(cursor)
    assert parts.values()["client_gaps_total",] == 1


async def test_sessions_agents_tokens_and_cost_are_those_of_a_recorded_run(tmp_path: Path) -> None:
    parts = Parts(tmp_path)
    found = parts.values()
    assert found["sessions", "requires_action"] == 0
    observations = playback.in_order(
        playback.file_observations("j_permission"),
        playback.hook_observations("j_permission"),
        playback.line_observations("j_permission"),
    )
    most: Values = dict.fromkeys(found, 0)
    for _ in playback.steps(parts.world, observations):
        most = {key: max(value, most.get(key, 0)) for key, value in parts.values().items()}
    states = ("running", "requires_action", "idle")
    assert [most["sessions", state] for state in states] == [1, 1, 1]
    assert most["agents", "tool_running"] == 1
    total = parts.world.usage(None)
    assert total is not None
    (model,) = total.model_breakdown
    assert most["tokens", model, "output"] == total.model_breakdown[model].output_tokens > 0
    assert most["cost_usd", model] == total.total_cost_usd > 0
    assert [parts.values()["sessions", state] for state in states] == [0, 0, 0]


async def test_names_from_outside_can_do_no_harm(tmp_path: Path) -> None:
    parts = Parts(tmp_path)
    name = 'a"b\\c\nclaw_socket_clients 9'
    parts.transcripts.unknown[name] = 2
    assert parts.values()["transcript_unknown_lines_total", name] == 2


def scrape(service: Service) -> Values:
    request = urllib.request.Request(
        f"http://{service.address}/metrics", headers={"Authorization": f"Bearer {service.token}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        return values(answer.read().decode())


def until(service: Service, good: Callable[[Values], bool], what: str) -> Values:
    def look() -> Values | None:
        found = scrape(service)
        return found if good(found) else None

    return wait_for(look, what)


def test_a_running_service_tells_of_itself(tmp_path: Path) -> None:
    project = tmp_path / ".claude" / "projects" / "-w"
    project.mkdir(parents=True)
    with session_file(tmp_path), Service(tmp_path) as service, service.connect() as client:
        service.wait_for_hooks()
        client.follow()
        spool(tmp_path, "1-1", hook(1))
        spool(tmp_path, "1-2", b"no JSON")
        stamp = json.loads(line(1))["timestamp"]
        strange = json.dumps({"type": "from-tomorrow", "timestamp": stamp, "sessionId": SESSION}).encode()
        (project / f"{SESSION}.jsonl").write_bytes(line(1) + b"\n" + strange + b"\n")
        found = until(
            service,
            lambda seen: (
                seen.get(("transcript_unknown_lines_total", "from-tomorrow")) == 1
                and seen.get(("spool_rejected_total", "not JSON")) == 1
                and seen["store_behind_events",] == 0
            ),
            "what was written",
        )
        assert found["events_total",] >= len(client.events) > 3
        assert found["clients",] == 1
        assert found["sessions", "idle"] + found["sessions", "running"] == 1
        assert found["source_troubles_total", "spool"] == found["source_troubles_total", "transcript"] == 1
        assert found["store_bytes",] > 4096
        assert 0 < found["store_oldest_age_seconds",] < 60
        assert 0 <= time.time() - found["start_time_seconds",] < 60
