"""The oracle agrees with what Claude Code itself said at the end of the recorded runs."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.support import oracle

RECORDINGS = Path(__file__).parent.parent / "recordings"
SCENARIOS = sorted(path.parent.name for path in RECORDINGS.glob("*/hooks.jsonl"))


def truth(scenario: str, *, hooks: bool = True) -> oracle.Truth:
    folder = RECORDINGS / scenario
    (session,) = oracle.sessions(folder / "projects")
    return oracle.read(session, folder / "projects", [folder / "hooks.jsonl"] if hooks else [])


def results(scenario: str) -> list[oracle.Json]:
    stream = RECORDINGS / scenario / "stream.jsonl"
    return [line for line in oracle.json_lines(stream) if line["type"] == "result"] if stream.exists() else []


# The result of a resumed session counts the last process alone.
COUNTED = [name for name in SCENARIOS if results(name) and name != "l2_resume"]


def test_every_scenario_was_recorded() -> None:
    assert len(SCENARIOS) == 43
    assert len(COUNTED) > 25


@pytest.mark.parametrize("scenario", COUNTED)
def test_usage_is_claude_codes_own(scenario: str) -> None:
    own = {
        model.partition("[")[0]: oracle.Tokens(
            usage["inputTokens"],
            usage["outputTokens"],
            usage["cacheCreationInputTokens"],
            usage["cacheReadInputTokens"],
        )
        for model, usage in results(scenario)[-1]["modelUsage"].items()
    }
    assert truth(scenario).models == own


@pytest.mark.parametrize(("scenario", "output"), [("b_bash", 127), ("d_parallel", 188), ("f2_subagents_parallel", 537)])
def test_usage_counts_a_message_once_and_subagents_too(scenario: str, output: int) -> None:
    assert truth(scenario).usage.output == output


def test_a_resumed_session_is_the_sum_of_its_runs() -> None:
    first, second = results("l1_resume_first")[-1]["usage"], results("l2_resume")[-1]["usage"]
    assert truth("l2_resume").usage.output == first["output_tokens"] + second["output_tokens"]


@pytest.mark.parametrize(
    ("scenario", "outcomes"),
    [
        ("a_plain", []),
        ("b_bash", ["ok"]),
        ("c_fail", ["error", "error"]),
        ("c2_invalid_calls", ["invalid", "invalid", "invalid"]),
        ("d_parallel", ["ok", "ok", "ok"]),
        ("i_mcp", ["error", "ok"]),
        ("j_permission", ["denied", "ok"]),
        ("j2_denied_print", ["denied"]),
        ("j4_denied_auto", ["denied"]),
        ("p_sigkill_print", ["interrupted"]),
        ("p2_sigkill_tui", ["interrupted"]),
    ],
)
def test_hooks_tell_how_calls_ended(scenario: str, outcomes: list[str]) -> None:
    assert sorted(outcome for tool in truth(scenario).tools.values() for outcome in tool.outcomes) == outcomes


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_transcript_alone_tells_which_calls_succeeded(scenario: str) -> None:
    alone, both = truth(scenario, hooks=False), truth(scenario)
    assert {use: tool.success for use, tool in alone.tools.items()} == {
        use: tool.success for use, tool in both.tools.items()
    }
    assert all(tool.outcomes <= alone.tools[use].outcomes for use, tool in both.tools.items())


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_call_that_hooks_tell_of_is_known_with_its_duration(scenario: str) -> None:
    found = truth(scenario)
    for hook in found.hooks:
        if use := hook.payload.get("tool_use_id"):
            assert found.tools[use].name == hook.payload["tool_name"]
            assert found.tools[use].agent_id == hook.payload.get("agent_id")
        if hook.event in ("PostToolUse", "PostToolUseFailure"):
            tool = found.tools[hook.payload["tool_use_id"]]
            own = hook.payload["duration_ms"]
            assert tool.hook_ms == own
            assert tool.span_ms is not None
            assert tool.span_ms >= own - 1


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_prompt_and_the_last_answer_are_known(scenario: str) -> None:
    found = truth(scenario)
    typed = Counter(prompt.text.strip() for prompt in found.prompts.values())
    said = {block.get("text", "").strip() for answer in found.answers.values() for block in answer.blocks}
    for hook in found.hooks:
        if hook.event == "UserPromptSubmit" and not hook.payload["prompt"].startswith("/"):
            assert typed[hook.payload["prompt"].strip()] == 1
        if hook.event in ("Stop", "StopFailure"):
            assert hook.payload["last_assistant_message"].strip() in said


def test_agents_know_the_call_that_started_them() -> None:
    found = truth("f2_subagents_parallel")
    started = {
        hook.payload["tool_response"]["agentId"]: hook.payload["tool_use_id"]
        for hook in found.hooks
        if hook.event == "PostToolUse" and hook.payload["tool_name"] == "Agent"
    }
    assert {agent: known.parent_tool_use_id for agent, known in found.agents.items()} == started
    assert sorted(agent.type for agent in found.agents.values()) == ["Explore", "general-purpose"]


def test_what_claude_code_writes_for_the_user_is_synthetic() -> None:
    synthetic = [
        prompt.text.split("\n")[0][:24] for prompt in truth("q6_slash_command").prompts.values() if prompt.synthetic
    ]
    assert synthetic == ["<command-message>hi</com", "Please list the files th"]
    assert [prompt.synthetic for prompt in truth("n_background").prompts.values()] == [False, True]


def test_a_refusal_of_the_api_is_an_error() -> None:
    assert [error.status for error in truth("m4_429_forever").errors.values()] == [429]
    assert truth("m4_429_forever").usage == oracle.Tokens()


def test_only_a_line_feed_ends_a_line(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text(json.dumps({"text": "a\u2028b\x85c"}, ensure_ascii=False) + "\n", "utf-8")
    assert list(oracle.json_lines(path)) == [{"text": "a\u2028b\x85c"}]
