"""The steps of install and uninstall, done or only shown."""

from __future__ import annotations

from collections.abc import Iterable

from clawsocket.setup.steps import Step


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
