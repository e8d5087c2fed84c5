"""An account of its own on a machine with a real ``systemd --user`` and journald; see ``user_manager.sh``."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.service import BINARY, ROOT
from tests.support.waiting import wait_for

_SCRIPT = Path(__file__).with_suffix(".sh")
_NAMESPACES = ["--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"]
AS_ROOT = [] if os.geteuid() == 0 else ["sudo", "-n"]
_TOOLS = ["unshare", "nsenter", "setpriv", "useradd", "journalctl", "systemd-analyze", "/lib/systemd/systemd"]
_numbers = itertools.count()


def missing() -> list[str]:
    """Return what this machine lacks for it."""
    if sys.platform != "linux":
        return ["Linux"]
    lacks = [tool for tool in _TOOLS if shutil.which(tool, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None]
    if " cgroup2 " not in Path("/proc/mounts").read_text():
        lacks.append("a mounted cgroup2")
    if AS_ROOT and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode:
        lacks.append("root, or sudo without a password")
    return lacks


def unavailable() -> list[str]:
    """Return why tests of it can't be run here. CI has installed what it needs: there they run, or fail."""
    return [] if sys.platform == "linux" and os.environ.get("CI") else missing()


class Account:
    """A user who has just been created and has logged in; leaving the context removes both.

    ``claw-socket`` is on the PATH, as a link to a program in the folder of its version.

    Attributes:
        home: the user's home.
    """

    def __init__(self, logs: Path) -> None:
        self._name = f"claw{os.getpid()}n{next(_numbers)}"
        self._logs = logs
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with self._stack:
            self._stack.callback(root, "userdel", "--remove", "--force", self._name, check=False)
            root("useradd", "--create-home", "--shell", "/bin/bash", self._name)
            entry = pwd.getpwnam(self._name)
            self.home, self.uid = Path(entry.pw_dir), entry.pw_uid
            self._start()
            self.login()
            self._program()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _start(self) -> None:
        folders = [sys.base_prefix, str(ROOT), sys.prefix, os.path.realpath(sys.prefix)]
        readable = dict.fromkeys([*folders, *([str(Path(BINARY).parent)] if BINARY else [])])
        self._run_machine([*AS_ROOT, "unshare", *_NAMESPACES, str(_SCRIPT), self._name, str(self._logs), *readable])

    def _run_machine(self, command: list[str]) -> None:
        with (self._logs / "machine.log").open("wb") as log:
            self._machine = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        self._stack.callback(self._end)
        assert self._machine.stdout is not None
        if self._machine.stdout.readline() != b"ready\n":
            raise RuntimeError((self._logs / "machine.log").read_text())
        self._init = _first_process(self._machine.pid)

    def _end(self) -> None:
        assert self._machine.stdin is not None
        assert self._machine.stdout is not None
        self._machine.stdin.close()
        self._machine.wait(20)
        self._machine.stdout.close()
        (cgroups,) = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines() if " cgroup2 " in line][
            :1
        ]
        ours = Path(cgroups) / "user.slice" / f"user-{self.uid}.slice"
        root("find", str(ours), "-depth", "-type", "d", "-exec", "rmdir", "{}", ";", check=False)
        root("rmdir", f"/run/user/{self.uid}", check=False)

    def login(self) -> None:
        """Start the user's systemd."""
        assert self._machine.stdin is not None
        self._machine.stdin.write(b"\n")
        self._machine.stdin.flush()
        wait_for(lambda: self.try_run("systemctl", "--user", "is-system-running", "--wait").returncode == 0, "systemd")

    def logout(self) -> None:
        """End it, and all that it runs."""
        self.try_run("systemctl", "--user", "exit")
        wait_for(lambda: self.as_root("pgrep", "-u", str(self.uid), "-f", "systemd --user") == "", "the end of systemd")

    def _program(self) -> None:
        self.program = self.home / ".local" / "bin" / "claw-socket"
        self.run("mkdir", "-p", str(self.program.parent))
        path = self.home / ".local" / "share" / "claw-socket-0.1.0" / "claw-socket"
        self.run("ln", "-s", str(path), str(self.program))
        if BINARY:
            self.run("mkdir", "-p", str(path.parent))
            self.run("cp", BINARY, str(path))
            self.run("ln", "-s", str(Path(BINARY).with_name("_internal")), str(path.parent))
            return
        script = f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom clawsocket.cli import main\n"
        self.write(path, f"{script}sys.exit(main())\n")
        self.run("chmod", "+x", str(path))

    def _enter(self, *words: str) -> list[str]:
        return [*AS_ROOT, "nsenter", f"--target={self._init}", "--mount", "--pid", "--net", "--", *words]

    def command(self, *words: str, **variables: str) -> list[str]:
        """Return what runs a command as this user, in the user's home and environment."""
        runtime = f"/run/user/{self.uid}"
        environment = {
            "HOME": str(self.home),
            "USER": self._name,
            "LANG": "C.UTF-8",
            "PATH": f"{self.home}/.local/bin:/usr/local/bin:/usr/bin:/bin",
            "XDG_RUNTIME_DIR": runtime,
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={runtime}/bus",
            **variables,
        }
        identity = ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--init-groups"]
        settings = [f"{name}={value}" for name, value in environment.items() if value]
        return self._enter(*identity, "env", "-i", *settings, "sh", "-c", 'cd && exec "$@"', "sh", *words)

    def try_run(self, *words: str, given: str | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; a variable that is empty is not set."""
        command = self.command(*words, **variables)
        stdin = {"input": given} if given is not None else {"stdin": subprocess.DEVNULL}
        return subprocess.run(command, capture_output=True, text=True, timeout=50, check=False, **stdin)

    def run(self, *words: str, given: str | None = None, **variables: str) -> str:
        """Run a command that must succeed, and return what it printed."""
        done = self.try_run(*words, given=given, **variables)
        assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def as_root(self, *words: str) -> str:
        """Run a command as root where the user is, and return what it printed, however it ended."""
        return subprocess.run(
            self._enter(*words), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False
        ).stdout

    def write(self, path: Path, text: str) -> None:
        """Write a file as the user."""
        self.run("mkdir", "-p", str(path.parent))
        self.run("tee", str(path), given=text)

    def python(self, code: str) -> str:
        """Run Python as the user, with what our tests have installed."""
        return self.run(sys.executable, "-c", code)

    def property(self, name: str, unit: str = "claw-socket.service") -> str:
        """Return what systemd says of a unit."""
        return self.run("systemctl", "--user", "show", "--value", f"--property={name}", unit).strip()

    def journal(self) -> str:
        """Return what is in the user's journal."""
        return self.run("journalctl", "--user", "--no-pager", "--output=cat")

    def tree(self) -> dict[str, tuple[str, str]]:
        """Return every file of the home: its mode, and its content or where it links to."""
        code = """
import json, os, stat, sys
found = {}
for folder, folders, files in os.walk(os.path.expanduser("~")):
    for name in folders + files:
        path = os.path.join(folder, name)
        mode = os.lstat(path).st_mode
        if stat.S_ISLNK(mode): text = os.readlink(path)
        elif stat.S_ISREG(mode): text = open(path, errors="replace").read()
        else: text = ""
        found[os.path.relpath(path, os.path.expanduser("~"))] = (oct(mode), text)
json.dump(found, sys.stdout)
"""
        return {path: tuple(what) for path, what in json.loads(self.python(code)).items()}


def root(*words: str, check: bool = True, timeout: float = 30) -> None:
    """Run a command as root, on this machine."""
    done = subprocess.run([*AS_ROOT, *words], capture_output=True, text=True, timeout=timeout, check=False)
    if check and done.returncode:
        raise RuntimeError(f"{words}: {done.stderr}")


def _first_process(pid: int) -> int:
    """Return the first process of the pid namespace that was made below a process."""
    while True:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        pid = int(children[0])
        (line,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("NSpid")]
        if line.split()[-1] == "1":
            return pid
