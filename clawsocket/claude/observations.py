"""What the sources see, in terms of Claude Code: the input of the state."""

from __future__ import annotations

from typing import Literal

import msgspec

from clawsocket.claude.hooks import Hook
from clawsocket.claude.session_file import SessionFile
from clawsocket.claude.status_line import StatusLine
from clawsocket.claude.transcript import AgentMeta, Line


class HookSeen(msgspec.Struct):
    """A hook fired.

    Attributes:
        id: of the fact: the spool file's name, or one made for a ``POST /hook``.
        at: ms since 1970 when it fired.
        hook: its payload.
        silent: True where it is in the log already and is told for the state alone.
    """

    id: str
    at: int
    hook: Hook
    silent: bool = False


class LineSeen(msgspec.Struct):
    """A line of a transcript was read.

    Attributes:
        session_id: the session whose file it is (the line itself may name an older one).
        agent_id: the subagent whose file it is, None for the session's own.
        line: the line.
        at: ms since 1970: its own timestamp, or that of the line before it.
        silent: True for what existed before and is read for the state alone.
        follows: True where the file was known up to here before, so that the line is no copy of an older one; or where
            copies are wanted too, as for a history.
    """

    session_id: str
    agent_id: str | None
    line: Line
    at: int
    silent: bool = False
    follows: bool = False


class AgentMetaSeen(msgspec.Struct):
    """A subagent's ``.meta.json`` was read."""

    session_id: str
    agent_id: str
    meta: AgentMeta
    at: int
    silent: bool = False


class SessionFileSeen(msgspec.Struct):
    """A session file appeared or changed, and its process lives.

    Attributes:
        file: its content.
        at: ms since 1970 of the change.
    """

    file: SessionFile
    at: int


class SessionGone(msgspec.Struct):
    """A session's file went, or its process did, or the process turned to another session."""

    session_id: str
    pid: int
    at: int
    reason: Literal["process_exited", "file_removed", "cleared"]


class StatusLineSeen(msgspec.Struct):
    """Claude Code asked for its status line.

    Attributes:
        line: what it told of the session.
        at: ms since 1970 when it did.
    """

    line: StatusLine
    at: int


class Trouble(msgspec.Struct):
    """A source can't do its work fully.

    Attributes:
        source: "transcript", "session_file", "spool", "watch" or "log".
        message: one clear line for people, without contents of anybody's files.
        recoverable: whether the source goes on.
    """

    source: str
    message: str
    recoverable: bool
    at: int


Observation = HookSeen | LineSeen | AgentMetaSeen | SessionFileSeen | SessionGone | StatusLineSeen | Trouble
