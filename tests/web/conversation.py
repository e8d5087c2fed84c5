"""What the page of a session tells, against what Claude Code wrote of it."""

from __future__ import annotations

import contextlib
from difflib import ndiff
from itertools import groupby
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.support import oracle
from tests.support.oracle import Truth
from tests.support.waiting import wait_for

MAIN = ""
"""The main agent, among agents' ids."""
TALL = {"width": 1440, "height": 12_000}
"""A window in which a whole conversation of a test is in view, so that all of it is in the page."""

ROWS = """() => [...document.querySelectorAll("long-list article")].map((row) => ({
    kind: row.dataset.kind, key: row.dataset.key, agent: row.row.agent, outcome: row.dataset.outcome,
    text: row.row.data.text, shown: row.innerText,
}))"""
"""The rows that are in the page, in its order; those of an agent are inside of its call, if that is open."""

INTERRUPTED = "[Request interrupted by user"

Told = list[tuple[str, str]]


def rows(page: Page) -> list[dict[str, Any]]:
    """Return what is in the page: each row's kind, key, agent, outcome, text, and what is to be read there."""
    found: list[dict[str, Any]] = page.evaluate(ROWS)
    return found


def told(page: Page) -> dict[str, Told]:
    """Return what the page tells of transcripts: for each agent its messages and calls, in the order of the page."""
    found: dict[str, Told] = {}
    for row in rows(page):
        if row["kind"] == "tool":
            found.setdefault(row["agent"], []).append(("tool", row["key"]))
        elif row["kind"] in ("prompt", "note", "answer", "thinking", "error"):
            found.setdefault(row["agent"], []).append((row["kind"], row["key"].split(":")[2]))
    return found


def written(truth: Truth, projects: Path) -> dict[str, Told]:
    """Return what transcripts hold: for each agent its messages, by their lines and calls, in the order of its file."""
    found: dict[str, Told] = {}
    seen: set[str] = set()
    for line in oracle.transcript_lines(projects, truth.session_id):
        uuid = line.get("uuid", "")
        if uuid not in seen:
            seen.add(uuid)
            found.setdefault(line.get("agentId", MAIN), []).extend(_of_line(truth, uuid))
    return {agent: items for agent, items in found.items() if items}


def _of_line(truth: Truth, uuid: str) -> Told:
    if uuid in truth.errors:
        return [("error", uuid)]
    if uuid in truth.prompts:
        prompt = truth.prompts[uuid]
        if prompt.text.startswith(INTERRUPTED):
            return []  # it is told as the end of the turn
        return [("note" if prompt.synthetic else "prompt", uuid)]
    blocks = truth.answers[uuid].blocks if uuid in truth.answers else []
    kinds = {"text": "answer", "thinking": "thinking"}
    return [("tool", one["id"]) if one["type"] == "tool_use" else (kinds[one["type"]], uuid) for one in blocks]


def wait_until_whole(page: Page, truth: Truth, projects: Path) -> None:
    """Wait until all of the transcripts is in the page, once, and in order."""
    wanted = in_order(written(truth, projects), truth)
    uuids = prompts_of(truth, projects)

    def look() -> dict[str, Told]:
        found = {agent: [(kind, uuids.get(key, key)) for kind, key in items] for agent, items in told(page).items()}
        return in_order(found, truth)

    with contextlib.suppress(TimeoutError):
        wait_for(lambda: look() == wanted, "the whole conversation")
    found = look()
    assert found.keys() == wanted.keys(), page.locator(".story-top").inner_text()
    for agent, items in wanted.items():
        before, now = ([" ".join(one) for one in of] for of in (items, found[agent]))
        assert found[agent] == items, "\n".join(ndiff(before, now))


def prompts_of(truth: Truth, projects: Path) -> dict[str, str]:
    """Return the line of each prompt by its own id: by that it is told where the hook came before the transcript."""
    found: dict[str, str] = {}
    for line in oracle.transcript_lines(projects, truth.session_id):
        if line.get("uuid") in truth.prompts and "promptId" in line:
            found.setdefault(line["promptId"], line["uuid"])
    return found


def in_order(found: dict[str, Told], truth: Truth) -> dict[str, Told]:
    """Return the same with the calls of one message in an order of their own: their hooks run at once, in any order."""
    message = {
        ("tool", block["id"]): answer.message_id
        for answer in truth.answers.values()
        for block in answer.blocks
        if block["type"] == "tool_use"
    }
    return {
        agent: [one for key, run in groupby(items, lambda item: message.get(item, item)) for one in sorted(run)]
        for agent, items in found.items()
    }
