"""What a terminal can show, and text made to fit it."""

from __future__ import annotations

import os
import re
import shutil
import textwrap
import unicodedata
from functools import cache
from typing import NamedTuple, TextIO


class Look(NamedTuple):
    """What can be shown.

    Attributes:
        width: characters in a line.
        colour: whether colours are wanted.
        block: what bars are made of.
        terminal: whether it is one, so that a line must not be wider.
        height: lines of the terminal.
    """

    width: int = 80
    colour: bool = False
    block: str = "█"
    terminal: bool = False
    height: int = 24

    @classmethod
    def of(cls, stream: TextIO) -> Look:
        """Return what a stream can show."""
        terminal = stream.isatty()
        colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        size = shutil.get_terminal_size()
        width = size.columns if terminal or os.environ.get("COLUMNS") else 120
        try:
            "█…└→".encode(stream.encoding or "ascii")
        except (UnicodeEncodeError, LookupError):
            return cls(width, colour, "#", terminal, size.lines)
        return cls(width, colour, "█", terminal, size.lines)

    @property
    def dots(self) -> str:
        """What stands for what was left out."""
        return "…" if self.block == "█" else "~"

    @property
    def arrow(self) -> str:
        """What points to what is to be done."""
        return "→" if self.block == "█" else "->"

    def paint(self, text: str, colour: str) -> str:
        """Return a text in a colour, the number of an escape sequence; as it is where no colours are wanted."""
        return f"\x1b[{colour}m{text}\x1b[0m" if self.colour and colour and text else text

    def fit(self, text: str, width: int) -> str:
        """Return a text that takes no more than ``width`` columns and harms no terminal."""
        text = clean(text)
        if self.block != "█":
            text = text.encode("ascii", "replace").decode()
        if columns(text) <= width:
            return text
        room = width - 1
        for index, one in enumerate(text):
            room -= columns(one)
            if room < 0:
                return text[:index] + self.dots if width > 0 else ""
        return text

    def cut(self, lines: list[str], height: int) -> list[str]:
        """Return the first lines, so many at most; if there are more, the last one tells how many."""
        if len(lines) <= height:
            return lines
        shown = max(height - 1, 0)
        return [*lines[:shown], self.fit(f"{self.dots} {len(lines) - shown} more", self.width)]

    def pad(self, text: str, width: int) -> str:
        """Return a text that takes exactly ``width`` columns."""
        text = self.fit(text, width)
        return text + " " * (width - columns(text))


def clean(text: str) -> str:
    """Return a text as one line without what would steer a terminal."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else " " if one.isspace() else "?" for one in text)


_STEERS = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""What JSON may hold as it is, and steers a terminal, or makes two lines of one."""


def clean_json(text: str) -> str:
    """Return a text of JSON that says the same, and harms no terminal."""
    return _STEERS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


@cache
def _columns(one: str) -> int:
    if unicodedata.category(one) in ("Mn", "Me") and one != _AS_EMOJI:
        return 0
    return 2 if unicodedata.east_asian_width(one) in "WF" else 1


_AS_EMOJI = "\ufe0f"
"""What makes an emoji of the character before it, which then takes another column."""


def folded(text: str, width: int) -> str:
    """Return a text of help whose lines fit.

    Lines at the margin are paragraphs, and are filled anew; what an indented one says of something goes on below where
    it begins. Others are to be typed as they are.
    """
    if max(map(len, text.splitlines()), default=0) <= width:
        return text
    lines: list[str] = []
    for part in re.findall(r"^\S.*\n?(?:^(?!--)\S.*\n?)*|^.*\n", text, re.MULTILINE):
        names = re.match(r" {8,}| +\S+(?: \S+)* {2,}", part)
        if part[0].isspace() and not names:
            lines.append(part.rstrip("\n"))
        else:
            below = " " * names.end() if names else ""
            lines += textwrap.wrap(part, width, subsequent_indent=below, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines) + text[len(text.rstrip("\n")) :][:1]
