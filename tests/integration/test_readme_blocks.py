"""Every block of code of the README does what it says there, or it is told here why it is not run."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from clawsocket.client import Claw
from tests.support import contract, npm
from tests.support.feed import hook, session_file, spool
from tests.support.screen import Screen
from tests.support.secret_service import Desktop
from tests.support.service import ROOT, Service, environment, run_command
from tests.support.waiting import wait_for

BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", (ROOT / "README.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)
SESSION = "4f1c1111-2222-4333-8444-555555555555"
BASH = {"tool_name": "Bash", "tool_input": {"command": "ls"}, "session_id": SESSION, "cwd": "/w/app-70"}

ELSEWHERE = {
    "python": "tests/integration/test_readme.py runs it",
    "js": "tests/integration/test_readme.py runs it",
    "make run": "it serves until it is ended; that make knows what to do is asked of it",
    "claw-socket install --dry-run": "tests/integration/test_systemd.py does both with a systemd of its own",
    "claw-socket open": "tests/web/test_login.py opens what it prints",
    "claw-socket upgrade": "tests/integration/test_upgrade.py does both, with files of two versions",
}
"""Blocks that are not run here, by their language or beginning, and why."""

GOES_ON = ("npx", "claw-socket tail", "claw-socket ps --watch", "claw-socket line", "claw-socket waybar")
"""Lines that go on until somebody ends them."""


class Pasted:
    """A shell in which somebody pastes lines, beside a service with a session that is at work all the time."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self._bin = folder / "bin"
        self._bin.mkdir()
        # What a desktop does with it is seen in tests/examples.
        (self._bin / "notify-send").write_text("#!/bin/sh\nexit 0\n")
        (self._bin / "notify-send").chmod(0o755)
        self._output = folder / "output"

    def env(self) -> dict[str, str]:
        path = f"{self._bin}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        return {**environment(self.home), "PATH": path}

    def run(self, line: str, cwd: Path = ROOT) -> None:
        """Run a line of a block: to its end, or until it prints something if it goes on for ever."""
        if line.startswith("claw-socket watch"):
            with Screen(self.home, "watch") as screen:
                screen.shows("app-70")
            return
        with self._output.open("wb") as output:
            command = ["script", "-qec", line, "/dev/null"] if "purge" in line else ["bash", "-c", line]
            process = subprocess.Popen(
                command, cwd=cwd, env=self.env(), stdin=subprocess.PIPE, stdout=output, stderr=output, process_group=0
            )
        assert process.stdin is not None
        try:
            process.stdin.write(b"y\n" if "purge" in line else b"")
            process.stdin.flush()
            wait_for(lambda: process.poll() is not None or (line.startswith(GOES_ON) and self._printed()), line, 30)
            assert process.poll() in (0, None), f"{line}: {process.returncode}\n{self._printed()}"
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            process.stdin.close()

    def _printed(self) -> str:
        return self._output.read_text(errors="replace")


@contextmanager
def at_work(home: Path) -> Iterator[None]:
    """Let a session call tools, ask for its owner, and come to rest, again and again, for a with block."""
    stop = threading.Event()

    def work() -> None:
        for number in itertools.count():
            name = f"{number:06}"
            spool(home, f"{name}a", hook(number, hook_event_name="PreToolUse", tool_use_id=f"toolu_{number}", **BASH))
            if stop.wait(0.1):
                return
            spool(home, f"{name}b", hook(number, hook_event_name="PermissionRequest", **BASH))
            if stop.wait(0.1):
                return
            spool(home, f"{name}c", hook(number, hook_event_name="Stop", session_id=SESSION, cwd="/w/app-70"))
            if stop.wait(0.1):
                return

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join()


@pytest.fixture(scope="module")
def pasted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pasted]:
    folder = tmp_path_factory.mktemp("readme")
    shell = Pasted(folder)
    shell.home.mkdir()
    with Service(shell.home) as service:
        service.wait_for_hooks()
        with session_file(shell.home, SESSION, None, "app-70"), at_work(shell.home):
            wait_for(lambda: "app-70" in run_command(shell.home, "ps").stdout, "the session")
            yield shell


def beginning(language: str, text: str) -> str:
    """Return what a block is known by."""
    return language if language in ("python", "js", "json", "text", "yaml") else text.splitlines()[0].split("  ")[0]


def lines(begin: str) -> list[str]:
    """Return the lines of a block of shell commands, by how it begins."""
    found = [text for language, text in BLOCKS if language == "sh" and text.startswith(begin)]
    assert len(found) == 1, f"{begin}: {len(found)} blocks begin so"
    return [line for line in str(found[0]).splitlines() if line]


def test_every_block_is_run_or_it_is_told_why_not() -> None:
    here = {*ELSEWHERE, *RUN, *OTHER}
    there = [beginning(language, text) for language, text in BLOCKS]
    assert [one for one in there if not any(one.startswith(known) for known in here)] == []
    assert [known for known in here if not any(one.startswith(known) for one in there)] == []


RUN = (
    "npx wscat",
    "claw-socket tail",
    "claw-socket usage",
    "claw-socket --install-statusline",
    "claw-socket history",
    "claw-socket status",
    "claw-socket token show",
)
"""Blocks whose lines are pasted one after the other."""


@pytest.mark.timeout(120)
@pytest.mark.parametrize("begin", RUN)
def test_a_block_of_commands_works_line_by_line(
    pasted: Pasted, begin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if begin == "npx wscat":
        npm.install(npm.SCRATCH / "wscat", "wscat@6.1.0")
        for line in lines(begin):
            pasted.run(line, npm.SCRATCH / "wscat")
    elif begin == "claw-socket token show":
        with Desktop(tmp_path) as desktop:
            monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", desktop.address)
            for line in lines(begin):
                pasted.run(line)
    else:
        for line in lines(begin):
            pasted.run(line)


def test_make_knows_what_it_is_told() -> None:
    for line in lines("make run"):
        target = line.split()[1]
        subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, check=True)


def json_block(text: str) -> None:
    assert contract.problems(json.loads(text)) == []


def text_block(text: str) -> None:
    named = set(re.findall(r"claw\.(\w+)", text)) | set(re.findall(r"(?<=/ )(\w+)\(", text))
    assert named >= {"events", "watch", "snapshot", "usage", "history", "agent_log"}
    assert [name for name in named if not hasattr(Claw, name)] == []


def yaml_block(text: str) -> None:
    (job,) = YAML(typ="safe").load(text)["scrape_configs"]
    assert set(job) == {"job_name", "authorization", "static_configs"}
    assert job["authorization"]["credentials_file"].endswith("/.claw-socket/token")


OTHER: dict[str, Callable[[str], None]] = {"json": json_block, "text": text_block, "yaml": yaml_block}
"""Blocks that are no program, and what looks at them."""


@pytest.mark.parametrize("language", OTHER)
def test_a_block_that_is_no_program_is_right(language: str) -> None:
    (text,) = [text for found, text in BLOCKS if found == language]
    OTHER[language](text)
