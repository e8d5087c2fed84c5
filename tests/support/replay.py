"""A recorded run of Claude Code, written anew into a home: a running service takes it for a session that lives."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.feed import spool

RECORDINGS = Path(__file__).parent.parent / "recordings"
SCENARIOS = sorted(path.parent.name for path in RECORDINGS.glob("*/hooks.jsonl"))

Step = tuple[float, str, Callable[[], None]]


class Replay(AbstractContextManager["Replay"]):
    """One recorded run; leaving the context ends the process that stands for Claude Code's.

    Args:
        home: where it is written; the service's spool must be there.
        scenario: which recording.

    Attributes:
        session_id: of its session, the last if it has several.
    """

    def __init__(self, home: Path, scenario: str) -> None:
        self._home, self._scenario = home, scenario
        self._claude = home / ".claude"
        self._process = subprocess.Popen(["sleep", "600"])
        self.session_id = ""
        steps = [*self._hooks(), *self._lines(), *self._session_files()]
        self._steps = iter(sorted(steps, key=lambda step: step[0]))
        self._began = min(step[0] for step in steps)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session_file().unlink(missing_ok=True)
        self._process.kill()
        self._process.wait()

    def run(self, until: str | None = None, pace: Callable[[float], None] = lambda _: None) -> Self:
        """Write what was written then, in that order.

        Args:
            until: stop after the first hook of this name, such as ``PermissionRequest``; to the end by default.
            pace: is told the seconds since its beginning before each step, and may wait.
        """
        for at, name, write in self._steps:
            pace(at - self._began)
            write()
            if name == until:
                break
        return self

    def _hooks(self) -> Iterator[Step]:
        for number, record in enumerate(_records(RECORDINGS / self._scenario / "hooks.jsonl")):
            name = f"{self._scenario}-{number:04}"
            body = json.dumps(record["payload"]).encode()
            yield record["recv"], record["event"], partial(spool, self._home, name, body)

    def _lines(self) -> Iterator[Step]:
        projects = RECORDINGS / self._scenario / "projects"
        for path in sorted(one for one in projects.rglob("*") if one.is_file()):
            target = self._claude / "projects" / path.relative_to(projects)
            at = 0.0
            is_transcript = path.suffix == ".jsonl"
            for raw in path.read_bytes().splitlines(keepends=True) if is_transcript else [path.read_bytes()]:
                stamp = json.loads(raw).get("timestamp") if is_transcript else None
                at = datetime.fromisoformat(stamp).timestamp() if stamp else at
                yield at or self._first(), "", partial(_append, target, raw)

    def _first(self) -> float:
        return float(next(_records(RECORDINGS / self._scenario / "sessions.jsonl"))["ts"])

    def _session_files(self) -> Iterator[Step]:
        for record in _records(RECORDINGS / self._scenario / "sessions.jsonl"):
            if "sessionId" in (record["content"] or {}):  # one was read while it was written
                self.session_id = record["content"]["sessionId"]
                start = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
                content = {**record["content"], "pid": self._process.pid, "procStart": start}
                yield record["ts"], "", partial(_write, self._session_file(), json.dumps(content))
            elif record["op"] == "delete":
                yield record["ts"], "", partial(self._session_file().unlink, missing_ok=True)

    def _session_file(self) -> Path:
        return self._claude / "sessions" / f"{self._process.pid}.json"


def _records(path: Path) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in path.read_text().split("\n") if line)


def _append(path: Path, raw: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(raw)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial_file = path.with_suffix(".new")
    partial_file.write_text(text)
    partial_file.replace(path)
