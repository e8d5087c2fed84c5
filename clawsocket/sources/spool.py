"""The spool: hooks put their payloads there as files, one each, and rename them into place.

They are taken in order of modification time, then of arrival (what waited already: of name, numbers by value), and deleted
when the sink took them.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import logging
import os
import re
import stat
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from clawsocket.claude import hooks
from clawsocket.claude.observations import HookSeen, Observation, Trouble
from clawsocket.config import Settings
from clawsocket.sources.watch import Watcher

logger = logging.getLogger(__name__)

FULL = ".full"
"""The mark that stops the hooks from writing; see the hook command."""

_BATCH = 100
_BUDGET = 0.01
"""Seconds of one turn."""
_STALE = 600.0
"""Seconds after which a partial file has lost its writer."""
_DIGITS = re.compile(r"(\d+)")


class Spool:
    """Takes hooks out of the spool.

    Args:
        folder: the spool; it may be missing, and come back.
        watcher: tells of changes.
        sink: takes each hook, on the loop; its file is deleted when this returns.
        settings: ``spool_limit``.
        now: the time in ms since 1970.

    Attributes:
        on_full: called when the spool had been full and was emptied: hooks in between are lost.
        rejected: how many files were no hooks, by kind.
    """

    def __init__(
        self,
        folder: Path,
        watcher: Watcher,
        sink: Callable[[Observation], None],
        settings: Settings,
        now: Callable[[], int],
    ) -> None:
        self._folder, self._watcher, self._sink, self._limit, self._now = folder, watcher, sink, settings.spool_limit, now
        self.on_full: Callable[[], None] | None = None
        self.rejected: Counter[str] = Counter()
        self._queue: list[tuple[int, int, str]] = []
        self._arrivals = itertools.count()
        self._known: set[str] = set()
        self._kept: set[str] = set()
        self._full = False
        self._turn: asyncio.Handle | None = None
        self._troubles: set[str] = set()

    async def start(self) -> None:
        """Take what waits, and from now on what comes; both in turns of the loop, after this returned."""
        self._watcher.add(self._folder, self._changed)
        self._look()

    def close(self) -> None:
        """Stop; what was not taken waits for the next start."""
        self._watcher.remove(self._folder)
        self._queue.clear()
        self._known.clear()
        if self._turn is not None:
            self._turn.cancel()

    def _changed(self, folder: Path, name: str | None, created: bool) -> None:
        if name is None:
            self._look()
        elif name == FULL:
            self._full = True
            self._later()
        elif name.endswith(".json") and not name.startswith("."):
            self._found([name])

    def _look(self) -> None:
        """Take note of everything that is there."""
        try:
            names = os.listdir(self._folder)
        except OSError as error:
            logger.warning("spool: %s", error)
            self._trouble("missing", "the spool can't be read; hooks are not seen until it can be again")
            return
        self._troubles.discard("missing")
        self._full = self._full or FULL in names
        self._sweep([name for name in names if name.startswith(".") and name != FULL])
        self._delete_kept()
        self._found([name for name in names if name.endswith(".json") and not name.startswith(".")])
        self._later()

    def _sweep(self, partials: list[str]) -> None:
        oldest = self._now() - _STALE * 1000
        for name in partials:
            with contextlib.suppress(OSError):
                path = self._folder / name
                status = path.lstat()
                if stat.S_ISREG(status.st_mode) and status.st_mtime_ns / 1e6 < oldest:
                    path.unlink()

    def _found(self, names: list[str]) -> None:
        new = []
        for name in names:
            if name in self._known:
                continue
            with contextlib.suppress(OSError):
                status = os.lstat(self._folder / name)
                if stat.S_ISREG(status.st_mode):
                    new.append((status.st_mtime_ns, name))
        new.sort(key=lambda item: (item[0], _natural(item[1])))
        for mtime, name in new:
            self._known.add(name)
            heapq.heappush(self._queue, (mtime, next(self._arrivals), name))
        if new:
            self._later()

    def _later(self) -> None:
        if self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._take)

    def _take(self) -> None:
        """Take some files, then give the loop its turn."""
        self._turn = None
        deadline = perf_counter() + _BUDGET
        try:
            for _ in range(_BATCH):
                if not self._queue or perf_counter() > deadline:
                    break
                mtime, _, name = heapq.heappop(self._queue)
                self._one(name, mtime // 1_000_000)
        finally:
            if self._queue:
                self._later()
        if self._full and not self._queue:
            self._drained()

    def _one(self, name: str, at: int) -> None:
        path = self._folder / name
        try:
            hook = self._read(path)
            if hook is not None:
                self._sink(HookSeen(name.removesuffix(".json"), at, hook))
        except FileNotFoundError:
            pass
        finally:
            self._delete(name)

    def _read(self, path: Path) -> hooks.Hook | None:
        try:
            with path.open("rb") as stream:
                body = stream.read(self._limit + 1)
            if len(body) > self._limit:
                return self._reject("too long", "a hook was longer than spool_limit and was skipped")
            return hooks.parse(body)
        except hooks.NotJsonError:
            return self._reject("not JSON", "a hook in the spool was not JSON and was skipped")
        except (hooks.NotAHookError, RecursionError):
            return self._reject("not a hook", "a file in the spool was no hook and was skipped")
        except FileNotFoundError:
            raise
        except OSError as error:
            logger.warning("spool: %s", error)
            return self._reject("unreadable", "a hook in the spool could not be read and was skipped")

    def _reject(self, kind: str, message: str) -> None:
        self.rejected[kind] += 1
        self._trouble(kind, f"{message}; further ones are only counted")

    def _delete(self, name: str) -> None:
        try:
            os.unlink(self._folder / name)
        except FileNotFoundError:
            pass
        except OSError as error:
            logger.warning("spool: %s", error)
            self._kept.add(name)
            self._trouble("kept", "the spool can't be emptied; hooks are seen, and their files stay")
            return
        self._known.discard(name)

    def _delete_kept(self) -> None:
        """Try again to delete what was taken and could not be deleted."""
        kept, self._kept = self._kept, set()
        for name in kept:
            self._delete(name)
        if kept and not self._kept:
            self._troubles.discard("kept")

    def _drained(self) -> None:
        self._full = False
        self._sink(Trouble("spool", "the spool was full; hooks were lost until it was emptied", True, self._now()))
        if self.on_full is not None:
            self.on_full()
        self._delete(FULL)

    def _trouble(self, kind: str, message: str) -> None:
        if kind not in self._troubles:
            self._troubles.add(kind)
            self._sink(Trouble("spool", message, True, self._now()))


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in _DIGITS.split(name)]
