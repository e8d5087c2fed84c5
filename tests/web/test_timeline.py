"""What a timeline shows of calls that overlap."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.support.service import Service
from tests.web.dashboard import dashboard

BARS = """async (calls) => {
    const { marksOf } = await import("/app/timeline-draw.js");
    const tools = calls.map(([from, until]) => ({ from, until, kind: "tool", outcome: "ok" }));
    const marks = marksOf([{ agent: "", thinks: [], tools }], [], { from: 0, to: 1000, width: 1000, end: 1000 }, []);
    return marks.map(({ top, height }) => [top - marks[0].top, height]);
}"""
WHOLE, HALF, THIRD, QUARTER = 18, 17 / 2, 17 / 3, 17 / 4
"""Pixels of a bar that has its lane alone, and of those that share it, with one between them."""

CASES: dict[str, tuple[list[tuple[int, int | None]], list[list[float]]]] = {
    "one after the other": ([(0, 100), (100, 200), (300, 400)], [[0, WHOLE]] * 3),
    "two at once, one alone": ([(0, 100), (50, 150), (150, 250)], [[0, HALF], [9, HALF], [0, WHOLE]]),
    "a place that is free again": (
        [(0, 300), (50, 100), (60, 300), (150, 200)],
        [[0, THIRD], [6, THIRD], [12, THIRD], [6, THIRD]],
    ),
    "more than there is room for": (
        [(number, 500) for number in range(0, 50, 10)],
        [[0, QUARTER], [4.5, QUARTER], [9, QUARTER], [13.5, QUARTER], [13.5, QUARTER]],
    ),
    "one that goes on": ([(0, None), (500, 600)], [[0, HALF], [9, HALF]]),
}


@pytest.mark.parametrize("name", CASES)
def test_calls_at_the_same_time_share_the_height_of_their_lane(browser: Browser, service: Service, name: str) -> None:
    calls, bars = CASES[name]
    with dashboard(browser, service) as (page, _):
        found: Any = page.evaluate(BARS, calls)
    assert found == [pytest.approx(bar) for bar in bars]
