"""A command and a service of different versions: whoever sees it is told what to do, and no output is spoilt by it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from clawsocket import __version__
from clawsocket.cli import skew
from tests.support import versions
from tests.support.feed import session_file
from tests.support.service import ROOT, environment, run_command
from tests.support.versions import NEWER, OLDER
from tests.support.waiting import wait_for

OLD = f"claw-socket: the service runs {OLDER}, and this command is {__version__}: claw-socket install starts that\n"


@pytest.fixture(scope="module")
def old_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home of a service of an older version, which has a session."""
    folder = tmp_path_factory.mktemp("old")
    program = versions.make(folder / "program", OLDER) / "claw-socket"
    home = folder / "home"
    home.mkdir()
    with (folder / "log").open("wb") as log, session_file(home):
        process = subprocess.Popen([program, "--port", "0"], env=environment(home), stdout=log, stderr=log)
        try:
            wait_for((home / ".claw-socket" / "endpoint").exists, "the service")
            yield home
        finally:
            process.terminate()
            process.wait(10)


@pytest.mark.parametrize(
    "command", [["status"], ["status", "--json"], ["ps"], ["ps", "--json"], ["wait", "--until", "idle", "--json"]]
)
def test_it_is_said_once_beside_the_output(old_service: Path, command: list[str]) -> None:
    done = run_command(old_service, *command)
    assert (done.returncode, done.stderr) == (0, OLD)
    assert "install starts" not in done.stdout
    if "--json" in command:
        json.loads(done.stdout)


@pytest.mark.parametrize("command", [["tail", "--json"], ["line"], ["ps", "--watch", "--json"]])
def test_what_goes_on_says_it_at_the_beginning(old_service: Path, command: list[str]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "clawsocket", *command],
        cwd=ROOT,
        env=environment(old_service),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        assert process.stderr.readline() == OLD
    finally:
        process.terminate()
        process.communicate(timeout=10)


def test_doctor_finds_it(old_service: Path) -> None:
    done = run_command(old_service, "doctor", "--json")
    assert f"version {OLDER} runs" in done.stdout
    assert done.stderr == ""


def test_each_version_is_told_of_once(capsys: pytest.CaptureFixture[str]) -> None:
    skew.tell.cache_clear()
    for version in (__version__, NEWER, NEWER, OLDER, NEWER):
        skew.tell(version)
    newer, older = capsys.readouterr().err.splitlines(keepends=True)
    assert older == OLD
    assert newer.startswith(f"claw-socket: the service runs {NEWER}, and this command is {__version__}, which is older")


@pytest.mark.parametrize(("version", "newer"), [("0.0.10", False), ("10.0", True), ("9.9.9-12345678", True)])
def test_versions_are_numbers_not_texts(version: str, newer: bool) -> None:
    assert skew.is_newer(version) is newer
