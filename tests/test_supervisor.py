"""What systemd is told, when it asks, and that nothing is done when it does not."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from clawsocket.supervisor import Supervisor, meant_for_us


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """A socket on which systemd listens, and its name for us."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@claw-socket-{os.getpid()}"
    if request.param == "abstract" and sys.platform != "linux":
        pytest.skip("Linux alone has abstract names")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(name.replace("@", "\0"))
        sock.settimeout(5)
        yield name, sock


def told(sock: socket.socket) -> list[str]:
    return sock.recv(4096).decode().split("\n")


async def heard(sock: socket.socket) -> list[str]:
    """Return the next message, with the loop going on meanwhile."""
    return await asyncio.to_thread(told, sock)


async def test_it_tells_ready_life_status_and_stopping(systemd: tuple[str, socket.socket]) -> None:
    name, sock = systemd
    status = ["1 sessions"]
    environ = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "60000", "WATCHDOG_PID": str(os.getpid()), "OTHER": "stays"}
    told = Supervisor(lambda: status[0], environ)
    assert environ == {"OTHER": "stays"}, "no child may answer for us"
    told.ready()
    assert await heard(sock) == ["READY=1"]
    assert await heard(sock) == ["WATCHDOG=1", "STATUS=1 sessions"]
    assert await heard(sock) == ["WATCHDOG=1"]
    status[0] = "2 sessions"
    while (message := await heard(sock)) == ["WATCHDOG=1"]:
        pass
    assert message == ["WATCHDOG=1", "STATUS=2 sessions"]
    told.stopping()
    while (message := await heard(sock)) == ["WATCHDOG=1"]:
        pass
    assert message == ["STOPPING=1", "STATUS=Stopping"]


async def test_a_loop_that_is_stuck_gives_no_sign_of_life(systemd: tuple[str, socket.socket]) -> None:
    name, sock = systemd
    told = Supervisor(lambda: "", {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "30000"})
    told.ready()
    assert await heard(sock) == ["READY=1"]
    sock.settimeout(0.2)
    seen = 0
    with contextlib.suppress(TimeoutError):
        while True:  # in the loop's own thread: the loop is stuck
            sock.recv(4096)
            seen += 1
    assert seen == 1, "the one sent with READY"
    told.stopping()


async def test_without_a_watchdog_it_tells_the_status_alone(systemd: tuple[str, socket.socket]) -> None:
    name, sock = systemd
    told = Supervisor(lambda: "fine", {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"})
    told.ready()
    assert [await heard(sock), await heard(sock)] == [["READY=1"], ["STATUS=fine"]]
    told.stopping()


async def test_not_asked_it_does_nothing() -> None:
    def status() -> str:
        raise AssertionError("nobody wants to know")

    told = Supervisor(status, {})
    told.ready()
    assert told._timer is None
    told.stopping()


async def test_a_systemd_that_is_gone_is_no_trouble(tmp_path: Path) -> None:
    told = Supervisor(lambda: "fine", {"NOTIFY_SOCKET": str(tmp_path / "gone")})
    told.ready()
    told.stopping()


async def test_systemds_own_library_is_used_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = []

    def notify(text: str) -> None:
        sent.append((text, os.environ["NOTIFY_SOCKET"]))

    library = types.ModuleType("systemd.daemon")
    library.notify = notify  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "systemd", types.ModuleType("systemd"))
    monkeypatch.setitem(sys.modules, "systemd.daemon", library)
    told = Supervisor(lambda: "fine", {"NOTIFY_SOCKET": "/there"})
    told.ready()
    told.stopping()
    assert "NOTIFY_SOCKET" not in os.environ
    assert sent == [("READY=1", "/there"), ("STATUS=fine", "/there"), ("STOPPING=1\nSTATUS=Stopping", "/there")]


def test_a_program_in_one_file_answers_for_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    assert meant_for_us(str(os.getpid()))
    assert not meant_for_us(str(os.getppid()))
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert meant_for_us(str(os.getppid()))
    assert not meant_for_us("1")
