"""Whatever a recorded run makes the server send is in the committed contract."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from clawsocket import history
from clawsocket.protocol.aliases import ALIASES_OF
from clawsocket.protocol.envelope import encode
from clawsocket.protocol.models import AgentState, SessionInfo, SessionUsage, TotalUsage
from clawsocket.state.world import World
from tests.server.harness import Client, FakeBackend, Rig, running
from tests.state import playback
from tests.support import contract

Json = dict[str, Any]

ALIASES = sorted({alias for found in ALIASES_OF.values() for alias in found})


@dataclass
class Playing(FakeBackend):
    """A backend that is a world."""

    world: World = field(default_factory=World)

    def snapshot(self) -> tuple[list[SessionInfo], list[AgentState]]:
        return self.world.snapshot()

    def sessions(self, everyone: bool) -> list[SessionInfo]:
        return self.world.session_list(everyone)

    def usage(self, session_id: str | None) -> SessionUsage | TotalUsage | None:
        return self.world.usage(session_id)

    async def history(
        self, session_id: str, limit: int, before: str | None, all: bool
    ) -> tuple[list[msgspec.Raw], bool]:
        return await history.read(self.transcripts[session_id, None], session_id, limit, before, max_bytes=16_000_000)


def transcripts(scenario: str) -> dict[tuple[str, str | None], Path]:
    found = (playback.RECORDINGS / scenario / "projects").rglob("*.jsonl")
    return {(path.stem, None): path for path in found if path.parent.name != "subagents"}


async def told(client: Client, kinds: dict[str, Json], *, until: str) -> None:
    """Hold everything against the contract, up to the reply with an id; keep one of each type."""
    while True:
        message = await client.receive()
        assert contract.problems(message) == [], message
        kinds[message["type"]] = message
        if message.get("id") == until and "seq" not in message:
            return


async def ask_everything(rig: Rig, client: Client, kinds: dict[str, Json]) -> None:
    """Send every request that there is."""
    requests: list[Json] = [
        {"type": "get_session_list", "all": True},
        {"type": "get_usage"},
        {"type": "replay", "lastSeq": 0},
        {"type": "nonsense"},
        {"type": "unsubscribe", "topics": ["*"]},
    ]
    for session_id, _ in rig.fake.transcripts:
        kinds_of_one = ("get_usage", "get_session_history", "subscribe_agent_log")
        requests += [{"type": kind, "sessionId": session_id} for kind in kinds_of_one]
    requests.append({"type": "unsubscribe_agent_log"})
    for number, request in enumerate(requests):
        await client.send(**request, id=f"r{number}")
        if request["type"] == "replay":
            continue
        await told(client, kinds, until=f"r{number}")
        if request["type"] == "subscribe_agent_log":
            path = rig.fake.transcripts[request["sessionId"], None]
            path.write_bytes(path.read_bytes() + b'{"type":"user"}\n')
            rig.server.transcript_grew(request["sessionId"], None)
            while "agent_log" not in kinds:
                message = await client.receive()
                assert contract.problems(message) == [], message
                kinds[message["type"]] = message


@pytest.mark.parametrize("scenario", playback.SCENARIOS)
async def test_everything_on_the_wire_is_in_the_contract(scenario: str, tmp_path: Path) -> None:
    world = World()
    fake = Playing(world=world)
    for (session_id, agent_id), path in transcripts(scenario).items():
        fake.transcripts[session_id, agent_id] = tmp_path / path.name
        (tmp_path / path.name).write_bytes(path.read_bytes())
    parts = (playback.hook_observations(scenario), playback.line_observations(scenario))
    observations = playback.in_order(*parts, playback.file_observations(scenario))
    kinds: dict[str, Json] = {}
    async with running(tmp_path / "home", fake=fake, message_rate=1_000_000) as rig, rig.raw_client() as client:
        await client.send("subscribe", topics=["*", *ALIASES], id="first")
        await told(client, kinds, until="first")
        for number, events in enumerate(playback.steps(world, observations)):
            for event in events:
                rig.log.append(event)
            if any(event.type.endswith("state_changed") for event in events):
                await client.send("get_snapshot", id=f"s{number}")
                await told(client, kinds, until=f"s{number}")
        rig.log.lose("source")
        await ask_everything(rig, client, kinds)
    asked = {
        "subscribed", "unsubscribed", "session_list", "session_history", "usage", "error", "gap", "agent_log",
        "subscribed_agent_log", "unsubscribed_agent_log", "session.discovered", "session.state_changed",
    }  # fmt: skip
    assert asked <= kinds.keys()


def shape(event: Json) -> tuple[str, str, str, bool]:
    """Return what all events of a type have alike: their kind of id, who tells of them, whether a subagent is named."""
    ids = (event["sessionId"], event.get("agentId"), event["data"].get("toolUseId"), event["data"].get("serverName"))
    known = "|".join(re.escape(id) for id in ids if id)
    id = re.sub(rf"{known}|(?<=:)[0-9]+(?=:|$)|[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}", "*", event["id"])
    if id.startswith("h:"):
        id = re.sub(r"(?<=^h:)[^:]+", "*", id)
    return event["type"], id, event["source"], "agentId" in event


def test_an_example_has_the_id_and_the_source_that_its_type_has() -> None:
    events = [one for name in playback.SCENARIOS for one in playback.play(playback.observations(name))]
    recorded = {shape(json.loads(encode(one))) for one in events}
    types = {type for type, *_ in recorded}
    examples = [
        message["examples"][0]["payload"]
        for message in contract.DOCUMENT["components"]["messages"].values()
        if message["name"] in types
    ]
    assert len(examples) == len(types)
    assert [shape(one) for one in examples if shape(one) not in recorded] == []


def test_a_renamed_field_and_an_unknown_type_are_found() -> None:
    event = contract.DOCUMENT["components"]["messages"]["tool_use"]["examples"][0]["payload"]
    assert contract.problems(event) == []
    data = {**event["data"], "name": event["data"]["toolName"]}
    (problem,) = contract.problems({**event, "data": data})
    assert "'name' was unexpected" in problem
    del data["toolName"], data["name"]
    (problem,) = contract.problems({**event, "data": data})
    assert "'toolName' is a required property" in problem
    assert contract.problems({**event, "type": "tool.new"}) == ["tool.new is no message of the contract"]
