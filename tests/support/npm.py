"""Packages from npm, each at its version, installed once below .scratch/."""

from __future__ import annotations

import fcntl
import json
import subprocess
from pathlib import Path

SCRATCH = Path(__file__).resolve().parents[2] / ".scratch"


def install(folder: Path, *packages: str) -> Path:
    """Install packages in a folder, unless they are there.

    Args:
        folder: where to.
        packages: each as ``name@version``.

    Returns:
        The folder of what is installed, ``node_modules``.
    """
    modules = folder / "node_modules"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in several processes
        _install(folder, modules, packages)
    return modules


def _install(folder: Path, modules: Path, packages: tuple[str, ...]) -> None:
    if not all(_is_there(modules, package) for package in packages):
        quiet = ("--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")
        subprocess.run(["npm", "install", *quiet, "--prefix", str(folder), *packages], check=True, timeout=240)
        for package in packages:
            assert _is_there(modules, package), f"{package} was not installed"


def _is_there(modules: Path, package: str) -> bool:
    name, _, version = package.rpartition("@")
    try:  # written last, so that an installation that was cut off is none
        installed = json.loads((modules / ".package-lock.json").read_bytes())["packages"]
    except FileNotFoundError:
        return False
    return bool(installed.get(f"node_modules/{name}", {}).get("version") == version)
