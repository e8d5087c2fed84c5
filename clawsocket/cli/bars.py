"""``claw-socket waybar`` and ``xbar``: all sessions in the forms of status bars, anew whenever something changes."""

from __future__ import annotations

import argparse
import html
import re
import shutil
import time
from collections.abc import Iterator, Sequence

import msgspec

from clawsocket.cli import live, parsing
from clawsocket.cli.event_line import by_urgency, doing, label, spent, tool_of
from clawsocket.cli.line import format_text, values
from clawsocket.cli.look import Look, clean, clean_json
from clawsocket.client import connect
from clawsocket.errors import NoServerError
from clawsocket.protocol.models import SessionInfo
from clawsocket.protocol.replies import Snapshot

WAYBAR_EPILOG = """\
In Waybar's configuration:

  "custom/claude": {
    "exec": "claw-socket waybar",
    "return-type": "json",
    "format": "{icon} {}",
    "format-icons": {"requires_action": "!", "failed": "x", "running": ">", "off": "-", "default": ""},
    "restart-interval": 30
  }

text      how many sessions wait, have failed or are at work; --format has something else
alt       what most asks for you: requires_action, running, background, failed, idle, none (no session) or off
class     the same, for style.css: #custom-claude.requires_action { background: #d70 }
tooltip   a line for each session and each agent at work
percentage  how full the fullest context window is

All texts are escaped for Pango already: leave "escape" out. Nothing is asked for over and over, so give no "interval".
While the service is stopped, class is off; it is waited for.
"""

XBAR_EPILOG = """\
For SwiftBar (https://swiftbar.app), an executable file claude.sh in its plugin folder:

  #!/bin/sh
  # <swiftbar.type>streamable</swiftbar.type>
  exec claw-socket xbar

Each menu comes after a line "~~~", in one piece. xbar itself (https://xbarapp.com) knows no streams: it runs a plugin
anew at an interval, such as claude.10s.sh with

  exec claw-socket xbar --once

Both start plugins with a short PATH: give the whole path of claw-socket. While the service is stopped the menu says so.
"""

HEADLINE = {"requires_action": "waiting", "failed": "failed", "running": "running", "background": "in background"}
"""What is said in the bar of how many sessions are in a state; of the others there is nothing to say."""

COLOURS = {"requires_action": "#d97706", "failed": "#dc2626", "running": "#16a34a", "background": "#0891b2"}
"""Colours of states that can be read on a light and on a dark menu."""

WIDTH = 80
"""Columns of a line in a tooltip or a menu."""

OFF = "claw-socket is not running"


# Waybar, https://man.archlinux.org/man/waybar-custom.5


def waybar(argv: Sequence[str]) -> int:
    """Run ``claw-socket waybar``; return the exit code.

    Raises:
        UsageError: a wrong flag, or a name in the format that there is not.
        TokenRefusedError: the service refuses the token.
    """
    options = _parser("waybar", "Prints all sessions as JSON for Waybar, a line for each change.", WAYBAR_EPILOG)
    given = options.parse_args(argv)
    off = {"text": "off", "alt": "off", "tooltip": OFF, "class": "off", "percentage": 0}
    return live.run(live.print_changes(lambda snapshot: _json(_module(snapshot, given.format)), _json(off)))


def _json(fields: dict[str, object]) -> str:
    return clean_json(msgspec.json.encode(fields).decode())


def _module(snapshot: Snapshot, format: str | None) -> dict[str, object]:
    state = _most_urgent(snapshot)
    full = max((one.context.percent_used for one in snapshot.sessions if one.context is not None), default=0)
    return {
        "text": _pango(headline(snapshot, format)),
        "alt": state,
        "tooltip": "\n".join(_pango(line) for line in _tooltip(snapshot)) or "no sessions",
        "class": state,
        "percentage": max(0, min(100, round(full))),
    }


def _pango(text: str) -> str:
    return html.escape(text, quote=False)


def _tooltip(snapshot: Snapshot) -> Iterator[str]:
    look = Look(WIDTH)
    for one in by_urgency(snapshot.sessions):
        yield look.fit(" · ".join(filter(None, (_said(one), doing(one, snapshot.agents), _spent(one)))), WIDTH)
        for agent in _at_work(snapshot, one):
            yield look.fit(f"  └ {agent}", WIDTH)


# SwiftBar and xbar, https://github.com/swiftbar/SwiftBar and https://github.com/matryer/xbar-plugins

PLAIN = "emojize=false symbolize=false ansi=false"
"""Nothing in a session's text is taken for an icon or a colour."""


def xbar(argv: Sequence[str]) -> int:
    """Run ``claw-socket xbar``; return the exit code.

    Raises:
        UsageError: a wrong flag, or a name in the format that there is not.
        TokenRefusedError: the service refuses the token.
    """
    parser = _parser("xbar", "Prints all sessions as a menu for SwiftBar or xbar, anew at each change.", XBAR_EPILOG)
    parser.add_argument("--once", action="store_true", help="print one menu, without ~~~, and end")
    options = parser.parse_args(argv)
    off = f"claude: off | color=#888888\n---\n{OFF}\nStart it with: claw-socket start"
    if options.once:
        return live.run(_once(options.format, off))
    return live.run(
        live.print_changes(lambda snapshot: f"~~~\n{_menu(snapshot, options.format)}", f"~~~\n{off}\nIt is waited for")
    )


async def _once(format: str | None, off: str) -> int:
    try:
        async with connect() as claw:
            print(_menu(await claw.snapshot(), format), flush=True)
    except NoServerError:  # xbar shows what a plugin prints only if it says that all is well
        print(off, flush=True)
    return 0


def _menu(snapshot: Snapshot, format: str | None) -> str:
    lines = [_item(headline(snapshot, format) or "claude", COLOURS.get(_most_urgent(snapshot)))]
    lines.append("---")
    for one in by_urgency(snapshot.sessions):
        lines.append(_item(_said(one), COLOURS.get(one.state)))
        lines += [f"--{_item(text)}" for text in (doing(one, snapshot.agents), _spent(one), one.cwd) if text]
        lines += [f"--{_item(text)}" for text in _at_work(snapshot, one)]
    if not snapshot.sessions:
        lines.append(_item("no sessions"))
    program = shutil.which("claw-socket")
    if program is not None:
        lines += ["---", f'Look closer | bash="{program}" param1=ps param2=--watch terminal=true']
    return "\n".join(lines)


def _item(text: str, colour: str | None = None) -> str:
    """Return a line of a menu. What has a meaning in it of its own is another character in a text."""
    text = Look(WIDTH).fit(text, WIDTH).translate({ord("|"): "¦", ord("\\"): "/"})
    text = re.sub(r"^-+", "·", text.replace("~~", "~ ~"))
    return f"{text} | {f'color={colour} ' if colour else ''}{PLAIN}"


# Both


def _parser(name: str, description: str, epilog: str) -> argparse.ArgumentParser:
    parser = parsing.Parser(
        prog=f"claw-socket {name}", description=description, epilog=epilog, formatter_class=parsing.RawHelp
    )
    what = "what is in the bar; claw-socket line --help lists the names that may be in it"
    parser.add_argument("--format", metavar="FORMAT", type=format_text, help=what)
    return parser


def headline(snapshot: Snapshot, format: str | None = None) -> str:
    """Return what is to be seen in the bar: how many sessions wait, have failed or are at work.

    Args:
        snapshot: all sessions and agents.
        format: as ``claw-socket line`` has it, instead.
    """
    if format is not None:
        return clean(format.format(**values(snapshot.sessions, snapshot.agents)))
    states = [one.state for one in snapshot.sessions]
    said = [f"{states.count(state)} {word}" for state, word in HEADLINE.items() if state in states]
    return ", ".join(said) or ("idle" if states else "")


def _most_urgent(snapshot: Snapshot) -> str:
    return next((one.state for one in by_urgency(snapshot.sessions)), "none")


def _said(session: SessionInfo) -> str:
    """Return a session's state. It is printed once, so it has the time since when, not an age that would be wrong."""
    state = {"requires_action": "needs you", "background": "in background"}.get(session.state, session.state)
    return f"{label(session)}: {state} since {time.strftime('%H:%M', time.localtime(session.since / 1000))}"


def _spent(session: SessionInfo) -> str:
    context = "" if session.context is None else f"context {session.context.percent_used:.0f} %"
    price = "" if session.usage is None else spent(session.usage)
    return " · ".join(filter(None, (context, price)))


def _at_work(snapshot: Snapshot, session: SessionInfo) -> Iterator[str]:
    for one in snapshot.agents:
        if one.session_id == session.session_id and one.agent_type != "master" and one.status != "offline":
            yield " · ".join(filter(None, (one.agent_type, one.description, tool_of(one))))
