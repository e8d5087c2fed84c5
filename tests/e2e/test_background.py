"""Sessions in the background are told of as Claude Code itself lists them: each once, and nothing that is none."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.terminal import FILES, Live, live
from tests.e2e.test_states import QUESTION, call, rule
from tests.support.client import Client, Json
from tests.support.service import Service
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

RULES = [
    rule("work on", call("Bash", command="sleep 1.5; echo done", description="Work"), {"text": "It is done."}),
    rule("once more", call("Bash", command="echo more", description="More"), {"text": "More is done."}),
    rule("delete", call("Bash", command="rm -v main.py", description="Delete"), {"text": "Deleted."}),
    rule("ask me", call("AskUserQuestion", questions=[QUESTION]), {"text": "I see."}),
]

STATES = {None: "idle", "busy": "running", "idle": "idle", "waiting": "requires_action"}
"""What Claude Code's list says, nothing at first, and the state that is."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("home")) as service:
        service.wait_for_hooks()
        yield service


@pytest.fixture
def claude(service: Service, client: Client, claude_binary: Path) -> Iterator[Live]:
    def prepare(environment: dict[str, str]) -> None:
        settings = json.loads(service.settings.read_text())
        settings["permissions"] = {"allow": ["Bash(echo:*)", "Bash(sleep:*)"], "defaultMode": "default"}
        # Where the model is, sessions in the background believe their settings alone.
        settings["env"] = {"ANTHROPIC_BASE_URL": environment["ANTHROPIC_BASE_URL"]}
        service.settings.write_text(json.dumps(settings))

    with live(claude_binary, service.home, RULES, before=prepare) as claude:
        try:
            yield claude
        finally:
            with contextlib.suppress(AssertionError):  # there is none any more
                claude.run("daemon", "stop", "--any")


def listed(claude: Live) -> dict[str, str]:
    """The states of the sessions that Claude Code itself knows."""
    return {one["sessionId"]: STATES[one.get("status")] for one in json.loads(claude.run("agents", "--json"))}


def told(service: Service) -> dict[str, str]:
    """The states of the sessions that clients are told of."""
    with service.connect() as client:
        sessions: list[Json] = client.snapshot["sessions"]
    return {one["sessionId"]: one["state"] for one in sessions if one["state"] != "ended"}


def agree(claude: Live, service: Service) -> dict[str, str]:
    """Wait until both say the same, and return it."""

    def look() -> dict[str, str] | None:
        states = told(service)
        return states if states == listed(claude) else None

    try:
        return wait_for(look, "the same sessions", 20)
    except TimeoutError:
        assert told(service) == listed(claude)
        raise


def others(claude: Live, service: Service, session: str) -> list[str]:
    """Wait until a session is gone, and return the ids of those that there are then."""

    def look() -> list[str] | None:
        states = agree(claude, service)
        return None if session in states else list(states)

    return wait_for(look, "the end of the session in the terminal")


def start(claude: Live, prompt: str) -> str:
    """Begin a session in the background; return the start of its id."""
    return claude.run("--bg", prompt).split()[2]


def test_a_session_in_the_background_needs_its_owner_as_one_in_a_terminal_does(
    service: Service, client: Client, claude: Live
) -> None:
    waits = {start(claude, "delete the file"): "permission", start(claude, "ask me"): "question"}
    states = ["idle", "requires_action", "requires_action"]
    wait_for(lambda: sorted(agree(claude, service).values()) == states, "both to wait")
    for short, reason in waits.items():
        events = [event for event in client.events if str(event["sessionId"]).startswith(short)]
        changes = [event["data"] for event in events if event["type"] == "session.state_changed"]
        assert changes[-1]["waitingFor"] == reason
        (found,) = [event["data"] for event in events if event["type"] == "session.discovered"]
        assert (found["kind"], found["jobId"]) == ("bg", short)
        claude.run("stop", short)
    wait_for(lambda: list(agree(claude, service).values()) == ["idle"], "the end of both")
    assert (service.home / "work" / "live" / "main.py").read_text() == FILES["main.py"]
    claude.leave()


@pytest.mark.parametrize("moment", ["while it works", "at rest"])
def test_a_session_that_moves_to_the_background_is_there_once_and_told_once(
    service: Service, client: Client, claude: Live, moment: str
) -> None:
    before = claude.session_file["sessionId"]
    claude.say("work on it")
    wait_for(lambda: client.of(before, "tool.use"), "the call")
    if moment == "at rest":
        wait_for(lambda: client.of(before, "message.result"), "the end of the turn")
    claude.key("Left")
    claude.wait("moved to the background", 30)
    (after,) = others(claude, service, before)
    ((ended,), (removed,)) = (client.of(before, f"session.{what}") for what in ("ended", "removed"))
    assert (ended["data"]["reason"], removed["data"]["reason"]) == ("cleared", "cleared")
    assert after.startswith(ended["data"]["jobId"])
    claude.key("Enter")
    claude.wait("for agents")
    claude.say("once more")
    wait_for(lambda: len(client.of(after, "message.result")) == (2 if moment == "while it works" else 1), "its turns")
    assert agree(claude, service) == {after: "idle"}
    texts = Counter(event["data"]["text"] for event in client.events if event["type"] == "message.user")
    assert texts == {"work on it": 1, "once more": 1}
    calls = Counter(event["data"]["toolUseId"] for event in client.events if event["type"] == "tool.use")
    assert list(calls.values()) == [1, 1]
    uuids = Counter(event["data"].get("uuid") for event in client.events if event["type"] == "message.assistant")
    assert set(uuids.values()) == {1}
