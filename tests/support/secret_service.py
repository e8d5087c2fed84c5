"""A real Secret Service, GNOME Keyring, on a session bus of its own with nothing else on it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from secretstorage import Collection

# Without folders of services nothing is started because somebody asks for it; {services} can name some.
CONFIG = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  {services}
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
  </policy>
</busconfig>
"""


class Desktop(AbstractContextManager["Desktop"]):
    """A session bus and, if wanted, a keyring on it, unlocked. It ends with the context.

    Args:
        folder: where it keeps its files.
        keyring: whether there is a keyring; it is made by its first start.
        services: whether the bus starts what somebody asks for, as on a real desktop.
    """

    def __init__(self, folder: Path, *, keyring: bool = True, services: bool = False) -> None:
        self.address = f"unix:path={folder / 'bus'}"
        self._folder, self._wanted = folder, keyring
        self._services = "<standard_session_servicedirs/>" if services else ""
        self._exit = ExitStack()
        self.environment = {
            **os.environ,
            "DBUS_SESSION_BUS_ADDRESS": self.address,
            "HOME": str(folder),
            "XDG_DATA_HOME": str(folder / "data"),
            "XDG_RUNTIME_DIR": str(folder),
        }

    def __enter__(self) -> Self:
        with self._exit as stack:
            config = self._folder / "bus.conf"
            config.write_text(CONFIG.format(socket=self._folder / "bus", services=self._services))
            bus = self._start(stack, "dbus-daemon", "--nofork", f"--config-file={config}")
            wait_for(self._listens, f"the bus (pid {bus.pid})")
            if self._wanted:
                self._keyring = self._start(
                    stack, "gnome-keyring-daemon", "--foreground", "--components=secrets", "--unlock", stdin=b"secret"
                )
                wait_for(self._is_unlocked, "the keyring")
            self._exit = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.close()

    def _start(self, stack: ExitStack, *command: str, stdin: bytes = b"") -> subprocess.Popen[bytes]:
        with (self._folder / f"{command[0]}.log").open("ab") as log:
            process = subprocess.Popen(command, env=self.environment, stdin=subprocess.PIPE, stdout=log, stderr=log)
        stack.callback(process.wait, 10)
        stack.callback(process.kill)
        assert process.stdin is not None
        process.stdin.write(stdin)
        process.stdin.close()
        return process

    @contextmanager
    def collection(self) -> Iterator[Collection]:
        """Give the default keyring, as any program of the desktop has it."""
        from secretstorage import Collection

        with closing(self._connection()) as connection:
            yield Collection(connection, "/org/freedesktop/secrets/aliases/default")

    def _connection(self) -> Any:
        from jeepney.io.blocking import open_dbus_connection  # not at the top: only Linux has it

        return open_dbus_connection(self.address)

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self._folder / "bus")) == 0

    def _bus(self, connection: Any) -> Any:
        from jeepney import message_bus
        from jeepney.io.blocking import Proxy

        return Proxy(message_bus, connection)

    def _is_unlocked(self) -> bool:
        from secretstorage import SecretStorageException

        try:
            with self.collection() as collection:
                return not collection.is_locked()
        except SecretStorageException:
            return False

    def lock(self) -> None:
        """Lock the keyring: whoever wants in makes it ask for the password."""
        with self.collection() as collection:
            collection.lock()
            assert collection.is_locked()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let the keyring hear nothing, nor end."""
        self._keyring.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._keyring.send_signal(signal.SIGCONT)

    @contextmanager
    def mute_prompter(self) -> Iterator[None]:
        """Have somebody who takes the keyring's questions, as a desktop does, and a user who never answers."""
        with closing(self._connection()) as connection:
            self._bus(connection).RequestName("org.gnome.keyring.SystemPrompter")
            yield

    @contextmanager
    def calls(self) -> Iterator[list[str]]:
        """Give the names of the methods that were called on the keyring while the context was there."""
        names: list[str] = []
        log = self._folder / "calls"
        command = ["dbus-monitor", "--address", self.address, "--profile", "type='method_call'"]
        with log.open("wb") as file:
            monitor = subprocess.Popen(command, env=self.environment, stdout=file)
        try:
            with closing(self._connection()) as connection:
                bus = self._bus(connection)

                def is_heard(name: str) -> bool:
                    bus.NameHasOwner(name)
                    return "NameHasOwner" in log.read_text()

                wait_for(lambda: is_heard("test.begin"), "the monitor")
                yield names
                seen = log.read_text().count("NameHasOwner")
                bus.NameHasOwner("test.end")
                wait_for(lambda: log.read_text().count("NameHasOwner") > seen, "the monitor")
            names += [line.split("\t")[-1] for line in log.read_text().splitlines() if line.startswith("mc")]
        finally:
            monitor.kill()
            monitor.wait(10)
