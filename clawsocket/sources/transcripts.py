"""Transcripts: follows the files of sessions and their subagents, and tells of their lines.

All project folders are watched. Of what was there before only the files of living sessions are read, silently; others are
read when they grow. Reading goes in turns that never hold the loop for long, fairly among the files.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import stat
from collections import Counter, deque
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

from clawsocket.claude import transcript as claude
from clawsocket.claude.observations import AgentMetaSeen, LineSeen, Observation, Trouble
from clawsocket.config import Settings
from clawsocket.sources.tail import SLICE, Tail
from clawsocket.sources.transcript_index import AGENTS, Index, Key, Transcript, agent, is_id, main_session, meta_agent
from clawsocket.sources.watch import Watcher

logger = logging.getLogger(__name__)

_TURN = 0.008
"""Seconds of one turn."""
_SHARE = 0.004
"""Seconds of one file in it."""
_DRAIN = 4_000_000
"""Bytes read at a session's end without giving the loop its turn."""
_META_LIMIT = 1_000_000
_KINDS = 100
"""Unknown line types that are told apart."""


class Transcripts:
    """Follows the transcripts in some Claude Code folders.

    Args:
        dirs: Claude Code's folders; they may be missing, and come.
        watcher: tells of changes.
        sink: takes what is seen, on the loop.
        settings: ``line_limit``, ``poll_interval``.
        now: the time in ms since 1970.

    Attributes:
        on_read: called after lines of a file were told, with the session and the subagent (None: the session's own file).
        on_caught_up: called with a session when all that was there before has been told.
        unknown: lines of types that are not known, by type.
        broken: lines that could not be read.
    """

    def __init__(
        self,
        dirs: Sequence[Path],
        watcher: Watcher,
        sink: Callable[[Observation], None],
        settings: Settings,
        now: Callable[[], int],
    ) -> None:
        self._roots = [folder / "projects" for folder in dirs]
        self._watcher, self._sink, self._settings, self._now = watcher, sink, settings, now
        self.on_read: Callable[[str, str | None], None] | None = None
        self.on_caught_up: Callable[[str], None] | None = None
        self.unknown: Counter[str] = Counter()
        self.broken = 0
        self._cutoff = 0
        self._index = Index()
        self._projects: dict[Path, set[Path]] = {}
        self._agent_folders: dict[Path, str] = {}
        self._living: set[str] = set()
        self._metas: dict[Path, bytes] = {}
        self._old_metas: set[Path] = set()
        self._queue: deque[Transcript] = deque()
        self._turn: asyncio.Handle | None = None
        self._troubles: set[str] = set()

    async def start(self) -> None:
        """Take note of what is there, and tell from now on of what is written."""
        self._cutoff = self._now()
        for root in self._roots:
            self._watcher.add(root, self._root_changed)
            for folder in self._subfolders(root):
                self._add_project(root, folder)
                await asyncio.sleep(0)

    def close(self) -> None:
        """Stop; nothing is told afterwards."""
        for folder in (*self._roots, *self._agent_folders, *(folder for group in self._projects.values() for folder in group)):
            self._watcher.remove(folder)
        self._queue.clear()
        if self._turn is not None:
            self._turn.cancel()

    def follow(self, session_id: str) -> None:
        """A session lives: read what there is of it, silently, and go on from there."""
        self._living.add(session_id)
        self._locate(session_id)
        for transcript in self._index.of_session(session_id):
            self._activate(transcript)

    def forget(self, session_id: str) -> None:
        """A session is over: keep only where its files stood. If they grow, all up to there is read silently again."""
        self._living.discard(session_id)
        for folder in [folder for folder, owner in self._agent_folders.items() if owner == session_id]:
            self._watcher.remove(folder)
            del self._agent_folders[folder]
            self._old_metas.update(path for path in self._metas if path.parent == folder)
        for transcript in self._index.of_session(session_id):
            if transcript.lost:
                self._index.drop(transcript)
            elif transcript.tail is not None:
                self._rest(transcript, transcript.tail)

    def reading(self, session_id: str) -> bool:
        """Return whether something that was there before is still being read."""
        return any(transcript.catching_up for transcript in self._index.of_session(session_id))

    def path(self, session_id: str, agent_id: str | None) -> Path | None:
        """Return where a transcript is now.

        Args:
            session_id: a session, also one that is over; anything a client may say.
            agent_id: its subagent, None for its own.
        """
        if not is_id(session_id) or not (agent_id is None or is_id(agent_id)):
            return None
        if agent_id is None:
            return self._locate(session_id)
        name = f"agent-{agent_id}.jsonl"
        places = [folder / session_id / AGENTS / name for group in self._projects.values() for folder in group]
        return next((place for place in places if place.is_file()), None)

    def drain(self, session_id: str) -> None:
        """Tell now of what a session's files hold; of a few MB at most, the rest follows in its turn."""
        self._locate(session_id)
        for folder in [folder for folder, owner in self._agent_folders.items() if owner == session_id]:
            self._look(folder)
        budget = _DRAIN
        for transcript in self._index.of_session(session_id):
            if not transcript.lost:
                self._seen(transcript.folder, transcript.name)
            while budget > 0 and transcript.queued:
                budget -= SLICE
                self._advance(transcript, math.inf)

    # -- folders and files --------------------------------------------------------------------------------------------

    def _root_changed(self, root: Path, name: str | None, created: bool) -> None:
        """Project folders come and go."""
        there = self._subfolders(root) if name is None else [root / name] if (root / name).is_dir() else []
        known = self._projects.get(root, set())
        gone = known - set(there) if name is None else {root / name} & known - set(there)
        for folder in gone:
            self._drop_project(root, folder)
        for folder in there:
            if folder not in known:
                self._add_project(root, folder)

    def _subfolders(self, root: Path) -> list[Path]:
        try:
            with os.scandir(root) as entries:
                return sorted(root / entry.name for entry in entries if entry.is_dir())
        except OSError as error:
            self._unreadable(error)
            return []

    def _add_project(self, root: Path, folder: Path) -> None:
        self._projects.setdefault(root, set()).add(folder)
        self._watcher.add(folder, self._changed)
        self._look(folder)

    def _drop_project(self, root: Path, folder: Path) -> None:
        self._projects[root].discard(folder)
        self._watcher.remove(folder)
        for name in self._index.names(folder):
            self._lost(folder, name)

    def _changed(self, folder: Path, name: str | None, created: bool) -> None:
        if name is None:
            self._look(folder)
        elif meta_agent(name) is not None:
            self._meta(folder, name, created=created)
        elif name.endswith(".jsonl"):
            self._seen(folder, name, created=created)
        elif name in self._living:
            self._follow_agents(folder, name)

    def _look(self, folder: Path) -> None:
        """Take note of all files in a folder."""
        try:
            names = os.listdir(folder)
        except OSError as error:
            self._unreadable(error)
            names = []
        for name in set(self._index.names(folder)).difference(names):
            self._lost(folder, name)
        for name in names:
            if meta_agent(name) is not None:
                self._meta(folder, name, created=False)
        for name in names:
            if name.endswith(".jsonl"):
                self._seen(folder, name)

    def _owner(self, folder: Path, name: str) -> tuple[str, str | None] | None:
        session_id = self._agent_folders.get(folder)
        if session_id is None:
            session_id, agent_id = main_session(name), None
            return None if session_id is None else (session_id, None)
        agent_id = agent(name)
        return None if agent_id is None else (session_id, agent_id)

    def _seen(self, folder: Path, name: str, *, created: bool = False) -> None:
        """A file is there; it may be new, have grown, or be another one than before."""
        owner = self._owner(folder, name)
        if owner is None:
            return
        try:
            status = (folder / name).stat()
        except FileNotFoundError:
            self._lost(folder, name)
            return
        except OSError as error:
            self._unreadable(error)
            return
        if not stat.S_ISREG(status.st_mode):
            return
        key = (status.st_dev, status.st_ino)
        transcript = self._index.at(folder, name)
        if transcript is not None and transcript.key != key:
            self._index.turn(transcript, key)
        if transcript is None:
            transcript = self._new(folder, name, owner, key, 0 if created else status.st_size, created=created)
        if transcript is None:
            return
        grown = transcript.tail is not None or transcript.found != status.st_size
        if grown or owner[0] in self._living or owner[1] is not None or self._is_later(status):
            self._activate(transcript)

    def _is_later(self, status: os.stat_result) -> bool:
        return False

    def _new(
        self, folder: Path, name: str, owner: tuple[str, str | None], key: Key, size: int, *, created: bool
    ) -> Transcript | None:
        """Return the transcript of a name that was not there before: a new one, or one that was moved here."""
        known = self._index.of_file(key)
        if known is not None and (created or (known.session_id, known.agent_id) != owner):
            if known.lost:
                self._index.drop(known)
            known = None
        if known is None:
            transcript = Transcript(folder, name, owner, key, size, self._cutoff)
            self._index.put(transcript)
            return transcript
        if not known.lost:
            if _is_file(known.path, key):
                return None  # a second name of the same file
            self._index.lose(known)
        known.folder, known.name = folder, name
        if known.tail is not None:
            known.tail.path = str(known.path)
        self._index.put(known)
        return known

    def _lost(self, folder: Path, name: str) -> None:
        transcript = self._index.at(folder, name)
        if transcript is not None:
            self._index.lose(transcript)

    def _locate(self, session_id: str) -> Path | None:
        """Return where a session's own transcript is; the one last written, if there are several."""
        for folder in [folder for group in self._projects.values() for folder in group]:
            if self._index.at(folder, f"{session_id}.jsonl") is None and (folder / f"{session_id}.jsonl").exists():
                self._seen(folder, f"{session_id}.jsonl")
        mains = [item.path for item in self._index.of_session(session_id) if item.agent_id is None and not item.lost]
        return max((path for path in mains if path.exists()), key=lambda path: path.stat().st_mtime, default=None)

    def _activate(self, transcript: Transcript) -> None:
        """Read a file from its beginning, or on from where it stands."""
        if transcript.tail is None:
            transcript.tail = Tail(str(transcript.path), self._settings.line_limit)
            transcript.catching_up = transcript.found > 0
            if transcript.agent_id is None:
                self._follow_agents(transcript.folder, transcript.session_id)
        self._enqueue(transcript)

    def _follow_agents(self, project: Path, session_id: str) -> None:
        folder = project / session_id / AGENTS
        if folder not in self._agent_folders:
            self._agent_folders[folder] = session_id
            self._watcher.add(folder, self._changed)
            self._look(folder)

    def _rest(self, transcript: Transcript, tail: Tail) -> None:
        pending = next(transcript.lines, None) is not None
        transcript.found = max(transcript.found, transcript.done if pending else tail.offset)
        transcript.cutoff = _FOREVER
        transcript.tail, transcript.lines = None, iter(())
        transcript.done = transcript.at = 0
        transcript.catching_up = False

    def _meta(self, folder: Path, name: str, *, created: bool) -> None:
        session_id, agent_id, path = self._agent_folders.get(folder), meta_agent(name), folder / name
        if session_id is None or agent_id is None:
            return
        try:
            with path.open("rb") as stream:
                at = os.fstat(stream.fileno()).st_mtime_ns // 1_000_000
                raw = stream.read(_META_LIMIT)
        except FileNotFoundError:
            return
        except OSError as error:
            self._unreadable(error)
            return
        meta = claude.parse_meta(raw)
        if meta is None or (self._metas.get(path) == raw and path not in self._old_metas):
            return
        silent = path in self._old_metas or (not created and at <= self._cutoff)
        self._metas[path] = raw
        self._old_metas.discard(path)
        self._sink(AgentMetaSeen(session_id, agent_id, meta, at, silent))

    # -- reading ------------------------------------------------------------------------------------------------------

    def _enqueue(self, transcript: Transcript) -> None:
        if not transcript.queued:
            transcript.queued = True
            self._queue.append(transcript)
        self._later()

    def _later(self) -> None:
        if self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._take_turn)

    def _take_turn(self) -> None:
        self._turn = None
        deadline = perf_counter() + _TURN
        try:
            while self._queue and perf_counter() < deadline:
                transcript = self._queue.popleft()
                if transcript.queued:
                    try:
                        self._advance(transcript, perf_counter() + _SHARE)
                    finally:
                        if transcript.queued:
                            self._queue.append(transcript)
        finally:
            if self._queue:
                self._later()

    def _advance(self, transcript: Transcript, deadline: float) -> None:
        """Tell of the lines of one slice at most, until the deadline; take the file off the queue if that was all."""
        tail, told = transcript.tail, False
        if tail is None:
            transcript.queued = False
            return
        for end, raw in transcript.lines:
            told = self._line(transcript, tail, end, raw) or told
            if perf_counter() > deadline:
                break
        else:
            transcript.queued = self._read(transcript, tail)
        if told and self.on_read is not None:
            self.on_read(transcript.session_id, transcript.agent_id)
        if transcript.catching_up and (not transcript.queued or transcript.done >= transcript.found):
            self._caught_up(transcript)

    def _read(self, transcript: Transcript, tail: Tail) -> bool:
        """Read the next slice; return whether there is something to do for it or behind it."""
        skipped = tail.skipped
        try:
            lines = tail.read()
        except FileNotFoundError:
            return False
        except OSError as error:
            self._unreadable(error)
            return False
        if tail.restarted:
            transcript.found, transcript.cutoff = tail.size, self._cutoff
            transcript.done = transcript.at = 0
        if tail.skipped > skipped:
            self._trouble("long", "a line of a transcript was longer than line_limit and was skipped")
        transcript.lines = iter(lines)
        return bool(lines) or tail.more

    def _line(self, transcript: Transcript, tail: Tail, end: int, raw: bytes) -> bool:
        transcript.done = end
        if not raw:
            return False
        try:
            line = claude.parse(raw)
        except (ValueError, RecursionError):
            self.broken += 1
            self._trouble("broken", "a line of a transcript could not be read and was skipped")
            return False
        if isinstance(line, claude.OtherLine):
            self._count(line.type)
        at = transcript.at = line.at or transcript.at or tail.mtime
        silent = end <= transcript.found and at <= transcript.cutoff
        self._sink(LineSeen(transcript.session_id, transcript.agent_id, line, at, silent))
        return True

    def _caught_up(self, transcript: Transcript) -> None:
        transcript.catching_up = False
        if self.on_caught_up is not None and not self.reading(transcript.session_id):
            self.on_caught_up(transcript.session_id)

    # -- troubles -----------------------------------------------------------------------------------------------------

    def _count(self, kind: str) -> None:
        kind = kind[:40] if kind[:40].replace("-", "").replace("_", "").isalnum() else "?"
        if kind not in self.unknown and len(self.unknown) >= _KINDS:
            kind = "?"
        self.unknown[kind] += 1
        self._trouble(f"unknown {kind}", f"transcript lines of an unknown type ({kind}) are there and say nothing to this version")

    def _unreadable(self, error: OSError) -> None:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return
        logger.warning("transcripts: %s", error)
        self._trouble("unreadable", f"a transcript can't be read ({error.strerror})")

    def _trouble(self, kind: str, message: str) -> None:
        if kind not in self._troubles:
            self._troubles.add(kind)
            self._sink(Trouble("transcript", f"{message}; further ones are only counted", True, self._now()))


_FOREVER = 1 << 62


def _is_file(path: Path, key: Key) -> bool:
    try:
        status = path.stat()
    except OSError:
        return False
    return (status.st_dev, status.st_ino) == key
