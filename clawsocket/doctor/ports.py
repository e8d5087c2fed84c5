"""Who listens on the port. Clients give their token to whoever that is, so it is looked up, not asked."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import pwd
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from clawsocket.doctor.finding import Finding

if TYPE_CHECKING:
    from clawsocket.doctor.case import Case

_LISTENS = "0A"
_LIMIT = 2.0


class Listener(NamedTuple):
    """A listening socket.

    Attributes:
        uid: whose it is; None: not ours, and nobody tells whose.
        pids: the processes that have it, as far as they can be seen.
    """

    uid: int | None
    pids: frozenset[int]


def listeners(port: int, host: str = "localhost") -> list[Listener]:
    """Return who listens on a port, at an address that ``localhost`` leads to or at one of this machine's others."""
    if sys.platform == "linux":
        return list(_linux(port, host))
    else:
        return _elsewhere(port)


def _linux(port: int, host: str) -> Iterator[Listener]:
    found = {}
    own = _in_hex(host)
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                address, _, local_port = fields[1].rpartition(":")
                if fields[3] == _LISTENS and int(local_port, 16) == port and (address == own or _is_local(address)):
                    found[f"socket:[{fields[9]}]"] = int(fields[7])
    holders: dict[str, set[int]] = {name: set() for name in found}
    if found:
        for link, pid in _open_files():
            holders.get(link, set()).add(pid)
    for name, uid in found.items():
        yield Listener(uid, frozenset(holders[name]))


def _in_hex(host: str) -> str | None:
    """Return an address as the kernel prints it; None: it is a name."""
    try:
        packed = ipaddress.ip_address(host.partition("%")[0]).packed
    except ValueError:
        return None
    return "".join(packed[at : at + 4][::-1].hex() for at in range(0, len(packed), 4)).upper()


def _is_local(address: str) -> bool:
    """Tell whether somebody who connects to this machine by ``localhost`` can get there.

    Args:
        address: in hex, as the kernel prints it: each four bytes from the last to the first.
    """
    mapped = address.removeprefix("0000000000000000FFFF0000")
    return not address.strip("0") or (len(mapped) == 8 and mapped.endswith("7F")) or address == f"{1 << 24:032X}"


def _open_files() -> Iterator[tuple[str, int]]:
    """Yield what the processes that we may look into have open."""
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with contextlib.suppress(OSError):
                for descriptor in os.listdir(process / "fd"):
                    with contextlib.suppress(OSError):
                        yield str((process / "fd" / descriptor).readlink()), int(process.name)


def _elsewhere(port: int) -> list[Listener]:
    """Ask ``lsof``, which shows the processes of this user alone: if others answer, nobody tells whose they are."""
    command = ["lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fp"]
    try:
        answer = subprocess.run(command, capture_output=True, timeout=_LIMIT, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        answer = b""
    pids = frozenset(map(int, re.findall(rb"^p(\d+)$", answer, re.MULTILINE)))
    if pids:
        return [Listener(os.getuid(), pids)]
    return [Listener(None, frozenset())] if _answers(port) else []


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("localhost", port), _LIMIT):
            return True
    except OSError:
        return False


def check(case: Case) -> Iterator[Finding]:
    """Look whether the port is ours."""
    port, me = case.port, os.getuid()
    command = "claw-socket install" if case.manager.manager else "claw-socket"
    elsewhere = f"{command} --port {port + 1 if port < 65535 else 3839}"
    foreign = [one for one in case.listeners if one.uid != me]
    if foreign:
        whose = _user(foreign[0].uid)
        what = f"{whose} listens on port {port}; a client that connects there gives away the token"
        yield Finding("port", "error", what, elsewhere)
        return
    servers = {case.running.endpoint.pid if case.running else None, case.manager.running_pid}
    strangers = [] if case.manager.waits else [one for one in case.listeners if one.pids and not servers & one.pids]
    if strangers:
        pid = min(strangers[0].pids)
        yield Finding("port", "error", f"another program of yours, pid {pid}, listens on port {port}", elsewhere)
    elif case.listeners:
        yield Finding("port", "ok", f"port {port} is ours")
    elif case.running:
        yield Finding("port", "error", f"nobody listens on port {port}", case.restart)
    else:
        yield Finding("port", "ok", f"port {port} is free")


def is_ours(case: Case) -> bool:
    """Tell whether the token can be given to whoever listens."""
    return bool(case.listeners) and all(one.uid == os.getuid() for one in case.listeners)


def _user(uid: int | None) -> str:
    if uid is None:
        return "somebody else"
    try:
        return f"the user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"the user {uid}"
