"""Installing: a list of steps, which are either done or only shown."""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from clawsocket import __version__, token
from clawsocket.config import Settings, claude_dirs
from clawsocket.errors import ServiceError, SettingError
from clawsocket.paths import Home, absolute
from clawsocket.setup import hooks, keyring, program, statusline
from clawsocket.setup.config_file import with_settings
from clawsocket.setup.installed import Installed, diff, text_of
from clawsocket.setup.program import Programs
from clawsocket.setup.service import FOLDER, Job, Manager
from clawsocket.setup.settings_file import paths, remembered
from clawsocket.setup.steps import Step, commands, take_out, undo

PATIENCE = 20.0
"""Seconds for the service to answer."""


@dataclass(frozen=True)
class Wishes:
    """What is to be installed.

    Attributes:
        settings: the settings as they will be.
        kept: those that ``config.toml`` is to have.
        with_keyring: put a copy of the token into the keyring.
        with_hooks: install the hooks.
        with_statusline: put the recorder in front of the status line.
        on_demand: let the first connection start the service.
        programs: put the program that runs here among these; None: it is started from where it is.
    """

    settings: Settings
    kept: Mapping[str, Any]
    with_keyring: bool = True
    with_hooks: bool = True
    with_statusline: bool = False
    on_demand: bool = False
    programs: Programs | None = None


def steps(home: Home, wishes: Wishes, manager: Manager | None) -> Iterator[Step]:
    """Yield what is to be done so that everything is as wished; nothing for what is so already.

    Args:
        home: our folder.
        wishes: what is wished.
        manager: what runs services; None: leave the service out.

    Raises:
        ClawSocketError: something is in the way; nothing was changed by the step that would have.
    """
    installed = Installed(home)
    before = None
    if wishes.programs is not None:
        before = wishes.programs.proven()
    yield from token_steps(home, installed)
    if wishes.programs is not None:
        yield from wishes.programs.put(installed)
    if wishes.with_keyring:
        yield from _keyring(home)
    changed = False
    for step in _config(home, wishes, installed):
        changed = True
        yield step
    followed = paths(claude_dirs(wishes.settings)) if wishes.with_hooks else []
    yield from take_out(home, [path for path in remembered(home) if path not in followed])
    if wishes.with_hooks:
        yield from _hooks(home, wishes, installed)
    if wishes.with_statusline:
        yield from _statusline(home, wishes, installed)
    if manager is not None:
        yield from service_steps(home, wishes, installed, manager, changed=changed)
    if wishes.programs is not None:
        yield keeping(wishes.programs, before)


def keeping(programs: Programs, before: Path | None) -> Step:
    """Return the step that keeps, of all versions besides the one that is used, the one before; None: as it was."""

    def keep() -> str:
        programs.keep(before)
        return ""

    return Step("", keep)


def _keyring(home: Home) -> Iterator[Step]:
    """Put a copy of the token into the keyring, if there is one that answers and has it not yet."""
    kept = keyring.load()
    if kept.state == "missing" or (kept.token is not None and kept.token != token.load(home.token)):

        def store() -> str:
            secret = token.load(home.token)
            return f"keyring: {keyring.store(secret).words}" if secret else ""

        yield Step("keyring: a copy of the token", store)
    elif kept.state not in ("done", "absent"):
        yield Step(f"keyring: no copy of the token, {kept.words}", lambda: f"keyring: {kept.words}")


def token_steps(home: Home, installed: Installed) -> Iterator[Step]:
    """Yield what makes the token, if there is none yet."""
    if home.root.exists() and token.load(home.token) is not None:
        return

    def make() -> str:
        installed.make(home.root)
        home.create()
        token.load_or_create(home.token)
        return f"token: {home.token}"

    yield Step(f"a new token in {home.token}, which only you can read", make)


def _config(home: Home, wishes: Wishes, installed: Installed) -> Iterator[Step]:
    before = text_of(home.config)
    try:
        after = with_settings(before or "", wishes.kept)
    except ValueError as error:
        raise SettingError(home.config.name, str(error), str(home.config)) from None
    if after == (before or ""):
        return

    def write() -> str:
        installed.write(home.config, after, edit=True)
        return f"settings: {', '.join(wishes.kept)} in {home.config}"

    yield Step(diff(home.config, before, after), write)


def _hooks(home: Home, wishes: Wishes, installed: Installed) -> Iterator[Step]:
    dirs = claude_dirs(wishes.settings)
    changes = hooks.preview(home, dirs, wishes.settings)
    if not changes:
        return

    def write() -> str:
        for folder in dirs:
            installed.make(folder)
        done = hooks.install(home, dirs, wishes.settings)
        return "\n".join(f"hooks: {change.path}" for change in done)

    yield Step("".join(diff(path, before or None, after) for path, before, after in changes), write)


def refresh_steps(home: Home, settings: Settings) -> Iterator[Step]:
    """Yield what brings the hooks up to date wherever they are.

    Raises:
        SettingsFileError: a file can't be edited safely.
    """
    changes = hooks.preview_refresh(home, settings)
    if not changes:
        return

    def write() -> str:
        return "\n".join(f"hooks: {done.path}" for done in hooks.refresh(home, settings) if done.action != "unchanged")

    yield Step("".join(diff(path, before or None, after) for path, before, after in changes), write)


def _statusline(home: Home, wishes: Wishes, installed: Installed) -> Iterator[Step]:
    dirs = claude_dirs(wishes.settings)
    changes = statusline.preview(home, dirs)
    if not changes:
        return

    def write() -> str:
        for folder in dirs:
            installed.make(folder)
        return "\n".join(f"status line recorder: {change.path}" for change in statusline.install(home, dirs))

    yield Step("".join(diff(path, before or None, after) for path, before, after in changes), write)


def service_steps(
    home: Home, wishes: Wishes, installed: Installed, manager: Manager, *, changed: bool
) -> Iterator[Step]:
    """Yield what makes the service as it should be, and starts it anew if anything about it is not what runs.

    Args:
        home: our folder.
        wishes: what is wished.
        installed: what is remembered of the installation.
        manager: what runs services.
        changed: what it is started with was changed just now.
    """
    job = job_of(home, wishes)
    wanted = manager.files(job)
    stale = [path for path in installed.files(besides=home.config) if path not in wanted]
    if stale:
        yield from commands(manager.end())
    for path in stale:
        yield undo(installed, path)
        changed = True
    for path, text in wanted.items():
        if (before := text_of(path)) != text:
            yield Step(diff(path, before, text), _write(installed, home, path, text))
            changed = True
    identity = _identity(job)
    state = manager.state()
    if changed or not state.enabled or not state.active or identity != installed.record.running:
        yield from commands(manager.begin(job))

        def wait() -> str:
            url = wait_until_it_answers(home, job, manager)
            installed.record.running, installed.record.on_demand = identity, bool(job.listen)
            installed.save()
            when = "with the first connection" if job.listen else "at every login"
            lines = [f"service: {', '.join(map(str, wanted))}; it starts {when}", f"it runs: {url}", manager.caveat()]
            return "\n".join(filter(None, lines))

        yield Step(f"wait until it answers GET /health, at most {PATIENCE:.0f} s", wait)


def _write(installed: Installed, home: Home, path: Path, text: str) -> Callable[[], str]:
    def done() -> str:
        known, before = installed.record.files.get(str(path)), text_of(path)
        edited = known is not None and before not in (None, known.after)
        installed.write(path, text)
        if not edited or before is None:
            return ""
        copy = home.backups / f"{path.name}.by-hand"
        home.backups.mkdir(mode=0o700, exist_ok=True)
        copy.write_text(before, "utf-8")
        return f"{path} was changed by hand, and is as we have it again; what it was is {copy}"

    return done


def job_of(home: Home, wishes: Wishes) -> Job:
    """Return what the service runs."""
    settings, root = wishes.settings, absolute(home.root)
    environment = {} if root == Path.home() / ".claw-socket" else {FOLDER: str(root)}
    hosts = _addresses(settings.host) if wishes.on_demand else ()
    listen = tuple(f"[{host}]:{settings.port}" if ":" in host else f"{host}:{settings.port}" for host in hosts)
    command = program.command() if wishes.programs is None else (str(wishes.programs.link),)
    return Job(command, root, environment, listen)


def refuse_other_folder(home: Home, settings: Settings, manager: Manager) -> None:
    """See that the service that is there, if any, runs on this folder: another one has its own hooks, token and log.

    Raises:
        ServiceError: it does not.
    """
    if not manager.gives(job_of(home, Wishes(settings, {}))):
        problem = f"the service does not run on {home.root}; nothing was changed"
        raise ServiceError(problem, "set CLAW_SOCKET_DIR here as it was for install, perhaps to uninstall that first")


def _addresses(host: str) -> tuple[str, ...]:
    """Return an address, or those of a name, which systemd does not look up."""
    if host == "localhost":
        return _loopback()
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return (host,)
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


def _loopback() -> tuple[str, ...]:
    """Return the loopback addresses that this machine has: systemd listens on all that it is told, or on none."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return ("127.0.0.1",)
    return "127.0.0.1", "::1"


def _identity(job: Job) -> str:
    """Return by what a running service is known to be the installed one."""
    try:
        content = Path(job.program[0]).read_bytes()
    except OSError:
        content = b""
    return f"{__version__} {hashlib.sha256(content + program.package()).hexdigest()}"


def wait_until_it_answers(home: Home, job: Job, manager: Manager, *, version: str | None = __version__) -> str:
    """Return the address of the service when it answers.

    Args:
        home: our folder.
        job: what the service is.
        manager: what runs it.
        version: which it has to be; None: whichever it is.

    Raises:
        ServiceError: it does not.
    """
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        for address in (*job.listen, _address(home)):
            found = health(address) if address else None
            if found is not None and version in (None, found.get("version")) and (at := _address(home)):
                return f"ws://{at}/"
        time.sleep(0.05)
    raise ServiceError(f"the service did not answer within {PATIENCE:.0f} s ({manager.state().text})")


def _address(home: Home) -> str:
    """Return where the running service says that it is."""
    try:
        return urlsplit(str(json.loads(home.endpoint.read_bytes())["url"])).netloc
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def health(address: str) -> dict[str, Any] | None:
    """Return the answer to ``GET /health``; None if there is none."""
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.request("GET", "/health")
        found = json.loads(connection.getresponse().read(4096))
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return found if isinstance(found, dict) else None
