"""Standard streams that are closed, full, read by nobody, or can't show each character."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.support.feed import hook, spool
from tests.support.service import PROGRAM, ROOT, Service, environment, run_command
from tests.support.waiting import wait_for


def run(home: Path, arguments: str, streams: str, keep: int = 2, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the command line with its standard streams as a shell has them.

    Args:
        home: its home.
        arguments: of the command line.
        streams: redirections.
        keep: a descriptor that the shell gets, too.
        more: further variables of its environment.
    """
    env = {name: value for name, value in environment(home).items() if name != "PYTHONUNBUFFERED"} | more
    command = ["bash", "-c", f"{shlex.join(PROGRAM)} {arguments} {streams}"]
    return subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=30, check=False, pass_fds=[keep]
    )


COMMANDS = ("--help", "--version", "status", "usage", "completion bash", "ps --help", "xbar --once")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", COMMANDS)
def test_what_can_not_be_written_is_told_in_one_line(home: Path, arguments: str) -> None:
    done = run(home, arguments, ">/dev/full")
    assert (done.returncode, done.stderr) == (1, "claw-socket: No space left on device\n")


@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_pipe_that_nobody_reads_ends_it_in_silence(home: Path, arguments: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = run(home, arguments, f">&{writer}", keep=writer)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_closed_streams_are_nobody(home: Path) -> None:
    with Service(home) as service:
        service.wait_for_hooks()
        for arguments, streams, code in (
            ("ps", ">&-", 0),
            ("xbar --once", ">&-", 0),
            ("usage", ">&-", 0),
            ("ps", "<&- >&- 2>&-", 0),
            ("watch", "<&-", 1),
        ):
            done = run(home, arguments, streams)
            assert done.returncode == code, arguments
            assert "Traceback" not in done.stderr


def test_a_character_that_the_terminal_does_not_have_is_written_as_json_has_it(home: Path) -> None:
    with Service(home) as service:
        service.wait_for_hooks()
        spool(home, "1", hook(1, cwd="/w/日本😀"))
        wait_for(lambda: json.loads(run_command(home, "ps", "--json").stdout)["sessions"], "the session")
        for arguments in ("ps", "xbar --once", "history", "ps --json"):
            done = run(home, arguments, "", PYTHONIOENCODING="ascii")
            assert (done.returncode, done.stderr) == (0, ""), arguments
            assert "?" in done.stdout if arguments == "ps" else "\\u65e5" in done.stdout
            if "json" in arguments:
                assert json.loads(done.stdout)["sessions"][0]["cwd"] == "/w/日本😀"
