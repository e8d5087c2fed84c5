"""What the service is started with, and what it may listen on."""

from __future__ import annotations

from pathlib import Path

import pytest

from clawsocket.config import Settings
from clawsocket.paths import Home
from clawsocket.setup.install import Wishes, health, job_of


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


def test_the_socket_unit_has_the_addresses_of_a_name(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(2, 1, 6, "", ("192.0.2.1", 0)), (10, 1, 6, "", ("2001:db8::1", 0, 0, 0))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_words, **_names: found)
    job = job_of(Home(home / ".claw-socket"), Wishes(Settings(host="box"), {}, on_demand=True))
    assert job.listen == ("192.0.2.1:3838", "[2001:db8::1]:3838")


def test_nobody_at_home_is_no_health() -> None:
    assert health("127.0.0.1:1") is None
