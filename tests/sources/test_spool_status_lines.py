"""Of the status lines in the spool the newest of each session is told, and told apart from hooks."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from clawsocket.claude.observations import HookSeen, Observation, StatusLineSeen, Trouble
from clawsocket.claude.recorder_command import LIMIT, recorder_command
from clawsocket.config import Settings
from clawsocket.sources.spool import Spool
from clawsocket.sources.watch import Watcher
from tests.sources.running import eventually

T0 = 1_700_000_000_000_000_000


@pytest.fixture
async def spool(
    tmp_path: Path, watcher: Watcher, seen: list[Observation], settings: Settings, now: Callable[[], int]
) -> AsyncIterator[Spool]:
    spool = Spool(tmp_path, watcher, seen.append, settings, now)
    yield spool
    spool.close()


def said(session: str, tokens: int = 0) -> bytes:
    return json.dumps({"session_id": session, "context_window": {"total_input_tokens": tokens}}).encode() + b"\n"


def record(folder: Path, body: bytes) -> None:
    subprocess.run(["sh", "-c", recorder_command(str(folder), None)], input=body, check=True)


def told(seen: list[Observation]) -> list[tuple[str, int | None]]:
    lines = [one.line for one in seen if isinstance(one, StatusLineSeen)]
    return [(one.session_id, one.context_window.total_input_tokens if one.context_window else None) for one in lines]


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def is_empty(folder: Path) -> bool:
    return not any(folder.iterdir())


async def test_what_the_recorder_writes_is_told_with_its_time_and_goes(
    spool: Spool, tmp_path: Path, seen: list[Observation]
) -> None:
    await spool.start()
    for number in range(5):
        record(tmp_path, said("s", number))
        await eventually(lambda count=number: len(seen) > count, "a status line")  # type: ignore[misc]
    assert told(seen) == [("s", number) for number in range(5)]
    assert is_empty(tmp_path)


async def test_of_what_waits_the_newest_of_each_session_is_told_among_the_hooks(
    spool: Spool, tmp_path: Path, seen: list[Observation]
) -> None:
    for number in range(3):
        for session in ("a", "b"):
            record(tmp_path, said(session, number))
    hook = tmp_path / "10000001.json"
    hook.write_text('{"hook_event_name":"Stop","session_id":"s"}')
    for at, name in enumerate(("status-b.json", hook.name, "status-a.json")):
        os.utime(tmp_path / name, ns=(T0 + at * 1_000_000, T0 + at * 1_000_000))
    await spool.start()
    assert told(seen) == [("b", 2), ("a", 2)]
    assert [one.at - T0 // 1_000_000 for one in seen if isinstance(one, HookSeen | StatusLineSeen)] == [0, 1, 2]
    assert is_empty(tmp_path)


async def test_it_goes_at_once_since_nothing_is_lost_with_it(
    spool: Spool, tmp_path: Path, seen: list[Observation]
) -> None:
    spool.release = lambda _delete: None
    record(tmp_path, said("s"))
    await spool.start()
    assert told(seen) == [("s", 0)]
    assert is_empty(tmp_path)


async def test_many_at_once_end_with_the_newest_and_leave_nothing(
    spool: Spool, tmp_path: Path, seen: list[Observation]
) -> None:
    await spool.start()

    def write() -> None:
        for number in range(300):
            partial = tmp_path / ".status-s.1"
            partial.write_bytes(said("s", number))
            partial.replace(tmp_path / "status-s.json")

    await asyncio.to_thread(write)
    await eventually(lambda: told(seen)[-1:] == [("s", 299)], "the newest")
    numbers = [number for _, number in told(seen)]
    assert numbers == sorted(set(numbers), key=lambda number: number or 0), "none twice, none after a newer one"
    await eventually(lambda: is_empty(tmp_path), "an empty spool")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"session_id":5}', said("x" * 300), b" " * LIMIT + b" {}"])
async def test_what_is_no_status_line_is_told_once_and_goes(
    spool: Spool, tmp_path: Path, seen: list[Observation], body: bytes
) -> None:
    for name in ("one", "two"):
        (tmp_path / f"status-{name}.json").write_bytes(body)
    await spool.start()
    assert [type(one) for one in seen] == [Trouble]
    assert spool.rejected == {"not a status line": 2}
    assert is_empty(tmp_path)


async def test_a_hook_is_no_status_line_and_a_status_line_no_hook(
    spool: Spool, tmp_path: Path, seen: list[Observation]
) -> None:
    (tmp_path / "10000001.json").write_bytes(said("s"))
    await spool.start()
    assert told(seen) == []
    assert spool.rejected == {"not a hook": 1}


async def test_one_that_cannot_be_read_is_told_and_does_not_stay(
    spool: Spool, tmp_path: Path, seen: list[Observation]
) -> None:
    (tmp_path / "status-s.json").symlink_to(tmp_path / "nowhere")
    (tmp_path / "status-t.json").mkdir()
    await spool.start()
    assert [one for one in seen if isinstance(one, StatusLineSeen)] == []


async def test_partial_ones_are_not_taken_and_old_ones_are_swept(
    spool: Spool, tmp_path: Path, seen: list[Observation]
) -> None:
    for name in (".status-s.1", ".status-s.2", ".status-s.json"):
        (tmp_path / name).write_bytes(said("s"))
    os.utime(tmp_path / ".status-s.1", ns=(T0, T0))
    os.utime(tmp_path / ".status-s.json", ns=(T0, T0))
    await spool.start()
    assert seen == []
    assert names(tmp_path) == [".status-s.2"]
