"""No test may touch the home of whoever runs it.

Before anything of ours is imported, the whole run gets a home of its own and an environment without anybody's settings.
At the end the run fails if something came through to the real one all the same.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# More would make the guard slow, and says no more: whatever writes to a spool also changes the folder itself.
_MOST_FILES = 5000


def _real_homes() -> tuple[Path, ...]:
    return tuple(sorted({Path.home(), Path(pwd.getpwuid(os.getuid()).pw_dir)}))


def _claude_dirs(homes: tuple[Path, ...]) -> tuple[Path, ...]:
    named = os.environ.get("CLAUDE_CONFIG_DIR")
    return (*(home / ".claude" for home in homes), *([Path(named)] if named else []))


def _ours(homes: tuple[Path, ...]) -> tuple[Path, ...]:
    named = os.environ.get("CLAW_SOCKET_DIR")
    return (*(home / ".claw-socket" for home in homes), *([Path(named)] if named else []))


def snapshot(claude_dirs: tuple[Path, ...], ours: tuple[Path, ...]) -> dict[str, tuple[int, int, int]]:
    """Return mode, size and time of what this program could have written.

    A Claude Code that runs meanwhile writes its own files, so of its folders only the settings and what lies beside
    them count.
    """
    paths = [path for folder in claude_dirs if folder.is_dir() for path in folder.iterdir() if _is_settings(path.name)]
    for folder in ours:
        paths += [folder, *sorted(folder.rglob("*"))[:_MOST_FILES]]
    seen = {}
    for path in paths:
        try:
            stat = path.lstat()
        except FileNotFoundError:
            continue
        seen[str(path)] = (stat.st_mode, stat.st_size, stat.st_mtime_ns)
    return seen


def _is_settings(name: str) -> bool:
    return name.lstrip(".").startswith("settings") or "claw" in name


def changes(before: dict[str, tuple[int, int, int]], after: dict[str, tuple[int, int, int]]) -> list[str]:
    """Return the paths that came, went or changed."""
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


def _clean_environment(home: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("CLAUDE", "CLAW_SOCKET_", "XDG_")) and not name.startswith("CLAW_SOCKET_TEST_"):
            del os.environ[name]
    os.environ["HOME"] = str(home)


def _guarded() -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Return the folders that are watched. A worker of pytest-xdist is told: its home is a scratch one already."""
    if _TOLD not in os.environ:
        homes = _real_homes()
        folders = [[str(path) for path in paths] for paths in (_claude_dirs(homes), _ours(homes))]
        os.environ[_TOLD] = json.dumps(folders)
    claude_dirs, ours = json.loads(os.environ[_TOLD])
    return tuple(map(Path, claude_dirs)), tuple(map(Path, ours))


def _hear_signals() -> None:
    """Have Ctrl-C and a terminal that closes be to what is tested what they are in the foreground of one.

    What a shell runs in its background, and nohup, ignore them, and all that they start would, too. With a handler of
    its own a process hands on the default.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)


_TOLD = "TESTS_GUARD_THESE_FOLDERS"
_GUARDED = _guarded()

# How long an example takes says nothing on a machine that does several things at once.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
_BEFORE = snapshot(*_GUARDED)
_SCRATCH = Path(tempfile.mkdtemp(prefix="claw-socket-tests-"))
_clean_environment(_SCRATCH)
_hear_signals()


@pytest.fixture(scope="session", autouse=True)
def real_home_is_untouched() -> Iterator[None]:
    """Fail the run if the real home was touched. It is the first fixture to be set up, so the last to be torn down."""
    yield
    touched = changes(_BEFORE, snapshot(*_GUARDED))
    if touched:
        listed = "\n  ".join(touched)
        pytest.fail(
            f"the tests, or a claw-socket that ran meanwhile, changed the real home:\n  {listed}", pytrace=False
        )


def pytest_unconfigure() -> None:
    shutil.rmtree(_SCRATCH, ignore_errors=True)


@pytest.fixture(scope="module")
def unmeasured() -> Iterator[None]:
    """Programs run as they do at their users': to measure coverage takes up to half of their time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
        yield


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh home for one test, in the environment too."""
    path = tmp_path / "home"
    path.mkdir()
    monkeypatch.setenv("HOME", str(path))
    return path
