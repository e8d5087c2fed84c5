"""The units as they are written; tests/integration/test_systemd.py runs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from clawsocket.errors import NoUserManagerError, ServiceError
from clawsocket.setup import service
from clawsocket.setup.service import Command, Job, manager
from clawsocket.setup.service.systemd import Systemd

JOB = Job(("/opt/my %h $apps/claw-socket", "-m", "a $b"), Path("/home/a b/100%"), {"CLAW_SOCKET_DIR": "/home/a b/100%"})


@pytest.fixture
def systemd(home: Path, monkeypatch: pytest.MonkeyPatch) -> Systemd:
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return Systemd()


@pytest.mark.parametrize("sandbox", [True, False])
def test_names_with_a_meaning_for_systemd_are_escaped(
    systemd: Systemd, home: Path, sandbox: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(systemd, "can_sandbox", lambda: sandbox)
    ((path, unit),) = systemd.files(JOB).items()
    assert path == home / ".config" / "systemd" / "user" / "claw-socket.service"
    lines = unit.splitlines()
    assert 'ExecStart="/opt/my %%h $apps/claw-socket" -m "a $$b"' in lines
    assert 'Environment="CLAW_SOCKET_DIR=/home/a b/100%%"' in lines
    assert ('ReadWritePaths="-/home/a b/100%%"' in lines) == sandbox
    assert ("PrivateUsers=yes" in lines) == sandbox
    assert "NoNewPrivileges=yes" in lines
    assert "@" not in unit.replace("@system-service", "").replace("@privileged @resources", "")


def test_on_which_folder_a_service_runs_is_in_its_unit(
    systemd: Systemd, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(systemd, "can_sandbox", lambda: False)
    usual, other = JOB._replace(environment={}), JOB._replace(environment={"CLAW_SOCKET_DIR": "/other"})
    assert systemd.gives(JOB), "there is none yet"
    for job in (JOB, usual):
        ((path, unit),) = systemd.files(job).items()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(unit + "Environment=MINE=1\n")
        assert [one for one in (JOB, usual, other) if systemd.gives(one)] == [job]


def test_on_demand_there_is_a_socket(systemd: Systemd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemd, "can_sandbox", lambda: True)
    files = systemd.files(JOB._replace(listen=("127.0.0.1:3838", "[::1]:3838")))
    assert [path.name for path in files] == ["claw-socket.service", "claw-socket.socket"]
    (_, socket) = files.values()
    assert "ListenStream=127.0.0.1:3838\nListenStream=[::1]:3838\n" in socket


def test_without_systemd_it_says_so(systemd: Systemd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoUserManagerError, match="this system has no systemd"):
        systemd.check()
    assert not systemd.can_sandbox()


def test_each_system_has_its_manager(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for platform, name in (("linux", "systemd"), ("darwin", "launchd")):
        monkeypatch.setattr("clawsocket.setup.service.sys.platform", platform)
        assert manager().name == name


def test_a_command_that_does_not_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_TIME_LIMIT", 0.05)
    with pytest.raises(ServiceError, match="sleep 5 failed with 124: no answer within"):
        Command(("sleep", "5")).run()
