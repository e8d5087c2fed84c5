"""A client that takes nothing on trust: whatever the server sends is held against the protocol."""

from __future__ import annotations

import json
import threading
import time
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.support import contract, wire
from tests.support.waiting import wait_for

Json = dict[str, Any]

FOREIGN = "not in asyncapi.json"


class Client(AbstractContextManager["Client"]):
    """A connection that keeps all it gets, read by a thread of its own. It must have been in the contract, all of it.

    Attributes:
        snapshot: the first message.
        events: every event, in the order of arrival.
        others: every other message.
        arrived: when each event came, s since 1970, by its number.
        problems: whatever was not as the protocol says.

    Args:
        url: the server.
        token: goes into the Authorization header.
    """

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url, token
        self.snapshot: Json = {}
        self.events: list[Json] = []
        self.others: list[Json] = []
        self.arrived: dict[int, float] = {}
        self.problems: list[str] = []
        self._last_seq: int | None = None
        self._requests = 0
        self._back = False

    def __enter__(self) -> Self:
        headers = {"Authorization": f"Bearer {self._token}"}
        with ExitStack() as stack:
            self._socket = stack.enter_context(
                connect(self._url, additional_headers=headers, max_size=None, max_queue=None)
            )
            self.snapshot = json.loads(self._socket.recv(10))
            self._check(self.snapshot["type"] == "snapshot", "the first message is no snapshot", self.snapshot)
            self._compare(self.snapshot)
            self._thread = threading.Thread(target=self._read, daemon=True)
            self._thread.start()
            stack.callback(self._thread.join, 10)
            self._exit = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()
        self._exit.close()
        if error is None:
            assert [problem for problem in self.problems if problem.startswith(FOREIGN)] == []

    def _read(self) -> None:
        try:
            for frame in self._socket:
                self._take(frame)
        except ConnectionClosed:
            pass

    def _take(self, frame: str | bytes) -> None:
        at = time.time()
        self._check(isinstance(frame, str), "a binary frame", {})
        message = json.loads(frame)
        self._compare(message)
        if "seq" in message:
            self._take_event(message, at)
            return
        if message["type"] == "subscribed" and not self._back:
            self._last_seq = message["headSeq"]
        self._check(self._back or message["type"] != "gap", "a gap", message)
        self.others.append(message)

    def _take_event(self, event: Json, at: float) -> None:
        for problem in wire.problems(event):
            self._check(False, problem, event)
        if self._last_seq is not None:
            self._check(event["seq"] == self._last_seq + 1, f"seq after {self._last_seq}", event)
        self._last_seq = event["seq"]
        self.arrived[event["seq"]] = at
        self.events.append(event)

    def _compare(self, message: Json) -> None:
        for problem in contract.problems(message):
            self._check(False, f"{FOREIGN}: {problem}", message)

    def _check(self, good: bool, problem: str, message: Json) -> None:
        if not good:
            self.problems.append(f"{problem}: {json.dumps(message)[:500]}")

    def ask(self, type: str, **fields: Any) -> Json:
        """Send a message and return its reply. What was logged before the reply has come by then."""
        self._requests += 1
        ident = f"r{self._requests}"
        self._socket.send(json.dumps({"type": type, "id": ident, **fields}))
        return wait_for(
            lambda: next((one for one in list(self.others) if one.get("id") == ident), None), f"the reply to {type}"
        )

    def follow(self, *, back: bool = False) -> None:
        """Subscribe to everything: from here on no event may be missing.

        Args:
            back: also to all that was before, as far as the server keeps it.
        """
        self._back = back
        self.ask("subscribe", topics=["*"], **({"sinceSeq": 0} if back else {}))

    def resume(self, seq: int, epoch: str, **more: Any) -> Json:
        """Subscribe to everything after a number of a log, and return the reply."""
        self._back = True
        return self.ask("subscribe", topics=["*"], sinceSeq=seq, epoch=epoch, **more)

    def of(self, session: str, *types: str) -> list[Json]:
        """Return the events of a session, of some types or of all."""
        return [
            event
            for event in list(self.events)
            if event["sessionId"] == session and (not types or event["type"] in types)
        ]
