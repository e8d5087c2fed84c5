"""What the README tells a new user to paste works as it stands."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.feed import hook, spool
from tests.support.service import ROOT, Service, environment, run_command
from tests.support.waiting import wait_for

README = (ROOT / "README.md").read_text("utf-8")

COMMANDS = (
    (),
    *(
        (name,)
        for name in "completion doctor history install line ps status tail token uninstall upgrade usage wait".split()
    ),
    ("history", "purge"),
)
OTHERS = {"--check", "--experimental-websocket", "--now", "--uninstall", "--unix-socket", "--user"}
"""Flags of other programs, install.sh among them."""


def block(language: str) -> str:
    """The README's code in a language."""
    found = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert len(found) == 1
    return str(found[0])


@pytest.mark.parametrize(
    ("language", "command"),
    [("python", [sys.executable, "-u"]), ("js", ["node", "--experimental-websocket", "--no-warnings"])],
)
def test_ten_lines_show_a_live_tool_call(language: str, command: list[str], tmp_path: Path) -> None:
    program = tmp_path / {"python": "program.py", "js": "program.mjs"}[language]
    with Service(tmp_path) as service:
        program.write_text(block(language).replace("localhost:3838", service.address))
        output = tmp_path / "output"
        with output.open("wb") as out:
            env = {**environment(tmp_path), "PYTHONPATH": str(ROOT)}
            process = subprocess.Popen([*command, str(program)], env=env, stdout=out, stderr=out)
        try:
            numbers = iter(range(1000))

            def shown() -> bool:
                number = next(numbers)
                tool = {"tool_name": "Bash", "tool_use_id": f"toolu_{number}", "tool_input": {"command": "ls"}}
                spool(tmp_path, f"{number}", hook(number, hook_event_name="PreToolUse", **tool))
                time.sleep(0.05)
                return "Bash" in output.read_text()

            assert wait_for(shown, f"a tool call: {output.read_text()}", 15)
        finally:
            process.kill()
            process.wait()


def test_every_flag_and_route_of_the_readme_exists(tmp_path: Path) -> None:
    flags = set(re.findall(r"(?<![\w-])--[a-z]+(?:-[a-z]+)*", README)) - OTHERS
    assert flags >= {"--port", "--no-auth"}
    helped = [run_command(tmp_path, *words, "--help") for words in COMMANDS]
    known = set(re.findall(r"--[a-z]+(?:-[a-z]+)*", "".join(one.stdout for one in helped)))
    assert flags - known == set()
