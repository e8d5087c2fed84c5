"""What ``GET /metrics`` tells, in the text form of Prometheus, and ``get_status``.

Nothing is counted for it: it looks at what is there when somebody asks.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from clawsocket import __version__
from clawsocket.log.eventlog import EventLog
from clawsocket.log.fanout import Cursor, FanOut
from clawsocket.protocol.models import ClientStatus, State, Status, StoreStatus, TotalUsage
from clawsocket.protocol.replies import PROTOCOL, ServiceStatus
from clawsocket.sources.spool import Spool
from clawsocket.sources.transcripts import Transcripts
from clawsocket.state.world import World

SOURCES = ("spool", "transcript", "session_file", "watch", "log")
"""The parts that tell of troubles."""

_TOKENS = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_creation": "cache_creation_input_tokens",
    "cache_read": "cache_read_input_tokens",
}

Sample = tuple[Mapping[str, str], float]


class Metric(NamedTuple):
    """A metric.

    Attributes:
        name: without the prefix that all have.
        kind: what Prometheus may make of it.
        help: what it says, in one line.
        samples: its values, each with its labels.
    """

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    samples: Iterable[Sample]


class Metrics:
    """Looks at the parts of the running service.

    Attributes:
        troubles: how often each part told of a trouble.
    """

    def __init__(
        self, world: World, log: EventLog, fanout: FanOut, transcripts: Transcripts, spool: Spool, store: Path
    ) -> None:
        """Take the parts; nothing is looked at yet.

        Args:
            world: the sessions.
            log: the log; what it has now is not of this run.
            fanout: its readers.
            transcripts: a source.
            spool: a source.
            store: the log's database, which may be missing.
        """
        self._world, self._log, self._fanout = world, log, fanout
        self._transcripts, self._spool, self._store = transcripts, spool, store
        self._first, self._began = log.head, time.time()
        self.troubles: Counter[str] = Counter()

    def text(self) -> str:
        """Return everything as it is."""
        return "".join(map(_lines, self._all()))

    def status(self) -> ServiceStatus:
        """Return the same for a page, as far as it is about the service itself."""
        log, disk, head = self._log, self._log.disk, self._log.head
        store = None
        if disk is not None:
            behind = max(0, head - disk.committed)
            store = StoreStatus(size=_size(self._store), oldest_at=disk.oldest_at or 0, behind=behind)
        return ServiceStatus(
            pid=os.getpid(),
            started_at=round(self._began * 1000),
            cpu_seconds=time.process_time(),
            events=head - self._first,
            clients=[_client(cursor, head) for cursor in self._fanout.cursors],
            gaps=self._fanout.gaps,
            memory_events=head + 1 - log.oldest_in_memory,
            memory_bytes=log.bytes_in_memory,
            store=store,
            troubles={name: self.troubles[name] for name in SOURCES},
            hooks_waiting=self._spool.waiting,
            hooks_rejected=dict(self._spool.rejected),
            caught_up=self._transcripts.caught_up,
            broken_lines=self._transcripts.broken,
            unknown_lines=dict(self._transcripts.unknown),
        )

    def _all(self) -> Iterator[Metric]:
        info = {"version": __version__, "protocol": str(PROTOCOL)}
        yield Metric("info", "gauge", "Which server this is.", [(info, 1)])
        yield _one("start_time_seconds", "gauge", "When it was started, in s since 1970.", self._began)
        yield _one("cpu_seconds_total", "counter", "CPU time that it took.", time.process_time())
        yield from self._stream()
        yield from self._clients()
        yield from self._sources()
        yield from self._sessions()
        usage = self._world.usage(None)
        assert isinstance(usage, TotalUsage)
        yield from _spent(usage)

    def _stream(self) -> Iterator[Metric]:
        log, disk = self._log, self._log.disk
        yield _one("events_total", "counter", "Events since the start, by their numbers.", log.head - self._first)
        yield _one("log_head", "gauge", "The last number given.", log.head)
        in_memory = log.head + 1 - log.oldest_in_memory
        yield _one("log_memory_events", "gauge", "Events in memory.", in_memory)
        yield _one("log_memory_bytes", "gauge", "Their size.", log.bytes_in_memory)
        if disk is None:
            return
        yield _one("store_bytes", "gauge", "Size of the database, its journal included.", _size(self._store))
        age = max(0.0, time.time() - disk.oldest_at / 1000) if disk.oldest_at else 0.0
        yield _one("store_oldest_age_seconds", "gauge", "Age of the oldest event on disk.", age)
        yield _one("store_behind_events", "gauge", "Events that are not on disk yet.", log.head - disk.committed)

    def _clients(self) -> Iterator[Metric]:
        head, cursors = self._log.head, list(self._fanout.cursors)
        lags = [head - cursor.position for cursor in cursors if cursor.filter.topics]
        yield _one("clients", "gauge", "WebSocket clients.", len(cursors))
        stalled = sum(not cursor.ready for cursor in cursors)
        yield _one("clients_stalled", "gauge", "Clients that do not read what they were sent.", stalled)
        yield _one("client_lag_events", "gauge", "How far the slowest subscriber is behind.", max(lags, default=0))
        dropped = "Events that a slow client was not sent: none, it reads on from where it was."
        yield _one("events_dropped_total", "counter", dropped, 0)
        gaps = "Times that a client was told that events are not kept any more."
        yield _one("client_gaps_total", "counter", gaps, self._fanout.gaps)

    def _sources(self) -> Iterator[Metric]:
        troubles = [({"source": name}, self.troubles[name]) for name in SOURCES]
        yield Metric("source_troubles_total", "counter", "Troubles that a source told of.", troubles)
        yield _one("spool_waiting_files", "gauge", "Hooks in the spool that wait.", self._spool.waiting)
        rejected = _labelled("kind", self._spool.rejected)
        yield Metric("spool_rejected_total", "counter", "Files in the spool that were no hooks.", rejected)
        caught_up = self._transcripts.caught_up
        yield _one("transcripts_caught_up", "gauge", "1 when no transcript has lines that wait.", int(caught_up))
        broken = self._transcripts.broken
        yield _one("transcript_broken_lines_total", "counter", "Lines that could not be read.", broken)
        unknown = _labelled("kind", self._transcripts.unknown)
        yield Metric("transcript_unknown_lines_total", "counter", "Lines of kinds that are not known.", unknown)

    def _sessions(self) -> Iterator[Metric]:
        sessions, agents = self._world.snapshot()
        states = Counter(session.state for session in sessions)
        living = [({"state": state}, states[state]) for state in get_args(State) if state != "ended"]
        yield Metric("sessions", "gauge", "Sessions that have not ended, by state.", living)
        statuses = Counter(agent.status for agent in agents)
        working = [({"status": status}, statuses[status]) for status in get_args(Status)]
        yield Metric("agents", "gauge", "Their agents, main agents included, by status.", working)


def _spent(usage: TotalUsage) -> Iterator[Metric]:
    """Tell of tokens and cost. They are gauges: what is known goes when its session is forgotten."""
    models = usage.model_breakdown.items()
    tokens = [
        ({"model": model, "kind": kind}, getattr(spent, field))
        for model, spent in models
        for kind, field in _TOKENS.items()
    ]
    yield Metric("tokens", "gauge", "Tokens of the sessions that are known, ended ones included.", tokens)
    costs = [({"model": model}, spent.cost_usd) for model, spent in models if spent.cost_usd is not None]
    yield Metric("cost_usd", "gauge", "Their cost in US dollars, where the model has a price.", costs)


def _client(cursor: Cursor, head: int) -> ClientStatus:
    topics = [topic for topic, _ in cursor.filter.topics]
    return ClientStatus(topics=topics, lag=head - cursor.position if topics else 0, stalled=not cursor.ready)


def _one(name: str, kind: Literal["counter", "gauge"], help: str, value: float) -> Metric:
    return Metric(name, kind, help, [({}, value)])


def _labelled(label: str, counts: Mapping[str, int]) -> list[Sample]:
    return [({label: name}, count) for name, count in counts.items()]


def _lines(metric: Metric) -> str:
    name = f"claw_socket_{metric.name}"
    head = f"# HELP {name} {metric.help}\n# TYPE {name} {metric.kind}\n"
    return head + "".join(f"{name}{_labels(labels)} {value}\n" for labels, value in metric.samples)


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _size(database: Path) -> int:
    """Return the size of a database with its journal, 0 if it is gone."""
    size = 0
    for path in (database, database.with_name(f"{database.name}-wal")):
        try:
            size += path.stat().st_size
        except OSError:
            continue
    return size
