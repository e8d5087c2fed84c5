"""The names of Claude Code's project folders: ``projects/<name of the working directory>``."""

from __future__ import annotations

import re

MAX_NAME = 200
"""Longest name, in UTF-16 units, that is used as it is."""

_OTHER = re.compile("[^A-Za-z0-9]")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def project_folder(path: str) -> str:
    """Return the folder name that Claude Code uses for a working directory.

    Every UTF-16 unit outside ``[A-Za-z0-9]`` becomes ``-``; a name that is too long is cut and gets a hash of the path.
    Different paths can share a folder, so a transcript is found by its session's id, and its ``cwd`` is trusted and not
    the name.

    Args:
        path: the real path, symlinks resolved.
    """
    units = path.encode("utf-16-le", "surrogatepass")
    text = "".join(map(chr, memoryview(units).cast("H")))
    name = _OTHER.sub("-", text)
    if len(name) <= MAX_NAME:
        return name
    return f"{name[:MAX_NAME]}-{_base36(abs(_java_hash(text)))}"


def _java_hash(units: str) -> int:
    value = 0
    for unit in units:
        value = (value * 31 + ord(unit)) & 0xFFFFFFFF
    return value - (1 << 32) if value & 0x80000000 else value


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"
