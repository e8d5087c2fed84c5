"""What really happened in a session, read naively from what Claude Code and a recorder of its hooks left behind.

It shares no code with the program: files are read whole, and a fact is what they say once they are complete. Tests
compare with it what the program said while it happened.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

Json = dict[str, Any]

ECHOES = ("<command-", "<local-command-", "<task-notification>", "<system-reminder>", "[Request interrupted by user")
BOOKKEEPING = "<system-reminder>\n<tools-used-before-summary>"
FAILURES = frozenset({"error", "denied", "interrupted", "invalid"})


@dataclass(frozen=True)
class Prompt:
    """A line that holds a prompt's text. Synthetic: Claude Code wrote it, not the user or the calling agent."""

    text: str
    synthetic: bool
    agent_id: str | None
    at: int


@dataclass(frozen=True)
class Answer:
    """An assistant line."""

    blocks: list[Json]
    message_id: str
    model: str
    agent_id: str | None
    at: int


@dataclass(frozen=True)
class ApiError:
    """An assistant line that tells that the API refused."""

    status: int | None
    text: str


@dataclass
class Tool:
    """A tool call.

    Attributes:
        outcomes: what its outcome may be called; several where the transcript alone can't tell.
        used_at: the time of the line that asks for it, in ms since 1970.
        answered_at: the time of the line that holds its result.
        hook_ms: its own time as a hook told it.
    """

    name: str
    input: Json
    agent_id: str | None
    used_at: int
    outcomes: frozenset[str] = frozenset({"interrupted"})
    answered_at: int | None = None
    hook_ms: float | None = None

    @property
    def success(self) -> bool:
        return self.outcomes == {"ok"}

    @property
    def span_ms(self) -> int | None:
        """The time between its two lines."""
        return None if self.answered_at is None else self.answered_at - self.used_at


@dataclass(frozen=True)
class Agent:
    """A subagent and what started it."""

    type: str
    parent_tool_use_id: str
    description: str
    cwd: str


@dataclass
class Tokens:
    """Tokens of one model or of all."""

    input: int = 0
    output: int = 0
    cache_creation: int = 0
    cache_read: int = 0

    def add(self, usage: Json) -> None:
        self.input += usage.get("input_tokens", 0)
        self.output += usage.get("output_tokens", 0)
        self.cache_creation += usage.get("cache_creation_input_tokens", 0)
        self.cache_read += usage.get("cache_read_input_tokens", 0)


@dataclass(frozen=True)
class Hook:
    """A hook as the recorder got it, at ``at`` seconds since 1970."""

    event: str
    payload: Json
    at: float


@dataclass
class Truth:
    """All facts of one session; messages by the uuid of their line, tools by their use id, agents by their id."""

    session_id: str
    prompts: dict[str, Prompt] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    errors: dict[str, ApiError] = field(default_factory=dict)
    tools: dict[str, Tool] = field(default_factory=dict)
    agents: dict[str, Agent] = field(default_factory=dict)
    hooks: list[Hook] = field(default_factory=list)
    models: dict[str, Tokens] = field(default_factory=dict)
    usage: Tokens = field(default_factory=Tokens)


def read(session_id: str, projects: Path, hooks: Iterable[Path]) -> Truth:
    """Read everything about a session.

    Args:
        session_id: the session.
        projects: the folder of Claude Code's project folders.
        hooks: the recorder's files; none where the hooks are not to be known.
    """
    truth = Truth(session_id)
    lines = list(transcript_lines(projects, session_id))
    for line in lines:
        _take_line(truth, line)
    for path in projects.glob(f"*/{session_id}/subagents/*.meta.json"):
        meta = json.loads(path.read_text("utf-8"))
        agent_id = path.name.removeprefix("agent-").removesuffix(".meta.json")
        first = next(json_lines(path.with_name(f"agent-{agent_id}.jsonl")))
        truth.agents[agent_id] = Agent(meta["agentType"], meta["toolUseId"], meta["description"], first["cwd"])
    truth.hooks = [hook for path in hooks for hook in recorded_hooks(path) if hook.payload["session_id"] == session_id]
    _judge_by_hooks(truth)
    _count(truth, lines)
    return truth


def json_lines(path: Path) -> Iterator[Json]:
    """Yield the objects of a file. Only a line feed ends a line: U+2028 may occur inside."""
    for line in path.read_bytes().split(b"\n"):
        if line:
            yield json.loads(line)


def transcript_lines(projects: Path, session_id: str) -> Iterator[Json]:
    """Yield the lines of a session's transcript, then those of its subagents'."""
    for path in [*projects.glob(f"*/{session_id}.jsonl"), *projects.glob(f"*/{session_id}/subagents/*.jsonl")]:
        yield from json_lines(path)


def recorded_hooks(path: Path) -> list[Hook]:
    """Return what a recorder of hooks wrote."""
    return [Hook(line["event"], line["payload"], line["recv"]) for line in json_lines(path)]


def sessions(projects: Path) -> list[str]:
    """Return the sessions that have a transcript."""
    return sorted(path.stem for path in projects.glob("*/*.jsonl"))


def milliseconds(line: Json) -> int:
    """Return a line's time in ms since 1970."""
    return round(datetime.fromisoformat(line["timestamp"]).timestamp() * 1000)


def _take_line(truth: Truth, line: Json) -> None:
    if line["type"] == "user":
        _take_user(truth, line)
    elif line["type"] == "attachment":
        _take_queued(truth, line)
    elif line["type"] == "assistant":
        _take_assistant(truth, line)


def _take_user(truth: Truth, line: Json) -> None:
    content = line["message"]["content"]
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    texts = [block["text"] for block in blocks if block["type"] == "text"]
    for block in blocks:
        if block["type"] == "tool_result":
            tool = truth.tools[block["tool_use_id"]]
            tool.outcomes = FAILURES if block.get("is_error") else frozenset({"ok"})
            tool.answered_at = milliseconds(line)
    text = "\n".join(texts)
    if texts and not (line.get("isMeta") and text.startswith(BOOKKEEPING)):
        synthetic = bool(line.get("isMeta") or line.get("isCompactSummary")) or text.startswith(ECHOES)
        truth.prompts[line["uuid"]] = Prompt(text, synthetic, line.get("agentId"), milliseconds(line))


def _take_queued(truth: Truth, line: Json) -> None:
    """A prompt that came while Claude was busy."""
    queued = line["attachment"]
    if queued["type"] == "queued_command":
        foreign = queued.get("origin", {}).get("kind", "human") != "human"
        synthetic = bool(queued.get("isMeta")) or foreign
        truth.prompts[line["uuid"]] = Prompt(queued["prompt"], synthetic, line.get("agentId"), milliseconds(line))


def _take_assistant(truth: Truth, line: Json) -> None:
    message, agent_id, at = line["message"], line.get("agentId"), milliseconds(line)
    answer = Answer(message["content"], message["id"], message["model"], agent_id, at)
    truth.answers[line["uuid"]] = answer
    if line.get("isApiErrorMessage"):
        truth.errors[line["uuid"]] = ApiError(line.get("apiErrorStatus"), message["content"][0]["text"])
    for block in message["content"]:
        if block["type"] == "tool_use":
            truth.tools[block["id"]] = Tool(block["name"], block["input"], agent_id, at)


def _judge_by_hooks(truth: Truth) -> None:
    """Say more exactly how calls failed, and how long they took.

    A call that has a PostToolUse or PostToolUseFailure ended as that says. Of the others that failed, those
    that never had a PreToolUse were invalid, and those that had one were denied.
    """
    told: dict[str, dict[str, Json]] = {}
    for hook in truth.hooks:
        if use_id := hook.payload.get("tool_use_id"):
            told.setdefault(use_id, {})[hook.event] = hook.payload
    for use_id, tool in truth.tools.items():
        by_event = told.get(use_id, {})
        if (failure := by_event.get("PostToolUseFailure")) is not None:
            tool.outcomes = frozenset({"interrupted" if failure.get("is_interrupt") else "error"})
        elif tool.outcomes == FAILURES and truth.hooks:
            tool.outcomes = frozenset({"denied" if "PreToolUse" in by_event else "invalid"})
        ended = failure or by_event.get("PostToolUse") or {}
        tool.hook_ms = ended.get("duration_ms")


def _count(truth: Truth, lines: list[Json]) -> None:
    """Add up the usage. The lines of a message repeat it: the largest of those with the same ids counts."""
    largest: dict[tuple[str, str | None], tuple[str, Json]] = {}
    for line in lines:
        if line["type"] != "assistant" or line["message"]["model"] == "<synthetic>":
            continue
        message = line["message"]
        key = (message["id"], line.get("requestId"))
        known = largest.get(key)
        if known is None or _size(message["usage"]) > _size(known[1]):
            largest[key] = (message["model"], message["usage"])
    for model, usage in largest.values():
        truth.models.setdefault(model, Tokens()).add(usage)
        truth.usage.add(usage)


def _size(usage: Json) -> int:
    return sum(value for name, value in usage.items() if name.endswith("_tokens"))
