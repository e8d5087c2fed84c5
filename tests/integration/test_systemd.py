"""The service under a real systemd: what `claw-socket install` promises a new account, on a machine of its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts.dist.deb import unit
from tests.support import user_manager
from tests.support.service import ROOT
from tests.support.user_manager import Account
from tests.support.waiting import wait_for

pytestmark = pytest.mark.skipif(
    bool(user_manager.unavailable()), reason=f"needs {', '.join(user_manager.unavailable())}"
)

UNIT = ".config/systemd/user/claw-socket.service"
FAST = "[Service]\nWatchdogSec=1\n"
"""A drop-in, so that nobody waits half a minute for the watchdog."""


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    with Account(tmp_path) as account:
        yield account


def active(account: Account) -> bool:
    return account.try_run("systemctl", "--user", "is-active", "claw-socket.service").stdout == "active\n"


def pid_of(account: Account) -> int:
    return int(account.property("MainPID"))


def health(account: Account, address: str = "localhost:3838") -> dict[str, object]:
    answer: dict[str, object] = json.loads(account.run("curl", "-s", f"http://{address}/health"))
    return answer


def needs_sandbox(account: Account) -> None:
    if "PrivateUsers" not in account.tree()[UNIT][1]:
        pytest.skip("this kernel does not let a user's unit have a sandbox")


def signal(account: Account, name: str) -> int:
    """Send a signal to the service, and return the pid that it had."""
    pid = pid_of(account)
    account.run("kill", f"-{name}", str(pid))
    return pid


def back(account: Account, old: int) -> Callable[[], bool]:
    return lambda: active(account) and pid_of(account) not in (0, old)


def test_installed_it_runs_has_told_systemd_and_is_there_after_the_next_login(account: Account) -> None:
    said = account.run("claw-socket", "install")
    assert "it runs: ws://localhost:3838/" in said
    assert health(account)["status"] == "ok"
    assert account.property("ActiveState") == "active"
    assert account.property("Type") == "notify"
    assert account.property("StatusText") == "sessions: 0, clients: 0, port 3838"
    before = account.property("ExecMainStartTimestampMonotonic")
    account.logout()
    account.login()
    wait_for(lambda: active(account), "the service after the login")
    assert health(account)["status"] == "ok"
    assert account.property("ExecMainStartTimestampMonotonic") != before


def test_uninstalled_everything_is_as_it_was_before(account: Account) -> None:
    account.write(account.home / ".claude" / "settings.json", '{\n    "model": "opus", "hooks": {}\n}')
    account.write(account.home / ".claw-socket" / "config.toml", "# mine\nverbose = true # really\n")
    account.run("chmod", "700", ".claw-socket")
    before = account.tree()
    account.run("claw-socket", "install", "--port", "4000", "--set", "log_days=7")
    installed = account.tree()
    assert installed[".claw-socket/config.toml"][1] == "# mine\nverbose = true # really\nport = 4000\nlog_days = 7\n"
    assert "claw-socket" in installed[".claude/settings.json"][1]
    pid = pid_of(account)
    account.run("claw-socket", "uninstall", "--purge")
    assert account.tree() == before
    assert account.try_run("kill", "-0", str(pid)).returncode != 0
    assert account.try_run("systemctl", "--user", "cat", "claw-socket.service").returncode != 0
    assert "claw-socket" not in account.run("systemctl", "--user", "list-units", "--all", "--plain")


def test_uninstalled_without_purge_the_token_and_the_log_stay_for_the_next_time(account: Account) -> None:
    before = account.tree()
    account.run("claw-socket", "install")
    token = account.tree()[".claw-socket/token"]
    assert ".claw-socket/hook" in account.tree()
    assert f"remove {account.home}/.claw-socket/hook" in account.run("claw-socket", "uninstall", "--dry-run")
    account.run("claw-socket", "uninstall")
    left = set(account.tree()) - set(before)
    assert {".claw-socket/token", ".claw-socket/log.db"} <= left
    assert ".claw-socket/hook" not in left
    assert all(path.startswith(".claw-socket") for path in left)
    account.run("claw-socket", "install")
    assert account.tree()[".claw-socket/token"] == token
    account.run("claw-socket", "uninstall", "--purge")
    assert account.tree() == before


def test_what_was_changed_by_hand_is_shown_and_stays(account: Account) -> None:
    account.run("claw-socket", "install", "--port", "4000")
    account.run("sed", "-i", "s/^WatchdogSec=.*/WatchdogSec=99/", UNIT)
    account.run("sh", "-c", "echo '# mine' >>.claw-socket/config.toml")
    account.write(account.home / f"{UNIT}.d" / "mine.conf", FAST)
    said = account.run("claw-socket", "uninstall", "--purge")
    assert f"{UNIT}.d is yours, and stays" in said
    assert "+WatchdogSec=99\n" in said
    assert "+# mine\n" in said
    tree = account.tree()
    assert UNIT in tree
    assert [path for path in tree if path.startswith(".claw-socket/")] == [".claw-socket/config.toml"]
    assert account.try_run("systemctl", "--user", "is-enabled", "claw-socket").returncode != 0


def test_what_was_changed_by_hand_between_two_installations_is_not_lost(account: Account) -> None:
    account.run("claw-socket", "install", "--port", "4000")
    account.run("sh", "-c", "echo 'log_days = 3 # mine' >>.claw-socket/config.toml")
    account.run("sed", "-i", "s/^WatchdogSec=.*/WatchdogSec=99/", UNIT)
    said = account.run("claw-socket", "install", "--port", "4001")
    assert "was changed by hand, and is as we have it again" in said
    assert "WatchdogSec=99\n" in account.tree()[".claw-socket/backups/claw-socket.service.by-hand"][1]
    account.run("claw-socket", "uninstall", "--purge")
    tree = account.tree()
    assert tree[".claw-socket/config.toml"][1] == "port = 4001\nlog_days = 3 # mine\n"
    assert UNIT not in tree


def test_a_service_whose_record_was_lost_is_removed_too(account: Account) -> None:
    before = account.tree()
    account.run("claw-socket", "install", "--no-hooks", "--on-demand")
    account.run("claw-socket", "stop")
    account.run("rm", "-r", ".claw-socket")
    account.run("claw-socket", "uninstall", "--purge")
    assert {path for path in account.tree() if "claw-socket" in path} == {path for path in before if "claw" in path}


@pytest.mark.parametrize(
    "damage", ["rm UNIT", "mkdir UNIT.d && printf '[Service]\\nExecStart=relative\\n' >UNIT.d/a.conf"]
)
def test_a_service_whose_unit_is_gone_or_has_a_mistake_is_removed_too(account: Account, damage: str) -> None:
    before = account.tree()
    account.run("claw-socket", "install")
    if ".d" in damage:
        account.run("claw-socket", "stop")
    account.run("sh", "-c", damage.replace("UNIT", UNIT))
    account.run("systemctl", "--user", "daemon-reload")
    account.run("claw-socket", "uninstall", "--purge")
    assert not active(account)
    account.run("sh", "-c", f"rm -rf {UNIT}.d; rmdir -p .config/systemd/user 2>/dev/null || true")
    assert account.tree() == before
    assert account.try_run("pgrep", "-u", str(account.uid), "-x", "claw-socket").stdout == ""


def test_a_mistake_in_the_settings_keeps_nobody_from_uninstalling(account: Account) -> None:
    before = account.tree()
    account.run("claw-socket", "install", "--set", f"claude_dirs={account.home}/work")
    account.run("sh", "-c", "echo 'of_tomorrow = 1' >>.claw-socket/config.toml")
    said = account.run("claw-socket", "uninstall", "--purge")
    assert "of_tomorrow: no such setting" in said
    account.run("rm", "-r", ".claw-socket")
    assert account.tree() == before


def test_a_folder_that_root_has_made_is_told_in_a_line(account: Account) -> None:
    account.as_root("mkdir", "-m", "700", str(account.home / ".claw-socket"))
    for command in ("install", "uninstall --purge", "status", "history", "--install-hooks"):
        done = account.try_run("claw-socket", *command.split())
        assert done.returncode in (1, 5), command
        assert done.stderr.startswith("claw-socket: ")
        assert "/.claw-socket/" in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_service_that_another_program_has_taken_over_after_the_record_was_lost_is_removed_too(
    account: Account,
) -> None:
    account.run("claw-socket", "install")
    account.run("rm", "-r", ".claw-socket")
    account.run("cp", "-L", str(account.program), "claw-socket")
    account.run("./claw-socket", "install")
    assert f"ExecStart={account.home}/claw-socket" in account.tree()[UNIT][1]
    account.run("./claw-socket", "uninstall", "--purge")
    assert UNIT not in account.tree()


def test_a_dry_run_shows_every_file_and_command_and_does_nothing(account: Account) -> None:
    before = account.tree()
    shown = account.run("claw-socket", "install", "--dry-run", "--port", "4000")
    assert account.tree() == before
    for wanted in (
        f"+++ {account.home}/.claude/settings.json",
        f"+++ {account.home}/{UNIT}",
        f"+ExecStart={account.program}",
        "+port = 4000",
        "$ systemctl --user enable claw-socket.service",
        "$ systemctl --user restart claw-socket.service",
    ):
        assert wanted in shown
    account.run("claw-socket", "install")
    before = account.tree()
    assert "-ExecStart=" in account.run("claw-socket", "uninstall", "--dry-run", "--purge")
    assert account.tree() == before
    assert active(account)


def test_installed_twice_it_is_left_alone_unless_there_is_something_new(account: Account) -> None:
    account.run("claw-socket", "install")
    before, pid = account.tree(), pid_of(account)
    assert "Everything is installed already." in account.run("claw-socket", "install")
    assert (account.tree(), pid_of(account)) == (before, pid)
    account.run("sh", "-c", f"echo '# new' >>$(readlink {account.program})")
    account.run("claw-socket", "install")
    assert pid_of(account) != pid, "another program"
    pid = pid_of(account)
    account.run("claw-socket", "install", "--port", "4000")
    assert pid_of(account) != pid, "another setting"
    assert health(account, "localhost:4000")["status"] == "ok"
    account.run("claw-socket", "stop")
    assert not active(account)
    assert "it runs" in account.run("claw-socket", "install"), "it did not run"


def test_the_unit_has_the_path_that_upgrades_do_not_change(account: Account) -> None:
    account.run("claw-socket", "install")
    text = account.tree()[UNIT][1]
    assert f"ExecStart={account.program}\n" in text
    assert "0.1.0" not in text


def test_the_unit_is_without_fault_and_as_safe_as_the_readme_says(account: Account) -> None:
    account.run("claw-socket", "install")
    account.run("claw-socket", "install", "--on-demand")
    done = account.try_run("systemd-analyze", "--user", "verify", UNIT, f"{UNIT[:-7]}socket")
    assert (done.returncode, done.stderr) == (0, "")
    needs_sandbox(account)
    shown = account.run("systemd-analyze", "--user", "security", "claw-socket.service", "--no-pager")
    (score,) = re.findall(r"Overall exposure level for claw-socket.service: ([0-9.]+)", shown)
    (told,) = re.findall(r"systemd-analyze --user security[^.]*?(\d\.\d)", (ROOT / "README.md").read_text("utf-8"))
    assert float(score) <= float(told) + 0.5, "newer versions of systemd weigh a little differently"


def test_killed_it_is_back_within_two_seconds(account: Account) -> None:
    account.run("claw-socket", "install")
    old = signal(account, "KILL")
    wait_for(back(account, old), "the service", 2)
    assert health(account)["status"] == "ok"


def test_stuck_it_is_brought_back_by_the_watchdog(account: Account) -> None:
    account.run("claw-socket", "install")
    account.write(account.home / f"{UNIT}.d" / "fast.conf", FAST)
    account.run("systemctl", "--user", "daemon-reload")
    account.run("claw-socket", "restart")
    old = pid_of(account)
    time.sleep(3)  # three times as long as the watchdog waits: it is alive
    assert pid_of(account) == old
    signal(account, "STOP")
    wait_for(back(account, old), "the service", 20)
    assert "watchdog" in account.journal().lower()
    assert "Current thread" in account.journal(), "where it was"
    assert health(account)["status"] == "ok"


def test_after_ten_crashes_it_gives_up_and_start_starts_it_again(account: Account) -> None:
    account.run("claw-socket", "install")
    crashed = set[int]()
    while account.property("ActiveState") != "failed":
        if active(account) and (pid := pid_of(account)):
            account.try_run("kill", "-KILL", str(pid))
            crashed.add(pid)
        assert len(crashed) < 20
    assert len(crashed) == 10
    assert account.property("Result") in ("start-limit-hit", "signal")
    assert "start request repeated too quickly" in account.journal().lower()
    account.run("claw-socket", "start")
    assert active(account)


def test_on_demand_the_first_connection_starts_it(account: Account) -> None:
    account.run("claw-socket", "install", "--on-demand")
    assert active(account), "the installer has tried it"
    account.logout()
    account.login()
    wait_for(
        lambda: account.try_run("systemctl", "--user", "is-active", "claw-socket.socket").returncode == 0, "the socket"
    )
    assert not active(account)
    assert health(account, "127.0.0.1:3838")["status"] == "ok"
    wait_for(lambda: active(account), "what systemd is told")
    assert health(account, "[::1]:3838")["status"] == "ok"
    assert "Everything is installed already." in account.run("claw-socket", "install")
    account.run("claw-socket", "install", "--at-login")
    assert f"{UNIT[:-7]}socket" not in account.tree()
    assert account.property("UnitFileState") == "enabled"
    assert health(account)["status"] == "ok"


def test_on_demand_it_listens_where_the_machine_has_no_ipv6(account: Account) -> None:
    account.as_root("sysctl", "-w", "net.ipv6.conf.lo.disable_ipv6=1")
    account.run("claw-socket", "install", "--on-demand")
    assert health(account)["status"] == "ok"


def test_why_it_cannot_listen_on_demand_is_in_its_logs(account: Account) -> None:
    account.run("claw-socket", "install", "--on-demand")
    account.run("claw-socket", "stop")
    account.run("sed", "-i", "s/127.0.0.1/192.0.2.1/", UNIT.replace(".service", ".socket"))
    account.run("systemctl", "--user", "daemon-reload")
    assert account.try_run("systemctl", "--user", "start", "claw-socket.socket").returncode != 0
    assert "192.0.2.1:3838" in account.run("claw-socket", "logs")


def test_the_journal_has_its_lines_and_no_token(account: Account) -> None:
    account.run("claw-socket", "install")
    token = account.tree()[".claw-socket/token"][1].strip()
    account.run("curl", "-s", f"http://localhost:3838/?token={token}")
    account.run("claw-socket", "restart")
    shown = account.run("claw-socket", "logs")
    assert "listening on ws://localhost:3838/" in shown
    assert "stopping" in shown
    only = ("--identifier=claw-socket", "--priority=warning", "--output=cat")
    warnings = account.run("journalctl", "--user", *only)
    assert "listening" not in warnings
    account.run("claw-socket", "install", "--host", "0.0.0.0")
    warnings = account.run("journalctl", "--user", *only)
    assert warnings.strip() == "ws://localhost:3838/ can be reached from other machines"
    assert len(token) == 64
    assert token not in account.journal()
    assert token not in account.as_root("journalctl", "--no-pager", "--output=json")


def test_logs_can_be_followed(account: Account, tmp_path: Path) -> None:
    account.run("claw-socket", "install")
    with (tmp_path / "followed").open("wb") as out:
        following = subprocess.Popen(account.command("claw-socket", "logs", "-f"), stdout=out)
    try:
        wait_for(lambda: "listening" in (tmp_path / "followed").read_text(), "what was")
        account.run("claw-socket", "stop")
        wait_for(lambda: "stopping" in (tmp_path / "followed").read_text(), "what comes")
    finally:
        following.terminate()
        following.wait()


def test_the_running_service_reads_transcripts_and_writes_its_own_folder_alone(account: Account) -> None:
    account.run("claw-socket", "install")
    needs_sandbox(account)
    pid = pid_of(account)
    # In the service's own mount namespace, as its user.
    inside = ["nsenter", f"--target={pid}", "--mount", "--user", "--preserve-credentials", "--", "sh", "-c"]
    for path in (account.home, account.home / ".claude", Path("/tmp"), Path("/var/tmp"), account.home / ".config"):
        assert "no" in account.run(*inside, f"touch {path}/new 2>&1 && echo yes || echo no"), path
    account.run(*inside, f"touch {account.home}/.claw-socket/new")
    session = "11111111-1111-4111-8111-111111111111"
    line = {"type": "user", "uuid": "u", "sessionId": session, "cwd": str(account.home),
            "timestamp": "2026-11-23T10:00:00.000Z", "message": {"role": "user", "content": "mine"}}  # fmt: skip
    account.write(account.home / ".claude" / "projects" / "-h" / f"{session}.jsonl", json.dumps(line) + "\n")
    hook = {"session_id": session, "cwd": str(account.home), "hook_event_name": "SessionStart", "source": "startup",
            "transcript_path": str(account.home / ".claude" / "projects" / "-h" / f"{session}.jsonl")}  # fmt: skip
    account.write(account.home / ".claw-socket" / "spool" / ".1", json.dumps(hook))
    account.run("mv", ".claw-socket/spool/.1", ".claw-socket/spool/1.json")
    wait_for(lambda: health(account)["sessions"] == 1, "the session")
    ask = f"""
import asyncio, json, pathlib, websockets
async def main():
    token = (pathlib.Path.home() / ".claw-socket" / "token").read_text().strip()
    headers = {{"Authorization": f"Bearer {{token}}"}}
    async with websockets.connect("ws://localhost:3838", additional_headers=headers) as ws:
        await ws.send(json.dumps({{"type": "get_session_history", "sessionId": "{session}"}}))
        while (found := json.loads(await ws.recv()))["type"] != "session_history": pass
        print(json.dumps(found))
asyncio.run(main())
"""
    assert '"mine"' in account.python(ask)
    assert "1 session forgotten" in account.run("claw-socket", "history", "purge", "--session", session, "--yes")


def test_a_port_of_another_program_is_left_to_it(account: Account) -> None:
    listening = "import socket,sys; s=socket.create_server(('127.0.0.1',3838)); print(1,flush=True); sys.stdin.read()"
    other = subprocess.Popen(
        account.command(sys.executable, "-c", listening), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert other.stdout is not None
        other.stdout.readline()
        said = account.run("claw-socket", "install")
        assert "port 3838 is another program's; taking 3839" in said
        assert account.tree()[".claw-socket/config.toml"][1] == "port = 3839\n"
        assert '"ws://localhost:3839/"' in account.tree()[".claw-socket/endpoint"][1]
        assert "installed already" in account.run("claw-socket", "install")
    finally:
        other.communicate()


def test_beside_a_claw_socket_that_runs_by_hand_it_says_so(account: Account) -> None:
    by_hand = subprocess.Popen(account.command("claw-socket"), stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: account.try_run("test", "-e", ".claw-socket/endpoint").returncode == 0, "the endpoint")
        done = account.try_run("claw-socket", "install")
        assert done.returncode == 7
        assert "is in use by claw-socket" in done.stderr
        assert UNIT not in account.tree()
    finally:
        account.run("pkill", "-u", str(account.uid), "-x", "claw-socket")
        by_hand.wait(10)


def test_the_environment_of_the_shell_is_kept_for_the_service(account: Account) -> None:
    folder = str(account.home / "my %h folder")
    elsewhere = account.home / "work" / ".claude"
    variables = {"CLAW_SOCKET_DIR": folder, "CLAUDE_CONFIG_DIR": str(elsewhere), "CLAW_SOCKET_PORT": "4001"}
    before = account.tree()
    account.run("claw-socket", "install", **variables)
    tree = account.tree()
    assert json.loads(tree["my %h folder/endpoint"][1])["url"] == "ws://localhost:4001/"
    assert f'claude_dirs = ["{elsewhere}"]\n' in tree["my %h folder/config.toml"][1]
    assert "work/.claude/settings.json" in tree
    assert ".claude" not in tree
    assert ".claw-socket" not in tree
    account.run("claw-socket", "uninstall", "--purge", **variables)
    assert account.tree() == before


def test_without_a_user_manager_it_says_what_helps_and_changes_nothing(account: Account) -> None:
    account.logout()
    before = account.tree()
    for command in ("install", "install --dry-run"):
        done = account.try_run("claw-socket", *command.split())
        assert done.returncode == 10
        assert "loginctl enable-linger claw" in done.stderr
        assert done.stderr.count("\n") == 1
    assert account.tree() == before
    account.run("claw-socket", "install", "--no-service")
    assert ".claude/settings.json" in account.tree()
    account.run("claw-socket", "uninstall", "--purge")
    assert account.tree() == before


def test_what_was_left_out_stays_out(account: Account) -> None:
    account.run("claw-socket", "install", "--no-hooks", "--no-keyring")
    assert ".claude" not in account.tree()
    assert "hooks = false" in account.tree()[".claw-socket/config.toml"][1]
    assert "The hooks are left out" in account.run("claw-socket", "install")
    account.run("claw-socket", "install", "--set", "hooks=yes")
    assert ".claude/settings.json" in account.tree()


def test_a_service_that_cannot_start_is_told(account: Account) -> None:
    account.run("claw-socket", "install")
    account.run("sh", "-c", "echo nonsense >>$(readlink -f .local/bin/claw-socket); claw-socket stop || true")
    account.run("sed", "-i", "1i nonsense(", ".local/share/claw-socket-0.1.0/claw-socket")
    done = account.try_run("systemctl", "--user", "start", "claw-socket")
    assert done.returncode != 0
    wait_for(lambda: account.property("ActiveState") == "failed", "systemd gives up", 30)


def test_where_the_service_does_not_start_install_says_what_becomes_of_the_rest(account: Account) -> None:
    before = account.tree()
    fails = account.home / f"{UNIT}.d" / "fails.conf"
    account.write(fails, "[Service]\nExecStartPre=/bin/false\n")
    done = account.try_run("claw-socket", "install")
    assert done.returncode == 11
    assert "claw-socket uninstall undoes it" in done.stdout
    account.run("rm", str(fails))
    assert "it runs: " in account.run("claw-socket", "install")
    account.run("claw-socket", "uninstall", "--purge")
    account.run("rmdir", "-p", "--ignore-fail-on-non-empty", str(fails.parent))
    assert account.tree() == before


def test_a_folder_of_this_shell_that_the_service_does_not_follow_is_told(account: Account) -> None:
    other = str(account.home / "other")
    account.run("claw-socket", "install")
    fixed = account.try_run("claw-socket", "doctor", "--fix", CLAUDE_CONFIG_DIR=other).stdout
    assert f"the service does not follow {other}" in fixed
    assert "other/settings.json" not in account.tree()
    account.run("claw-socket", "install", CLAUDE_CONFIG_DIR=other)
    assert "does not follow" not in account.run("claw-socket", "doctor", CLAUDE_CONFIG_DIR=other)
    assert "other/settings.json" in account.tree()


def test_a_service_on_another_folder_than_this_shells_is_left_alone(account: Account) -> None:
    other = str(account.home / "other folder")
    for first, second, mend in (
        ({"CLAW_SOCKET_DIR": other}, {}, f"export CLAW_SOCKET_DIR='{other}'"),
        ({}, {"CLAW_SOCKET_DIR": other}, "unset CLAW_SOCKET_DIR"),
    ):
        account.run("claw-socket", "install", **first)
        before = account.tree()[".claude/settings.json"]
        done = account.try_run("claw-socket", "doctor", "--fix", "--json", **second)
        assert [one["mend"] for one in json.loads(done.stdout)["findings"]] == [mend]
        assert account.tree()[".claude/settings.json"] == before
        for command in ("install", "uninstall --purge"):
            refused = account.try_run("claw-socket", *command.split(), **second)
            assert refused.returncode == 11
            assert "set CLAW_SOCKET_DIR here as it was for install" in refused.stderr
        assert account.run("claw-socket", "doctor", **first)
        assert json.loads(account.run("claw-socket", "status", "--json", **first))["running"]
        account.run("claw-socket", "uninstall", "--purge", **first)


def test_a_folder_that_was_removed_is_told_and_what_mends_that(account: Account) -> None:
    def errors() -> dict[str, tuple[str, str]]:
        report = json.loads(account.try_run("claw-socket", "doctor", "--json").stdout)
        return {one["check"]: (one["what"], one["mend"]) for one in report["findings"] if one["level"] == "error"}

    account.run("claw-socket", "install")
    account.run("rm", "-r", ".claw-socket")
    found = errors()
    assert set(found) == {"folder", "hooks", "running"}, "the port is its own"
    assert f"it was started (pid {pid_of(account)}), and " in found["running"][0]
    account.try_run("claw-socket", "restart")
    found = errors()
    assert "is not there: hooks are lost" in found["folder"][0]
    account.run(*found["folder"][1].split())
    assert errors() == {}


def test_without_a_manager_uninstall_leaves_no_trace_either(account: Account) -> None:
    before = account.tree()
    account.run("claw-socket", "install")
    account.logout()
    assert "no service is stopped" in account.run("claw-socket", "uninstall", "--purge")
    assert account.tree() == before


def test_the_manager_is_found_without_a_login_that_tells_of_it(account: Account) -> None:
    said = account.run("claw-socket", "install", XDG_RUNTIME_DIR="", DBUS_SESSION_BUS_ADDRESS="")
    assert "it runs: ws://localhost:3838/" in said


def test_the_unit_is_where_systemd_looks_also_if_this_shell_has_its_settings_elsewhere(account: Account) -> None:
    before = account.tree()
    elsewhere = str(account.home / "settings")
    assert "it runs: " in account.run("claw-socket", "install", XDG_CONFIG_HOME=elsewhere)
    assert UNIT in account.tree()
    account.run("claw-socket", "uninstall", "--purge", XDG_CONFIG_HOME=elsewhere)
    assert account.tree() == before


def test_where_no_sandbox_can_be_had_it_runs_without_and_says_so(account: Account) -> None:
    account.write(account.program.with_name("systemd-run"), "#!/bin/sh\nexit 1\n")
    account.run("chmod", "+x", str(account.program.with_name("systemd-run")))
    assert "it runs without a sandbox" in account.run("claw-socket", "install")
    assert "PrivateUsers" not in account.tree()[UNIT][1]
    assert account.property("PrivateUsers") == "no"
    assert health(account)["status"] == "ok"


def test_without_a_service_start_says_how_to_get_one(account: Account) -> None:
    for command in ("start", "stop", "restart", "logs"):
        done = account.try_run("claw-socket", command)
        assert (done.returncode, done.stderr) == (
            11,
            "claw-socket: the service is not installed; run: claw-socket install\n",
        )


def test_the_unit_of_a_package_is_controlled_and_uninstalled_like_our_own(account: Account) -> None:
    before = account.tree()
    text = unit().replace("/usr/bin/claw-socket", str(account.program))
    account.write(account.home / ".local" / "share" / "systemd" / "user" / "claw-socket.service", text)
    account.run("systemctl", "--user", "daemon-reload")
    packaged = account.tree()
    assert account.run("claw-socket", "uninstall", "--dry-run") == "There is nothing of claw-socket here.\n", "unused"
    account.run("systemctl", "--user", "enable", "--now", "claw-socket")
    wait_for(lambda: "SessionEnd" in account.tree().get(".claude/settings.json", ("", ""))[1], "the hooks")
    old = pid_of(account)
    account.run("claw-socket", "restart")
    wait_for(back(account, old), "the new process")
    account.run("claw-socket", "stop")
    assert not active(account)
    account.run("claw-socket", "start")
    assert "listening on" in account.run("claw-socket", "logs")
    account.run("claw-socket", "uninstall", "--purge")
    assert not active(account)
    assert account.try_run("systemctl", "--user", "is-enabled", "claw-socket").stdout == "disabled\n"
    assert {path for path in account.tree() if "claw" in path} == {path for path in packaged if "claw" in path}
    account.run("rm", "-r", ".local/share/systemd")
    assert {path for path in account.tree() if "claw" in path} == {path for path in before if "claw" in path}


def test_hooks_that_are_left_out_later_are_taken_out_again(account: Account) -> None:
    account.write(account.home / ".claude" / "settings.json", '{"model": "opus"}')
    account.run("claw-socket", "install")
    assert "SessionEnd" in account.tree()[".claude/settings.json"][1]
    said = account.run("claw-socket", "install", "--no-hooks")
    assert "The hooks are left out" in said
    assert account.tree()[".claude/settings.json"][1] == '{"model": "opus"}'


def test_each_folder_of_claude_code_gets_the_hooks_and_loses_them_again(account: Account) -> None:
    one, other = str(account.home / "one"), str(account.home / "other")
    account.run("claw-socket", "install", "--no-service", CLAUDE_CONFIG_DIR=one)
    account.run("claw-socket", "install", "--no-service", CLAUDE_CONFIG_DIR=other)
    assert all("SessionEnd" in account.tree()[f"{name}/settings.json"][1] for name in ("one", "other"))
    account.run("claw-socket", "install", "--no-service", "--set", "claude_dirs=other")  # as it is from here
    assert "one/settings.json" not in account.tree()
    assert f'claude_dirs = ["{other}"]' in account.tree()[".claw-socket/config.toml"][1]
    account.write(account.home / ".claw-socket" / "config.toml", "")
    account.run("claw-socket", "uninstall", "--purge")
    assert "other/settings.json" not in account.tree()


def test_settings_that_are_a_link_stay_one(account: Account) -> None:
    account.write(account.home / "dotfiles" / "claw.toml", "log_days = 5\n")
    account.run("mkdir", "-m", "700", ".claw-socket")
    account.run("ln", "-s", "../dotfiles/claw.toml", ".claw-socket/config.toml")
    before = account.tree()
    account.run("claw-socket", "install", "--no-service", "--no-hooks", "--port", "4000")
    assert account.tree()["dotfiles/claw.toml"][1] == "log_days = 5\nport = 4000\nhooks = false\n"
    assert account.tree()[".claw-socket/config.toml"] == before[".claw-socket/config.toml"]
    account.run("claw-socket", "uninstall", "--purge")
    assert account.tree() == before


def test_settings_of_a_group_that_the_user_is_not_in_are_changed_and_restored(account: Account) -> None:
    file = account.home / ".claude" / "settings.json"
    account.write(file, '{"model": "opus"}')
    account.run("chmod", "664", str(file))
    account.as_root("chgrp", "root", str(file))
    account.run("claw-socket", "install", "--no-service")
    mode, text = account.tree()[".claude/settings.json"]
    assert (mode, "SessionEnd" in text) == ("0o100604", True), "nothing is opened to another group"
    account.run("claw-socket", "uninstall", "--purge")
    assert account.tree()[".claude/settings.json"][1] == '{"model": "opus"}'


def test_settings_that_cannot_be_read_keep_no_others_from_being_changed(account: Account) -> None:
    one, other = str(account.home / "one"), str(account.home / "other")
    account.run("claw-socket", "install", "--no-service", "--set", f"claude_dirs={one},{other}")
    account.write(account.home / "one" / "settings.json", "{")
    assert "one/settings.json" in account.run("claw-socket", "install", "--no-service", "--set", f"claude_dirs={other}")
    assert "one/settings.json" in account.run("claw-socket", "uninstall")
    assert account.tree()["one/settings.json"][1] == "{"
    assert "other/settings.json" not in account.tree()


def test_the_unit_of_a_package_is_no_obstacle_where_there_is_no_systemd(account: Account) -> None:
    account.write(account.home / ".local" / "share" / "systemd" / "user" / "claw-socket.service", unit())
    account.run("mkdir", "bin")
    account.run("ln", "-s", "/usr/bin/env", "/bin/sh", "bin")
    account.run("claw-socket", "--install-hooks")
    account.run(str(account.program), "uninstall", PATH=str(account.home / "bin"))
    assert ".claude/settings.json" not in account.tree()
