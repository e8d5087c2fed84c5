"""Without hooks, transcripts and session files tell the same facts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.claude_code import ClaudeCode
from tests.support import oracle, told
from tests.support.service import Service
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("home"), "--no-hooks") as service:
        yield service


@pytest.mark.parametrize("scenario", ["b_bash", "c_fail", "f2_subagents_parallel", "p_sigkill_print"])
def test_transcripts_and_session_files_tell_the_facts(service: Service, claude_binary: Path, scenario: str) -> None:
    assert not service.settings.exists() or "claw-socket" not in service.settings.read_text()
    with service.connect() as client:
        client.follow()
        run = ClaudeCode(claude_binary, service.home).run(scenario)
        wait_for(lambda: client.of(run.session, "session.removed"), "session.removed")
        usage = client.ask("get_usage", sessionId=run.session)
        events = client.of(run.session)
        assert client.problems == []

    truth = oracle.read(run.session, run.projects, [])
    life = [
        event["type"] for event in events if event["type"] in {"session.discovered", "session.ended", "session.removed"}
    ]
    assert life == ["session.discovered", "session.ended", "session.removed"]
    assert told.hooks(events) == []
    assert told.prompts(events) == truth.prompts
    assert told.answers(events) == truth.answers
    told.check_tools(events, truth)
    told.check_agents(events, truth)
    assert told.tokens(usage) == truth.usage
    assert {model: told.tokens(part) for model, part in usage["modelBreakdown"].items()} == truth.models
