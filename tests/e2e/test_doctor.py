"""What doctor says of the real Claude Code is what that does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.claude_code import ClaudeCode
from tests.support.service import Service, run_command
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def findings(home: Path) -> dict[str, dict[str, Any]]:
    report = json.loads(run_command(home, "doctor", "--json").stdout)
    return {one["check"]: one for one in report["findings"]}


def test_all_is_well_after_a_run_and_hooks_that_are_off_are_off(tmp_path: Path, claude_binary: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    claude = ClaudeCode(claude_binary, home)
    with Service(home) as service, service.connect() as client:
        service.wait_for_hooks()
        client.follow()
        session = claude.run("b_bash", "--no-recorder", "--keep-settings").session
        wait_for(lambda: client.of(session, "session.removed"), "the end of the session")
        assert client.of(session, "hook.stop")
        found = findings(home)
        levels = {check: one["level"] for check, one in found.items()}
        for check in ("claude", "hooks", "spool", "path", "troubles"):
            assert levels[check] == "ok", found[check]

        settings = json.loads(service.settings.read_text())
        service.settings.write_text(json.dumps({**settings, "disableAllHooks": True}))
        quiet = claude.run("a_plain", "--no-recorder", "--keep-settings").session
        wait_for(lambda: client.of(quiet, "message.assistant"), "the transcript")
        assert [event["type"] for event in client.of(quiet) if event["type"].startswith("hook.")] == []
        assert "disableAllHooks" in findings(home)["hooks"]["what"]
