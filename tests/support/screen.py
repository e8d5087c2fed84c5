"""A terminal that commands run in, as their users see it: tmux, of a size of one's own."""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from tests.support.service import ROOT, environment
from tests.support.waiting import wait_for


class Screen(AbstractContextManager["Screen"]):
    """Our command line in a terminal; leaving the context ends it.

    Args:
        home: its home.
        arguments: of the command line.
        width: columns of the terminal.
        more: further variables of its environment.
        program: what is run in its place, with the arguments.
    """

    def __init__(
        self,
        home: Path,
        *arguments: str,
        width: int = 120,
        more: Mapping[str, str] = MappingProxyType({}),
        program: Sequence[str] = (sys.executable, "-m", "clawsocket"),
    ) -> None:
        ours = {**environment(home), "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", **more}
        ours = {name: value for name, value in ours.items() if name not in ("TERM", "TMUX", "COLUMNS", "LINES")}
        variables = [f"{name}={value}" for name, value in {**ours, "TERM": "tmux-256color"}.items()]
        command = shlex.join(["env", "-i", *variables, *program, *arguments])
        self._folder = tempfile.TemporaryDirectory(prefix="tmux-")  # a socket's path may be about 100 bytes long
        size = ["-x", str(width), "-y", "30"]
        self._tmux("-f", "/dev/null", "new-session", "-d", "-s", "s", *size, f"{command}; echo EXIT:$?; cat")

    def _tmux(self, *arguments: str) -> str:
        command = ["tmux", "-u", "-S", f"{self._folder.name}/tmux", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    @property
    def text(self) -> str:
        return self._tmux("capture-pane", "-p", "-t", "s")

    @property
    def painted(self) -> str:
        """What is shown, with the escape sequences of its colours."""
        return self._tmux("capture-pane", "-p", "-e", "-t", "s")

    def pid(self, command: str) -> int:
        """Return the process in it whose command line holds a text."""
        shell = self._tmux("display-message", "-p", "-t", "s", "#{pane_pid}").strip()
        listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True)
        rows = [row.split(None, 2) for row in listed.stdout.splitlines()]
        return next(int(pid) for pid, parent, *rest in rows if parent == shell and command in " ".join(rest))

    def shows(self, text: str, timeout: float = 10.0) -> str:
        """Wait until a text is shown; return all that is."""
        try:
            return wait_for(lambda: shown if text in (shown := self.text) else None, f"{text!r} on the screen", timeout)
        except TimeoutError as error:
            raise TimeoutError(f"{error}:\n{self.text}") from None

    def lines(self) -> list[str]:
        return [line for line in self.text.splitlines() if line]

    def press(self, key: str) -> None:
        self._tmux("send-keys", "-t", "s", key)

    def write(self, text: str) -> None:
        self._tmux("send-keys", "-t", "s", "-l", text)

    def resize(self, width: int) -> None:
        self._tmux("resize-window", "-t", "s", "-x", str(width), "-y", "30")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tmux("kill-server")
        self._folder.cleanup()
