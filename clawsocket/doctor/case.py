"""What all checks look at, asked for once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from clawsocket import config
from clawsocket.config import Settings
from clawsocket.doctor import ports, running
from clawsocket.doctor.ports import Listener
from clawsocket.doctor.running import Running
from clawsocket.errors import SettingError
from clawsocket.paths import Home, absolute
from clawsocket.protocol.endpoint import Endpoint
from clawsocket.setup.service import seen
from clawsocket.setup.service.seen import ManagerState


@dataclass(frozen=True, slots=True)
class Case:
    """A folder of ours, and what is there.

    Attributes:
        home: the folder.
        settings: as the service has them, but for its flags; the defaults where they can't be read.
        settings_problem: why they can't be read.
        dirs: Claude Code's folders.
        manager: what systemd or launchd knows.
        endpoint: what the service's file says; the service may be dead.
        running: the service, if it answers.
        listeners: who listens on its port, where clients connect.
    """

    home: Home
    settings: Settings
    settings_problem: str | None
    dirs: list[Path]
    manager: ManagerState
    endpoint: Endpoint | None
    running: Running | None
    listeners: list[Listener]

    @classmethod
    def of(cls, home: Home) -> Case:
        """Look at a folder."""
        problem, state = None, seen.look()
        environ = {} if state.enabled else os.environ  # a service has nothing of this shell's
        try:
            settings = config.load({}, file=home.config, environ=environ)
            dirs = config.claude_dirs(settings, environ)
        except SettingError as error:
            settings, problem = Settings(), str(error)
            dirs = config.claude_dirs(settings, environ)
        endpoint, found = running.endpoint(home), running.look(home)
        port = found.endpoint.port if found else settings.port
        return cls(home, settings, problem, dirs, state, endpoint, found, ports.listeners(port, settings.host))

    @property
    def elsewhere(self) -> Path | None:
        """The folder that the service uses, where that is another one than this; None: this one, as far as is known."""
        usual = Path.home() / ".claw-socket"
        used, root = self.manager.folder or usual, absolute(self.home.root)
        is_sure = self.manager.folder is not None or self.manager.running_pid is not None
        return used if self.running is None and self.manager.enabled and is_sure and used != root else None

    @property
    def start(self) -> str:
        """The command that starts it."""
        return "claw-socket start" if self.manager.installed else "claw-socket"

    @property
    def restart(self) -> str:
        """The command that starts it anew, also where it was started by hand."""
        if self.manager.running_pid or self.manager.waits:
            return "claw-socket restart"
        lives = self.endpoint is not None and running.lives(self.home)
        return f"kill {self.endpoint.pid}; {self.start}" if self.endpoint and lives else self.start

    @property
    def port(self) -> int:
        """The port of the service, or that which it would take."""
        return self.running.endpoint.port if self.running else self.settings.port
