"""The end of a process is told, of that process and no other."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Iterator

import pytest

from clawsocket.sources import processes
from clawsocket.sources.processes import Processes, lives
from tests.sources.running import Process, eventually, settled, start_of

Sleeper = Callable[[], Process]


@pytest.fixture(params=["told by the system", "polled"])
async def watching(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Processes:
    if request.param == "polled":

        def refuse(pid: int) -> int:
            raise OSError(errno.ENOSYS, "Function not implemented")

        monkeypatch.setattr(processes, "_open", refuse)
    return Processes(0.01)


@pytest.fixture
def ended() -> Iterator[list[str]]:
    before = len(os.listdir("/proc/self/fd"))
    yield []
    assert len(os.listdir("/proc/self/fd")) <= before


@pytest.mark.parametrize("reap", [True, False], ids=["reaped", "zombie"])
async def test_an_end_is_told_once(watching: Processes, sleeper: Sleeper, ended: list[str], reap: bool) -> None:
    process, other = sleeper(), sleeper()
    assert watching.watch(process.pid, process.start, lambda: ended.append("one"))
    assert watching.watch(other.pid, other.start, lambda: ended.append("other"))
    await settled()
    assert ended == []
    process.kill(reap=reap)
    await eventually(lambda: ended, "the end")
    await settled()
    assert ended == ["one"]
    watching.close()


async def test_what_does_not_live_is_not_watched(watching: Processes, sleeper: Sleeper, ended: list[str]) -> None:
    dead, zombie, living = sleeper(), sleeper(), sleeper()
    dead.kill()
    zombie.kill(reap=False)
    await eventually(lambda: not lives(zombie.pid, None), "the zombie")
    for pid, start in ((dead.pid, None), (zombie.pid, zombie.start), (living.pid, "12"), (living.pid, "")):
        assert watching.watch(pid, start, lambda: ended.append("never")) is None
    for pid in (0, -1, 1 << 31, 1 << 80):
        assert watching.watch(pid, None, lambda: ended.append("never")) is None
    assert watching.watch(living.pid, None, lambda: ended.append("never"))
    watching.close()


async def test_a_stopped_watch_tells_nothing(watching: Processes, sleeper: Sleeper, ended: list[str]) -> None:
    first, second = sleeper(), sleeper()
    stop = watching.watch(first.pid, first.start, lambda: ended.append("first"))
    assert stop is not None
    watching.watch(second.pid, second.start, lambda: ended.append("second"))
    stop()
    stop()
    watching.close()
    first.kill()
    second.kill()
    await asyncio.sleep(0.03)
    assert ended == []


def test_a_name_cannot_fool_the_look_at_a_process(sleeper: Sleeper) -> None:
    process = sleeper()
    assert lives(process.pid, process.start)
    assert not lives(process.pid, f"{process.start}0")
    start = start_of(os.getpid())
    with open("/proc/self/comm", "r+") as comm:
        before = comm.read()
        comm.write(") R 1 (")
    try:
        assert lives(os.getpid(), start)
    finally:
        with open("/proc/self/comm", "w") as comm:
            comm.write(before)
