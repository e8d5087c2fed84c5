"""A session's history, read from its transcripts, page by page from their end."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import os
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Raw

from clawsocket.claude import transcript
from clawsocket.claude.observations import AgentMetaSeen, LineSeen
from clawsocket.protocol.envelope import Event, Sent, encode, sent
from clawsocket.sources.backwards import last_lines
from clawsocket.sources.files import opened
from clawsocket.sources.transcript_index import AGENTS, FOREVER, META_LIMIT
from clawsocket.state.history import steps

CONTEXT = 200
"""Lines read before those that are wanted, so that results find the calls they belong to."""
PLACES = 4096
"""Places in transcripts that are remembered, at most."""

_encoder = msgspec.json.Encoder()

READ_LIMIT = 512_000_000
"""Bytes read for one reply, at most."""

Logged = Callable[[int, int], Awaitable[Sequence[bytes]]]
"""Gives the events of a session from one time to another, in ms since 1970, as they were sent, oldest first."""


class Places:
    """Where in its transcripts an event is told: the page before it is read from there, not from their end.

    Of use to those who read page after page; what is not remembered is found all the same. May be used by several
    threads.
    """

    def __init__(self) -> None:
        self._places: dict[tuple[Path, str], dict[Path, int]] = {}
        self._lock = threading.Lock()

    def find(self, path: Path, event: str | None) -> Mapping[Path, int]:
        """Return the byte of each file after which nothing is told that comes before the event; empty: not known."""
        with self._lock:
            return self._places.get((path, event), {}) if event is not None else {}

    def keep(self, path: Path, event: str, ends: dict[Path, int]) -> None:
        """Remember an event's place; the oldest one is forgotten for it."""
        with self._lock:
            self._places.pop((path, event), None)
            self._places[path, event] = ends
            if len(self._places) > PLACES:
                del self._places[next(iter(self._places))]


class _Line(NamedTuple):
    """What is told up to a byte of a file."""

    seen: AgentMetaSeen | LineSeen
    file: Path
    end: int


class _Window(NamedTuple):
    """A part of the transcripts.

    Attributes:
        lines: its lines by time.
        context: how many of them, at the beginning, are there for the others alone: among them some are missing.
        begins: where it begins in each file.
        whole: whether all files begin here.
        size: lines of the longest of the files that do not; of the main one, anyway.
    """

    lines: list[_Line]
    context: int
    begins: dict[Path, int]
    whole: bool
    size: int


class _Part(NamedTuple):
    """What a part of the transcripts tells.

    Attributes:
        window: the part.
        events: what it tells.
        after: by the id of each event, after how many lines it is told.
        since: ms since 1970; what the log tells from then on belongs among the events.
        until: the same of its end.
    """

    window: _Window
    events: list[Event]
    after: dict[str, int]
    since: int
    until: int


async def nothing(_since: int, _until: int) -> Sequence[bytes]:
    """Know of no event but those of the transcripts."""
    return ()


async def read(
    path: Path,
    session_id: str,
    limit: int,
    before: str | None,
    *,
    max_bytes: int,
    logged: Logged = nothing,
    places: Places | None = None,
) -> tuple[list[Raw], bool]:
    """Return the last events of a session, those of its subagents among them by time. Threads do the work.

    Args:
        path: the session's transcript.
        session_id: its session.
        limit: how many events, at most.
        before: the id of the event to end before; None: the end.
        max_bytes: their size, at most; one is given whatever it has, or nobody would come past it.
        logged: gives what no transcript tells: it is put among the others by time.
        places: where the pages that were read begin; a page before one of them costs no more than what is in it.

    Returns:
        Envelopes without ``seq``, oldest first, and whether there are older ones.
    """
    places = places or Places()
    ends = places.find(path, before)
    count = limit + CONTEXT
    while True:
        part = await asyncio.to_thread(_part, path, session_id, count, ends)
        others = await logged(part.since, part.until)
        window = part.window
        events, end = await asyncio.to_thread(_with, part, others, before)
        if end is None and ends:
            ends, count = {}, limit + CONTEXT  # the file is another one by now
            continue
        if window.whole or (end is not None and end >= limit) or window.size < count:
            break
        count *= 4
    end = end or 0
    page = await asyncio.to_thread(_page, map(encode, reversed(events[:end][-limit:])), max_bytes)
    more = not window.whole or len(page) < end
    given = events[end - len(page) : end]
    told_after = next((part.after[event.id] for event in given if event.id in part.after), None)
    if told_after is not None and more:
        places.keep(path, given[0].id, _ends(window, told_after))
    return page, more


def _part(path: Path, session_id: str, count: int, ends: Mapping[Path, int]) -> _Part:
    """Read the last lines of all files, as :func:`_window` does, and what they tell."""
    window = _window(path, session_id, count, ends)
    events: list[Event] = []
    after: dict[str, int] = {}
    for number, told in enumerate(steps(line.seen for line in window.lines), 1):
        if number <= window.context:
            continue
        events += told
        after.update((event.id, number) for event in told)
    since = 0 if window.whole or not events else events[0].timestamp
    # Of a known place the last line tells an event that comes behind the page.
    until = max(map(_time, events)) if ends and events else FOREVER
    return _Part(window, events, after, since, until)


def _ends(window: _Window, count: int) -> dict[Path, int]:
    """Return where the first lines of a window end in each file."""
    return window.begins | {line.file: line.end for line in window.lines[:count]}


def stored(raws: list[bytes], limit: int, *, max_bytes: int) -> tuple[list[Raw], bool]:
    """Return the last events of a session whose transcript is gone, from the log.

    Args:
        raws: events as they were sent, oldest first; one more than ``limit`` if there are more.
        limit: how many events, at most.
        max_bytes: their size, at most, as there.

    Returns:
        As :func:`read` does.
    """
    page = _page(map(_without_seq, reversed(raws[-limit:])), max_bytes)
    return page, len(page) < len(raws)


def _without_seq(raw: bytes) -> bytes:
    event = sent(raw)
    event.seq = None
    return _encoder.encode(event)


def _with(part: _Part, logged: Sequence[bytes], before: str | None) -> tuple[list[Event], int | None]:
    """Return a part's events with those of the log that are not among them, and where one of them is."""
    events, known = part.events, {event.id for event in part.events}
    found = [_event(sent(raw)) for raw in logged]
    more = sorted((one for one in found if one.id not in known), key=_time)
    if more:
        events = list(heapq.merge(events, more, key=_time))
    return events, _index(events, before)


def _time(event: Event) -> int:
    return event.timestamp


def _event(one: Sent) -> Event:
    return Event(one.type, one.timestamp, one.session_id, one.id, one.source, one.data, one.agent_id)


def _index(events: list[Event], before: str | None) -> int | None:
    if before is None:
        return len(events)
    return next((index for index, event in enumerate(events) if event.id == before), None)


def _page(newest: Iterable[bytes], max_bytes: int) -> list[Raw]:
    """Return the first of some events, newest first, as far as there is room, oldest first; one at least."""
    page: list[Raw] = []
    size = 0
    for raw in newest:
        size += len(raw)
        if size > max_bytes and page:
            break
        page.append(Raw(raw))
    return page[::-1]


def _window(path: Path, session_id: str, count: int, ends: Mapping[Path, int]) -> _Window:
    """Read the last lines of all files, by time; each file's own order is kept, since its times may step back.

    Args:
        path: the session's transcript.
        session_id: its session.
        count: how many lines of each, at most.
        ends: the byte of each file at which to end; of one that is not in it, its end.
    """
    raw, begin = last_lines(path, count, max_bytes=READ_LIMIT, end=ends.get(path))
    main = list(_lines(path, session_id, None, raw, begin))
    start = since = 0 if begin == 0 or not main else main[0].seen.at
    whole, size = begin == 0, len(raw)
    files, begins = [main], {**ends, path: begin}
    for file in sorted((path.parent / session_id / AGENTS).rglob("agent-*.jsonl")):
        try:
            if file.stat().st_mtime * 1000 < start:
                continue
            more, at = last_lines(file, count, max_bytes=READ_LIMIT, end=ends.get(file))
        except OSError:  # the others can be read all the same
            continue
        agent_id = file.stem.removeprefix("agent-")
        found = list(_lines(file, session_id, agent_id, more, at))
        own = [one for one in found if one.seen.at >= start]
        if own:
            begins[file] = max((one.end for one in found if one.seen.at < start), default=at)
            files.append([_meta(file, session_id, agent_id, own[0].seen.at, begins[file]), *own])
        if own and begins[file] == at > 0:  # cut in the time of the main file: what comes before is not whole
            whole, since, size = False, max(since, own[0].seen.at), max(size, len(more))
    lines = list(heapq.merge(*files, key=_seen_at))
    context = sum(1 for _ in itertools.takewhile(lambda line: line.seen.at < since, lines))
    return _Window(lines, context, begins, whole, size)


def _seen_at(line: _Line) -> int:
    return line.seen.at


def _lines(file: Path, session_id: str, agent_id: str | None, raws: list[bytes], begin: int) -> Iterator[_Line]:
    parsed = []
    for raw in raws:
        begin += len(raw) + 1
        with contextlib.suppress(ValueError):
            parsed.append((transcript.parse(raw), begin))
    at = next((line.at for line, _ in parsed if line.at), 0)
    for line, end in parsed:
        at = line.at or at
        yield _Line(LineSeen(session_id, agent_id, line, at, follows=True), file, end)


def _meta(file: Path, session_id: str, agent_id: str, at: int, begin: int) -> _Line:
    """Return what a subagent is; where its file is missing or broken, nothing is known, and nothing is to come."""
    meta = None
    with contextlib.suppress(OSError), opened(file.with_suffix(".meta.json")) as (descriptor, _):
        meta = transcript.parse_meta(os.read(descriptor, META_LIMIT))
    return _Line(AgentMetaSeen(session_id, agent_id, meta or transcript.AgentMeta(), at), file, begin)
