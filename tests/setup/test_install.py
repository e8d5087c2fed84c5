"""What the service is started by, and what it may listen on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from clawsocket import __version__
from clawsocket.config import Settings
from clawsocket.paths import Home
from clawsocket.setup.install import Wishes, health, job_of, program


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The folder of a version, with the program, and one with a link to it, both on the PATH."""
    version, stable = tmp_path / "opt" / f"claw-socket-{__version__}" / "bin", tmp_path / "bin"
    for folder in (version, stable):
        folder.mkdir(parents=True)
    (version / "claw-socket").write_text("#!/bin/sh\n")
    (version / "claw-socket").chmod(0o755)
    (stable / "claw-socket").symlink_to(version / "claw-socket")
    monkeypatch.setenv("PATH", f"{version}:{stable}:relative")
    return version, stable


@pytest.mark.parametrize("called", ["claw-socket", "{version}/claw-socket", "{stable}/claw-socket"])
def test_the_program_is_the_link_that_an_upgrade_changes(
    folders: tuple[Path, Path], called: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    version, stable = folders
    monkeypatch.setattr(sys, "argv", [called.format(version=version, stable=stable)])
    assert program() == (str(stable / "claw-socket"),)


def test_another_program_of_that_name_is_not_taken_for_ours(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "mine" / "claw-socket"
    mine.parent.mkdir()
    mine.write_text("#!/bin/sh\n")
    mine.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["mine/claw-socket"])
    assert program() == (str(mine),)


def test_a_module_is_run_by_its_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/x/clawsocket/__main__.py"])
    assert program() == (sys.executable, "-m", "clawsocket")


@pytest.mark.parametrize(
    ("host", "listen"),
    [
        ("localhost", ("127.0.0.1:3838", "[::1]:3838")),
        ("::1", ("[::1]:3838",)),
        ("192.168.1.5", ("192.168.1.5:3838",)),
    ],
)
def test_the_socket_unit_listens_where_the_service_would(home: Path, host: str, listen: tuple[str, ...]) -> None:
    job = job_of(Home(home / ".claw-socket"), Wishes(Settings(host=host), {}, on_demand=True))
    assert (job.listen, job.environment) == (listen, {})
    assert job_of(Home(home / "other"), Wishes(Settings(), {})).environment == {"CLAW_SOCKET_DIR": str(home / "other")}


def test_nobody_at_home_is_no_health() -> None:
    assert health("127.0.0.1:1") is None
