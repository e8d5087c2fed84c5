"""Troubles of a source, each kind told once."""

from __future__ import annotations

import logging
from collections.abc import Callable

from clawsocket.claude.observations import Trouble

logger = logging.getLogger(__name__)


class Troubles:
    """Tells of troubles, each kind once until it is over.

    Args:
        source: the name of the source.
        sink: takes the troubles.
        now: the time in ms since 1970.
    """

    def __init__(self, source: str, sink: Callable[[Trouble], None], now: Callable[[], int]) -> None:
        self._source, self._sink, self._now = source, sink, now
        self._told: set[str] = set()

    def tell(self, kind: str, message: str, detail: object = None) -> None:
        """Tell of a trouble.

        Args:
            kind: what goes wrong.
            message: one line for people, without paths and contents.
            detail: for the program's own log.
        """
        if kind in self._told:
            return
        self._told.add(kind)
        if detail is not None:
            logger.warning("%s: %s: %s", self._source, message, detail)
        self._sink(Trouble(self._source, message, True, self._now()))

    def over(self, kind: str) -> None:
        """A trouble is over; it is told again when it comes back."""
        self._told.discard(kind)
