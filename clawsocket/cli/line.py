"""``claw-socket line``: one line on all sessions, anew whenever it changes."""

from __future__ import annotations

import argparse
import string
from collections.abc import Sequence
from typing import get_args

from clawsocket.cli import live, parsing
from clawsocket.cli.event_line import label, spent
from clawsocket.cli.look import clean
from clawsocket.protocol.models import AgentState, SessionInfo, State
from clawsocket.protocol.replies import Snapshot

FORMAT = "{requires_action} waiting, {running} running, {idle} idle"

EPILOG = """\
FORMAT is a text with any of these in it:
  {running} {requires_action} {idle} {background} {failed} {ended}   how many sessions are in this state
  {sessions} {agents}   how many there are; agents that are at work
  {waiting}             the names of the sessions that wait for you
  {cost}                what all of them cost, in US dollars

For status bars that show the last line a program has printed. While the service is stopped it prints what --off
says, once, and waits for it. Ctrl-C ends it.

examples:
  claw-socket line
  claw-socket line --format '{requires_action}! {waiting}' --off '-'
"""


def main(argv: Sequence[str]) -> int:
    """Run ``claw-socket line``; return the exit code.

    Raises:
        UsageError: a wrong flag, or a name in the format that there is not.
        TokenRefusedError: the service refuses the token.
    """
    parser = parsing.Parser(
        prog="claw-socket line",
        description="Prints one line on all sessions whenever it changes.",
        epilog=EPILOG,
        formatter_class=parsing.RawHelp,
    )
    parser.add_argument("--format", metavar="FORMAT", type=format_text, default=FORMAT, help=f"the line [{FORMAT}]")
    parser.add_argument("--off", metavar="TEXT", default="claw-socket is off", help="while the service is stopped")
    return live.run(_line(parser.parse_args(argv)))


def format_text(text: str) -> str:
    """Return a format that needs nothing but what there is, and does nothing but put it in."""
    known = values([], [])
    try:
        wrong = [
            name
            for _, name, details, convert in string.Formatter().parse(text)
            if name is not None and (name not in known or details or convert)
        ]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from None
    if wrong:
        raise argparse.ArgumentTypeError(f"{{{wrong[0]}}} is not known; there are {' '.join(known)}")
    return text


async def _line(options: argparse.Namespace) -> int:
    def shown(snapshot: Snapshot) -> str:
        return clean(options.format.format(**values(snapshot.sessions, snapshot.agents)))

    return await live.print_changes(shown, options.off)


def values(sessions: list[SessionInfo], agents: list[AgentState]) -> dict[str, str]:
    """Return what can be put into a format."""
    states = [one.state for one in sessions]
    at_work = [one for one in agents if one.agent_type != "master" and one.status in ("working", "tool_running")]
    counts = {state: states.count(state) for state in get_args(State)}
    counts |= {"sessions": len(states), "agents": len(at_work)}
    price = spent(*(one.usage for one in sessions if one.usage is not None))
    waiting = ", ".join(label(one) for one in sessions if one.state == "requires_action")
    return {**{name: str(count) for name, count in counts.items()}, "waiting": waiting, "cost": price}
