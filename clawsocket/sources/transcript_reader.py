"""Reading transcripts: in turns that never hold the loop for long, fairly among the files, each file in order."""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Callable
from time import perf_counter

from clawsocket.claude import transcript as claude
from clawsocket.claude.observations import LineSeen, Observation
from clawsocket.sources.tail import SLICE, Tail
from clawsocket.sources.transcript_index import FOREVER, Transcript
from clawsocket.sources.troubles import Troubles
from clawsocket.sources.turns import TURN, Turns

_SHARE = TURN / 2
"""Seconds of one file in a turn."""
_KINDS = 100
"""Unknown line types that are told apart."""


class Reader:
    """Tells of the lines of transcripts.

    Args:
        sink: takes the lines, on the loop.
        troubles: takes what can't be read.
        read: called after lines of a transcript were told.
        caught_up: called when a transcript was told up to where it was found, before the first line behind that.
        failed: called when a file can't be read.

    Attributes:
        cutoff: ms since 1970; what was there before and is not later is silent.
        unknown: lines of types that are not known, by type.
        broken: lines that could not be read.
    """

    def __init__(
        self,
        sink: Callable[[Observation], None],
        troubles: Troubles,
        *,
        read: Callable[[Transcript], None],
        caught_up: Callable[[Transcript], None],
        failed: Callable[[Transcript, OSError], None],
    ) -> None:
        self._sink, self._troubles = sink, troubles
        self._told, self._caught_up, self._failed = read, caught_up, failed
        self.cutoff = 0
        self.unknown: Counter[str] = Counter()
        self.broken = 0
        self._turns = Turns(self._take_share)

    def pause_unless(self, has_room: Callable[[], bool]) -> None:
        """Read on only while there is room for what is told."""
        self._turns.has_room = has_room

    @property
    def idle(self) -> bool:
        """Whether nothing waits to be read."""
        return self._turns.idle

    def close(self) -> None:
        """Stop; nothing is told afterwards."""
        self._turns.close()

    def enqueue(self, transcript: Transcript) -> None:
        """Read a transcript when its turn comes."""
        self._turns.add(transcript)

    def waits(self, transcript: Transcript) -> bool:
        """Return whether a transcript waits for its turn."""
        return transcript in self._turns

    def drain(self, transcript: Transcript, budget: int) -> int:
        """Read a queued transcript now.

        Args:
            transcript: it keeps its turn if there is more.
            budget: bytes to read at most, about.

        Returns:
            What is left of the budget.
        """
        while budget > 0 and transcript in self._turns:
            if not self._advance(transcript, math.inf):
                self._turns.discard(transcript)
            budget -= SLICE
        return budget

    def _take_share(self, transcript: Transcript) -> None:
        more = True
        try:
            more = self._advance(transcript, perf_counter() + _SHARE)
        finally:
            if more:
                self._turns.add(transcript)

    def _advance(self, transcript: Transcript, deadline: float) -> bool:
        """Tell of lines until the deadline or the end of the slice, then read on; return whether there is more."""
        told, more, tail = False, False, transcript.tail
        # Who takes a line may end the session, and then the transcript rests; or may want all of it again.
        while tail is not None and tail is transcript.tail:
            line = next(transcript.lines, None)
            if line is None:
                more = self._read(transcript, tail)
                break
            if line[0] > transcript.found:
                self._catch_up(transcript)
            told = self._line(transcript, *line) or told
            if perf_counter() > deadline:
                more = True
                break
        if told:
            self._told(transcript)
        if not more and tail is transcript.tail:
            self._catch_up(transcript)
        return more

    def _catch_up(self, transcript: Transcript) -> None:
        if transcript.catching_up:
            transcript.catching_up = False
            self._caught_up(transcript)

    def _read(self, transcript: Transcript, tail: Tail) -> bool:
        """Read a slice; return whether there is something to tell or more to read."""
        skipped, begins = tail.skipped, tail.offset == 0
        try:
            lines = tail.read()
        except OSError as error:
            self._failed(transcript, error)
            return False
        if tail.restarted:
            transcript.restart(tail, self.cutoff)
        if (begins or tail.restarted) and transcript.found > 0:  # a file may have another time than what is in it
            transcript.at = _first_time(lines) or transcript.at
        if tail.skipped > skipped:
            self._troubles.tell("long", "some lines of a transcript are longer than line_limit; they are skipped")
        transcript.lines = iter(lines)
        return bool(lines) or tail.more

    def _line(self, transcript: Transcript, end: int, raw: bytes) -> bool:
        transcript.done = end
        if not raw:
            return False
        try:
            line = claude.parse(raw)
        except ValueError:
            self.broken += 1
            self._troubles.tell("broken", "some lines of a transcript can't be read; they are skipped")
            return False
        if isinstance(line, claude.OtherLine):
            self._count(line.type)
        at = transcript.at = line.at or transcript.at
        silent = end <= transcript.found and at <= transcript.cutoff
        follows = end > transcript.found > 0 and transcript.cutoff == FOREVER
        self._sink(LineSeen(transcript.session_id, transcript.agent_id, line, at, silent, follows))
        return True

    def _count(self, kind: str) -> None:
        known = kind in self.unknown or len(self.unknown) < _KINDS
        kind = kind if known and len(kind) <= 40 and kind.replace("-", "").replace("_", "").isalnum() else "?"
        self.unknown[kind] += 1
        # told once, since a new Claude Code may bring a dozen of them
        self._troubles.tell("unknown", f"transcript lines of the type {kind!r} are not known to this version")


def _first_time(lines: list[tuple[int, bytes]]) -> int | None:
    """Return the time of the first line that has one, in ms since 1970."""
    for _, raw in lines:
        with contextlib.suppress(ValueError):
            at = claude.parse(raw).at
            if at:
                return at
    return None
