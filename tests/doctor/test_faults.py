"""Doctor finds what is wrong, names what mends it, and mends what is safe. Every fault here is a real one."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from clawsocket import __version__
from clawsocket.cli import main
from clawsocket.doctor import claude_code
from clawsocket.doctor.ports import listeners
from clawsocket.paths import Home
from clawsocket.setup import keyring
from tests.support.feed import SESSION, hook, line, session_file, spool
from tests.support.secret_service import Desktop
from tests.support.service import ROOT, Service, environment
from tests.support.waiting import wait_for

OTHER = "ab" * 32
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
ROOTS = pytest.mark.skipif(os.getuid() != 0, reason="needs root, for a process of another user")
MACHINE = {"service", "keyring", "claude"}
"""Checks of what the machine has, whatever the test does."""


class Found(NamedTuple):
    level: str
    what: str
    mend: str
    fixable: bool


@pytest.fixture(autouse=True)
def nothing_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No keyring, no Claude Code and no service of the machine takes part."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        monkeypatch.setenv("CLAW_SOCKET_PORT", str(free.getsockname()[1]))
    monkeypatch.setattr(claude_code, "find_program", lambda: None)
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.setattr(claude_code, "MANAGED", tmp_path / "managed")


@pytest.fixture
def ours(home: Path) -> Home:
    return Home(home / ".claw-socket")


@pytest.fixture
def service(home: Path) -> Iterator[Service]:
    with Service(home) as running:
        wait_for(lambda: "hooks installed in" in running.log.read_text(), "the hooks, installed to the end")
        yield running


class Doctor:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *flags: str) -> dict[str, Found]:
        """What is wrong, by check, but for what is the machine's."""
        self._capsys.readouterr()
        code = main(["doctor", "--json", *flags])
        return parsed(self._capsys.readouterr().out, code)

    def fix(self) -> None:
        main(["doctor", "--fix"])


def parsed(text: str, code: int) -> dict[str, Found]:
    report = json.loads(text)
    levels = [one["level"] for one in report["findings"]]
    assert (code, report["ok"]) == ((1, False) if "error" in levels else (0, True))
    return {
        one["check"]: Found(one["level"], one["what"], one["mend"] or "", one["fixable"])
        for one in report["findings"]
        if one["level"] != "ok" and one["check"] not in MACHINE
    }


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str]) -> Doctor:
    return Doctor(capsys)


def anew(process: subprocess.Popen[bytes]) -> str:
    """What starts a service anew that was started by hand, as all of these are."""
    return f"kill {process.pid}; claw-socket"


def test_all_is_well(service: Service, doctor: Doctor, capsys: pytest.CaptureFixture[str]) -> None:
    with service.connect() as client:
        client.follow()
        assert doctor() == {}
        assert main(["doctor"]) == 0
        assert "reached a client after" in capsys.readouterr().out
        wait_for(lambda: len(client.events) == 2, "the two checks")
        assert {event["type"] for event in client.events} == {"system.check"}
        assert client.ask("get_session_list", all=True)["sessions"] == []
        assert client.problems == []


def test_a_proxy_is_told_nothing(service: Service, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.setblocking(False)
        for name in ("http_proxy", "https_proxy", "ws_proxy", "socks_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        assert doctor() == {}
        with pytest.raises(BlockingIOError):
            proxy.accept()


def test_before_the_first_start_there_is_but_no_service(home: Path, doctor: Doctor) -> None:
    found = doctor()
    assert set(found) == {"running", "token"}
    assert found["token"].level == "warning"
    assert list(home.iterdir()) == []


# The folder and the token


@pytest.mark.parametrize(
    ("name", "wrong", "right"), [("token", 0o644, 0o600), ("spool", 0o777, 0o700), ("", 0o755, 0o700)]
)
def test_a_mode_that_lets_others_in(ours: Home, doctor: Doctor, name: str, wrong: int, right: int) -> None:
    main(["--rotate-token"])
    path = ours.root / name if name else ours.root
    path.chmod(wrong)
    found = doctor()["folder"]
    assert (found.level, found.mend) == ("error", f"chmod {right:o} {path}")
    doctor.fix()
    assert path.stat().st_mode & 0o777 == right
    assert "folder" not in doctor()


@ROOTS
def test_a_file_of_another_user(ours: Home, doctor: Doctor) -> None:
    main(["--rotate-token"])
    os.chown(ours.token, 65534, 65534)
    found = doctor()["folder"]
    assert (found.level, found.mend) == ("error", f"sudo chown 0 {ours.token}")


def test_a_lost_token(service: Service, ours: Home, doctor: Doctor) -> None:
    ours.token.unlink()
    found = doctor()["token"]
    assert found.level == "error"
    assert "claw-socket token restore" in found.mend


def test_a_token_that_the_service_does_not_know(service: Service, ours: Home, doctor: Doctor) -> None:
    ours.token.write_text(OTHER)  # in place, as an editor does: the service is told of new files alone
    found = doctor()["token"]
    assert (found.level, found.mend, found.fixable) == ("error", anew(service.process), True)
    doctor.fix()
    assert doctor() == {}
    assert service.token == OTHER


@LINUX
def test_a_copy_in_the_keyring_that_is_old(
    ours: Home, doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Desktop(tmp_path) as desktop:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", desktop.address)
        main(["--rotate-token"])
        keyring.store(OTHER)
        main(["doctor"])
        assert (
            "the copy in the keyring is not the token\n                  *→ claw-socket token store"
            in capsys.readouterr().out
        )
        doctor.fix()
        assert keyring.load().token == ours.token.read_text().strip()
        desktop.lock()
        main(["doctor"])
        assert "warning keyring   the keyring is locked" in capsys.readouterr().out
        with desktop.frozen():
            main(["doctor"])
        assert "warning keyring   the keyring did not answer within 2 s" in capsys.readouterr().out


@ROOTS
def test_a_folder_that_can_not_be_looked_into(home: Path, ours: Home) -> None:
    main(["--rotate-token"])
    for path in (home, *home.parents[:2]):
        path.chmod(0o755)
    script = (
        "import os, sys, clawsocket.doctor.examine, clawsocket.cli.doctor, keyring.backends.SecretService\n"
        "os.setgid(65534); os.setuid(65534); sys.exit(clawsocket.cli.doctor.main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "--json"],
        cwd=ROOT,
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
    )
    found = parsed(done.stdout, done.returncode)
    assert (found["folder"].level, str(ours.root) in found["folder"].what) == ("error", True)


def test_a_file_where_the_folder_should_be(ours: Home, doctor: Doctor) -> None:
    ours.root.touch()
    found = doctor()["folder"]
    assert found == ("error", f"{ours.root} is no folder", f"mv {ours.root} {ours.root}.aside", False)
    doctor.fix()
    assert ours.root.read_bytes() == b""


# The port


LISTEN = """
import socket, sys
sock = socket.socket()
sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
sock.bind(("127.0.0.1", int(sys.argv[1])))
sock.listen()
print(sock.getsockname()[1], flush=True)
sys.stdin.read()
"""


@contextmanager
def listening(port: int = 0, uid: int | None = None) -> Iterator[tuple[int, int]]:
    """Another program that listens; gives its port and pid."""
    command = [
        sys.executable if uid is None else shutil.which("python3", path="/usr/bin") or "",
        "-c",
        LISTEN,
        str(port),
    ]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, user=uid, cwd="/"
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline()), process.pid
        finally:
            process.stdin.close()


@LINUX
@ROOTS
def test_the_port_of_another_user_is_found_by_its_uid_and_gets_no_token(
    service: Service, ours: Home, doctor: Doctor
) -> None:
    with listening(uid=65534) as (port, _):
        # As if it had taken the port while the service was away, and the service listened on IPv6 alone.
        endpoint = json.loads(ours.endpoint.read_bytes())
        ours.endpoint.write_text(json.dumps({**endpoint, "url": f"ws://localhost:{port}/"}))
        found = doctor()
        ours.endpoint.write_text(json.dumps(endpoint))
    assert set(found) == {"port"}
    assert found["port"].level == "error"
    assert "the user nobody listens" in found["port"].what
    assert "claw-socket --port" in found["port"].mend, "no manager is here"


@LINUX
def test_a_program_of_ones_own_on_the_port(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    main(["--rotate-token"])
    with listening() as (port, pid):
        monkeypatch.setenv("CLAW_SOCKET_PORT", str(port))
        found = doctor()["port"]
    assert (found.level, f"pid {pid}" in found.what) == ("error", True)


@LINUX
def test_only_what_localhost_leads_to_counts(ours: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
        assert [listener.pids for listener in listeners(port)] == [{os.getpid()}]
    with socket.create_server(("", 0)) as one:
        assert len(listeners(one.getsockname()[1])) == 1
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as one:
        assert len(listeners(one.getsockname()[1])) == 1
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as one:
        assert len(listeners(one.getsockname()[1])) == 1
    assert listeners(port) == []


# The service


def test_a_service_that_was_killed(home: Path, ours: Home, doctor: Doctor) -> None:
    service = Service(home)
    service.wait_for_hooks()
    service.process.kill()
    service.process.wait()
    found = doctor()["running"]
    assert (found.level, "died" in found.what, found.fixable) == ("error", True, True)
    doctor.fix()
    assert not ours.endpoint.exists()
    assert "claw-socket" in doctor()["running"].mend


def test_a_service_that_was_killed_and_whose_pid_is_another_program_s_now(ours: Home, doctor: Doctor) -> None:
    main(["--rotate-token"])
    with subprocess.Popen(["sleep", "60"]) as other:
        ours.endpoint.write_text(
            json.dumps({"url": "ws://localhost:1/", "socket": None, "pid": other.pid, "version": __version__})
        )
        found = doctor()["running"]
        other.kill()
    assert "died" in found.what
    assert "kill" not in found.mend


def test_a_service_that_hangs(service: Service, doctor: Doctor) -> None:
    service.process.send_signal(signal.SIGSTOP)
    try:
        found = doctor()["running"]
    finally:
        service.process.send_signal(signal.SIGCONT)
    assert found == ("error", f"it does not answer (pid {service.process.pid})", anew(service.process), False)


@contextmanager
def started(home: Path, *command: str | Path, cwd: Path, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """A service that is not this program."""
    with (home / "other.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=cwd, env={**environment(home), **more}, stdout=log, stderr=log)
    try:
        wait_for((home / ".claw-socket" / "endpoint").exists, "the service")
        settings = home / ".claude" / "settings.json"
        wait_for(lambda: settings.exists() and "SessionEnd" in settings.read_text(), "the hooks")
        yield process
    finally:
        process.terminate()
        process.wait(10)


def test_an_old_version_that_runs_is_not_sent_a_hook(home: Path, doctor: Doctor, tmp_path: Path) -> None:
    old = tmp_path / "old" / "clawsocket"
    shutil.copytree(ROOT / "clawsocket", old, ignore=shutil.ignore_patterns("__pycache__"))
    init = old / "__init__.py"
    init.write_text(init.read_text().replace(__version__, "0.0.9"))
    with started(home, sys.executable, "-m", "clawsocket", "--port", "0", cwd=old.parent) as process:
        found = doctor()
    what = f"version 0.0.9 runs (pid {process.pid}), this is {__version__}"
    assert found == {"running": ("error", what, anew(process), False)}


@LINUX
def test_a_program_that_was_deleted_while_it_runs(home: Path, doctor: Doctor, tmp_path: Path) -> None:
    program = tmp_path / "program"
    shutil.copy(os.path.realpath(sys.executable), program)
    more = {
        "PYTHONHOME": sys.base_prefix,
        "PYTHONPATH": os.pathsep.join((str(ROOT), sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))),
    }
    with started(home, program, "-m", "clawsocket", "--port", "0", cwd=ROOT, **more) as process:
        assert doctor() == {}
        program.unlink()
        found = doctor()
    assert found["running"][::2] == ("error", anew(process))
    assert "deleted" in found["running"].what


def test_settings_that_can_not_be_read(ours: Home, doctor: Doctor) -> None:
    main(["--rotate-token"])
    ours.config.write_text("port = 'x'")
    found = doctor()["settings"]
    assert (found.level, found.mend) == ("error", f"edit {ours.config}")


def test_a_variable_that_is_wrong(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAW_SOCKET_PORT", "x")
    found = doctor()["settings"]
    assert (found.level, found.mend) == ("error", "unset CLAW_SOCKET_PORT")


# Claude Code


def test_hooks_that_are_turned_off_in_settings_that_can_not_be_read_stay_out(
    home: Path, ours: Home, doctor: Doctor
) -> None:
    main(["--rotate-token"])
    (home / ".claude").mkdir()
    ours.config.write_text("hooks = false\nof_tomorrow = 1\n")
    doctor.fix()
    assert list((home / ".claude").iterdir()) == []
    assert set(doctor()) - {"port"} == {"settings", "running"}, "whoever has 3838 here, as those settings have no port"


def test_no_claude_code_yet_is_a_warning(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--install-hooks"])
    main(["doctor"])
    assert "warning claude    there is no Claude Code yet" in capsys.readouterr().out
    (home / ".claude" / "projects").mkdir()
    main(["doctor"])
    assert "ok      claude    its program is not on the PATH" in capsys.readouterr().out


# Hooks


def test_hooks_that_are_missing(service: Service, doctor: Doctor) -> None:
    service.settings.write_text('{"model": "opus"}')
    found = doctor()["hooks"]
    assert (found.level, found.mend, found.fixable) == ("error", "claw-socket --install-hooks", True)
    doctor.fix()
    assert doctor() == {}
    assert json.loads(service.settings.read_text())["model"] == "opus"


def test_a_hook_that_was_edited(service: Service, doctor: Doctor) -> None:
    right = service.settings.read_text()
    service.settings.write_text(right.replace("exit 0", "exit 2", 1))
    found = doctor()["hooks"]
    assert (found.level, "changed by hand" in found.what) == ("error", True)
    doctor.fix()
    assert service.settings.read_text() == right


@pytest.mark.parametrize("damage", ["missing", "edited"])
def test_a_script_of_the_hooks_that_is_not_as_it_should_be(
    service: Service, ours: Home, doctor: Doctor, damage: str
) -> None:
    right = ours.hook.read_text()
    ours.hook.unlink()
    if damage == "edited":
        ours.hook.write_text(right.replace("umask 077", "umask 000"))
    found = doctor()["hooks"]
    assert (found.level, found.mend, found.fixable) == ("error", "claw-socket --install-hooks", True)
    assert f"the script that the hooks run, {ours.hook}, is missing" in found.what
    doctor.fix()
    assert doctor() == {}
    assert ours.hook.read_text() == right


@pytest.mark.parametrize(
    ("version", "level", "said", "of_newer_ones"),
    [
        ("2.0.30", "error", "does not know the hooks ConfigChange", {"PostToolBatch": False}),
        ("2.1.332", "warning", "new hooks, which the service installs when it starts next", {"PreModelSwitch": True}),
    ],
)
def test_another_claude_code_has_other_hooks(
    service: Service,
    doctor: Doctor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    version: str,
    level: str,
    said: str,
    of_newer_ones: dict[str, bool],
) -> None:
    install_claude(tmp_path, monkeypatch, version)
    found = doctor()["hooks"]
    assert (found.level, said in found.what) == (level, True)
    doctor.fix()
    assert doctor() == {}
    settings = service.settings.read_text()
    assert {event: event in settings for event in of_newer_ones} == of_newer_ones


def install_claude(folder: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    """Have a version of it on the PATH, as its installer puts it there."""
    program = folder / "share" / "claude" / "versions" / version
    program.parent.mkdir(parents=True)
    program.touch(0o755)
    (folder / "bin").mkdir()
    (folder / "bin" / "claude").symlink_to(program)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")


def test_hooks_that_are_turned_off(service: Service, doctor: Doctor) -> None:
    settings = json.loads(service.settings.read_text())
    service.settings.write_text(json.dumps({**settings, "disableAllHooks": True}))
    found = doctor()["hooks"]
    assert found == (
        "error",
        f"{service.settings}: disableAllHooks keeps every hook from running",
        f'remove "disableAllHooks" from {service.settings}',
        False,
    )


@pytest.mark.parametrize("name", ["managed-settings.json", "managed-settings.d/10-security.json"])
@pytest.mark.parametrize("key", ["allowManagedHooksOnly", "disableAllHooks"])
def test_hooks_that_whoever_manages_the_machine_forbids(service: Service, doctor: Doctor, name: str, key: str) -> None:
    path = claude_code.MANAGED / name
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({key: True}))
    found = doctor()["hooks"]
    assert (found.level, found.mend, key in found.what) == ("error", "ask whoever manages this machine", True)


def test_settings_of_claude_code_that_are_no_json(service: Service, doctor: Doctor) -> None:
    service.settings.write_text("{broken")
    found = doctor()["hooks"]
    assert (found.level, found.mend, "is not JSON" in found.what) == ("error", f"edit {service.settings}", True)
    doctor.fix()
    assert service.settings.read_text() == "{broken"


def test_hooks_that_are_turned_off_and_still_there(service: Service, ours: Home, doctor: Doctor) -> None:
    ours.config.write_text("hooks = false")
    found = doctor()["hooks"]
    assert (found.level, found.mend) == ("error", "claw-socket --uninstall-hooks")
    doctor.fix()
    assert "hooks" not in doctor()
    assert not service.settings.exists()


def test_hooks_that_are_turned_off_beside_settings_that_are_no_json(
    service: Service, ours: Home, doctor: Doctor
) -> None:
    ours.config.write_text("hooks = false")
    service.settings.write_text("{broken")
    ours.spool.chmod(0o500)
    found = doctor()
    assert (found["hooks"].level, found["hooks"].mend) == ("error", f"edit {service.settings}")
    assert "spool" in found, "what comes after it is looked at, too"


# The way of a hook


def test_a_hook_that_is_taken_just_then_is_no_fault(service: Service, ours: Home, doctor: Doctor) -> None:
    (ours.spool / "taken.json").symlink_to("gone")  # listed, and not there
    assert doctor() == {}


def test_hooks_that_nobody_takes(home: Path, ours: Home, doctor: Doctor) -> None:
    main(["--install-hooks"])
    with Service(home, "--no-hooks") as running:
        spool(home, "waiting", hook(1), time.time() - 3600)
        found = doctor()
    assert set(found) == {"spool", "path"}
    assert "nobody takes the hooks: 1 wait, the oldest for 60 min" in found["spool"].what
    assert found["path"][::2] == found["spool"][::2] == ("error", anew(running.process))
    assert [one.name for one in ours.spool.iterdir()] == ["waiting.json"], "its own hook is taken back"


def test_a_spool_that_is_full_or_gone_or_not_writable(home: Path, ours: Home, doctor: Doctor) -> None:
    main(["--install-hooks"])
    (ours.spool / ".full").touch()
    assert doctor()["spool"].level == "error"
    (ours.spool / ".full").unlink()
    ours.spool.chmod(0o500)
    assert doctor()["spool"][::2] == ("error", f"chmod 700 {ours.spool}")
    doctor.fix()
    assert "spool" not in doctor()
    ours.spool.rmdir()
    assert doctor()["spool"].level == "error"
    doctor.fix()
    assert ours.spool.is_dir()


def test_hooks_that_wait_for_a_service_that_is_not_there(home: Path, doctor: Doctor) -> None:
    main(["--install-hooks"])
    spool(home, "waiting", hook(1))
    assert doctor()["spool"].level == "warning"


# What the machine gives


def test_where_no_keyring_runs_nothing_is_to_be_mended(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor"])
    assert "ok      keyring   no keyring runs here" in capsys.readouterr().out


def test_lines_of_transcripts_that_are_not_known(home: Path, service: Service, doctor: Doctor) -> None:
    project = home / ".claude" / "projects" / "-w"
    project.mkdir(parents=True)
    with session_file(home):
        (project / f"{SESSION}.jsonl").write_bytes(
            line(1) + b'\n{"type":"hologram","sessionId":"' + SESSION.encode() + b'"}\n'
        )
        found = wait_for(lambda: doctor().get("troubles"), "the trouble")
    assert (found.level, found.mend) == ("warning", "upgrade claw-socket")
    assert "'hologram'" in found.what


def test_a_trouble_that_the_log_on_disk_could_not_keep(
    home: Path, ours: Home, service: Service, doctor: Doctor
) -> None:
    with closing(sqlite3.connect(ours.log, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        spool(home, "1", hook(1))
        wait_for(lambda: "the log can't be written" in service.log.read_text(), "the trouble", 30)
        found = doctor()["troubles"]
    assert (found.level, found.mend) == ("warning", "claw-socket logs")
    assert found.what.startswith("log: ")


@LINUX
@pytest.mark.parametrize(
    ("limit", "wanted"), [("max_inotify_watches", "max_user_watches"), ("max_inotify_instances", "max_user_instances")]
)
def test_a_limit_of_watched_folders_that_is_reached(home: Path, limit: str, wanted: str) -> None:
    main(["--rotate-token"])
    found = in_a_namespace(home, f"echo 0 >/proc/sys/user/{limit}")["watch"]
    assert found.level == "warning"
    assert f"sudo sysctl fs.inotify.{wanted}=" in found.mend


@LINUX
def test_a_disk_that_is_nearly_full(home: Path, ours: Home) -> None:
    found = in_a_namespace(home, f"mkdir {ours.root} && mount -t tmpfs -o size=50m,mode=700 tmpfs {ours.root}")["disk"]
    assert found.level == "error"
    assert "claw-socket history purge" in found.mend


def in_a_namespace(home: Path, prepare: str) -> dict[str, Found]:
    """Doctor, where the system is other than it is here."""
    script = f'{prepare} || exit 99; exec "$0" -m clawsocket doctor --json'
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, sys.executable],
        cwd=ROOT,
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 99 or done.stderr.startswith("unshare:"):
        pytest.skip(f"no namespaces here: {done.stderr}")
    return parsed(done.stdout, done.returncode)


@pytest.mark.parametrize("why", ["damaged", "newer"])
def test_logs_that_were_set_aside(ours: Home, doctor: Doctor, why: str) -> None:
    main(["--rotate-token"])
    (ours.root / f"log.db.{why}-1").touch()
    assert doctor()["disk"][::2] == ("warning", f"rm {ours.root}/log.db.{why}-*")


def test_what_mends_a_folder_with_a_space_in_its_name_can_be_run_as_it_stands(
    home: Path, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = home / "our data"
    monkeypatch.setenv("CLAW_SOCKET_DIR", str(root))
    main(["--rotate-token"])
    (root / "log.db.newer-1").touch()
    root.chmod(0o755)
    for check in ("folder", "disk"):
        subprocess.run(["sh", "-c", doctor()[check].mend], cwd=home, check=True)
    assert set(doctor()) == {"running"}
    assert not (root / "log.db.newer-1").exists()


def test_a_clock_that_was_set_back(ours: Home, doctor: Doctor) -> None:
    main(["--rotate-token"])
    os.utime(ours.token, (time.time() + 7200, time.time() + 7200))
    found = doctor()["clock"]
    assert (found.level, "120 min ahead" in found.what, found.mend) == (
        "warning",
        True,
        "sudo timedatectl set-ntp true",
    )


def test_a_terminal_without_arrows_gets_them_all_the_same(home: Path) -> None:
    command = [sys.executable, "-m", "clawsocket", "doctor"]
    env = {**environment(home), "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, encoding="latin-1", check=False)
    assert done.stderr == ""
    assert " -> " in done.stdout
