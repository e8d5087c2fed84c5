"""A launchd agent."""

from __future__ import annotations

import plistlib
from pathlib import Path
from xml.parsers.expat import ExpatError

from clawsocket.errors import NoUserManagerError, ServiceError
from clawsocket.setup.service import FOLDER, MARK, TEMPLATES, Command, Job, State, ask

LABEL = "claw-socket"
_FILE = f"{LABEL}.plist"

_HEADER = f"<dict>\n\t<!-- Written by {MARK}. Settings belong into ~/.claw-socket/config.toml. -->"

# Exit codes of launchctl are error numbers of the system, or of launchd (`launchctl error CODE` explains one).
_NO_SUCH_PROCESS, _IO, _IN_PROGRESS, _ALREADY_IN_PROGRESS, _NO_SUCH_SERVICE = 3, 5, 36, 37, 113
_NOT_LOADED = (_NO_SUCH_PROCESS, _NO_SUCH_SERVICE)


class Launchd:
    """launchd, for the user who is logged in at the screen.

    Args:
        home: the user's home.
        uid: the user's id.
    """

    name = "launchd"

    def __init__(self, home: Path, uid: int) -> None:
        self.file = home / "Library" / "LaunchAgents" / _FILE
        self.log = home / "Library" / "Logs" / f"{LABEL}.log"
        self._domain = f"gui/{uid}"
        self._target = f"gui/{uid}/{LABEL}"

    def check(self) -> None:
        """See :class:`Manager`."""
        code, said = ask(("launchctl", "print", self._domain))
        if code != 0:
            raise NoUserManagerError(
                f"launchd does not answer for {self._domain} ({said or code})", "log in at the screen of this Mac"
            )

    def files(self, job: Job) -> dict[Path, str]:
        """See :class:`Manager`.

        Raises:
            ServiceError: a start by the first connection is wanted, which is there for systemd alone.
        """
        if job.listen:
            raise ServiceError("launchd starts it at login alone", "leave --on-demand out")
        agent = plistlib.loads((TEMPLATES / _FILE).read_bytes())
        agent["ProgramArguments"] = list(job.program)
        agent["StandardOutPath"] = agent["StandardErrorPath"] = str(self.log)
        if job.environment:
            agent["EnvironmentVariables"] = job.environment
        return {self.file: plistlib.dumps(agent, sort_keys=False).decode().replace("<dict>", _HEADER, 1)}

    def gives(self, job: Job) -> bool:
        """See :class:`Manager`."""
        try:
            there = plistlib.loads(self.file.read_bytes()).get("EnvironmentVariables", {})
        except (OSError, ValueError, AttributeError, ExpatError):  # launchd could not use it either: it is written anew
            return True
        return bool(there.get(FOLDER) == job.environment.get(FOLDER))

    def caveat(self) -> str:
        """See :class:`Manager`."""
        return ""

    def known(self) -> list[Path]:
        """See :class:`Manager`."""
        return [self.file]

    def is_installed(self) -> bool:
        """See :class:`Manager`."""
        return self.file.exists()

    def logged(self) -> list[Path]:
        """See :class:`Manager`."""
        return [self.log]

    def begin(self, job: Job) -> list[Command]:
        """See :class:`Manager`."""
        # An agent that was unloaded may take a moment to be gone, and launchd then answers with an I/O error.
        again = (_IO, _IN_PROGRESS, _ALREADY_IN_PROGRESS)
        return [
            *self.end(),
            _command("enable", self._target),
            _command("bootstrap", self._domain, str(self.file), again=again),
        ]

    def end(self) -> list[Command]:
        """See :class:`Manager`."""
        return [_command("bootout", self._target, fine=_NOT_LOADED, again=(_IN_PROGRESS,))]

    def detach(self) -> list[Command]:
        """See :class:`Manager`."""
        return []

    def forget(self) -> list[Command]:
        """See :class:`Manager`."""
        return []

    def start(self) -> list[Command]:
        """See :class:`Manager`."""
        return [_command("kickstart", self._target)]

    def stop(self) -> list[Command]:
        """See :class:`Manager`."""
        # It ends well, and KeepAlive starts again only what failed.
        return [_command("kill", "SIGTERM", self._target, fine=_NOT_LOADED)]

    def restart(self) -> list[Command]:
        """See :class:`Manager`."""
        return [_command("kickstart", "-k", self._target)]

    def state(self) -> State:
        """See :class:`Manager`."""
        code, said = ask(("launchctl", "print", self._target))
        if code != 0:
            return State(enabled=False, active=False, text="not loaded")
        active = "state = running" in said
        return State(enabled=True, active=active, text="running" if active else "loaded, not running")

    def logs(self, *, follow: bool) -> list[str]:
        """See :class:`Manager`."""
        return ["tail", "-n", "1000", *(["-F"] if follow else []), str(self.log)]


def _command(*words: str, fine: tuple[int, ...] = (), again: tuple[int, ...] = ()) -> Command:
    return Command(("launchctl", *words), fine, again)
