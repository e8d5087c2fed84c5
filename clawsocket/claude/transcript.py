r"""Transcripts: one JSON object a line, appended as a session goes.

The format is internal to Claude Code and changes with its releases, so a line is read for what is needed and nothing
else of it is checked. A type that is not known is an :class:`OtherLine`; only what is no JSON object at all is broken.

Facts measured on Claude Code 2.1.197: an API message is written as one line per content block, each with the same
``message.id`` and final usage; U+2028 stands raw inside lines, so lines end at ``\\n`` alone; lines can be many MB.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from clawsocket.claude import lenient
from clawsocket.claude.lenient import Amount, Number

Raw = msgspec.Raw
ABSENT = Raw(b"")
"""A field that is not there."""


class CacheCreation(msgspec.Struct):
    """How long what was written to the cache is kept; the rest is for five minutes."""

    ephemeral_1h_input_tokens: Number = 0


class ServerToolUse(msgspec.Struct):
    """What the API did itself for a message."""

    web_search_requests: Number = 0


class Usage(msgspec.Struct):
    """The tokens of one API message, and what else its price depends on."""

    input_tokens: Number = 0
    output_tokens: Number = 0
    cache_creation_input_tokens: Number = 0
    cache_read_input_tokens: Number = 0
    cache_creation: CacheCreation | None = None
    server_tool_use: ServerToolUse | None = None
    speed: str | None = None
    inference_geo: str | None = None

    @property
    def cache_1h(self) -> int:
        """The tokens written to the cache for an hour, of all that were."""
        longer = self.cache_creation.ephemeral_1h_input_tokens if self.cache_creation else 0
        return min(longer, self.cache_creation_input_tokens)

    @property
    def searches(self) -> int:
        """The web searches."""
        return self.server_tool_use.web_search_requests if self.server_tool_use else 0


class Advice(Usage):
    """What the API spent on a model that was asked for advice while it answered, beside the message's own tokens."""

    type: str = ""
    model: str | None = None


class Block(msgspec.Struct):
    """A content block, as far as it is looked at: text, thinking, tool_use, tool_result, image."""

    type: str = ""
    text: str | None = None
    id: str | None = None
    name: str | None = None
    input: Raw = ABSENT
    tool_use_id: str | None = None
    content: Any = None
    is_error: bool | None = None


class Origin(msgspec.Struct):
    """Where a prompt came from: ``human``, ``task-notification``, ``peer`` for another session."""

    kind: str | None = None


class UserMessage(msgspec.Struct):
    """The message of a user line."""

    content: str | list[Block] = ""


class AssistantMessage(msgspec.Struct):
    """The message of an assistant line."""

    id: str | None = None
    model: str | None = None
    content: Raw = Raw(b"[]")
    stop_reason: str | None = None
    usage: Raw = ABSENT


def milliseconds(timestamp: str | None) -> int | None:
    """Return a timestamp in ms since 1970, None if it is none."""
    if timestamp is None:
        return None
    try:
        moment = datetime.fromisoformat(timestamp)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


class Line(msgspec.Struct, rename="camel", kw_only=True):
    """What any line may carry.

    Attributes:
        forked_from: on lines that ``/branch`` copied: whose they are. Other copies have no mark.
    """

    uuid: str | None = None
    timestamp: str | None = None
    session_id: str | None = None
    agent_id: str | None = None
    is_sidechain: bool = False
    cwd: str | None = None
    version: str | None = None
    git_branch: str | None = None
    entrypoint: str | None = None
    forked_from: Any = None

    @property
    def at(self) -> int | None:
        """Its own time in ms since 1970; None where it has none."""
        return milliseconds(self.timestamp)

    @property
    def written(self) -> int | None:
        """The earliest time it tells of being written, ms since 1970; None where it tells none."""
        return self.at


class Permission(msgspec.Struct):
    """What became of the permission for a call: ``accept`` or ``reject``."""

    decision: str | None = None


class UserLine(Line, kw_only=True):
    """A prompt, the results of tools, or something that Claude Code puts in the user's mouth.

    Attributes:
        permission_decision: only of newer versions, for the call whose result it holds.
        team_name: of the team of which the session is a member that has a terminal of its own.
        agent_name: what it is called there.
    """

    message: UserMessage
    prompt_id: str | None = None
    is_meta: bool = False
    is_compact_summary: bool = False
    origin: Origin | None = None
    permission_mode: str | None = None
    permission_decision: Permission | None = None
    team_name: str | None = None
    agent_name: str | None = None
    tool_use_result: Raw = ABSENT


class AssistantLine(Line, kw_only=True):
    """A content block of an API message, or an API error in its place.

    Attributes:
        request_session_id: on lines that a fork copied, since 2.1.332: the session that the message was made for.
    """

    message: AssistantMessage
    request_id: str | None = None
    request_session_id: str | None = None
    is_api_error_message: bool = False
    api_error_status: int | None = None
    error: Any = None


class Attachment(msgspec.Struct, rename="camel"):
    """What Claude Code gives the model beside the conversation; of most kinds nothing is needed.

    Attributes:
        type: ``queued_command`` for a prompt that came while Claude was busy, and was taken into the turn that ran.
        prompt: its content, text or blocks.
    """

    type: str = ""
    prompt: Any = None
    origin: Origin | None = None
    is_meta: bool = False


class AttachmentLine(Line, kw_only=True):
    """``attachment``: it may hold a prompt, of which there is no user line then, and no UserPromptSubmit."""

    attachment: Attachment | None = None


class CompactMetadata(msgspec.Struct):
    """What a ``compact_boundary`` says."""

    trigger: str = "unknown"
    postTokens: Number = 0  # noqa: N815 - Claude Code's name


class SystemLine(Line, kw_only=True):
    """``stop_hook_summary``, ``turn_duration``, ``compact_boundary``, ``local_command`` and more."""

    subtype: str | None = None
    duration_ms: Amount | None = None
    compact_metadata: CompactMetadata | None = None


class TitleLine(Line, kw_only=True):
    """``custom-title`` and ``agent-name``: what the session is called."""

    custom_title: str | None = None
    agent_name: str | None = None


class ModeLine(Line, kw_only=True):
    """``permission-mode``."""

    permission_mode: str | None = None


class LastPromptLine(Line, kw_only=True):
    """``last-prompt``: the end of a turn in ``-p`` runs; in the terminal it stands anywhere, every few dozen lines."""


class RelocatedLine(Line, kw_only=True):
    """``relocated``: the session works in another folder, and its file moved with it."""


class Snapshot(msgspec.Struct):
    """The files as they were at a prompt."""

    timestamp: str | None = None


class SnapshotLine(Line, kw_only=True):
    """``file-history-snapshot``: it begins a terminal session's file, also a fork's, before the lines it copied."""

    snapshot: Snapshot | None = None

    @property
    def written(self) -> int | None:
        """When it was made, ms since 1970."""
        return milliseconds(self.snapshot.timestamp) if self.snapshot else None


class QuietLine(Line, kw_only=True):
    """A known type that says nothing that is needed."""


class OtherLine(Line, kw_only=True):
    """A type that is not known."""

    type: str = ""


class AgentMeta(msgspec.Struct, rename="camel", kw_only=True):
    """``agent-<id>.meta.json``: what a subagent is, and the call that made it.

    Attributes:
        request_shape: ``background`` or ``foreground``, in newer versions, in which the call need not say it.
        worktree_path: where it works, if it has a worktree of its own.
        inherited_worktree_path: where it works, if that is the worktree of the subagent that made it.
    """

    agent_type: str = ""
    description: str | None = None
    tool_use_id: str | None = None
    request_shape: str | None = None
    worktree_path: str | None = None
    inherited_worktree_path: str | None = None


class _Head(msgspec.Struct):
    type: str = ""


class _Iterations(msgspec.Struct):
    iterations: list[Raw] = []


_QUIET = """
    queue-operation mode worktree-state summary progress file-history-delta content-replacement resume-head-vouch
    ai-title agent-color agent-setting tag pr-link frame-link bridge-session session-owner ended-by-model continued-in
    derived-from fork-context-ref observer-ref host-row history-suppression attribution-snapshot memory-mode repl-mode
    hybrid-organization isolation-latch atis-latch dev-mods tools-used cost-state data-flow-records data-flow-incomplete
    artifact-comment-monitor artifact-autoreact-ledger
    api-request api-request-shape api-request-blob api-request-resumed
"""
"""The other types that Claude Code 2.1.332 writes."""

_head = msgspec.json.Decoder(_Head)
_TYPES: dict[str, type[Line]] = {
    "user": UserLine,
    "assistant": AssistantLine,
    "system": SystemLine,
    "custom-title": TitleLine,
    "agent-name": TitleLine,
    "permission-mode": ModeLine,
    "last-prompt": LastPromptLine,
    "relocated": RelocatedLine,
    "attachment": AttachmentLine,
    "file-history-snapshot": SnapshotLine,
    **dict.fromkeys(_QUIET.split(), QuietLine),
}
_decoders: dict[str, msgspec.json.Decoder[Line]] = {
    name: msgspec.json.Decoder(kind, strict=False) for name, kind in _TYPES.items()
}
_other: msgspec.json.Decoder[Line] = msgspec.json.Decoder(OtherLine)
_usage = msgspec.json.Decoder(Usage, strict=False)
_iterations = msgspec.json.Decoder(_Iterations)
_advice = msgspec.json.Decoder(Advice, strict=False)
_blocks: msgspec.json.Decoder[list[Block]] = msgspec.json.Decoder(list[Block], strict=False)
_meta = msgspec.json.Decoder(AgentMeta, strict=False)


def parse(raw: bytes) -> Line:
    """Return a line of a transcript.

    Raises:
        ValueError: it is not a JSON object, or one of a known type that lacks what every such line has.
    """
    try:
        head, raw = lenient.decode(_head, raw)
        return lenient.again(_decoders.get(head.type, _other), raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError("broken line") from error


def blocks(content: Raw) -> list[Block]:
    """Return the content blocks of an assistant message; none if they can't be read."""
    try:
        return _blocks.decode(content)
    except msgspec.DecodeError:
        return []


def usage(raw: Raw) -> Usage | None:
    """Return the tokens of an assistant message; None if it has none."""
    try:
        return lenient.again(_usage, raw)
    except msgspec.DecodeError:
        return None


def advice(usage: Raw) -> Iterator[tuple[int, Advice]]:
    """Yield what was spent on advice for an assistant message, with its place among what is told of the message."""
    if b'"advisor_message"' not in bytes(usage):
        return
    for index, raw in enumerate(lenient.again(_iterations, usage).iterations):
        try:
            one = lenient.again(_advice, raw)
        except msgspec.DecodeError:
            continue
        if one.type == "advisor_message" and one.model is not None:
            yield index, one


def parse_meta(raw: bytes) -> AgentMeta | None:
    """Return a subagent's meta file, or None for a torn one."""
    try:
        return lenient.decode(_meta, raw)[0]
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
