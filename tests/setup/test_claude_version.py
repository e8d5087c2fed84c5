import json
from pathlib import Path

import pytest

from clawsocket.claude.hook_events import FIRST_KNOWN, known_events
from clawsocket.setup import claude_version
from clawsocket.setup.claude_version import USUAL, find_program, installed_events, version_of


@pytest.fixture
def bin_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH of one folder of ours."""
    folder = home / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(claude_version, "_FOLDERS", ("~/.local/bin",))
    return folder


def program(path: Path, content: bytes = b"#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o755)
    return path


def npm_package(folder: Path, version: str, main: str) -> Path:
    (folder / "package.json").parent.mkdir(parents=True)
    (folder / "package.json").write_text(json.dumps({"name": "@anthropic-ai/claude-code", "version": version}))
    return program(folder / main)


def transcript(claude_dir: Path, *lines: str) -> None:
    path = claude_dir / "projects" / "-w" / "s.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(lines) + "\n")


def test_without_claude_code_what_has_long_been_known_is_registered(bin_folder: Path, home: Path) -> None:
    assert installed_events([home / ".claude"]) == known_events(USUAL)
    assert set(FIRST_KNOWN) - known_events(USUAL) == {
        "DirectoryAdded",
        "PreModelSwitch",
        "PostModelSwitch",
        "PreSkillShellCommand",
    }


@pytest.mark.parametrize("version", ["2.1.300", "2.1.332", "2.1.100"])
def test_where_claude_code_is_not_found_the_last_session_tells(bin_folder: Path, home: Path, version: str) -> None:
    transcript(home / ".claude", f'{{"version":"{version}"}}', '{"type":"cost-state"}')
    major, minor, patch = map(int, version.split("."))
    assert installed_events([home / ".claude"]) == known_events((major, minor, patch))


@pytest.mark.parametrize("main", ["bin/claude.exe", "cli.js"])
def test_an_npm_package_tells_its_version(bin_folder: Path, home: Path, main: str) -> None:
    target = npm_package(home / "lib/node_modules/@anthropic-ai/claude-code", "2.1.80", main)
    (bin_folder / "claude").symlink_to(target)
    assert installed_events([]) == known_events((2, 1, 80))
    assert "TaskCreated" not in installed_events([])


def test_the_local_installation_has_its_package_beside_a_script(bin_folder: Path, home: Path) -> None:
    local = home / ".claude" / "local"
    npm_package(local / "node_modules/@anthropic-ai/claude-code", "1.0.90", "cli.js")
    (bin_folder / "claude").symlink_to(program(local / "claude"))
    assert installed_events([]) == known_events((1, 0, 90))


def test_a_package_of_another_name_says_nothing(home: Path) -> None:
    (home / "package.json").write_text('{"name": "mine", "version": "9.9.9"}')
    assert version_of(program(home / "bin" / "claude")) is None
    (home / "package.json").write_text("{broken")
    assert version_of(home / "bin" / "claude") is None


@pytest.mark.parametrize(
    ("path", "version"),
    [
        ("/home/u/.local/share/claude/versions/2.1.190", (2, 1, 190)),
        ("/opt/homebrew/Caskroom/claude-code/2.1.50/claude", (2, 1, 50)),
        ("/opt/homebrew/Caskroom/claude-code@latest/2.1.90/claude", (2, 1, 90)),
        ("/nix/store/abc-claude-code-2.0.30/bin/claude", (2, 0, 30)),
        ("/home/u/.nvm/versions/node/v20.1.0/bin/claude", None),
        ("/usr/bin/claude", None),
    ],
)
def test_a_path_can_tell_the_version(path: str, version: tuple[int, int, int] | None) -> None:
    assert version_of(Path(path)) == version


def test_a_program_from_elsewhere_is_asked_for_its_list(bin_folder: Path) -> None:
    lists = b'["PreToolUse","PostToolUse"],["PreToolUse","PostToolUse","Stop","StopFailure","WorktreeCreate","New"]'
    program(bin_folder / "claude", b"\x7fELF" + b"\0" * 100_000 + lists + b"\0" * 1000)
    assert installed_events([]) == {"PreToolUse", "PostToolUse", "Stop", "StopFailure"}


def test_behind_a_shim_the_last_session_tells(bin_folder: Path, home: Path) -> None:
    program(bin_folder / "claude")
    transcript(home / ".claude", '{"version":"2.1.60"}', '{"version":"2.1.100"}', '{"type":"mode"}', "torn {")
    assert installed_events([home / ".claude", home / "none"]) == known_events((2, 1, 100))


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\nexec volta-shim\n"])
def test_where_nothing_tells_only_the_oldest_names_are_registered(bin_folder: Path, home: Path, content: bytes) -> None:
    program(bin_folder / "claude", content)
    transcript(home / ".claude", '{"type":"mode"}', '{"version":5}')
    assert installed_events([home / ".claude"]) == known_events(None)


def test_the_usual_folders_are_searched_after_the_path(bin_folder: Path, home: Path) -> None:
    usual = program(home / ".local/bin/claude")
    assert find_program() == usual
    assert find_program() != program(bin_folder / "claude")
    assert find_program() == bin_folder / "claude"
