"""Which transcripts there are: by place, by file (inode) and by session."""

from __future__ import annotations

import os
import re
from collections import OrderedDict
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from time import monotonic

from clawsocket.sources.files import mtime
from clawsocket.sources.tail import Tail

AGENTS = "subagents"
"""The folder of subagents' transcripts, in ``projects/<dir>/<sessionId>/``.

Those of a workflow are in one of their own below it, ``workflows/<runId>/``."""

META_LIMIT = 1_000_000
"""Bytes read of what tells who made a subagent."""

_ID = r"[0-9A-Za-z][0-9A-Za-z_.-]{0,127}"
_MAIN = re.compile(rf"(?!agent-)({_ID})\.jsonl\Z")
_AGENT = re.compile(rf"agent-({_ID})\.jsonl\Z")
_META = re.compile(rf"agent-({_ID})\.meta\.json\Z")
_WHOLE_ID = re.compile(rf"{_ID}\Z")

LOST = 3600.0
"""Seconds for which a transcript that is gone is known again if it turns up in another folder."""

FOREVER = 1 << 62
"""A time, in ms since 1970, that never comes."""

Key = tuple[int, int]
"""Device and inode: a file, whatever its name."""


def key(status: os.stat_result) -> Key:
    """Return which file it is."""
    return (status.st_dev, status.st_ino)


def main_session(name: str) -> str | None:
    """Return the session whose transcript has this name in a project folder, None for anything else."""
    match = _MAIN.match(name)
    return match and match[1]


def agent(name: str) -> str | None:
    """Return the subagent whose transcript has this name, None for anything else."""
    match = _AGENT.match(name)
    return match and match[1]


def meta_agent(name: str) -> str | None:
    """Return the subagent whose meta file has this name, None for anything else."""
    match = _META.match(name)
    return match and match[1]


def is_id(text: str) -> bool:
    """Return whether a session or subagent can be called so; no path gets out of its folder through an id."""
    return bool(_WHOLE_ID.match(text))


class Transcript:
    """A transcript and what is known of it.

    Attributes:
        folder: where it is.
        name: of the file.
        session_id: whose it is, by its place.
        agent_id: the subagent, None for the session's own.
        key: which file it is.
        found: its size when it was found. Lines that end within it are new only if they are later than ``cutoff``.
        cutoff: ms since 1970.
        tail: where it was read to; None while nobody asked for it.
        lines: read and not yet told.
        done: offset behind the last line that was told.
        at: time of the last line that was told, in ms since 1970; before the first one, that of the first one that has
            a time, or of the file where that is not known yet.
        catching_up: whether it is still being read to where it was found.
        lost: whether it is gone from its folder. It may turn up in another.
    """

    __slots__ = (
        "__weakref__",
        "agent_id",
        "at",
        "catching_up",
        "cutoff",
        "done",
        "folder",
        "found",
        "key",
        "lines",
        "lost",
        "name",
        "session_id",
        "tail",
    )

    def __init__(self, place: Path, owner: tuple[str, str | None], status: os.stat_result) -> None:
        self.folder, self.name = place.parent, place.name
        self.session_id, self.agent_id = owner
        self.key = key(status)
        self.found, self.at = status.st_size, mtime(status)
        self.cutoff = self.done = 0
        self.tail: Tail | None = None
        self.lines: Iterator[tuple[int, bytes]] = iter(())
        self.catching_up = self.lost = False

    @property
    def path(self) -> Path:
        """Where it is, or was before it got lost."""
        return self.folder / self.name

    @property
    def taken(self) -> int:
        """How far it was told, as an offset: of one that rests, all that is never told as new again."""
        return self.done if self.tail is not None else self.found

    def begin(self, line_limit: int) -> None:
        """Read it from its beginning."""
        self.tail = Tail(str(self.path), line_limit)
        self.catching_up = self.found > 0

    def repeat(self, line_limit: int) -> None:
        """Read it from its beginning again; what was new in it is new again."""
        self.done, self.lines = 0, iter(())
        self.begin(line_limit)

    def restart(self, tail: Tail, cutoff: int) -> None:
        """It was rewritten: what is in it now was there before, as far as it is not later than ``cutoff``."""
        self.found, self.cutoff, self.at, self.done = tail.size, cutoff, tail.mtime, 0

    def rest(self) -> None:
        """Stop reading it. If it grows, everything up to here is silent."""
        if self.tail is None:
            return
        untold = next(self.lines, None) is not None
        self.found = max(self.found, self.done if untold else self.tail.offset)
        self.cutoff, self.done = FOREVER, 0
        self.tail, self.lines, self.catching_up = None, iter(()), False

    def move(self, place: Path) -> None:
        """It was moved to another folder."""
        self.folder, self.name = place.parent, place.name
        if self.tail is not None:
            self.tail.path = str(place)


class Index:
    """All transcripts that were seen."""

    def __init__(self) -> None:
        self._folders: dict[Path, dict[str, Transcript]] = {}
        self._files: dict[Key, Transcript] = {}
        self._sessions: dict[str, list[Transcript]] = {}
        self._lost: OrderedDict[Transcript, float] = OrderedDict()  # each with when, in seconds of a steady clock

    def at(self, folder: Path, name: str) -> Transcript | None:
        """Return the transcript of that name in a folder."""
        return self._folders.get(folder, {}).get(name)

    def of_file(self, key: Key) -> Transcript | None:
        """Return the transcript that is this file, also a lost one."""
        return self._files.get(key)

    def names(self, folder: Path) -> set[str]:
        """Return the names of the transcripts in a folder."""
        return set(self._folders.get(folder, ()))

    def of_session(self, session_id: str) -> list[Transcript]:
        """Return a session's transcripts, its own and its subagents'."""
        return list(self._sessions.get(session_id, ()))

    def put(self, transcript: Transcript) -> None:
        """Take in a transcript, or one that was lost and is found."""
        transcript.lost = False
        self._lost.pop(transcript, None)
        self._folders.setdefault(transcript.folder, {})[transcript.name] = transcript
        self._files[transcript.key] = transcript
        others = self._sessions.setdefault(transcript.session_id, [])
        if transcript not in others:
            others.append(transcript)

    def lose(self, folder: Path, name: str) -> None:
        """Nothing has this name any more. What had it is kept as a file for a while, in case it was moved."""
        names = self._folders.get(folder, {})
        transcript = names.pop(name, None)
        if not names:
            self._folders.pop(folder, None)
        if transcript is None:
            return
        transcript.lost = True
        self._lost[transcript] = monotonic()
        for one in list(islice(self._lost, 2)):  # a few at a time: there may be thousands
            if self._lost[one] < monotonic() - LOST:
                self.drop(one)
        if transcript.agent_id is None:  # nobody watches the folder of its subagents when it is over
            for one in self.of_session(transcript.session_id):
                if one.agent_id is not None and one.tail is None and folder in one.folder.parents:
                    self.lose(one.folder, one.name)

    def drop(self, transcript: Transcript) -> None:
        """Forget a lost transcript."""
        self._unkey(transcript)
        self._lost.pop(transcript, None)
        others = self._sessions.get(transcript.session_id, [])
        if transcript in others:
            others.remove(transcript)
        if not others:
            self._sessions.pop(transcript.session_id, None)

    def turn(self, transcript: Transcript, key: Key) -> None:
        """A transcript's place has this file now, the same as before or another."""
        if transcript.key != key:
            self._unkey(transcript)
            transcript.key = key
            self._files[key] = transcript

    def _unkey(self, transcript: Transcript) -> None:
        if self._files.get(transcript.key) is transcript:
            del self._files[transcript.key]
