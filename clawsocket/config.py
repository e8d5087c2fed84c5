"""Every setting, in one table.

A field of :class:`Settings` is a setting: its name, type, default, help and unit. ``--set name=value``,
``CLAW_SOCKET_NAME``, ``config.toml`` and the documentation all come from here. The order of precedence is command
line, environment, file, default.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_args, get_origin

import msgspec
from msgspec import Meta

from clawsocket.errors import SettingError
from clawsocket.paths import claude_dir

MB = 1_000_000


def _meta(help: str, unit: str = "", **limits: Any) -> Meta:
    return Meta(description=help, extra={"unit": unit}, **limits)


Port = Annotated[int, _meta("Port for HTTP and WebSocket; 0 takes a free one", ge=0, le=65535)]
Count = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Size = Annotated[int, Meta(ge=1024, le=1_000_000_000_000)]
Seconds = Annotated[float, Meta(gt=0, le=1e9)]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a user can set."""

    port: Port = 3838
    host: Annotated[str, _meta("Address to listen on; localhost binds both loopback families")] = "localhost"
    verbose: Annotated[bool, _meta("Log more")] = False
    hooks: Annotated[bool, _meta("Install the hooks at start and read what they wrote")] = True
    auth: Annotated[bool, _meta("Ask clients for the token")] = True
    stream: Annotated[bool, _meta("Register MessageDisplay too: live text, for 3 ms per batch of lines")] = False
    watch_files: Annotated[tuple[str, ...], _meta("Literal file names for Claude Code's FileChanged hook")] = ()
    claude_dirs: Annotated[tuple[str, ...], _meta("Claude Code's folders; empty: $CLAUDE_CONFIG_DIR or ~/.claude")] = ()
    allowed_origins: Annotated[tuple[str, ...], _meta("Origins besides loopback; * at the end matches any rest")] = (
        "vscode-webview://*",
        "tauri://localhost",
    )
    allowed_hosts: Annotated[tuple[str, ...], _meta("Names besides loopback that the Host header may hold")] = ()

    max_connections: Annotated[Count, _meta("Clients at once", "connections")] = 1000
    max_connections_per_address: Annotated[Count, _meta("Clients at once from one address", "connections")] = 600
    max_strangers: Annotated[Count, _meta("Connections that have not authenticated yet", "connections")] = 128
    header_timeout: Annotated[Seconds, _meta("For a request to arrive", "s")] = 10.0
    message_limit: Annotated[Size, _meta("A client's message", "bytes")] = 65_536
    message_rate: Annotated[Count, _meta("A client's messages in 10 s", "messages")] = 100
    max_topics: Annotated[Count, _meta("Topics of a connection", "topics")] = 200
    max_agent_logs: Annotated[Count, _meta("Agent logs of a connection", "logs")] = 50
    max_histories: Annotated[
        Count, _meta("Histories and other slow answers made at once for a connection", "answers")
    ] = 2
    ping_interval: Annotated[Seconds, _meta("Between pings to a client", "s")] = 30.0
    ping_timeout: Annotated[Seconds, _meta("For the pong", "s")] = 10.0
    hook_body_limit: Annotated[Size, _meta("A body of POST /hook", "bytes")] = 8 * MB
    hook_rate: Annotated[Count, _meta("POST /hook of one address in 10 s", "requests")] = 5000
    history_limit: Annotated[Count, _meta("Events of one history reply", "events")] = 10_000
    history_bytes: Annotated[Size, _meta("Size of one history reply", "bytes")] = 16 * MB

    log_to_disk: Annotated[bool, _meta("Keep events on disk; without it, they are gone when the service ends")] = True
    log_days: Annotated[
        Count, _meta("Events kept on disk; Claude Code's cleanupPeriodDays if that is less", "days")
    ] = 30
    log_bytes: Annotated[Size, _meta("Events kept on disk", "bytes")] = 512 * MB
    ring_bytes: Annotated[Size, _meta("Events kept in memory", "bytes")] = 64 * MB
    ring_events: Annotated[Count, _meta("Events kept in memory", "events")] = 200_000
    socket_buffer: Annotated[Size, _meta("Unsent bytes after which a client is left to catch up", "bytes")] = 262_144

    line_limit: Annotated[Size, _meta("A line of a transcript; longer ones are skipped", "bytes")] = 64 * MB
    spool_limit: Annotated[Size, _meta("A hook's payload in the spool", "bytes")] = 16 * MB
    poll_interval: Annotated[Seconds, _meta("Between looks where the system gives no file events", "s")] = 1.0
    end_wait: Annotated[Seconds, _meta("For SessionEnd after a session's file went", "s")] = 0.5
    linger: Annotated[Seconds, _meta("A session without a file stays after SessionEnd", "s")] = 60.0
    silence: Annotated[Seconds, _meta("A session without a file is removed when silent", "s")] = 1800.0


class Row(NamedTuple):
    """A setting as a table shows it."""

    name: str
    default: Any
    help: str
    unit: str


def rows() -> Iterator[Row]:
    """Yield every setting with its default, help and unit."""
    for field in msgspec.structs.fields(Settings):
        notes = [item for item in getattr(field.type, "__metadata__", ()) if item.description]
        yield Row(field.name, field.default, notes[-1].description, notes[-1].extra["unit"])


_TYPES: dict[str, Any] = {field.name: field.type for field in msgspec.structs.fields(Settings)}
NAMES = frozenset(_TYPES)


def _value(name: str, value: Any, where: str) -> Any:
    if name not in NAMES:
        raise SettingError(ascii(name)[1:-1], "no such setting; --help lists them", where)
    text, kind = isinstance(value, str), get_args(_TYPES[name])[0]
    converted = value
    if text and kind is bool:
        converted = {"yes": True, "on": True, "no": False, "off": False}.get(value.lower(), value)
    elif text and get_origin(kind) is tuple:
        converted = [item.strip() for item in value.split(",") if item.strip()]
    try:
        return msgspec.convert(converted, _TYPES[name], strict=not text)
    except msgspec.ValidationError as error:
        wanted = str(error).partition(", got")[0]
        raise SettingError(name, f"{value!r} is wrong: {wanted[:1].lower()}{wanted[1:]}", where) from None


def load(given: Mapping[str, Any], *, file: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Put the settings together.

    Args:
        given: from the command line, strings or values.
        file: ``config.toml``; a missing one is as good as an empty one.
        environ: the environment; the process's own by default.

    Raises:
        SettingError: a name or value is wrong; its text says where and why.
    """
    merged: dict[str, Any] = {}
    if file is not None:
        merged.update({name: _value(name, value, str(file)) for name, value in _read(file).items()})
    environ = os.environ if environ is None else environ
    for name in NAMES:
        variable = f"CLAW_SOCKET_{name.upper()}"
        if environ.get(variable):
            merged[name] = _value(name, environ[variable], variable)
    merged.update({name: _value(name, value, _flag(name)) for name, value in given.items()})
    return Settings(**merged)


def _flag(name: str) -> str:
    return f"--{name}" if name in ("port", "host") else f"--set {name}"


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingError(file.name, f"cannot be read: {error.strerror}", str(file)) from None
    except ValueError as error:
        raise SettingError(file.name, f"is not TOML: {error}", str(file)) from None


def claude_dirs(settings: Settings, environ: Mapping[str, str] | None = None) -> list[Path]:
    """Return the folders of Claude Code to follow and to install hooks in.

    Args:
        settings: the settings.
        environ: the environment; the process's own by default.

    Raises:
        SettingError: one is in the home of a user who does not exist.
    """
    try:
        return [Path(item).expanduser() for item in settings.claude_dirs] or [claude_dir(environ)]
    except RuntimeError:
        raise SettingError("claude_dirs", "~ stands for the home of nobody", "settings") from None
