"""``claw-socket ps``: the sessions and their agents as they are."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from typing import Any

import msgspec

from clawsocket.cli import live, parsing, skew
from clawsocket.cli.event_line import CYAN, DIM, STATES, age, by_urgency, cost, doing, label, spent, tool_of
from clawsocket.cli.look import Look, clean_json, columns
from clawsocket.client import Back, Claw, Lost, Notice, connect
from clawsocket.protocol.models import AgentState, SessionInfo
from clawsocket.protocol.replies import Snapshot

EPILOG = """\
STATE is running, requires_action (it waits for you), idle, background (idle, with agents or shells at work), failed
(the API refused) or ended. FOR is how long it has been so, WHAT is what it waits for or does, or why it failed. Agents
stand below their session, with how long ago each began. CONTEXT is how full the context window is, where that is known;
COST is in US dollars, as the API would charge.

--watch shows it anew when something changes, and waits for a service that is stopped. Ctrl-C ends it.
--json prints one object a line, {"sessions": [...]}, each session with its agents; with --watch one for each change.

examples:
  claw-socket ps
  claw-socket ps --watch
  claw-socket ps --json | jq -r '.sessions[] | select(.state == "requires_action") | .name'
"""


def main(argv: Sequence[str]) -> int:
    """Run ``claw-socket ps``; return the exit code.

    Raises:
        UsageError: a wrong flag.
        NoServerError: the service does not run.
        TokenRefusedError: it refuses the token.
    """
    options = _parser().parse_args(argv)
    return live.run(_watch(options) if options.watch else _once(options))


def _parser() -> argparse.ArgumentParser:
    parser = parsing.Parser(
        prog="claw-socket ps",
        description="Shows sessions and agents: state, why, tool, context, cost, age.",
        epilog=EPILOG,
        formatter_class=parsing.RawHelp,
    )
    parser.add_argument("--watch", action="store_true", help="go on, and show every change")
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line")
    return parser


async def _once(options: argparse.Namespace) -> int:
    async with connect() as claw:
        snapshot = await claw.snapshot()
    skew.tell(snapshot.server.version)
    print(_shown(snapshot, as_json=options.json), flush=True)
    return 0


async def _watch(options: argparse.Namespace) -> int:
    screen = Look.of(sys.stdout).terminal and not options.json and os.environ.get("TERM") != "dumb"
    async with connect(wait=True) as claw:
        if not screen:
            async with aclosing(claw.watch(live.Tell())) as snapshots:
                async for snapshot in snapshots:
                    skew.tell(snapshot.server.version)
                    print(_shown(snapshot, as_json=options.json) + ("" if options.json else "\n"), flush=True)
            return 0
        print(_ENTER, end="", flush=True)
        try:
            await _on_screen(claw)
        finally:
            print(_LEAVE, end="", flush=True)
    return 0


_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
"""To a screen of its own, without a cursor, and back."""


async def _on_screen(claw: Claw) -> None:
    """Show it in place. Ages go on by themselves; the service is asked for nothing but changes."""
    loop = asyncio.get_running_loop()
    lost = ""
    shown: Snapshot | None = None

    def draw() -> None:
        look = Look.of(sys.stdout)
        text = "" if shown is None else _shown(shown, as_json=False)
        status = lost or ("" if shown is None else skew.words(shown.server.version))
        below = [look.fit(status, look.width)] if status else []
        lines = [*look.cut(text.split("\n"), look.height - len(below)), *below]
        # No newline after the last: where the terminal is full, it would push the first one out.
        print("\x1b[H" + "\x1b[K\n".join(lines) + "\x1b[J", end="", flush=True)

    def noticed(notice: Notice) -> None:
        nonlocal lost
        if isinstance(notice, Lost | Back):
            lost = "the service does not answer; waiting for it" if isinstance(notice, Lost) else ""
            draw()

    def stop() -> None:
        """Stop at Ctrl-Z, with the terminal as it was; from here it goes on."""
        print(_LEAVE, end="", flush=True)
        loop.remove_signal_handler(signal.SIGTSTP)
        signal.raise_signal(signal.SIGTSTP)
        loop.add_signal_handler(signal.SIGTSTP, stop)
        print(_ENTER, end="", flush=True)
        draw()

    loop.add_signal_handler(signal.SIGTSTP, stop)
    loop.add_signal_handler(signal.SIGWINCH, draw)
    async with aclosing(claw.watch(noticed)) as snapshots:
        async for snapshot in _with_ticks(snapshots):
            shown = snapshot
            draw()


async def _with_ticks(snapshots: AsyncGenerator[Snapshot, None]) -> AsyncGenerator[Snapshot, None]:
    """Yield snapshots, and the last one again when an age that is shown has become another."""
    last: Snapshot | None = None
    coming = asyncio.ensure_future(anext(snapshots))
    try:
        while True:
            await asyncio.wait([coming], timeout=None if last is None else until_older(last))
            if coming.done():
                try:
                    last = coming.result()
                except StopAsyncIteration:
                    return
                coming = asyncio.ensure_future(anext(snapshots))
            assert last is not None
            yield last
    finally:
        coming.cancel()
        await asyncio.wait([coming])


def until_older(snapshot: Snapshot) -> float | None:
    """Return the seconds until the next age changes; None if there is none."""
    ages = [time.time() - one.since / 1000 for one in snapshot.sessions]
    ages += [time.time() - one.started_at / 1000 for one in snapshot.agents]
    return min((unit - one % unit for one in ages for unit in [1 if one < 60 else 60]), default=None)


def _shown(snapshot: Snapshot, *, as_json: bool) -> str:
    if as_json:
        return clean_json(msgspec.json.encode({"sessions": _nested(snapshot)}).decode())
    return table(snapshot, Look.of(sys.stdout), time.time() * 1000)


def _nested(snapshot: Snapshot) -> list[dict[str, Any]]:
    return [
        msgspec.to_builtins(one)
        | {"agents": [msgspec.to_builtins(a) for a in snapshot.agents if a.session_id == one.session_id]}
        for one in snapshot.sessions
    ]


# The table

_HEADS = ("SESSION", "STATE", "FOR", "CONTEXT", "COST", "WHAT")
_LAST = 5
_LABEL, _WHAT = (8, 28), 24
"""Columns that a name takes, at least and at most, and that are wanted for what a session does."""


def table(snapshot: Snapshot, look: Look, now: float) -> str:
    """Return the sessions and agents as lines, none of them wider than the terminal.

    Those that wait for their owner come first, then those at work.

    Args:
        snapshot: what there is.
        look: what can be shown.
        now: ms since 1970.
    """
    if not snapshot.sessions:
        return "no sessions"
    rows = [row for one in by_urgency(snapshot.sessions) for row in _rows(one, snapshot.agents, look, now)]
    most = max(_LABEL[0], min(_LABEL[1], look.width // 4))
    widths = [
        max(len(_HEADS[at]), *(columns(look.fit(row[at], most if at == 0 else 99)) for row, _ in rows))
        for at in range(_LAST)
    ]
    kept = [at for at in range(_LAST) if at not in _dropped(widths, look.width)]
    widths[0] = max(_LABEL[0], min(widths[0], look.width - sum(widths[at] + 2 for at in kept[1:])))
    lines = [_line(_HEADS, DIM, widths, kept, look)]
    lines += [_line(row, colour, widths, kept, look) for row, colour in rows]
    return "\n".join(lines)


def _dropped(widths: list[int], width: int) -> set[int]:
    """Return the columns that there is no room for beside what the session does."""
    dropped: set[int] = set()
    for at in (3, 4, 2):
        if sum(size + 2 for one, size in enumerate(widths) if one not in dropped) + _WHAT > width:
            dropped.add(at)
    return dropped


def _line(row: Sequence[str], colour: str, widths: list[int], kept: list[int], look: Look) -> str:
    shown, room = [], look.width
    for at in (*kept, _LAST):
        cell = look.pad(row[at], min(widths[at], max(0, room))) if at != _LAST else look.fit(row[at], max(0, room))
        room -= columns(cell) + 2
        shown.append(look.paint(cell, colour) if at == 1 else cell)
    return "  ".join(shown).rstrip()


def _rows(session: SessionInfo, agents: list[AgentState], look: Look, now: float) -> Iterator[tuple[list[str], str]]:
    own = [one for one in agents if one.session_id == session.session_id]
    main = next((one for one in own if one.agent_type == "master"), None)
    context = "" if session.context is None else f"{session.context.percent_used:.0f} %"
    price = "" if session.usage is None else spent(session.usage)
    yield (
        [label(session), session.state, age(now - session.since), context, price, doing(session, own)],
        STATES.get(session.state, ""),
    )
    branch = "└ " if look.block == "█" else "- "
    for one in own:
        if one is not main and one.status != "offline":
            about = ": ".join(filter(None, (one.description, tool_of(one))))
            status = one.status.replace("tool_running", "tool")
            yield [f"{branch}{one.agent_type}", status, age(now - one.started_at), "", cost(one.cost_usd), about], CYAN
