"""The events of the protocol, written down once more by hand: which fields an event must have, and which it may."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

SOURCES = {"hook", "transcript", "session_file", "status_line", "server"}
ENVELOPE = {"type": str, "timestamp": int, "sessionId": str, "seq": int, "data": dict, "id": str, "source": str}

DATA = {
    "session.discovered": "pid sessionId cwd startedAt name? kind? jobId? entrypoint? version?",
    "session.started": "version? model? permissionMode? cwd? source?",
    "session.state_changed": "state previous? since waitingFor? tool? error?",
    "session.renamed": "name",
    "session.compacted": "trigger summary?",
    "session.ended": "reason jobId? durationMs? usage",
    "session.removed": "sessionId reason",
    "agent.started": "agentId agentType cwd? parentToolUseId? description? parentAgentId? background? source?",
    "agent.state_changed": "agents",
    "agent.stopped": "agentId reason? lastMessage? source?",
    "message.user": "text uuid? isSynthetic? promptId?",
    "message.assistant": "contentBlocks uuid? model? usage? messageId?",
    "message.result": "subtype durationMs? numTurns? totalCostUsd? usage?",
    "message.error": "error status? text",
    "tool.use": "toolName toolUseId input inputSummary",
    "tool.result": "toolName toolUseId success outcome durationMs? durationSource? outputSummary error? isInterrupt?",
    "tool.permission_requested": "toolName toolUseId? inputSummary suggestions?",
    "tool.permission_denied": "toolName toolUseId? reason?",
    "stream.delta": "text index final displayId turnId",
    "usage.updated": "sessionId inputTokens outputTokens cacheCreationInputTokens cacheReadInputTokens totalCostUsd "
    "durationMs durationApiMs? numTurns modelBreakdown unpricedModels lastUpdatedAt",
    "usage.context": "percentUsed tokensUsed tokensMax categories? official",
    "usage.rate_limit": "type percentUsed resetsAt official allowed? message?",
    "mcp.elicitation": "question serverName? mode? schema? options? timeout? source?",
    "mcp.elicitation_result": "action? answer? serverName? source?",
    "mcp.server_status": "serverName status url? tools?",
    "file.changed": "path changeType?",
    "cwd.changed": "newCwd oldCwd?",
    "task.created": "taskId subject? description?",
    "task.completed": "taskId subject? description?",
    "worktree.removed": "path",
    "system.error": "source message recoverable",
    "system.check": "checkId",
}
"""Every type but the hooks', and the fields of its data; those with ``?`` may be absent. A hook's are Claude Code's."""

CHOICES = {
    ("session.state_changed", "state"): {"running", "requires_action", "idle", "background", "failed", "ended"},
    ("session.state_changed", "previous"): {"running", "requires_action", "idle", "background", "failed", "ended"},
    ("session.removed", "reason"): {"process_exited", "file_removed", "manual", "cleared", "silent"},
    ("message.result", "subtype"): {"success", "error_during_execution", "interrupted"},
    ("tool.result", "outcome"): {"ok", "error", "denied", "interrupted", "invalid"},
    ("tool.result", "durationSource"): {"hook", "timestamps"},
    ("usage.rate_limit", "type"): {"five_hour", "seven_day", "spend_limit"},
}


def is_level(kind: str) -> bool:
    """Tell whether events of a type say how something is now. All others are facts."""
    return kind.endswith(".state_changed") or kind.startswith("usage.") or kind == "session.renamed"


def problems(event: Json) -> list[str]:
    """Return what is wrong with an event that came over the wire."""
    found = [f"no {name}" for name, kind in ENVELOPE.items() if type(event.get(name)) is not kind]
    found += [f"{name} in the envelope" for name in event if name not in ENVELOPE and name != "agentId"]
    if found:
        return found
    if event["source"] not in SOURCES:
        found.append("an unknown source")
    if not 1_000_000_000_000 < event["timestamp"] < 100_000_000_000_000:
        found.append("a timestamp that is not in milliseconds")
    return found + _data_problems(event["type"], event["data"])


def _data_problems(kind: str, data: Json) -> list[str]:
    if kind.startswith("hook."):
        return [] if data.get("session_id") else ["a hook without its session"]
    if kind not in DATA:
        return ["an unknown type"]
    required = {name for name in DATA[kind].split() if not name.endswith("?")}
    allowed = {name.rstrip("?") for name in DATA[kind].split()}
    found = [f"data has no {name}" for name in sorted(required - data.keys())]
    found += [f"data has {name}" for name in sorted(data.keys() - allowed)]
    for (type_, name), values in CHOICES.items():
        if type_ == kind and name in data and data[name] not in values:
            found.append(f"{name} is none of the known")
    return found + _length_problems(data)


def _length_problems(data: Json) -> list[str]:
    return [f"{name} is too long" for name in ("inputSummary", "outputSummary") if len(data.get(name) or "") > 500]
