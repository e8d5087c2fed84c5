"""What the service manager says becomes findings that name what mends them."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from clawsocket.cli import main
from clawsocket.config import Settings
from clawsocket.doctor import service
from clawsocket.doctor.case import Case
from clawsocket.doctor.running import Running
from clawsocket.paths import Home
from clawsocket.protocol.endpoint import Endpoint
from clawsocket.setup.service import seen
from clawsocket.setup.service.seen import ManagerState

WELL = ManagerState("systemd", installed=True, enabled=True, active=True, running_pid=1)
DOWN = WELL._replace(active=False, running_pid=None)


def case(home: Path, state: ManagerState) -> Case:
    return Case(Home(home / ".claw-socket"), Settings(), None, [], state, None, None, [])


def found(home: Path, state: ManagerState) -> list[tuple[str, str, str | None]]:
    return [(one.level, one.what, one.mend) for one in service.installed(case(home, state))]


def test_all_is_well(home: Path) -> None:
    assert found(home, WELL) == [("ok", "installed, started at login, active (systemd)", None)]
    (on_demand,) = found(home, WELL._replace(waits=True))
    assert on_demand[1] == "installed, started by the first connection, active (systemd)"


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        (ManagerState("launchd"), ("warning", "it is not installed, and not there after the next login", "install")),
        (WELL._replace(enabled=False), ("warning", "it does not start at login", "install")),
        (WELL._replace(active=False), ("error", "systemd does not run it", "start")),
        (
            WELL._replace(failed_why="it hung"),
            ("error", "it failed: it hung", "logs tells more; claw-socket restart"),
        ),
        (
            WELL._replace(exec_path=Path("/gone/claw-socket")),
            ("error", "systemd starts /gone/claw-socket, which is not there", "install"),
        ),
    ],
)
def test_what_is_wrong_is_named(home: Path, state: ManagerState, wanted: tuple[str, str, str]) -> None:
    level, what, mend = wanted
    assert (level, what, f"claw-socket {mend}") in found(home, state)


def test_a_binary_is_the_program_that_it_is_whatever_it_was_called_by(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "claw-socket").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["claw-socket"])
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", "/bin/sh")
    assert [level for level, *_ in found(home, WELL._replace(exec_path=Path("/bin/sh")))] == ["ok"]
    assert "and this is /bin/sh" in found(home, WELL._replace(exec_path=Path("/bin/true")))[0][1]
    monkeypatch.setattr(sys, "executable", "/tmp/_MEI1/claw-socket")
    assert [level for level, *_ in found(home, WELL._replace(exec_path=Path("/bin/true")))] == ["ok"]


def test_no_manager_is_but_a_warning(home: Path) -> None:
    ((level, what, _),) = found(home, ManagerState())
    assert (level, what) == ("warning", "no service manager of this user answers here")


def test_the_program_of_another_installation_is_told(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other, link = tmp_path / "one" / "claw-socket", tmp_path / "other" / "claw-socket", tmp_path / "claw-socket"
    for path in (one, other):
        path.parent.mkdir()
        path.touch(0o755)
    link.symlink_to(one)
    monkeypatch.setattr(sys, "argv", [str(link), "doctor"])
    assert [level for level, _, _ in found(home, WELL._replace(exec_path=one))] == ["ok"]
    told = found(home, WELL._replace(exec_path=other))
    assert told[0] == ("warning", f"systemd starts {other}, and this is {link}", "claw-socket install")


def test_an_old_version_of_another_installation_is_not_mended_by_a_restart(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("this", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "claw-socket").touch(0o755)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "this" / "claw-socket"), "doctor"])
    old = Running(Endpoint("ws://localhost:1/", None, 1, "0.0.9"), Counter())
    for name, mend in (("this", "restart"), ("other", "install")):
        there = case(home, WELL._replace(exec_path=tmp_path / name / "claw-socket"))
        (one,) = service.answers(replace(there, running=old, endpoint=old.endpoint))
        assert one.mend == f"claw-socket {mend}"


@pytest.mark.parametrize(
    ("state", "start"),
    [(DOWN, "claw-socket start"), (ManagerState("systemd"), "claw-socket install"), (ManagerState(), "claw-socket")],
)
def test_what_starts_it_depends_on_what_is_there(home: Path, state: ManagerState, start: str) -> None:
    (one,) = service.answers(case(home, state))
    assert (one.level, one.what, one.mend) == ("error", "it does not run", start)


def test_a_socket_that_listens_for_it_is_enough(home: Path) -> None:
    (one,) = service.answers(case(home, WELL._replace(waits=True)))
    assert (one.level, one.what) == ("ok", "it waits for the first connection")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (ManagerState("systemd"), "not installed"),
        (WELL, "systemd, starts at login, active"),
        (WELL._replace(enabled=False, active=False), "systemd, does not start at login, not active"),
        (WELL._replace(failed_why="it hung"), "systemd, starts at login, failed: it hung"),
        (WELL._replace(waits=True, running_pid=None), "systemd, starts with the first connection"),
        (WELL._replace(waits=True), "systemd, starts with the first connection, active"),
    ],
)
def test_status_says_it_in_a_line(
    home: Path,
    state: ManagerState,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(seen, "look", lambda: state)
    assert main(["status"]) == 1
    assert f"\nservice      {words}\n" in capsys.readouterr().out
