"""``--install-statusline`` and ``--uninstall-statusline`` say what they did."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clawsocket.cli import main

SETTINGS = '{"statusLine": {"type": "command", "command": "say \\u00fc"}}'


def test_each_says_what_it_did_and_where(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = home / ".claude" / "settings.json"
    file.parent.mkdir()
    file.write_text(SETTINGS)
    said = []
    for flag in ["--install-statusline"] * 2 + ["--uninstall-statusline"] * 2:
        assert main([flag]) == 0
        said.append(capsys.readouterr().out)
    assert said[0].startswith(f"{file}: status line recorder installed; a copy of what it was is {home}")
    assert said[1] == f"{file}: the status line recorder is installed already\n"
    assert "again what it was before" in said[2]
    assert said[3] == f"{file}: there is no status line recorder of ours in it\n"
    assert file.read_text() == SETTINGS


def test_hooks_and_recorder_do_not_touch_each_other(home: Path) -> None:
    file = home / ".claude" / "settings.json"
    for flag in ("--install-hooks", "--install-statusline", "--uninstall-hooks"):
        assert main([flag]) == 0
    assert list(json.loads(file.read_text())) == ["statusLine"]
    assert main(["--uninstall-statusline"]) == 0
    assert not file.exists()


def test_a_status_line_that_is_none_is_left_alone(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = home / ".claude" / "settings.json"
    file.parent.mkdir()
    file.write_text('{"statusLine": 5}')
    assert main(["--install-statusline"]) == 6
    assert "not a command" in capsys.readouterr().err
    assert file.read_text() == '{"statusLine": 5}'
