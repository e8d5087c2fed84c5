"""Hook payloads: one JSON object, from Claude Code itself or in the form of the original program.

A payload is read for the fields that mean something here and kept as the JSON it was, so that it can go out again
untouched.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from clawsocket.claude import lenient
from clawsocket.claude.hook_events import FIRST_KNOWN
from clawsocket.claude.lenient import Amount, Number

Raw = msgspec.Raw
ABSENT = Raw(b"")
"""A field that is not there."""

KNOWN = frozenset((*FIRST_KNOWN, "WorktreeCreate"))
"""The names that Claude Code 2.1.332 accepts."""

_NAME = re.compile(r"[A-Za-z]{1,64}\Z")


class BatchCall(msgspec.Struct):
    """A call in a PostToolBatch."""

    tool_name: str = "unknown"
    tool_use_id: str | None = None
    tool_input: Raw = ABSENT
    tool_response: Any = None


class McpServer(msgspec.Struct):
    """A server in the original's SessionStart."""

    name: str = ""
    status: str = "unknown"
    url: str | None = None
    tools: list[Any] | None = None


class Hook(msgspec.Struct, kw_only=True):
    """A hook's payload: the fields that are looked at, and the whole as it came in ``raw``."""

    hook_event_name: str = ""
    session_id: str = ""
    raw: Raw = Raw(b"{}")
    cwd: str | None = None
    prompt_id: str | None = None
    permission_mode: str | None = None
    agent_id: str | None = None
    agent_type: str | None = None
    tool_name: str | None = None
    tool_use_id: str | None = None
    tool_input: Raw = ABSENT
    tool_response: Raw = ABSENT
    tool_calls: list[BatchCall] | None = None
    duration_ms: Number | Amount | None = None
    error: str | None = None
    is_interrupt: bool | None = None
    prompt: str | None = None
    source: str | None = None
    model: str | None = None
    reason: str | None = None
    trigger: str | None = None
    compact_summary: str | None = None
    message: str | None = None
    last_assistant_message: str | None = None
    background_tasks: list[Any] | None = None
    permission_suggestions: Any = None
    mcp_server_name: str | None = None
    mode: str | None = None
    requested_schema: Any = None
    action: str | None = None
    question: str | None = None
    options: list[Any] | None = None
    timeout: Amount | None = None
    answer: str | None = None
    mcp_servers: list[McpServer] | None = None
    file_path: str | None = None
    event: str | None = None
    path: str | None = None
    change_type: str | None = None
    old_cwd: str | None = None
    new_cwd: str | None = None
    task_id: str | None = None
    task_subject: str | None = None
    task_description: str | None = None
    worktree_path: str | None = None
    delta: str | None = None
    index: int | None = None
    final: bool | None = None
    message_id: str | None = None
    turn_id: str | None = None


class _Form(msgspec.Struct):
    hook_event_name: Any = msgspec.UNSET
    type: str = ""
    sessionId: str = ""  # noqa: N815 - the original's name
    agentId: Any = None  # noqa: N815
    data: Raw = Raw(b"{}")


_hook = msgspec.json.Decoder(Hook, strict=False)
_form = msgspec.json.Decoder(_Form)


class NotJsonError(ValueError):
    """The body is not JSON."""


class NotAHookError(ValueError):
    """The body is JSON, and no hook payload."""


def parse(body: bytes) -> Hook:
    """Return a hook's payload, in Claude Code's form or the original's.

    Raises:
        NotJsonError: not JSON (or not UTF-8).
        NotAHookError: no hook payload: its name or session is missing or impossible, or in the original's form any
            field is of a wrong type. In Claude Code's, which changes with its releases, such a field counts as absent.
    """
    try:
        if b'"sessionId"' not in body:  # the original's form always has it
            return _native(*lenient.decode(_hook, body))
        form, body = lenient.decode(_form, body)
        if form.hook_event_name is not msgspec.UNSET:
            return _native(lenient.again(_hook, body), body)
        return _from_original(form)
    except msgspec.ValidationError as error:
        raise NotAHookError from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotJsonError from error


def known(name: str, session_id: str, agent_id: str | None, payload: Raw) -> Hook:
    """Return a hook from its payload as it went out.

    Args:
        name: of the hook; the payload's own goes before.
        session_id: the session.
        agent_id: the subagent.
        payload: JSON of an object.

    Raises:
        msgspec.ValidationError: it is no object.
    """
    hook = lenient.again(_hook, payload)
    hook.hook_event_name, hook.session_id, hook.raw = hook.hook_event_name or name, session_id, payload
    hook.agent_id = hook.agent_id or agent_id
    return hook


def _native(hook: Hook, body: bytes) -> Hook:
    if not _NAME.match(hook.hook_event_name) or not hook.session_id or len(hook.session_id) > 256:
        raise NotAHookError
    hook.raw = Raw(body.strip())
    return hook


def _from_original(form: _Form) -> Hook:
    if form.type not in KNOWN or not form.sessionId or len(form.sessionId) > 256:
        raise NotAHookError
    if form.agentId is not None and not isinstance(form.agentId, str):
        raise NotAHookError
    hook = _hook.decode(form.data)
    hook.hook_event_name, hook.session_id, hook.raw = form.type, form.sessionId, form.data
    hook.agent_id = hook.agent_id or form.agentId
    if form.type == "CwdChanged":
        hook.new_cwd = hook.new_cwd or hook.cwd
    return hook
