"""``claw-socket wait``: until a session is in some state."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple, get_args

import msgspec

from clawsocket.cli import live, parsing, skew
from clawsocket.cli.event_line import Labels, doing, why
from clawsocket.cli.look import Look, clean_json
from clawsocket.client import Event, Events, Gap, Notice, connect
from clawsocket.protocol.events import SessionStateChanged
from clawsocket.protocol.models import SessionInfo, State
from clawsocket.protocol.replies import Snapshot

ENDED, TIMED_OUT = 15, 124

EPILOG = """\
STATE is one or several, with commas, of running, requires_action (it waits for you), idle, background, failed, ended.
SESSION is an id, the beginning of one, or a name; without it any session will do.
A state that a session is in already counts, unless --next is given.

It prints the session and its state. A service that is stopped meanwhile is waited for, and nothing is missed.

exit codes: 0 it is so, 1 a wrong flag or no such session, 13 the service does not run, 14 it refuses the token,
15 the session ended first, 124 the time is over, 130 Ctrl-C

examples:
  claw-socket wait --until idle --session app-70 && say done
  while claw-socket wait --until requires_action --next; do notify-send "Claude Code needs you"; done
  claw-socket wait --until idle,failed,ended --session app-70 --timeout 600 || echo "still at it"
"""


class Found(NamedTuple):
    """What was waited for."""

    session_id: str
    state: str
    why: str


def main(argv: Sequence[str]) -> int:
    """Run ``claw-socket wait``; return the exit code.

    Raises:
        UsageError: a wrong flag or value, or a session that nobody knows.
        NoServerError: the service does not run.
        TokenRefusedError: it refuses the token.
    """
    return live.run(_wait(_parser().parse_args(argv)))


def _parser() -> argparse.ArgumentParser:
    parser = parsing.Parser(
        prog="claw-socket wait",
        description="Waits until a session is in a state.",
        epilog=EPILOG,
        formatter_class=parsing.RawHelp,
    )
    parser.add_argument("--until", metavar="STATE", type=_states, required=True, help="the state, or one of several")
    parser.add_argument("--session", metavar="SESSION", help="this session")
    parser.add_argument("--next", action="store_true", help="wait for a change, whatever is so now")
    parser.add_argument("--timeout", metavar="SECONDS", type=_seconds, help="wait no longer")
    parser.add_argument("--json", action="store_true", help="print one JSON object: sessionId, state, why")
    return parser


def _states(text: str) -> frozenset[str]:
    states = frozenset(one.strip() for one in text.split(","))
    if not states <= set(get_args(State)):
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(get_args(State))}")
    return states


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return seconds


async def _wait(options: argparse.Namespace) -> int:
    labels = Labels()
    try:
        async with asyncio.timeout(options.timeout), connect() as claw:
            session = None
            if options.session is not None:
                known = parsing.session(options.session, await claw.sessions(all=True))
                session = known.session_id
                labels.take([known])
            waiting = _Waiting(options.until, session)
            async with claw.events("session.*", session=session, notice=waiting.noticed) as events:
                skew.tell(events.snapshot.server.version)
                labels.take(events.snapshot.sessions)
                found = await waiting.found(events, labels, begin=not options.next)
    except TimeoutError:
        return TIMED_OUT
    _print(found, labels, as_json=options.json)
    return 0 if found.state in options.until else ENDED


class _Waiting:
    """Looks at sessions until one is as it should be, or the one that is waited for has ended."""

    def __init__(self, until: frozenset[str], session: str | None) -> None:
        self._until, self._session = until, session
        self._events: Events | None = None
        self._done: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        self._tell = live.Tell()

    async def found(self, events: Events, labels: Labels, *, begin: bool) -> Found:
        """Return what was waited for.

        Args:
            events: the sessions' events.
            labels: learns their names.
            begin: whether what is so at the beginning counts.
        """
        self._events = events
        if begin or self._gone(events.snapshot.sessions):
            self._look(events.snapshot)
        reading = asyncio.ensure_future(self._read(events, labels))
        try:
            await asyncio.wait([reading, self._done], return_when=asyncio.FIRST_COMPLETED)
            return self._done.result() if self._done.done() else reading.result()
        finally:
            reading.cancel()
            await asyncio.wait([reading])

    async def _read(self, events: Events, labels: Labels) -> Found:
        async for event in events:
            labels.see(event)
            found = self._told(event)
            if found is not None:
                return found
        return await self._done

    def _told(self, event: Event) -> Found | None:
        data = event.data
        if not isinstance(data, SessionStateChanged) or not self._matters(data.state):
            return None
        return Found(event.session_id, data.state, why(data))

    def noticed(self, notice: Notice) -> None:
        """Where events are missing, look at how everything is."""
        self._tell(notice)
        if isinstance(notice, Gap) and self._events is not None:
            self._look(self._events.snapshot)

    def _look(self, snapshot: Snapshot) -> None:
        for one in snapshot.sessions:
            if self._session in (None, one.session_id) and self._matters(one.state):
                self._set(Found(one.session_id, one.state, doing(one, snapshot.agents)))
        if self._gone(snapshot.sessions):
            self._set(Found(self._session or "", "ended", ""))

    def _gone(self, sessions: list[SessionInfo]) -> bool:
        return self._session is not None and self._session not in [one.session_id for one in sessions]

    def _matters(self, state: str) -> bool:
        return state in self._until or (state == "ended" and self._session is not None)

    def _set(self, found: Found) -> None:
        if not self._done.done():
            self._done.set_result(found)


def _print(found: Found, labels: Labels, *, as_json: bool) -> None:
    if as_json:
        fields: dict[str, Any] = {"sessionId": found.session_id, "state": found.state}
        fields |= {"why": found.why} if found.why else {}
        print(clean_json(msgspec.json.encode(fields).decode()), flush=True)
        return
    look = Look.of(sys.stdout)
    line = "  ".join(filter(None, (labels.name(found.session_id), found.state, found.why)))
    print(look.fit(line, look.width) if look.terminal else look.fit(line, 10_000), flush=True)
