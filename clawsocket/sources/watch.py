"""Folders and their changes: which name changed where, told on the event loop.

A folder may be missing, come late, vanish and come back: its nearest existing ancestor is watched meanwhile. The
system's own notification does the work, so that nothing runs while nothing changes; only a folder that the system
refuses to watch is looked at in intervals.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import sys
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Protocol

from clawsocket.claude.observations import Trouble
from clawsocket.config import Settings
from clawsocket.sources.files import is_folder
from clawsocket.sources.troubles import Troubles
from clawsocket.sources.turns import Turns

OnChange = Callable[[Path, str | None, bool], None]
"""Called with the folder, the name in it that changed (None: look at all of it), and whether it was just created."""


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
            shallow: only what is created in it or moved there, and what becomes of itself.

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
"""Called with a handle, a name in its folder (None: the folder itself) and what happened.

A None handle means that something was missed: anything may have happened anywhere."""


def _hinges(folder: Path) -> list[tuple[Path, str]]:
    return [(path.parent, path.name) for path in (folder, *folder.parents)]


def native(told: Told) -> Native:
    """Return this system's notification.

    Raises:
        OSError: the system's limit is reached.
    """
    if sys.platform == "linux":
        from clawsocket.sources.inotify import InotifyFolders

        return InotifyFolders(told)
    else:
        from clawsocket.sources.watchfiles_folders import WatchfilesFolders

        return WatchfilesFolders(told)


@dataclass(slots=True)
class _Watched:
    on_change: OnChange
    arrivals_only: bool
    places: dict[Hashable, Path] = field(default_factory=dict)
    """What is watched for it: itself or its nearest existing ancestor, and the folder above that."""
    polled: bool = False


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
        self._interval, self._make = settings.poll_interval, make
        self._troubles = Troubles("watch", sink, now)
        self._native: Native | None = None
        self._watched: dict[Path, _Watched] = {}
        self._users: dict[Hashable, set[Path]] = {}
        self._hinges: Counter[tuple[Path, str]] = Counter()  # the folders and those above, each with the one it is in
        self._renewing = Turns(self._renew)
        self._again: set[Path] = set()
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Open the system's notification; needs a running loop. Where there is none, folders are polled."""
        try:
            self._native = self._make(self._told)
        except OSError as error:
            self._refused(error)

    def close(self) -> None:
        """Stop; no callback comes afterwards."""
        for table in (self._watched, self._users, self._hinges, self._again):
            table.clear()
        self._renewing.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._native is not None:
            self._native.close()
            self._native = None

    def add(self, folder: Path, on_change: OnChange, *, arrivals_only: bool = False) -> None:
        """Tell of every change in ``folder`` from now on, and when it comes and goes; what is in it now is not told.

        Args:
            folder: an absolute path, of something that need not exist. Each folder has one ``on_change``.
            on_change: called on the loop.
            arrivals_only: of the names in it, only those that are created or moved there need be told.
        """
        self._watched[folder] = _Watched(on_change, arrivals_only)
        self._hinges.update(_hinges(folder))
        self._place(folder)

    def remove(self, folder: Path) -> None:
        """Tell no more of ``folder``; one that was not added is fine."""
        watched = self._watched.pop(folder, None)
        if watched is None:
            return
        self._again.discard(folder)
        self._hinges.subtract(_hinges(folder))
        self._hinges = +self._hinges
        self._release(folder, watched.places)

    def again(self, folder: Path) -> None:
        """Ask for another look at all of ``folder`` after ``poll_interval``: something there failed that may pass."""
        self._again.add(folder)
        self._poll_later()

    def _place(self, folder: Path) -> None:
        watched = self._watched[folder]
        before = watched.places
        try:
            watched.places, watched.polled = self._watch(folder, shallow=watched.arrivals_only), False
        except OSError as error:
            self._refused(error)
            watched.places, watched.polled = {}, True
            self._poll_later()
        for handle in watched.places:
            self._users.setdefault(handle, set()).add(folder)
        self._release(folder, before.keys() - watched.places.keys())

    def _watch(self, folder: Path, *, shallow: bool) -> dict[Hashable, Path]:
        """Watch a folder, or the nearest ancestor, in which the next part of its path can appear.

        The folder above is watched too: it tells when this one is moved away together with it, or was a symbolic link
        and is another one now.
        """
        if self._native is None:
            raise OSError(errno.EMFILE, "no notification")
        place = folder
        while True:
            try:
                handle = self._native.watch(place, shallow=shallow or place != folder)
            except (FileNotFoundError, NotADirectoryError):
                place = place.parent
                continue
            if place == folder or not is_folder(place / folder.relative_to(place).parts[0]):
                break
            place = folder  # the next part appeared between the two looks
        places = {handle: place}
        with contextlib.suppress(OSError):
            places.setdefault(self._native.watch(place.parent, shallow=True), place.parent)
        return places

    def _release(self, folder: Path, handles: Iterable[Hashable]) -> None:
        for handle in handles:
            users = self._users[handle]
            users.discard(folder)
            if not users:
                del self._users[handle]
                if self._native is not None:
                    self._native.unwatch(handle)

    def _told(self, handle: Hashable, name: str | None, kind: Kind) -> None:
        if handle is None:
            self._renew_all(self._watched)
            return
        users = [(folder, self._watched[folder].places[handle]) for folder in self._users.get(handle, ())]
        if kind is not Kind.CHANGED:
            for hinge in {(place.parent, place.name) if name is None else (place, name) for _, place in users}:
                if hinge in self._hinges:
                    self._renew_all(self._below(hinge[0] / hinge[1]))
        if name is None and kind is Kind.LEFT:
            return
        for folder, place in users:
            if place == folder and folder in self._watched:
                self._watched[folder].on_change(folder, name, kind is Kind.CREATED)

    def _below(self, path: Path) -> list[Path]:
        inside = f"{path}/"  # as texts: there may be thousands, and each of them that goes asks
        return [folder for folder in self._watched if folder == path or str(folder).startswith(inside)]

    def _renew_all(self, folders: Iterable[Path]) -> None:
        """Watch folders anew that may be others than before, and tell to look at them; they may be many."""
        for folder in folders:
            self._renewing.add(folder)

    def _renew(self, folder: Path) -> None:
        if folder in self._watched:
            self._place(folder)
            self._watched[folder].on_change(folder, None, False)

    def _poll_later(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._interval, self._poll)

    def _poll(self) -> None:
        self._timer = None
        if self._native is None:
            self.start()
        again, self._again = self._again, set()
        self._renew_all(folder for folder, watched in self._watched.items() if watched.polled or folder in again)

    def _refused(self, error: OSError) -> None:
        reason = _REASONS.get(error.errno or 0, f"a folder can't be watched ({error.strerror})")
        message = f"{reason}; what can't be watched is looked at every {self._interval:g} s"
        self._troubles.tell(str(error.errno), message, error)


_REASONS = {
    errno.ENOSPC: "the system's limit of watched folders is reached (raise the sysctl fs.inotify.max_user_watches)",
    errno.EMFILE: "the system's limit of watchers or of open files is reached (raise the sysctl "
    "fs.inotify.max_user_instances, or ulimit -n)",
}
