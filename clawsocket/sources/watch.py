"""Folders and their changes: which name changed where, told on the event loop.

A folder may be missing, come late, vanish and come back: its nearest existing ancestor is watched meanwhile. The system's own
notification does the work, so that nothing runs while nothing changes; only a folder that the system refuses to watch
is looked at in intervals.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import sys
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol

from clawsocket.claude.observations import Trouble
from clawsocket.config import Settings

logger = logging.getLogger(__name__)

OnChange = Callable[[Path, str | None, bool], None]
"""Called with the folder, the name in it that changed (None: look at all of it), and whether the name was just created."""


class Kind(Enum):
    """What happened to a name, or (without a name) to the folder itself."""

    CREATED = "created"
    MOVED_IN = "moved in"
    CHANGED = "changed"
    LEFT = "left"


class Native(Protocol):
    """The system's notification."""

    def watch(self, folder: Path, *, shallow: bool) -> Hashable:
        """Start to watch a folder, or watch more of it.

        Args:
            folder: an existing folder.
            shallow: only what appears in it and what becomes of itself.

        Returns:
            A handle, the same one for the same folder under another name.

        Raises:
            OSError: there is no such folder, or the system can't watch it.
        """
        ...

    def unwatch(self, handle: Hashable) -> None:
        """Stop to watch; a handle whose folder is gone is fine."""
        ...

    def close(self) -> None:
        """Stop everything."""
        ...


Told = Callable[[Hashable, str | None, Kind], None]
"""Called with a handle, a name in its folder (None: the folder itself) and what happened; a None handle: anything may have."""


def native(told: Told) -> Native:
    """Return this system's notification.

    Raises:
        OSError: the system's limit is reached.
    """
    if sys.platform == "linux":
        from clawsocket.sources.inotify import InotifyFolders

        return InotifyFolders(told)
    from clawsocket.sources.watchfiles_folders import WatchfilesFolders

    return WatchfilesFolders(told)


@dataclass(slots=True)
class _Watched:
    on_change: OnChange
    place: Path
    """Where the watch is: the folder, or its nearest existing ancestor."""
    handle: Hashable = None
    """None where it is polled."""


class Watcher:
    """Tells of changes in folders.

    Args:
        sink: takes a :class:`Trouble` when the system can't watch.
        settings: ``poll_interval``.
        now: the time in ms since 1970.
        make: makes the system's notification.
    """

    def __init__(
        self,
        sink: Callable[[Trouble], None],
        settings: Settings,
        now: Callable[[], int],
        make: Callable[[Told], Native] = native,
    ) -> None:
        self._sink, self._interval, self._now, self._make = sink, settings.poll_interval, now, make
        self._native: Native | None = None
        self._watched: dict[Path, _Watched] = {}
        self._handles: dict[Hashable, set[Path]] = {}
        self._hinges: Counter[Path] = Counter()
        self._timer: asyncio.TimerHandle | None = None
        self._complained: set[int | None] = set()

    def start(self) -> None:
        """Open the system's notification; needs a running loop. Where there is none, folders are polled."""
        self._open()

    def close(self) -> None:
        """Stop; no callback comes afterwards."""
        self._watched.clear()
        self._handles.clear()
        self._hinges.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._native is not None:
            self._native.close()
            self._native = None

    def add(self, folder: Path, on_change: OnChange) -> None:
        """Tell of every change in ``folder`` from now on, and when it comes and goes; what is in it now is not told.

        Args:
            folder: an absolute path, of something that need not exist.
            on_change: called on the loop.
        """
        if folder in self._watched:
            self._watched[folder].on_change = on_change
            return
        self._hinges.update((folder, *folder.parents))
        self._watched[folder] = _Watched(on_change, folder)
        self._place(folder)

    def remove(self, folder: Path) -> None:
        """Tell no more of ``folder``; one that was never added is fine."""
        watched = self._watched.pop(folder, None)
        if watched is None:
            return
        self._hinges.subtract((folder, *folder.parents))
        self._hinges = +self._hinges
        self._release(folder, watched.handle)

    def _open(self) -> None:
        try:
            self._native = self._make(self._told)
        except OSError as error:
            self._complain(error, "all of Claude Code's folders")

    def _place(self, folder: Path) -> None:
        """Watch the folder, or the nearest ancestor in which the next part of its path can appear."""
        watched = self._watched[folder]
        before, place = watched.handle, folder
        while True:
            try:
                handle = self._watch(place, shallow=place != folder)
            except (FileNotFoundError, NotADirectoryError):
                place = place.parent
                continue
            except OSError as error:
                self._complain(error, str(place))
                handle, place = None, folder
                break
            if place == folder or not (place / folder.relative_to(place).parts[0]).is_dir():
                break
            place = folder  # it appeared between the two looks
        watched.place, watched.handle = place, handle
        if handle is None:
            self._poll_later()
        else:
            self._handles.setdefault(handle, set()).add(folder)
        if before != handle:
            self._release(folder, before)

    def _watch(self, place: Path, *, shallow: bool) -> Hashable:
        return None if self._native is None else self._native.watch(place, shallow=shallow)

    def _release(self, folder: Path, handle: Hashable) -> None:
        folders = self._handles.get(handle, set())
        folders.discard(folder)
        if not folders and self._handles.pop(handle, None) is not None and self._native is not None:
            self._native.unwatch(handle)

    def _told(self, handle: Hashable, name: str | None, kind: Kind) -> None:
        if handle is None:
            self._renew(list(self._watched))
            return
        told = [(folder, self._watched[folder]) for folder in self._handles.get(handle, ())]
        if kind is not Kind.CHANGED:
            for place in {watched.place for _, watched in told}:
                path = place if name is None else place / name
                if path in self._hinges:
                    self._renew(self._below(path))
        if name is None and kind is Kind.LEFT:
            return
        for folder, watched in told:
            if watched.place == folder and folder in self._watched:
                watched.on_change(folder, name, kind is Kind.CREATED)

    def _below(self, path: Path) -> list[Path]:
        return [folder for folder in self._watched if folder == path or path in folder.parents]

    def _renew(self, folders: list[Path]) -> None:
        for folder in folders:
            if folder in self._watched:
                self._place(folder)
                self._watched[folder].on_change(folder, None, False)

    def _poll_later(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._interval, self._poll)

    def _poll(self) -> None:
        self._timer = None
        if self._native is None:
            self._open()
        self._renew([folder for folder, watched in self._watched.items() if watched.handle is None])

    def _complain(self, error: OSError, what: str) -> None:
        if error.errno in self._complained:
            return
        self._complained.add(error.errno)
        logger.warning("cannot watch %s: %s", what, error.strerror)
        reason = _REASONS.get(error.errno or 0, f"a folder can't be watched ({error.strerror})")
        message = f"{reason}; what can't be watched is looked at every {self._interval:g} s"
        self._sink(Trouble("watch", message, True, self._now()))


_REASONS = {
    errno.ENOSPC: "the system's limit of watched folders is reached (raise the sysctl fs.inotify.max_user_watches)",
    errno.EMFILE: "the system's limit of watchers is reached (raise the sysctl fs.inotify.max_user_instances, or ulimit -n)",
}
