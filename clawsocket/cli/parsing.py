"""What commands share in reading their flags."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NoReturn

from clawsocket.cli.look import folded
from clawsocket.errors import UsageError
from clawsocket.protocol.models import SessionInfo


class RawHelp(argparse.RawDescriptionHelpFormatter):
    """Leaves descriptions as they are written, but for what is too wide for the terminal."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return folded(super()._fill_text(text, width, indent), width)


class Parser(argparse.ArgumentParser):
    """A parser whose errors are ours."""

    def error(self, message: str) -> NoReturn:
        """Raise a UsageError."""
        raise UsageError(f"{message}; {self.prog} --help tells more")


def when(text: str) -> int:
    """Return the ms since 1970 of a day (2026-11-01) or an age (30m, 12h, 30d)."""
    age = re.fullmatch(r"(\d{1,6})([mhd])", text)
    try:
        if age:
            unit = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}[age[2]]
            moment = datetime.now().astimezone() - int(age[1]) * unit
        else:
            moment = datetime.strptime(text, "%Y-%m-%d").astimezone()
        return int(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is no day (2026-11-01) and no age (30m, 12h, 30d)") from None


def session(text: str, known: Iterable[SessionInfo]) -> SessionInfo:
    """Return the session that is meant by an id, the beginning of one, or a name.

    One that lives is meant before those that have ended: /clear begins another of the same name.

    Raises:
        UsageError: there is none, or more than one.
    """
    known = list(known)
    found = (
        [one for one in known if one.session_id == text]
        or [one for one in known if one.name == text]
        or [one for one in known if one.session_id.startswith(text)]
    )
    found = [one for one in found if one.state != "ended"] or found
    if len(found) != 1:
        problem = "no session has" if not found else f"{len(found)} sessions have"
        raise UsageError(
            f"{problem} the id or name {text!r}, or an id that begins so; claw-socket ps and history list them"
        )
    return found[0]
