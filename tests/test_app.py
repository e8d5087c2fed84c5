"""The program put together, as far as no running service is needed to see it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from clawsocket.app import App
from clawsocket.config import Settings
from clawsocket.paths import Home


async def test_a_request_to_forget_that_took_the_place_of_another_waits_until_it_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path / "claw")
    home.create()
    app = App(Settings(claude_dirs=(str(tmp_path / "claude"),)), home)
    may_go = {"first": asyncio.Event(), "second": asyncio.Event()}

    async def purge(sessions: list[str]) -> None:
        await may_go[sessions[0]].wait()

    monkeypatch.setattr(app.persistence, "purge", purge)
    tasks = []
    for session in may_go:
        home.purge.write_text(json.dumps({"sessions": [session]}))
        tasks.append(asyncio.create_task(app._purge()))
        await asyncio.sleep(0)
    may_go["first"].set()
    await tasks[0]
    assert home.purge.exists()
    may_go["second"].set()
    await tasks[1]
    assert not home.purge.exists()
    await app.persistence.close()
