"""How far the transcripts were taken, from one run of the program to the next.

A position goes to disk with the events of what lies before it. While something waits in a session (a tool's result, for
the hook that knows the tool's own time), it goes only after a while: after a crash the lines behind it are read again
as new, and their facts have the ids that they had.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from weakref import WeakSet

from clawsocket.log.store import Position
from clawsocket.sources.files import is_folder
from clawsocket.sources.transcript_index import AGENTS, Key, Transcript, agent

SETTLE = 2.5
"""Seconds after which nothing waits for a line any more."""


class Checkpoints:
    """The positions of one run.

    Args:
        positions: those of the run before.
        clock: gives seconds of a steady clock.
        wanted: whether anybody collects the positions.
    """

    def __init__(self, positions: Iterable[Position], clock: Callable[[], float], *, wanted: bool = True) -> None:
        self._clock, self._wanted = clock, wanted
        # Of a file that was moved to another folder there may be two: it was taken as far as the larger one says.
        self._all = sorted(positions, key=lambda one: one.offset)
        # By file and name: inodes are given out again, and files are moved from folder to folder.
        self._before = {(one.device, one.inode, Path(one.path).name): one for one in self._all}
        self._begun: list[Position] = []
        self._moving: dict[Transcript, tuple[float, int]] = {}
        self._taken: WeakSet[Transcript] = WeakSet()

    @property
    def waiting(self) -> bool:
        """Whether there is more to come, without anything new."""
        return bool(self._moving)

    def offset(self, name: str, key: Key, size: int) -> int | None:
        """Return how far a file was taken by the run before, None if it was not, or is not what it was."""
        one = self._before.get((*key, name))
        return one.offset if one is not None and one.offset <= size else None

    def begun(self, transcript: Transcript) -> None:
        """Learn that a file is new: all of it is to be taken, also after a crash."""
        if self._wanted:
            self._begun.append(Position(str(transcript.path), *transcript.key, 0))

    def moved(self, transcript: Transcript) -> None:
        """Learn that lines of a transcript were taken."""
        if self._wanted and transcript not in self._moving and transcript.done >= transcript.found:
            self._moving[transcript] = (self._clock(), transcript.done)
            self._taken.add(transcript)

    def repeat(self) -> None:
        """Let all positions go to disk again."""
        for transcript in self._taken:
            self.moved(transcript)

    def collect(self, is_quiet: Callable[[str], bool]) -> list[Position]:
        """Return the positions that may go to disk with all events there are.

        Args:
            is_quiet: tells of a session whether nothing waits in it.
        """
        now = self._clock()
        ready, self._begun = self._begun, []
        for transcript, (since, offset) in list(self._moving.items()):
            taken = transcript.taken
            if is_quiet(transcript.session_id):
                offset = taken
            elif now - since < SETTLE:
                continue
            del self._moving[transcript]
            if transcript.tail is None or taken >= offset:  # it may have been rewritten
                ready.append(Position(str(transcript.path), *transcript.key, offset))
            if taken > offset:
                self._moving[transcript] = (now, taken)
        return ready

    def gone(self) -> list[Position]:
        """Return the positions of files that are gone, to be forgotten. It looks at all of them, so not on the loop."""
        return [one._replace(offset=-1) for one in self._all if _is_gone(Path(one.path))]


def _is_gone(path: Path) -> bool:
    """A folder that is gone may be one that is not mounted, and what can't be looked at may be there.

    A subagent's transcript lies in a folder of its session, which goes with it.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        folders = path.parents if agent(path.name) is not None else ()
        inside = next((folder for folder in folders if folder.name == AGENTS), None)
        return is_folder((path if inside is None else inside.parent).parent.parent)
    except OSError:
        return False
    return False
