"""``claw-socket tail``: events as they happen, one line each."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from itertools import chain

import msgspec

from clawsocket.cli import live, parsing, skew
from clawsocket.cli.event_line import Labels, line
from clawsocket.cli.look import Look, clean_json
from clawsocket.client import OLDEST, Event, connect
from clawsocket.protocol.aliases import ALIASES_OF
from clawsocket.protocol.events import EVENTS
from clawsocket.protocol.topics import matcher

TOPICS = (
    "agent.started agent.stopped cwd.changed file.changed mcp.* message.* session.* system.* task.* tool.* worktree.*"
).split()
"""What is shown where nothing is asked for: all but levels that change all the time, and hooks as they came."""

NAMES = ("session.discovered", "session.renamed")

EPILOG = """\
TOPIC is an exact type (tool.use), everything below one (tool.*), or '*' for everything, hooks as they came included
(put it in quotes: the shell has its own ideas of *). Without one: messages, tools, sessions, agents, tasks.
SESSION is an id, the beginning of one, or a name. WHEN is a day (2026-11-01) or an age (30m, 12h, 30d).

When the service is stopped, tail waits for it, and goes on where it was: no event is lost and none shown twice. What
is missing all the same is said on standard error. Ctrl-C ends it.

examples:
  claw-socket tail
  claw-socket tail 'tool.*' --session app-70
  claw-socket tail message.user --since 12h
  claw-socket tail tool.result --json | jq 'select(.data.success | not)'
"""


def main(argv: Sequence[str]) -> int:
    """Run ``claw-socket tail``; return the exit code.

    Raises:
        UsageError: a wrong flag or value, or a session that nobody knows.
        TokenRefusedError: the service refuses the token.
    """
    return live.run(_tail(_parser().parse_args(argv)))


def _parser() -> argparse.ArgumentParser:
    parser = parsing.Parser(
        prog="claw-socket tail",
        description="Shows events as they happen, one line each.",
        epilog=EPILOG,
        formatter_class=parsing.RawHelp,
    )
    parser.add_argument("topics", metavar="TOPIC", nargs="*", help="what to show")
    parser.add_argument("--session", metavar="SESSION", help="of this session alone")
    since = "begin with what happened since, as far as it is kept"
    parser.add_argument("--since", metavar="WHEN", type=parsing.when, help=since)
    parser.add_argument("--json", action="store_true", help="print the events as JSON, one object a line")
    return parser


async def _tail(options: argparse.Namespace) -> int:
    topics = options.topics or TOPICS
    wanted = [matcher(topic) for topic in topics]
    _doubt(topics)
    labels = Labels()
    async with connect(wait=True) as claw:
        session = None
        async with claw.events(*NAMES, notice=live.Tell()) as names:  # here it waits for the service, and says so
            skew.tell(names.snapshot.server.version)
            if options.session is not None:
                session = parsing.session(options.session, await claw.sessions(all=True)).session_id
            labels.take(await claw.sessions(all=options.since is not None))
            since = names.position if options.since is None else OLDEST
        asked = dict.fromkeys((*topics, *NAMES))
        events = claw.events(*asked, session=session, since=since, batch=live.BATCH, notice=live.Tell())
        async for event in events:
            labels.see(event)
            if event.timestamp >= (options.since or 0) and any(match(event.type) for match in wanted):
                print(_shown(event, labels, as_json=options.json), flush=True)
    return 0


def _doubt(topics: Sequence[str]) -> None:
    """Say which topics are no event's: a newer service may have them, but mostly it is a slip, and nothing comes."""
    known = [*EVENTS, *chain.from_iterable(ALIASES_OF.values())]
    for topic in topics:
        if not any(map(matcher(topic), known)):
            print(
                f"claw-socket: no event is known as {topic!r}; one is 'tool.use', 'tool.*' are several", file=sys.stderr
            )


def _shown(event: Event, labels: Labels, *, as_json: bool) -> str:
    if as_json:
        return clean_json(msgspec.json.encode(event).decode())
    return line(event, labels.name(event.session_id), Look.of(sys.stdout), time.time())
