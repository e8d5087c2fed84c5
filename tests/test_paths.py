"""Where things are, and who may look at them."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
from pathlib import Path

import pytest

from clawsocket.errors import FolderError, FolderInUseError
from clawsocket.paths import Home, claude_dir


def test_our_folder_is_in_the_home_or_where_the_variable_says(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Home.default().root == home / ".claw-socket"
    monkeypatch.setenv("CLAW_SOCKET_DIR", "/elsewhere")
    assert Home.default().root == Path("/elsewhere")
    monkeypatch.setenv("CLAW_SOCKET_DIR", "")
    assert Home.default().root == home / ".claw-socket"


def test_claude_codes_folder_is_in_the_home_or_where_its_variable_says(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert claude_dir() == home / ".claude"
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", "/elsewhere")
    assert claude_dir() == Path("/elsewhere")
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", "")
    assert claude_dir() == home / ".claude"


def test_everything_of_ours_is_in_our_folder() -> None:
    ours = Home(Path("/r"))
    assert (ours.token, ours.spool, ours.socket, ours.endpoint, ours.config, ours.backups) == (
        Path("/r/token"),
        Path("/r/spool"),
        Path("/r/socket"),
        Path("/r/endpoint"),
        Path("/r/config.toml"),
        Path("/r/backups"),
    )


def test_our_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    ours = Home(tmp_path / "deep" / "ours")
    ours.create()
    ours.create()
    assert [path.stat().st_mode & 0o777 for path in (ours.root, ours.spool)] == [0o700, 0o700]


def test_a_folder_that_others_may_enter_is_closed_to_them(tmp_path: Path) -> None:
    ours = Home(tmp_path / "ours")
    ours.create()
    for path in (ours.root, ours.spool):
        path.chmod(0o755)
    ours.create()
    assert [path.stat().st_mode & 0o777 for path in (ours.root, ours.spool)] == [0o700, 0o700]


@pytest.mark.parametrize("blocked", ["ours", "ours/spool"])
def test_a_file_in_the_way_is_told(tmp_path: Path, blocked: str) -> None:
    path = tmp_path / blocked
    path.parent.mkdir(exist_ok=True)
    path.touch()
    with pytest.raises(FolderError, match="cannot be made: File exists") as raised:
        Home(tmp_path / "ours").create()
    assert raised.value.path == path


def test_a_folder_below_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FolderError, match="cannot be made: Not a directory"):
        Home(tmp_path / "file" / "ours").create()


def test_a_folder_of_somebody_else_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = Home(tmp_path)
    uid = tmp_path.stat().st_uid
    monkeypatch.setattr("os.getuid", lambda: uid + 1)
    with pytest.raises(FolderError, match="belongs to another user"):
        ours.create()


def test_a_folder_is_for_one_server_at_a_time(tmp_path: Path) -> None:
    ours = Home(tmp_path)
    with ours.lock():
        with pytest.raises(FolderInUseError, match="in use by another claw-socket; stop it, or set CLAW_SOCKET_DIR"):
            claim(ours)
        ours.endpoint.write_text(json.dumps({"version": "1.2", "pid": 5, "url": "ws://localhost:1"}))
        with pytest.raises(FolderInUseError, match=r"claw-socket 1\.2, pid 5, on ws://localhost:1"):
            claim(ours)
        ours.endpoint.write_text("[]")
        with pytest.raises(FolderInUseError, match="another claw-socket"):
            claim(ours)
    claim(ours)


def test_a_server_that_is_about_to_leave_the_folder_can_be_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, server = Home(tmp_path), contextlib.ExitStack()
    server.enter_context(ours.lock())
    monkeypatch.setattr("clawsocket.paths.time.sleep", lambda _: server.close())
    with ours.lock(patience=60), pytest.raises(FolderInUseError):
        claim(ours)


def claim(ours: Home) -> None:
    with ours.lock():
        pass


def test_a_folder_that_cannot_be_locked_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FolderError, match="missing: cannot be opened: No such file"):
        claim(Home(tmp_path / "missing"))

    def refuse(_descriptor: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(FolderError, match="cannot be locked: No locks available"):
        claim(Home(tmp_path))
