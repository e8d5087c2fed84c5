"""A Debian without Python: the package and the download each do the whole job there, and leave nothing."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from clawsocket import __version__
from tests.support import user_manager
from tests.support.bare import BareAccount
from tests.support.service import ROOT
from tests.support.waiting import wait_for

pytestmark = [
    pytest.mark.timeout(360),  # the first time, a Debian is made
    pytest.mark.skipif(bool(user_manager.unavailable()), reason=f"needs {', '.join(user_manager.unavailable())}"),
]

RELEASE = ROOT / "dist"
SESSION = "11111111-1111-4111-8111-111111111111"

# What a client that is no part of the root is sent, until it has seen a hook; and then all of it again.
CLIENT = """
import asyncio, json, sys, websockets
async def main():
    async with websockets.connect("ws://localhost:3838", additional_headers={"Authorization": "Bearer " + TOKEN}) as ws:
        await ws.send(json.dumps({"type": "subscribe", "topics": ["hook.*", "message.*"]}))
        first = None
        async def until(name):
            nonlocal first
            async for text in ws:
                message = json.loads(text)
                if message["type"] == "snapshot": first = message["headSeq"]
                print(text, flush=True)
                if message["type"] == name: return
        await until("hook.stop")
        print("AGAIN", flush=True)
        await ws.send(json.dumps({"type": "replay", "lastSeq": first}))
        await until("hook.stop")
asyncio.run(main())
"""


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[BareAccount]:
    with BareAccount(tmp_path, RELEASE) as machine:
        yield machine


def test_there_is_no_python(machine: BareAccount) -> None:
    assert machine.as_root("sh", "-c", "ls /usr/bin/python* /usr/local/bin; command -v python3") == "/usr/local/bin:\n"


def hook(machine: BareAccount, event: str, **fields: str) -> None:
    """Run the hook that is in Claude Code's settings, as Claude Code does."""
    settings = json.loads(machine.run("cat", ".claude/settings.json"))
    (entry,) = settings["hooks"][event]
    transcript = f"{machine.home}/.claude/projects/-w/{SESSION}.jsonl"
    payload = {"session_id": SESSION, "hook_event_name": event, "cwd": "/w", "transcript_path": transcript, **fields}
    machine.run("sh", "-c", entry["hooks"][0]["command"], given=json.dumps(payload))


def does_its_job(machine: BareAccount, folder: Path) -> None:
    """See that what a hook says reaches a client on the network, live and replayed."""
    token = machine.run("cat", ".claw-socket/token").strip()
    out = folder / "client"
    with out.open("wb") as file:
        client = subprocess.Popen(machine.outside(CLIENT.replace("TOKEN", repr(token))), stdout=file)
    try:
        wait_for(lambda: '"subscribed"' in out.read_text(), "the client")
        hook(machine, "SessionStart", source="startup")
        hook(machine, "UserPromptSubmit", prompt="what is in here?")
        hook(machine, "Stop")
        assert client.wait(20) == 0
    finally:
        client.kill()
        client.wait()
    live, again = (
        [message for message in map(json.loads, part.split("\n")[:-1]) if message.get("seq")]
        for part in out.read_text().split("AGAIN\n")
    )
    assert [event["type"] for event in live if event["type"].startswith("hook.")] == [
        "hook.session_start", "hook.user_prompt_submit", "hook.stop"
    ]  # fmt: skip
    assert [event["id"] for event in again] == [event["id"] for event in live]


def pid_of(machine: BareAccount) -> int:
    return int(machine.property("MainPID"))


def test_the_package_does_the_whole_job_and_a_purge_leaves_nothing(machine: BareAccount, tmp_path: Path) -> None:
    (package,) = RELEASE.glob("claw-socket_*.deb")
    before = machine.files()
    assert "Setting up claw-socket" in machine.as_root("dpkg", "--install", f"/release/{package.name}")
    assert machine.run("claw-socket", "--version").strip() == __version__
    # Its own unit needs nothing else; it puts the hooks in, too.
    machine.run("systemctl", "--user", "enable", "--now", "claw-socket")
    wait_for(lambda: "SessionEnd" in machine.try_run("cat", ".claude/settings.json").stdout, "the hooks")
    does_its_job(machine, tmp_path)
    # What runs is started anew when its package is.
    old = pid_of(machine)
    assert "Setting up claw-socket" in machine.as_root("dpkg", "--install", f"/release/{package.name}")
    wait_for(lambda: pid_of(machine) not in (0, old), "the new process")
    machine.run("systemctl", "--user", "disable", "--now", "claw-socket")
    # And the stricter one of `install`.
    assert "it runs: ws://localhost:3838/" in machine.run("claw-socket", "install")
    assert "ExecStart=/usr/bin/claw-socket\n" in machine.run("cat", ".config/systemd/user/claw-socket.service")
    assert "runs at ws://localhost:3838/" in machine.run("claw-socket", "status")
    findings = json.loads(machine.run("claw-socket", "doctor", "--json"))
    assert "error" not in json.dumps(findings), findings
    machine.run("claw-socket", "uninstall", "--purge")
    machine.as_root("dpkg", "--purge", "claw-socket")
    assert "claw-socket" not in machine.as_root("dpkg-query", "--show")
    left = machine.files() - before
    assert {path for path in left if "claw" in path} <= {f"{machine.home}/.claude"}, left


def test_the_download_does_the_whole_job_and_its_removal_leaves_nothing(machine: BareAccount, tmp_path: Path) -> None:
    before = machine.files()
    said = machine.run("sh", "/release/install.sh", "--yes")
    assert "its SHA-256 is" in said
    assert machine.run("claw-socket", "--version").strip() == __version__
    assert "it runs: ws://localhost:3838/" in machine.run("claw-socket", "install")
    unit = machine.run("cat", ".config/systemd/user/claw-socket.service")
    assert f"ExecStart={machine.home}/.local/bin/claw-socket\n" in unit
    does_its_job(machine, tmp_path)
    assert "claw-socket is gone." in machine.run("sh", "/release/install.sh", "--uninstall", "--yes")
    left = machine.files() - before
    assert not {path for path in left if "claw" in path}, left


def test_a_download_that_was_changed_is_not_installed(machine: BareAccount) -> None:
    machine.run("sh", "-c", "cp -r /release . && for file in release/claw-socket-*.tar.gz; do echo x >>$file; done")
    done = machine.try_run("sh", "release/install.sh", "--yes")
    assert done.returncode == 1
    assert "is not what SHA256SUMS says; nothing was changed" in done.stderr
    assert "no such file" in machine.try_run("ls", ".local").stderr.lower()


def test_the_one_file_installs_itself_and_needs_no_temporary_folder_then(machine: BareAccount, tmp_path: Path) -> None:
    (one_file,) = (
        path for path in RELEASE.glob("claw-socket-*-linux-*") if path.suffix not in (".gz", ".json", ".txt")
    )
    assert "it runs: ws://localhost:3838/" in machine.run(f"/release/{one_file.name}", "install")
    assert "_MEI" not in machine.run("cat", ".config/systemd/user/claw-socket.service")
    assert machine.as_root("readlink", f"/proc/{pid_of(machine)}/exe").strip() == (
        f"{machine.home}/.local/share/claw-socket/{__version__}/claw-socket"
    )
    assert machine.as_root("sh", "-c", "ls -d /tmp/_MEI* 2>&1").count("_MEI*")
    does_its_job(machine, tmp_path)
