"""Programs that use the JavaScript client, each a process of its own."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

from tests.support import npm
from tests.support.service import ROOT, environment
from tests.support.waiting import wait_for

CLIENT = ROOT / "clawsocket" / "web" / "claw-socket.js"
BUN = "1.4.5"

PRELUDE = """
import * as client from "CLIENT";
const { connect, OLDEST } = client;
const tell = (...told) => console.log(JSON.stringify(told.length === 1 ? told[0] : told));
const noticed = (notice) => tell("notice", notice.type, notice.reason ?? null);
const numbers = async (events, count) => {
  const found = [];
  while (found.length < count) found.push(Number((await events.next()).value.data.message));
  return found;
};
const failure = async (promise) => {
  try {
    await promise;
    return "none";
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
};
"""
"""What each program begins with."""


def bun() -> str:
    """Return the program of Bun for this machine, installed once; it is one package for each system."""
    system = {"linux": "linux", "darwin": "darwin"}[sys.platform]
    machine = {"x86_64": "x64-baseline", "amd64": "x64-baseline"}.get(platform.machine().lower(), "aarch64")
    name = f"@oven/bun-{system}-{machine}"
    return str(npm.install(npm.SCRATCH / "bun", f"{name}@{BUN}") / name / "bin" / "bun")


def hurried(folder: Path) -> Path:
    """Return a client that does not wait as long as ours: 300 ms for an answer, and for a sign of life."""
    text = CLIENT.read_text("utf-8")
    for constant in ("OPEN_TIMEOUT = 10_000", "QUIET = 20_000"):
        assert text.count(f"const {constant};") == 1
        text = text.replace(constant, f"{constant.partition(' ')[0]} = 300")
    path = folder / "hurried.js"
    path.write_text(text, "utf-8")
    return path


def opened_up(folder: Path, *names: str) -> Path:
    """Return a client that also gives away parts of it that are its own."""
    path = folder / "opened-up.js"
    path.write_text(f"{CLIENT.read_text('utf-8')}\nexport {{ {', '.join(names)} }};\n", "utf-8")
    return path


class Running(AbstractContextManager["Running"]):
    """A program; leaving the context ends it.

    Attributes:
        told: what it told, each a value of JSON.
        errors: where its errors go.

    Args:
        home: its home.
        source: the program, after :data:`PRELUDE`.
        command: what runs it.
        more: further variables of its environment.
        client: the client, if it is another one than ours.
    """

    def __init__(
        self,
        home: Path,
        source: str,
        command: str = "node",
        *,
        more: Mapping[str, str] = MappingProxyType({}),
        client: Path = CLIENT,
    ) -> None:
        program = home / "program.mjs"
        program.write_text(PRELUDE.replace("CLIENT", client.as_uri()) + source)
        self.told: list[Any] = []
        self.errors = home / "program.errors"
        with self.errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [command, str(program)],
                env={**environment(home), **more},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.told.append(json.loads(line))

    def wait(self, count: int = 1) -> list[Any]:
        """Wait until so much was told, and return it all."""
        wait_for(lambda: len(self.told) >= count or self._process.poll() is not None, f"{count} from the program", 30)
        assert len(self.told) >= count, (self.told, self.errors.read_text())
        return self.told

    def say(self) -> None:
        """Let a program go on that waits for its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write("go on\n")
        self._process.stdin.flush()

    def end(self) -> list[Any]:
        """Wait until it ends by itself, and return all that it told."""
        assert self._process.wait(30) == 0, self.errors.read_text()
        self._thread.join(10)
        return self.told

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._thread.join(10)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()


def run(home: Path, source: str, command: str = "node", *, client: Path = CLIENT) -> list[Any]:
    """Run a program to its end, and return what it told."""
    with Running(home, source, command, client=client) as running:
        return running.end()
