"""Recorded runs of Claude Code as observations, in the order that was recorded or in others."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from clawsocket.claude import hooks, session_file, transcript
from clawsocket.claude.observations import (
    AgentMetaSeen,
    HookSeen,
    LineSeen,
    Observation,
    SessionFileSeen,
    SessionGone,
)
from clawsocket.protocol.envelope import Event
from clawsocket.state.world import World

RECORDINGS = Path(__file__).parent.parent / "recordings"
SCENARIOS = sorted(path.parent.name for path in RECORDINGS.glob("*/hooks.jsonl"))

Timed = tuple[float, Observation]


def hook_observations(scenario: str) -> list[Timed]:
    """The scenario's hooks with the times at which they came."""
    seen: list[Timed] = []
    for number, text in enumerate((RECORDINGS / scenario / "hooks.jsonl").read_text().split("\n")):
        if text:
            record = json.loads(text)
            hook = hooks.parse(json.dumps(record["payload"]).encode())
            at = round(record["recv"] * 1000)
            seen.append((record["recv"], HookSeen(f"{scenario}-{number}", at, hook)))
    return seen


def file_observations(scenario: str) -> list[Timed]:
    """The scenario's session files."""
    seen: list[Timed] = []
    last: dict[str, session_file.SessionFile] = {}
    for text in (RECORDINGS / scenario / "sessions.jsonl").read_text().split("\n"):
        if not text:
            continue
        record = json.loads(text)
        name, at = record["file"], round(record["ts"] * 1000)
        file = session_file.parse(json.dumps(record["content"]).encode()) if record["content"] else None
        if file is not None:
            last[name] = file
            seen.append((record["ts"], SessionFileSeen(file, at)))
        elif record["op"] == "delete":
            seen.append((record["ts"], SessionGone(last[name].session_id, last[name].pid, at, "file_removed")))
    for file in last.values():
        if not any(isinstance(one, SessionGone) for _, one in seen):
            end = max(at for at, _ in [*seen, *hook_observations(scenario)]) + 1
            seen.append((end, SessionGone(file.session_id, file.pid, round(end * 1000), "process_exited")))
    return seen


def line_observations(scenario: str, lag: float = 0.03) -> list[Timed]:
    """The scenario's transcripts, each line as much later than its own time as it is written later."""
    seen: list[Timed] = []
    began = file_observations(scenario)[0][0]
    for path in sorted((RECORDINGS / scenario / "projects").rglob("*.jsonl")):
        session_id, agent_id = path.stem, None
        if path.parent.name == "subagents":
            session_id, agent_id = path.parent.parent.name, path.stem.removeprefix("agent-")
        stamp = 0
        for raw in path.read_bytes().split(b"\n"):
            if raw:
                line = transcript.parse(raw)
                stamp = line.at or stamp
                time = stamp / 1000 if stamp else began
                if agent_id and not any(isinstance(one, AgentMetaSeen) and one.agent_id == agent_id for _, one in seen):
                    meta = transcript.parse_meta(path.with_suffix(".meta.json").read_bytes())
                    assert meta is not None
                    seen.append((time + lag, AgentMetaSeen(session_id, agent_id, meta, stamp)))
                silent = time < began - 1  # from an earlier run, read when the session is seen to live
                seen.append((max(time, began) + lag, LineSeen(session_id, agent_id, line, stamp, silent)))
    return seen


def play(observations: Iterable[Timed]) -> list[Event]:
    """What a world makes of observations, each at its time, until everything has come to rest."""
    return [event for events in steps(World(), observations) for event in events]


def steps(world: World, observations: Iterable[Timed]) -> Iterator[list[Event]]:
    """What a world makes of one observation after the other, each at its time, until everything has come to rest."""
    for time, seen in observations:
        now = round(time * 1000)
        events: list[Event] = []
        while world.due is not None and world.due <= now:
            events += world.expire(world.due)
        yield events + world.apply(seen, now) + world.flush()
    while world.due is not None:
        yield world.expire(world.due)
    yield world.flush()


def in_order(*parts: list[Timed]) -> list[Timed]:
    """Observations by time."""
    return sorted((one for part in parts for one in part), key=lambda one: one[0])


def observations(scenario: str) -> list[Timed]:
    """All of a scenario, in the order that was recorded."""
    return in_order(hook_observations(scenario), file_observations(scenario), line_observations(scenario))
