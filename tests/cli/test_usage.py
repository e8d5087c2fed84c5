"""``claw-socket usage`` shows what was spent, on terminals, in pipes and as JSON, and teaches itself."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from datetime import date
from pathlib import Path
from typing import NoReturn

import pytest

from clawsocket.cli import COMMANDS, main, usage_table
from clawsocket.cli.look import Look, columns
from clawsocket.cli.usage import parse
from clawsocket.cli.usage_table import table
from clawsocket.errors import UsageError
from clawsocket.spending.report import By, Row
from tests.spending import OPUS, answer, prompt, write

TODAY = date(2026, 3, 10)


@pytest.fixture
def spent(home: Path) -> Path:
    """A home with two days, two projects and a model that nobody priced."""
    write(home, "s1", prompt("p1"), answer("m1", 1_000_000), answer("m2", 200_000, at="2026-03-02T12:00:00.000Z"))
    other = {**prompt("p2"), "cwd": "/home/dev/a/rather/deep/folder/for/a/narrow/terminal"}
    write(home, "s2", other, answer("m3", 5, model="mystery", at="2026-03-02T12:00:00.000Z"), project="-other")
    return home


def test_the_help_lists_every_command_and_usage_teaches(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(f"\n  {name} " in told and help in told for name, (_, help) in COMMANDS.items())
    assert main(["usage", "--help"]) == 0
    told = capsys.readouterr().out
    assert all(flag in told for flag in ("--by", "--since", "--json", "prices.json", "Examples:"))


def test_flags_say_what_is_shown() -> None:
    options = parse(["--by=model", "--since", "7d", "--json", "--set", "claude-dirs=/a"], TODAY)
    assert options == (("model",), "2026-03-04", True, (("claude_dirs", "/a"),), False)
    assert [parse(["--since", when], TODAY).since for when in ("today", "yesterday", "1d", "2026-01-02")] == [
        "2026-03-10",
        "2026-03-09",
        "2026-03-10",
        "2026-01-02",
    ]


@pytest.mark.parametrize(
    "argv",
    [
        ["--frob"],
        ["--by"],
        ["--by", "colour"],
        ["--since", "then"],
        ["--since", "2026-02-30"],
        ["--set", "x"],
        ["more"],
    ],
)
def test_a_wrong_flag_exits_1_with_one_line(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError):
        parse(argv, TODAY)
    assert main(["usage", *argv]) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)


def test_json_has_every_number(spent: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["usage", "--json", "--by", "model"]) == 0
    told = json.loads(capsys.readouterr().out)
    opus, mystery = told["rows"]
    assert (opus["model"], opus["outputTokens"], opus["totalCostUsd"], opus["messages"]) == (OPUS, 1_200_000, 30.0, 2)
    assert (mystery["model"], mystery["totalCostUsd"]) == ("mystery", None)
    assert told["total"]["totalCostUsd"] == 30.0
    assert told["unpricedModels"] == ["mystery"]
    assert main(["usage", "--json", "--since", "2026-03-02"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(row["day"], row["totalCostUsd"]) for row in told["rows"]] == [("2026-03-02", 5.0)]


def test_a_table_has_a_bar_for_each_day_and_names_what_has_no_price(
    spent: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert main(["usage"]) == 0
    out, err = capsys.readouterr()
    head, first, second, whole, *rest = out.splitlines()
    assert head.split() == ["DAY", "INPUT", "OUTPUT", "CACHE", "WRITE", "CACHE", "READ", "COST"]
    assert first.split() == ["2026-03-01", "0", "1.0M", "0", "0", "$25.00", "█" * 30]
    assert second.split() == ["2026-03-02", "0", "200k", "0", "0", "$5.00+?", "█" * 6]
    assert whole.split()[-1] == "$30.00+?"
    assert "  mystery" in rest
    assert err == ""
    assert main(["usage", "--by", "model"]) == 0
    assert "mystery              0       5            0           0         ?" in capsys.readouterr().out


def test_what_could_not_be_read_is_named(
    spent: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(path: str, _before: object) -> NoReturn:
        raise OSError(errno.EIO, "Input/output error", path)

    monkeypatch.setattr("clawsocket.spending.report.scan", fails)
    assert main(["usage"]) == 0
    out, err = capsys.readouterr()
    assert out == "no usage found\n"
    paths = sorted((spent / ".claude").rglob("*.jsonl"))
    assert paths
    expected = [f"claw-socket: {path} can't be read: Input/output error; it is left out" for path in paths]
    assert err.splitlines() == expected


def test_nothing_spent_is_said(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["usage", "--since", "2026-01-01"]) == 0
    assert capsys.readouterr().out == "no usage found since 2026-01-01\n"


def test_the_users_prices_count_and_broken_ones_are_told(spent: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = spent / ".claw-socket" / "prices.json"
    own.parent.mkdir(mode=0o700)
    own.write_text('{"models": {"mystery": {"rates": [{"input": 1, "output": 2}]}}}')
    assert main(["usage", "--json"]) == 0
    out, err = capsys.readouterr()
    assert (json.loads(out)["total"]["totalCostUsd"], err) == (30.00001, "")
    own.write_text('{"models": {"mystery": {"rates": [{"input": 1}]}}}')
    assert main(["usage", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["total"]["totalCostUsd"] == 30.0
    assert err.startswith(f"claw-socket: {own}: ")
    assert "output" in err
    assert err.count("\n") == 1


def test_of_sessions_and_projects_the_dearest_stands_first_and_days_in_their_order() -> None:
    days, costs = ("2026-03-03", "2026-03-01", "2026-03-02"), (2, 3, 1)
    rows = [
        Row(day, f"/p{cost}", f"s{cost}", "", "p", OPUS, cost=cost * 10**12)
        for day, cost in zip(days, costs, strict=True)
    ]
    bys: tuple[By, ...] = ("session", "project", "day")
    shown = {by: [line.split()[0] for line in table(rows, (by,), "", Look(80)).splitlines()[1:-1]] for by in bys}
    assert shown == {"session": ["s3", "s2", "s1"], "project": ["/p3", "/p2", "/p1"], "day": sorted(days)}


@pytest.mark.parametrize("width", [20, 30, 40, 60, 80])
def test_a_narrow_terminal_gets_lines_that_fit_with_the_cost_in_them(width: int) -> None:
    row = Row("2026-03-01", "/home/dev/a/rather/deep/folder", "s", "", "p", OPUS, 1, 2, 3, 4, 5 * 10**12, 1)
    bys: tuple[By, ...] = ("day", "project", "session")
    for by in bys:
        lines = table([row], (by,), "", Look(width)).splitlines()
        assert max(map(len, lines)) <= max(width, 22)
        assert all("$5.00" in line for line in lines[1:])
    assert "folder" in table([row], ("project",), "", Look(width))


@pytest.mark.parametrize("width", [40, 60, 80])
def test_names_of_wide_characters_fit_and_stand_below_each_other(width: int) -> None:
    names = ("/home/dev/プロジェクト/計算機", "/home/dev/a", "/home/dev/e\u0301te\u0301")
    rows = [Row("2026-03-01", name, "s", "", "p", OPUS, 1, 2, 3, 4, 5 * 10**12, 1) for name in names]
    lines = table(rows, ("project",), "", Look(width)).splitlines()
    assert len(set(map(columns, lines))) == 1
    assert columns(lines[0]) <= width
    assert "算機 " in lines[3]


def test_a_terminal_that_knows_ascii_alone_gets_no_more() -> None:
    row = Row("2026-03-01", "/home/dev/ü/\x1b[31m" + "x" * 90, "s", "", "p", OPUS, cost=10**12, messages=1)
    bys: tuple[By, ...] = ("day", "project")
    for by in bys:
        assert table([row], (by,), "", Look(60, block="#")).isascii()
    assert "\x1b" not in table([row], ("project",), "", Look(200))


def command(home: Path, *argv: str, **environ: str) -> tuple[list[str], dict[str, str]]:
    return [sys.executable, "-m", "clawsocket", "usage", *argv], {**os.environ, "HOME": str(home), **environ}


def on_terminal(home: Path, *argv: str, **environ: str) -> str:
    """What the command writes on a terminal of 70 columns, standard error included."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 70, 0, 0))
    args, environ = command(home, *argv, TERM="xterm", **environ)
    environ.pop("COLUMNS", None)
    process = subprocess.Popen(args, env=environ, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    told, deadline = b"", time.monotonic() + 30
    with contextlib.suppress(OSError):  # Linux: EIO at its end
        while time.monotonic() < deadline and select.select([ours], [], [], 30)[0]:
            data = os.read(ours, 65536)
            if not data:
                break
            told += data
    os.close(ours)
    assert process.wait(10) == 0
    return told.decode()


def test_colours_are_for_terminals_that_want_them(spent: Path) -> None:
    told = on_terminal(spent, PYTHONIOENCODING="utf-8")
    assert "\x1b[36m█" in told
    plain = re.sub(r"\x1b\[[0-9;]*[mK]", "", told).replace("\r", "").splitlines()
    assert max(map(len, plain)) <= 70
    assert "\x1b[36m" not in on_terminal(spent, NO_COLOR="1")
    args, environ = command(spent, PYTHONIOENCODING="ascii")
    piped = subprocess.run(args, env=environ, capture_output=True, check=True)
    assert b"\x1b" not in piped.stdout
    assert b"######" in piped.stdout
    assert piped.stderr == b""


def test_a_reader_that_stops_reading_is_no_error(spent: Path) -> None:
    for number in range(3000):
        write(spent, f"many-{number:04}", answer(f"x{number}", 1))
    args, environ = command(spent, "--by", "session")
    process = subprocess.Popen(args, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(20) in (0, 141)  # 0 where the system took part of what was left


class Terminal(list[str]):
    """Keeps what is written."""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> None:
        self.append(text)

    def flush(self) -> None:
        pass


def test_progress_is_shown_when_it_takes_a_while_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    terminal = Terminal()
    with usage_table.progress(terminal) as show:  # type: ignore[arg-type]
        show(0, 1_000_000_000)
        assert terminal == []
        now = 1.0
        show(500_000_000, 1_000_000_000)
        show(600_000_000, 1_000_000_000)
        assert terminal == ["\rreading transcripts [##########          ]  50 % of 1,000 MB\x1b[K"]
    assert terminal[-1] == "\r\x1b[K"
