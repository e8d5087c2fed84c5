"""macOS and the rest: watchfiles. It watches a fixed set of folders, so a new folder means a new run of it."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Hashable
from pathlib import Path

from watchfiles import Change, awatch

from clawsocket.sources.files import is_folder
from clawsocket.sources.watch import Kind, Told

_STEP = 50
"""ms between two looks of watchfiles at what the system told it, and for more folders before a new run."""

_AGAIN = 1.0
"""Seconds before another run after one that failed; each begins with a look at everything."""

_KINDS = {Change.added: Kind.CREATED, Change.modified: Kind.CHANGED, Change.deleted: Kind.LEFT}

logger = logging.getLogger(__name__)


class WatchfilesFolders:
    """Tells what watchfiles tells, by the real paths of folders.

    Args:
        told: called for each event, on the running loop.
    """

    def __init__(self, told: Told) -> None:
        self._told = told
        self._loop = asyncio.get_running_loop()
        self._folders: set[Hashable] = set()
        self._stop = asyncio.Event()
        self._runs: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._fails_again = False

    def watch(self, folder: Path, *, shallow: bool) -> Hashable:
        """Start to watch a folder; see :class:`~clawsocket.sources.watch.Native`."""
        real = os.path.realpath(folder)
        if not is_folder(folder):
            raise FileNotFoundError(folder)
        if real not in self._folders:
            self._folders.add(real)
            self._run_later()
        return real

    def unwatch(self, handle: Hashable) -> None:
        """Stop to watch a folder."""
        self._folders.discard(handle)
        self._run_later()

    def close(self) -> None:
        """Stop everything."""
        self._folders.clear()
        self._stop.set()
        if self._timer is not None:
            self._timer.cancel()

    def _run_later(self, delay: float = _STEP / 1000) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(delay, self._run_anew)

    def _run_anew(self) -> None:
        self._timer = None
        self._stop.set()
        self._stop = asyncio.Event()
        folders = [folder for folder in map(str, self._folders) if is_folder(Path(folder))]
        if folders:
            run = self._loop.create_task(self._run(folders, self._stop))
            self._runs.add(run)
            run.add_done_callback(self._runs.discard)

    async def _run(self, folders: list[str], stop: asyncio.Event) -> None:
        changes = awatch(
            *folders,
            watch_filter=None,
            debounce=_STEP,
            step=_STEP,
            stop_event=stop,
            recursive=False,
            ignore_permission_denied=True,
        )
        # Between two runs nobody watched. It runs when this one watches.
        self._loop.call_soon(self._told, None, None, Kind.CHANGED)
        try:
            async for batch in changes:
                self._fails_again = False
                for change, path in sorted(batch, key=lambda item: item[1]):
                    self._tell(change, path)
        except FileNotFoundError:  # a folder went before it was watched
            self._run_later()
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody watches any more
            self._fails(error)

    def _fails(self, error: Exception) -> None:
        """Say it once, and try again as often as it takes."""
        if not self._fails_again:
            self._fails_again = True
            logger.warning("watch: folders can't be watched; they are looked at every %g s", _AGAIN, exc_info=error)
        self._run_later(_AGAIN)

    def _tell(self, change: Change, path: str) -> None:
        folder, name = os.path.split(path)
        if path in self._folders and change is Change.deleted:
            self._folders.discard(path)
            self._told(path, None, Kind.LEFT)
        if folder in self._folders:
            self._told(folder, name, _KINDS[change])
