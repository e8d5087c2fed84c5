"""What commands share in reading their flags."""

from __future__ import annotations

import argparse
from typing import NoReturn

from clawsocket.errors import UsageError

RawHelp = argparse.RawDescriptionHelpFormatter


class Parser(argparse.ArgumentParser):
    """A parser whose errors are ours."""

    def error(self, message: str) -> NoReturn:
        """Raise a UsageError."""
        raise UsageError(f"{message}; {self.prog} --help tells more")


def setting(text: str) -> tuple[str, str]:
    """Return the name and the value of ``name=value``."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not name=value")
    return name.strip().replace("-", "_"), value.strip()
