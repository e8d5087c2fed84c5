"""How old a system may be that runs the binary."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path


def oldest_glibc(folder: Path) -> str:
    """Return the oldest glibc that has all that the programs and libraries of a folder ask it for, like ``2.31``.

    Raises:
        SystemExit: there is no ``objdump``.
    """
    found = {(0, 0)}
    for path in folder.rglob("*"):
        if path.is_file() and _is_elf(path):
            found |= {(int(major), int(minor)) for major, minor in re.findall(r"GLIBC_(\d+)\.(\d+)", _symbols(path))}
    return ".".join(map(str, max(found)))


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def _symbols(path: Path) -> str:
    try:
        return subprocess.run(["objdump", "-T", path], capture_output=True, text=True, check=True).stdout
    except FileNotFoundError:
        raise SystemExit("objdump is needed: apt install binutils") from None
