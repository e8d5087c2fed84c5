"""Memory that nothing uses any more, given back to the system.

glibc keeps what was freed, for what comes next: 84 MB after a history of 15 MB, for as long as the service runs. Other
C libraries have no such call, and need none.
"""

from __future__ import annotations

import ctypes

_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)


def give_back() -> None:
    """Give back what is free. Measured: 0.1 ms when that is little, 25 ms when it is 180 MB."""
    if _trim is not None:
        _trim(0)
