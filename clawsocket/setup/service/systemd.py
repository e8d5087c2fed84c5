"""systemd user units."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from clawsocket.errors import NoUserManagerError
from clawsocket.setup.service import FOLDER, TEMPLATES, Command, Job, State, ask

SERVICE, SOCKET = "claw-socket.service", "claw-socket.socket"
_SYSTEM = ("/etc", "/usr/local/lib", "/usr/lib")
"""Where else systemd looks for units of users; a package puts its own there."""
_SANDBOX = "# The sandbox:"
_PROBE = ("-p", "PrivateUsers=yes", "-p", "ProtectSystem=strict", "-p", "ProtectHome=read-only")
"""Enough of it to tell whether this system lets a user's unit have it, and whether it then takes effect."""


class Systemd:
    """The user manager of systemd."""

    name = "systemd"

    def __init__(self) -> None:
        """Find the manager, also from where a login has not told of it (``su``, ``sudo -u``)."""
        runtime = Path(f"/run/user/{os.getuid()}")
        if not os.environ.get("XDG_RUNTIME_DIR") and (runtime / "systemd").is_dir():
            os.environ["XDG_RUNTIME_DIR"] = str(runtime)
        usual = Path.home() / ".config"
        config = Path(os.environ.get("XDG_CONFIG_HOME") or usual)
        if config != usual and _looks_in(usual) and not _looks_in(config):
            config = usual  # the variable is this shell's alone, as where its rc file sets it
        data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
        self.folder, *self._others = (Path(one) / "systemd" / "user" for one in (config, data, *_SYSTEM))

    def check(self) -> None:
        """See :class:`Manager`."""
        code, said = ask(_systemctl("show", "--property=Version"))
        if code == 127:
            raise NoUserManagerError("this system has no systemd", "run claw-socket by what it has instead")
        if code != 0:
            user = pwd.getpwuid(os.getuid()).pw_name
            raise NoUserManagerError(
                f"no systemd runs services for {user} here ({said})", f"log in, or run: loginctl enable-linger {user}"
            )

    def files(self, job: Job) -> dict[Path, str]:
        """See :class:`Manager`."""
        unit = (TEMPLATES / SERVICE).read_text("utf-8")
        if not self.can_sandbox():
            unit = "\n\n".join(part for part in unit.split("\n\n") if not part.startswith(_SANDBOX))
        unit = (
            unit.replace("@PROGRAM@", " ".join(_quoted(word, argument=n > 0) for n, word in enumerate(job.program)))
            .replace("@ENVIRONMENT@\n", "".join(f"{line}\n" for line in _environment(job)))
            .replace("@FOLDER@", _quoted(f"-{job.folder}"))
        )
        found = {self.folder / SERVICE: unit}
        if job.listen:
            lines = "\n".join(f"ListenStream={address}" for address in job.listen)
            found[self.folder / SOCKET] = (TEMPLATES / SOCKET).read_text("utf-8").replace("@LISTEN@", lines)
        return found

    def gives(self, job: Job) -> bool:
        """See :class:`Manager`."""
        try:
            lines = (self.folder / SERVICE).read_text("utf-8", "replace").splitlines()
        except OSError:
            return True
        there = [line for line in lines if line.startswith("Environment=") and f"{FOLDER}=" in line]
        return there == [line for line in _environment(job) if f"{FOLDER}=" in line]

    def can_sandbox(self) -> bool:
        """Tell whether a unit of this user can be kept from writing: not every kernel lets a user do that."""
        probe = ("systemd-run", "--user", "--quiet", "--wait", "--collect", *_PROBE, "sh", "-c", '! test -w "$HOME"')
        return ask(probe)[0] == 0

    def caveat(self) -> str:
        """See :class:`Manager`."""
        if self.can_sandbox():
            return ""
        return (
            "it runs without a sandbox: this system does not let a user's unit have one "
            "(on Ubuntu by kernel.apparmor_restrict_unprivileged_userns)"
        )

    def known(self) -> list[Path]:
        """See :class:`Manager`."""
        return [self.folder / SERVICE, self.folder / SOCKET]

    def is_installed(self) -> bool:
        """See :class:`Manager`."""
        return bool(self._units())

    def logged(self) -> list[Path]:
        """See :class:`Manager`."""
        return []

    def begin(self, job: Job) -> list[Command]:
        """See :class:`Manager`."""
        commands = [_command("daemon-reload"), _command("reset-failed", SERVICE, fine=(1,))]
        if job.listen:
            commands += [_command("disable", "--now", SERVICE)]
        wanted = SOCKET if job.listen else SERVICE
        return [*commands, _command("enable", wanted), _command("restart", wanted)]

    def end(self) -> list[Command]:
        """See :class:`Manager`."""
        # 5: what there is to stop is not loaded, as where a drop-in has a mistake; it is disabled all the same.
        return [_command("disable", "--now", unit, fine=(5,)) for unit in self._units()]

    def detach(self) -> list[Command]:
        """See :class:`Manager`."""
        offline = ("env", "SYSTEMD_OFFLINE=1")
        # Where there is no systemd, as in a container, nothing is enabled either.
        return [Command((*offline, *_systemctl("disable", unit)), fine=(127,)) for unit in self._units()]

    def forget(self) -> list[Command]:
        """See :class:`Manager`."""
        return [_command("daemon-reload"), _command("reset-failed", SERVICE, fine=(1,))]

    def start(self) -> list[Command]:
        """See :class:`Manager`."""
        return [_command("reset-failed", SERVICE, fine=(1,)), _command("start", SERVICE)]

    def stop(self) -> list[Command]:
        """See :class:`Manager`."""
        return [_command("stop", *self._units())]

    def restart(self) -> list[Command]:
        """See :class:`Manager`."""
        return [_command("reset-failed", SERVICE, fine=(1,)), _command("restart", SERVICE)]

    def state(self) -> State:
        """See :class:`Manager`."""
        enabled = any(ask(_systemctl("is-enabled", unit))[0] == 0 for unit in (SERVICE, SOCKET))
        active = any(ask(_systemctl("is-active", unit))[0] == 0 for unit in (SERVICE, SOCKET))
        shown = ask(_systemctl("show", SERVICE, "--property=ActiveState,SubState,Result,NRestarts,StatusText"))[1]
        return State(enabled, active, shown)

    def _units(self) -> list[str]:
        """Return what is there of our units; what starts the other comes first."""
        return [
            unit for unit in (SOCKET, SERVICE) if any((one / unit).exists() for one in (self.folder, *self._others))
        ]

    def logs(self, *, follow: bool) -> list[str]:
        """See :class:`Manager`."""
        units = [f"--unit={unit}" for unit in (SERVICE, SOCKET)]  # where the one can't listen, the other never starts
        return ["journalctl", "--user", *units, "--no-pager", *(["--follow"] if follow else [])]


def _looks_in(config: Path) -> bool:
    """Tell whether the manager takes units from a folder of settings."""
    return f"{config}/systemd/user " in f"{ask(_systemctl('show', '--property=UnitPath', '--value'))[1]} "


def _systemctl(*words: str) -> tuple[str, ...]:
    return ("systemctl", "--user", "--no-pager", *words)


def _command(*words: str, fine: tuple[int, ...] = ()) -> Command:
    return Command(("systemctl", "--user", *words), fine)


def _environment(job: Job) -> list[str]:
    return [f"Environment={_quoted(f'{name}={value}')}" for name, value in job.environment.items()]


def _quoted(word: str, *, argument: bool = False) -> str:
    """Return a word as a unit file has it: ``%`` is its own, and ``$`` in the arguments of a command."""
    word = word.replace("%", "%%")
    if argument:
        word = word.replace("$", "$$")
    if not word or any(character in word for character in " \t\"'\\;"):
        word = '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return word
