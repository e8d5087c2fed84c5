"""The launchd agent: its plist as plistlib reads it, and every call of launchctl. What only a Mac can prove is whether
launchd agrees; the stand-in knows of it what is documented."""

from __future__ import annotations

import contextlib
import json
import os
import plistlib
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from clawsocket import cli
from clawsocket.errors import NoUserManagerError
from clawsocket.setup import service
from clawsocket.setup.service import Job
from clawsocket.setup.service.launchd import Launchd
from tests.support import launchctl
from tests.support.service import ROOT

UID = os.getuid()
DOMAIN, TARGET = f"gui/{UID}", f"gui/{UID}/claw-socket"


class Mac:
    """An account with a fake launchctl on its PATH."""

    def __init__(self, home: Path, folder: Path) -> None:
        self.home, self.folder = home, folder
        self.plist = home / "Library" / "LaunchAgents" / "claw-socket.plist"

    def fail(self, **codes: list[int]) -> None:
        (self.folder / "failures.json").write_text(json.dumps(codes))

    def calls(self) -> list[list[str]]:
        """Return the calls since the last time that changed something."""
        path = self.folder / "calls"
        calls = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        path.unlink(missing_ok=True)
        return [call for call in calls if call[0] != "print"]

    def pid(self) -> int:
        return int((self.folder / "pid").read_text())


@pytest.fixture
def mac(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mac]:
    folder, programs = tmp_path / "launchd", tmp_path / "bin"
    for path in (folder, programs, home / "Library"):
        path.mkdir()
    (folder / "failures.json").write_text("{}")
    script(programs / "launchctl", f'exec {sys.executable} {launchctl.__file__} "$@"', "/bin/sh")
    lines = f"import sys; sys.path.insert(0, {str(ROOT)!r})\nfrom clawsocket.cli import main; sys.exit(main())"
    script(programs / "claw-socket", lines, sys.executable)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("FAKE_LAUNCHD", str(folder))
    monkeypatch.setattr(sys, "argv", ["claw-socket"])
    monkeypatch.setattr(service, "_BETWEEN_TRIES", 0.0)
    for module in ("install", "uninstall", "control"):
        monkeypatch.setattr(f"clawsocket.cli.{module}.manager", lambda: Launchd(home, UID))
    found = Mac(home, folder)
    yield found
    if (folder / "pid").exists():
        with contextlib.suppress(ProcessLookupError):
            os.kill(found.pid(), signal.SIGKILL)


def script(path: Path, text: str, interpreter: str) -> None:
    path.write_text(f"#!{interpreter}\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return str(free.getsockname()[1])


def tree(home: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in home.rglob("*")}


def test_installed_it_runs_and_uninstalled_there_is_no_trace(
    mac: Mac, port: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tree(mac.home)
    assert cli.main(["install", "--port", port]) == 0
    out = capsys.readouterr().out
    assert f"it runs: ws://localhost:{port}/" in out
    assert mac.calls() == [
        ["bootout", TARGET],
        ["enable", TARGET],
        ["bootstrap", DOMAIN, str(mac.plist)],
    ]
    assert cli.main(["install"]) == 0
    assert mac.calls() == [], "nothing is to be done"
    (mac.home / ".claw-socket" / "signed-out").write_text("{}")
    assert cli.main(["uninstall", "--purge"]) == 0
    assert mac.calls() == [["bootout", TARGET]]
    mac.home.joinpath("Library", "Logs").rmdir()  # by launchd
    assert tree(mac.home) == before


def test_the_plist_says_what_it_should_with_the_right_types(
    mac: Mac, port: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAW_SOCKET_DIR", str(mac.home / "elsewhere & <more>"))
    assert cli.main(["install", "--port", port]) == 0
    agent = plistlib.loads(mac.plist.read_bytes())
    log = str(mac.home / "Library" / "Logs" / "claw-socket.log")
    assert agent == {
        "Label": "claw-socket",
        "ProgramArguments": [str(tmp_path / "bin" / "claw-socket")],
        "EnvironmentVariables": {"CLAW_SOCKET_DIR": str(mac.home / "elsewhere & <more>")},
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 5,
        "ExitTimeOut": 10,
        "ProcessType": "Background",
        "SoftResourceLimits": {"NumberOfFiles": 8192, "Core": 0},
        "HardResourceLimits": {"NumberOfFiles": 8192},
        "Umask": 0o077,
        "StandardOutPath": log,
        "StandardErrorPath": log,
    }
    types = {name: type(agent[name]) for name in ("RunAtLoad", "ThrottleInterval", "Umask", "KeepAlive")}
    assert types == {"RunAtLoad": bool, "ThrottleInterval": int, "Umask": int, "KeepAlive": dict}
    assert type(agent["KeepAlive"]["SuccessfulExit"]) is bool


def test_on_which_folder_an_agent_runs_is_in_its_plist(home: Path) -> None:
    agents = Launchd(home, UID)
    usual, elsewhere = Job(("/x",), home / "a", {}), Job(("/x",), home / "b", {"CLAW_SOCKET_DIR": str(home / "b")})
    assert agents.gives(usual), "there is none yet"
    agents.file.parent.mkdir(parents=True)
    for job, other in ((usual, elsewhere), (elsewhere, usual)):
        agents.file.write_text(agents.files(job)[agents.file])
        assert (agents.gives(job), agents.gives(other)) == (True, False)
    agents.file.write_text("no plist")
    assert agents.gives(usual), "it is written anew"


def test_start_stop_and_restart_are_kickstart_and_a_signal(mac: Mac, port: str) -> None:
    assert cli.main(["install", "--port", port]) == 0
    mac.calls()
    first = mac.pid()
    assert cli.main(["restart"]) == 0
    assert cli.main(["stop"]) == 0
    assert cli.main(["start"]) == 0
    assert mac.calls() == [
        ["kickstart", "-k", TARGET],
        ["kill", "SIGTERM", TARGET],
        ["kickstart", TARGET],
    ]
    assert mac.pid() != first


@pytest.mark.parametrize("code", [3, 113])
def test_an_agent_that_is_not_loaded_is_as_good_as_unloaded(mac: Mac, port: str, code: int) -> None:
    mac.fail(bootout=[code])
    assert cli.main(["install", "--port", port]) == 0


@pytest.mark.parametrize(
    ("verb", "codes"), [("bootout", [36, 36]), ("bootstrap", [5]), ("bootstrap", [37, 36, 5])], ids=str
)
def test_what_passes_is_waited_for(mac: Mac, port: str, verb: str, codes: list[int]) -> None:
    mac.fail(**{verb: codes})
    assert cli.main(["install", "--port", port]) == 0
    assert [call[0] for call in mac.calls()].count(verb) == len(codes) + 1


@pytest.mark.parametrize(
    ("verb", "code"),
    [("bootout", 1), ("bootout", 150), ("enable", 1), ("bootstrap", 78), ("bootstrap", 119), ("bootstrap", 125)],
)
def test_what_fails_is_told_with_its_code(
    mac: Mac, port: str, verb: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    mac.fail(**{verb: [code] * 50})
    assert cli.main(["install", "--port", port]) == 11
    err = capsys.readouterr().err
    assert f"launchctl {verb} " in err
    assert f"failed with {code}" in err
    assert err.count("\n") == 1
    mac.fail()
    assert cli.main(["install", "--port", port]) == 0, "the next try is not disturbed by this one"


def test_an_error_that_does_not_pass_is_told(mac: Mac, port: str, capsys: pytest.CaptureFixture[str]) -> None:
    mac.fail(bootstrap=[5] * 50)
    assert cli.main(["install", "--port", port]) == 11
    assert "Bootstrap failed: 5: Input/output error" in capsys.readouterr().err


@pytest.mark.parametrize("code", [112, 125])
def test_without_a_login_at_the_screen_it_says_what_helps(
    mac: Mac, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tree(mac.home)
    mac.fail(print=[code])
    assert cli.main(["install"]) == 10
    assert "log in at the screen of this Mac" in capsys.readouterr().err
    assert tree(mac.home) == before
    mac.fail(print=[code])
    assert cli.main(["uninstall"]) == 0
    assert "no service is stopped" in capsys.readouterr().out


def test_without_launchctl_it_says_so(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(home))
    with pytest.raises(NoUserManagerError, match="No such file"):
        Launchd(home, UID).check()


def test_a_dry_run_changes_nothing(mac: Mac, port: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(mac.home)
    assert cli.main(["install", "--port", port, "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert tree(mac.home) == before
    assert mac.calls() == []
    assert f"$ launchctl bootstrap {DOMAIN} {mac.plist}" in out
    assert f"+port = {port}" in out
    assert f"+++ {mac.plist}" in out


def test_the_next_free_port_is_taken(mac: Mac, port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", int(port))):
        assert cli.main(["install", "--port", port]) == 0
    out = capsys.readouterr().out
    assert f"port {port} is another program's; taking " in out
    config = (mac.home / ".claw-socket" / "config.toml").read_text()
    assert f"port = {port}\n" != config
    assert cli.main(["install"]) == 0
    assert "installed already" in capsys.readouterr().out


def test_what_was_changed_by_hand_stays(mac: Mac, port: str, capsys: pytest.CaptureFixture[str]) -> None:
    config = mac.home / ".claw-socket" / "config.toml"
    assert cli.main(["install", "--port", port, "--no-hooks"]) == 0
    for path, old, new in ((config, "port", "# mine\nport"), (mac.plist, "Background", "Interactive")):
        path.write_text(path.read_text().replace(old, new))
    assert cli.main(["uninstall"]) == 0
    assert cli.main(["uninstall", "--purge"]) == 0
    out = capsys.readouterr().out
    assert "+\t<string>Interactive</string>" in out
    assert "left in" in out
    assert "Interactive" in mac.plist.read_text()
    assert config.read_text() == f"# mine\nport = {port}\nhooks = false\n"


def test_on_demand_needs_a_port_that_is_known(mac: Mac, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["install", "--port", "0", "--on-demand"]) == 1
    assert "needs a port" in capsys.readouterr().err


@pytest.mark.parametrize(
    "argv", [["install", "--set", "port"], ["install", "--what"], ["uninstall", "x"], ["logs", "-x"]]
)
def test_wrong_words_are_one_clear_line(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(argv) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "--help" in err


def test_settings_that_only_a_person_can_edit_are_left(mac: Mac, capsys: pytest.CaptureFixture[str]) -> None:
    config = mac.home / ".claw-socket" / "config.toml"
    config.parent.mkdir(mode=0o700)
    config.write_text("allowed_hosts = [\n")
    assert cli.main(["install"]) == 1
    assert "is not TOML" in capsys.readouterr().err
    assert config.read_text() == "allowed_hosts = [\n"


def test_on_demand_is_for_systemd(mac: Mac, port: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["install", "--port", port, "--on-demand"]) == 11
    assert "leave --on-demand out" in capsys.readouterr().err


def test_a_service_that_does_not_answer_is_told(
    mac: Mac, port: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script(tmp_path / "bin" / "claw-socket", "exit 1", "/bin/sh")
    monkeypatch.setattr("clawsocket.setup.install.PATIENCE", 0.3)
    assert cli.main(["install", "--port", port]) == 11
    assert "did not answer within" in capsys.readouterr().err


def test_the_logs_are_those_of_the_agent(mac: Mac, port: str) -> None:
    assert cli.main(["install", "--port", port]) == 0
    for follow in (False, True):
        command = Launchd(mac.home, UID).logs(follow=follow)
        assert ("-F" in command) == follow
        if not follow:
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            assert "listening on" in done.stdout
