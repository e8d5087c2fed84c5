"""Another version takes over from the one that runs: what `claw-socket upgrade` and `downgrade` promise, for real."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clawsocket import __version__
from clawsocket.log.schema import MIGRATIONS
from tests.support import user_manager, versions
from tests.support.service import BINARY, ROOT
from tests.support.user_manager import Account
from tests.support.versions import NEWER
from tests.support.waiting import wait_for

pytestmark = [
    pytest.mark.skipif(bool(user_manager.unavailable()), reason=f"needs {', '.join(user_manager.unavailable())}"),
    pytest.mark.timeout(180),  # a service is started anew up to six times
]

UNIT = ".config/systemd/user/claw-socket.service"
LINK = ".local/bin/claw-socket"
VERSIONS = ".local/share/claw-socket"

CLIENT = f"""
import asyncio, json, sys
sys.path.insert(0, {str(ROOT)!r})
from clawsocket.client import Back, Gap, connect

def noticed(notice):
    if isinstance(notice, Gap): print(json.dumps({{"gap": notice.reason}}), flush=True)
    if isinstance(notice, Back): print(json.dumps({{"back": notice.snapshot.server.version}}), flush=True)

async def main():
    async with connect(wait=True) as claw, claw.events("*", notice=noticed) as events:
        print(json.dumps({{"back": events.snapshot.server.version}}), flush=True)
        async for event in events:
            print(json.dumps({{"seq": event.seq, "type": event.type, "prompt": (event.data or {{}}).get("prompt")
                if isinstance(event.data, dict) else None}}), flush=True)
asyncio.run(main())
"""

HOOKS = """
import json, os, pathlib, subprocess, sys, time
settings = json.loads(pathlib.Path(".claude/settings.json").read_text())
(entry,) = settings["hooks"]["UserPromptSubmit"]
command = entry["hooks"][0]["command"]
number = 0
while not os.path.exists("enough"):
    number += 1
    hook = {"session_id": "11111111-1111-4111-8111-111111111111", "hook_event_name": "UserPromptSubmit", "cwd": "/w",
            "transcript_path": "/w/t.jsonl", "prompt": str(number)}
    subprocess.run(["sh", "-c", command], input=json.dumps(hook).encode(), check=True)
    time.sleep(0.01)
print(number)
"""


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This version in one file, and tarballs of others: a newer one, one with a newer log, three that do not start."""
    folder = tmp_path_factory.mktemp("downloads")
    versions.tarball(folder, NEWER)
    versions.tarball(
        folder,
        "10.0.0",
        change=("log/schema.py", "    _into_blocks,\n)", '    _into_blocks,\n    run("CREATE TABLE more (x)"),\n)'),
    )
    versions.tarball(
        folder, "9.9.10", change=("cli/serve.py", "    home.create()\n", '    sys.exit("it does not start")\n')
    )
    hangs = '    print("it hangs", file=sys.stderr, flush=True)\n    __import__("time").sleep(600)\n'
    migrates = '    __import__("sqlite3").connect(home.log).execute("PRAGMA user_version = 99")\n'
    versions.tarball(folder, "10.0.1", change=("cli/serve.py", "    home.create()\n", migrates + hangs))
    versions.tarball(folder, "9.9.11", change=("cli/serve.py", "    home.create()\n", hangs))
    return folder


@pytest.fixture
def account(tmp_path: Path, downloads: Path) -> Iterator[Account]:
    """An account with the downloads in ``~/Downloads`` and nothing of ours besides."""
    with Account(tmp_path) as account:
        account.run("rm", "-r", ".local")
        folder = account.home / "Downloads"
        folder.mkdir()
        for file in downloads.iterdir():
            if file.is_file():
                shutil.copy(file, folder)
        one = versions.one_file(tmp_path)
        if BINARY is None:
            shutil.copytree(one.parent, folder / one.parent.name)
            (folder / "claw-socket").symlink_to(folder / one.parent.name / one.name)
        else:
            shutil.copy(one, folder / "claw-socket")
        account.as_root("chown", "-R", str(account.uid), str(folder))
        yield account


def install(account: Account, *more: str, **variables: str) -> str:
    return account.run("Downloads/claw-socket", "install", *more, **variables)


def runs(account: Account) -> tuple[str, int]:
    """Return the version and the pid of the service that answers."""
    found = json.loads(account.run("claw-socket", "status", "--json"))
    return found["version"], found["pid"]


def test_a_download_in_one_file_installs_itself_and_purge_removes_all_of_it(account: Account) -> None:
    before = account.tree()
    shown = install(account, "--dry-run")
    assert account.tree() == before
    assert f"a copy of this program, {__version__}, in {account.home}/{VERSIONS}/{__version__}\n" in shown
    assert f"+ExecStart={account.home}/{LINK}\n" in shown
    install(account)
    tree = account.tree()
    assert f"ExecStart={account.home}/{LINK}\n" in tree[UNIT][1]
    assert tree[LINK][1] == f"{account.home}/{VERSIONS}/{__version__}/claw-socket"
    account.run("rm", "-r", "Downloads")
    account.run("claw-socket", "restart")
    assert runs(account)[0] == __version__, "it does not need the download"
    assert "Everything is installed already." in account.run("claw-socket", "install")
    account.run("claw-socket", "uninstall", "--purge")
    assert account.tree() == {path: what for path, what in before.items() if not path.startswith("Downloads")}


def test_it_goes_where_the_user_has_data(account: Account) -> None:
    data = str(account.home / "my data")
    install(account, XDG_DATA_HOME=data)
    assert account.tree()[LINK][1] == f"{data}/claw-socket/{__version__}/claw-socket"
    account.run("claw-socket", "uninstall", "--purge", XDG_DATA_HOME=data)
    assert not {path for path in account.tree() if path.startswith(("my data", ".local"))}


def test_a_program_of_another_installation_stays(account: Account) -> None:
    account.write(account.home / LINK, "mine\n")
    before = account.tree()
    for command in (["install"], ["upgrade"]):
        done = account.try_run("Downloads/claw-socket", *command)
        assert done.returncode == 9
        assert done.stderr.count("\n") == 1
        assert "no claw-socket is installed" in done.stderr or f"{LINK} is a file, which is not of this" in done.stderr
        assert account.tree() == before
    account.run("sh", "-c", f"mkdir tools; mv {LINK} tools/claw-socket; ln -s ~/tools/claw-socket {LINK}")
    done = account.try_run("Downloads/claw-socket", "install")
    assert f"{LINK} leads to {account.home}/tools/claw-socket, which is not of this" in done.stderr


def test_an_upgrade_and_a_downgrade_lose_no_event(account: Account, tmp_path: Path) -> None:
    install(account)
    log = tmp_path / "client.log"
    with log.open("wb") as out:
        client = subprocess.Popen(account.command(sys.executable, "-c", CLIENT), stdout=out, stderr=subprocess.STDOUT)
    hooks = subprocess.Popen(account.command(sys.executable, "-c", HOOKS), stdout=subprocess.PIPE, text=True)

    def seen() -> list[dict[str, Any]]:
        return [json.loads(line) for line in log.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def prompts() -> list[int]:
        return [int(one["prompt"]) for one in seen() if one.get("type") == "hook.user_prompt_submit"]

    def back() -> list[str]:
        return [one["back"] for one in seen() if "back" in one]

    try:
        wait_for(lambda: len(prompts()) > 20, "hooks at the client")
        told = account.run("claw-socket", "upgrade", f"Downloads/claw-socket-{NEWER}.tar.gz")
        assert f"{NEWER} takes over from {__version__}\n" in told
        assert f"Back to {__version__}: claw-socket downgrade\n" in told
        assert runs(account)[0] == NEWER
        wait_for(lambda: back() == [__version__, NEWER], "the client at the new version")
        account.run("claw-socket", "downgrade")
        assert runs(account)[0] == __version__
        wait_for(lambda: back() == [__version__, NEWER, __version__], "the client at the old version again")
        account.run("touch", "enough")
        count = int(hooks.communicate(timeout=20)[0])
        wait_for(lambda: prompts() and prompts()[-1] == count, "the last hook at the client")
    finally:
        account.run("touch", "enough")
        client.terminate()
        client.wait(10)
        hooks.wait(10)
    begin = prompts()[0]
    assert prompts() == list(range(begin, count + 1)), "each once, in their order"
    assert count > 50
    seqs = [one["seq"] for one in seen() if "seq" in one]
    assert seqs == list(range(seqs[0], seqs[-1] + 1))
    assert not [one for one in seen() if "gap" in one]


def test_the_version_before_is_kept_and_no_other(account: Account) -> None:
    install(account)
    account.run("claw-socket", "upgrade", f"Downloads/claw-socket-{NEWER}.tar.gz")
    kept = account.run("ls", VERSIONS).split()
    assert kept == [__version__, NEWER, "previous"]
    pid = runs(account)[1]
    assert f"{NEWER} is what runs already." in account.run(
        "claw-socket", "upgrade", f"Downloads/claw-socket-{NEWER}.tar.gz"
    )
    assert runs(account) == (NEWER, pid)
    account.run("claw-socket", "upgrade", "Downloads/claw-socket-10.0.0.tar.gz")
    assert account.run("ls", VERSIONS).split() == ["10.0.0", NEWER, "previous"]
    assert account.tree()[f"{VERSIONS}/previous"][1] == NEWER


def test_the_hooks_and_the_recorder_stay_also_where_there_is_no_service(account: Account) -> None:
    install(account, "--no-service", "--statusline")
    settings = account.tree()[".claude/settings.json"]
    assert "statusLine" in settings[1]
    assert "UserPromptSubmit" in settings[1]
    account.run("claw-socket", "upgrade", f"Downloads/claw-socket-{NEWER}.tar.gz")
    assert account.tree()[".claude/settings.json"] == settings
    account.run("claw-socket", "downgrade")
    assert account.tree()[".claude/settings.json"] == settings


def test_nothing_of_the_shells_environment_reaches_the_service(account: Account) -> None:
    install(account)
    settings, token = (account.tree()[path] for path in (".claude/settings.json", ".claw-socket/token"))
    account.run("mkdir", "work")
    shell = {"CLAUDE_CONFIG_DIR": f"{account.home}/work", "CLAW_SOCKET_PORT": "no port"}
    account.run("claw-socket", "upgrade", f"Downloads/claw-socket-{NEWER}.tar.gz", **shell)
    tree = account.tree()
    assert (tree[".claude/settings.json"], tree[".claw-socket/token"]) == (settings, token)
    assert not [path for path in tree if path.startswith("work/")]
    assert runs(account)[0] == NEWER


def test_a_service_on_another_folder_than_this_shells_is_not_taken_over(account: Account) -> None:
    data = f"{account.home}/my data"
    install(account, CLAW_SOCKET_DIR=data)
    unit = account.tree()[UNIT]
    for other in ("", f"{account.home}/other"):
        done = account.try_run("claw-socket", "upgrade", f"Downloads/claw-socket-{NEWER}.tar.gz", CLAW_SOCKET_DIR=other)
        assert done.returncode == 9
        assert "nothing was changed; set CLAW_SOCKET_DIR here as for install\n" in done.stderr
        tree = account.tree()
        assert (tree[UNIT], Path(tree[LINK][1]).parent.name) == (unit, __version__)
        assert not [path for path in tree if path.endswith("token") and not path.startswith("my data/")]
    account.run("claw-socket", "upgrade", f"Downloads/claw-socket-{NEWER}.tar.gz", CLAW_SOCKET_DIR=data)
    assert account.tree()[UNIT] == unit


def test_a_newer_log_is_not_touched_by_an_older_version(account: Account) -> None:
    install(account)
    account.run("claw-socket", "upgrade", "Downloads/claw-socket-10.0.0.tar.gz")
    before, tree = runs(account), account.tree()
    assert before[0] == "10.0.0"
    done = account.try_run("claw-socket", "downgrade")
    assert (done.returncode, done.stdout) == (9, "")
    assert done.stderr == (
        f"claw-socket: {__version__} can't read the log of a newer version (schema {len(MIGRATIONS) + 1}, it knows "
        f"{len(MIGRATIONS)}); nothing was changed; with --new-log it sets that aside and begins a new one\n"
    )
    assert runs(account) == before, "it was not stopped"
    assert account.tree().keys() == tree.keys()
    assert account.try_run("Downloads/claw-socket", "install").returncode == 8
    assert runs(account) == before
    said = account.run("claw-socket", "downgrade", "--new-log")
    (aside,) = [path for path in account.tree() if ".newer-" in path]
    assert f"log: {account.home}/{aside} is what was there\n" in said
    assert runs(account)[0] == __version__
    account.run("claw-socket", "upgrade")
    assert runs(account)[0] == "10.0.0"


def test_a_version_that_does_not_start_gives_way_to_the_one_before(account: Account) -> None:
    install(account)
    done = account.try_run("claw-socket", "upgrade", "Downloads/claw-socket-9.9.10.tar.gz")
    assert done.returncode == 11
    assert done.stderr.splitlines()[-1] == (
        f"claw-socket: 9.9.10 did not take over: {__version__} is there again; claw-socket logs tells more"
    )
    assert runs(account)[0] == __version__
    assert account.run("ls", VERSIONS).split() == [__version__]
    assert "it does not start" in account.journal()


def test_where_a_version_without_the_log_does_not_start_the_one_before_has_its_log_again(account: Account) -> None:
    install(account)
    account.run("claw-socket", "upgrade", "Downloads/claw-socket-10.0.0.tar.gz")
    log = inode_of(account, ".claw-socket/log.db")
    done = account.try_run("claw-socket", "upgrade", "Downloads/claw-socket-9.9.10.tar.gz", "--new-log")
    assert done.returncode == 11
    assert "9.9.10 did not take over: 10.0.0 is there again" in done.stderr
    assert runs(account)[0] == "10.0.0"
    assert inode_of(account, ".claw-socket/log.db") == log
    assert not [path for path in account.tree() if ".newer-" in path]


def inode_of(account: Account, path: str) -> str:
    return account.run("stat", "--format=%i", path)


def test_settings_of_claude_code_that_are_no_json_stop_it_before_anything_is_changed(account: Account) -> None:
    install(account)
    account.run("claw-socket", "upgrade", "Downloads/claw-socket-10.0.0.tar.gz")
    account.write(account.home / ".claude" / "settings.json", "{")
    before, tree = runs(account), account.tree().keys()
    for command in (["downgrade", "--new-log"], ["upgrade", f"Downloads/claw-socket-{NEWER}.tar.gz", "--new-log"]):
        done = account.try_run("claw-socket", *command)
        assert done.returncode == 6
        assert done.stderr.splitlines()[-1].endswith("the file was not changed")
        assert runs(account) == before, "it was not stopped"
        assert account.tree().keys() == tree


def test_a_service_of_a_package_is_put_back_too(account: Account, tmp_path: Path) -> None:
    package = account.home / "package"
    shutil.copytree(versions.make(tmp_path / "package", __version__), package)
    account.as_root("chown", "-R", str(account.uid), str(package))
    program = str(package / "claw-socket")
    account.run(program, "install")
    unit = account.tree()[UNIT]
    done = account.try_run(program, "upgrade", "Downloads/claw-socket-9.9.10.tar.gz")
    assert done.returncode == 11
    assert "9.9.10 did not take over: what was there is there again" in done.stderr
    assert runs_of(account, program)[0] == __version__
    assert account.tree()[UNIT] == unit
    assert LINK not in account.tree()
    assert "Everything is installed already." in account.run(program, "install")
    account.run(program, "upgrade", f"Downloads/claw-socket-{NEWER}.tar.gz")
    assert runs(account)[0] == NEWER


def interrupted(account: Account, version: str) -> str:
    """Press Ctrl-C while a version starts that takes over; return what was said then."""
    install(account)
    with taking_over(account, version) as (upgrade, pids):
        account.as_root("kill", "-INT", *pids)
        _, stderr = upgrade.communicate(timeout=40)
    assert upgrade.returncode == 11
    return stderr


def test_interrupted_while_the_new_version_starts_the_one_before_is_put_back(account: Account) -> None:
    stderr = interrupted(account, "9.9.11")
    assert "claw-socket: interrupted\n" in stderr
    assert f"9.9.11 did not take over: {__version__} is there again" in stderr
    assert runs(account)[0] == __version__
    assert account.run("ls", VERSIONS).split() == [__version__]


def test_ended_while_the_new_version_starts_the_one_before_is_put_back(account: Account) -> None:
    install(account)
    with taking_over(account, "9.9.11") as (upgrade, pids):
        account.as_root("kill", "-TERM", pids[0])
        _, stderr = upgrade.communicate(timeout=40)
    assert f"9.9.11 did not take over: {__version__} is there again" in stderr
    assert runs(account)[0] == __version__
    assert account.run("ls", "-A", VERSIONS).split() == [__version__]


def test_where_the_terminal_closes_while_the_new_version_starts_the_one_before_is_put_back(account: Account) -> None:
    install(account)
    ours, its = pty.openpty()
    with taking_over(account, "9.9.11", terminal=its):
        os.close(its)
        os.close(ours)
        wait_for(lambda: account.as_root("pgrep", "-f", "claw-socket upgrade") == "", "the end of the upgrade", 40)
    assert runs(account)[0] == __version__
    assert account.run("ls", "-A", VERSIONS).split() == [__version__]


def test_interrupted_when_the_log_is_up_to_date_the_new_version_stays(account: Account) -> None:
    stderr = interrupted(account, "10.0.1")
    assert f"10.0.1 has brought the log up to date, and stays; {__version__} could not read it; " in stderr
    assert account.tree()[LINK][1] == f"{account.home}/{VERSIONS}/10.0.1/claw-socket"
    assert "Back to" not in account.run("claw-socket", "downgrade", "--new-log")
    assert runs(account)[0] == __version__


def test_while_a_version_takes_over_no_other_does(account: Account) -> None:
    install(account)
    with taking_over(account, "9.9.11") as (upgrade, pids):
        for command in (
            ["claw-socket", "upgrade", f"Downloads/claw-socket-{NEWER}.tar.gz"],
            ["Downloads/claw-socket", "install"],
        ):
            done = account.try_run(*command)
            assert done.returncode == 9
            assert "another upgrade is under way; try again when it has ended\n" in done.stderr
        account.as_root("kill", "-INT", *pids)
        upgrade.communicate(timeout=40)
    assert runs(account)[0] == __version__


def test_after_an_upgrade_that_was_killed_the_one_before_can_be_had_back(account: Account) -> None:
    install(account)
    account.run("claw-socket", "upgrade", f"Downloads/claw-socket-{NEWER}.tar.gz")
    with taking_over(account, "9.9.11") as (_, pids):
        account.as_root("kill", "-KILL", *pids)
    assert account.tree()[LINK][1] == f"{account.home}/{VERSIONS}/9.9.11/claw-socket"
    said = account.run("claw-socket", "downgrade")
    assert f"Back to {__version__}: claw-socket downgrade\n" in said
    assert runs(account)[0] == NEWER
    assert set(account.run("ls", VERSIONS).split()) == {__version__, NEWER, "previous"}


@contextlib.contextmanager
def taking_over(
    account: Account, version: str, *, terminal: int | None = None
) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Begin an upgrade to a version that hangs when it starts; give the processes of it as soon as that does."""
    command = account.command("claw-socket", "upgrade", f"Downloads/claw-socket-{version}.tar.gz")
    if terminal is None:
        upgrade = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    else:
        upgrade = subprocess.Popen(
            ["setsid", "--ctty", *command], stdin=terminal, stdout=terminal, stderr=terminal, text=True
        )
    try:
        wait_for(lambda: "it hangs" in account.journal(), "the new version")
        yield upgrade, account.as_root("pgrep", "-f", "claw-socket upgrade").split()
    finally:
        upgrade.kill()
        upgrade.communicate()


def test_settings_that_the_other_version_does_not_know_stop_it_before_anything_is_changed(account: Account) -> None:
    install(account)
    before = runs(account)
    account.write(account.home / ".claw-socket" / "config.toml", "of_tomorrow = 1\n")
    done = account.try_run("claw-socket", "upgrade", f"Downloads/claw-socket-{NEWER}.tar.gz")
    assert done.returncode == 9
    assert f"{NEWER} does not take the settings" in done.stderr
    account.run("rm", ".claw-socket/config.toml")
    assert runs(account) == before


def test_a_package_that_was_installed_anew_runs_after_install(account: Account, tmp_path: Path) -> None:
    """What pip and dpkg do: the files of one version in the place of another's."""
    versions.make(tmp_path / "new", NEWER)
    package = account.home / "package"
    shutil.copytree(versions.make(tmp_path / "old", __version__), package)
    account.as_root("chown", "-R", str(account.uid), str(package))
    program = str(package / "claw-socket")
    account.run(program, "install")
    before = runs_of(account, program)
    shutil.rmtree(package)
    shutil.copytree(tmp_path / "new", package)
    told = account.try_run(program, "status")
    assert told.stderr == (
        f"claw-socket: the service runs {__version__}, and this command is {NEWER}: claw-socket install starts that\n"
    )
    account.run(program, "install")
    after = runs_of(account, program)
    assert (before[0], after[0]) == (__version__, NEWER)
    assert before[1] != after[1]
    assert VERSIONS not in account.tree()


def runs_of(account: Account, program: str) -> tuple[str, int]:
    found = json.loads(account.run(program, "status", "--json"))
    return found["version"], found["pid"]
