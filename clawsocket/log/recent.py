"""Which ids came lately: by the hundred thousand, in as little memory as may be."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

FIRST = 1 << 15
"""Places in the first table, a quarter of a MB: with many tables each new id is looked for in all of them."""


class Recent:
    """Remembers the newest ids, in 16 to 32 bytes each where a set of them takes 165.

    It keeps their hashes, which Python makes with a key that each process draws for itself (SipHash), so nobody can
    make two ids that are taken for one; by chance that happens to one in 10¹³. A table is half full at most, and looked
    through from where the hash says. A full one is followed by one of twice the size, up to a size that holds enough
    alone: so nothing is ever moved, which would hold the loop.
    """

    def __init__(self, least: int) -> None:
        """Remember nothing yet.

        Args:
            least: how many of the newest are known, at least; and at most four times as many.
        """
        self._largest = 1 << (2 * least - 1).bit_length()
        self._tables = [_empty(min(FIRST, self._largest))]
        self._room = len(self._tables[0]) // 2

    def __contains__(self, id: str) -> bool:
        """Tell whether an id is remembered."""
        wanted = hash(id) or 1  # 0 is an empty place
        for table in self._tables:
            last = len(table) - 1
            place = wanted & last
            while found := table[place]:
                if found == wanted:
                    return True
                place = (place + 1) & last
        return False

    def update(self, ids: Iterable[str]) -> None:
        """Remember ids that are not remembered, oldest first."""
        table = self._tables[0]
        last = len(table) - 1
        for id in ids:
            if not self._room:
                table = self._next()
                last = len(table) - 1
            self._room -= 1
            new = hash(id) or 1
            place = new & last
            while table[place]:
                place = (place + 1) & last
            table[place] = new

    def _next(self) -> array[int]:
        full = self._tables[0]
        if len(full) == self._largest:
            del self._tables[1:]  # this one holds enough
        table = _empty(min(2 * len(full), self._largest))
        self._tables.insert(0, table)
        self._room = len(table) // 2
        return table


def _empty(places: int) -> array[int]:
    return array("q", (0,)) * places
