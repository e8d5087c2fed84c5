"""What commands that change the system share: flags, and steps that are done or shown."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import NoReturn

from clawsocket.errors import UsageError
from clawsocket.setup.steps import Step

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


def carry_out(steps: Iterable[Step], *, dry_run: bool, nothing: str) -> None:
    """Do the steps and say what was done, or only show them.

    Args:
        steps: the steps; each is looked for when the one before is done.
        dry_run: only show them.
        nothing: what is said if there is none.
    """
    none = True
    for step in steps:
        said = step.shown if dry_run else step.do()
        none = none and not said
        if said:
            print(said.rstrip("\n"), flush=True)
    if none:
        print(nothing)
