"""Where things are, what they are called, and when they are from."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from clawsocket import __version__

NAME = "claw-socket"
VERSION = __version__
ROOT = Path(__file__).resolve().parents[2]
PACKAGING = ROOT / "packaging"
BUILD = ROOT / "build"
OUT = ROOT / "dist"

_SYSTEMS = {"linux": "linux", "darwin": "macos"}
_MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
_DEBIAN = {"x86_64": "amd64", "arm64": "arm64"}

SYSTEM = _SYSTEMS.get(sys.platform, sys.platform)
MACHINE = _MACHINES.get(platform.machine().lower(), platform.machine())
DEBIAN_MACHINE = _DEBIAN.get(MACHINE, MACHINE)
FULL_NAME = f"{NAME}-{VERSION}-{SYSTEM}-{MACHINE}"
"""What a binary is called that runs on machines like this one."""


def epoch() -> int:
    """Return the time that all files get, in seconds since 1970: ``$SOURCE_DATE_EPOCH``, or that of the last commit.

    https://reproducible-builds.org/specs/source-date-epoch/

    Raises:
        SystemExit: there is neither.
    """
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        return int(given)
    # A container may see a folder that is somebody else's.
    command = ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    try:
        return int(subprocess.run(command, capture_output=True, check=True).stdout)
    except (OSError, subprocess.CalledProcessError, ValueError):
        raise SystemExit("this is no clone: set SOURCE_DATE_EPOCH to the time of its release") from None


def when() -> datetime:
    """Return the same as a date."""
    return datetime.fromtimestamp(epoch(), UTC)


def environment() -> dict[str, str]:
    """Return the environment of a tool, in which nothing depends on when, where and by whom it is run."""
    fixed = {
        "SOURCE_DATE_EPOCH": str(epoch()), "PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8", "TZ": "UTC",
        "PYINSTALLER_CONFIG_DIR": str(BUILD / "pyinstaller"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip
    return {**os.environ, **fixed}


def run(*command: str | Path, cwd: Path = ROOT) -> None:
    """Run a tool that must succeed; what it says is shown only if it does not.

    Raises:
        SystemExit: it does not.
    """
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=environment(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{done.stdout}{done.stderr}\n{' '.join(map(str, command))} failed with {done.returncode}")
