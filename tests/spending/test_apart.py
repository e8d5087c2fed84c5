"""A report that a running service makes is that of the command line, and ends when nobody wants it."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import msgspec
import pytest

from clawsocket.errors import RequestError
from clawsocket.protocol.replies import usage_report
from clawsocket.spending import apart
from clawsocket.spending.apart import Reports
from clawsocket.spending.cache import Cache
from clawsocket.spending.report import By, grouped_by, report
from clawsocket.state.prices import Prices
from tests.spending import answer, prompt, write
from tests.state.playback import RECORDINGS


@pytest.fixture
def folder(home: Path) -> Path:
    folder = home / ".claw-socket"
    folder.mkdir(mode=0o700)
    return folder


async def test_it_says_what_the_transcripts_say(home: Path, folder: Path) -> None:
    for scenario in ("a_plain", "f2_subagents_parallel"):
        shutil.copytree(RECORDINGS / scenario / "projects", home / ".claude" / "projects", dirs_exist_ok=True)
    by: tuple[By, ...] = ("day", "project", "model", "session")
    made = usage_report(await Reports(folder, ()).make(by, None), by)
    sums = grouped_by(report([home / ".claude"], Cache(None), Prices())[0], by)
    assert len(made.rows) == len(sums) >= 2
    for row, (names, tokens) in zip(made.rows, sums.items(), strict=True):
        assert (row.day, row.project, row.model, row.session) == names
        assert (row.output_tokens, row.messages, row.total_cost_usd) == (tokens.output, tokens.messages, tokens.usd)


async def test_it_begins_with_a_day_and_reads_the_folders_of_the_setting(home: Path, folder: Path) -> None:
    old = answer("m1", 10, at="2026-03-01T12:00:00.000Z")
    write(home, "s", prompt("p"), old, answer("m2", 5, at="2026-03-02T12:00:00.000Z"))
    elsewhere = (home / ".claude").rename(home / "elsewhere")
    made = usage_report(await Reports(folder, [str(elsewhere)]).make(["day"], "2026-03-02"), ["day"])
    assert [(row.day, row.output_tokens) for row in made.rows] == [("2026-03-02", 5)]
    assert usage_report(await Reports(folder, ()).make(["day"], None), ["day"]).rows == []


async def test_one_that_is_too_long_or_goes_wrong_is_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(apart, "LIMIT", 10)
    with pytest.raises(RequestError) as raised:
        await Reports(folder, ()).make(["day"], None)
    assert raised.value.code == "limit_exceeded"
    monkeypatch.setattr(apart, "program", lambda: ("sh", "-c", "exit 3"))
    with pytest.raises(RequestError) as raised:
        await Reports(folder, ()).make(["day"], None)
    assert raised.value.code == "failed"
    assert "ended with 3" in caplog.text


async def test_nobody_wants_it_any_more_and_its_process_ends(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "pid"
    monkeypatch.setattr(
        apart, "program", lambda: ("sh", "-c", f"echo $$ > {told}.new; mv {told}.new {told}; exec sleep 50")
    )
    reports = Reports(folder, ())
    first, second = (asyncio.ensure_future(reports.make(["day"], None)) for _ in range(2))
    async with asyncio.timeout(10):
        while not told.exists():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)
    pid = int(told.read_text())
    second.cancel()  # it waits for its turn
    first.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_report_of_another_form_is_no_report() -> None:
    with pytest.raises(msgspec.ValidationError):
        usage_report(b'{"rows": []}', ["day"])
