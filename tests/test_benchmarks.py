"""The benchmarks run, and judge what they measure by the budgets."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks.rows import ROWS, Result, Row, Sample, Spread, results, table

ROOT = Path(__file__).parent.parent


def result(row: Row, *samples: tuple[float, float | None]) -> Result:
    (found,) = results(Sample(row.name, ours, yardstick) for ours, yardstick in samples)
    return found


def row(name: str) -> Row:
    return next(row for row in ROWS if row.name == name)


@pytest.mark.timeout(180)
def test_measurements_run_against_the_service_and_the_yardstick_and_are_drawn(tmp_path: Path) -> None:
    picture = tmp_path / "run.svg"
    command = [sys.executable, "-m", "benchmarks.run", "--quick", "--json", "--picture", str(picture)]
    names = ["latency", "fan-out", "sessions", "store"]
    done = subprocess.run([*command, *names], cwd=ROOT, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["quick"] is True
    found = {one["row"]: one for one in document["rows"]}
    assert {name.partition(":")[0] for name in found} == set(names)
    latency = found["latency: POST to client, p50 at 200/s"]
    assert latency["ours"]["median"] > 0 < latency["yardstick"]["median"]
    assert found["fan-out: lost"]["ours"]["median"] == 0
    drawn = ET.fromstring(picture.read_text())
    lines = [one for one in drawn.iter("{http://www.w3.org/2000/svg}polyline") if " " in one.attrib["points"]]
    assert len(lines) == 5, "deliveries of both servers, and three by sessions"


def test_an_unknown_measurement_is_refused_with_the_names_of_those_there_are() -> None:
    command = [sys.executable, "-m", "benchmarks.run", "speed"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 2
    assert "fan-out" in done.stderr


def test_a_program_that_is_not_there_is_not_measured() -> None:
    command = [sys.executable, "-m", "benchmarks.run", "--program", "no/claw-socket", "start"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 2
    assert "there is no no/claw-socket" in done.stderr


@pytest.mark.parametrize(("figures", "kept"), [((1.0, 2.0, 9.0), True), ((2.1, 1.0, 2.2), False)])
def test_the_median_of_our_own_figures_is_held_against_the_budget(figures: tuple[float, ...], kept: bool) -> None:
    found = result(row("line: to client, p50"), *((figure, None) for figure in figures))
    assert found.kept is kept
    assert found.ours == Spread(sorted(figures)[1], min(figures), max(figures))


@pytest.mark.parametrize(("ours", "kept"), [(0.51, True), (0.49, False)])
def test_the_ratio_is_that_of_each_round(ours: float, kept: bool) -> None:
    found = result(row("fan-out: to 1"), (ours * 10, 10), (ours * 1000, 1000), (ours * 100, 100))
    assert found.kept is kept
    assert found.ratio is not None
    assert found.ratio.least == pytest.approx(found.ratio.most)


def test_a_row_without_a_budget_is_shown_and_not_judged() -> None:
    found = result(row("intake: 1 kept alive"), (5, 10))
    assert found.kept is None
    assert table([found]).splitlines()[-1] == "| intake: 1 kept alive | 5 POST/s | 10 | 0.5 | - |  |"


def test_a_missed_budget_stands_out() -> None:
    assert "**over**" in table([result(row("fan-out: lost"), (1, None))])
