"""Waiting for a condition, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(look: Callable[[], T | None], what: str, timeout: float = 10.0) -> T:
    """Look until there is something to see, and return it.

    Args:
        look: returns what it waits for, or something false.
        what: what is waited for, for the message.
        timeout: in seconds.

    Raises:
        TimeoutError: it did not come.
    """
    end = time.monotonic() + timeout
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {timeout} s")
        time.sleep(0.02)
