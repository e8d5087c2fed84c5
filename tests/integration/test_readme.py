"""What the README and the page /docs tell a new user to paste works as it stands."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from clawsocket.server.pages import WEB
from tests.support.feed import hook, spool
from tests.support.service import ROOT, Service, environment, run_command
from tests.support.waiting import wait_for

README = (ROOT / "README.md").read_text("utf-8")
PAGE = (WEB / "docs.html").read_text("utf-8")

COMMANDS = (
    (),
    *((name,) for name in "completion doctor history install line open ps status".split()),
    *((name,) for name in "tail token uninstall upgrade usage wait".split()),
    ("history", "purge"),
)
OTHERS = {"--check", "--experimental-websocket", "--now", "--uninstall", "--unix-socket", "--user"}
"""Flags of other programs, install.sh among them."""


def block(text: str, language: str) -> str:
    """The code in a language, of Markdown or of a page."""
    found = re.findall(rf"(?:```{language}\n|<pre [^>]*data-run=\"{language}\">)(.*?)(?:```|</pre>)", text, re.DOTALL)
    assert len(found) == 1
    return html.unescape(found[0]) if text is PAGE else str(found[0])


@pytest.mark.parametrize(
    ("text", "language", "command"),
    [
        pytest.param(text, language, command, id=f"{name}-{language}")
        for name, text in (("readme", README), ("page", PAGE))
        for language, command in (("python", [sys.executable, "-u"]), ("js", ["node"]))
    ],
)
def test_ten_lines_show_a_live_tool_call(text: str, language: str, command: list[str], tmp_path: Path) -> None:
    program = tmp_path / {"python": "program.py", "js": "program.mjs"}[language]
    shutil.copy(WEB / "claw-socket.js", tmp_path / "claw-socket.mjs")
    with Service(tmp_path) as service:
        program.write_text(block(text, language).replace("localhost:3838", service.address))
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


def test_the_commands_of_the_page_work(tmp_path: Path) -> None:
    """All but the last, which is another package's."""
    lines = block(PAGE, "sh").replace("\\\n", "").splitlines()
    assert [line.split()[0] for line in lines] == ["claw-socket", "claw-socket", "curl", "npx"]
    env = {**environment(tmp_path), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    with Service(tmp_path) as service:
        health = subprocess.run(lines[2], shell=True, env=env, capture_output=True, text=True, timeout=30, check=True)
        assert json.loads(health.stdout)["status"] == "ok"
        waiting = subprocess.Popen(f"exec {lines[1]}", shell=True, env=env, stdout=subprocess.PIPE)
        tail = subprocess.Popen(f"exec {lines[0]}", shell=True, env=env, stdout=subprocess.PIPE, text=True)
        try:
            wait_for(lambda: clients(service) >= 2, "both to be connected")
            tool = {"tool_name": "Bash", "tool_use_id": "toolu_1", "tool_input": {"command": "ls"}}
            spool(tmp_path, "1", hook(1, hook_event_name="PermissionRequest", **tool))
            assert waiting.wait(20) == 0
            spool(tmp_path, "2", hook(2, hook_event_name="PreToolUse", **tool))
            assert tail.stdout is not None
            assert json.loads(tail.stdout.readline())["data"]["toolName"] == "Bash"
        finally:
            for process in (waiting, tail):
                process.kill()
                process.communicate()


def clients(service: Service) -> int:
    request = urllib.request.Request(f"http://{service.address}/metrics")
    request.add_header("Authorization", f"Bearer {service.token}")
    with urllib.request.urlopen(request, timeout=5) as answer:
        (found,) = re.findall(r"^claw_socket_clients (\d+)", answer.read().decode(), re.MULTILINE)
    return int(found)


def test_every_flag_and_route_of_the_readme_exists(tmp_path: Path) -> None:
    flags = set(re.findall(r"(?<![\w-])--[a-z]+(?:-[a-z]+)*", README)) - OTHERS
    assert flags >= {"--port", "--no-auth"}
    helped = [run_command(tmp_path, *words, "--help") for words in COMMANDS]
    known = set(re.findall(r"--[a-z]+(?:-[a-z]+)*", "".join(one.stdout for one in helped)))
    assert flags - known == set()
