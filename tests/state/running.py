"""A world fed by hand: tiny observations, each a millisecond after the one before."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Literal

import msgspec

from clawsocket.claude import hooks, session_file, transcript
from clawsocket.claude.observations import (
    AgentMetaSeen,
    HookSeen,
    LineSeen,
    Observation,
    SessionFileSeen,
    SessionGone,
)
from clawsocket.protocol.envelope import Event, encode
from clawsocket.protocol.events import EVENTS
from clawsocket.state.world import World

START = 1_800_000_000_000
"""When it begins, ms since 1970."""

PID = 42


class Run:
    """A world, its time, and what it has told.

    Attributes:
        now: ms since 1970.
        events: everything told so far.
        holds_levels: whether what is seen belongs to one tick, so that the levels are not told yet.
    """

    def __init__(self, **settings: int) -> None:
        self.world = World(**settings)
        self.now = START
        self.events: list[Event] = []
        self.world.is_told = lambda id: any(event.id == id for event in self.events)
        self.holds_levels = False
        self._count = 0

    # Time

    def wait(self, ms: int = 10_000) -> Run:
        """Let time pass, doing what is due when it is due."""
        end = self.now + ms
        while self.world.due is not None and self.world.due <= end:
            self.now = max(self.now, self.world.due)
            self._told(self.world.expire(self.now))
            self._told(self.world.flush())
        self.now = end
        return self

    def see(self, seen: Observation) -> list[Event]:
        """Take an observation; return what it made at once."""
        before = len(self.events)
        self._told(self.world.apply(seen, self.now))
        if not self.holds_levels:
            self._told(self.world.flush())
        self.now += 1
        return self.events[before:]

    def _told(self, events: list[Event]) -> None:
        for event in events:
            known = EVENTS.get(event.type)
            data = json.loads(encode(event))["data"]
            if known is not None and not event.type.startswith("hook."):
                msgspec.convert(data, known.data)  # whatever is told is as the catalogue says
        self.events += events

    # What is seen

    def hook(self, name: str, /, *, at: int | None = None, session: str = "s", **fields: Any) -> list[Event]:
        self._count += 1
        payload = {"hook_event_name": name, "session_id": session, "cwd": "/app", **fields}
        hook = hooks.parse(json.dumps(payload).encode())
        return self.see(HookSeen(f"hook-{self._count}", self.now if at is None else at, hook))

    def original(self, type: str, /, *, session: str = "s", **data: Any) -> list[Event]:
        """A hook in the original program's form."""
        self._count += 1
        hook = hooks.parse(json.dumps({"type": type, "sessionId": session, "data": data}).encode())
        return self.see(HookSeen(f"hook-{self._count}", self.now, hook))

    def line(
        self,
        type: str,
        /,
        *,
        at: int | None = None,
        session: str = "s",
        agent: str | None = None,
        silent: bool = False,
        **fields: Any,
    ) -> list[Event]:
        self._count += 1
        at = self.now if at is None else at
        raw = {"type": type, "uuid": f"u{self._count}", "cwd": "/app", "version": "2.1.197", **fields}
        return self.see(LineSeen(session, agent, transcript.parse(json.dumps(raw).encode()), at, silent))

    def prompt(self, text: str = "Do it", *, id: str = "p1", **more: Any) -> list[Event]:
        return self.line("user", message={"content": text}, promptId=id, **more)

    def answer(
        self,
        *blocks: dict[str, Any],
        id: str = "msg1",
        stop: str | None = "end_turn",
        usage: dict[str, Any] | None = None,
        model: str = "opus",
        **more: Any,
    ) -> list[Event]:
        message: dict[str, Any] = {"id": id, "model": model, "stop_reason": stop}
        message["content"] = list(blocks) or [text()]
        if usage is not None:
            message["usage"] = usage
        return self.line("assistant", message=message, **more)

    def result(
        self, tool: str, output: str = "done", *, error: bool = False, note: Any = None, prompt: str = "p1", **more: Any
    ) -> list[Event]:
        block = {"type": "tool_result", "tool_use_id": tool, "content": output, "is_error": error}
        extra = {"toolUseResult": note} if note is not None else {}
        return self.line("user", message={"content": [block]}, promptId=prompt, **extra, **more)

    def interrupt(self, **more: Any) -> list[Event]:
        """Esc."""
        content = [{"type": "text", "text": "[Request interrupted by user]"}]
        return self.line("user", message={"content": content}, promptId="p1", **more)

    def file(self, status: str | None = None, *, session: str = "s", pid: int = PID, **fields: Any) -> list[Event]:
        content = {"pid": pid, "sessionId": session, "cwd": "/app", "startedAt": self.now, "procStart": f"proc-{pid}"}
        if status is not None:
            content |= {"status": status, "statusUpdatedAt": self.now}
        file = session_file.parse(json.dumps(content | fields).encode())
        assert file is not None
        return self.see(SessionFileSeen(file, self.now))

    def gone(
        self,
        reason: Literal["process_exited", "file_removed", "cleared"] = "file_removed",
        *,
        session: str = "s",
        pid: int = PID,
    ) -> list[Event]:
        return self.see(SessionGone(session, pid, self.now, reason))

    def meta(self, agent: str, *, at: int | None = None, silent: bool = False, **fields: Any) -> list[Event]:
        meta = transcript.parse_meta(json.dumps(fields).encode())
        assert meta is not None
        return self.see(AgentMetaSeen("s", agent, meta, self.now if at is None else at, silent))

    # What was told

    def types(self, *hidden: str) -> list[str]:
        """The types told, without hooks and levels of agents and usage, nor those hidden."""
        quiet = ("hook.", "agent.state_changed", "usage.", *hidden)
        return [event.type for event in self.events if not event.type.startswith(quiet)]

    def data(self, type: str, session: str | None = None) -> list[dict[str, Any]]:
        """The data of the events of a type, as on the wire."""
        return [
            json.loads(encode(event))["data"]
            for event in self.events
            if event.type == type and session in (None, event.session_id)
        ]

    def of(self, type: str) -> list[Event]:
        return [event for event in self.events if event.type == type]

    def states(self) -> list[str]:
        return [data["state"] for data in self.data("session.state_changed")]

    def outcomes(self) -> dict[str, str]:
        return {data["toolUseId"]: data["outcome"] for data in self.data("tool.result")}

    def twice(self) -> list[str]:
        """Ids of facts that were told more than once."""
        facts = Counter(event.id for event in self.events if event.type not in EVENTS or EVENTS[event.type].fact)
        return [id for id, count in facts.items() if count > 1]


def text(words: str = "Fine.") -> dict[str, Any]:
    return {"type": "text", "text": words}


def call(id: str, name: str = "Bash", **input: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": name, "input": input}


def tokens(input: int = 0, output: int = 0, created: int = 0, read: int = 0) -> dict[str, int]:
    return {
        "input_tokens": input,
        "output_tokens": output,
        "cache_creation_input_tokens": created,
        "cache_read_input_tokens": read,
    }


def live(status: str | None = "busy") -> Run:
    """A session with a file, its first prompt under way. With None its file does not say what it does."""
    run = Run()
    run.file(status)
    run.hook("SessionStart", source="startup", model="opus")
    run.hook("UserPromptSubmit", prompt="Do it", prompt_id="p1")
    run.prompt()
    return run
