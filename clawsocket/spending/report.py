"""What was spent, by day, project, model, session, agent and prompt."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from clawsocket.spending import transcripts
from clawsocket.spending.cache import Cache
from clawsocket.spending.scan import Found, Message, scan
from clawsocket.spending.transcripts import File
from clawsocket.state.prices import Prices
from clawsocket.state.usage import Tokens

By = Literal["day", "project", "model", "session", "agent", "prompt"]

QUARTER = 900_000
"""ms in which no day begins, in any time zone, but at their beginning."""

Progress = Callable[[int, int], None]
"""Told the bytes that are done, and all there are."""

Unread = dict[str, OSError]
"""Files that could not be read, by path, and why."""


class Row(msgspec.Struct, array_like=True):
    """What was spent on a day, by an agent of a session with a model, for a prompt.

    Attributes:
        day: as 2026-11-23, in local time; empty for messages without a time.
        project: the folder that the session works in.
        agent: the subagent's id, empty for the session itself.
        cost: millionths of a micro-dollar.
        unpriced: how many of the messages have no price.
    """

    day: str
    project: str
    session: str
    agent: str
    prompt: str
    model: str
    input: int = 0
    output: int = 0
    cache_creation: int = 0
    cache_read: int = 0
    cost: int = 0
    messages: int = 0
    unpriced: int = 0

    def tokens(self) -> Tokens:
        """Return its numbers as a sum."""
        tokens = Tokens()
        for name in Tokens.__slots__:
            setattr(tokens, name, getattr(self, name))
        return tokens


class Source(NamedTuple):
    """A file and what it says, but for its messages: there can be millions.

    Attributes:
        age: what is smaller for the older of two files that hold the same message.
        project: the folder that its session works in.
        keys: those of its messages.
    """

    age: tuple[int, int, str]
    file: File
    project: str
    keys: array[int]


_rows = msgspec.msgpack.Decoder(list[Row])


def report(
    dirs: Iterable[Path], cache: Cache, prices: Prices, progress: Progress = lambda _done, _all: None
) -> tuple[list[Row], Unread]:
    """Return what all transcripts in some of Claude Code's folders say, and which of them could not be read.

    Args:
        dirs: Claude Code's folders.
        cache: what they said before.
        prices: of the models.
        progress: is called now and then while files are read.
    """
    files = transcripts.files(dirs)
    made_of = _fingerprint(files, prices)
    known = cache.report(made_of)
    if known is not None:
        return _rows.decode(known), {}
    unread: Unread = {}
    rows = summed(read(files, cache, progress, unread), cache, prices, unread)
    if not unread:  # an error may pass, and the files stay as they are
        cache.keep_report(made_of, msgspec.msgpack.encode(rows))
    return rows, unread


def _fingerprint(files: list[File], prices: Prices) -> bytes:
    zone = (time.tzname, time.timezone, time.altzone)
    return blake2b(repr((files, prices.digest, zone)).encode("utf-8", "surrogateescape"), digest_size=16).digest()


def read(files: list[File], cache: Cache, progress: Progress, unread: Unread) -> list[Source]:
    """Return what some files say, reading what is new of them; those that can't be read are added to the unread."""
    sources = []
    done, all = 0, sum(file.size for file in files)
    cache.begin()
    for file in files:
        found, fresh = cache.get(file) or (None, False)
        if found is None or not fresh:
            progress(done, all)
            try:
                found = scan(file.path, found)
            except FileNotFoundError:
                continue  # it is gone, and in no report any more
            except OSError as error:
                unread[file.path] = error
                continue
            cache.put(file, found)
        sources.append(_source(file, found))
        done += file.size
    cache.end(files)
    progress(all, all)
    return sources


def _source(file: File, found: Found) -> Source:
    last = max((message.at for message in found.messages.values()), default=0)
    return Source((found.born, last, file.path), file, found.cwd or file.project, array("Q", found.messages))


def summed(sources: list[Source], cache: Cache, prices: Prices, unread: Unread) -> list[Row]:
    """Return the sums of the messages in some files, each counted for the oldest file that holds it.

    A file that can't be read again, where the cache has failed, is added to the unread.
    """
    projects = {source.file.session: source.project for source in sources if not source.file.agent}
    shared = _shared(sources, cache, unread)
    rows: dict[tuple[str, ...], Row] = {}
    days: dict[int, str] = {}
    for source in sorted(sources):
        file = source.file
        place = (projects.get(file.session, source.project), file.session, file.agent)
        for message in _messages(source, cache, unread):
            if message.key in shared:
                largest, shared[message.key] = shared[message.key], None
                if largest is None:
                    continue
                message.widen(largest)
            quarter = message.at // QUARTER
            day = days.get(quarter) or days.setdefault(quarter, _day(message.at))
            key = (day, *place, message.prompt, message.model)
            row = rows.get(key) or rows.setdefault(key, Row(*key))
            _add(row, message, prices.cost(message.model, message.usage(), message.at))
    return [rows[key] for key in sorted(rows)]


def _shared(sources: list[Source], cache: Cache, unread: Unread) -> dict[int, Message | None]:
    """Return the largest reading of each message that is in more than one file."""
    seen: set[int] = set()
    twice: set[int] = set()
    for source in sources:
        for key in source.keys:
            (twice if key in seen else seen).add(key)
    shared: dict[int, Message | None] = {}
    for source in sources:
        if twice.isdisjoint(source.keys):
            continue
        for message in _messages(source, cache, unread):
            if message.key in twice:
                known = shared.setdefault(message.key, message)
                if known is not None:
                    known.widen(message)
    return shared


def _messages(source: Source, cache: Cache, unread: Unread) -> list[Message]:
    kept, fresh = cache.get(source.file) or (None, False)
    try:
        found = kept if kept is not None and fresh else scan(source.file.path, kept)  # what is new could not be kept
        return list(found.messages.values())
    except OSError as error:
        unread[source.file.path] = error
        return []


def _day(at: int) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(at / 1000)) if at > 0 else ""


def _add(row: Row, message: Message, cost: int | None) -> None:
    row.input += message.input
    row.output += message.output
    row.cache_creation += message.cache_creation
    row.cache_read += message.cache_read
    row.messages += 1
    if cost is None:
        row.unpriced += 1
    else:
        row.cost += cost


def grouped_by(rows: Iterable[Row], by: Sequence[By]) -> dict[tuple[str, ...], Tokens]:
    """Return sums by several parts, such as day and model, in their order."""
    sums: dict[tuple[str, ...], Tokens] = {}
    for row in rows:
        sums.setdefault(tuple(getattr(row, part) for part in by), Tokens()).merge(row.tokens())
    return dict(sorted(sums.items()))


def unpriced(rows: Iterable[Row]) -> list[str]:
    """Return the models without a price."""
    return sorted({row.model for row in rows if row.unpriced})
