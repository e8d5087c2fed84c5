"""A stand-in for ``launchctl``: it keeps the rules of launchd that our installer relies on, and really runs the agent.

Run as a program with ``$FAKE_LAUNCHD``, a folder: ``calls`` gets every call, ``failures.json`` says with which codes
the next calls of a verb fail.
"""

from __future__ import annotations

import json
import os
import plistlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

FOLDER = Path(os.environ.get("FAKE_LAUNCHD", "/nonexistent"))
LOADED, PID = FOLDER / "loaded", FOLDER / "pid"
MESSAGES = {
    3: "Boot-out failed: 3: No such process",
    5: "Bootstrap failed: 5: Input/output error",
    113: "Could not find service in domain for user gui",
}


def main(verb: str, *words: str) -> int:
    with (FOLDER / "calls").open("a") as calls:
        calls.write(json.dumps([verb, *words]) + "\n")
    failures = json.loads((FOLDER / "failures.json").read_text())
    if failures.get(verb):
        code = failures[verb].pop(0)
        (FOLDER / "failures.json").write_text(json.dumps(failures))
        if code:
            return int(code)
    return VERBS[verb](*words)


def show(target: str) -> int:
    if target.count("/") == 1:
        return 0
    if not LOADED.exists():
        return 113
    print(f"{target} = {{\n\tstate = {'running' if alive() else 'not running'}\n}}")
    return 0


def bootstrap(_domain: str, path: str) -> int:
    if LOADED.exists():
        return 5
    LOADED.write_text(path)
    run()
    return 0


def bootout(_target: str) -> int:
    if not LOADED.exists():
        return 3
    end(signal.SIGTERM)
    LOADED.unlink()
    return 0


def kickstart(*words: str) -> int:
    if not LOADED.exists():
        return 113
    if "-k" in words:
        end(signal.SIGKILL)
    if not alive():
        run()
    return 0


def kill(_signal: str, _target: str) -> int:
    if not LOADED.exists():
        return 113
    end(signal.SIGTERM)
    return 0


def run() -> None:
    agent = plistlib.loads(Path(LOADED.read_text()).read_bytes())
    given = {name: os.environ[name] for name in ("HOME", "COVERAGE_PROCESS_CONFIG") if name in os.environ}
    environment = {**given, "PATH": "/usr/bin:/bin", **agent.get("EnvironmentVariables", {})}
    log = Path(agent["StandardOutPath"])
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        process = subprocess.Popen(
            agent["ProgramArguments"], env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd="/",
            start_new_session=True,
        )  # fmt: skip
    PID.write_text(str(process.pid))


def alive() -> bool:
    if not PID.exists():
        return False
    status = subprocess.run(["ps", "-o", "stat=", "-p", PID.read_text()], capture_output=True, text=True, check=False)
    return status.stdout.strip()[:1] not in ("", "Z")


def end(number: int) -> None:
    if alive():
        os.kill(int(PID.read_text()), number)
        while alive():
            time.sleep(0.02)


VERBS: dict[str, Callable[..., int]] = {
    "print": show,
    "enable": lambda _target: 0,
    "bootstrap": bootstrap,
    "bootout": bootout,
    "kickstart": kickstart,
    "kill": kill,
}


if __name__ == "__main__":
    code = main(*sys.argv[1:])
    if code:
        print(MESSAGES.get(code, f"error {code}"), file=sys.stderr)
    sys.exit(code)
