"""Measure the binary against its budgets: ``make dist``, then ``python benchmarks/binary.py [rounds]``."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "binary" / "claw-socket"
PROGRAM, ONE_FILE = FOLDER / "claw-socket", FOLDER.parent / "claw-socket-onefile"
SETTLED = 5.0
"""Seconds after which a service that has started is idle."""


def main() -> None:
    """Measure, and print a table in Markdown."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    (tarball,) = (ROOT / "dist").glob("claw-socket-*-linux-*.tar.gz")
    timed: dict[str, Callable[[], float]] = {
        "`--version`": lambda: _version(PROGRAM),
        "one file: `--version`": lambda: _version(ONE_FILE),
        "listening": lambda: _listening()[0],
    }
    found: dict[str, list[float]] = {name: [] for name in timed}
    _version(PROGRAM), _version(ONE_FILE)  # from the disk into memory
    for _ in range(rounds):
        for name, measure in timed.items():
            found[name].append(measure())
    unpacked = sum(path.lstat().st_size for path in FOLDER.rglob("*") if not path.is_dir())
    print(f"| what | median (least - most) of {rounds} | budget |\n|---|---|---|")
    _row("unpacked", [unpacked / 1e6], "MB", 45)
    _row("tarball", [tarball.stat().st_size / 1e6], "MB", 19)
    _row("one file", [ONE_FILE.stat().st_size / 1e6], "MB", 19)
    for name, budget in zip(timed, (100, 350, 300), strict=True):
        _row(name, found[name], "ms", budget)
    _row("idle: memory", [_listening(SETTLED)[1] for _ in range(3)], "MB", 40)


def _row(name: str, figures: list[float], unit: str, budget: float) -> None:
    middle, least, most = statistics.median(figures), min(figures), max(figures)
    spread = f" ({least:.3g} - {most:.3g})" if least != most else ""
    print(f"| {name} | {middle:.3g}{spread} {unit} | {'kept' if middle <= budget else '**over**'}: <= {budget} |")


def _version(program: Path) -> float:
    with tempfile.TemporaryDirectory() as home:
        began = time.perf_counter()
        subprocess.run([program, "--version"], env=_environment(home), stdout=subprocess.DEVNULL, check=True)
        return (time.perf_counter() - began) * 1000


def _listening(rest: float = 0.0) -> tuple[float, float]:
    """Return after how many ms a new service answers, and how many MB it has when it has rested for some seconds."""
    with tempfile.TemporaryDirectory() as home:
        endpoint = Path(home, ".claw-socket", "endpoint")
        began = time.perf_counter()
        process = subprocess.Popen(
            [PROGRAM, "--port", "0"], env=_environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            while not endpoint.exists():
                time.sleep(0.001)
                assert time.perf_counter() - began < 20
            with urllib.request.urlopen(f"http://{urlsplit(json.loads(endpoint.read_text())['url']).netloc}/health"):
                took = (time.perf_counter() - began) * 1000
            time.sleep(rest)
            status = Path(f"/proc/{process.pid}/status").read_text()
            (resident,) = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")]
        finally:
            process.terminate()
            process.wait(10)
        return took, int(resident) * 1024 / 1e6


def _environment(home: str) -> dict[str, str]:
    return {"HOME": home, "PATH": os.environ["PATH"], "LC_ALL": "C"}


if __name__ == "__main__":
    main()
