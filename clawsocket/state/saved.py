"""What is kept of a session from one run of the program to the next, beside its events and its transcripts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from clawsocket.claude import hooks
from clawsocket.claude.hooks import KNOWN
from clawsocket.claude.observations import HookSeen
from clawsocket.protocol.base import Wire
from clawsocket.protocol.envelope import sent
from clawsocket.protocol.events import hook_type
from clawsocket.protocol.models import SessionInfo
from clawsocket.state.session import Session


class Saved(Wire, kw_only=True):
    """A session as it was.

    Attributes:
        info: what clients were told of it.
        run: which run of it this was; facts of its life have it in their ids.
        process: the process that it was told by, as a session file told; empty for none, and where an older version
            saved it.
        others: the other processes that worked on it.
        file_started_at: when its process started, by the session file, ms since 1970; 0 for none.
        begun: whether the start of this run was told.
        started_as: its model as SessionStart named it; empty if it did not, and where an older version saved it.
        window: tokens that its context has room for, as a status line told; None if it did not.
        phantom: whether it never was one, and belongs into no list.
    """

    info: SessionInfo
    run: str = ""
    process: str = ""
    others: tuple[str, ...] = ()
    file_started_at: int = 0
    begun: bool = False
    started_as: str = ""
    window: int | None = None
    phantom: bool = False


_encoder = msgspec.json.Encoder()
_saved = msgspec.json.Decoder(Saved)
_NAMES = {hook_type(name): name for name in KNOWN}


def save(session: Session) -> bytes:
    """Return a session as JSON."""
    return _encoder.encode(
        Saved(
            info=session.info(),
            run=session.run,
            process=session.process,
            others=_others(session),
            file_started_at=session.file_started_at,
            begun=session.begun,
            started_as=session.gauges.started_as,
            window=session.gauges.window,
            phantom=session.is_phantom,
        )
    )


def brief(session: Session) -> tuple[object, ...]:
    """Return what must not be lost of a session when the program dies: all but its usage."""
    return (
        session.pid,
        session.run,
        session.process,
        _others(session),
        session.begun,
        session.started_at,
        session.file_started_at,
        session.state,
        session.since,
        session.waiting_for,
        session.name,
        session.cwd,
        session.model,
        session.gauges.started_as,
        session.git_branch,
        session.permission_mode,
        session.version,
        session.entrypoint,
    )


def _others(session: Session) -> tuple[str, ...]:
    return tuple(file.process for file in session.files.values() if file.process != session.process)


def load(raw: bytes) -> Saved | None:
    """Return what :func:`save` made, None if it is of another form."""
    try:
        return _saved.decode(raw)
    except msgspec.MsgspecError:
        return None


def past_hooks(events: Iterable[Any]) -> list[HookSeen]:
    """Return the hooks that events were made of, to be taken silently.

    Args:
        events: JSON of ``hook.*`` events, as they were sent.
    """
    found = []
    for raw in events:
        try:
            event = sent(raw)
            hook = hooks.known(_NAMES.get(event.type, ""), event.session_id, event.agent_id, event.data)
        except msgspec.MsgspecError:
            continue
        found.append(HookSeen(event.id.removeprefix("h:"), event.timestamp, hook, silent=True))
    return found
