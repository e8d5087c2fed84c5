"""What sessions, and the members of a team, say to each other is told as theirs, and each turn that it begins."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.e2e.terminal import Live, live
from tests.e2e.test_states import call, rule
from tests.support.client import Client, Json
from tests.support.service import Service
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

RULES = [
    # Claude Code puts it into the prompt of who hears it.
    rule("sent a message", {"text": "I heard it."}),
    rule("Make a team", call("Agent", description="Al looks", prompt="al: look", name="al"), {"text": "It works."}),
    rule(
        "al: look",
        call("Bash", command="sleep 4; echo looked", description="Look"),
        call("SendMessage", to="team-lead", summary="Looked", message="I looked."),
        {"text": "Al is done."},
    ),
    rule("write", call("SendMessage", to="the-other", summary="A word", message="Please look."), {"text": "Sent."}),
]

Start = Callable[..., AbstractContextManager[Live]]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("home")) as service:
        service.wait_for_hooks()
        settings = json.loads(service.settings.read_text())
        settings["permissions"] = {"allow": ["Bash(echo:*)", "Bash(sleep:*)"]}
        service.settings.write_text(json.dumps(settings))
        yield service


@pytest.fixture
def start(service: Service, claude_binary: Path) -> Start:
    """Starts Claude Code with teams."""

    @contextmanager
    def start(*arguments: str) -> Iterator[Live]:
        def prepare(environment: dict[str, str]) -> None:
            environment["CLAUDE_CODE_EXPERIMENTAL_AGENT_TEAMS"] = "1"

        with live(claude_binary, service.home, RULES, *arguments, before=prepare) as claude:
            swarm = f"claude-swarm-{claude.session_file['pid']}"
            try:
                yield claude
            finally:
                subprocess.run(["tmux", "-L", swarm, "kill-server"], capture_output=True, check=False)

    return start


def prompts(client: Client, session: str) -> list[tuple[bool, str]]:
    """Whether each prompt of a session is another's, and its text."""
    told = [event["data"] for event in client.of(session, "message.user") if "agentId" not in event]
    return [(bool(data.get("isSynthetic")), data["text"]) for data in told]


def heard(client: Client, session: str) -> list[str]:
    """What a session was told by others."""
    return [text for foreign, text in prompts(client, session) if foreign]


def place(events: list[Json], type: str) -> int:
    """Where the first event of a type stands."""
    return [event["type"] for event in events].index(type)


def test_each_turn_of_a_session_whose_team_works_has_its_end_at_once(client: Client, start: Start) -> None:
    with start() as claude:
        lead = claude.session_file["sessionId"]
        claude.say("Make a team")
        wait_for(lambda: client.of(lead, "agent.stopped"), "the end of al", 60)
        claude.wait("I heard it", 30)
        wait_for(lambda: claude.session_file["status"] == "idle", "rest", 20)
        claude.leave()
    wait_for(lambda: client.of(lead, "session.removed"), "its end")
    events = client.of(lead)
    assert place(events, "message.result") < place(events, "agent.stopped")
    turns = len(client.of(lead, "message.result"))
    assert turns == len(client.of(lead, "hook.stop")) >= 2
    assert prompts(client, lead)[0] == (False, "Make a team")
    others = heard(client, lead)
    assert len(others) == len(set(others)) >= turns - 1, "one that comes in the middle of a turn begins none"
    assert "I looked." in others[0]
    (first,) = [event for event in client.of(lead, "message.user") if event.get("agentId")][:1]
    assert first["data"]["isSynthetic"] is True


def test_a_member_of_a_team_in_a_terminal_of_its_own_is_a_session_with_its_name(client: Client, start: Start) -> None:
    with start("--teammate-mode", "tmux") as claude:
        lead = claude.session_file["sessionId"]
        claude.say("Make a team")
        (named,) = wait_for(lambda: [one for one in client.events if one["data"].get("name") == "al"], "its name", 60)
        member = named["sessionId"]
        wait_for(lambda: client.of(member, "message.result"), "the end of its turn", 60)
        wait_for(lambda: len(client.of(lead, "message.result")) > 1, "the end of both turns of the first", 60)
        claude.say("/exit")
        claude.wait("will stop when you exit")
        claude.answer("Enter")
        wait_for(lambda: client.of(member, "session.ended"), "its end", 30)
    states = [event["data"]["state"] for event in client.of(member, "session.state_changed")]
    assert states == ["idle", "running", "idle", "ended"]
    (result,) = client.of(member, "message.result")
    assert result["data"]["durationMs"] > 4000
    ((foreign, text),) = prompts(client, member)
    assert foreign
    assert "al: look" in text
    assert prompts(client, lead)[0] == (False, "Make a team")
    assert "I looked." in heard(client, lead)[0]


def test_what_another_session_says_is_told_once_and_as_not_the_users(client: Client, start: Start) -> None:
    with start("--name", "the-other") as claude:
        other = claude.session_file["sessionId"]
        claude.run("-p", "write to it")
        wait_for(lambda: client.of(other, "message.result"), "the end of its turn", 30)
        claude.leave()
    assert len(client.of(other, "message.result")) == 1
    ((foreign, text),) = prompts(client, other)
    assert foreign
    assert "Please look." in text
