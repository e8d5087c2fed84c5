"""The program put together, as far as no running service is needed to see it."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
from pathlib import Path
from typing import NamedTuple

import pytest

from clawsocket import app as app_module
from clawsocket import memory
from clawsocket.app import App, now, serve
from clawsocket.claude.observations import SessionFileSeen, SessionGone
from clawsocket.claude.session_file import SessionFile
from clawsocket.config import Settings
from clawsocket.errors import StoreError
from clawsocket.log.eventlog import EventLog
from clawsocket.paths import Home
from clawsocket.protocol.topics import Filter
from tests.sources.running import eventually


@pytest.fixture
def ours(tmp_path: Path) -> Home:
    folder = Home(tmp_path / "claw")
    folder.create()
    return folder


class Starting(NamedTuple):
    """A service that takes what waited, and does not come to the end of it."""

    app: App
    task: asyncio.Task[None]

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])
        await self.app.stop()


@pytest.fixture
async def starting(ours: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Starting:
    (ours.spool / "1.json").write_text(json.dumps({"session_id": "s", "hook_event_name": "Stop"}))
    reached = asyncio.Event()
    monkeypatch.setattr(EventLog, "has_room", lambda _log: reached.set())
    app = App(Settings(port=0, claude_dirs=(str(tmp_path / "claude"),)), ours)
    task = asyncio.create_task(app.start())
    await reached.wait()
    return Starting(app, task)


async def test_a_request_to_forget_that_took_the_place_of_another_waits_until_it_is_done(
    ours: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = App(Settings(claude_dirs=(str(tmp_path / "claude"),)), ours)
    may_go = {"first": asyncio.Event(), "second": asyncio.Event()}

    async def purge(sessions: list[str]) -> None:
        await may_go[sessions[0]].wait()

    monkeypatch.setattr(app.persistence, "purge", purge)
    tasks = []
    for session in may_go:
        ours.purge.write_text(json.dumps({"sessions": [session]}))
        tasks.append(asyncio.create_task(app._purge()))
        await asyncio.sleep(0)
    may_go["first"].set()
    await tasks[0]
    assert ours.purge.exists()
    may_go["second"].set()
    await tasks[1]
    assert not ours.purge.exists()
    await app.persistence.close()


async def test_it_stops_when_told_to_while_it_still_takes_what_waited(
    ours: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = ours.spool / "1.json"
    waiting.write_text(json.dumps({"session_id": "s", "hook_event_name": "Stop"}))
    reached = asyncio.Event()
    monkeypatch.setattr(EventLog, "has_room", lambda _log: reached.set())
    service = asyncio.create_task(serve(Settings(port=0, claude_dirs=(str(tmp_path / "claude"),)), ours))
    async with asyncio.timeout(10):
        await reached.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        await service
    assert waiting.exists(), "it waits for the next run"


async def test_what_was_posted_before_it_had_started_is_in_the_log_when_it_is_stopped(starting: Starting) -> None:
    app = starting.app
    app.take_hook(b'{"session_id": "posted", "hook_event_name": "UserPromptSubmit", "prompt": "Hello"}')
    await starting.stop()
    frames = app.log.read(0, Filter({"*": None}), max_bytes=100_000).frames
    assert b'"hook.user_prompt_submit"' in frames
    assert b'"message.user"' in frames, "no transcript would tell of it"


async def test_a_session_whose_lines_were_not_looked_for_yet_does_not_end_when_it_is_stopped(
    starting: Starting,
) -> None:
    app = starting.app
    app.observe(SessionFileSeen(SessionFile(pid=1 << 30, session_id="lives", started_at=1), now()))
    app.observe(SessionGone("lives", 1 << 30, now(), "file_removed"))
    await starting.stop()
    frames = app.log.read(0, Filter({"*": None}), max_bytes=100_000).frames
    assert b'"session.discovered"' in frames
    assert b'"session.ended"' not in frames, "that is for the next run"


async def test_why_a_session_could_not_be_forgotten_is_said_also_where_there_is_no_room_to_say_it(
    ours: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = App(Settings(claude_dirs=(str(tmp_path / "claude"),)), ours)

    async def purge(_sessions: list[str]) -> None:
        raise StoreError(ours.log, "database or disk is full")

    def full(path: str, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_CREAT:
            raise OSError(errno.ENOSPC, "No space left on device", path)
        return real(path, flags, mode)

    real = os.open
    monkeypatch.setattr(app.persistence, "purge", purge)
    ours.purge.write_text(json.dumps({"sessions": ["one"]}))
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", full)
        await app._purge()
    assert json.loads(ours.purge.read_text())["problem"] == "database or disk is full"
    await app.persistence.close()


async def test_what_memory_has_no_use_for_is_given_back_until_there_is_no_more_of_it(
    ours: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = 0

    def give_back() -> None:
        nonlocal given
        given += 1

    monkeypatch.setattr(memory, "give_back", give_back)
    monkeypatch.setattr(app_module, "TIDY", 0.01)
    app = App(Settings(port=0, claude_dirs=(str(tmp_path / "claude"),)), ours)

    def comes_again() -> bool:
        return app._tidying is not None

    await app.start()
    assert not comes_again(), "at rest it does not wake"
    app.observe(SessionFileSeen(SessionFile(pid=os.getpid(), session_id="lives", started_at=1), now()))
    disk = app.log.disk
    assert disk is not None
    await eventually(lambda: disk.committed == app.log.head, "the way to disk")
    before = given
    await eventually(lambda: given >= before + 2, "the next times")
    assert app.log.bytes_in_memory, "clients that come back want it"
    monkeypatch.setattr(app_module, "RECENT", 0)
    await eventually(lambda: not comes_again(), "the last time")
    assert not app.log.bytes_in_memory
    monkeypatch.setattr(app_module, "TIDY", 60.0)
    await app._history("lives", 10, None, False)
    assert comes_again(), "that took memory"
    await app.stop()
    assert app._tidying is not None
    assert app._tidying.cancelled()
