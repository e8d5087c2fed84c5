"""A service that is restarted again and again while it is fed, and clients that should not notice.

One such run takes about a minute, so that all clients share it: the one of Python in both its forms, the one of
JavaScript wherever it runs, the command line. Each of them is a :class:`Follower`.
"""

from __future__ import annotations

import json
import random
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from tests.support.feed import hook, spool
from tests.support.service import Service
from tests.support.waiting import wait_for

LAST = "tool.use"
"""The type of the one event that comes last."""


class Seen(NamedTuple):
    """An event that a client was given. ``number`` is that of the hook which was fed; None for other events."""

    id: str
    seq: int
    type: str
    number: int | None

    @classmethod
    def of(cls, event: dict[str, object]) -> Seen:
        """Return what matters of an event in the form of the wire."""
        data, kind = event["data"], str(event["type"])
        assert isinstance(data, dict)
        number = int(data["message"]) if kind == "hook.notification" else None
        return cls(str(event["id"]), int(str(event["seq"])), kind, number)


class Follower:
    """A client that reads everything from the oldest event on.

    Attributes:
        name: what it is, for a message.
        seen: what it was given; the end of its run is the event :data:`LAST`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.seen: list[Seen] = []

    def has_ended(self) -> bool:
        return bool(self.seen) and self.seen[-1].type == LAST


class Program(Follower, AbstractContextManager["Program"]):
    """A program that prints each event it is given as a line of JSON, in the form of the wire; for a with block.

    Args:
        name: what it is.
        command: what runs it.
        env: its environment, which holds the home of the service.
    """

    def __init__(self, name: str, command: Sequence[str | Path], env: dict[str, str]) -> None:
        super().__init__(name)
        self._process = subprocess.Popen(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.seen.append(Seen.of(json.loads(line)))
            if self.has_ended():
                return

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._thread.join(10)
        assert self._process.stdout is not None
        self._process.stdout.close()


class Restless(AbstractContextManager["Restless"]):
    """The service, at one port all the time (that of a page can't change); leaving the context stops it.

    Args:
        home: its home.
        ends: how each run of it ends; after that there is one more.
        outage: seconds without it before the last run.

    Attributes:
        service: the present run of it.
        fed: how many numbered hooks it was fed.
    """

    def __init__(self, home: Path, ends: Sequence[signal.Signals], outage: float) -> None:
        self._home, self._ends, self._outage = home, ends, outage
        self._port = str(_free_port())
        self.service = Service(home, "--port", self._port)
        self.service.wait_for_hooks()
        self.fed = 0
        self._feeding = threading.Event()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.service.__exit__(kind, error, trace)

    def run(self, followers: Sequence[Follower]) -> None:
        """Feed and restart it, each time once everybody has got something of the run; wait until all have the last."""
        feeder = threading.Thread(target=self._feed, daemon=True)
        feeder.start()
        try:
            self._restart(followers)
        finally:
            self._feeding.set()
            feeder.join()
        tool = {"tool_name": "Bash", "tool_input": {"command": "ls"}, "tool_use_id": "toolu_last"}
        spool(self._home, "999999", hook(0, hook_event_name="PreToolUse", **tool))
        for one in followers:
            wait_for(one.has_ended, f"the last event in {one.name}", 30)

    def _restart(self, followers: Sequence[Follower]) -> None:
        chance = random.Random(7)
        for number, end in enumerate(self._ends):
            for one in followers:
                before = len(one.seen)
                wait_for(lambda one=one, before=before: len(one.seen) > before, f"an event in {one.name}", 20)  # type: ignore[misc]
            time.sleep(chance.random() * 0.2)
            self.service.process.send_signal(end)
            self.service.process.wait(20)
            time.sleep(self._outage if number == len(self._ends) - 1 else chance.random() * 0.1)
            self.service = Service(self._home, "--port", self._port)

    def _feed(self) -> None:
        while not self._feeding.wait(0.005):
            spool(self._home, f"{self.fed:06}", hook(self.fed))
            self.fed += 1

    def problems(self, followers: Iterable[Follower]) -> list[str]:
        """Return what somebody was not given exactly once and in order."""
        return [f"{one.name}: {problem}" for one in followers for problem in self._problems(one.seen)]

    def _problems(self, seen: list[Seen]) -> list[str]:
        numbers = [one.number for one in seen if one.number is not None]
        missing = sorted(set(range(self.fed)) - set(numbers))
        again = [id for id, count in Counter(one.id for one in seen).items() if count > 1]
        found = [f"{len(missing)} are missing, from {missing[0]} on"] if missing else []
        found += [f"{len(again)} came more than once: {again[:3]}"] if again else []
        found += [] if numbers == sorted(numbers) else ["hooks are not in order"]
        seqs = [one.seq for one in seen]
        return found + ([] if seqs == sorted(set(seqs)) else ["numbers do not rise"])


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
