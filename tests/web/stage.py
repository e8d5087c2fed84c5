"""Sessions as Claude Code leaves them on disk and in hooks, made to order for a page to show."""

from __future__ import annotations

import itertools
import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clawsocket.claude.projects import project_folder
from tests.support.feed import session_file, spool
from tests.support.service import Service

MODEL = "claude-opus-4-8"
HOOK = 0.005
"""Seconds that a hook takes at least, and Claude Code waits for it: what happens next has another time."""

_names = itertools.count(1)


def stamp(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1000):03}Z"


class Agent:
    """One who acts: a session's main agent, or a subagent.

    Args:
        scene: the session.
        id: of a subagent; None for the main agent.
        path: the transcript.
    """

    def __init__(self, scene: Scene, id: str | None, path: Path) -> None:
        self.scene, self.id, self._path = scene, id, path

    def line(self, type: str, message: dict[str, Any], **more: Any) -> None:
        """Write a line of the transcript."""
        scene = self.scene
        fields: dict[str, Any] = {"agentId": self.id, "isSidechain": True} if self.id else {"isSidechain": False}
        line = {
            "type": type,
            "message": message,
            "uuid": str(uuid.uuid4()),
            "timestamp": stamp(time.time()),
            "cwd": scene.cwd,
            "sessionId": scene.id,
            "version": "2.1.197",
            "gitBranch": scene.branch,
            **fields,
            **more,
        }
        with self._path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def hook(self, name: str, **payload: Any) -> None:
        """Send a hook."""
        more = {"agent_id": self.id, "agent_type": "Explore"} if self.id else {}
        self.scene.hook(name, **more, **payload)

    def prompt(self, text: str) -> None:
        prompt = str(uuid.uuid4())
        self.line("user", {"role": "user", "content": text}, promptId=prompt)
        if self.id is None:
            self.hook("UserPromptSubmit", prompt=text, prompt_id=prompt)

    def say(self, text: str, model: str = MODEL, tokens: int = 1000, **more: Any) -> None:
        """Answer, with so many tokens out and twenty times that from the cache."""
        self._blocks([{"type": "text", "text": text}], model, tokens, **more)

    def think(self, text: str) -> None:
        self._blocks([{"type": "thinking", "thinking": text, "signature": "x"}], MODEL, 10)

    def call(self, name: str, **given: Any) -> str:
        """Call a tool, and return the id of the call."""
        id = f"toolu_{next(_names):020}"
        self._blocks([{"type": "tool_use", "id": id, "name": name, "input": given}], MODEL, 50)
        self.hook("PreToolUse", tool_name=name, tool_use_id=id, tool_input=given)
        return id

    def done(self, id: str, name: str, output: str = "ok", *, failed: bool = False) -> None:
        """End a call."""
        result = {"type": "tool_result", "tool_use_id": id, "content": output, "is_error": failed}
        given: dict[str, Any] = {"tool_name": name, "tool_use_id": id, "tool_input": {}, "duration_ms": 40}
        if failed:
            self.hook("PostToolUseFailure", error=output, **given)
        else:
            self.hook("PostToolUse", tool_response={"stdout": output}, **given)
        self.line("user", {"role": "user", "content": [result]})

    def ask(self, name: str, **given: Any) -> str:
        """Ask the owner for leave to call a tool."""
        id = self.call(name, **given)
        self.hook("PermissionRequest", tool_name=name, tool_input=given)
        self.scene.status("waiting", waitingFor="permission prompt")
        return id

    def _blocks(self, blocks: list[dict[str, Any]], model: str, tokens: int, **more: Any) -> None:
        usage = {
            "input_tokens": 4,
            "output_tokens": tokens,
            "cache_creation_input_tokens": tokens,
            "cache_read_input_tokens": 20 * tokens,
        }
        message = {
            "id": f"msg_{next(_names):020}",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": blocks,
            "usage": usage,
        }
        self.line("assistant", message, **more)


class Scene:
    """A session.

    Attributes:
        id: its id.
        pid: the process that stands for it.
        main: its main agent.
    """

    def __init__(self, service: Service, pid: int, id: str, name: str, cwd: str, branch: str) -> None:
        self.service, self.pid, self.id, self.cwd, self.branch = service, pid, id, cwd, branch
        project = service.home / ".claude" / "projects" / project_folder(cwd)
        self._agents = project / id / "subagents"
        self._agents.mkdir(parents=True, exist_ok=True)
        self._file = service.home / ".claude" / "sessions" / f"{pid}.json"
        self.main = Agent(self, None, project / f"{id}.jsonl")
        self.status("busy", cwd=cwd, name=name)

    def hook(self, name: str, **payload: Any) -> None:
        """Leave a hook in the spool, as Claude Code's hooks do."""
        body = {"session_id": self.id, "hook_event_name": name, "cwd": self.cwd, **payload}
        spool(self.service.home, f"{time.time_ns()}-{self.pid}-{next(_names)}", json.dumps(body).encode(), time.time())
        time.sleep(HOOK)

    def status(self, status: str, **more: Any) -> None:
        """Have the session file say what the session does: ``busy``, ``idle``, ``waiting``, ``shell``."""
        self._rewrite(status=status, statusUpdatedAt=int(time.time() * 1000), **more)

    def status_line(self, context: float, five_hours: float, seven_days: float, spent: float | None = None) -> None:
        """Leave what Claude Code tells its status line, in percent; only behind a gateway something was spent."""
        later = int(time.time())
        line = {
            "session_id": self.id,
            "context_window": {
                "context_window_size": 200_000,
                "used_percentage": context,
                "total_input_tokens": int(2000 * context),
                "current_usage": {"input_tokens": int(2000 * context)},
            },
            "rate_limits": {
                "five_hour": {"used_percentage": five_hours, "resets_at": later + 7200},
                "seven_day": {"used_percentage": seven_days, "resets_at": later + 300_000},
                **({} if spent is None else {"spend_limit": {"used_percentage": spent, "resets_at": later + 900_000}}),
            },
            "cost": {"total_api_duration_ms": later},
        }
        spool(self.service.home, f"status-{self.id}", json.dumps(line).encode())

    def agent(self, call: str, description: str, type: str = "Explore") -> Agent:
        """Begin a subagent for a call."""
        id = f"a{next(_names):016x}"
        meta = {"agentType": type, "description": description, "toolUseId": call, "spawnDepth": 1}
        (self._agents / f"agent-{id}.meta.json").write_text(json.dumps(meta))
        agent = Agent(self, id, self._agents / f"agent-{id}.jsonl")
        agent.hook("SubagentStart")
        agent.prompt(description)
        return agent

    def idle(self, text: str = "Done.") -> None:
        """End the turn with an answer."""
        self.main.say(text)
        self.hook("Stop", last_assistant_message=text)
        self.status("idle")

    def fail(self, text: str = "API Error: 529 overloaded") -> None:
        """End the turn with what the API refused."""
        more = {"isApiErrorMessage": True, "error": "overloaded", "apiErrorStatus": 529}
        self.main.say(text, model="<synthetic>", tokens=0, **more)
        self.hook("StopFailure", error="overloaded", error_details=text)

    def _rewrite(self, **fields: Any) -> None:
        found = json.loads(self._file.read_text())
        found.pop("waitingFor", None)
        self._file.write_text(json.dumps({**found, **fields}))


@contextmanager
def scene(service: Service, name: str = "app-70", cwd: str = "/home/dev/app", branch: str = "main") -> Iterator[Scene]:
    """A session with a living process, for a with block."""
    id = str(uuid.uuid4())
    with session_file(service.home, id, "busy") as pid:
        made = Scene(service, pid, id, name, cwd, branch)
        made.hook("SessionStart", source="startup", model=MODEL)
        yield made


def long_conversation(home: Path, turns: int, every: float = 10) -> str:
    """Have a conversation of another day on disk, of five events a turn.

    Args:
        home: the service's.
        turns: how many; ``prompt 0`` is the first, ``answer N`` ends each.
        every: seconds from one turn to the next.

    Returns:
        Its session.
    """
    session, cwd, began = str(uuid.uuid4()), "/home/dev/long", time.time() - every * turns
    path = home / ".claude" / "projects" / project_folder(cwd) / f"{session}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        for number in range(turns):
            for step, line in enumerate(_turn(number)):
                at = stamp(began + every * number + step * every / 10)
                more = {
                    "uuid": str(uuid.uuid4()),
                    "timestamp": at,
                    "sessionId": session,
                    "cwd": cwd,
                    "version": "2.1.197",
                }
                file.write(json.dumps({**line, **more, "isSidechain": False}) + "\n")
    return session


def _turn(number: int) -> Iterator[dict[str, Any]]:
    call = f"toolu_{number:020}"
    used = {"type": "tool_use", "id": call, "name": "Read", "input": {"file_path": f"/home/dev/long/{number}.py"}}
    result = {"type": "tool_result", "tool_use_id": call, "content": f"text {number}\n" * 20}
    said = {"type": "text", "text": f"answer {number}, **at length**. " * (1 + number % 7)}
    yield {"type": "user", "message": {"role": "user", "content": f"prompt {number}"}, "promptId": f"p{number}"}
    for block in (used, result, said):
        if block is result:
            yield {"type": "user", "message": {"role": "user", "content": [block]}}
            continue
        message = {"id": f"msg_{number}_{block['type']}", "type": "message", "role": "assistant", "model": MODEL}
        usage = {"input_tokens": 4, "output_tokens": 10}
        yield {"type": "assistant", "message": {**message, "content": [block], "usage": usage}}
