"""How long the service leaves a question unanswered, seen from outside."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path
from types import TracebackType

INTERVAL = 0.002
QUESTION = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


class Health:
    """Asks ``GET /health`` every 2 ms on one connection, in a thread of its own, until the end of a with block.

    A stall of the service's loop shows as an answer that took as long, less 2 ms at most. What the two had to wait for
    a CPU is taken off, since it tells of the machine and its other work.
    """

    def __init__(self, port: int, pid: int) -> None:
        """Take the service's port on loopback, and its process."""
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._loop = Path(f"/proc/{pid}/task/{pid}/schedstat")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._ask_on, daemon=True)
        self._error: Exception | None = None
        self.answers_s: list[float] = []

    @property
    def worst_ms(self) -> float:
        """The longest time an answer took."""
        return max(self.answers_s) * 1000

    def __enter__(self) -> Health:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()
        self._socket.close()
        if self._error is not None and error is None:
            raise self._error

    def _ask_on(self) -> None:
        try:
            with self._loop.open("rb", 0) as loop, Path("/proc/thread-self/schedstat").open("rb", 0) as own:
                waits = (loop.fileno(), own.fileno())
                while not self._stopping.is_set() or not self.answers_s:
                    began, waited = time.perf_counter(), _waited(*waits)
                    self._ask()
                    took = time.perf_counter() - began
                    self.answers_s.append(max(0.0, took - (_waited(*waits) - waited)))
                    time.sleep(max(0.0, INTERVAL - took))
        except (OSError, ValueError) as error:
            self._error = error

    def _ask(self) -> None:
        self._socket.sendall(QUESTION)
        answer = b""
        while b"}" not in answer:
            part = self._socket.recv(4096)
            if not part:
                raise ConnectionResetError("the service closed the connection")
            answer += part
        if not answer.startswith(b"HTTP/1.1 200"):
            raise ValueError(f"GET /health: {answer!r}")


def _waited(*schedstats: int) -> float:
    """Return the seconds that threads were ready to run and had no CPU, by descriptors of their schedstat files."""
    return sum(int(os.pread(descriptor, 100, 0).split()[1]) for descriptor in schedstats) / 1e9


def at_rest(port: int, pid: int, seconds: float) -> float:
    """Return the longest time an answer of a service at rest takes, in ms."""
    with Health(port, pid) as health:
        time.sleep(seconds)
    return health.worst_ms
