"""Every recorded run of Claude Code, shown: nothing of it is missing, and nothing is wrong in the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.support import oracle
from tests.support.oracle import Truth
from tests.support.replay import SCENARIOS, Replay
from tests.support.service import Service
from tests.support.waiting import wait_for
from tests.web.conversation import TALL, rows, wait_until_whole
from tests.web.dashboard import dashboard

PIECE = 10_000
"""Characters of a text that are shown at once, at least: a browser counts some of them twice."""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service that answers more than a person asks."""
    with Service(tmp_path, "--set", "message_rate=10000") as service:
        service.wait_for_hooks()
        yield service


@pytest.mark.timeout(120)
def test_all_that_was_recorded_is_in_the_conversation(browser: Browser, service: Service) -> None:
    """The page must be clean at the end, too: no error in the console, no violation of the policy."""
    projects = service.home / ".claude" / "projects"
    with ExitStack() as living:
        for name in SCENARIOS:
            living.enter_context(Replay(service.home, name)).run()
        wait_for(lambda: not any((service.folder / "spool").glob("*.json")), "the hooks to be taken")
    with dashboard(browser, service, viewport=TALL) as (page, _):
        sessions = oracle.sessions(projects)
        assert len(sessions) > 30
        for session in sessions:
            truth = oracle.read(session, projects, hooks=())  # what is over is read from there
            page.evaluate("place => { location.hash = place }", f"#/session/{session}?agent=*")
            wait_until_whole(page, truth, projects)
            wait_for(lambda: not unfinished(page), "the end of all calls")  # some were killed
            for row in rows(page):
                check(row, truth)


def unfinished(page: Page) -> int:
    return page.locator('article[data-outcome="running"]').count()


def check(row: dict[str, Any], truth: Truth) -> None:
    """Hold what is to be read in a row against the transcript."""
    if row["kind"] == "tool":
        tool = truth.tools[row["key"]]
        assert row["outcome"] in tool.outcomes
        assert tool.name.rpartition("__")[2] in row["shown"]
    elif row["kind"] in ("prompt", "answer", "error"):
        uuid, _, block = row["key"].split(":")[2].partition("#")
        text = text_of(truth, uuid, int(block or 0))
        assert row["text"] == text
        assert letters(text[:PIECE]) in letters(row["shown"])


def text_of(truth: Truth, uuid: str, block: int) -> str:
    if uuid in truth.errors:
        return truth.errors[uuid].text
    return truth.prompts[uuid].text if uuid in truth.prompts else str(truth.answers[uuid].blocks[block]["text"])


def letters(text: str) -> str:
    """Return a text without what Markdown may have made of it, nor what is shown of the invisible."""
    return re.sub(r"⟨U\+[0-9A-F]+⟩|[\W_]", "", text)
