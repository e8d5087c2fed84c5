"""Sockets to listen on: both loopback families on one port, and a Unix socket."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import MutableMapping
from pathlib import Path

from clawsocket.errors import AddressError, FolderError
from clawsocket.supervisor import meant_for_us

BACKLOG = 1024
_TRIES = 20
_LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
_NO_SUCH_FAMILY = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT}

Address = tuple[socket.AddressFamily, str]


class TakenError(Exception):
    """Somebody listens there already; ``address`` says where."""

    def __init__(self, address: str, port: int) -> None:
        super().__init__(address, port)
        self.address, self.port = address, port


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach an address."""
    return host in ("localhost", "::1") or host.startswith("127.")


def listen(host: str, port: int) -> list[socket.socket]:
    """Return the listening sockets of an address.

    Args:
        host: a name or address; ``localhost`` is both loopback families, as far as the machine has them.
        port: 0 takes one that is free on all of them.

    Raises:
        TakenError: somebody listens there already.
        AddressError: it is no address of this machine, or not allowed.
    """
    addresses = _addresses(host, port)
    for _ in range(_TRIES):
        try:
            return _listen_on(addresses, host, port)
        except TakenError:
            if port:
                raise
    raise AddressError(host, port, "no port is free on both loopback families")


def inherited(environ: MutableMapping[str, str] = os.environ, first: int = 3) -> list[socket.socket]:
    """Return the listening TCP sockets that systemd hands over with its socket activation.

    Args:
        environ: the environment, which tells of them in ``$LISTEN_FDS``; that goes, so that no child believes it.
        first: the descriptor of the first one.

    Returns:
        The sockets; none in the usual case, in which it is we who have to listen.
    """
    ours = meant_for_us(environ.pop("LISTEN_PID", ""))
    count = environ.pop("LISTEN_FDS", "")
    environ.pop("LISTEN_FDNAMES", None)
    if not ours or not count.isascii() or not count.isdigit():
        return []
    sockets = []
    for descriptor in range(first, first + int(count)):
        os.set_inheritable(descriptor, False)
        sock = socket.socket(fileno=descriptor)
        if sock.family in (socket.AF_INET, socket.AF_INET6) and sock.getsockopt(
            socket.SOL_SOCKET, socket.SO_ACCEPTCONN
        ):
            sock.setblocking(False)
            sockets.append(sock)
        else:
            sock.close()
    return sockets


def _addresses(host: str, port: int) -> list[Address]:
    if host == "localhost":
        return list(_LOOPBACK)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise AddressError(host, port, "there is no such address") from None
    return list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))


def _listen_on(addresses: list[Address], host: str, port: int) -> list[socket.socket]:
    """Bind them all to the port that the first one gets, or none."""
    sockets: list[socket.socket] = []
    try:
        for family, address in addresses:
            try:
                sockets.append(_bound(family, address, port))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    raise TakenError(address, port) from None
                if error.errno not in _NO_SUCH_FAMILY or host != "localhost":
                    raise AddressError(host, port, _problem(error)) from None
            else:
                port = sockets[-1].getsockname()[1]
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    if not sockets:
        raise AddressError(host, port, "this machine has no loopback address")
    return sockets


def _bound(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    # asyncio turns Nagle's algorithm off only where the protocol is named.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address, port))
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def _problem(error: OSError) -> str:
    if error.errno == errno.EADDRNOTAVAIL:
        return "it is not an address of this machine"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "it is not allowed; ports below 1024 are the system's"
    return str(error.strerror or error)


def listen_unix(path: Path) -> socket.socket | None:
    """Return a Unix socket at a path, 0600, in place of what a dead server left.

    Returns:
        None where a living server listens: it keeps its socket.

    Raises:
        FolderError: it can't be made.
    """
    if _alive(path):
        return None
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        sock.bind(str(path))
        path.chmod(0o600)  # before it listens: until then nobody can connect
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise FolderError(path, f"cannot be listened on: {error.strerror or error}") from None
    return sock


def _alive(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
