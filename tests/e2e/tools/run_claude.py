#!/usr/bin/env python3
"""Run one scenario of the real Claude Code program against fake_model.py and keep what it left.

    run_claude.py --claude BIN --home HOME --scenario FILE --out DIR [--keep-settings] [--no-recorder] [-- arguments]

HOME is an isolated home directory; it's made ready if it has no .claude.json (onboarding done, fake key
approved, cwd trusted) and gets a settings.json with a recorder hook for every event. The child gets a clean
environment: nothing is inherited but PATH. The model URL is always 127.0.0.1. With --keep-settings the hooks that
HOME's settings.json already has stay beside the recorder's, and the file is put back byte for byte afterwards: for
testing a program that installed its own. --no-recorder adds no hooks.

The scenario file is a fake_model scenario with a "claude" section:
    {"mode": "print" | "tui", "prompt": "...", "args": [...], "env": {...}, "timeout": 60,
     "cwd": folder name under HOME/work (default: the scenario name),
     "settings": {...merged over the recorder settings...}, "no_hooks": ["WorktreeCreate", ...],
     "files": {"relative/name": "content"},  "git": true,       # made in cwd first
     "kill_after": {"hook": "PreToolUse", "signal": "KILL"},     # print mode
     "steps": [...]}                                             # tui mode
TUI steps: {"type": text} {"key": "Enter"} {"wait": regex on the screen} {"status": "idle"|...: wait until
sessions/<pid>.json says so} {"sleep": s} {"signal": "KILL"} {"screen": name (saved)} {"shell": command}
   {"hook": EVENT, "count": n: wait until n such hooks were recorded} each with an optional "timeout".

Left in --out: hooks.jsonl, statusline.jsonl, sessions.jsonl (every distinct content of sessions/*.json with
time and file events), requests.jsonl, stdout.txt, stderr.txt, screens/, projects/ (transcripts), result.json.
The exit code is 1 if Claude Code or a step took longer than it may.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

HERE = Path(__file__).resolve().parent
KEY = "sk-ant-fake-for-loopback"
# WorktreeCreate is missing: any hook on it replaces git's own creation of worktrees.
EVENTS = (
    "PreToolUse PostToolUse PostToolUseFailure PostToolBatch Notification UserPromptSubmit "
    "UserPromptExpansion SessionStart SessionEnd Stop StopFailure SubagentStart SubagentStop PreCompact PostCompact "
    "PermissionRequest PermissionDenied Setup TeammateIdle TaskCreated TaskCompleted Elicitation ElicitationResult "
    "ConfigChange WorktreeRemove InstructionsLoaded CwdChanged FileChanged MessageDisplay"
)

ASKING = {"permissions": {"defaultMode": "default", "disableAutoMode": "disable"}}
"""In the terminal newer versions begin in auto mode, which asks nobody, and offer it in their dialogs."""

Json = dict[str, Any]


class TooSlowError(Exception):
    """Claude Code did not get where the scenario wanted it in time."""


def clean_env(home: Path, port: int, extra: dict[str, str]) -> dict[str, str]:
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "SHELL": "/bin/bash",
        "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{port}",
        "ANTHROPIC_API_KEY": KEY,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_TELEMETRY": "1",
        "DISABLE_ERROR_REPORTING": "1",
        "DISABLE_INSTALLATION_CHECKS": "1",
        **extra,
    }


def recorder_settings(out: Path, skip: list[str]) -> Json:
    def command(event: str) -> str:
        target = "statusline.jsonl" if event == "StatusLine" else "hooks.jsonl"
        return shlex.join(["python3", "-S", "-E", str(HERE / "record.py"), str(out / target), event])

    hooks = {}
    for event in EVENTS.split():
        if event not in skip:
            entry: Json = {"hooks": [{"type": "command", "command": command(event), "timeout": 10}]}
            if event == "FileChanged":
                entry["matcher"] = ".env|watched.txt"
            hooks[event] = [entry]
    return {"hooks": hooks, "statusLine": {"type": "command", "command": command("StatusLine")}}


def beside_existing(path: Path, settings: Json) -> Json:
    if not path.exists():
        return settings
    kept = cast(Json, json.loads(path.read_text()))
    hooks = kept.get("hooks", {})
    for event, entries in settings.get("hooks", {}).items():
        hooks.setdefault(event, []).extend(entries)
    return {**settings, **kept, "hooks": hooks}


def prepare_home(home: Path, cwd: Path) -> None:
    (home / ".claude").mkdir(parents=True, exist_ok=True)
    path = home / ".claude.json"
    config = json.loads(path.read_text()) if path.exists() else {}
    config.setdefault("hasCompletedOnboarding", True)
    config.setdefault("theme", "dark")
    config.setdefault("customApiKeyResponses", {"approved": [KEY[-20:]], "rejected": []})
    project = config.setdefault("projects", {}).setdefault(str(cwd), {})
    project.update(hasTrustDialogAccepted=True, hasCompletedProjectOnboarding=True)
    path.write_text(json.dumps(config, indent=2))


@contextlib.contextmanager
def settings_file(path: Path, settings: Json, *, keep: bool) -> Iterator[None]:
    """Have ``settings`` in the file for a while; with ``keep``, beside what is there, which comes back afterwards."""
    before = path.read_bytes() if keep and path.exists() else None
    path.write_text(json.dumps(beside_existing(path, settings) if keep else settings, indent=2))
    try:
        yield
    finally:
        if before is not None:
            path.write_bytes(before)


def make_folder(home: Path, cwd: Path, plan: Json) -> None:
    cwd.mkdir(parents=True, exist_ok=True)
    for name, content in plan.get("files", {}).items():
        (cwd / name).parent.mkdir(parents=True, exist_ok=True)
        (cwd / name).write_text(content)
    if plan.get("git") and not (cwd / ".git").exists():
        git = ["git", "-c", "user.name=Dev", "-c", "user.email=dev@example.invalid"]
        for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "--allow-empty", "-m", "start"]):
            subprocess.run([*git, *command], cwd=cwd, check=True, env={"PATH": os.environ["PATH"], "HOME": str(home)})


class SessionWatch(threading.Thread):
    """Poll sessions/*.json and write each distinct content (or disappearance) with its time."""

    def __init__(self, home: Path, out: Path) -> None:
        super().__init__(daemon=True)
        self.folder = home / ".claude" / "sessions"
        self.path = out / "sessions.jsonl"
        self.seen: dict[str, str] = {}
        self.stopping = False

    def run(self) -> None:
        while not self.stopping:
            self.poll()
            time.sleep(0.003)
        self.poll()

    def poll(self) -> None:
        names = set()
        for path in self.folder.glob("*.json"):
            names.add(path.name)
            try:
                content = path.read_text()
            except OSError:
                continue
            if self.seen.get(path.name) != content:
                self.write("write" if path.name in self.seen else "create", path.name, content)
                self.seen[path.name] = content
        for name in set(self.seen) - names:
            del self.seen[name]
            self.write("delete", name, "")

    def write(self, op: str, name: str, content: str) -> None:
        try:
            data = json.loads(content) if content else None
        except ValueError:
            data = {"unparsed": content}
        with self.path.open("a") as file:
            file.write(json.dumps({"ts": time.time(), "op": op, "file": name, "content": data}) + "\n")

    def status(self) -> str | None:
        for content in list(self.seen.values()):
            with contextlib.suppress(ValueError):
                return cast("str | None", json.loads(content).get("status"))
        return None


class Terminal:
    """Claude Code's terminal UI in a tmux of its own."""

    def __init__(self, out: Path, watch: SessionWatch, sockets: Path) -> None:
        self.out, self.watch = out, watch
        self.socket = str(sockets / "tmux")

    def tmux(self, *args: str) -> str:
        return subprocess.run(["tmux", "-S", self.socket, *args], capture_output=True, text=True, check=False).stdout

    def start(self, argv: list[str], env: dict[str, str], cwd: Path) -> None:
        argv = [argv[0], "--settings", json.dumps(ASKING), *argv[1:]]
        command = shlex.join(["env", "-i", *[f"{k}={v}" for k, v in env.items()], *argv])
        command += f" ; echo EXIT:$? > {shlex.quote(str(self.out / 'exit.txt'))}"
        size = ["-x", "160", "-y", "50"]
        self.tmux("-f", "/dev/null", "new-session", "-d", "-s", "cap", *size, "-c", str(cwd), command)
        self.tmux("set", "-g", "remain-on-exit", "on")

    def screen(self) -> str:
        return self.tmux("capture-pane", "-p", "-t", "cap")

    def hooks(self, event: str) -> int:
        path = self.out / "hooks.jsonl"
        return path.read_text().count(f'"event": "{event}"') if path.exists() else 0

    def until(self, check: Callable[[], object], timeout: float, what: str) -> None:
        end = time.monotonic() + timeout
        while not check():
            if time.monotonic() > end:
                raise TooSlowError(f"{what}\n{self.screen()}")
            time.sleep(0.03)

    def step(self, step: Json) -> None:
        self.act(step)
        self.wait_for(step, step.get("timeout", 20))
        time.sleep(step.get("sleep", 0))
        if "screen" in step:
            (self.out / "screens").mkdir(exist_ok=True)
            (self.out / "screens" / (step["screen"] + ".txt")).write_text(self.screen())
            coloured = self.tmux("capture-pane", "-e", "-p", "-t", "cap")
            (self.out / "screens" / (step["screen"] + ".ansi")).write_text(coloured)

    def act(self, step: Json) -> None:
        if "type" in step:
            self.tmux("send-keys", "-t", "cap", "-l", step["type"])
            time.sleep(0.2)
        if "key" in step:
            self.tmux("send-keys", "-t", "cap", step["key"])
        if "shell" in step:
            subprocess.run(step["shell"], shell=True, check=False)
        if "signal" in step:
            for name in list(self.watch.seen):
                os.kill(int(name.split(".")[0]), getattr(signal, "SIG" + step["signal"]))

    def wait_for(self, step: Json, timeout: float) -> None:
        if "wait" in step:
            self.until(lambda: re.search(step["wait"], self.screen()), timeout, step["wait"])
        if "status" in step:
            self.until(lambda: self.watch.status() == step["status"], timeout, "status " + step["status"])
        if "hook" in step:
            self.until(lambda: self.hooks(step["hook"]) >= step.get("count", 1), timeout, "hook " + step["hook"])


def run_terminal(argv: list[str], env: dict[str, str], cwd: Path, plan: Json, out: Path, watch: SessionWatch) -> str:
    # A socket's path may be about 100 bytes long: not below --out.
    with tempfile.TemporaryDirectory(prefix="tmux-") as sockets:
        terminal = Terminal(out, watch, Path(sockets))
        terminal.start(argv, env, cwd)
        try:
            for step in plan.get("steps", []):
                terminal.step(step)
            time.sleep(0.3)
        finally:
            terminal.step({"screen": "final"})
            terminal.tmux("kill-server")
    exit_file = out / "exit.txt"
    return exit_file.read_text().strip() if exit_file.exists() else ""


def run_print(argv: list[str], env: dict[str, str], cwd: Path, plan: Json, out: Path) -> int:
    with (out / "stdout.txt").open("wb") as stdout, (out / "stderr.txt").open("wb") as stderr:
        child = subprocess.Popen(argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr)
        kill = plan.get("kill_after")
        end = time.monotonic() + plan.get("timeout", 60)
        path = out / "hooks.jsonl"
        while child.poll() is None:
            if kill and path.exists() and f'"event": "{kill["hook"]}"' in path.read_text():
                time.sleep(kill.get("after_s", 0.3))
                child.send_signal(getattr(signal, "SIG" + kill["signal"]))
                kill = None
            if time.monotonic() > end:
                child.terminate()
                child.wait()
                raise TooSlowError("claude -p to end")
            time.sleep(0.02)
        return child.returncode


@contextlib.contextmanager
def fake_model(scenario: Path, out: Path, names: dict[str, Path]) -> Iterator[int]:
    variables = [item for name, value in names.items() for item in ("--var", f"{name}={value}")]
    command = [sys.executable, str(HERE / "fake_model.py"), "--scenario", str(scenario), *variables]
    log = ["--log", str(out / "requests.jsonl")]
    with subprocess.Popen([*command, *log], stdout=subprocess.PIPE, text=True) as model:
        assert model.stdout
        try:
            yield json.loads(model.stdout.readline())["port"]
        finally:
            model.terminate()


@contextlib.contextmanager
def watching(home: Path, out: Path) -> Iterator[SessionWatch]:
    watch = SessionWatch(home, out)
    watch.start()
    try:
        yield watch
    finally:
        watch.stopping = True
        watch.join(2)


def keep_transcripts(home: Path, out: Path, started: float) -> None:
    hooks = out / "hooks.jsonl"
    lines = hooks.read_text().split("\n") if hooks.exists() else []
    sessions = {json.loads(line)["payload"].get("session_id") for line in lines if line}
    for path in (home / ".claude" / "projects").glob("*/*.jsonl"):
        if path.stem in sessions or path.stat().st_mtime >= started:
            target = out / "projects" / path.parent.name
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
            if (path.parent / path.stem).is_dir():
                shutil.copytree(path.parent / path.stem, target / path.stem, dirs_exist_ok=True)


def fill(value: Json, names: dict[str, Path]) -> Json:
    text = json.dumps(value)
    for name, actual in names.items():
        text = text.replace("{{" + name + "}}", str(actual))
    return cast(Json, json.loads(text))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--claude", required=True, help="path of the claude binary")
    parser.add_argument("--home", required=True, type=Path)
    parser.add_argument("--scenario", required=True, type=Path)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--keep-settings", action="store_true", help="keep the hooks that HOME's settings.json has")
    parser.add_argument("--no-recorder", action="store_true", help="add no hooks")
    parser.add_argument("more", nargs="*", help="more claude arguments, after --")
    args = parser.parse_args()
    if args.home.resolve() == Path.home().resolve():
        parser.error("--home must be an isolated directory, not the real home")
    return args


def run(args: argparse.Namespace) -> None:
    home, out = args.home.resolve(), args.out.resolve()
    plan = json.loads(args.scenario.read_text()).get("claude", {})
    cwd = home / "work" / plan.get("cwd", args.scenario.stem)
    shutil.rmtree(out, ignore_errors=True)
    if "cwd" not in plan:
        shutil.rmtree(cwd, ignore_errors=True)  # a scenario's own folder starts empty; a shared one is kept
    out.mkdir(parents=True)
    names = {"cwd": cwd, "home": home, "out": out, "here": HERE}
    plan = fill(plan, names)
    make_folder(home, cwd, plan)
    prepare_home(home, cwd)
    recorder = {} if args.no_recorder else recorder_settings(out, plan.get("no_hooks", []))
    settings = {**recorder, **plan.get("settings", {})}
    argv = [args.claude, *plan.get("args", []), *args.more]
    started = time.time()
    with (
        settings_file(home / ".claude" / "settings.json", settings, keep=args.keep_settings),
        fake_model(args.scenario, out, names) as port,
        watching(home, out) as watch,
    ):
        env = clean_env(home, port, plan.get("env", {}))
        code: int | str
        if plan.get("mode", "print") == "print":
            argv[1:1] = ["-p", plan.get("prompt", "Say hello.")]
            code = run_print(argv, env, cwd, plan, out)
        else:
            code = run_terminal(argv, env, cwd, plan, out, watch)
        time.sleep(plan.get("linger", 0.5))
    result = {"argv": argv, "exit": code, "wall_s": round(time.time() - started, 3), "cwd": str(cwd)}
    (out / "result.json").write_text(json.dumps(result))
    keep_transcripts(home, out, started)


def main() -> int:
    try:
        run(arguments())
    except TooSlowError as error:
        print(f"timed out waiting for {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
