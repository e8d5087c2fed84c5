"""Doctor and status under a real ``systemd --user``: whatever is wrong with the unit is found, whoever wrote it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import user_manager
from tests.support.waiting import wait_for

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(bool(user_manager.unavailable()), reason=f"lacks {', '.join(user_manager.unavailable())}"),
]

UNIT = """\
[Unit]
StartLimitIntervalSec=60
StartLimitBurst=3
[Service]
ExecStart={command}
Restart=on-failure
RestartSec=50ms
[Install]
WantedBy=default.target
"""


class Machine:
    def __init__(self, account: Any) -> None:
        self._account = account
        self._unit = account.home / ".config" / "systemd" / "user" / "claw-socket.service"

    def systemctl(self, *words: str) -> None:
        self._account.run("systemctl", "--user", *words)

    def unit(self, command: str, *, listens: str = "") -> None:
        self._account.write(self._unit, UNIT.format(command=command))
        if listens:
            self._account.write(self._unit.with_suffix(".socket"), f"[Socket]\nListenStream={listens}\n")
        self.systemctl("daemon-reload")

    @property
    def program(self) -> str:
        return str(self._account.program)

    def doctor(self) -> dict[str, list[tuple[str, str, str | None]]]:
        """What is found of the service, by check."""
        done = self._account.try_run("claw-socket", "doctor", "--json")
        assert done.stdout, done.stderr
        found: dict[str, list[tuple[str, str, str | None]]] = {}
        for one in json.loads(done.stdout)["findings"]:
            found.setdefault(one["check"], []).append((one["level"], one["what"], one["mend"]))
        return found

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._account.try_run("claw-socket", "status", "--json").stdout)
        return found


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with user_manager.Account(tmp_path) as account:
        yield Machine(account)


def test_each_state_of_the_unit_is_told(machine: Machine) -> None:
    assert machine.doctor()["service"][0][::2] == ("warning", "claw-socket install")

    machine.unit(f"{machine.program} --port 0")
    machine.systemctl("enable", "--now", "claw-socket.service")
    status = wait_for(lambda: (found := machine.status())["running"] and found, "the service", 30)
    assert status["service"]["running_pid"] == status["pid"]
    assert (status["service"]["enabled"], status["service"]["active"]) == (True, True)
    found = machine.doctor()
    assert found["service"] == [("ok", "installed, started at login, active (systemd)", None)]
    assert found["running"][0][0] == found["port"][0][0] == found["token"][0][0] == found["path"][0][0] == "ok"

    machine.unit("/opt/gone/claw-socket")
    what = "systemd starts /opt/gone/claw-socket, which is not there"
    assert ("error", what, "claw-socket install") in machine.doctor()["service"]

    machine.unit(f"{machine.program} --port 0")
    machine.systemctl("disable", "claw-socket.service")
    assert machine.doctor()["service"] == [("warning", "it does not start at login", "claw-socket install")]

    machine.systemctl("stop", "claw-socket.service")
    found = machine.doctor()
    assert ("error", "systemd does not run it", "claw-socket start") in found["service"]
    assert found["running"] == [("error", "it does not run", "claw-socket start")]


def test_a_service_that_gave_up_says_why(machine: Machine) -> None:
    machine.unit("/bin/false")
    machine.systemctl("enable", "claw-socket.service")
    machine.systemctl("start", "claw-socket.service")
    what = "it failed: it ended with an error, and after 3 restarts systemd gave up"
    mend = "claw-socket logs tells more; claw-socket restart"
    wait_for(lambda: machine.status()["service"]["failed_why"] and not machine.status()["service"]["active"], "the end")
    assert ("error", what, mend) in machine.doctor()["service"]


def test_a_socket_that_waits_is_no_fault(machine: Machine) -> None:
    machine.unit(f"{machine.program} --port 0", listens="127.0.0.1:3838")
    machine.systemctl("start", "claw-socket.socket")
    found = machine.doctor()
    assert found["running"] == [("ok", "it waits for the first connection", None)]
    assert found["port"][0][0] == "ok"
