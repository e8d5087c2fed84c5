"""Hooks and transcript lines at random rates, a server that is killed at random moments, a client that comes back.

``python -m tests.support.torture --kills 500`` is the long form of what the tests do in short.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import connect

from tests.support.service import Service

Json = dict[str, Any]

SESSIONS = 3
UNMEASURED = {"COVERAGE_PROCESS_CONFIG": ""}
"""One that is killed could not say which lines it ran."""
TOLD_EVERY = 50
"""Kills after which it is told how far it is."""


@dataclass
class Input:
    """What was fed: the ids that its facts must have, by source, in order."""

    hooks: list[str] = field(default_factory=list)
    lines: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


class Feeder(threading.Thread):
    """Writes hooks and lines for some living sessions, until it is told to stop."""

    def __init__(self, home: Path, seed: int) -> None:
        super().__init__(daemon=True)
        self.input = Input()
        self.stopped = threading.Event()
        self._random = random.Random(seed)
        self._spool = home / ".claw-socket" / "spool"
        self._project = home / ".claude" / "projects" / "-w"
        self._project.mkdir(parents=True)
        self._spool.mkdir(parents=True, exist_ok=True)
        self._folder = home / ".claude" / "sessions"
        self._folder.mkdir()
        self._sleepers = [subprocess.Popen(["sleep", "100000"]) for _ in range(SESSIONS)]
        self._sessions = [self._session(sleeper.pid) for sleeper in self._sleepers]
        self._number = 0

    def _session(self, pid: int) -> str:
        session = str(uuid.UUID(int=self._random.getrandbits(128)))
        started = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
        now = int(time.time() * 1000)
        file = {"pid": pid, "sessionId": session, "cwd": "/w", "startedAt": now, "procStart": started, "status": "busy"}
        (self._folder / f"{pid}.json").write_text(json.dumps(file))
        return session

    def run(self) -> None:
        while not self.stopped.is_set():
            for _ in range(self._random.choice((1, 1, 1, 5, 20))):
                if self._random.random() < 0.5:
                    self._hook()
                else:
                    self._line()
            time.sleep(self._random.expovariate(40))

    def close(self) -> None:
        self.stopped.set()
        if self.is_alive():
            self.join()
        for sleeper in self._sleepers:
            sleeper.kill()
            sleeper.wait()

    def _hook(self) -> None:
        self._number += 1
        name = f"{self._number:08}"
        payload = {
            "session_id": self._random.choice(self._sessions),
            "hook_event_name": "Notification",
            "message": f"hook {self._number} " + "x" * self._random.randrange(2000),
            "cwd": "/w",
        }
        partial = self._spool / f".{name}"
        partial.write_text(json.dumps(payload))
        os.utime(partial, ns=(time.time_ns(),) * 2)  # the clock of files goes by ticks
        written = partial.stat().st_mtime_ns
        partial.rename(self._spool / f"{name}.json")
        self.input.hooks.append(f"h:{name}.{written}")

    def _line(self) -> None:
        session = self._random.choice(self._sessions)
        uid = str(uuid.UUID(int=self._random.getrandbits(128)))
        at = time.time_ns() // 1_000_000  # one look: the second may end between two
        now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at // 1000)) + f".{at % 1000:03}Z"
        body: Json = {"uuid": uid, "timestamp": now, "sessionId": session, "cwd": "/w", "isSidechain": False}
        text = "y" * self._random.randrange(2000)
        if self._random.random() < 0.3:
            call = {"type": "tool_use", "id": f"toolu_{uid}", "name": "Bash", "input": {"command": text}}
            body |= {"type": "assistant", "message": {"role": "assistant", "id": uid, "content": [call]}}
            facts = [f"m:{session}:{uid}", f"t:{session}:toolu_{uid}:use"]
        else:
            body |= {"type": "user", "message": {"role": "user", "content": text}}
            facts = [f"m:{session}:{uid}"]
        raw = json.dumps(body).encode() + b"\n"
        cut = self._random.randrange(len(raw)) if self._random.random() < 0.1 else 0
        with (self._project / f"{session}.jsonl").open("ab", buffering=0) as file:
            for part in (raw[:cut], raw[cut:]):  # torn, now and then
                file.write(part)
        self.input.lines[session] += facts


class Reader(threading.Thread):
    """A client that comes back by ``sinceSeq`` whenever it is thrown out."""

    def __init__(self, home: Path) -> None:
        super().__init__(daemon=True)
        self.events: list[tuple[int, str, str]] = []
        self.ids: set[str] = set()
        self.others: list[Json] = []
        self.stopped = threading.Event()
        self._folder = home / ".claw-socket"
        self._last: tuple[int, str] | None = None

    def run(self) -> None:
        while not self.stopped.is_set():
            with contextlib.suppress(OSError, ValueError, KeyError, WebSocketException):
                self._visit()
            time.sleep(0.01)

    def _visit(self) -> None:
        url = json.loads((self._folder / "endpoint").read_text())["url"]
        headers = {"Authorization": f"Bearer {(self._folder / 'token').read_text().strip()}"}
        with connect(url, additional_headers=headers, max_size=None, max_queue=None, open_timeout=5) as socket:
            snapshot = json.loads(socket.recv(5))
            if self._last is None:
                self._last = (snapshot["headSeq"], snapshot["epoch"])
            seq, epoch = self._last
            socket.send(json.dumps({"type": "subscribe", "topics": ["*"], "sinceSeq": seq, "epoch": epoch}))
            with contextlib.suppress(TimeoutError, ConnectionClosed):
                while not self.stopped.is_set():
                    self._take(json.loads(socket.recv(0.2)), epoch)

    def _take(self, message: Json, epoch: str) -> None:
        if "seq" in message:
            self.events.append((message["seq"], message["id"], message["type"]))
            self.ids.add(message["id"])
            self._last = (message["seq"], epoch)
        else:
            self.others.append(message)


@dataclass
class Result:
    """What was seen, and what was wrong with it."""

    problems: list[str]
    kills: int
    facts: int
    events: int
    repeated: int


def torture(home: Path, *, kills: int, seed: int, clean: bool = False, longest: float = 0.8) -> Result:
    """Run it.

    Args:
        home: a scratch home.
        kills: how often the server is killed.
        seed: of everything that is random.
        clean: ask the server to stop instead.
        longest: seconds that a server lives, at most.
    """
    chance = random.Random(seed)
    service = Service(home, "--set", "hooks=yes", more=UNMEASURED)
    feeder, reader = Feeder(home, seed), Reader(home)
    try:
        reader.start()
        deadline = time.monotonic() + 20
        while reader._last is None and time.monotonic() < deadline:
            time.sleep(0.01)
        feeder.start()
        for number in range(kills):
            if number and number % TOLD_EVERY == 0:
                print(f"{number} of {kills} kills, {len(reader.events)} events so far", file=sys.stderr, flush=True)
            time.sleep(chance.random() * longest)
            service.process.send_signal(signal.SIGTERM if clean else signal.SIGKILL)
            service.process.wait(20)
            time.sleep(chance.random() * 0.1)
            service = Service(home, "--set", "hooks=yes", more=UNMEASURED)
        feeder.stopped.set()
        feeder.join()
        wanted = {*feeder.input.hooks, *(one for ids in feeder.input.lines.values() for one in ids)}
        deadline = time.monotonic() + 60
        while wanted - reader.ids and time.monotonic() < deadline:
            time.sleep(0.05)
        problems = check(feeder.input, reader, consecutive=clean)
        distinct = len(reader.ids)
        return Result(problems, kills, len(wanted), len(reader.events), len(reader.events) - distinct)
    finally:
        reader.stopped.set()
        reader.join(10)
        feeder.close()
        service.process.kill()
        service.process.wait()


def check(given: Input, reader: Reader, *, consecutive: bool) -> list[str]:
    """Return what is wrong with what a client saw.

    Args:
        given: what was fed.
        reader: the client.
        consecutive: whether no number may be left out, and none of the ids come again.
    """
    first: dict[str, int] = {}
    by_seq: dict[int, str] = {}
    problems = [f"{message}" for message in reader.others if message["type"] in ("gap", "error")]
    problems += [f"not recovered: {one}" for one in reader.others if one.get("recovered") is False]
    before = 0
    for place, (seq, id, _) in enumerate(reader.events):
        first.setdefault(id, place)
        if by_seq.setdefault(seq, id) != id:
            problems.append(f"seq {seq} had the ids {by_seq[seq]} and {id}")
        if seq <= before or (consecutive and before and seq != before + 1):
            problems.append(f"seq {seq} came after {before}")
        if consecutive and first[id] != place:
            problems.append(f"{id} came again")
        before = seq
    for source, ids in {"hooks": given.hooks, **given.lines}.items():
        missing = [id for id in ids if id not in first]
        if missing:
            told = f"{missing[0]} is the first, the {ids.index(missing[0]) + 1}th, {missing[-1]} the last, the "
            told += f"{ids.index(missing[-1]) + 1}th"
            problems.append(f"{source}: {len(missing)} of {len(ids)} facts are missing; {told}")
        places = [first[id] for id in ids if id in first]
        if source != "hooks" and places != sorted(places):
            problems.append(f"{source}: the lines came out of order")
    hooks = [first[id] for id in given.hooks if id in first]
    if hooks != sorted(hooks):
        problems.append("the hooks came out of order")
    # A fact under two ids would be one more id of its kind than was written.
    kinds = {id: type for _, id, type in reader.events}
    extra = {id for id, type in kinds.items() if type.startswith(("hook.", "message.", "tool.use"))}
    extra -= {*given.hooks, *(one for ids in given.lines.values() for one in ids)}
    if extra:
        problems.append(f"{len(extra)} ids are of facts that nobody wrote, {min(extra)} is the first")
    return problems


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--clean", action="store_true", help="ask the server to stop instead of killing it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = torture(Path(folder), kills=options.kills, seed=options.seed, clean=options.clean)
    print(
        f"seed {options.seed}: {result.kills} kills, {result.facts} facts, {result.events} events,"
        f" {result.repeated} of them again, {len(result.problems)} problems"
    )
    for problem in result.problems[:20]:
        print(" ", problem)
    sys.exit(bool(result.problems))


if __name__ == "__main__":
    main()
