"""``claw-socket history``: what the log on disk knows of sessions, also of those that Claude Code has long deleted."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from clawsocket.cli.look import clean, clean_json, columns
from clawsocket.cli.parsing import Parser, RawHelp, when
from clawsocket.errors import FolderInUseError, StoreError, UsageError
from clawsocket.log.block import Row
from clawsocket.log.database import errors_of
from clawsocket.log.store import SavedSession, Store
from clawsocket.log.viewer import Viewer
from clawsocket.paths import Home, write_private
from clawsocket.protocol.frame import payload_of

PATIENCE = 30.0
"""Seconds for the running service to forget."""

EPILOG = """\
SESSION is an id, the beginning of one, or a name. WHEN is a day (2026-11-01) or an age (30m, 12h, 30d).

examples:
  claw-socket history --since 7d
  claw-socket history show 3f2a
  claw-socket history export 3f2a session.jsonl
  claw-socket history purge --project ~/secret --yes
"""


def main(argv: Sequence[str]) -> int:
    """Run ``claw-socket history``; return the exit code.

    Raises:
        UsageError: a wrong flag or value, or a session that nobody knows.
        StoreError: there is no log, or it can't be read.
    """
    options = _parser().parse_args(argv)
    home = Home.default()
    if options.action == "purge":
        return _purge(home, options)
    with contextlib.closing(Viewer(home.log)) as viewer:
        if options.action == "show":
            _show(viewer, options.session, as_json=options.json)
        elif options.action == "export":
            _export(viewer, options.session, options.file)
        else:
            _list(viewer, options)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="claw-socket history", description="Shows what the log knows.", epilog=EPILOG, formatter_class=RawHelp
    )
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line")
    parser.add_argument("--project", metavar="PATH", help="sessions of this folder alone")
    parser.add_argument("--since", metavar="WHEN", type=when, help="sessions in which something happened since")
    parser.set_defaults(action="list")
    actions = parser.add_subparsers(title="actions")
    show = actions.add_parser("show", help="the events of a session, one line each", prog="claw-socket history show")
    show.add_argument("session", metavar="SESSION")
    as_sent = "print the events as they were sent, without seq"
    show.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=as_sent)  # or before show
    show.set_defaults(action="show")
    export = actions.add_parser("export", help="a session's events as JSON lines", prog="claw-socket history export")
    export.add_argument("session", metavar="SESSION")
    export.add_argument("file", metavar="FILE", nargs="?", type=Path, help="standard output by default")
    export.set_defaults(action="export")
    purge = actions.add_parser("purge", help="forget sessions, in all files", prog="claw-socket history purge")
    chosen = purge.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--session", metavar="SESSION")
    chosen.add_argument("--project", metavar="PATH", help="sessions of this folder")
    chosen.add_argument("--before", metavar="WHEN", type=when, help="sessions in which nothing happened since")
    purge.add_argument("--dry-run", action="store_true", help="say what would be forgotten")
    purge.add_argument("--yes", action="store_true", help="do not ask")
    purge.set_defaults(action="purge")
    return parser


def _list(viewer: Viewer, options: argparse.Namespace) -> None:
    chosen = [
        one
        for one in reversed(viewer.sessions())
        if (options.since is None or one.last_at >= options.since)
        and _is_of(one, options.project)
        and not _saved(one).get("phantom")
    ]
    if not chosen and not options.json:
        such = "such session" if options.since is not None or options.project is not None else "session yet"
        print(f"The log knows no {such}.", file=sys.stderr)
    width = max((columns(one.project) for one in chosen), default=0)
    for one in chosen:
        info = _info(one)
        if options.json:
            print(_json(info))
        else:
            state, name = info.get("state", "?"), info.get("name") or ""
            project = one.project + " " * (width - columns(one.project))
            print(clean(f"{one.id}  {_time(one.last_at)}  {state:<15}  {project}  {name}".rstrip()))


def _show(viewer: Viewer, start: str, *, as_json: bool) -> None:
    for event in _events(viewer, start):
        print(_json(event) if as_json else _line(event))


def _export(viewer: Viewer, start: str, file: Path | None) -> None:
    lines = (_json(event) + "\n" for event in _events(viewer, start))
    if file is None:
        sys.stdout.writelines(lines)
        return
    try:
        with file.open("x", encoding="utf-8") as out:
            try:
                file.chmod(0o600)
                out.writelines(lines)
                out.flush()
            except BaseException:
                file.unlink()  # half of it would pass for all
                raise
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from None


def _events(viewer: Viewer, start: str) -> Iterator[dict[str, Any]]:
    """Look for a session at once; return its events."""
    return map(_sent, viewer.events(_one(viewer.sessions(), start).id))


def _sent(row: Row) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(bytes(payload_of(row.frame)))
    event.pop("seq", None)
    return event


_KNOWN = {"session_id", "sessionId", "transcript_path", "hook_event_name"}
"""What the list of a session's events need not repeat."""


def _line(event: dict[str, Any]) -> str:
    """Return an event as one line that harms no terminal."""
    data = {name: value for name, value in event["data"].items() if name not in _KNOWN}
    text = json.dumps(data, ensure_ascii=True)
    agent = f" {event['agentId']}" if "agentId" in event else ""
    text = text if len(text) <= 200 else f"{text[:197]}..."
    return clean(f"{_time(event['timestamp'])}  {event['type']:<26}{agent}  {text}")


def _json(fields: dict[str, Any]) -> str:
    return clean_json(json.dumps(fields, ensure_ascii=False))


def _time(at: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at / 1000))


def _info(one: SavedSession) -> dict[str, Any]:
    info: dict[str, Any] = _saved(one).get("info", {"sessionId": one.id})
    return info


def _saved(one: SavedSession) -> dict[str, Any]:
    try:
        found = json.loads(one.saved)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _is_of(one: SavedSession, project: str | None) -> bool:
    return project is None or one.project == str(Path(project).expanduser().absolute())


def _one(sessions: Sequence[SavedSession], start: str) -> SavedSession:
    found = (
        [one for one in sessions if one.id == start]
        or [one for one in sessions if _info(one).get("name") == start]
        or [one for one in sessions if one.id.startswith(start)]
    )
    if len(found) != 1:
        problem = "the log knows no session that has" if not found else f"{len(found)} sessions have"
        raise UsageError(f"{problem} the id or name {start!r}, or an id that begins so; claw-socket history lists them")
    return found[0]


# Forgetting


def _purge(home: Home, options: argparse.Namespace) -> int:
    with contextlib.closing(Viewer(home.log)) as viewer:
        sessions = viewer.sessions()
    if options.session is not None:
        chosen = [_one(sessions, options.session)]
    elif options.project is not None:
        chosen = [one for one in sessions if _is_of(one, options.project)]
    else:
        chosen = [one for one in sessions if one.last_at < options.before]
    for one in chosen:
        print(clean(f"{one.id}  {_time(one.last_at)}  {one.project}"))
    if options.dry_run or not chosen:
        print(f"{_count(chosen)} would be forgotten." if chosen else "Nothing is to be forgotten.")
        return 0
    if not (options.yes or _agreed(_count(chosen))):
        print("Nothing was changed.", file=sys.stderr)
        return 1
    forget(home, [one.id for one in chosen])
    print(f"{_count(chosen)} forgotten: in the log, the logs that were set aside, and the spool.")
    return 0


def _count(chosen: Sequence[SavedSession]) -> str:
    return "1 session" if len(chosen) == 1 else f"{len(chosen)} sessions"


def _agreed(what: str) -> bool:
    if not sys.stdin.isatty():
        raise UsageError("purge asks first; say --yes where nobody can answer")
    try:
        return input(f"Forget {what} for good? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:  # Ctrl-D
        print()
        return False


def forget(home: Home, sessions: list[str]) -> None:
    """Delete all that our folder holds of some sessions: itself, or by the service if that runs.

    Raises:
        StoreError: it could not be done.
    """
    with _alone(home):
        try:
            with home.lock(), contextlib.closing(Store(home.log)) as store:
                store.purge(sessions)
                store.finish()
        except FolderInUseError:
            _let_forget(home, sessions)
    for path in home.logs_aside():
        path.unlink(missing_ok=True)  # nobody can tell whose events are in there
    for path in home.spool.glob("*.json"):
        with contextlib.suppress(OSError, ValueError):
            if json.loads(path.read_bytes()).get("session_id") in sessions:
                path.unlink()


@contextlib.contextmanager
def _alone(home: Home) -> Iterator[None]:
    """Wait until no other command forgets: the service knows one request, and another would take its place."""
    with errors_of(home.log):
        lock = (home.root / ".purge.lock").open("ab")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _let_forget(home: Home, sessions: list[str]) -> None:
    write_private(home.purge, json.dumps({"sessions": sessions}))
    deadline = time.monotonic() + PATIENCE
    while home.purge.exists():  # the service deletes it when it is done
        problem = _problem(home.purge)
        if problem or time.monotonic() > deadline:
            home.purge.unlink(missing_ok=True)
            raise StoreError(
                home.log, problem or f"the running service did not forget within {PATIENCE:.0f} s; see its log"
            )
        time.sleep(0.05)


def _problem(request: Path) -> str:
    """Return why the service could not do what it was asked for; empty while it has not said so."""
    with contextlib.suppress(OSError, ValueError):
        return str(json.loads(request.read_bytes()).get("problem", ""))
    return ""
