"""A session's history, read from the end of its transcripts."""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec import Raw

from clawsocket.claude import transcript
from clawsocket.claude.observations import AgentMetaSeen, LineSeen
from clawsocket.protocol.envelope import Envelope, Event, encode
from clawsocket.sources.backwards import last_lines
from clawsocket.state.history import replay

CONTEXT = 200
"""Lines read before those that are wanted, so that results find the calls they belong to."""

_encoder = msgspec.json.Encoder()
_sent = msgspec.json.Decoder(Envelope)

READ_LIMIT = 512_000_000
"""Bytes read for one reply, at most."""


def read(
    path: Path, session_id: str, limit: int, before: str | None, *, max_bytes: int, logged: Sequence[bytes] = ()
) -> tuple[list[Raw], bool]:
    """Return the last events of a session, those of its subagents among them by time.

    Args:
        path: the session's transcript.
        session_id: its session.
        limit: how many events, at most.
        before: the id of the event to end before; None: the end.
        max_bytes: their size, at most.
        logged: events as they were sent, oldest first, that no transcript tells: they are put among the others by time.

    Returns:
        Envelopes without ``seq``, oldest first, and whether there are older ones.
    """
    count = limit + CONTEXT
    while True:
        lines, whole = last_lines(path, count, max_bytes=READ_LIMIT)
        events = _with(replay(_merged(path, session_id, lines, whole)), logged, whole)
        end = _index(events, before)
        enough = end is not None and end >= limit
        if whole or enough or len(lines) < count:
            return _page(events[: end if end is not None else 0], limit, max_bytes, whole)
        count *= 4


def stored(raws: list[bytes], limit: int, *, max_bytes: int) -> tuple[list[Raw], bool]:
    """Return the last events of a session whose transcript is gone, from the log.

    Args:
        raws: events as they were sent, oldest first; one more than ``limit`` if there are more.
        limit: how many events, at most.
        max_bytes: their size, at most.

    Returns:
        As :func:`read` does.
    """
    page: list[Raw] = []
    size = 0
    for raw in reversed(raws[-limit:]):
        event = _sent.decode(raw)
        event.seq = None
        page.append(Raw(_encoder.encode(event)))
        size += len(raw)
        if size > max_bytes:
            page.pop()
            break
    return page[::-1], len(page) < len(raws)


def _with(events: list[Event], logged: Sequence[bytes], whole: bool) -> list[Event]:
    """Return events with those of the log that are of the same time and are not among them."""
    known = {event.id for event in events}
    start = 0 if whole or not events else events[0].timestamp
    found = [_event(_sent.decode(raw)) for raw in logged]
    more = sorted((one for one in found if one.timestamp >= start and one.id not in known), key=_time)
    return list(heapq.merge(events, more, key=_time)) if more else events


def _time(event: Event) -> int:
    return event.timestamp


def _event(sent: Envelope) -> Event:
    return Event(sent.type, sent.timestamp, sent.session_id, sent.id, sent.source, sent.data, sent.agent_id)


def _index(events: list[Event], before: str | None) -> int | None:
    if before is None:
        return len(events)
    return next((index for index, event in enumerate(events) if event.id == before), None)


def _page(events: list[Event], limit: int, max_bytes: int, whole: bool) -> tuple[list[Raw], bool]:
    page: list[Raw] = []
    size = 0
    for event in reversed(events[-limit:]):
        raw = encode(event)
        size += len(raw)
        if size > max_bytes:
            break
        page.append(Raw(raw))
    return page[::-1], not whole or len(page) < len(events)


def _merged(path: Path, session_id: str, lines: list[bytes], whole: bool) -> list[AgentMetaSeen | LineSeen]:
    """Return the observations of all files by time; each file's own order is kept, since its times may step back."""
    main: list[AgentMetaSeen | LineSeen] = list(_observations(session_id, None, lines))
    start = 0 if whole or not main else main[0].at
    files = [main]
    for file in sorted((path.parent / session_id / "subagents").glob("agent-*.jsonl")):
        if file.stat().st_mtime * 1000 < start:
            continue
        agent_id = file.stem.removeprefix("agent-")
        raw, _ = last_lines(file, len(lines) + CONTEXT, max_bytes=READ_LIMIT)
        own = [one for one in _observations(session_id, agent_id, raw) if one.at >= start]
        if own:
            files.append([*_meta(file, session_id, agent_id, own[0].at), *own])
    return list(heapq.merge(*files, key=lambda one: one.at))


def _observations(session_id: str, agent_id: str | None, lines: list[bytes]) -> Iterator[LineSeen]:
    parsed = []
    for raw in lines:
        with contextlib.suppress(ValueError):
            parsed.append(transcript.parse(raw))
    at = next((line.at for line in parsed if line.at), 0)
    for line in parsed:
        at = line.at or at
        yield LineSeen(session_id, agent_id, line, at)


def _meta(file: Path, session_id: str, agent_id: str, at: int) -> list[AgentMetaSeen]:
    try:
        meta = transcript.parse_meta(file.with_suffix(".meta.json").read_bytes())
    except OSError:
        return []
    return [AgentMetaSeen(session_id, agent_id, meta, at)] if meta else []
