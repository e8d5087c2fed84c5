"""Each example runs as it is, against the real service."""

from __future__ import annotations

import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support import npm
from tests.support.browser import chromium, page_of
from tests.support.feed import hook, spool
from tests.support.secret_service import Desktop
from tests.support.service import ROOT, Service, environment
from tests.support.waiting import wait_for

EXAMPLES = ROOT / "examples"
CLIENT = ROOT / "clawsocket" / "web" / "claw-socket.js"
BASH = {"tool_name": "Bash", "tool_input": {"command": "rm -r <build>"}}


@pytest.fixture
def service(home: Path) -> Iterator[Service]:
    with Service(home) as running:
        running.wait_for_hooks()
        yield running


def with_programs(home: Path) -> dict[str, str]:
    """An environment in which our command is found, and what tests have installed beside it."""
    return {**environment(home), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def ask(home: Path, number: int = 1) -> None:
    """Let a session need its owner."""
    spool(home, f"{number}a", hook(number, hook_event_name="PreToolUse", tool_use_id=f"toolu_{number}", **BASH))
    spool(home, f"{number}b", hook(number, hook_event_name="PermissionRequest", **BASH))


@contextmanager
def started(command: list[str | Path], env: dict[str, str], cwd: Path = ROOT) -> Iterator[subprocess.Popen[str]]:
    """Run a program and what it starts, until the end of a with block."""
    with subprocess.Popen(
        command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, process_group=0
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def read(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def connected(service: Service, count: int) -> bool:
    """Tell whether so many connections are open on the service's Unix socket."""
    lines = Path("/proc/net/unix").read_text().splitlines()
    path = str(service.folder / "socket")
    return sum(one.endswith(f" {path}") and one.split()[5] == "03" for one in lines) >= count


def test_every_example_has_a_test_and_is_listed() -> None:
    listed = (EXAMPLES / "README.md").read_text()
    here = Path(__file__).read_text()
    for folder in EXAMPLES.iterdir():
        if folder.is_dir():
            assert f"]({folder.name}" in listed
            assert f'"{folder.name}"' in here


def test_a_shell_prints_tool_calls(home: Path, service: Service) -> None:
    with started([EXAMPLES / "shell" / "tool-calls.sh"], with_programs(home)) as process:
        wait_for(lambda: connected(service, 1), "the connection")
        told: list[str] = []
        reader = threading.Thread(target=lambda: told.append(read(process)))
        reader.start()
        numbers = iter(range(1000))

        def printed() -> bool:  # it does not say from when on it is told
            ask(home, next(numbers))
            return bool(told)

        wait_for(printed, "a tool call")
        reader.join()
        assert told == ['aaaa1111 Bash {"command": "rm -r <build>"}\n']
        service.stop()
        assert process.wait(10) == 0


@pytest.mark.parametrize(("name", "first"), [("claude.sh", "~~~\n"), ("claude.10s.sh", "")])
def test_a_menu_bar_shows_the_sessions(home: Path, service: Service, name: str, first: str) -> None:
    ask(home)
    plugin = EXAMPLES / "menu-bar" / name
    if first:
        assert "<swiftbar.type>streamable</swiftbar.type>" in plugin.read_text()

    def menu() -> str:
        with started([plugin], with_programs(home)) as process:
            return "".join(read(process) for _ in range(5))

    shown = wait_for(lambda: found if "1 waiting" in (found := menu()) else None, "the menu")
    assert shown.startswith(f"{first}1 waiting | color=")
    assert "w: needs you since" in shown


def test_a_desktop_notification_tells_which_session_needs_its_owner_and_why(
    home: Path, service: Service, tmp_path: Path
) -> None:
    with Desktop(tmp_path, keyring=False) as desktop, ExitStack() as stack:
        bus = {"DBUS_SESSION_BUS_ADDRESS": desktop.address}
        screen = subprocess.Popen(
            ["Xvfb", "-displayfd", "1", "-screen", "0", "640x480x24", "-nolisten", "tcp"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        stack.enter_context(screen)
        stack.callback(screen.kill)
        display = {**with_programs(home), **bus, "DISPLAY": f":{read(screen).strip()}"}
        (tmp_path / "dunstrc").touch()
        daemon = subprocess.Popen(["dunst", "-conf", tmp_path / "dunstrc"], env=display, stderr=subprocess.DEVNULL)
        stack.enter_context(daemon)
        stack.callback(daemon.kill)
        wait_for(lambda: dunst(display, "count") is not None, "the notification daemon")
        stack.enter_context(started([EXAMPLES / "notify" / "claude-notify.sh"], display))
        wait_for(lambda: connected(service, 1), "the connection")
        numbers = iter(range(1000))

        def shown() -> bool:
            number = next(numbers)
            ask(home, number)
            spool(home, f"{number}c", hook(number, hook_event_name="Stop"))
            return "Currently displayed: 0" not in (dunst(display, "count") or "Currently displayed: 0")

        wait_for(shown, "a notification", 20)
        dunst(display, "close-all")
        (first, *_), *_ = json.loads(dunst(display, "history") or "")["data"]
        assert first["appname"]["data"] == "Claude Code"
        assert first["summary"]["data"] == "/w needs you"
        assert first["body"]["data"].startswith("permission Bash ")
        assert "rm -r &lt;build&gt;" in first["body"]["data"]


def test_notifications_that_can_not_be_shown_yet_end_none_that_follow(
    home: Path, service: Service, tmp_path: Path
) -> None:
    tried, ready, shown = (tmp_path / name for name in ("tried", "ready", "shown"))
    notify = tmp_path / "bin" / "notify-send"
    notify.parent.mkdir()
    notify.write_text(f'#!/bin/sh\ntouch "{tried}"; [ -e "{ready}" ] && touch "{shown}"\n')
    notify.chmod(0o755)
    env = with_programs(home)
    env["PATH"] = f"{notify.parent}:{env['PATH']}"
    numbers = iter(range(1000))

    def asked(until: Path) -> bool:
        number = next(numbers)
        ask(home, number)
        spool(home, f"{number}c", hook(number, hook_event_name="Stop"))
        return until.exists()

    with started([EXAMPLES / "notify" / "claude-notify.sh"], env):
        wait_for(lambda: connected(service, 1), "the connection")
        wait_for(lambda: asked(tried), "the first try")
        ready.touch()
        wait_for(lambda: asked(shown), "a notification")


def dunst(env: dict[str, str], command: str) -> str | None:
    """Return what dunst says; None if it does not answer."""
    done = subprocess.run(["dunstctl", command], env=env, capture_output=True, text=True, timeout=10, check=False)
    return done.stdout if done.returncode == 0 else None


def test_a_web_page_shows_sessions_and_tool_calls(home: Path, service: Service, tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "web-page" / "index.html", tmp_path)
    shutil.copy(CLIENT, tmp_path)
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, chromium() as browser, page_of(browser) as (page, _):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        page.get_by_label("Server").fill(f"ws://{service.address}")
        page.get_by_label("Token").fill(service.token)
        page.get_by_role("button", name="Connect").click()
        page.get_by_text("none", exact=True).wait_for()
        ask(home)
        page.get_by_text("/w · requires_action · permission").wait_for()
        page.get_by_text('Bash {"command": "rm -r <build>"}').wait_for()  # as text
        assert not page.get_by_label("Token").is_visible()
        assert service.token not in page.url
        server.shutdown()


VSCODE = """
const Module = require("node:module");
const told = (...what) => console.log(JSON.stringify(what));
const item = { show() { told("shown"); }, dispose() { told("disposed"); } };
const watched = new Proxy(item, {
  set(target, name, value) {
    target[name] = value;
    if (name === "tooltip") told(item.text, value, item.backgroundColor?.id ?? null);
    return true;
  },
});
const commands = {};
const vscode = {
  StatusBarAlignment: { Left: 1 },
  ThemeColor: class { constructor(id) { this.id = id; } },
  Uri: { file: (path) => ({ path }) },
  window: {
    createStatusBarItem: () => watched,
    showQuickPick: async (items) => { told("picks", items); return items[0]; },
  },
  commands: {
    registerCommand: (name, run) => { commands[name] = run; return { dispose() {} }; },
    executeCommand: async (name, uri, options) => told(name, uri.path, options.forceNewWindow),
  },
};
const load = Module._load;
Module._load = (name, ...rest) => (name === "vscode" ? vscode : load(name, ...rest));
const extension = require("./extension.js");
const context = { subscriptions: [] };
extension.activate(context).then(() => told("active"));
process.stdin.once("data", async () => {
  await commands["clawSocket.showSessions"]();
  extension.deactivate();
  for (const one of context.subscriptions) one.dispose();
  process.stdin.unref();
});
"""
"""What VS Code is for this extension; the editor itself comes from its maker's host alone."""


@pytest.fixture
def extension(tmp_path: Path) -> Path:
    """The extension in a clone, made ready as its README says."""
    folder = tmp_path / "examples" / "vscode"
    shutil.copytree(EXAMPLES / "vscode", folder)
    (tmp_path / "clawsocket" / "web").mkdir(parents=True)
    for path in CLIENT.parent.glob("claw-socket.*"):
        shutil.copy(path, tmp_path / "clawsocket" / "web")
    subprocess.run(["npm", "run", "--silent", "vscode:prepublish"], cwd=folder, check=True, timeout=30)
    return folder


def test_an_extension_of_vs_code_shows_them_in_the_status_bar(home: Path, extension: Path) -> None:
    (extension / "main.cjs").write_text(VSCODE)
    with subprocess.Popen(
        ["node", "main.cjs"],
        cwd=extension,
        env=environment(home),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def until(text: str) -> list[object]:
            while text not in (line := read(process)):
                assert line, f"{text} was not told"
            found: list[object] = json.loads(line)
            return found

        assert process.stdin is not None
        try:
            assert "claw-socket is not running" in str(until("is not running")[1])
            until("active")
            with Service(home) as service:
                service.wait_for_hooks()
                until("no sessions of Claude Code")
                ask(home)
                shown = until("waiting")
                assert shown[0] == "$(bell-dot) 1 waiting"
                assert str(shown[1]).startswith("w · needs you · permission")
                assert shown[2] == "statusBarItem.warningBackground"
                process.stdin.write("show\n")
                process.stdin.flush()
                picks = until("picks")[1]
                assert isinstance(picks, list)
                assert [(one["label"], one["detail"]) for one in picks] == [("w", "/w")]
                assert until("vscode.openFolder") == ["vscode.openFolder", "/w", True]
                until("disposed")
                assert process.wait(10) == 0  # nothing of it is left running
        finally:
            process.kill()


def test_the_extension_uses_the_api_of_vs_code_as_it_is(extension: Path) -> None:
    modules = npm.install(npm.SCRATCH / "vscode", "typescript@5.9.3", "@types/vscode@1.96.0", "@types/node@20.19.25")
    flags = "--noEmit --strict --allowJs --checkJs --skipLibCheck --module nodenext --moduleResolution nodenext".split()
    (extension / "node_modules").symlink_to(modules)
    done = subprocess.run(
        [modules / ".bin" / "tsc", *flags, "--target", "es2022", "--types", "node,vscode", "extension.js"],
        cwd=extension,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    manifest = json.loads((extension / "package.json").read_text())
    assert manifest["main"] == "./extension.js"
    assert manifest["contributes"]["commands"][0]["command"] in (extension / "extension.js").read_text()
