"""A scratch home with one session that runs, as Claude Code would have filled it."""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

CWD = "/srv/app"
SESSION = "bench-session"
TEXT = "Looked at src/components and packages/core: render() returns the ids of props.items; the build passes. " * 15


class Home:
    """A folder that stands for a user's home.

    Attributes:
        path: the folder.
        transcript: the transcript of :data:`SESSION`.
        spool: where hooks put their payloads.
        settings: Claude Code's settings.
        sessions: the files of the sessions that run; this process is :data:`SESSION`.
    """

    def __init__(self, path: Path) -> None:
        """Make it."""
        self.path = path
        claude = path / ".claude"
        self.transcript = claude / "projects" / "-srv-app" / f"{SESSION}.jsonl"
        self.spool = path / ".claw-socket" / "spool"
        self.settings = claude / "settings.json"
        self.sessions = claude / "sessions"
        for folder in (self.transcript.parent, self.sessions):
            folder.mkdir(parents=True)
        self.start_session(os.getpid(), SESSION)

    def start_session(self, pid: int, session_id: str) -> None:
        """Write the file of a session; a process that lives is it."""
        now = int(time.time() * 1000)
        session = {
            "pid": pid, "sessionId": session_id, "cwd": CWD, "startedAt": now - 3_600_000, "procStart": _start_of(pid),
            "version": "2.1.197", "kind": "interactive", "entrypoint": "cli", "status": "busy",
        }  # fmt: skip
        (self.sessions / f"{pid}.json").write_text(json.dumps(session))

    def write_history(self, size: int) -> None:
        """Write an hour-old transcript of some size, in bytes."""
        began = time.time() - 3600
        with self.transcript.open("w") as file:
            written = turn = 0
            while written < size:
                written += file.write("".join(_turn(turn, began + turn * 0.01)))
                turn += 1


def _start_of(pid: int) -> str | None:
    if sys.platform != "linux":
        return None
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


def _turn(number: int, at: float) -> list[str]:
    """Return a prompt, an answer with a call of a tool, and the tool's result, as four lines."""
    usage = {
        "input_tokens": 12,
        "output_tokens": 345,
        "cache_creation_input_tokens": 678,
        "cache_read_input_tokens": 9012,
    }
    message = {"id": f"msg_{number}", "role": "assistant", "model": "claude-sonnet-4-5", "usage": usage}
    call = {
        "type": "tool_use",
        "id": f"toolu_{number}",
        "name": "Bash",
        "input": {"command": "make test", "description": TEXT[:80]},
    }
    result = {"type": "tool_result", "tool_use_id": f"toolu_{number}", "content": TEXT, "is_error": False}
    bodies: list[dict[str, object]] = [
        {"type": "user", "message": {"role": "user", "content": TEXT[:200]}},
        {
            "type": "assistant",
            "requestId": f"req_{number}",
            "message": {**message, "content": [{"type": "text", "text": TEXT}]},
        },
        {"type": "assistant", "requestId": f"req_{number}", "message": {**message, "content": [call]}},
        {"type": "user", "message": {"role": "user", "content": [result]}, "toolUseResult": {"stdout": TEXT}},
    ]
    common = {"isSidechain": False, "cwd": CWD, "sessionId": SESSION, "version": "2.1.197", "gitBranch": "main"}
    stamp = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return [
        json.dumps({**common, **body, "uuid": str(UUID(int=number * 4 + place)), "timestamp": stamp}) + "\n"
        for place, body in enumerate(bodies)
    ]
