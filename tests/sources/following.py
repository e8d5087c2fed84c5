"""The transcripts of a Claude Code folder, as they are followed in the tests."""

from __future__ import annotations

from pathlib import Path

from clawsocket.claude.observations import AgentMetaSeen, LineSeen, Observation, Trouble
from clawsocket.sources.transcripts import Transcripts
from tests.sources.running import eventually


class Following:
    """The transcripts of a Claude Code folder, and what they told."""

    def __init__(self, claude: Path, transcripts: Transcripts, seen: list[Observation]) -> None:
        self.projects, self.all, self.seen = claude / "projects", transcripts, seen
        self.caught_up: list[str] = []
        self.all.on_caught_up = self.caught_up.append
        self.reads: list[tuple[str, str | None]] = []
        self.all.on_read = lambda session_id, agent_id: self.reads.append((session_id, agent_id))

    async def start(self, *living: str) -> None:
        await self.all.start()
        for session_id in living:
            self.all.follow(session_id)

    def told(self, session_id: str = "s", agent_id: str | None = None) -> list[tuple[str | None, bool]]:
        """The lines of a file: uuid, and whether silent."""
        lines = [item for item in self.seen if isinstance(item, LineSeen)]
        return [(i.line.uuid, i.silent) for i in lines if (i.session_id, i.agent_id) == (session_id, agent_id)]

    def new(self, session_id: str = "s", agent_id: str | None = None) -> list[str | None]:
        return [uuid for uuid, silent in self.told(session_id, agent_id) if not silent]

    def old(self, session_id: str = "s", agent_id: str | None = None) -> list[str | None]:
        return [uuid for uuid, silent in self.told(session_id, agent_id) if silent]

    def metas(self) -> list[tuple[str, str, bool]]:
        return [(i.agent_id, i.meta.agent_type, i.silent) for i in self.seen if isinstance(i, AgentMetaSeen)]

    def troubles(self) -> list[str]:
        return [item.message for item in self.seen if isinstance(item, Trouble)]

    async def until_new(self, *uuids: str, session_id: str = "s", agent_id: str | None = None) -> None:
        await eventually(lambda: len(self.new(session_id, agent_id)) >= len(uuids), f"new lines {uuids}")
        assert self.new(session_id, agent_id) == list(uuids)
