"""macOS and the rest: watchfiles. It watches a fixed set of folders, so a new folder means a new run of it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Hashable
from pathlib import Path

from watchfiles import Change, awatch

from clawsocket.sources.watch import Kind, Told

_STEP = 50
"""ms between two looks of watchfiles at what the system told it."""

_KINDS = {Change.added: Kind.CREATED, Change.modified: Kind.CHANGED, Change.deleted: Kind.LEFT}


class WatchfilesFolders:
    """Tells what watchfiles tells, by the real paths of folders.

    Args:
        told: called for each event, on the running loop.
    """

    def __init__(self, told: Told) -> None:
        self._told = told
        self._loop = asyncio.get_running_loop()
        self._folders: set[str] = set()
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._restarting: asyncio.Handle | None = None

    def watch(self, folder: Path, *, shallow: bool) -> Hashable:
        """Start to watch a folder; see :class:`~clawsocket.sources.watch.Native`."""
        real = os.path.realpath(folder)
        if not Path(real).is_dir():
            raise FileNotFoundError(folder)
        if real not in self._folders:
            self._folders.add(real)
            self._restart()
        return real

    def unwatch(self, handle: Hashable) -> None:
        """Stop to watch a folder."""
        if handle in self._folders:
            self._folders.discard(str(handle))
            self._restart()

    def close(self) -> None:
        """Stop everything."""
        self._folders.clear()
        self._stop.set()
        if self._restarting is not None:
            self._restarting.cancel()
        if self._task is not None:
            self._task.cancel()

    def _restart(self) -> None:
        """Run anew, once for all folders that come and go in this tick."""
        if self._restarting is None:
            self._restarting = self._loop.call_soon(self._renew)

    def _renew(self) -> None:
        self._restarting = None
        self._stop.set()
        self._stop = asyncio.Event()
        self._task = self._loop.create_task(self._run(self._stop)) if self._folders else None

    async def _run(self, stop: asyncio.Event) -> None:
        self._told(None, None, Kind.CHANGED)  # nobody watched between the two runs
        folders = [folder for folder in self._folders if Path(folder).is_dir()]
        if stop.is_set() or not folders:
            return
        async for changes in awatch(
            *folders, watch_filter=None, step=_STEP, debounce=_STEP * 2, stop_event=stop, recursive=False
        ):
            for change, path in sorted(changes, key=lambda item: item[1]):
                self._tell(change, path)

    def _tell(self, change: Change, path: str) -> None:
        folder, name = os.path.split(path)
        if path in self._folders and change is Change.deleted:
            self._folders.discard(path)
            self._told(path, None, Kind.LEFT)
        if folder in self._folders:
            self._told(folder, name, _KINDS[change])
