"""A command and a service of different versions: said once, on standard error, and what to do."""

from __future__ import annotations

import re
import sys
from functools import cache

from clawsocket import __version__


def words(version: str) -> str:
    """Return what is to be said about a service of some version; nothing if it is that of this command."""
    if version == __version__:
        return ""
    known = f"the service runs {version}, and this command is {__version__}"
    if is_newer(version):
        return f"{known}, which is older: start it anew, or find the other one with: type -a claw-socket"
    return f"{known}: claw-socket install starts that"


@cache  # once for each version, however often it comes back
def tell(version: str) -> None:
    """Say it, if there is something to say."""
    if text := words(version):
        print(f"claw-socket: {text}", file=sys.stderr, flush=True)


def is_newer(version: str) -> bool:
    """Tell whether a version, or the folder named after one, is newer than this."""
    return _numbers(version) > _numbers(__version__)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"[0-9]+", version.partition("-")[0])]
