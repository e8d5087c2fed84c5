"""The messages that a transcript says were paid for.

Only lines with a usage are decoded, and of them only what is needed: most of a transcript is passed over as bytes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from clawsocket.claude import lenient, transcript
from clawsocket.claude.transcript import Usage
from clawsocket.sources.files import opened
from clawsocket.state.usage import SYNTHETIC

CHUNK = 4_000_000
"""Bytes read at once; a line may be longer."""

TAIL = 64
"""Bytes of a file's end that are kept."""

_TIME = re.compile(rb'"timestamp"\s*:\s*"([^"]+)"')
_PROMPT = re.compile(rb'"promptId"\s*:\s*"([^"]+)"')
_COPIED = re.compile(rb'"forkedFrom"\s*:\s*\{\s*"sessionId"')
_SNAPSHOT = re.compile(rb'"type"\s*:\s*"file-history-snapshot"')
_CWD = re.compile(rb'"cwd"\s*:\s*("(?:[^"\\]|\\.)*")')


class Message(msgspec.Struct, array_like=True, gc=False):
    """One API message, as a file has it.

    Attributes:
        key: of its id and its request's, and for advice its place in the message's usage.
        at: ms since 1970.
        fast: whether it was answered in fast mode.
        us: whether it was answered where that had to be in the US.
    """

    key: int
    at: int
    model: str
    prompt: str
    input: int
    output: int
    cache_creation: int
    cache_1h: int
    cache_read: int
    searches: int
    fast: bool
    us: bool

    def usage(self) -> Usage:
        """Return its tokens."""
        return Usage(
            self.input,
            self.output,
            self.cache_creation,
            self.cache_read,
            transcript.CacheCreation(self.cache_1h),
            transcript.ServerToolUse(self.searches),
            "fast" if self.fast else None,
            "us" if self.us else None,
        )

    def widen(self, other: Message) -> None:
        """Take, number by number, the larger of two readings."""
        self.input, self.output = max(self.input, other.input), max(self.output, other.output)
        self.cache_creation = max(self.cache_creation, other.cache_creation)
        self.cache_1h, self.cache_read = max(self.cache_1h, other.cache_1h), max(self.cache_read, other.cache_read)
        self.searches = max(self.searches, other.searches)
        self.fast, self.us = self.fast or other.fast, self.us or other.us


class Found(NamedTuple):
    """What a file says.

    Attributes:
        offset: behind the last whole line.
        tail: the last bytes before that, to know the file by.
        born: the first time that it tells itself, ms since 1970; 0 for none.
        cwd: the folder that its session works in, as it says first; empty for none.
        prompt: the last prompt in it.
        messages: those in it, each once, by key.
    """

    offset: int
    tail: bytes
    born: int
    cwd: str
    prompt: str
    messages: dict[int, Message]


class _Message(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    usage: msgspec.Raw = transcript.ABSENT


class _Line(msgspec.Struct, rename="camel"):
    message: _Message
    type: str = ""
    timestamp: str | None = None
    request_id: str | None = None


_line = msgspec.json.Decoder(_Line, strict=False)


def scan(path: str, before: Found | None = None) -> Found:
    """Read a transcript.

    Args:
        path: of the file.
        before: what it said when it was read last; if it has only grown since, the rest is read.

    Raises:
        OSError: it can't be read.
    """
    with opened(path) as (descriptor, _):
        if before is None or os.pread(descriptor, TAIL, max(0, before.offset - TAIL))[: before.offset] != before.tail:
            before = Found(0, b"", 0, "", "", {})
        offset, tail, born, cwd, prompt, messages = before
        for data in _whole_lines(descriptor, offset):
            born = born or _first_time(data)
            if not cwd and (found := _CWD.search(data)):
                cwd = _text(found[1])
            prompt = _take(data, messages, prompt)
            offset += len(data)
            tail = (tail + data[-TAIL:])[-TAIL:]
    return Found(offset, tail, born, cwd, prompt, messages)


def _first_time(data: bytes) -> int:
    """Return the first time of a line that is no copy of another session's, or the last of those; 0 for none.

    A fork begins with the snapshots that it copied, and its own, which is the last.
    """
    end = time = 0
    snapshot: re.Match[bytes] | None = None
    while found := _TIME.search(data, end):
        before, start, end = snapshot, data.rfind(b"\n", 0, found.start()) + 1, data.index(b"\n", found.end())
        snapshot = _SNAPSHOT.search(data, start, found.start())
        if before and not snapshot:
            break
        time = transcript.milliseconds(found[1].decode("ascii", "replace")) or 0
        if not snapshot and not _COPIED.search(data, start, end):
            break
    return time


def _text(quoted: bytes) -> str:
    try:
        return msgspec.json.decode(quoted, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def _whole_lines(descriptor: int, offset: int) -> Iterator[bytes]:
    """Yield a file from an offset on in pieces that end with a line; a last line without an end is left."""
    os.lseek(descriptor, offset, os.SEEK_SET)
    rest: list[bytes] = []
    while data := os.read(descriptor, CHUNK):
        end = data.rfind(b"\n") + 1
        if not end:
            rest.append(data)
            continue
        yield b"".join((*rest, data[:end])) if rest or end < len(data) else data
        rest = [data[end:]] if end < len(data) else []


def _take(data: bytes, messages: dict[int, Message], prompt: str) -> str:
    """Take the messages in some lines; return the prompt they end with."""
    done = 0
    while (place := data.find(b'"usage"', done)) >= 0:
        start = data.rfind(b"\n", done, place) + 1 or done
        end = data.index(b"\n", place)
        prompt = _prompt(data, done, start, prompt)
        for message in _messages(data[start:end], prompt):
            known = messages.setdefault(message.key, message)
            if known is not message:
                known.widen(message)
        done = end + 1
    return _prompt(data, done, len(data), prompt)


def _prompt(data: bytes, start: int, end: int, before: str) -> str:
    place = data.rfind(b'"promptId"', start, end)
    found = _PROMPT.match(data, place) if place >= 0 else None
    return found[1].decode("utf-8", "replace") if found else before


def _messages(raw: bytes, prompt: str) -> Iterator[Message]:
    """Yield the message of a line, and the advice that was asked for it, each a message of its own."""
    try:
        line, _ = lenient.decode(_line, raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return
    message = line.message
    if line.type != "assistant" or message.id is None or message.model in (None, SYNTHETIC):
        return
    usage = transcript.usage(message.usage)
    if usage is None:
        return
    key, at = f"{message.id}\0{line.request_id or ''}", transcript.milliseconds(line.timestamp) or 0
    yield _counted(key, message.model or "", usage, prompt, at)
    for index, advice in transcript.advice(message.usage):
        yield _counted(f"{key}\0{index}", advice.model or "", advice, prompt, at)


def _counted(key: str, model: str, usage: Usage, prompt: str, at: int) -> Message:
    return Message(
        key=int.from_bytes(blake2b(key.encode("utf-8", "replace"), digest_size=8).digest()),
        at=at,
        model=model,
        prompt=prompt,
        input=usage.input_tokens,
        output=usage.output_tokens,
        cache_creation=usage.cache_creation_input_tokens,
        cache_1h=usage.cache_1h,
        cache_read=usage.cache_read_input_tokens,
        searches=usage.searches,
        fast=usage.speed == "fast",
        us=usage.inference_geo == "us",
    )
