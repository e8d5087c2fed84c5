"""``claw-socket watch``: the sessions, their agents and their tool calls, over the whole terminal."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from clawsocket.cli import parsing
from clawsocket.errors import UsageError

EPILOG = """\
Sessions that need you stand first, with why, for which call and since when; then those at work, in background, failed,
idle. Below each are its agents. Beside them are the tool calls of the session that is selected, as they happen.

keys:
  up, down   select a session        n        the next one that needs you
  tab        to the calls and back   /        show only what has a text in it; escape shows all
  q          leave

It needs Textual: pip install 'claw-socket[watch]'. It asks for nothing over and over, waits for a service that is
stopped, and has the colours of the terminal; NO_COLOR turns them off. Without Textual: claw-socket ps --watch.
"""


def main(argv: Sequence[str]) -> int:
    """Run ``claw-socket watch``; return the exit code.

    Raises:
        UsageError: a wrong flag, no terminal, or no Textual.
        TokenRefusedError: the service refuses the token.
    """
    parser = parsing.Parser(
        prog="claw-socket watch",
        description="Fills the terminal with sessions, agents and tool calls, live.",
        epilog=EPILOG,
        formatter_class=parsing.RawHelp,
    )
    parser.parse_args(argv)
    try:
        from clawsocket.cli.watch_screen import show
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "textual":
            raise
        needed = "watch needs Textual: pip install 'claw-socket[watch]'; claw-socket ps --watch does without"
        raise UsageError(needed) from None
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("watch needs a terminal; in a pipe: claw-socket ps --watch --json")
    return asyncio.run(show())
