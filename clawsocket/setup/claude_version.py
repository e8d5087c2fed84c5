"""Which hook events the installed Claude Code knows, found without running it.

The version is in the ``package.json`` of an npm package, or in the path (the native installer, Homebrew, Nix). A
program from elsewhere has the list of names inside. Where ``claude`` is but a shim of a version manager, the last
session tells.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import msgspec

from clawsocket.claude.hook_events import FIRST_KNOWN, Version, known_events

USUAL: Version = (2, 1, 197)
"""A version that whoever has Claude Code where nobody finds it has at least."""

_PACKAGE = "@anthropic-ai/claude-code"
_FOLDERS = (
    "~/.local/bin",
    "~/.claude/local",
    "~/.npm-global/bin",
    "~/.bun/bin",
    "~/.volta/bin",
    "/usr/local/bin",
    "/opt/homebrew/bin",
    "/home/linuxbrew/.linuxbrew/bin",
)
"""Where Claude Code also is when a service does not have the PATH of its user's shell."""

_IN_PATH = re.compile(r"(?:claude/versions/|claude-code[^/]*?[-/@])(\d+)\.(\d+)\.(\d+)")
_NUMBERS = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_TAIL = 1_000_000
_LIST_IN_PROGRAM = re.compile(rb'"PreToolUse","PostToolUse"(?:,"[A-Za-z]{1,64}")+')


class _Versioned(msgspec.Struct):
    name: str = ""
    version: str = ""


def installed_events(claude_dirs: Iterable[Path]) -> frozenset[str]:
    """Return the events that can be registered without a complaint of the Claude Code that is installed.

    If it can't be found, that is what the version of the last session has: a service does not have every folder on its
    PATH. If there was none, it is what :data:`USUAL` has. If the program is there but nothing tells its version, that
    is what every version since 1.0.85 has.

    Args:
        claude_dirs: the folders of Claude Code, for what the last session tells.
    """
    program = find_program()
    if program is None:
        return known_events(_last_used(claude_dirs) or USUAL)
    version = version_of(program)
    if version is None and (listed := _listed_events(program)):
        return listed
    return known_events(version or _last_used(claude_dirs))


def find_program() -> Path | None:
    """Return the ``claude`` that the user runs, links followed: the first on the PATH or in a usual folder."""
    folders = [os.environ.get("PATH", os.defpath), *(str(Path(folder).expanduser()) for folder in _FOLDERS)]
    found = shutil.which("claude", path=os.pathsep.join(folders))
    return Path(os.path.realpath(found)) if found else None


def version_of(program: Path) -> Version | None:
    """Return the version of Claude Code by where its program is; None if that does not tell."""
    beside = program.parent / "node_modules" / _PACKAGE
    for folder in (beside, *program.parents[:3]):
        try:
            package = msgspec.json.decode((folder / "package.json").read_bytes(), type=_Versioned)
        except (OSError, msgspec.DecodeError):
            continue
        if package.name == _PACKAGE and (version := _version(_NUMBERS.match(package.version))):
            return version
    return _version(_IN_PATH.search(str(program)))


def _version(match: re.Match[str] | None) -> Version | None:
    if match is None:
        return None
    major, minor, patch = match.groups()
    return int(major), int(minor), int(patch)


def _listed_events(program: Path) -> frozenset[str]:
    """Return the events that a program lists: its longest list that begins with the two oldest names."""
    try:
        with program.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            lists = _LIST_IN_PROGRAM.findall(content)
    except (OSError, ValueError):  # an empty file can't be mapped
        return frozenset()
    names = max((set(found.decode().replace('"', "").split(",")) for found in lists), key=len, default=set())
    return frozenset(FIRST_KNOWN) & names


def _last_used(claude_dirs: Iterable[Path]) -> Version | None:
    """Return the version that wrote the end of the newest transcript."""
    transcripts = [path for folder in claude_dirs for path in (folder / "projects").glob("*/*.jsonl")]
    try:
        newest = max(transcripts, key=lambda path: path.stat().st_mtime_ns)
        with newest.open("rb") as file:
            file.seek(max(0, newest.stat().st_size - _TAIL))
            lines = file.read(_TAIL).split(b"\n")
    except (OSError, ValueError):
        return None
    for line in reversed(lines):
        with contextlib.suppress(msgspec.DecodeError):
            if version := _version(_NUMBERS.match(msgspec.json.decode(line, type=_Versioned).version)):
                return version
    return None
