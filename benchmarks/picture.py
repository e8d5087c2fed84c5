"""The results as a picture: charts in one SVG, light and dark by what the reader prefers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.rows import SESSIONS, STORED, Result

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 420, 250, 62, 44, 18, 40
STYLE = """
    text { font: 12px system-ui, sans-serif; fill: #444 }
    .title { font-weight: 600; fill: #111 }
    .grid { stroke: #ddd; stroke-width: 1 }
    .ours { stroke: #c2410c; fill: #c2410c }
    .yardstick { stroke: #64748b; fill: #64748b }
    polyline { fill: none !important; stroke-width: 2 }
    @media (prefers-color-scheme: dark) {
        text { fill: #aaa } .title { fill: #eee } .grid { stroke: #333 }
    }
"""


class Chart(NamedTuple):
    """A figure over a number.

    Attributes:
        title: what is drawn, and its unit.
        over: what it is drawn over.
        row: the name of the row for a number, with ``{}`` in its place.
        numbers: the numbers.
    """

    title: str
    over: str
    row: str
    numbers: Sequence[int]


CHARTS = (
    Chart("Deliveries a second", "clients", "fan-out: to {}", (1, 10, 100, 500)),
    Chart("CPU of an event at 1,000 a second, µs", "sessions", "sessions: CPU of an event beside {:,}", SESSIONS),
    Chart("Memory, MB", "sessions", "sessions: memory with {:,}", SESSIONS),
    Chart("A snapshot, ms", "sessions", "sessions: snapshot of {:,}", SESSIONS),
    Chart("Start to listening, ms", "events on disk", "store: start with {:,} events", STORED),
    Chart("Replay of the oldest, events a second", "events on disk", "store: replay from {:,} events", STORED),
)


class Point(NamedTuple):
    """A figure at a number: its median, and the least and the most."""

    x: int
    y: float
    least: float
    most: float


def picture(found: Sequence[Result]) -> str:
    """Return the charts for which there are results, as SVG."""
    by_name = {result.row.name: result for result in found}
    drawn = [(chart, lines) for chart in CHARTS if (lines := _lines(chart, by_name))]
    rows = math.ceil(len(drawn) / 2)
    size = f'viewBox="0 0 {2 * WIDTH} {rows * HEIGHT}"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">', f"<style>{STYLE}</style>"]
    for place, (chart, lines) in enumerate(drawn):
        parts.append(f'<g transform="translate({place % 2 * WIDTH} {place // 2 * HEIGHT})">')
        parts += _draw(chart, lines)
        parts.append("</g>")
    return "\n".join((*parts, "</svg>", ""))


def _lines(chart: Chart, by_name: dict[str, Result]) -> dict[str, list[Point]]:
    lines: dict[str, list[Point]] = {}
    for number in chart.numbers:
        result = by_name.get(chart.row.format(number))
        if result is not None:
            for name in ("ours", "yardstick"):
                if (spread := getattr(result, name)) is not None:
                    lines.setdefault(name, []).append(Point(number, *spread))
    return lines


def _draw(chart: Chart, lines: dict[str, list[Point]]) -> list[str]:
    points = [point for line in lines.values() for point in line]
    low, high = math.log10(min(point.x for point in points)), math.log10(max(point.x for point in points))
    top = _round(max(point.most for point in points))

    def x(number: int) -> float:
        return LEFT + (math.log10(number) - low) / ((high - low) or 1) * (WIDTH - LEFT - RIGHT)

    def y(figure: float) -> float:
        return HEIGHT - BOTTOM - figure / top * (HEIGHT - TOP - BOTTOM)

    parts = [f'<text class="title" x="{LEFT}" y="20">{chart.title}</text>']
    for share in (0, 0.25, 0.5, 0.75, 1):
        height = y(share * top)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{height:.1f}" y2="{height:.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{height + 4:.1f}" text-anchor="end">{_short(share * top)}</text>')
    parts += [
        f'<text x="{x(number):.1f}" y="{HEIGHT - 22}" text-anchor="middle">{_short(number)}</text>'
        for number in sorted({point.x for point in points})
    ]
    parts.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 6}" text-anchor="end">{chart.over}</text>')
    for place, (name, line) in enumerate(lines.items()):
        shape = " ".join(f"{x(point.x):.1f},{y(point.y):.1f}" for point in line)
        parts.append(f'<polyline class="{name}" points="{shape}"/>')
        for point in line:
            at = x(point.x)
            spread = f'y1="{y(point.least):.1f}" y2="{y(point.most):.1f}"'
            parts.append(f'<line class="{name}" x1="{at:.1f}" x2="{at:.1f}" {spread}/>')
            parts.append(f'<circle class="{name}" cx="{at:.1f}" cy="{y(point.y):.1f}" r="3"/>')
        if len(lines) > 1:
            label = {"ours": "claw-socket", "yardstick": "bare server in C"}[name]
            parts.append(f'<circle class="{name}" cx="{LEFT + 6 + place * 110}" cy="32" r="4"/>')
            parts.append(f'<text x="{LEFT + 16 + place * 110}" y="36">{label}</text>')
    return parts


def _round(figure: float) -> float:
    """Return the next figure that reads well."""
    size = 10 ** math.floor(math.log10(figure)) if figure > 0 else 1
    return next((step * size for step in (1, 2, 4, 5, 10) if figure <= step * size), 10.0 * size)


def _short(figure: float) -> str:
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if figure >= size:
            return f"{figure / size:g}{unit}"
    return f"{figure:g}"
