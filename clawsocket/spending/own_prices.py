"""The user's own prices, which come before those that come with the program."""

from __future__ import annotations

from pathlib import Path

from clawsocket.state.prices import Prices


def load(path: Path) -> tuple[Prices, str | None]:
    """Return the prices to use.

    Args:
        path: the user's file; it may be missing.

    Returns:
        The prices, and what is wrong with the file if it can't be used: one line for people.
    """
    try:
        return Prices(path.read_bytes()), None
    except FileNotFoundError:
        return Prices(), None
    except OSError as error:
        problem = error.strerror
    except ValueError as error:
        problem = str(error)
    return Prices(), f"{path}: {problem}; the prices that come with the program are used alone"
