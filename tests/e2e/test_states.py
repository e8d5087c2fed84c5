"""In a real terminal, the state of a session is what its owner sees, at once."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.terminal import live
from tests.support.client import Client, Json
from tests.support.service import Service
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

APPEARS, LEAVES, DIES = 0.1, 0.5, 2.0
"""Seconds, at most: from a dialog to its state, from the answer to the next one, from SIGKILL to the end."""

USAGE = {"input_tokens": 10, "cache_creation_input_tokens": 20, "cache_read_input_tokens": 30, "output_tokens": 5}


def rule(match: str, *turns: dict[str, Any]) -> dict[str, Any]:
    return {"match": match, "turns": [{"usage": USAGE, **turn} for turn in turns]}


def call(name: str, /, **input: Any) -> dict[str, Any]:
    return {"tools": [{"name": name, "input": input}]}


QUESTION = {
    "question": "Which library?",
    "header": "Library",
    "multiSelect": False,
    "options": [{"label": "aiohttp", "description": "async"}, {"label": "stdlib", "description": "no deps"}],
}
RULES = [
    rule("<task-notification>", {"text": "The agent is done."}),
    rule("ALPHA", call("Bash", command="sleep 0.4; echo alpha", description="Alpha"), {"text": "Alpha is done."}),
    rule("BETA", call("Bash", command="sleep 0.2; echo beta", description="Beta"), {"text": "Beta is done."}),
    rule("GAMMA", call("Bash", command="sleep 1.5; echo gamma", description="Gamma"), {"text": "Gamma is done."}),
    rule("delete", call("Bash", command="rm -v main.py", description="Delete"), {"text": "Deleted."}),
    rule("ask me", call("AskUserQuestion", questions=[QUESTION]), {"text": "I see."}),
    rule("be slow", {"text": "word " * 400, "chunk_chars": 5, "chunk_delay_ms": 50}),
    rule(
        "two agents",
        {
            "tools": [
                {"name": "Agent", "input": {"description": "A", "prompt": "ALPHA", "subagent_type": "general-purpose"}},
                {"name": "Agent", "input": {"description": "B", "prompt": "BETA", "subagent_type": "general-purpose"}},
            ]
        },
        {"text": "Both are done."},
    ),
    rule(
        "one in the background",
        call("Agent", description="G", prompt="GAMMA", subagent_type="general-purpose", run_in_background=True),
        {"text": "It runs."},
    ),
    rule("hello", {"text": "Hello."}),
    rule("bad", {"error": {"status": 400, "type": "invalid_request_error", "message": "wrong"}}),
]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("home")) as service:
        service.wait_for_hooks()
        allow_agents(service)
        yield service


def allow_agents(service: Service) -> None:
    """Let Claude Code start agents, and let them do what they do in the rules, without asking."""
    settings = json.loads(service.settings.read_text())
    settings["permissions"] = {"allow": ["Agent", "Bash(echo:*)", "Bash(sleep:*)"]}
    service.settings.write_text(json.dumps(settings))


class States:
    """The states of a session, as a client is told of them."""

    def __init__(self, client: Client, session: str) -> None:
        self._client, self.session = client, session
        self._past = 0

    def all(self) -> list[tuple[float, Json]]:
        """When each came, and what it says."""
        return [
            (self._client.arrived[event["seq"]], event["data"])
            for event in self._client.of(self.session, "session.state_changed")
        ]

    def next(self, state: str, timeout: float = 20.0) -> tuple[float, Json]:
        """Wait for a state that comes after the one that was waited for before."""

        def look() -> tuple[float, Json] | None:
            for number, (at, data) in enumerate(self.all()):
                if number >= self._past and data["state"] == state:
                    self._past = number + 1
                    return at, data
            return None

        return wait_for(look, f"{state} after {[data['state'] for _, data in self.all()]}", timeout)

    def names(self) -> list[str]:
        return [data["state"] for _, data in self.all()]


def test_a_permission_dialog_shows_at_once_and_so_does_its_answer(
    service: Service, client: Client, claude_binary: Path
) -> None:
    with live(claude_binary, service.home, RULES) as claude:
        states = States(client, claude.session_file["sessionId"])
        for answer, after in (("Escape", "idle"), ("3", "idle"), ("1", "running")):
            claude.screen.expect("Do you want to proceed")
            claude.say("delete the file")
            shown = wait_for(lambda: claude.screen.shown_at, "the dialog")
            told, data = states.next("requires_action")
            assert told - shown <= APPEARS
            assert (data["waitingFor"], data["tool"]["name"]) == ("permission", "Bash")
            assert "rm -v main.py" in data["tool"]["inputSummary"]
            pressed = claude.answer(answer)
            told, _ = states.next(after)
            assert told - pressed <= LEAVES, answer
            if after == "running":
                states.next("idle")
        assert (service.home / "work" / "live" / "main.py").exists() is False
        claude.leave()
        states.next("ended")


def test_a_question_is_told_from_a_permission(service: Service, client: Client, claude_binary: Path) -> None:
    with live(claude_binary, service.home, RULES) as claude:
        states = States(client, claude.session_file["sessionId"])
        claude.screen.expect("Which library")
        claude.say("ask me")
        shown = wait_for(lambda: claude.screen.shown_at, "the question")
        told, data = states.next("requires_action")
        assert told - shown <= APPEARS
        assert (data["waitingFor"], data["tool"]["name"]) == ("question", "AskUserQuestion")
        pressed = claude.answer("Enter")
        told, _ = states.next("running")
        assert told - pressed <= LEAVES
        states.next("idle")
        claude.leave()


def test_esc_ends_a_turn_and_a_kill_the_session(service: Service, client: Client, claude_binary: Path) -> None:
    with live(claude_binary, service.home, RULES) as claude:
        file = claude.session_file
        states = States(client, file["sessionId"])
        claude.say("be slow")
        states.next("running")
        claude.wait("word word")
        pressed = claude.key("Escape")
        told, _ = states.next("idle")
        assert told - pressed <= LEAVES
        claude.say("be slow again")
        states.next("running")
        claude.wait("word word")
        killed = time.time()
        os.kill(file["pid"], signal.SIGKILL)
        told, _ = states.next("ended")
        assert told - killed <= DIES
        assert states.names() == ["idle", "running", "idle", "running", "ended"]


def test_errors_agents_and_a_background_agent_have_their_states(
    service: Service, client: Client, claude_binary: Path
) -> None:
    with live(claude_binary, service.home, RULES) as claude:
        session = claude.session_file["sessionId"]
        states = States(client, session)
        claude.say("bad request")
        states.next("running")
        _, data = states.next("failed")
        assert data["error"]
        claude.say("use two agents")
        states.next("running")
        states.next("idle")
        agents = [event["data"] for event in client.of(session, "agent.started")]
        assert sorted(one["description"] for one in agents) == ["A", "B"]
        assert len(client.of(session, "agent.stopped")) == 2
        claude.say("run one in the background")
        states.next("running")
        states.next("background")
        snapshot = client.ask("get_snapshot")
        working = [one for one in snapshot["agents"] if one.get("description") == "G"]
        assert len(working) == 1
        states.next("running")
        states.next("idle")
        wait_for(lambda: len(client.of(session, "agent.stopped")) == 3, "the end of the agent")
        claude.leave()
        states.next("ended")


def test_compact_clear_resume_and_fork_have_their_states(service: Service, client: Client, claude_binary: Path) -> None:
    with live(claude_binary, service.home, RULES) as claude:
        first = claude.session_file["sessionId"]
        states = States(client, first)
        for _ in range(4):  # less is not worth it to Claude Code
            claude.say("hello")
            states.next("running")
            states.next("idle")
        claude.say("/compact")
        wait_for(lambda: client.of(first, "session.compacted"), "the compaction", 30)
        wait_for(lambda: states.names()[-1] == "idle", "rest")
        claude.say("/clear")
        _, _ = states.next("ended")
        (ended,) = client.of(first, "session.ended")
        assert ended["data"]["reason"] == "clear"
        wait_for(lambda: claude.session_file["sessionId"] != first, "another session")
        second = claude.session_file["sessionId"]
        cleared = States(client, second)
        cleared.next("idle")
        claude.say("hello again")
        cleared.next("running")
        cleared.next("idle")
        claude.leave()
        cleared.next("ended")
    spent = client.ask("get_usage", sessionId=second)
    with live(claude_binary, service.home, RULES, "--resume", second) as claude:
        assert claude.session_file["sessionId"] == second
        cleared.next("idle")
        assert client.ask("get_usage", sessionId=second)["outputTokens"] == spent["outputTokens"]
        claude.leave()
        cleared.next("ended")
    with live(claude_binary, service.home, RULES, "--resume", second, "--fork-session") as claude:
        fork = claude.session_file["sessionId"]
        assert fork != second
        forked = States(client, fork)
        forked.next("idle")
        claude.say("hello from the fork")
        forked.next("running")
        forked.next("idle")
        assert [one["sessionId"] for one in client.ask("get_snapshot")["sessions"]] == [fork]
        claude.leave()
        forked.next("ended")
    assert client.ask("get_usage", sessionId=second)["outputTokens"] == spent["outputTokens"]
    assert client.ask("get_usage", sessionId=fork)["outputTokens"] == USAGE["output_tokens"]
