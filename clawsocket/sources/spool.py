"""The spool: hooks put their payloads there as files, one each, and rename them into place.

They are taken in order of modification time, then of arrival (those that waited: of name), and each is deleted when it
is released: when what it led to is on disk. :mod:`clawsocket.claude.hook_command` says what else may be in the folder.

Status lines come the same way (:mod:`clawsocket.claude.recorder_command`), but the newest of a session replaces the one
before, and tells what counts now: it is taken away before it is read, so that one that comes meanwhile is a new file.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import heapq
import itertools
import math
import os
import stat
from collections import Counter, deque
from collections.abc import Callable, Iterable
from pathlib import Path
from time import monotonic, perf_counter

from clawsocket.claude import hooks, recorder_command, status_line
from clawsocket.claude.observations import HookSeen, Observation, StatusLineSeen
from clawsocket.config import Settings
from clawsocket.sources.files import may_pass, mtime, opened
from clawsocket.sources.troubles import Troubles
from clawsocket.sources.turns import PAUSE, TURN
from clawsocket.sources.watch import Watcher

_MARKS = {
    ".full": "the spool was full; hooks were lost until it was emptied",
    ".lost": "hooks could not be written to the spool (no space, or longer than spool_limit) and were lost",
}
"""What hooks leave when they could not leave their payloads."""

_QUIET = 60.0
"""Seconds in which a mark is told once: on a full disk one comes with each hook. Each is a gap all the same."""

_STALE = 600_000
"""ms after which a partial file has lost its writer."""


class Spool:
    """Takes hooks out of the spool.

    Args:
        folder: the spool; it may be missing, and come back.
        watcher: tells of changes.
        sink: takes each hook, on the loop.
        settings: ``spool_limit``.
        now: the time in ms since 1970.

    Attributes:
        release: called with a function that deletes a file when the sink took it; it decides when. By default at once.
        is_known: tells of the id of a hook whether it was taken and released by an earlier run.
        has_room: tells whether the sink can take more; while it can't, hooks stay where they are. By default it can.
        on_lost: called if hooks were lost: the spool was not there; or it was full or not writable, and then after
            those in it were taken.
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
        self._folder, self._watcher, self._sink, self._now = folder, watcher, sink, now
        self._limit = settings.spool_limit
        self._troubles = Troubles("spool", sink, now)
        self.release: Callable[[Callable[[], None]], None] = lambda delete: delete()
        self.is_known: Callable[[str], bool] = lambda _id: False
        self.has_room: Callable[[], bool] = lambda: True
        self.on_lost: Callable[[], object] = lambda: None
        self.rejected: Counter[str] = Counter()
        self._queue: list[tuple[int, int, Path]] = []  # modification time, arrival, file
        self._arrivals = itertools.count()
        self._new: deque[str] = deque()  # names that were not looked at yet
        self._known: set[str] = set()  # in the queue, or taken and not yet deleted
        self._kept: set[Path] = set()  # taken, and can't be deleted
        self._marks: set[str] = set()  # that are there
        self._marked: dict[str, float] = {}  # when one was told of
        self._gone = False
        self._turn: asyncio.Handle | None = None
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def waiting(self) -> int:
        """How many files wait to be taken."""
        return len(self._new) + len(self._queue)

    async def start(self) -> None:
        """Take what waits, in turns of the loop, and from now on what comes."""
        self._watcher.add(self._folder, self._changed, arrivals_only=True)
        self._look()
        await self._idle.wait()

    def close(self) -> None:
        """Stop; what was not taken waits for the next start."""
        self._watcher.remove(self._folder)
        self._new.clear()
        self._queue.clear()
        if self._turn is not None:
            self._turn.cancel()
        self._idle.set()

    def _changed(self, folder: Path, name: str | None, created: bool) -> None:
        if name is None:
            self._look()
        elif name in _MARKS:
            self._marks.add(name)
            self._later()
        else:
            self._new.append(name)
            self._later()

    def _look(self) -> None:
        """Take note of everything that is there."""
        try:
            names = [path.name for path in self._folder.iterdir()]
        except FileNotFoundError as error:
            self._troubles.tell("gone", "the spool is not there; hooks are lost until it is", error)
            self._gone = True
            return
        except OSError as error:
            self._troubles.tell("missing", "the spool can't be read; hooks are not seen until it can", error)
            self._again(error)
            return
        if self._gone:
            self._gone = False
            self.on_lost()
        for trouble in ("gone", "missing"):
            self._troubles.over(trouble)
        self._marks.update(_MARKS.keys() & set(names))
        self._sweep(name for name in names if name.startswith(".") and name not in _MARKS)
        self._delete_kept()
        self._new.extend(sorted(names))
        self._later()

    def _sweep(self, partials: Iterable[str]) -> None:
        for name in partials:
            with contextlib.suppress(OSError):
                path = self._folder / name
                status = path.lstat()
                if stat.S_ISREG(status.st_mode) and mtime(status) < self._now() - _STALE:
                    path.unlink()

    def _note(self, name: str) -> None:
        if name.startswith(".") or not name.endswith(".json") or name in self._known:
            return
        with contextlib.suppress(OSError):
            path = self._folder / name
            status = path.lstat()
            if stat.S_ISREG(status.st_mode):
                self._known.add(name)
                heapq.heappush(self._queue, (status.st_mtime_ns, next(self._arrivals), path))

    def _later(self) -> None:
        if self._turn is None:
            self._idle.clear()
            loop = asyncio.get_running_loop()
            self._turn = loop.call_soon(self._take_turn) if self.has_room() else loop.call_later(PAUSE, self._take_turn)

    def _take_turn(self) -> None:
        """Take note of what is new, and when all of it is known take the oldest."""
        self._turn = None
        deadline = perf_counter() + TURN
        try:
            while self._new and perf_counter() < deadline:
                self._note(self._new.popleft())
            while self._queue and perf_counter() < deadline and self.has_room():
                written, _, path = heapq.heappop(self._queue)
                self._take(path, written)
        finally:
            if self._new or self._queue:
                self._later()
        if self._new or self._queue:
            return
        if self._marks:
            self._unmark()
        self._idle.set()

    def _take(self, path: Path, written: int) -> None:
        if path.name.startswith(recorder_command.NAME):
            self._take_status_line(path)
            return
        try:
            hook = self._read_hook(path)
        except OSError as error:
            self._known.discard(path.name)
            if not isinstance(error, FileNotFoundError):
                self._troubles.tell("unreadable", f"a hook in the spool can't be read ({error.strerror})", error)
            self._again(error)
            return
        try:
            id = f"{path.stem}.{written}"  # a name comes again when pids do
            if hook is not None and not self.is_known(id):
                self._sink(HookSeen(id, written // 1_000_000, hook))
        finally:
            self.release(functools.partial(self._delete, path))

    def _take_status_line(self, path: Path) -> None:
        self._known.discard(path.name)
        taken = path.with_name(f".{path.name}")
        try:
            path.replace(taken)
            try:
                with opened(taken) as (descriptor, status):
                    line = status_line.parse(os.read(descriptor, recorder_command.LIMIT + 1))
            finally:
                taken.unlink(missing_ok=True)
        except FileNotFoundError:
            return
        except OSError as error:
            self._troubles.tell("status line", f"a status line in the spool can't be read ({error.strerror})", error)
        except ValueError:
            self._reject("not a status line", "some files in the spool are no status lines; they are skipped")
        else:
            self._sink(StatusLineSeen(line, mtime(status)))

    def _again(self, error: OSError) -> None:
        if may_pass(error):
            self._watcher.again(self._folder)

    def _read_hook(self, path: Path) -> hooks.Hook | None:
        """Return the hook in a file, None for anything else."""
        with opened(path) as (descriptor, status):
            body = os.read(descriptor, min(self._limit, status.st_size) + 1)  # room for the limit each time is dear
        if len(body) > self._limit:
            self._reject("long", "some hooks in the spool are longer than spool_limit; they are skipped")
            return None
        try:
            return hooks.parse(body)
        except hooks.NotJsonError:
            self._reject("not JSON", "some files in the spool are not JSON; they are skipped")
        except hooks.NotAHookError:
            self._reject("not a hook", "some files in the spool are no hooks; they are skipped")
        return None

    def _reject(self, kind: str, message: str) -> None:
        self.rejected[kind] += 1
        self._troubles.tell(kind, message)

    def _delete(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            self._kept.add(path)
            self._troubles.tell("kept", "the spool can't be emptied; hooks are seen, and their files stay", error)
        else:
            self._known.discard(path.name)

    def _delete_kept(self) -> None:
        """Try again to delete what was taken and could not be deleted."""
        kept, self._kept = self._kept, set()
        for path in kept:
            self._delete(path)
        if not self._kept:
            self._troubles.over("kept")

    def _unmark(self) -> None:
        """Take the marks away, now that there is room, and tell what they mean."""
        marks, self._marks = self._marks, set()
        for mark in marks:
            try:
                (self._folder / mark).unlink()
            except FileNotFoundError:
                continue  # that was the event of our taking it away
            except OSError as error:
                self._troubles.tell("marked", "the spool can't be emptied, and hooks are lost", error)
                continue
            self._troubles.over("marked")
            if monotonic() - self._marked.get(mark, -math.inf) >= _QUIET:
                self._marked[mark] = monotonic()
                self._troubles.over(mark)
            self._troubles.tell(mark, _MARKS[mark])
            self.on_lost()
