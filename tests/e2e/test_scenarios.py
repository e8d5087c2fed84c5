"""Whatever the real Claude Code does, a client is told of it: all of it, once, in order, and right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.claude_code import ClaudeCode, Run
from tests.support import oracle, told, wire
from tests.support.client import Client
from tests.support.oracle import Json, Truth
from tests.support.service import Service
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SCENARIOS = [
    "a_plain",
    "b_bash",
    "c_fail",
    "c2_invalid_calls",
    "d_parallel",
    "e_write_edit",
    "f2_subagents_parallel",
    "f3_nested_worktree",
    "h_tasks",
    "i_mcp",
    "j_permission",
    "l2_resume",
    "m4_429_forever",
    "n4_queued_prompt",
    "p_sigkill_print",
    "q_cwd",
    "r_big",
    "s2_slow_stream_tui",
]
FIRST = {"l2_resume": ["l1_resume_first"]}

# Registered only where the owner asks for them.
NOT_INSTALLED = {"MessageDisplay", "FileChanged"}
# Hooks that are told as events of their own too.
ALSO_TOLD_AS = {
    "PermissionRequest": "tool.permission_requested",
    "TaskCreated": "task.created",
    "TaskCompleted": "task.completed",
    "CwdChanged": "cwd.changed",
}


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def service(shared_home: Path) -> Iterator[Service]:
    """The service with its hooks installed by itself."""
    with Service(shared_home) as service:
        service.wait_for_hooks()
        yield service


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[Client]:
    """A client that is subscribed to everything since before the first session."""
    with service.connect() as client:
        client.follow()
        yield client


@pytest.fixture(scope="module", params=SCENARIOS)
def runs(request: pytest.FixtureRequest, client: Client, claude_binary: Path, shared_home: Path) -> list[Run]:
    """A scenario that was run to its end, with those that it goes on from before it, and all that was told of it."""
    claude = ClaudeCode(claude_binary, shared_home)
    done: list[Run] = []
    for name in [*FIRST.get(request.param, []), request.param]:
        done.append(claude.run(name, "--keep-settings"))
        wait_for(lambda: is_over(client, done), f"{name}: session.removed")
    client.ask("get_snapshot")
    client.ask("get_session_list", all=True)
    client.ask("get_usage")
    client.ask("get_session_history", sessionId=done[-1].session)
    return done


def is_over(client: Client, runs: list[Run]) -> bool:
    """Tell whether the client knows that as many runs of the session are over."""
    return len(client.of(runs[-1].session, "session.removed")) == len(runs)


@pytest.fixture(scope="module")
def truth(runs: list[Run]) -> Truth:
    return oracle.read(runs[-1].session, runs[-1].projects, [run.hooks for run in runs])


@pytest.fixture(scope="module")
def events(runs: list[Run], client: Client) -> list[Json]:
    """All events of the scenario's session."""
    return client.of(runs[-1].session)


def test_the_session_comes_and_goes(runs: list[Run], events: list[Json]) -> None:
    assert events[0]["type"] == "session.discovered"
    at = [index for index, event in enumerate(events) if event["type"] == "session.discovered"]
    assert len(at) == len(runs)
    for run, start, end in zip(runs, at, [*at[1:], len(events)], strict=True):
        found = events[start]["data"]
        assert {key: found[key] for key in ("pid", "cwd", "startedAt", "sessionId")} == {
            key: run.session_file[key] for key in ("pid", "cwd", "startedAt", "sessionId")
        }
        life = [event["type"] for event in events[start:end] if event["type"].startswith("session.")]
        assert Counter(life)["session.ended"] == 1
        assert Counter(life)["session.removed"] == 1
        assert life.index("session.ended") < life.index("session.removed")
        assert events[end - 1]["type"] == "session.removed"


def test_its_state_begins_and_ends(runs: list[Run], events: list[Json]) -> None:
    states = [event["data"] for event in told.of(events, "session.state_changed")]
    assert len([state for state in states if "previous" not in state]) == len(runs)
    assert states[-1]["state"] == "ended"
    assert "running" in {state["state"] for state in states}


def test_its_end_has_a_reason(
    request: pytest.FixtureRequest, runs: list[Run], events: list[Json], truth: Truth
) -> None:
    told_ends = [event["data"]["reason"] for event in told.of(events, "session.ended")]
    hooks = [hook.payload["reason"] for hook in truth.hooks if hook.event == "SessionEnd"]
    removed = [event["data"]["reason"] for event in told.of(events, "session.removed")]
    if hooks:
        assert told_ends == hooks
        assert removed == ["file_removed"] * len(runs)
    else:
        assert removed == ["process_exited"]


def test_every_prompt_and_answer_comes_once(events: list[Json], truth: Truth) -> None:
    assert told.prompts(events) == truth.prompts
    assert told.answers(events) == truth.answers
    assert told.errors(events) == list(truth.errors.values())


def test_every_tool_call_begins_and_ends_once(events: list[Json], truth: Truth) -> None:
    told.check_tools(events, truth)


def test_every_hook_comes_once(events: list[Json], truth: Truth) -> None:
    expected = [hook for hook in truth.hooks if hook.event not in NOT_INSTALLED]
    assert expected
    seen, recorded = Counter(told.hooks(events)), Counter(told.recorded(expected))
    assert not recorded - seen
    # Newer versions may end while this hook runs: the recorder, which takes longer, is cut off.
    assert {hook.partition(" ")[0] for hook in seen - recorded} <= {"hook.stop_failure"}
    assert set(seen.values()) == {1}


def test_what_hooks_mean_comes_too(events: list[Json], truth: Truth) -> None:
    for hook, type_ in ALSO_TOLD_AS.items():
        assert len(told.of(events, type_)) == len([one for one in truth.hooks if one.event == hook]), type_


def test_every_turn_has_a_result(events: list[Json], truth: Truth) -> None:
    subtypes = Counter(event["data"]["subtype"] for event in told.of(events, "message.result"))
    hooks = Counter(hook.event for hook in truth.hooks)
    failures = max(hooks["StopFailure"], len(truth.errors))  # newer versions may end before that hook has run
    assert (subtypes["success"], subtypes["error_during_execution"]) == (hooks["Stop"], failures)
    prompts = {hook.payload["prompt_id"] for hook in truth.hooks if hook.event == "UserPromptSubmit"}
    assert subtypes["interrupted"] == len(prompts) - hooks["Stop"] - failures


def test_the_results_of_all_turns_add_up_to_what_was_spent(events: list[Json], truth: Truth) -> None:
    results = [event["data"]["usage"] for event in told.of(events, "message.result")]
    assert told.tokens({name: sum(usage[name] for usage in results) for name in results[0]}) == truth.usage


def test_agents_start_and_stop_with_their_parents(events: list[Json], truth: Truth) -> None:
    told.check_agents(events, truth)


def test_usage_is_the_truth(client: Client, events: list[Json], truth: Truth) -> None:
    usage = client.ask("get_usage", sessionId=truth.session_id)
    assert told.tokens(usage) == truth.usage
    assert {model: told.tokens(part) for model, part in usage["modelBreakdown"].items()} == truth.models
    if truth.models:
        updates = told.of(events, "usage.updated")
        assert told.tokens(updates[-1]["data"]) == truth.usage
        assert told.tokens(told.of(events, "session.ended")[-1]["data"]["usage"]) == truth.usage


def test_the_stream_is_whole_and_every_fact_has_an_id_of_its_own(client: Client, runs: list[Run]) -> None:
    assert client.problems == []
    ids = Counter(event["id"] for event in client.events if not wire.is_level(event["type"]))
    assert [id for id, count in ids.items() if count > 1] == []
