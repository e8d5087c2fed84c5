"""The service as its users have it: a process of its own, with a home of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from tests.support.client import Client
from tests.support.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("CLAW_SOCKET_TEST_BINARY")
"""The binary that is tested in place of the source, by ``make test-binary``."""
PROGRAM = [BINARY] if BINARY else [sys.executable, "-m", "clawsocket"]
"""The command line, without arguments."""


def environment(home: Path) -> dict[str, str]:
    """Return the environment of this process, with ``home`` for the home and without anybody's settings."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("CLAUDE", "CLAW_SOCKET"))}
    return {**ours, "HOME": str(home)}


def run_command(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    command = [*PROGRAM, *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment(home), capture_output=True, text=True, timeout=30, check=False
    )


class Service(AbstractContextManager["Service"]):
    """A running service; leaving the context stops it.

    Args:
        home: its home; what it logs goes to ``home/service.log``.
        arguments: further arguments of the command line.
        more: further variables of its environment.
    """

    def __init__(self, home: Path, *arguments: str, more: Mapping[str, str] = MappingProxyType({})) -> None:
        self.home = home
        self.folder = home / ".claw-socket"
        self.log = home / "service.log"
        command = [*PROGRAM, "--port", "0", *arguments]
        with self.log.open("ab") as log:
            env = {**environment(home), **more}
            self.process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)
        try:
            self.endpoint: dict[str, Any] = wait_for(self._endpoint, "the endpoint file", 15)
            self.health = wait_for(self._health, "GET /health")
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def _endpoint(self) -> dict[str, Any] | None:
        if self.process.poll() is not None:
            raise RuntimeError(f"the service ended with {self.process.returncode}:\n{self.log.read_text()}")
        path = self.folder / "endpoint"
        found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return found if found.get("pid") == self.process.pid else None

    def _health(self) -> dict[str, Any] | None:
        try:
            with urllib.request.urlopen(f"http://{self.address}/health", timeout=5) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except OSError:
            return None

    @property
    def address(self) -> str:
        """Host and port."""
        return urlsplit(str(self.endpoint["url"])).netloc

    @property
    def token(self) -> str:
        return (self.folder / "token").read_text().strip()

    @property
    def settings(self) -> Path:
        """Claude Code's settings."""
        return self.home / ".claude" / "settings.json"

    def wait_for_hooks(self) -> None:
        """Wait until it has installed its hooks: it listens before that."""
        wait_for(
            lambda: self.settings.exists() and "SessionEnd" in self.settings.read_text(), "the hooks in the settings"
        )

    def connect(self) -> Client:
        return Client(f"ws://{self.address}/", self.token)

    def stop(self) -> int:
        """Ask it to stop, and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(10)
        finally:
            self.process.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        code = self.stop()
        if error is None:
            assert code == 0, f"the service ended with {code}:\n{self.log.read_text()}"
