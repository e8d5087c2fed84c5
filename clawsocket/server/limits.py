"""Counting: messages and hooks in a window of time, connections in all and from one address."""

from __future__ import annotations

WINDOW = 10.0
"""Seconds that a rate is counted in."""


class Window:
    """Counts what happens in windows of ten seconds, each beginning with the first thing after the last one."""

    __slots__ = ("_count", "_limit", "began")

    def __init__(self, limit: int) -> None:
        """Allow ``limit`` in a window."""
        self._limit = limit
        self._count = 0
        self.began = float("-inf")

    def allow(self, now: float) -> bool:
        """Count one, and tell whether it is within the limit; ``now`` is in seconds of any steady clock."""
        if now - self.began >= WINDOW:
            self.began = now
            self._count = 0
        self._count += 1
        return self._count <= self._limit


class Rates:
    """A window for each address; those long past are forgotten."""

    def __init__(self, limit: int, *, keep: int = 1000) -> None:
        """Allow each address ``limit`` in a window; remember about ``keep`` addresses."""
        self._limit, self._keep = limit, keep
        self._windows: dict[str, Window] = {}

    def allow(self, address: str, now: float) -> bool:
        """Count one of an address, and tell whether it is within the limit."""
        window = self._windows.get(address)
        if window is None:
            if len(self._windows) >= self._keep:
                self._forget(now)
            window = self._windows[address] = Window(self._limit)
        return window.allow(now)

    def __len__(self) -> int:
        """Return the number of addresses remembered."""
        return len(self._windows)

    def _forget(self, now: float) -> None:
        self._windows = {address: window for address, window in self._windows.items() if now - window.began < WINDOW}


class Places:
    """The places for connections, in all and for each address."""

    def __init__(self, limit: int, limit_each: int) -> None:
        """Have ``limit`` places, of which an address may take ``limit_each``."""
        self._limit, self._limit_each = limit, limit_each
        self._taken = 0
        self._by_address: dict[str, int] = {}

    @property
    def full(self) -> bool:
        """Whether no place is left for anyone."""
        return self._taken >= self._limit

    def full_for(self, address: str) -> bool:
        """Tell whether an address has all the places it may take."""
        return self._by_address.get(address, 0) >= self._limit_each

    def take(self, address: str) -> None:
        """Take a place for an address."""
        self._taken += 1
        self._by_address[address] = self._by_address.get(address, 0) + 1

    def give_back(self, address: str) -> None:
        """Free a place of an address."""
        self._taken -= 1
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]
