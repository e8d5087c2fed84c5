"""What the commands' flags have in common."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NoReturn

from clawsocket.errors import UsageError
from clawsocket.protocol.models import SessionInfo


class Parser(argparse.ArgumentParser):
    """Reads flags; a wrong one is a :class:`UsageError`."""

    def __init__(self, prog: str, description: str = "", epilog: str = "", **more: Any) -> None:
        """Take the texts of the help as they are."""
        kind = argparse.RawDescriptionHelpFormatter
        super().__init__(prog=prog, description=description, epilog=epilog, formatter_class=kind, **more)

    def error(self, message: str) -> NoReturn:
        """Refuse."""
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

    Raises:
        UsageError: there is none, or more than one.
    """
    known = list(known)
    found = (
        [one for one in known if one.session_id == text]
        or [one for one in known if one.name == text]
        or [one for one in known if one.session_id.startswith(text)]
    )
    if len(found) != 1:
        problem = "no session has" if not found else f"{len(found)} sessions have"
        raise UsageError(f"{problem} the id or name {text!r}, or an id that begins so; claw-socket ps lists them")
    return found[0]
