"""Binding: both families on one port, and errors that say what is wrong."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from clawsocket.errors import AddressError, FolderError
from clawsocket.server import listen as module
from clawsocket.server.listen import TakenError, inherited, is_loopback, listen, listen_unix


@contextlib.contextmanager
def listening(host: str, port: int = 0) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(sock) for sock in listen(host, port)]


def test_localhost_is_both_families_on_one_port() -> None:
    with listening("localhost") as sockets:
        assert [sock.family for sock in sockets] == [socket.AF_INET, socket.AF_INET6]
        assert {sock.getsockname()[1] for sock in sockets} == {sockets[0].getsockname()[1]}


def test_one_family_leaves_the_port_free_in_the_other() -> None:
    with listening("::") as (sock,), listening("0.0.0.0", sock.getsockname()[1]) as (other,):
        assert other.family == socket.AF_INET


def test_without_the_other_family_one_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOPBACK", ((socket.AF_INET6, "2001:db8::1"), (socket.AF_INET, "127.0.0.1")))
    with listening("localhost") as sockets:
        assert [sock.family for sock in sockets] == [socket.AF_INET]


def test_without_any_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOPBACK", ((socket.AF_INET6, "2001:db8::1"),))
    with pytest.raises(AddressError, match="no loopback address"):
        listen("localhost", 0)


@pytest.mark.parametrize("taken", ["127.0.0.1", "::1"])
def test_a_port_that_is_taken_in_one_family_is_taken(taken: str) -> None:
    with listening(taken) as (sock,):
        port = sock.getsockname()[1]
        with pytest.raises(TakenError) as caught:
            listen("localhost", port)
        assert (caught.value.address, caught.value.port) == (taken, port)
    with listening("localhost", port):
        """Nothing was left bound."""


def test_a_free_port_is_looked_for_until_it_is_free_in_both_families(monkeypatch: pytest.MonkeyPatch) -> None:
    bound = module._bound
    tries = []

    def unlucky(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
        if family == socket.AF_INET6:
            tries.append(port)
            if len(tries) < 3:
                raise OSError(98, "Address already in use")
        return bound(family, address, port)

    monkeypatch.setattr(module, "_bound", unlucky)
    with listening("localhost") as sockets:
        assert sockets[0].getsockname()[1] == tries[2]


@pytest.mark.parametrize(
    ("host", "problem"),
    [
        ("192.0.2.1", "not an address of this machine"),
        ("no.such.host.invalid", "no such address"),
        ("bad host", "no such address"),
        ("a" * 100, "no such address"),
    ],
)
def test_an_address_that_is_not_ours_is_named(host: str, problem: str) -> None:
    with pytest.raises(AddressError, match=problem) as caught:
        listen(host, 0)
    assert host in str(caught.value)


def test_a_port_that_is_not_allowed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> socket.socket:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(module, "_bound", refuse)
    with pytest.raises(AddressError, match="port 80: it is not allowed; ports below 1024"):
        listen("127.0.0.1", 80)


def test_loopback_is_what_only_this_machine_reaches() -> None:
    assert [is_loopback(host) for host in ("localhost", "127.0.0.1", "127.1.2.3", "::1")] == [True] * 4
    assert [is_loopback(host) for host in ("0.0.0.0", "::", "192.168.1.5", "box")] == [False] * 4


def test_the_unix_socket_is_the_owners(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    sock = listen_unix(path)
    assert sock is not None
    with sock:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_dead_servers_socket_is_replaced_and_a_living_ones_is_not(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    dead = listen_unix(path)
    assert dead is not None
    dead.close()
    living = listen_unix(path)
    assert living is not None
    with living:
        before = path.stat().st_ino
        assert listen_unix(path) is None
        assert path.stat().st_ino == before


def test_a_socket_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="cannot be listened on"):
        listen_unix(tmp_path / "missing" / "socket")
    with pytest.raises(FolderError, match="too long"):
        listen_unix(tmp_path / ("x" * 100))


def test_sockets_of_systemd_are_taken_over(tmp_path: Path) -> None:
    with listening("localhost") as (first, second), socket.socket(socket.AF_UNIX) as other:
        # One after the other, as systemd hands them over; dup2 gives each its place.
        base = 200
        for number, sock in enumerate((first, second, other)):
            os.dup2(sock.fileno(), base + number)
        environ = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "3", "LISTEN_FDNAMES": "a:b:c", "OTHER": "stays"}
        taken = inherited(environ, base)
        assert environ == {"OTHER": "stays"}
        assert [sock.getsockname() for sock in taken] == [first.getsockname(), second.getsockname()]
        assert all(not os.get_inheritable(sock.fileno()) and not sock.getblocking() for sock in taken)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(base + 2)
        for sock in taken:
            sock.close()


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"LISTEN_PID": "1", "LISTEN_FDS": "1"},
        {"LISTEN_FDS": "1"},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "x"},
    ],
)
def test_what_is_meant_for_another_process_is_left(environ: dict[str, str]) -> None:
    assert inherited(environ) == []
    assert "LISTEN_FDS" not in environ
