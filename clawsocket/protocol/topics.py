"""Topic patterns and the filter that a connection's subscriptions make.

``*`` is everything. ``tool.*`` is every type below ``tool.``. A ``*`` inside a pattern matches one segment. Anything
else is a name that matches itself. An alias (see :mod:`clawsocket.protocol.aliases`) is sent only for its exact name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial

from clawsocket.protocol.aliases import ALIASES_OF

GAP = "gap"
"""What stands in the log where events were lost; it concerns everyone who wants any event."""

Sessions = frozenset[str] | None
"""The sessions a topic is wanted for; None is all of them."""


@lru_cache(maxsize=4096)
def matcher(pattern: str) -> Callable[[str], bool]:
    """Return the test that a topic pattern stands for."""
    if pattern == "*":
        return lambda _type: True
    if "*" not in pattern:
        return pattern.__eq__
    return partial(_fits, pattern.split("."))


def _fits(wanted: list[str], type: str) -> bool:
    """Compare segments. To compile a long pattern takes a millisecond, and a client may ask for hundreds of them."""
    found = type.split(".")
    if len(found) < len(wanted) or (len(found) > len(wanted) and wanted[-1] != "*"):
        return False
    return all(there if one == "*" else one == there for one, there in zip(wanted, found, strict=False))


class Filter:
    """What a connection wants: topics, each with its sessions; compared by value, so that equal ones share work.

    Attributes:
        topics: pattern and sessions of each.
        asks_for_aliases: whether any event has an alias that is wanted.
    """

    __slots__ = ("_aliases", "_hash", "_known", "asks_for_aliases", "topics")

    def __init__(self, topics: Mapping[str, Sessions] | None = None) -> None:
        """Take a mapping of topic pattern to the sessions it is wanted for (None: all)."""
        self.topics: tuple[tuple[str, Sessions], ...] = tuple(sorted((topics or {}).items(), key=lambda item: item[0]))
        self._hash = hash(self.topics)
        self._known: dict[str, frozenset[str] | bool] = {}
        exact = dict(self.topics)
        self._aliases = {
            type: [(alias, exact[alias]) for alias in aliases if alias in exact]
            for type, aliases in ALIASES_OF.items()
            if not exact.keys().isdisjoint(aliases)
        }
        self.asks_for_aliases = bool(self._aliases)

    def __hash__(self) -> int:
        """Hash by value."""
        return self._hash

    def __eq__(self, other: object) -> bool:
        """Compare by value."""
        return isinstance(other, Filter) and self.topics == other.topics

    def wants(self, type: str, session_id: str) -> bool:
        """Tell whether an event of this type and session passes."""
        sessions = self._known.get(type)
        if sessions is None:
            sessions = self._learn(type)
        return sessions if isinstance(sessions, bool) else session_id in sessions

    def aliases(self, type: str, session_id: str) -> list[str]:
        """Return the aliases of an event that are asked for by their exact names."""
        asked = self._aliases.get(type)
        if asked is None:
            return []
        return [alias for alias, sessions in asked if sessions is None or session_id in sessions]

    def _learn(self, type: str) -> frozenset[str] | bool:
        if type == GAP:
            return bool(self.topics)
        wanted = [sessions for pattern, sessions in self.topics if matcher(pattern)(type)]
        some = [sessions for sessions in wanted if sessions is not None]
        everywhere = len(some) < len(wanted)
        result: frozenset[str] | bool = frozenset().union(*some) if some and not everywhere else everywhere
        if len(self._known) < 1000:
            self._known[type] = result
        return result
