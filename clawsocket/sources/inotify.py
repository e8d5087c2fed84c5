"""Linux: inotify, through asyncinotify. One instance, and one watch for each folder."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Hashable
from pathlib import Path

from asyncinotify import Event, Inotify, Mask, Watch

from clawsocket.sources.watch import Kind, Told

_BATCH = 64
"""Events taken in one go, before the loop gets its turn; a longer queue is taken in several."""

# ATTRIB tells of a chmod: what could not be read or emptied may be possible now.
_SHALLOW = Mask.CREATE | Mask.MOVED_TO | Mask.DELETE_SELF | Mask.MOVE_SELF | Mask.ATTRIB | Mask.ONLYDIR | Mask.MASK_ADD
_FULL = _SHALLOW | Mask.MODIFY | Mask.MOVED_FROM | Mask.DELETE

_CREATED, _MOVED_IN = int(Mask.CREATE), int(Mask.MOVED_TO)
_LEFT = int(Mask.MOVED_FROM | Mask.DELETE | Mask.DELETE_SELF | Mask.MOVE_SELF | Mask.IGNORED)
_OVERFLOW = int(Mask.Q_OVERFLOW)


class InotifyFolders:
    """Tells what inotify tells.

    Args:
        told: called for each event, on the running loop.

    Raises:
        OSError: the limit of inotify instances or of open files is reached.
    """

    def __init__(self, told: Told) -> None:
        self._told = told
        self._inotify = Inotify(cache_size=_BATCH, sync_timeout=0)
        self._watches: dict[Hashable, Watch] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._inotify.fd, self._read)
        self._open = True

    def watch(self, folder: Path, *, shallow: bool) -> Hashable:
        """Start to watch a folder; see :class:`~clawsocket.sources.watch.Native`."""
        watch = self._inotify.add_watch(folder, _SHALLOW if shallow else _FULL)
        self._watches[watch.wd] = watch
        return watch.wd

    def unwatch(self, handle: Hashable) -> None:
        """Stop to watch a folder; its watch went by itself if the folder is gone."""
        watch = self._watches.pop(handle, None)
        if watch is not None:
            with contextlib.suppress(OSError):
                self._inotify.rm_watch(watch)

    def close(self) -> None:
        """Stop everything."""
        if self._open:
            self._open = False
            self._loop.remove_reader(self._inotify.fd)
            self._inotify.close()

    def _read(self) -> None:
        for _ in range(_BATCH):
            event = self._inotify.sync_get() if self._open else None
            if event is None:
                return
            self._tell(event)
        # What is left may already have been taken from the system, so no readable descriptor would call again.
        self._loop.call_soon(self._read)

    def _tell(self, event: Event) -> None:
        bits = int(event.mask)
        if bits & _OVERFLOW:
            self._told(None, None, Kind.CHANGED)
            return
        if event.watch is None:
            return
        name = None if event.name is None else str(event.name)
        self._told(event.watch.wd, name, _kind(bits))


def _kind(bits: int) -> Kind:
    if bits & _CREATED:
        return Kind.CREATED
    if bits & _MOVED_IN:
        return Kind.MOVED_IN
    return Kind.LEFT if bits & _LEFT else Kind.CHANGED
