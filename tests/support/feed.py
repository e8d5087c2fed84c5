"""What Claude Code writes, as a test needs it."""

from __future__ import annotations

import json
import os
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SESSION = "aaaa1111-2222-4333-8444-555555555555"


def line(number: int, *, session: str = SESSION, at: float | None = None) -> bytes:
    """A prompt's line as Claude Code writes it."""
    stamp = time.time() if at is None else at
    text = f"prompt {number} " + "x" * 300
    return json.dumps(
        {
            "type": "user",
            "uuid": str(uuid.UUID(int=number)),
            "promptId": f"p{number}",
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(stamp)) + f".{int(stamp % 1 * 1000):03}Z",
            "sessionId": session,
            "cwd": "/w",
            "isSidechain": False,
            "message": {"role": "user", "content": text},
        }
    ).encode()


def hook(number: int, **more: object) -> bytes:
    payload = {"session_id": SESSION, "hook_event_name": "Notification", "message": str(number), "cwd": "/w", **more}
    return json.dumps(payload).encode()


def spool(home: Path, name: str, body: bytes, mtime: float | None = None) -> None:
    """Put a file into the spool as the hook does."""
    folder = home / ".claw-socket" / "spool"
    partial, path = folder / f".{name}", folder / f"{name}.json"
    partial.write_bytes(body)
    if mtime is not None:
        os.utime(partial, (mtime, mtime))
    partial.rename(path)


@contextmanager
def session_file(
    home: Path,
    session: str = SESSION,
    status: str | None = "idle",
    name: str = "w-1",
    *,
    began: float | None = None,
    **more: object,
) -> Iterator[int]:
    """A living process with a session file, until the context ends: then both go."""
    folder = home / ".claude" / "sessions"
    folder.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(["sleep", "300"]) as process:
        start = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
        path = folder / f"{process.pid}.json"
        content = {
            "pid": process.pid,
            "sessionId": session,
            "cwd": "/w",
            "startedAt": int((time.time() if began is None else began) * 1000),
            "procStart": start,
            "entrypoint": "cli",
            "name": name,
            "status": status,
            **more,
        }
        path.write_text(json.dumps(content))
        try:
            yield process.pid
        finally:
            path.unlink(missing_ok=True)
            process.kill()
