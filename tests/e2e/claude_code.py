"""The real Claude Code: installed from npm, run against a scripted model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import npm, oracle

NEWEST = "2.1.332"
OLDER = "2.1.197"
"""That of the recordings. It believes the limits of an account also where a model on loopback tells of them."""
TOOLS = Path(__file__).parent / "tools"


def install(version: str) -> Path:
    """Install Claude Code once below .scratch/, and return its binary."""
    folder = npm.SCRATCH / f"claude-code-{version}"
    binary = folder / "node_modules" / ".bin" / "claude"
    if not runs(binary, version):
        npm.install(folder, f"@anthropic-ai/claude-code@{version}")
        assert runs(binary, version), "Claude Code was installed and does not run"
    return binary


def runs(binary: Path, version: str) -> bool:
    """Tell whether the binary is there and is the wanted version."""
    if not binary.exists():
        return False
    environment = {"PATH": os.environ["PATH"], "HOME": str(binary.parents[2]), "DISABLE_AUTOUPDATER": "1"}
    said = subprocess.run(
        [binary, "--version"], env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    return said.stdout.startswith(version)


@dataclass(frozen=True)
class Run:
    """What a run of a scenario left."""

    out: Path

    @property
    def projects(self) -> Path:
        return self.out / "projects"

    @property
    def hooks(self) -> Path:
        return self.out / "hooks.jsonl"

    @property
    def session(self) -> str:
        """The one session of the run."""
        (session,) = oracle.sessions(self.projects)
        return session

    @property
    def output(self) -> str:
        return (self.out / "stdout.txt").read_text("utf-8")

    @property
    def errors(self) -> str:
        return (self.out / "stderr.txt").read_text("utf-8")

    @property
    def session_file(self) -> dict[str, Any]:
        """The session's file as it was first, torn reads and what another session left apart."""
        contents: list[dict[str, Any]] = [
            line["content"] or {} for line in oracle.json_lines(self.out / "sessions.jsonl")
        ]
        return next(content for content in contents if content.get("sessionId") == self.session)


class ClaudeCode:
    """Claude Code in a home of its own."""

    def __init__(self, binary: Path, home: Path) -> None:
        self.binary, self.home = binary, home

    def run(self, scenario: str, *flags: str) -> Run:
        """Run a scenario to its end.

        Args:
            scenario: its name.
            flags: further flags of run_claude.py.
        """
        out = self.home / "out" / scenario
        file = TOOLS / "scenarios" / f"{scenario}.json"
        names = {"claude": self.binary, "home": self.home, "scenario": file, "out": out}
        options = [text for name, value in names.items() for text in (f"--{name}", str(value))]
        command = [sys.executable, str(TOOLS / "run_claude.py"), *options, *flags]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"{scenario}: {done.stderr}"
        return Run(out)


def lines(text: str) -> list[dict[str, Any]]:
    """Return the objects of a stream of JSON lines."""
    return [json.loads(line) for line in text.split("\n") if line]
