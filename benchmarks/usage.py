"""How long ``claw-socket usage`` takes over many transcripts: the first time, and when nothing has changed.

``python benchmarks/usage.py [megabytes]``; 1000 by default. The transcripts go to a scratch home and are removed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PER_SESSION = 2_500_000
"""Bytes of a transcript."""

TEXT = "Read the file, and then the other one; what is there is what it says. " * 12
OUTPUT = "  1\tdef main() -> int:\n  2\t    return 0\n" * 100


def session(number: int, size: int) -> str:
    """The lines of a session: a prompt now and then, messages of two blocks each, and their tools' results."""
    id, lines, length, count = f"00000000-0000-4000-8000-{number:012}", [], 0, 0
    while length < size:
        at = f"2026-{1 + number % 11:02}-{1 + number % 28:02}T12:{count % 60:02}:00.000Z"
        same = {
            "sessionId": id,
            "timestamp": at,
            "cwd": f"/app/{number % 20}",
            "version": "2.1.197",
            "gitBranch": "main",
        }
        if count % 10 == 0:
            said = {"role": "user", "content": "Go on."}
            lines.append(json.dumps({"type": "user", "promptId": f"p{number}-{count}", "message": said, **same}))
        usage: dict[str, object] = {
            "input_tokens": 4,
            "cache_creation_input_tokens": 900,
            "cache_read_input_tokens": 40_000 + count,
        }
        usage |= {"output_tokens": 300, "cache_creation": {"ephemeral_1h_input_tokens": 0}, "speed": "standard"}
        message = {
            "id": f"msg_{number}_{count}",
            "model": "claude-opus-4-8",
            "role": "assistant",
            "stop_reason": "tool_use",
        }
        blocks: list[dict[str, object]] = [
            {"type": "text", "text": TEXT},
            {"type": "tool_use", "id": f"toolu_{count}", "name": "Read", "input": {"file_path": "/app/main.py"}},
        ]
        for block in blocks:
            whole = {**message, "content": [block], "usage": usage}
            lines.append(
                json.dumps({"type": "assistant", "requestId": f"req_{number}_{count}", "message": whole, **same})
            )
        result = {"type": "tool_result", "tool_use_id": f"toolu_{count}", "content": OUTPUT}
        lines.append(
            json.dumps(
                {
                    "type": "user",
                    "message": {"role": "user", "content": [result]},
                    "toolUseResult": {"file": OUTPUT[:500]},
                    **same,
                }
            )
        )
        length += sum(map(len, lines[-3:]))
        count += 1
    return "".join(f"{line}\n" for line in lines)


def run(home: Path) -> tuple[float, float]:
    """Run the command once; return seconds, and MB of memory at its most."""
    script = (
        "import resource, sys; from clawsocket.cli import main; code = main(['usage', '--json']);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr); sys.exit(code)"
    )
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "HOME": str(home), "CLAUDE_CONFIG_DIR": "", "CLAW_SOCKET_DIR": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    took = time.perf_counter() - began
    unit = 1_000_000 if sys.platform == "darwin" else 1000
    return took, int(done.stderr.split()[-1]) / unit


def main() -> None:
    wanted = int(sys.argv[1]) * 1_000_000 if len(sys.argv) > 1 else 1_000_000_000
    with tempfile.TemporaryDirectory(prefix="claw-socket-usage-") as folder:
        home, written, count = Path(folder), 0, 0
        while written < wanted:
            project = home / ".claude" / "projects" / f"-app-{count % 20}"
            project.mkdir(parents=True, exist_ok=True)
            written += (project / f"00000000-0000-4000-8000-{count:012}.jsonl").write_text(
                session(count, min(PER_SESSION, wanted - written))
            )
            count += 1
        print(f"{written / 1e6:,.0f} MB in {count} transcripts")
        for name in ("first time", "nothing changed"):
            took, memory = run(home)
            print(f"{name:<16} {took:6.2f} s  {memory:4.0f} MB")
        with next(home.rglob("*.jsonl")).open("a") as file:
            file.write(session(count, 10_000))
        took, memory = run(home)
        print(f"{'one file grew':<16} {took:6.2f} s  {memory:4.0f} MB")


if __name__ == "__main__":
    main()
