"""``--install-statusline`` and ``--uninstall-statusline`` say what they did."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clawsocket.cli import main
from tests.support.service import run_command

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
    assert said[2].startswith(f"{file}: status line recorder removed")
    assert said[3] == f"{file}: there is no status line recorder of ours in it\n"
    assert file.read_text() == SETTINGS


def test_hooks_and_recorder_do_not_touch_each_other(home: Path) -> None:
    file = home / ".claude" / "settings.json"
    for flag in ("--install-hooks", "--install-statusline", "--uninstall-hooks"):
        assert main([flag]) == 0
    assert list(json.loads(file.read_text())) == ["statusLine"]
    assert main(["--uninstall-statusline"]) == 0
    assert not file.exists()


def test_it_is_taken_out_also_where_another_shell_put_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = home / "other"
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(other))
    assert main(["--install-statusline"]) == 0
    monkeypatch.delenv("CLAUDE_CONFIG_DIR")
    assert main(["--uninstall-statusline"]) == 0
    assert not (other / "settings.json").exists()


def test_a_status_line_that_is_none_is_left_alone(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = home / ".claude" / "settings.json"
    file.parent.mkdir()
    file.write_text('{"statusLine": 5}')
    assert main(["--install-statusline"]) == 6
    assert "not a command" in capsys.readouterr().err
    assert file.read_text() == '{"statusLine": 5}'


def test_settings_that_are_no_json_are_called_that_both_ways(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = home / ".claude" / "settings.json"
    file.parent.mkdir()
    file.write_text("{ // mine\n}")
    for flag in ("--install-statusline", "--uninstall-statusline"):
        assert main([flag]) == 6
        assert f"{file}: is not JSON: a key was expected" in capsys.readouterr().err


def test_the_installer_puts_the_recorder_there_too_and_takes_it_away_with_all_else(tmp_path: Path) -> None:
    path = tmp_path / ".claude" / "settings.json"
    path.parent.mkdir()
    before = '{\n  "statusLine": {"type": "command", "command": "echo mine"}, "model": "opus"\n}\n'
    path.write_text(before)
    install = ("install", "--no-service", "--no-keyring", "--statusline")
    shown = run_command(tmp_path, *install, "--dry-run")
    assert shown.returncode == 0
    assert "claw-socket status line" in shown.stdout
    assert path.read_text() == before
    done = run_command(tmp_path, *install)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"status line recorder: {path}" in done.stdout
    command = json.loads(path.read_text())["statusLine"]["command"]
    assert command.startswith(": claw-socket status line;")
    assert command.endswith("echo mine")
    assert "hooks" in json.loads(path.read_text())
    again = run_command(tmp_path, *install)
    assert "installed already" in again.stdout
    gone = run_command(tmp_path, "uninstall")
    assert (gone.returncode, gone.stderr) == (0, "")
    assert f"status line recorder: taken out of {path}\n" in gone.stdout
    assert f"hooks: taken out of {path}, which is again what it was before\n" in gone.stdout
    assert path.read_text() == before
