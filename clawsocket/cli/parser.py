"""The parser of a command's arguments."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from clawsocket.errors import UsageError


class Parser(argparse.ArgumentParser):
    """An argparse parser whose help keeps its lines, and whose errors are ours: one line, exit code 1."""

    def __init__(self, **more: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **more)

    def error(self, message: str) -> NoReturn:
        """Refuse the arguments."""
        raise UsageError(f"{message}; {self.prog} --help tells more")
