"""From one run to the next, without a service around it: what a start makes of the database that it finds."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from clawsocket.claude import hooks
from clawsocket.claude.observations import HookSeen
from clawsocket.config import Settings
from clawsocket.log.eventlog import EventLog
from clawsocket.log.store import Extras, Position
from clawsocket.paths import Home
from clawsocket.persistence import Persistence
from clawsocket.state.world import World
from tests.support.feed import SESSION, hook

PAGE = 8192


class Run:
    """A run of the program, as far as its log goes."""

    def __init__(self, home: Home, **changed: Any) -> None:
        self.log, self.world = EventLog(max_bytes=10**8, max_events=10**5), World()
        self.persistence = Persistence(home, Settings(**changed), self.log, self.world, [])

    def take(self, number: int, at: int = 1_700_000_000_000, **more: object) -> None:
        """Take a hook."""
        seen = HookSeen(str(number), at, hooks.parse(hook(number, **more)))
        for event in (*self.world.apply(seen, at), *self.world.flush(), *self.world.expire(at + 1000)):
            self.log.append(event)
            self.persistence.touch(event.session_id)


@contextlib.asynccontextmanager
async def running(home: Home, **changed: Any) -> AsyncIterator[Run]:
    run = Run(home, **changed)
    yield run
    await run.persistence.close()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "claw")
    home.create()
    return home


# Damage


async def test_wherever_a_database_is_damaged_the_service_starts_with_it_or_with_a_new_one(home: Home) -> None:
    async with running(home) as run:
        for number in range(100):
            run.take(number, prompt="x" * 1500)
        assert run.persistence.disk is not None
        run.persistence.disk.add(Extras([Position(f"/{'long' * 20}/{number}", 1, number, 5) for number in range(200)]))
    content = home.log.read_bytes()
    aside = 0
    for start in range(0, len(content), PAGE):
        home.log.write_bytes(content[:start] + bytes(PAGE) + content[start + PAGE :])
        async with running(home) as run:
            assert run.persistence.disk is not None, "a log is on disk"
            assert (SESSION in run.world.sessions) is (run.persistence.trouble is None), (
                "nothing of a damaged one is used"
            )
        kept = list(home.root.glob("log.db.damaged-*"))
        assert bool(kept) is (run.persistence.trouble is not None)
        aside += bool(kept)
        for path in kept:
            path.unlink()
    assert aside > len(content) // PAGE // 2
