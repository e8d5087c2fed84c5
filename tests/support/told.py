"""What a client was told of a session, in the form of the oracle, so that the two can be compared."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from tests.support.oracle import Answer, ApiError, Hook, Json, Prompt, Tokens, Truth

# What the server adds to a hook's payload, whose own names are in snake case.
ADDED = {"toolName", "toolUseId", "inputSummary", "outputSummary", "isInterrupt"}


def of(events: Iterable[Json], kind: str) -> list[Json]:
    """Return the events of a type."""
    return [event for event in events if event["type"] == kind]


def once(events: Iterable[Json], kind: str, key: str) -> dict[str, Json]:
    """Return the events of a type by a field of their data, each of whose values occurs once."""
    found = of(events, kind)
    by_key = {event["data"][key]: event for event in found}
    assert len(by_key) == len(found), f"{kind} more than once: {[event['data'][key] for event in found]}"
    return by_key


def prompts(events: Iterable[Json]) -> dict[str, Prompt]:
    """Return the prompts by the uuid of their line."""
    return {
        uuid: Prompt(
            event["data"]["text"], event["data"].get("isSynthetic", False), event.get("agentId"), event["timestamp"]
        )
        for uuid, event in once(events, "message.user", "uuid").items()
    }


def answers(events: Iterable[Json]) -> dict[str, Answer]:
    """Return the answers by the uuid of their line."""
    return {
        uuid: Answer(data["contentBlocks"], data["messageId"], data["model"], event.get("agentId"), event["timestamp"])
        for uuid, event in once(events, "message.assistant", "uuid").items()
        for data in [event["data"]]
    }


def errors(events: Iterable[Json]) -> list[ApiError]:
    """Return the refusals of the API."""
    return [ApiError(event["data"].get("status"), event["data"]["text"]) for event in of(events, "message.error")]


def tokens(usage: Json) -> Tokens:
    """Return the tokens of a ``usage`` reply or event, or of one of its models."""
    names = ("inputTokens", "outputTokens", "cacheCreationInputTokens", "cacheReadInputTokens")
    return Tokens(*(usage[name] for name in names))


def hooks(events: Iterable[Json]) -> list[str]:
    """Return what was told of hooks in a form that can be compared: name and payload, sorted."""
    return sorted(
        _comparable(event["type"], {key: value for key, value in event["data"].items() if key not in ADDED})
        for event in events
        if event["type"].startswith("hook.")
    )


def recorded(hooks: Iterable[Hook]) -> list[str]:
    """Return the recorder's hooks in the form of :func:`hooks`."""
    return sorted(_comparable(hook_type(hook.event), hook.payload) for hook in hooks)


def hook_type(name: str) -> str:
    """Return the type of a hook's event: ``hook.pre_tool_use`` of ``PreToolUse``."""
    return "hook." + "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def _comparable(kind: str, payload: dict[str, Any]) -> str:
    return f"{kind} {json.dumps(payload, sort_keys=True)}"


def check_tools(events: list[Json], truth: Truth) -> None:
    """Assert that every call began once and ended once, as it did."""
    uses, results = once(events, "tool.use", "toolUseId"), once(events, "tool.result", "toolUseId")
    assert uses.keys() == truth.tools.keys()
    assert results.keys() == truth.tools.keys()
    for use_id, tool in truth.tools.items():
        use, result = uses[use_id], results[use_id]
        assert use["seq"] < result["seq"]
        assert (use["data"]["toolName"], use["data"]["input"], use.get("agentId")) == (
            tool.name,
            tool.input,
            tool.agent_id,
        )
        data = result["data"]
        assert (data["toolName"], data["success"], result.get("agentId")) == (tool.name, tool.success, tool.agent_id)
        assert data["outcome"] in tool.outcomes
        if tool.hook_ms is not None:
            assert (data["durationMs"], data["durationSource"]) == (tool.hook_ms, "hook")
        elif tool.success:
            assert data["durationSource"] == "timestamps"
            assert tool.span_ms == data["durationMs"]


def check_agents(events: list[Json], truth: Truth) -> None:
    """Assert that every subagent started once and stopped once, and is linked to the call that started it."""
    started, stopped = once(events, "agent.started", "agentId"), once(events, "agent.stopped", "agentId")
    main = f"master-{truth.session_id}"
    assert started.keys() - {main} == truth.agents.keys()
    assert stopped.keys() - {main} == truth.agents.keys()
    states = {
        state["agentId"]: state for event in of(events, "agent.state_changed") for state in event["data"]["agents"]
    }
    for agent_id, agent in truth.agents.items():
        data = started[agent_id]["data"]
        assert started[agent_id]["seq"] < stopped[agent_id]["seq"]
        assert data["agentType"] == agent.type
        assert data.get("parentToolUseId", agent.parent_tool_use_id) == agent.parent_tool_use_id
        assert data.get("parentAgentId", main) == (truth.tools[agent.parent_tool_use_id].agent_id or main)
        assert data["cwd"] == agent.cwd
        last = states[agent_id]
        assert (last["agentType"], last["parentToolUseId"], last["description"], last["cwd"]) == (
            agent.type,
            agent.parent_tool_use_id,
            agent.description,
            agent.cwd,
        )
        assert last["status"] in ("idle", "offline")
