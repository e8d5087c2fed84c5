"""What the tests of the sources have in common: waiting on the loop, processes, and lines of transcripts."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sized
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

LONG_AGO = "2020-01-01T00:00:00.000Z"
FRESH = "2100-01-01T00:00:00.000Z"


async def eventually(look: Callable[[], object], what: str, seconds: float = 10.0) -> None:
    """Wait on the loop until ``look`` returns something true.

    Raises:
        TimeoutError: it did not.
    """
    end = time.monotonic() + seconds
    while not look():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds} s")
        await asyncio.sleep(0.002)


async def settled() -> None:
    """Let the loop take its turns until what has happened on the disk has been told."""
    for _ in range(50):
        await asyncio.sleep(0.001)


def start_of(pid: int) -> str:
    """Return when a process started, as the system counts it."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


def has_length(things: Sized, length: int) -> bool:
    """Return whether there are so many things."""
    return len(things) == length


class Process(AbstractContextManager["Process"]):
    """A process that does nothing."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(["sleep", "600"])
        self.pid = self._process.pid
        self.start = start_of(self.pid)

    def kill(self, *, reap: bool = True) -> None:
        """Kill it; one that is not reaped stays as a zombie."""
        self._process.kill()
        if reap:
            self._process.wait()

    def __exit__(self, *_: object) -> None:
        self.kill()


def line(uuid: str, timestamp: str | None = FRESH, **fields: Any) -> bytes:
    """Return a line of a transcript."""
    content = {"type": "user", "uuid": uuid, "message": {"content": "hello"}, **fields}
    if timestamp is not None:
        content["timestamp"] = timestamp
    return json.dumps(content, ensure_ascii=False).encode() + b"\n"


def make_folder(path: Path) -> None:
    """Make a folder and those above it."""
    path.mkdir(parents=True)


def move(path: Path, to: Path) -> None:
    """Rename a file or folder."""
    path.rename(to)


def flood(folder: Path) -> None:
    """Write to two files in a folder until the system's queue of events is full: what comes next is not told."""
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    with (folder / "a.jsonl").open("ab", 0) as one, (folder / "b.jsonl").open("ab", 0) as other:
        for _ in range(limit // 2 + 10):  # by turns, or the system makes one event of them
            one.write(b"\n")
            other.write(b"\n")


def refuse_listing(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Let listing a folder fail for a reason that passes."""
    refused = 0

    def iterdir(self: Path) -> Iterator[Path]:
        nonlocal refused
        if refused < times:
            refused += 1
            raise OSError(errno.EMFILE, "Too many open files", str(self))
        return (self / name for name in os.listdir(self))

    monkeypatch.setattr(Path, "iterdir", iterdir)


def old_file(path: Path, data: bytes) -> None:
    """Write a file that is older than the test."""
    path.write_bytes(data)
    os.utime(path, (1_600_000_000, 1_600_000_000))


def append(path: Path, data: bytes) -> None:
    """Append to a file, which may be new."""
    with path.open("ab") as stream:
        stream.write(data)
