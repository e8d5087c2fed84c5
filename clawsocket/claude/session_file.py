"""``sessions/<pid>.json``: one per running Claude Code process, rewritten in place.

A reader may meet it torn (half written): that is no content yet, not an error.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from clawsocket.claude import lenient
from clawsocket.claude.lenient import Number


class SessionFile(msgspec.Struct, rename="camel", kw_only=True):
    """The content of a session file. Times are ms since 1970.

    Attributes:
        proc_start: the process's start as the system counts it (Linux: clock ticks since boot); with the pid it names
            one process for good.
        status: ``busy``, ``idle``, ``waiting`` or ``shell``; None for ``-p`` runs.
        waiting_for: why it waits, for people: "permission prompt", "dialog open".
        kind: ``interactive``, which ``-p`` runs are too, or ``bg``: in the background, with no terminal of its own.
        job_id: names a session in the background, as for ``claude attach``; also when ``/clear`` gave it another id.
        spare: whether the background service made its process ready for a session that nobody has begun yet.
        parked_job_id: the background session in which its conversation goes on, under an id of its own; the process
            shows that, or the list of all. Its status stays what it was then. (Both: Claude Code 2.1.332.)
    """

    pid: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    session_id: Annotated[str, Meta(min_length=1, max_length=256)]
    cwd: str = ""
    started_at: Number = 0
    proc_start: str | None = None
    version: str | None = None
    kind: str | None = None
    entrypoint: str | None = None
    name: str | None = None
    status: str | None = None
    status_updated_at: Number | None = None
    waiting_for: str | None = None
    job_id: str | None = None
    spare: bool = False
    parked_job_id: str | None = None

    @property
    def process(self) -> str:
        """What tells its process from others with its pid."""
        return self.proc_start or str(self.started_at)


_decoder = msgspec.json.Decoder(SessionFile, strict=False)


def parse(raw: bytes) -> SessionFile | None:
    """Return the content of a session file, or None for a torn or foreign one."""
    try:
        return lenient.decode(_decoder, raw)[0]
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
