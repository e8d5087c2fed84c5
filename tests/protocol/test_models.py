"""What a snapshot holds has the promised fields."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest

from clawsocket.protocol import models

FIELDS: dict[type[Any], str] = {
    models.SessionInfo: (
        "pid sessionId cwd startedAt discoveredAt state since waitingFor? tool? error? name? model? gitBranch? "
        "permissionMode? version? kind? jobId? entrypoint? usage? context? rateLimits?"
    ),
    models.AgentState: (
        "agentId agentType sessionId status currentTool? currentToolInput? startedAt lastActivityAt toolCount "
        "tokenCount cwd name? toolHistory parentAgentId? parentToolUseId? description? costUsd?"
    ),
    models.ToolRun: "toolName inputSummary durationMs success startedAt",
    models.TotalUsage: "totalCostUsd totalInputTokens totalOutputTokens sessionCount modelBreakdown rateLimits?",
    models.ModelUsage: "inputTokens outputTokens cacheCreationInputTokens cacheReadInputTokens costUsd",
}


@pytest.mark.parametrize("model", FIELDS, ids=lambda model: model.__name__)
def test_a_model_has_exactly_the_promised_fields(model: type[Any]) -> None:
    fields = [field.encode_name + ("" if field.required else "?") for field in msgspec.structs.fields(model)]
    assert fields == FIELDS[model].split()


def test_an_unknown_pid_and_an_unknown_price_are_null() -> None:
    info = models.SessionInfo(pid=None, session_id="s", cwd="/", started_at=1, discovered_at=2, state="idle", since=1)
    assert msgspec.to_builtins(info)["pid"] is None
    usage = models.ModelUsage(
        input_tokens=1, output_tokens=2, cache_creation_input_tokens=0, cache_read_input_tokens=0, cost_usd=None
    )
    assert msgspec.to_builtins(usage)["costUsd"] is None


def test_the_status_of_an_agent_is_one_of_four() -> None:
    assert set(get_args(models.Status)) == {"working", "tool_running", "idle", "offline"}
