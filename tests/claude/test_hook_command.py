import functools
import os
import resource
import shlex
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clawsocket.claude.hook_command import MARKER, MOST, hook_command, spool_script
from tests.support.shells import SHELLS

STUBBORN = ("bash", "mksh", "zsh")
"""Shells that try for many seconds to start a process, or end with 1 whatever they are told."""

LIMIT = 16_000_000
PAYLOAD = b'{"session_id":"s","hook_event_name":"Stop","text":"\\u00fc \xc3\xbc $HOME `x`"}\n'
Started = subprocess.Popen[bytes]
Start = Callable[..., Started]


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture(params=SHELLS, ids=" ".join)
def start(request: pytest.FixtureRequest) -> Iterator[Start]:
    """Start a command as Claude Code does, in each shell that is here."""
    running: list[Started] = []

    def go(command: str, **options: object) -> Started:
        pipe = subprocess.PIPE
        process: Started = subprocess.Popen(
            [*request.param, "-c", command],
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            **options,  # type: ignore[call-overload]
        )
        running.append(process)
        return process

    yield go
    for process in running:
        process.kill()
        process.communicate()


def feed(process: Started, payload: bytes = PAYLOAD) -> None:
    """Write everything (BrokenPipeError if the hook does not read it) and see that nobody could notice the hook."""
    assert process.stdin
    process.stdin.write(payload)
    process.stdin.close()
    process.stdin = None
    assert process.communicate(timeout=30) == (b"", b"")
    assert process.returncode == 0


def hook(spool: Path, limit: int = LIMIT, most: int = MOST, pid: int | None = None) -> str:
    """Write the script beside the spool, perhaps for a pid, and return the command that runs it."""
    file = spool.with_name(f"hook{pid or ''}")
    text = spool_script(str(spool), limit, most)
    file.write_text(text if pid is None else text.replace("$$", str(pid)))
    return hook_command(str(file))


def contents(spool: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in spool.iterdir()}


@pytest.mark.parametrize(
    "payload", [PAYLOAD, b"", b"x" * 5_000_000, bytes(range(256)) * 8], ids=["1k", "none", "5M", "bytes"]
)
def test_a_payload_arrives_whole_under_the_name_of_the_hooks_pid(start: Start, spool: Path, payload: bytes) -> None:
    process = start(hook(spool))
    feed(process, payload)
    assert contents(spool) == {f"{10_000_000 + process.pid}.json": payload}


@pytest.mark.skipif(not shutil.which("zsh") and not os.environ.get("CI"), reason="needs zsh")
@pytest.mark.parametrize("start", [["zsh", "-f"]], ids=" ".join, indirect=True)
def test_a_payload_arrives_also_in_a_users_own_shell(start: Start, spool: Path) -> None:
    feed(start(hook(spool)))
    assert list(contents(spool).values()) == [PAYLOAD]


def test_a_payload_is_its_owners_alone(start: Start, spool: Path) -> None:
    feed(start(hook(spool), umask=0))
    (path,) = spool.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "name", ["a b", "it's", '"$HOME"', "`id`;$(id)", "ünï 日本", "-n *", "two\nlines", "back\\slash"]
)
def test_the_spool_can_have_any_name(start: Start, tmp_path: Path, name: str) -> None:
    spool = tmp_path / name / "spool"
    spool.mkdir(parents=True)
    feed(start(hook(spool)))
    assert list(contents(spool).values()) == [PAYLOAD]


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"HOME": "/nowhere", "PATH": "/a b/c d:/bin"},
        {"HOME": "", "IFS": "0123456789", "n": "1", "p": "2", "i": "x", "LC_ALL": "no_NO"},
    ],
    ids=["empty", "spaces", "odd"],
)
def test_the_environment_does_not_matter(spool: Path, environment: dict[str, str]) -> None:
    feed(subprocess.Popen(["/bin/sh", "-c", hook(spool)], stdin=-1, stdout=-1, stderr=-1, env=environment))
    assert list(contents(spool).values()) == [PAYLOAD]


def test_a_users_own_cat_is_not_run(start: Start, spool: Path, tmp_path: Path) -> None:
    fake = tmp_path / "cat"
    fake.write_text("#!/bin/sh\necho meow\n")
    fake.chmod(0o755)
    feed(start(hook(spool), env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}))
    assert list(contents(spool).values()) == [PAYLOAD]


@pytest.mark.parametrize("payload", [PAYLOAD, b"x" * 3_000_000], ids=["short", "long"])
def test_a_missing_spool_is_not_noticed_and_not_made(start: Start, tmp_path: Path, payload: bytes) -> None:
    feed(start(hook(tmp_path / "spool")), payload)
    assert [path.name for path in tmp_path.iterdir()] == ["hook"]


@pytest.fixture
def shared() -> Iterator[Path]:
    """A spool that another user can get at."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        spool = Path(name) / "spool"
        spool.mkdir()
        yield spool
        spool.chmod(0o755)


NOBODY = {"user": 65534, "group": 65534} if os.geteuid() == 0 else {}


def test_a_spool_that_cannot_be_written_is_not_noticed(start: Start, shared: Path) -> None:
    shared.chmod(0o555)
    feed(start(hook(shared), **NOBODY), b"x" * 3_000_000)
    assert contents(shared) == {}


@pytest.mark.parametrize("start", [one for one in SHELLS if one[0] not in STUBBORN], ids=" ".join, indirect=True)
def test_where_no_process_can_be_started_it_ends_well_and_says_what_was_lost(start: Start, shared: Path) -> None:
    shared.chmod(0o777)
    none = functools.partial(resource.setrlimit, resource.RLIMIT_NPROC, (0, 0))
    process = start(hook(shared), preexec_fn=none, **NOBODY)
    process.communicate(PAYLOAD, timeout=30)
    assert process.returncode == 0, "with 2, Claude Code would block what the hook is about"
    assert (shared / ".lost").exists()


def test_a_payload_over_the_limit_is_read_and_marked_as_lost(start: Start, spool: Path) -> None:
    feed(start("ulimit -c unlimited 2>/dev/null; " + hook(spool, 65_536)), b"x" * 3_000_000)
    assert contents(spool) == {".lost": b""}, "no partial payload, and no core file"


def test_a_payload_of_just_the_limit_is_kept(start: Start, spool: Path) -> None:
    feed(start(hook(spool, 1_000_000)), b"x" * 1_000_000)
    assert [len(payload) for payload in contents(spool).values()] == [1_000_000]


def test_a_payload_that_waits_is_never_overwritten(start: Start, spool: Path) -> None:
    command = hook(spool, pid=4711)
    for number in range(12):
        feed(start(command), b"%d" % number)
    names = ["10004711.json", *(f"10004711_{number}.json" for number in range(1, 12))]
    assert contents(spool) == {name: b"%d" % number for number, name in enumerate(names)}


def test_hooks_of_one_pid_do_not_meet(start: Start, spool: Path) -> None:
    command = hook(spool, pid=4711)
    started = [start(command) for _ in range(20)]
    for number, process in reversed(list(enumerate(started))):
        feed(process, b"%d" % number * 50_000)
    assert sorted(contents(spool).values()) == sorted(b"%d" % number * 50_000 for number in range(20))


def test_a_hook_that_was_killed_leaves_its_name_taken_and_nothing_to_read(start: Start, spool: Path) -> None:
    command = hook(spool, pid=4711)
    killed = start(command, start_new_session=True)
    assert killed.stdin
    killed.stdin.write(PAYLOAD)
    killed.stdin.flush()
    while not (partial := spool / ".10004711").exists() or not partial.stat().st_size:
        assert killed.poll() is None
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait(10)
    feed(start(command))
    assert contents(spool) == {".10004711": PAYLOAD, "10004711_1.json": PAYLOAD}


def test_names_sort_as_the_hooks_were_started(start: Start, spool: Path) -> None:
    pids = [7, 99, 100, 4711, 32_768, 4_194_303]
    for pid in pids:
        feed(start(hook(spool, pid=pid)), b"%d" % pid)
    feed(start(hook(spool, pid=99)), b"99 again")
    waiting = contents(spool)
    assert [waiting[name] for name in sorted(waiting)] == [
        b"7",
        b"99",
        b"99 again",
        b"100",
        b"4711",
        b"32768",
        b"4194303",
    ]


def test_one_hook_in_a_hundred_marks_a_full_spool(start: Start, spool: Path) -> None:
    for pid in (1, 2, 3, 4, 5):
        feed(start(hook(spool, most=3, pid=pid)))
    assert len(contents(spool)) == 5
    feed(start(hook(spool, most=3, pid=4700)))
    assert (spool / ".full").exists()
    assert len(list(spool.glob("*.json"))) == 6


def test_a_spool_that_is_not_full_gets_no_mark(start: Start, spool: Path) -> None:
    for pid in (100, 200, 300, 400):
        feed(start(hook(spool, most=3, pid=pid)))
    assert not (spool / ".full").exists()


def test_nothing_is_written_into_a_full_spool(start: Start, spool: Path) -> None:
    (spool / ".full").touch()
    feed(start(hook(spool)), b"x" * 3_000_000)
    assert contents(spool) == {".full": b""}


def test_a_script_that_is_missing_is_not_noticed(start: Start, tmp_path: Path) -> None:
    feed(start(hook_command(str(tmp_path / "gone" / "hook"))), b"x" * 3_000_000)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 700, b"PATH=/bin; {", b"echo 'cut off", b") fi done", b"echo err >&2; exit 2", None],
    ids=["empty", "zeros", "brace", "quote", "syntax", "another", "folder"],
)
def test_a_script_that_is_damaged_is_not_noticed(start: Start, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "hook"
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    feed(start(hook_command(str(file))), b"x" * 3_000_000)


def test_the_command_is_short_and_says_whose_it_is_as_claude_code_shows_it_after_a_compaction() -> None:
    command = hook_command("/a b/.claw-socket/hook")
    assert command.startswith(MARKER)
    assert shlex.quote("/a b/.claw-socket/hook") in command
    assert "\n" not in command
    assert len(command) <= 140
