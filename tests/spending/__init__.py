"""Helpers to write transcripts that cost something."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

OPUS = "claude-opus-4-8"


def answer(
    id: str, output: int = 1, *, at: str = "2026-03-01T12:00:00.000Z", model: str = OPUS, **more: Any
) -> dict[str, Any]:
    """An assistant line with so many output tokens."""
    usage = {"input_tokens": 0, "output_tokens": output, **more.pop("usage", {})}
    message = {"id": id, "model": model, "content": [{"type": "text", "text": "x"}], "usage": usage}
    return {"type": "assistant", "timestamp": at, "requestId": f"req-{id}", "message": message, **more}


def prompt(id: str, at: str = "2026-03-01T11:59:00.000Z") -> dict[str, Any]:
    """A user line that begins a prompt."""
    return {"type": "user", "promptId": id, "timestamp": at, "cwd": "/app", "message": {"content": "Go."}}


def write(home: Path, session: str, *lines: dict[str, Any], agent: str = "", project: str = "-app") -> Path:
    """Write a transcript."""
    folder = home / ".claude" / "projects" / project
    path = folder / session / "subagents" / f"agent-{agent}.jsonl" if agent else folder / f"{session}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path
