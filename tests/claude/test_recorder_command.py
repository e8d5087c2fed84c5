"""Whatever the user's status line is, the recorder before it changes nothing of it, and keeps what it was given."""

import os
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest

from clawsocket.claude.recorder_command import LIMIT, MARKER, recorder_command
from tests.support.shells import SHELLS
from tests.support.waiting import wait_for

ESCAPES = "'\\033[31mred\\033[0m  é\\n\\n  two \\t x  \\n\\n'"
COMMANDS = {
    "fast": "echo hello",
    "nothing": "",
    "colours and lines": f"printf {ESCAPES}",
    "input": "cat",
    "input by another program": "sed s/a/b/ | tr x y",
    "input not read": "echo 'not read'",
    "input read line by line": "while IFS= read -r line; do printf '<%s>' \"$line\"; done",
    "input opened": "cat /dev/stdin",
    "fails": "echo some; echo trouble >&2; exit 3",
    "is not there": "no-such-program-anywhere 2>/dev/null",
    "dies": "echo before; kill -9 $$",
    "many lines": "a=1\nif [ $a = 1 ]; then\n  echo yes # mine\nfi\nexit 7",
    "a document": "cat <<X\n$HOME\nX\n",
    "a comment": "echo x # no newline",
    "a path": "~/line.sh",
    "the shell's own": 'echo "$# $0"; echo "${_claw_socket_input-unset}"; umask; pwd; echo $-; trap; echo "$PATH"',
    "the environment": "env | sort | grep -v '^_='",
    "many bytes": "i=0; while [ $i -lt 500 ]; do printf '%0200d\\n' $i; i=$((i+1)); done",
}
SAID = (
    b'{"session_id":"11111111-2222-4333-8444-555555555555","x":"\\u00fc \xc3\xbc $HOME `id` \\\\ %s \x7f \xff","n":1}\n'
)
NAME = "status-11111111-2222-4333-8444-555555555555.json"


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / 'it\'s a "spool"'
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture(params=SHELLS, ids=" ".join)
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    """A shell with a home in which there is a status line's script."""
    script = tmp_path / "line.sh"
    script.write_text("#!/bin/sh\nprintf '[%s]' \"$(cat)\"\n")
    script.chmod(0o755)
    shell: list[str] = request.param
    return shell


def run(
    shell: list[str], command: str, tmp_path: Path, said: bytes = SAID, **environment: str
) -> tuple[int, bytes, bytes]:
    """Run a command as Claude Code does; return its exit code, output and errors."""
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8", **environment}
    done = subprocess.run(
        [*shell, "-c", command], input=said, capture_output=True, env=env, cwd="/", timeout=30, check=False
    )
    return done.returncode, done.stdout, done.stderr


def contents(spool: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in spool.iterdir()}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_the_users_line_is_byte_for_byte_the_same(shell: list[str], tmp_path: Path, spool: Path, command: str) -> None:
    assert run(shell, recorder_command(str(spool), command), tmp_path) == run(shell, command, tmp_path)
    assert contents(spool) == {NAME: SAID}


@pytest.mark.parametrize("size", [10, 5_000, 60_000, 500_000])
def test_the_user_gets_all_of_the_input(shell: list[str], tmp_path: Path, spool: Path, size: int) -> None:
    said = b'{"session_id":"s","x":"' + b"y" * size + b'"}\n'
    assert run(shell, recorder_command(str(spool), "cat"), tmp_path, said) == (0, said, b"")
    assert contents(spool) == ({"status-s.json": said} if size < LIMIT else {})


def test_spaces_in_the_json_do_not_matter(tmp_path: Path, spool: Path, shell: list[str]) -> None:
    said = b'{ "cwd": "x", "session_id" : "one-1", "remote": {"session_id": "two"} }\n'
    run(shell, recorder_command(str(spool), None), tmp_path, said)
    assert contents(spool) == {"status-one-1.json": said}


def test_with_no_command_of_the_users_nothing_is_printed(shell: list[str], tmp_path: Path, spool: Path) -> None:
    assert run(shell, recorder_command(str(spool), None), tmp_path) == (0, b"", b"")
    assert contents(spool) == {NAME: SAID}


def test_the_newest_of_a_session_replaces_the_one_before(shell: list[str], tmp_path: Path, spool: Path) -> None:
    for number in range(5):
        for session in ("one", "two"):
            said = b'{"session_id":"%s","n":%d}\n' % (session.encode(), number)
            run(shell, recorder_command(str(spool), None), tmp_path, said)
    assert contents(spool) == {
        f"status-{session}.json": b'{"session_id":"%s","n":4}\n' % session.encode() for session in ("one", "two")
    }


def test_what_is_kept_is_its_owners_alone(shell: list[str], tmp_path: Path, spool: Path) -> None:
    command = recorder_command(str(spool), "umask")
    assert run(shell, f"umask 000; {command}", tmp_path)[1] in (b"0000\n", b"000\n", b"00\n")
    (path,) = spool.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\n",
        b"{}\n",
        b'{"session_id":""}\n',
        b'{"session_id":"../x"}\n',
        b'{"session_id":"' + b"x" * 101 + b'"}\n',
    ],
)
def test_what_names_no_session_is_not_kept(shell: list[str], tmp_path: Path, spool: Path, said: bytes) -> None:
    code, out, _ = run(shell, recorder_command(str(spool), "cat; exit 3"), tmp_path, said)
    assert (code, out.strip()) == (3, said.strip())
    assert contents(spool) == {}
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([spool.name, "line.sh"])


@pytest.mark.parametrize("trouble", ["missing", "full", "read-only", "a folder in its place"])
def test_a_spool_that_cannot_be_written_is_not_noticed(
    shell: list[str], tmp_path: Path, spool: Path, trouble: str
) -> None:
    if trouble == "missing":
        spool.rmdir()
    elif trouble == "full":
        (spool / ".full").touch()
    elif trouble == "read-only":
        spool = Path("/proc/self")
    else:
        (spool / NAME).mkdir()
        (spool / NAME / "x").touch()
    assert run(shell, recorder_command(str(spool), "cat; exit 3"), tmp_path) == (3, SAID, b"")
    assert not list(spool.glob(".status-*"))


def test_a_disk_without_space_is_not_noticed(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    command = recorder_command(str(tmp_path), "cat; exit 3").replace(">$p", ">/dev/full")
    assert ">/dev/full" in command
    assert run(["/bin/sh"], command, tmp_path) == (3, SAID, b"")
    assert list(tmp_path.iterdir()) == []


def test_once_in_a_hundred_a_full_spool_is_marked(shell: list[str], tmp_path: Path, spool: Path) -> None:
    for number in range(4):
        (spool / f"{number}.json").touch()
    run(shell, recorder_command(str(spool), None, most=3).replace("$$", "4700"), tmp_path)
    assert (spool / ".full").exists()


def test_cancelled_it_leaves_no_process_and_no_partial_file(shell: list[str], tmp_path: Path, spool: Path) -> None:
    started = tmp_path / "started"
    command = recorder_command(str(spool), f"echo $$ >{started}; sleep 60; echo never")
    process = subprocess.Popen(
        [*shell, "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdin
    assert process.stdout
    process.stdin.write(SAID)
    process.stdin.close()
    wait_for(lambda: started.exists() and started.read_text(), "the user's command")
    assert int(started.read_text()) == process.pid, "it is no process more than without the recorder"
    os.killpg(process.pid, signal.SIGTERM)
    assert process.stdout.read() == b"", "all that had the output open are gone"
    process.stdout.close()
    assert process.wait(10) == -signal.SIGTERM
    assert contents(spool) == {NAME: SAID}


def test_ended_while_it_writes_it_takes_its_partial_file_along(shell: list[str], tmp_path: Path, spool: Path) -> None:
    slow = tmp_path / "bin"
    slow.mkdir()
    (slow / "mv").write_text(f"#!/bin/sh\necho >{tmp_path}/moving\nexec sleep 60\n")
    (slow / "mv").chmod(0o755)
    command = recorder_command(str(spool), None).replace("PATH=/bin:", f"PATH={slow}:/bin:")
    process = subprocess.Popen([*shell, "-c", command], stdin=subprocess.PIPE, start_new_session=True)
    assert process.stdin
    process.stdin.write(SAID)
    process.stdin.close()
    wait_for((tmp_path / "moving").exists, "the recorder to have written")
    assert len(list(spool.glob(".status-*"))) == 1
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(10)
    wait_for(lambda: not list(spool.iterdir()), "the partial file to go")


def test_it_adds_at_most_10_ms(tmp_path: Path, spool: Path) -> None:
    plain, recorded = "cat >/dev/null", recorder_command(str(spool), "cat >/dev/null")
    took: dict[str, list[float]] = {plain: [], recorded: []}
    for _ in range(50):
        for command, times in took.items():
            started = time.perf_counter()
            run(["/bin/sh"], command, tmp_path)
            times.append(time.perf_counter() - started)
    assert min(took[recorded]) - min(took[plain]) <= 0.010


def test_a_users_own_programs_are_not_run(shell: list[str], tmp_path: Path, spool: Path) -> None:
    fakes = tmp_path / "fakes"
    fakes.mkdir()
    for name in ("cat", "mv", "rm"):
        (fakes / name).write_text("#!/bin/sh\necho meow\n")
        (fakes / name).chmod(0o755)
    done = run(shell, recorder_command(str(spool), "cat"), tmp_path, PATH=f"{fakes}:{os.environ['PATH']}")
    assert done == (0, b"meow\n", b""), "the user's command finds the user's programs"
    assert contents(spool) == {NAME: SAID}


def test_its_beginning_tells_whose_it_is() -> None:
    for users in (None, "x"):
        assert recorder_command("/spool", users).startswith(MARKER)
