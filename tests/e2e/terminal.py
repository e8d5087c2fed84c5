"""Claude Code's terminal UI, driven key by key, with the time at which the screen showed something."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.tools.run_claude import (
    SessionWatch,
    Terminal,
    clean_env,
    fake_model,
    make_folder,
    prepare_home,
    watching,
)
from tests.support.waiting import wait_for

FILES = {"README.md": "# Demo\n", "main.py": "print('hello')\n"}


class Screen(threading.Thread):
    """Looks at a terminal all the time, and notes when a text came to be shown."""

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(daemon=True)
        self._terminal, self._stopping = terminal, False
        self._wanted: re.Pattern[str] | None = None
        self.shown_at: float | None = None

    def expect(self, pattern: str) -> None:
        """Watch out for a text that is not shown now."""
        self.shown_at, self._wanted = None, re.compile(pattern)

    def run(self) -> None:
        while not self._stopping:
            wanted = self._wanted
            if wanted is not None and self.shown_at is None and wanted.search(self._terminal.screen()):
                self.shown_at = time.time()
            time.sleep(0.005)

    def stop(self) -> None:
        self._stopping = True
        self.join()


class Command:
    """Claude Code's commands, in the folder of a session and against its model."""

    def __init__(self, binary: Path, environment: dict[str, str], cwd: Path) -> None:
        self._binary, self._environment, self._cwd = binary, environment, cwd

    def __call__(self, *arguments: str) -> str:
        """Run one; return what it wrote."""
        done = subprocess.run(
            [self._binary, *arguments],
            env=self._environment,
            cwd=self._cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, (arguments, done.stderr)
        return done.stdout


class Live:
    """A running Claude Code.

    Attributes:
        screen: what it shows.
        run: runs a command of Claude Code beside it.
    """

    def __init__(self, terminal: Terminal, screen: Screen, watch: SessionWatch, command: Command) -> None:
        self._terminal, self.screen, self._watch, self.run = terminal, screen, watch, command

    def wait(self, pattern: str, timeout: float = 20.0) -> None:
        """Wait until the screen shows a text."""
        self._terminal.step({"wait": pattern, "timeout": timeout})

    def say(self, text: str) -> None:
        """Type a prompt and send it."""
        self._terminal.step({"type": text})
        self.key("Enter")

    def key(self, name: str) -> float:
        """Press a key; return the time before."""
        before = time.time()
        self._terminal.tmux("send-keys", "-t", "cap", name)
        return before

    def answer(self, name: str) -> float:
        """Press a key in a dialog that has just come, in which newer versions take none for a moment."""
        time.sleep(1.5)
        return self.key(name)

    @property
    def session_file(self) -> dict[str, Any]:
        """Its session file."""

        def look() -> dict[str, Any] | None:
            for content in list(self._watch.seen.values()):
                with contextlib.suppress(ValueError):
                    found: dict[str, Any] = json.loads(content)
                    if Path(f"/proc/{found['pid']}").exists():  # a killed one's file stays
                        return found
            return None

        return wait_for(look, "the session file")

    def leave(self) -> None:
        """Say /exit, and wait until it is gone."""
        file = f"{self.session_file['pid']}.json"
        self.say("/exit")
        wait_for(lambda: file not in self._watch.seen, "the end of Claude Code", 15)


@contextmanager
def live(
    binary: Path,
    home: Path,
    rules: list[dict[str, Any]],
    *arguments: str,
    before: Callable[[dict[str, str]], None] = lambda _environment: None,
) -> Iterator[Live]:
    """Claude Code in a terminal of its own, in a folder with files, against a scripted model.

    Args:
        binary: Claude Code.
        home: its home; the settings in it stay as they are.
        rules: what the model answers.
        arguments: of Claude Code.
        before: called with its environment before it starts.
    """
    out, cwd = home / "out", home / "work" / "live"
    out.mkdir(exist_ok=True)
    scenario = out / "live.json"
    scenario.write_text(json.dumps({"rules": rules}))
    make_folder(home, cwd, {"files": FILES})
    prepare_home(home, cwd)
    with (
        tempfile.TemporaryDirectory(prefix="tmux-") as sockets,
        fake_model(scenario, out, {"cwd": cwd}) as port,
        watching(home, out) as watch,
    ):
        terminal = Terminal(out, watch, Path(sockets))
        screen = Screen(terminal)
        environment = clean_env(home, port, {})
        command = Command(binary, environment, cwd)
        before(environment)
        try:
            terminal.start([str(binary), *arguments], environment, cwd)
            screen.start()
            claude = Live(terminal, screen, watch, command)
            claude.wait("\u276f")
            wait_for(lambda: claude.session_file.get("status") == "idle", "an idle session", 15)
            yield claude
        finally:
            screen.stop()
            terminal.tmux("kill-server")
