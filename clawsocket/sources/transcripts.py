"""Transcripts: follows the files of sessions and their subagents.

All project folders are watched. Of what was there before, only the files of living sessions are read, silently; the
others are read when they grow, and then silently up to where they stood.
"""

from __future__ import annotations

import asyncio
import os
import stat
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from clawsocket.claude import transcript as claude
from clawsocket.claude.observations import AgentMetaSeen, Observation
from clawsocket.config import Settings
from clawsocket.sources.checkpoints import Checkpoints
from clawsocket.sources.files import distinct, is_folder, may_pass, mtime, opened, status
from clawsocket.sources.transcript_index import (
    AGENTS,
    FOREVER,
    META_LIMIT,
    Index,
    Transcript,
    agent,
    is_id,
    key,
    main_session,
    meta_agent,
)
from clawsocket.sources.transcript_reader import Reader
from clawsocket.sources.troubles import Troubles
from clawsocket.sources.turns import Turns
from clawsocket.sources.watch import Watcher

_DRAIN = 4_000_000
"""Bytes read at a session's end without giving the loop its turn."""
FOLDERS = 10_000
"""Folders of subagents whose meta files are remembered, at most; to take one again tells nothing new."""
_LAG = 20
"""ms by which the times of files may be behind the clock: they go by its ticks."""


class Transcripts:
    """Follows the transcripts in some Claude Code folders.

    Args:
        dirs: Claude Code's folders; they may be missing, and come.
        watcher: tells of changes.
        sink: takes what is seen, on the loop.
        settings: ``line_limit``.
        now: the time in ms since 1970.

    Attributes:
        on_read: called after lines of a file were told, with the session and the subagent (None: the session's own).
        checkpoints: how far the files were taken by the run before, and are by this one.
        on_caught_up: called with a session when all that was there of it before has been told.
    """

    def __init__(
        self,
        dirs: Sequence[Path],
        watcher: Watcher,
        sink: Callable[[Observation], None],
        settings: Settings,
        now: Callable[[], int],
    ) -> None:
        self._roots = [folder / "projects" for folder in distinct(dirs)]
        self._watcher, self._sink, self._line_limit, self._now = watcher, sink, settings.line_limit, now
        self.on_read: Callable[[str, str | None], None] = lambda _session_id, _agent_id: None
        self.on_caught_up: Callable[[str], None] = lambda _session_id: None
        self.checkpoints = Checkpoints((), time.monotonic)
        self._troubles = Troubles("transcript", sink, now)
        self._reader = Reader(sink, self._troubles, read=self._was_read, caught_up=self._caught_up, failed=self._failed)
        self._index = Index()
        self._names: Turns[tuple[Path, str]] = Turns(lambda place: self._entry(*place, created=False))
        self._projects: dict[Path, Path] = {}  # each with its root
        self._agent_folders: dict[Path, str] = {}  # each with its session
        self._living: set[str] = set()
        self._knows_all = False  # of what was there at the start
        # By folder and name, each with its content and whether that is of a past life.
        self._metas: dict[Path, dict[str, tuple[bytes, bool]]] = {}

    def pause_unless(self, has_room: Callable[[], bool]) -> None:
        """Read on only while there is room for what is told."""
        self._reader.pause_unless(has_room)

    @property
    def caught_up(self) -> bool:
        """Whether nothing waits to be read."""
        return self._names.idle and self._reader.idle

    @property
    def unknown(self) -> Counter[str]:
        """Lines of types that are not known, by type."""
        return self._reader.unknown

    @property
    def broken(self) -> int:
        """Lines that could not be read."""
        return self._reader.broken

    async def start(self, since: int | None = None) -> None:
        """Take note of what is there, and tell from now on of what is written.

        Args:
            since: ms since 1970; lines of files without a checkpoint that are later are told, too. Now, by default.
        """
        self._reader.cutoff = (self._now() if since is None else since) - _LAG
        for root in self._roots:
            self._watcher.add(root, self._root_changed)
            for folder in self._subfolders(root) or ():
                self._add_project(root, folder)
                await asyncio.sleep(0)
        await self._names.done()
        self._knows_all = True

    def close(self) -> None:
        """Stop; nothing is told afterwards."""
        for folder in (*self._roots, *self._projects, *self._agent_folders):
            self._watcher.remove(folder)
        self._names.close()
        self._reader.close()

    def follow(self, session_id: str) -> None:
        """A session lives: read what there is of it, silently, and go on from there. Saying it again does nothing."""
        if session_id in self._living:
            return
        self._living.add(session_id)
        self._find(session_id)
        for project in self._projects:
            if is_folder(project / session_id):  # that of its subagents may come later
                self._follow_agents(project / session_id / AGENTS, session_id)
        for transcript in self._index.of_session(session_id):
            if not transcript.lost:
                self._read(transcript)

    def repeat(self, session_id: str) -> bool:
        """Nobody heard what was told of a session until now: tell it again, what was new as new. Returns True."""
        for transcript in self._index.of_session(session_id):
            if transcript.tail is not None and not transcript.lost:
                transcript.repeat(self._line_limit)
                self._read(transcript)
        for folder in self._folders_of_agents(session_id):
            self._metas.pop(folder, None)
            self._look(folder)
        return True

    def forget(self, session_id: str) -> None:
        """A session is over: keep only where its files stood. If they grow, all up to there is told silently again."""
        self._living.discard(session_id)
        for folder in self._folders_of_agents(session_id):
            self._watcher.remove(folder)
            del self._agent_folders[folder]
            if folder in self._metas:  # the last of those that are kept
                self._metas[folder] = dict.fromkeys(self._metas.pop(folder), (b"", True))
        while len(self._metas) > FOLDERS:
            del self._metas[next(iter(self._metas))]
        for transcript in self._index.of_session(session_id):
            if transcript.lost:
                self._index.drop(transcript)
            transcript.rest()

    def reading(self, session_id: str) -> bool:
        """Return whether something that was there before is still being read."""
        return any(transcript.catching_up for transcript in self._index.of_session(session_id))

    def is_behind(self, session_id: str) -> bool:
        """Return whether a file of a session waits to be read, or may yet be found; one that can't be read does not."""
        return not self._knows_all or any(map(self._reader.waits, self._index.of_session(session_id)))

    def path(self, session_id: str, agent_id: str | None) -> Path | None:
        """Return where a transcript is now; of a session that is over, too. A pipe in its place is none.

        Args:
            session_id: anything a client may say.
            agent_id: a subagent's, None for the session's own transcript.
        """
        if not is_id(session_id) or not (agent_id is None or is_id(agent_id)):
            return None
        self._find(session_id)
        places = [item.path for item in self._index.of_session(session_id) if item.agent_id == agent_id]
        if agent_id is not None:
            folders = [project / session_id / AGENTS for project in self._projects]
            places += [place for folder in folders for place in folder.rglob(f"agent-{agent_id}.jsonl")]
        found = {place: status(place) for place in places}
        there = {place: one.st_mtime for place, one in found.items() if one is not None and stat.S_ISREG(one.st_mode)}
        return max(there, key=there.__getitem__, default=None)

    def find_agent(self, session_id: str, agent_id: str) -> None:
        """Tell now what a subagent is, if its file is there: on a busy machine the watcher tells of that late.

        Args:
            session_id: the session's.
            agent_id: anything that a hook may say.
        """
        self._find(session_id)
        for folder in self._folders_of_agents(session_id):
            self._meta(folder, f"agent-{agent_id}.meta.json", created=False)

    def drain(self, session_id: str) -> None:
        """Tell now of what a session's files hold; of a few MB at most, the rest follows in its turn."""
        self._find(session_id)
        for folder in self._folders_of_agents(session_id):
            self._look(folder)
        budget = _DRAIN
        for transcript in self._index.of_session(session_id):
            if not transcript.lost:
                self._seen(transcript.folder, transcript.name)
                budget = self._reader.drain(transcript, budget)

    # What the watcher tells.

    def _root_changed(self, root: Path, name: str | None, created: bool) -> None:
        """Project folders come and go."""
        if name is None:
            there = self._subfolders(root)
            if there is None:
                return
            known = {folder for folder, owner in self._projects.items() if owner == root}
        else:
            folder = root / name
            there, known = {folder} if is_folder(folder) else set(), {folder} & self._projects.keys()
        for folder in known - there:
            self._drop_project(folder)
        for folder in sorted(there - known):
            self._add_project(root, folder)

    def _changed(self, folder: Path, name: str | None, created: bool) -> None:
        if name is None:
            self._look(folder)
        else:
            self._entry(folder, name, created=created)

    def _subfolders(self, root: Path) -> set[Path] | None:
        """Return the project folders, None where that can't be known now."""
        try:
            return {path for path in root.iterdir() if is_folder(path)}
        except (FileNotFoundError, NotADirectoryError):
            return set()
        except OSError as error:
            self._unreadable(root, error)
            return None

    def _add_project(self, root: Path, folder: Path) -> None:
        if folder not in self._projects:
            self._projects[folder] = root
            self._watcher.add(folder, self._changed)
            self._look(folder)

    def _drop_project(self, folder: Path) -> None:
        del self._projects[folder]
        self._watcher.remove(folder)
        self._look(folder)

    def _follow_agents(self, folder: Path, session_id: str) -> None:
        if folder not in self._agent_folders:
            self._agent_folders[folder] = session_id
            self._watcher.add(folder, self._changed)
            self._look(folder)

    def _folders_of_agents(self, session_id: str) -> list[Path]:
        return [folder for folder, owner in self._agent_folders.items() if owner == session_id]

    # What is in the folders.

    def _look(self, folder: Path) -> None:
        """Take note of all files in a folder."""
        try:
            names = [path.name for path in folder.iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            names = []
        except OSError as error:
            self._unreadable(folder, error)
            return
        for name in self._index.names(folder) - set(names):
            self._index.lose(folder, name)
        if folder not in self._agent_folders:  # it may hold thousands
            for name in names:
                self._names.add((folder, name))
            return
        for name in names:
            self._entry(folder, name, created=False)

    def _entry(self, folder: Path, name: str, *, created: bool) -> None:
        if meta_agent(name) is not None:
            self._meta(folder, name, created=created)
        elif folder in self._agent_folders:
            self._entry_of_agents(folder, name, created=created)
        elif name in self._living:
            self._follow_agents(folder / name / AGENTS, name)
        else:
            self._seen(folder, name, created=created)

    def _entry_of_agents(self, folder: Path, name: str, *, created: bool) -> None:
        """Workflows have folders of their own for their subagents."""
        if agent(name) is None and is_folder(folder / name) and not (folder / name).is_symlink():
            self._follow_agents(folder / name, self._agent_folders[folder])
        else:
            self._seen(folder, name, created=created)

    def _seen(self, folder: Path, name: str, *, created: bool = False) -> None:
        """A file may be new, have grown, be another one than before, or be gone."""
        session_id = self._agent_folders.get(folder)
        agent_id = None if session_id is None else agent(name)
        owner = main_session(name) if session_id is None else agent_id and session_id
        if owner is None:
            return
        try:
            found = (folder / name).stat()
        except FileNotFoundError:
            self._index.lose(folder, name)
            return
        except OSError as error:
            self._unreadable(folder, error)
            return
        if stat.S_ISREG(found.st_mode):
            transcript = self._transcript(folder / name, (owner, agent_id), found, created=created)
            if transcript is not None and self._is_wanted(transcript, found):
                self._read(transcript)

    def _is_wanted(self, transcript: Transcript, found: os.stat_result) -> bool:
        """Return whether a file is to be read: it is followed, has grown, or was younger than the start when found."""
        return (
            transcript.tail is not None
            or transcript.found != found.st_size
            or transcript.agent_id is not None
            or transcript.session_id in self._living
            or (transcript.cutoff != FOREVER and transcript.at > self._reader.cutoff)
        )

    def _transcript(
        self, place: Path, owner: tuple[str, str | None], found: os.stat_result, *, created: bool
    ) -> Transcript | None:
        """Return the transcript at a place: known there, moved there, or new; None for a second name of a known one."""
        transcript = self._index.at(place.parent, place.name)
        if transcript is not None:
            self._index.turn(transcript, key(found))
            if created and transcript.done == 0:  # it was found before its creation was told, or is another one now
                transcript.found = 0
                self.checkpoints.begun(transcript)
            elif transcript.tail is None and found.st_size < transcript.found:
                transcript.found, transcript.cutoff = found.st_size, self._reader.cutoff
            return transcript
        known = self._index.of_file(key(found))
        if known is not None and not known.lost:
            there = status(known.path)
            if there is not None and key(there) == known.key:
                return None
            self._index.lose(known.folder, known.name)
        if known is not None and not created and (known.session_id, known.agent_id) == owner:
            known.move(place)
            self._index.put(known)
            return known
        if known is not None:
            self._index.drop(known)
        transcript = Transcript(place, owner, found)
        transcript.cutoff = self._reader.cutoff
        taken = self.checkpoints.offset(place.name, transcript.key, found.st_size)
        if created:
            transcript.found = 0
            self.checkpoints.begun(transcript)
        elif taken is not None:
            transcript.found, transcript.cutoff = taken, FOREVER
        self._index.put(transcript)
        return transcript

    def _find(self, session_id: str) -> None:
        """Take note of a session's own transcript, if it is anywhere and was not told of."""
        if all(item.lost for item in self._index.of_session(session_id) if item.agent_id is None):
            for project in self._projects:
                self._seen(project, f"{session_id}.jsonl")

    def _read(self, transcript: Transcript) -> None:
        if transcript.tail is None:
            transcript.begin(self._line_limit)
        self._reader.enqueue(transcript)
        if transcript.agent_id is None:
            self._follow_agents(transcript.folder / transcript.session_id / AGENTS, transcript.session_id)

    def _meta(self, folder: Path, name: str, *, created: bool) -> None:
        session_id, agent_id, path = self._agent_folders.get(folder), meta_agent(name), folder / name
        if session_id is None or agent_id is None:
            return
        try:
            with opened(path) as (descriptor, found):
                at, raw = mtime(found), os.read(descriptor, META_LIMIT)
        except FileNotFoundError:
            return
        except OSError as error:
            self._unreadable(folder, error)
            return
        meta = claude.parse_meta(raw)
        before, past = self._metas.get(folder, {}).get(name, (b"", False))
        if meta is not None and raw != before:  # one that is None is half written, and will change
            self._metas.setdefault(folder, {})[name] = (raw, False)
            silent = past or (not created and at <= self._reader.cutoff)
            self._sink(AgentMetaSeen(session_id, agent_id, meta, at, silent))

    # What the reader tells.

    def _was_read(self, transcript: Transcript) -> None:
        self.checkpoints.moved(transcript)
        self.on_read(transcript.session_id, transcript.agent_id)

    def _caught_up(self, transcript: Transcript) -> None:
        if not self.reading(transcript.session_id):
            self.on_caught_up(transcript.session_id)

    def _failed(self, transcript: Transcript, error: OSError) -> None:
        self._unreadable(transcript.folder, error)

    def _unreadable(self, folder: Path, error: OSError) -> None:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return
        self._troubles.tell("unreadable", f"transcripts can't be read ({error.strerror})", error)
        if may_pass(error):
            self._watcher.again(folder)
