from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import uvloop

from clawsocket.claude.observations import Observation
from clawsocket.config import Settings
from clawsocket.sources.transcripts import Transcripts
from clawsocket.sources.watch import Watcher
from tests.sources.following import Following
from tests.sources.running import Process


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The service runs on uvloop; what watches descriptors is tested there."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
def settings() -> Settings:
    return Settings(poll_interval=0.02)


@pytest.fixture
def now() -> Callable[[], int]:
    return lambda: time.time_ns() // 1_000_000


@pytest.fixture
def claude(tmp_path: Path) -> Path:
    """Where Claude Code's folder would be."""
    return tmp_path / ".claude"


@pytest.fixture
def seen() -> list[Observation]:
    """Everything that the sources told of."""
    return []


@pytest.fixture
async def watcher(seen: list[Observation], settings: Settings, now: Callable[[], int]) -> AsyncIterator[Watcher]:
    watcher = Watcher(seen.append, settings, now)
    watcher.start()
    yield watcher
    watcher.close()


@pytest.fixture
def sleeper() -> Iterator[Callable[[], Process]]:
    """Start processes that do nothing; those that still live at the end are killed."""
    with contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(Process())


@pytest.fixture
def no_descriptor_leaks() -> Iterator[None]:
    before = len(os.listdir("/proc/self/fd"))
    yield
    assert len(os.listdir("/proc/self/fd")) <= before


@pytest.fixture
async def following(
    claude: Path, watcher: Watcher, seen: list[Observation], settings: Settings, now: Callable[[], int]
) -> AsyncIterator[Following]:
    following = Following(claude, Transcripts([claude], watcher, seen.append, settings, now), seen)
    yield following
    following.all.close()


@pytest.fixture
def project(claude: Path) -> Path:
    folder = claude / "projects" / "-home-dev-a"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def other_project(claude: Path) -> Path:
    folder = claude / "projects" / "-home-dev-b"
    folder.mkdir(parents=True)
    return folder
