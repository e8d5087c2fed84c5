"""Measure the service against its budgets: ``python benchmarks/run.py --help``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.growth import GROWTH
from benchmarks.measures import MEASURES as STEADY
from benchmarks.measures import Bench
from benchmarks.picture import picture
from benchmarks.processes import Service, Tools
from benchmarks.rows import Result, Sample, as_json, results, table

MEASURES = {**STEADY, **GROWTH}


def main() -> None:
    """Measure, and print a table or JSON."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="claw-socket-bench-") as folder:
        bench = Bench(Path(folder), Tools(Path(folder)), arguments.quick)
        found = list(results(_samples(bench, arguments.only or list(MEASURES), arguments.rounds)))
    if arguments.picture is not None:
        arguments.picture.write_text(picture(found))
    print(json.dumps(_document(found, arguments), indent=2) if arguments.json else _text(found, arguments))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Measure the service against its budgets, in scratch homes on loopback."
    )
    parser.add_argument("only", nargs="*", metavar="MEASUREMENT", help=f"all by default: {', '.join(MEASURES)}")
    parser.add_argument("--rounds", type=int, help="how often (3, or 1 with --quick)")
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of the load: shows that it works, and little more"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw charts, as SVG")
    parser.add_argument("--program", type=Path, metavar="FILE", help="measure a binary, not this source")
    arguments = parser.parse_args()
    if unknown := set(arguments.only) - set(MEASURES):
        parser.error(f"no such measurement: {', '.join(sorted(unknown))}; there are: {', '.join(MEASURES)}")
    arguments.rounds = arguments.rounds or (1 if arguments.quick else 3)
    if arguments.program is not None:
        if not os.access(arguments.program, os.X_OK):
            parser.error(f"there is no {arguments.program} that can be run")
        Service.program = [arguments.program.resolve()]
    return arguments


def _samples(bench: Bench, names: list[str], rounds: int) -> list[Sample]:
    """Go through all measurements, round after round, so that a change of the machine's mood meets them all.

    Interrupted, it returns what it has.
    """
    samples: list[Sample] = []
    try:
        for number in range(1, rounds + 1):
            for name in names:
                print(f"round {number} of {rounds}: {name}", file=sys.stderr)
                os.sync()  # what one wrote, up to gigabytes, the system writes back for minutes, beside the next
                samples += MEASURES[name](bench)
    except KeyboardInterrupt:
        print("interrupted; what was measured so far:", file=sys.stderr)
    return samples


def _machine() -> dict[str, Any]:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "memory_gb": round(memory / 1e9),
        "python": platform.python_version(),
    }


def _document(found: list[Result], arguments: argparse.Namespace) -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": _machine(),
        "program": arguments.program and arguments.program.name,
        "rounds": arguments.rounds,
        "quick": arguments.quick,
        "rows": as_json(found),
    }


def _text(found: list[Result], arguments: argparse.Namespace) -> str:
    machine = _machine()
    by = f"Python {machine['python']}" if arguments.program is None else f"the binary {arguments.program.name}"
    where = f"{machine['cpus']} CPUs, {machine['memory_gb']} GB, {machine['system']}, {by}"
    when = f"{datetime.now(UTC).date().isoformat()}, median (least - most) of {arguments.rounds} rounds"
    return f"{when}{', quick' if arguments.quick else ''}; {where}\n\n{table(found)}"


if __name__ == "__main__":
    main()
