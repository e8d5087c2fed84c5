"""What is freed in a burst is not kept for ever."""

from __future__ import annotations

import subprocess
import sys

import pytest

BURST = """
import os
from clawsocket.memory import give_back

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1_000_000

burst = [bytes([1]) * 50_000 for _ in range(4000)]
stays = burst[::100]
before = resident()
del burst
kept = resident()
give_back()
print(before, kept, resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other C libraries keep little")
def test_what_a_burst_has_freed_is_given_back_though_something_of_it_stays() -> None:
    done = subprocess.run([sys.executable, "-c", BURST], capture_output=True, text=True, check=True, timeout=60)
    before, kept, after = map(int, done.stdout.split())
    assert kept > 150, "the C library gives it back by itself"
    assert after < before - 150
