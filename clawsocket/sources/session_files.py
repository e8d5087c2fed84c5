"""Session files: which sessions run, by ``sessions/<pid>.json`` and the processes themselves.

A file alone proves nothing: after a SIGKILL it stays, and its pid may belong to somebody else by now. A session is told
of when its file can be read and its process lives and is the same one.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from clawsocket.claude import session_file
from clawsocket.claude.observations import Observation, SessionFileSeen, SessionGone
from clawsocket.claude.session_file import SessionFile
from clawsocket.config import Settings
from clawsocket.sources.files import distinct, may_pass, mtime, opened
from clawsocket.sources.processes import Processes
from clawsocket.sources.troubles import Troubles
from clawsocket.sources.watch import Watcher

_NAME = re.compile(r"[0-9]{1,10}\.json\Z")
_LIMIT = 1_000_000
_PATIENCE = 1.0
"""Seconds after which a file that can't be read is no longer thought to be half written."""


class _Session(msgspec.Struct):
    file: SessionFile
    stop: Callable[[], None]


class SessionFiles:
    """Follows the session files of some Claude Code folders.

    Args:
        dirs: Claude Code's folders; they may be missing, and come.
        watcher: tells of changes.
        sink: takes what is seen, on the loop.
        settings: ``poll_interval``.
        now: the time in ms since 1970.
    """

    def __init__(
        self,
        dirs: Sequence[Path],
        watcher: Watcher,
        sink: Callable[[Observation], None],
        settings: Settings,
        now: Callable[[], int],
    ) -> None:
        self._folders = [folder / "sessions" for folder in distinct(dirs)]
        self._watcher, self._sink, self._now = watcher, sink, now
        self._troubles = Troubles("session_file", sink, now)
        self._processes = Processes(settings.poll_interval)
        self._sessions: dict[Path, _Session] = {}
        self._half_written: dict[Path, asyncio.TimerHandle] = {}

    async def start(self) -> None:
        """Tell of the sessions that run, and from now on of every change."""
        for folder in self._folders:
            self._watcher.add(folder, self._changed)
            self._look(folder)

    def close(self) -> None:
        """Stop; nothing is told afterwards."""
        for folder in self._folders:
            self._watcher.remove(folder)
        for timer in self._half_written.values():
            timer.cancel()
        self._processes.close()

    def _changed(self, folder: Path, name: str | None, created: bool) -> None:
        if name is None:
            self._look(folder)
        elif _NAME.match(name):
            self._read(folder / name)

    def _look(self, folder: Path) -> None:
        try:
            paths = {path for path in folder.iterdir() if _NAME.match(path.name)}
        except (FileNotFoundError, NotADirectoryError):
            paths = set()
        except OSError as error:
            self._unreadable(folder, error)
            return
        for path in [path for path in self._sessions if path.parent == folder and path not in paths]:
            self._gone(path, "file_removed")
        for path in sorted(paths):
            self._read(path)

    def _read(self, path: Path) -> None:
        try:
            with opened(path) as (descriptor, status):
                at, file = mtime(status), session_file.parse(os.read(descriptor, _LIMIT))
        except FileNotFoundError:
            self._whole(path)
            self._gone(path, "file_removed")
            return
        except OSError as error:
            self._unreadable(path.parent, error)
            return
        if file is None:
            self._half(path)
        else:
            self._whole(path)
            self._seen(path, file, at)

    def _half(self, path: Path) -> None:
        """Wait for the rest, which will be a change; only a file that stays as it is is a trouble."""
        if path not in self._half_written:
            self._half_written[path] = asyncio.get_running_loop().call_later(_PATIENCE, self._stays_half, path)

    def _whole(self, path: Path) -> None:
        timer = self._half_written.pop(path, None)
        if timer is not None:
            timer.cancel()

    def _stays_half(self, path: Path) -> None:
        del self._half_written[path]
        self._troubles.tell("foreign", "a session file is of no known form; its session may go unseen", path)

    def _unreadable(self, folder: Path, error: OSError) -> None:
        self._troubles.tell("unreadable", f"session files can't be read ({error.strerror})", error)
        if may_pass(error):
            self._watcher.again(folder)

    def _seen(self, path: Path, file: SessionFile, at: int) -> None:
        known = self._sessions.get(path)
        if known is not None and (known.file.pid, known.file.proc_start) != (file.pid, file.proc_start):
            self._gone(path, "process_exited")
            known = None
        if known is None:
            stop = self._processes.watch(file.pid, file.proc_start, lambda: self._gone(path, "process_exited"))
            if stop is None:
                return
            self._sessions[path] = _Session(file, stop)
        elif known.file == file:
            return
        else:
            before, known.file = known.file, file
            if before.session_id != file.session_id:
                self._sink(SessionGone(before.session_id, before.pid, self._now(), "cleared"))
        self._sink(SessionFileSeen(file, at))

    def _gone(self, path: Path, reason: Literal["process_exited", "file_removed"]) -> None:
        session = self._sessions.pop(path, None)
        if session is not None:
            session.stop()
            self._sink(SessionGone(session.file.session_id, session.file.pid, self._now(), reason))
