"""What clients ask for, and what they get."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from clawsocket import __version__
from clawsocket.errors import RequestError
from clawsocket.protocol import messages, replies
from clawsocket.protocol.frame import text_frame
from clawsocket.protocol.topics import Filter, Sessions
from clawsocket.server.agentlog import Follower, Key

if TYPE_CHECKING:
    from clawsocket.server.connection import Connection

REWIND_INTERVAL = 1.0
"""Seconds between two times that a cursor is set back."""

Answer = replies.Reply | replies.SessionUsageReply | replies.TotalUsageReply

logger = logging.getLogger(__name__)
_encoder = msgspec.json.Encoder()
_SERVER = replies.ServerInfo(version=__version__, protocol=replies.PROTOCOL, features=replies.FEATURES)


class Requests:
    """The requests of one client, and what is left of them: its topics, its answers in the making, its agent logs.

    Attributes:
        all_or_nothing: whether the client would rather be closed (4408) than miss events.
    """

    def __init__(self, client: Connection) -> None:
        """Answer a client."""
        self._client, self._hub = client, client.hub
        self._settings = client.hub.settings
        self._loop = asyncio.get_running_loop()
        self._topics: dict[str, Sessions] = {}
        self.all_or_nothing = False
        self._rewound = float("-inf")
        self._answers: set[asyncio.Task[None]] = set()
        self._logs: dict[Key, Follower] = {}
        self._snapshots: deque[tuple[int, bytes]] = deque()

    @property
    def waiting(self) -> int:
        """Bytes of answers that wait for the cursor."""
        return sum(len(frame) for _, frame in self._snapshots)

    def handle(self, data: bytes) -> None:
        """Answer a message, whatever it is. What is due goes out first: a reply comes after what was before it."""
        self._hub.fanout.advance(self._client.cursor)
        if not self._client.open:  # it wanted all or nothing, and met a gap
            return
        try:
            message = messages.decode(data)
        except msgspec.ValidationError:
            self.refuse(data, "invalid message")
            return
        except (msgspec.DecodeError, UnicodeDecodeError):
            self.refuse(data, "invalid JSON")
            return
        try:
            _HANDLERS[type(message)](self, message)
        except RequestError as error:
            self._refuse(error, message.id)

    def refuse(self, data: bytes, code: str) -> None:
        """Answer a message that was not looked at further."""
        self._client.send(replies.Error(error=code, message=replies.ERRORS[code], id=messages.request_id(data)))

    def _refuse(self, error: RequestError, id: messages.RequestId | None) -> None:
        self._client.send(replies.Error(error=error.code, message=error.message, id=id))

    def room(self) -> None:
        """Learn that the client has room again."""
        for follower in self._logs.values():
            follower.wake()

    def reached(self, position: int) -> None:
        """Send the snapshots whose place the cursor has reached."""
        while self._snapshots and self._snapshots[0][0] <= position:
            self._client.write(self._snapshots.popleft()[1])
        self._set_barrier()

    def cancel(self) -> None:
        """Drop everything."""
        for answer in self._answers:
            answer.cancel()
        self._drop_logs(None)
        self._snapshots.clear()

    # State.

    def snapshot(self, id: messages.RequestId | None = None) -> None:
        """Send the state as it is, as soon as the cursor has reached the place in the log where that is so."""
        cursor = self._client.cursor
        sessions, agents = self._hub.backend.snapshot()
        log = self._hub.log
        snapshot = replies.Snapshot(
            id=id, sessions=sessions, agents=agents, head_seq=log.head, epoch=log.epoch, server=_SERVER
        )
        self._snapshots.append((log.head, text_frame(_encoder.encode(snapshot))))
        self.reached(cursor.position)

    def _set_barrier(self) -> None:
        self._client.cursor.barrier = self._snapshots[0][0] if self._snapshots else None

    def _get_snapshot(self, message: messages.GetSnapshot) -> None:
        self.snapshot(message.id)

    def _get_session_list(self, message: messages.GetSessionList) -> None:
        if message.all:
            self._read(self._all_sessions, message.id)
        else:
            self._client.send(replies.SessionList(id=message.id, sessions=self._hub.backend.sessions()))

    async def _all_sessions(self) -> replies.SessionList:
        return replies.SessionList(sessions=await self._hub.backend.all_sessions())

    def _get_usage(self, message: messages.GetUsage) -> None:
        usage = self._hub.backend.usage(message.session_id)
        if usage is None and message.session_id is not None:
            self._read(partial(self._past_usage, message.session_id), message.id)
        elif usage is not None:
            self._client.send(replies.usage_reply(usage, message.id))

    async def _past_usage(self, session_id: str) -> replies.SessionUsageReply | replies.TotalUsageReply:
        return replies.usage_reply(await self._hub.backend.past_usage(session_id))

    def _get_usage_report(self, message: messages.GetUsageReport) -> None:
        try:
            date.fromisoformat(message.since or "2026-01-01")
        except ValueError:
            raise RequestError("invalid message", "since is a day, such as 2026-11-01") from None
        self._read(partial(self._hub.backend.usage_report, message.by, message.since), message.id)

    def _get_status(self, message: messages.GetStatus) -> None:
        status = self._hub.backend.status()
        status.id = message.id
        self._client.send(status)

    def _get_findings(self, message: messages.GetFindings) -> None:
        self._read(self._findings, message.id)

    async def _findings(self) -> replies.Findings:
        return replies.Findings(findings=await self._hub.backend.findings())

    # Topics and the cursor.

    def _subscribe(self, message: messages.Subscribe) -> None:
        topics = {**self._topics, **dict.fromkeys(message.topics, _sessions(message.session_id))}
        if len(topics) > self._settings.max_topics:
            raise RequestError("limit_exceeded", f"a connection may have {self._settings.max_topics} topics")
        if message.since_seq is not None:
            self._may_rewind()
        if message.all_or_nothing is not None:
            self.all_or_nothing = message.all_or_nothing
        if message.batch_ms is not None:
            self._client.cursor.pace = message.batch_ms / 1000
        reply = replies.Subscribed(id=message.id, topics=list(topics), head_seq=self._hub.log.head)
        self._set_topics(topics)
        if message.since_seq is None:
            self._client.send(reply)
            return
        log = self._hub.log
        foreign = message.epoch not in (None, log.epoch) or message.since_seq > log.head
        reply.oldest_seq = log.oldest
        reply.recovered = log.is_whole(message.since_seq, foreign=foreign)
        self._client.send(reply)
        self._rewind(message.since_seq, foreign)

    def _unsubscribe(self, message: messages.Unsubscribe) -> None:
        topics = {topic: sessions for topic, sessions in self._topics.items() if topic not in message.topics}
        self._set_topics(topics)
        self._client.send(replies.Unsubscribed(id=message.id, topics=list(topics)))

    def _replay(self, message: messages.Replay) -> None:
        self._may_rewind()
        if self._topics:
            self._rewind(message.last_seq, foreign=False)

    def _set_topics(self, topics: dict[str, Sessions]) -> None:
        """Change what comes from here on."""
        self._topics = topics
        self._client.cursor.filter = Filter(topics)

    def _may_rewind(self) -> None:
        now = self._loop.time()
        if now - self._rewound < REWIND_INTERVAL:
            raise RequestError("rate_limited", "the cursor can be set back once a second")
        self._rewound = now

    def _rewind(self, after: int, foreign: bool) -> None:
        """Set the cursor back, never forward: what lies between is not known to have arrived.

        Args:
            after: the last number that the client has.
            foreign: whether that is a number of another log.
        """
        log, cursor = self._hub.log, self._client.cursor
        gap = log.gap(min(after, cursor.position), foreign=foreign)
        if gap is None:
            cursor.position = min(cursor.position, max(after, log.oldest - 1))
        elif self._hub.fanout.tell(cursor, gap):
            cursor.position = gap.oldest_seq - 1
        self._hub.fanout.wake()

    # Answers that take their time, and agent logs.

    def _get_session_history(self, message: messages.GetSessionHistory) -> None:
        self._read(partial(self._history, message), message.id)

    def _read(self, make: Callable[[], Awaitable[Answer]], id: messages.RequestId | None) -> None:
        """Let an answer be made that takes its time, to the request with this id."""
        if len(self._answers) >= self._settings.max_histories:
            raise RequestError("rate_limited", f"{self._settings.max_histories} answers are being made already")
        task = self._loop.create_task(self._answer(make, id))
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    async def _answer(self, make: Callable[[], Awaitable[Answer]], id: messages.RequestId | None) -> None:
        """Send an answer. What goes wrong with it is nothing to the rest of the connection, and told as an error."""
        try:
            answer = await make()
            answer.id = id
            self._client.send(answer)
        except RequestError as error:
            self._refuse(error, id)
        except Exception:
            logger.exception("an answer could not be made")
            self._refuse(RequestError("failed", replies.ERRORS["failed"]), id)

    async def _history(self, message: messages.GetSessionHistory) -> replies.SessionHistory:
        limit = min(message.limit, self._settings.history_limit)
        events, more = await self._hub.backend.history(message.session_id, limit, message.before, message.all)
        return replies.SessionHistory(session_id=message.session_id, events=events, more=more or None)

    def _subscribe_agent_log(self, message: messages.SubscribeAgentLog) -> None:
        is_main = message.agent_id == f"master-{message.session_id}"  # as the main agent is named everywhere else
        key = (message.session_id, None if is_main else message.agent_id)
        if key not in self._logs:
            limit = self._settings.max_agent_logs
            if len(self._logs) >= limit:
                raise RequestError("limit_exceeded", f"a connection may have {limit} agent logs")
            transcript = self._hub.backend.transcript
            follower = Follower(key, self._client, lambda: transcript(*key), self._settings.line_limit)
            self._logs[key] = follower
            self._hub.agent_logs.add(key, follower)
        self._client.send(replies.SubscribedAgentLog(id=message.id, session_id=message.session_id))

    def _unsubscribe_agent_log(self, message: messages.UnsubscribeAgentLog) -> None:
        self._drop_logs(message.session_id)
        self._client.send(replies.UnsubscribedAgentLog(id=message.id, session_id=message.session_id))

    def _drop_logs(self, session_id: str | None) -> None:
        for key in [key for key in self._logs if session_id in (None, key[0])]:
            self._hub.agent_logs.remove(key, self._logs.pop(key))


_HANDLERS: dict[type[messages.ClientMessage], Callable[[Requests, Any], None]] = {
    messages.Subscribe: Requests._subscribe,
    messages.Unsubscribe: Requests._unsubscribe,
    messages.GetSnapshot: Requests._get_snapshot,
    messages.GetSessionList: Requests._get_session_list,
    messages.GetSessionHistory: Requests._get_session_history,
    messages.GetUsage: Requests._get_usage,
    messages.GetUsageReport: Requests._get_usage_report,
    messages.GetStatus: Requests._get_status,
    messages.GetFindings: Requests._get_findings,
    messages.Replay: Requests._replay,
    messages.SubscribeAgentLog: Requests._subscribe_agent_log,
    messages.UnsubscribeAgentLog: Requests._unsubscribe_agent_log,
}


def _sessions(given: str | list[str] | None) -> Sessions:
    if given is None:
        return None
    return frozenset([given] if isinstance(given, str) else given)
