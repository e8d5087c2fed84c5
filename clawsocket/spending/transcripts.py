"""Which transcripts there are in Claude Code's folders."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from clawsocket.sources.files import distinct, opened
from clawsocket.sources.transcript_index import AGENTS, agent, main_session

HEAD = 4096
"""Bytes in which a line tells whose it is: that stands before the message."""

_SESSION = re.compile(rb'"sessionId"\s*:\s*"([0-9A-Za-z_.-]+)"')


class File(NamedTuple):
    """A transcript. Its names, but for the path, are text that can be shown and sent: they may be no UTF-8.

    Attributes:
        session: whose it is, by its place, or where that does not tell by its first line.
        agent: the subagent, empty for the session's own.
        project: the name of its project's folder.
        changed: when it was written last, ns since 1970.
    """

    path: str
    session: str
    agent: str
    project: str
    device: int
    inode: int
    size: int
    changed: int


def files(dirs: Iterable[Path]) -> list[File]:
    """Return the transcripts in some of Claude Code's folders, each file once, by path."""
    found: dict[tuple[int, int], File] = {}
    for root in distinct(dirs):
        for project in _folders(str(root / "projects")):
            for file in _of_project(project):
                found.setdefault((file.device, file.inode), file)
    return sorted(found.values())


def _of_project(project: os.DirEntry[str]) -> Iterator[File]:
    for entry in _entries(project.path):
        session = main_session(entry.name)
        if session is not None:
            yield from _file(entry, session, "", project.name)
        elif (own := agent(entry.name)) is not None:
            yield from _file(entry, _session_in(entry.path) or own, own, project.name)
        elif _is_folder(entry):
            yield from _of_agents(f"{entry.path}/{AGENTS}", entry.name, project.name)


def _of_agents(folder: str, session: str, project: str) -> Iterator[File]:
    for entry in _entries(folder):
        own = agent(entry.name)
        if own is not None:
            yield from _file(entry, session, own, project)
        elif _is_folder(entry, links=False):  # those of a workflow
            yield from _of_agents(entry.path, session, project)


def _session_in(path: str) -> str:
    """Return whose a subagent's transcript is by its first line: until Claude Code 2.1.2 it lay by the session's."""
    try:
        with opened(path) as (descriptor, _):
            found = _SESSION.search(os.read(descriptor, HEAD))
    except OSError:
        return ""
    return found[1].decode() if found else ""


def _file(entry: os.DirEntry[str], session: str, agent: str, project: str) -> Iterator[File]:
    try:
        status = entry.stat()
    except OSError:
        return
    if stat.S_ISREG(status.st_mode):
        place = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        yield File(entry.path, _text(session), agent, _text(project), *place)


def _text(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "replace")


def _folders(path: str) -> list[os.DirEntry[str]]:
    return [entry for entry in _entries(path) if _is_folder(entry)]


def _is_folder(entry: os.DirEntry[str], *, links: bool = True) -> bool:
    try:
        return entry.is_dir(follow_symlinks=links)
    except OSError:  # a link that leads in a circle, or where nobody may look
        return False


def _entries(path: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return list(entries)
    except OSError:
        return []
