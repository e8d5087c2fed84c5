"""What a new user does, in a new account with a real systemd: install, work with Claude Code, watch, uninstall."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.claude_code import TOOLS
from tests.e2e.test_hooks import HOOKS_OF_B_BASH
from tests.support import contract, user_manager
from tests.support.user_manager import Account
from tests.support.waiting import wait_for

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(120),
    pytest.mark.skipif(bool(user_manager.unavailable()), reason=f"needs {', '.join(user_manager.unavailable())}"),
]

WATCH = """
import asyncio, json, pathlib, sys, websockets
async def main():
    token = (pathlib.Path.home() / ".claw-socket" / "token").read_text().strip()
    async with websockets.connect("ws://localhost:3838", additional_headers={"Authorization": f"Bearer {token}"}) as ws:
        await ws.send(json.dumps({"type": "subscribe", "topics": ["*"]}))
        async for text in ws:
            print(text, flush=True)
asyncio.run(main())
"""


def test_from_install_to_uninstall_nothing_is_missed_and_nothing_stays(tmp_path: Path, claude_binary: Path) -> None:
    with Account(tmp_path) as account:
        before = account.tree()
        account.run("claw-socket", "install")
        out = tmp_path / "watched"
        with out.open("wb") as file:
            watching = subprocess.Popen(account.command(sys.executable, "-c", WATCH), stdout=file)
        try:
            wait_for(lambda: '"subscribed"' in out.read_text(), "the client")
            # The runner refuses a home that is its own.
            path = f"{Path(shutil.which('node') or '/usr/bin/node').parent}:/usr/bin:/bin"
            scenario = TOOLS / "scenarios" / "b_bash.json"
            account.run(
                sys.executable, str(TOOLS / "run_claude.py"), "--claude", str(claude_binary), "--home",
                str(account.home), "--scenario", str(scenario), "--out", str(account.home / "out"), "--no-recorder",
                "--keep-settings", HOME="/", PATH=path,
            )  # fmt: skip
            wait_for(lambda: "hook.session_end" in out.read_text(), "the last hook")
        finally:
            watching.terminate()
            watching.wait()
        events = [json.loads(line) for line in out.read_text().splitlines()]
        assert [problem for event in events for problem in contract.problems(event)] == []
        hooks = [event["data"]["hook_event_name"] for event in events if event["type"].startswith("hook.")]
        assert hooks == HOOKS_OF_B_BASH
        assert [event["data"]["toolName"] for event in events if event["type"] == "tool.use"] == ["Bash"]
        assert "runs at ws://localhost:3838/" in account.run("claw-socket", "status")
        findings = json.loads(account.run("claw-socket", "doctor", "--json"))
        assert "error" not in json.dumps(findings), findings
        old = account.run("claw-socket", "token", "show")
        account.run("claw-socket", "token", "rotate")
        assert account.run("claw-socket", "token", "show") != old
        account.run("claw-socket", "uninstall", "--purge")
        after = account.tree()
        # Claude Code's own, and the runner's.
        theirs = (".claude", ".claude.json", ".cache", ".npm", ".local/state", ".local/share/claude", "out", "work")
        new = {path for path in after if before.get(path) != after[path]}
        assert {path for path in new if not path.startswith(theirs)} <= {".local", ".local/share"}
        assert ".claude/settings.json" not in after
        assert not [path for path in new if "claw-socket" in path]
