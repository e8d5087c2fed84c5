"""What the machine does to the service: its clock jumps, it sleeps, its queue overflows, its disk is no good one."""

from __future__ import annotations

import signal
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import Client
from tests.support.feed import SESSION, hook, line, session_file, spool
from tests.support.service import ROOT, Service, run_command
from tests.support.waiting import wait_for

HOUR = 3600
OTHER = "bbbb1111-2222-4333-8444-555555555555"


def told(client: Client, number: int) -> bool:
    """Whether a client has the hook of a number."""
    return any(
        event["data"].get("message") == str(number) for event in client.events if event["type"] == "hook.notification"
    )


def gaps(client: Client) -> list[str]:
    return [one["reason"] for one in client.others if one["type"] == "gap"]


# The clock


class Clock:
    """A clock of the service alone, to be set."""

    def __init__(self, folder: Path) -> None:
        library, self._shift = folder / "clock.so", folder / "shift"
        source = ROOT / "tests" / "support" / "clock.c"
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
        self.set(0)
        self.environment = {"LD_PRELOAD": str(library), "CLOCK_SHIFT": str(self._shift)}

    def set(self, seconds: int) -> None:
        """Set it so far from the true time."""
        with self._shift.open("r+b" if self._shift.exists() else "wb") as file:
            file.write(struct.pack("=q", seconds))

    def shown(self, service: Service) -> float:
        """By how many seconds an event that the service times itself differs from the true time."""
        with service.connect() as client:
            return float(client.snapshot["timestamp"]) / 1000 - time.time()


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path)


@pytest.mark.parametrize("jump", [-HOUR, -24 * 365 * HOUR, HOUR, 24 * 365 * HOUR])
def test_a_clock_that_jumps_loses_no_event_and_ends_no_session_that_runs(
    tmp_path: Path, clock: Clock, jump: int
) -> None:
    with (
        session_file(tmp_path),
        Service(tmp_path, "--set", "linger=0.3", more=clock.environment) as service,
        service.connect() as client,
    ):
        client.follow(back=True)
        wait_for(lambda: client.of(SESSION, "session.discovered"), "the session")
        spool(tmp_path, "1", hook(1))
        spool(tmp_path, "2", hook(2, session_id=OTHER))
        wait_for(lambda: told(client, 1) and told(client, 2), "the hooks before")
        clock.set(jump)
        spool(tmp_path, "3", hook(3))
        wait_for(lambda: told(client, 3), "the hook after")
        spool(tmp_path, "4", hook(4, session_id=OTHER, hook_event_name="SessionEnd", reason="other"))
        wait_for(lambda: client.of(OTHER, "session.removed"), "what the service does after a time")
        sessions = client.ask("get_session_list")["sessions"]
        assert [one["sessionId"] for one in sessions] == [SESSION]
        assert client.problems == []
        assert gaps(client) == []


def test_a_run_after_the_clock_was_set_back_gives_higher_numbers_and_says_what_may_be_missing(
    tmp_path: Path, clock: Clock
) -> None:
    with Service(tmp_path, more=clock.environment) as service, service.connect() as client:
        client.follow()
        spool(tmp_path, "1", hook(1))
        wait_for(lambda: told(client, 1), "the hook")
        seen, epoch = client.events[-1]["seq"], client.snapshot["epoch"]
    clock.set(-HOUR)
    with Service(tmp_path, more=clock.environment) as service, service.connect() as client:
        assert client.resume(seen, epoch)["recovered"] is False
        spool(tmp_path, "2", hook(2))
        wait_for(lambda: told(client, 2), "the hook")
        assert gaps(client) == ["source"]
        assert all(event["seq"] > seen for event in client.events)
        assert "the clock was set back" in service.log.read_text()


# Sleep


def test_after_a_sleep_all_that_was_written_meanwhile_is_told(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / ".claude" / "projects" / "-w" / f"{SESSION}.jsonl"
    path.parent.mkdir(parents=True)
    with (
        session_file(tmp_path),
        Service(tmp_path, more=clock.environment) as service,
        service.connect() as client,
    ):
        client.follow(back=True)
        wait_for(lambda: client.of(SESSION, "session.discovered"), "the session")
        with asleep(service):
            clock.set(8 * HOUR)
            path.write_bytes(line(1, at=time.time() + 8 * HOUR) + b"\n")
            spool(tmp_path, "1", hook(1))
        wait_for(lambda: told(client, 1) and client.of(SESSION, "message.user"), "both")
        assert [one["state"] for one in client.ask("get_session_list")["sessions"]] != []
        assert client.problems == []


@contextmanager
def asleep(service: Service) -> Iterator[None]:
    """Stop a service as a suspended machine does."""
    service.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        service.process.send_signal(signal.SIGCONT)


# The kernel's queue


def test_when_the_kernels_queue_overflows_all_is_looked_at_again(tmp_path: Path) -> None:
    queue = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    path = tmp_path / ".claude" / "projects" / "-w" / f"{SESSION}.jsonl"
    path.parent.mkdir(parents=True)
    with session_file(tmp_path), Service(tmp_path) as service, service.connect() as client:
        client.follow(back=True)
        path.write_bytes(line(1) + b"\n")
        wait_for(lambda: client.of(SESSION, "message.user"), "the first line")
        began = time.time()
        with asleep(service):
            for number in range(queue):  # a creation and a removal each
                other = path.parent / f"{number % 2}.tmp"
                other.touch()
                other.unlink()
            with path.open("ab") as file:
                file.write(line(2) + b"\n")
            for number in range(3):
                spool(tmp_path, str(number), hook(number))
            (path.parent / f"{OTHER}.jsonl").write_bytes(line(3, session=OTHER) + b"\n")
        with session_file(tmp_path, OTHER, began=began):
            wait_for(lambda: all(told(client, number) for number in range(3)), "the hooks")
            wait_for(lambda: len(client.of(SESSION, "message.user")) == 2, "the second line")
            wait_for(lambda: client.of(OTHER, "message.user"), "the line of a session that is new")
        assert client.problems == []


# A disk that can't be written


def test_on_a_read_only_disk_the_service_goes_on_from_memory_and_says_so(tmp_path: Path) -> None:
    with Service(tmp_path) as service:
        service.wait_for_hooks()
    folder = str(tmp_path / ".claw-socket")
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        path = tmp_path / ".claude" / "projects" / "-w" / f"{SESSION}.jsonl"
        path.parent.mkdir(parents=True)
        with session_file(tmp_path), ReadOnly(tmp_path, port) as service, service.connect() as client:
            client.follow(back=True)
            path.write_bytes(line(1) + b"\n")
            wait_for(lambda: client.of(SESSION, "message.user"), "the line")
            told = {
                one["data"]["source"]: one["data"]["message"] for one in client.events if one["type"] == "system.error"
            }
            assert "memory alone" in told["log"]
    finally:
        subprocess.run(["umount", folder], check=True)


class ReadOnly(Service):
    """A service that can't tell where it is, so it is told."""

    def __init__(self, home: Path, port: int) -> None:
        self._port = port
        super().__init__(home, "--set", f"port={port}")

    def _endpoint(self) -> dict[str, Any]:
        return {"url": f"ws://127.0.0.1:{self._port}/"}


@contextmanager
def sshfs(folder: Path, point: Path) -> Iterator[None]:
    """Mount a folder over SFTP, the server at the other end of a pipe."""
    server = subprocess.Popen(["/usr/lib/openssh/sftp-server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    command = ["sshfs", "-f", "-o", "passive", f":{folder}", str(point)]
    mounted = subprocess.Popen(command, stdin=server.stdout, stdout=server.stdin)
    try:
        wait_for(point.is_mount, "the mount")
        yield
    finally:
        subprocess.run(["umount", str(point)], check=True)
        mounted.terminate()  # in a mount namespace that a test beside this one made meanwhile it is mounted still
        mounted.wait(10)
        for pipe in (server.stdin, server.stdout):
            assert pipe is not None
            pipe.close()
        server.wait(10)


def test_on_a_network_file_system_it_does_not_start_and_says_what_to_set(tmp_path: Path) -> None:
    far, point = tmp_path / "far", tmp_path / ".claw-socket"
    for path in (far, point):
        path.mkdir(mode=0o700)
    with sshfs(far, point):
        done = run_command(tmp_path, "--port", "0")
        assert done.returncode == 8
        assert "fuse.sshfs" in done.stderr
        assert "set CLAW_SOCKET_DIR to a folder on a disk" in done.stderr
        assert not (point / "log.db").exists()
