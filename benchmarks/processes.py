"""The processes of a run: the service, the yardstick, the load generator. Everything happens in a scratch home."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

import msgspec

HERE = Path(__file__).parent
ROOT = HERE.parent
START_TIMEOUT = 20.0
STOP_TIMEOUT = 10.0

UNLIMITED = ("--set", "hook_rate=1000000000", "--set", "max_connections_per_address=1000")


class Load(msgspec.Struct):
    """What the load generator saw.

    Attributes:
        finished: whether all was seen in time.
        seconds: from the first event's writing to the last one's arrival.
        posts_per_s: answers to POST, in a second.
        refused: POSTs that were not answered with 2xx.
        delivered: different events at all readers, the last event included.
        delivered_per_s: the same, in a second.
        lost: events that readers did not get.
        stalled_lost: events that the readers that had stopped did not get in the end.
        repeated: events that came again.
        disordered: events that came later than one that was written after them.
        closed: connections that the server closed.
        cpu_s: CPU time of the server.
        rss_before_mb: resident memory of the server before.
        rss_after_mb: and after, while those that stopped reading have not read on.
        p50_ms: from the writing to the arrival; with a rate, from when it was due.
        p99_ms: the same.
        max_ms: the same.
    """

    finished: bool
    seconds: float
    posts_per_s: float
    refused: int
    delivered: int
    delivered_per_s: float
    lost: int
    stalled_lost: int
    repeated: int
    disordered: int
    closed: int
    cpu_s: float
    rss_before_mb: float
    rss_after_mb: float
    p50_ms: float
    p99_ms: float
    max_ms: float

    @property
    def wrong(self) -> int:
        """Events lost, doubled or out of order."""
        return self.lost + self.repeated + self.disordered


class Tools:
    """The load generator and the yardstick, compiled."""

    def __init__(self, folder: Path) -> None:
        """Compile them into a folder."""
        self.load, self.cserver = (_compile(HERE / f"{name}.c", folder / name) for name in ("load", "cserver"))


def _compile(source: Path, target: Path) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise SystemExit("the benchmarks need a C compiler (cc), for the load generator and the yardstick")
    subprocess.run([compiler, "-O2", "-march=native", "-o", target, source], check=True)
    return target


def environment(home: Path) -> dict[str, str]:
    """Return the environment of a process of ours: nothing of the user's but the search path."""
    return {"HOME": str(home), "PATH": os.environ["PATH"], "LC_ALL": "C"}


class Process:
    """A server that runs, on loopback; stopped at the end of a with block.

    Attributes:
        port: where it listens.
        token: what it asks clients for.
    """

    port: int
    token = ""

    def __init__(self, command: Sequence[str | Path], home: Path, **options: Any) -> None:
        """Start it; the caller waits until it listens."""
        self.home = home
        self.started = time.perf_counter()
        self.popen = subprocess.Popen(command, cwd=ROOT, env=environment(home), **options)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.popen.pid

    def cpu_s(self) -> float:
        """Return the CPU time it used, in seconds."""
        tasks = Path(f"/proc/{self.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def rss_mb(self) -> float:
        """Return its resident memory, in MB."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def pin(self, cpu: int = 0) -> None:
        """Let all its threads run on one CPU."""
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), {cpu})

    def wait_until_quiet(self, seconds: float = 0.5, limit: float = 60.0) -> None:
        """Wait until it uses less than a fifth of a CPU; who asks it every 2 ms takes a twentieth."""
        deadline = time.perf_counter() + limit
        before, now = float("-inf"), self.cpu_s()
        while now - before > seconds / 5:
            if time.perf_counter() > deadline:
                raise TimeoutError("the server never comes to rest")
            time.sleep(seconds)
            before, now = now, self.cpu_s()

    def stop(self) -> None:
        """Stop it."""
        self.popen.terminate()
        try:
            self.popen.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class Service(Process):
    """Our service, in a scratch home, with no limits in the way.

    Attributes:
        program: what is run: this source, or the binary that is shipped.
        listening_ms: how long it took to listen, the start of Python included.
    """

    program: ClassVar[Sequence[str | Path]] = (sys.executable, "-m", "clawsocket")

    def __init__(self, home: Path, *arguments: str) -> None:
        """Start it and wait until it listens."""
        self.log = home / "service.log"
        with self.log.open("wb") as log:
            command = [*self.program, "--port", "0", *UNLIMITED, *arguments]
            super().__init__(command, home, stdout=log, stderr=log)
        try:
            self.port = self._wait_for_port(home / ".claw-socket" / "endpoint")
            self.listening_ms = (time.perf_counter() - self.started) * 1000
            self.token = (home / ".claw-socket" / "token").read_text().strip()
        except BaseException:
            self.stop()
            raise

    def _wait_for_port(self, endpoint: Path) -> int:
        deadline = time.perf_counter() + START_TIMEOUT
        while time.perf_counter() < deadline and self.popen.poll() is None:
            try:
                return urlsplit(json.loads(endpoint.read_text())["url"]).port or 0
            except (FileNotFoundError, ValueError):
                time.sleep(0.001)
        raise RuntimeError(f"the service did not start:\n{self.log.read_text()[-2000:]}")


class Yardstick(Process):
    """The bare server in C."""

    def __init__(self, tools: Tools, home: Path) -> None:
        """Start it and wait until it listens."""
        super().__init__([tools.cserver, "0"], home, stdout=subprocess.PIPE)
        assert self.popen.stdout is not None
        self.port = int(self.popen.stdout.readline())

    def stop(self) -> None:
        """Stop it."""
        super().stop()
        assert self.popen.stdout is not None
        self.popen.stdout.close()


def put_load(tools: Tools, server: Process, *, timeout: float = 60.0, **options: Any) -> Load:
    """Run the load generator against a server.

    Args:
        tools: where it is.
        server: whom it loads.
        timeout: seconds after which it gives up.
        options: its options; True for one that has no value.

    Raises:
        RuntimeError: not all events were seen, or the server refused some.
    """
    command: list[str | Path] = [
        tools.load,
        "--port",
        str(server.port),
        "--token",
        server.token,
        "--pid",
        str(server.pid),
    ]
    for name, value in {**options, "timeout": timeout}.items():
        command += [f"--{name}"] if value is True else [f"--{name}", str(value)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout + 60, check=False)
    if done.returncode:
        raise RuntimeError(f"{options}: {done.stderr.strip()}")
    seen = msgspec.json.decode(done.stdout, type=Load)
    if not seen.finished or seen.refused or seen.closed:
        raise RuntimeError(f"{options}: {done.stdout.strip()} {done.stderr.strip()}")
    return seen
