"""A report of usage for a terminal: a table, and a bar for each day."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import TextIO

from clawsocket.cli.look import Look, clean, columns
from clawsocket.spending.report import By, Progress, Row, grouped_by, unpriced
from clawsocket.state.prices import dollars
from clawsocket.state.usage import Tokens, total

BAR = 30
"""Characters of the longest bar."""

LABEL = 12
"""Characters that a name keeps, however narrow the terminal is."""


def table(rows: list[Row], by: tuple[By, ...], since: str, look: Look) -> str:
    """Return a report as lines of text, none of them wider than the terminal."""
    if not rows:
        return f"no usage found{f' since {since}' if since else ''}\n"
    sums = {", ".join(names): tokens for names, tokens in grouped_by(rows, by).items()}
    if "day" not in by:  # an id or a path has no order that would tell anything
        sums = dict(sorted(sums.items(), key=lambda one: -one[1].cost))
    whole = total(sums.values())
    cells = [[", ".join(by).upper(), "INPUT", "OUTPUT", "CACHE WRITE", "CACHE READ", "COST"]]
    cells += [_cells(name, tokens) for name, tokens in [*sums.items(), ("total", whole)]]
    lines, room = _columns(cells, look)
    if by == ("day",) and room > 8:
        most = max(tokens.cost for tokens in sums.values())
        for index, tokens in enumerate(sums.values(), start=1):
            lines[index] += _bar(tokens.cost, most, min(BAR, room - 2), look)
    nameless = unpriced(rows)
    if nameless:
        lines += ["", *_listed("no price is known for", nameless, look.width), *_HINT]
    return "".join(f"{line.rstrip()}\n" for line in lines)


_HINT = ["their tokens count, their cost does not;", "claw-socket usage --help tells how to give one"]


def _cells(name: str, tokens: Tokens) -> list[str]:
    numbers = (tokens.input, tokens.output, tokens.cache_creation, tokens.cache_read)
    return [clean(name) or "-", *map(_short, numbers), _cost(tokens)]


def _short(number: int) -> str:
    """Return a number with three or four digits."""
    value = float(number)
    for unit in ("", "k", "M", "G"):
        if value < 999.5 or unit == "G":
            break
        value /= 1000
    return str(number) if not unit else f"{value:.{0 if value >= 99.5 else 1}f}{unit}"


def _cost(tokens: Tokens) -> str:
    if tokens.usd is None:
        return "?"
    return f"${dollars(tokens.cost):,.2f}{'+?' if tokens.unpriced else ''}"


def _columns(cells: list[list[str]], look: Look) -> tuple[list[str], int]:
    """Return lines with their cells below each other, and how many characters are left in each.

    Where there are too few, the name gets shorter; where that is not enough, columns are left out, the cost last.
    """
    count = len(cells[0])
    widths = [max(columns(row[column]) for row in cells) for column in range(count)]
    kept = [0, 5, 2, 1, 4, 3]
    while len(kept) > 2 and min(widths[0], LABEL) + sum(widths[one] + 2 for one in kept[1:]) > look.width:
        kept.pop()
    shown = sorted(kept)
    others = sum(widths[one] + 2 for one in shown[1:])
    label = min(widths[0], max(LABEL, look.width - others))
    lines = []
    for row in cells:
        rest = "".join(f"  {row[one]:>{widths[one]}}" for one in shown[1:])
        lines.append(look.pad(_cut(row[0], label, look), label) + rest)
    return lines, look.width - label - others


def _cut(text: str, width: int, look: Look) -> str:
    """Shorten a name: of a path the end tells more, of anything else the beginning."""
    if columns(text) <= width or "/" not in text:
        return look.fit(text, width)
    while columns(text) >= width:
        text = text[1:]
    return look.dots + text


def _bar(cost: int, most: int, width: int, look: Look) -> str:
    if not cost or not most:
        return ""
    bar = look.block * max(1, round(width * cost / most))
    return f"  \x1b[36m{bar}\x1b[0m" if look.colour else f"  {bar}"


def _listed(text: str, names: list[str], width: int) -> list[str]:
    return [f"{text}:", *(f"  {clean(name)}"[: max(width, LABEL)] for name in names)]


@contextlib.contextmanager
def progress(stream: TextIO) -> Iterator[Progress]:
    """Show on a terminal how far the reading is, if it takes a while; nothing is left of it at the end."""
    began = last = time.monotonic()
    shown = False

    def show(done: int, all: int) -> None:
        nonlocal last, shown
        now = time.monotonic()
        if now - began < 0.3 or now - last < 0.1 or not all:
            return
        last, shown = now, True
        bar = "#" * (20 * done // all)
        stream.write(f"\rreading transcripts [{bar:<20}] {100 * done // all:3} % of {all / 1e6:,.0f} MB\x1b[K")
        stream.flush()

    try:
        yield show if stream.isatty() else lambda _done, _all: None
    finally:
        if shown:
            stream.write("\r\x1b[K")
            stream.flush()
