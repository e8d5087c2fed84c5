"""Clients' messages: what is taken, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawsocket.protocol import messages
from clawsocket.protocol.messages import (
    AnyMessage,
    GetSessionHistory,
    GetSessionList,
    GetSnapshot,
    GetUsage,
    Replay,
    Subscribe,
    SubscribeAgentLog,
    Unsubscribe,
    UnsubscribeAgentLog,
)

MESSAGES: list[tuple[dict[str, Any], AnyMessage]] = [
    ({"type": "subscribe", "topics": ["*"]}, Subscribe(topics=["*"])),
    ({"type": "subscribe", "topics": ["*"], "sessionId": "s"}, Subscribe(topics=["*"], session_id="s")),
    ({"type": "subscribe", "topics": ["*"], "sessionId": ["s", "t"]}, Subscribe(topics=["*"], session_id=["s", "t"])),
    (
        {"type": "subscribe", "topics": ["a", "b.*"], "sinceSeq": 0, "epoch": "e"},
        Subscribe(topics=["a", "b.*"], since_seq=0, epoch="e"),
    ),
    ({"type": "unsubscribe", "topics": ["a"]}, Unsubscribe(topics=["a"])),
    ({"type": "get_snapshot"}, GetSnapshot()),
    ({"type": "get_session_list"}, GetSessionList()),
    ({"type": "get_session_list", "all": True}, GetSessionList(all=True)),
    ({"type": "get_session_history", "sessionId": "s"}, GetSessionHistory(session_id="s", limit=1000)),
    (
        {"type": "get_session_history", "sessionId": "s", "limit": 99_999, "before": "m:s:1"},
        GetSessionHistory(session_id="s", limit=99_999, before="m:s:1"),
    ),
    ({"type": "get_usage"}, GetUsage()),
    ({"type": "get_usage", "sessionId": "s"}, GetUsage(session_id="s")),
    ({"type": "replay", "lastSeq": 0}, Replay(last_seq=0)),
    ({"type": "subscribe_agent_log", "sessionId": "s"}, SubscribeAgentLog(session_id="s")),
    (
        {"type": "subscribe_agent_log", "sessionId": "s", "agentId": "a"},
        SubscribeAgentLog(session_id="s", agent_id="a"),
    ),
    ({"type": "unsubscribe_agent_log"}, UnsubscribeAgentLog()),
    ({"type": "unsubscribe_agent_log", "sessionId": "s"}, UnsubscribeAgentLog(session_id="s")),
]

INVALID: list[Any] = [
    None,
    5,
    "subscribe",
    [],
    {},
    {"type": None},
    {"type": 5},
    {"type": "Subscribe"},
    {"type": "get_everything"},
    {"type": "subscribe"},
    {"type": "subscribe", "topics": "*"},
    {"type": "subscribe", "topics": []},
    {"type": "subscribe", "topics": ["a"] * 101},
    {"type": "subscribe", "topics": [""]},
    {"type": "subscribe", "topics": ["a" * 257]},
    {"type": "subscribe", "topics": [5]},
    {"type": "subscribe", "topics": ["a"], "sessionId": ""},
    {"type": "subscribe", "topics": ["a"], "sessionId": "s" * 257},
    {"type": "subscribe", "topics": ["a"], "sessionId": []},
    {"type": "subscribe", "topics": ["a"], "sessionId": [""]},
    {"type": "subscribe", "topics": ["a"], "sessionId": ["s"] * 1001},
    {"type": "subscribe", "topics": ["a"], "sinceSeq": -1},
    {"type": "subscribe", "topics": ["a"], "sinceSeq": "1"},
    {"type": "subscribe", "topics": ["a"], "sinceSeq": 1.5},
    {"type": "subscribe", "topics": ["a"], "epoch": 5},
    {"type": "unsubscribe"},
    {"type": "unsubscribe", "topics": []},
    {"type": "get_session_list", "all": 1},
    {"type": "get_session_history"},
    {"type": "get_session_history", "sessionId": ""},
    {"type": "get_session_history", "sessionId": "s", "limit": 0},
    {"type": "get_session_history", "sessionId": "s", "limit": -1},
    {"type": "get_session_history", "sessionId": "s", "limit": "5"},
    {"type": "get_session_history", "sessionId": "s", "before": 5},
    {"type": "get_usage", "sessionId": 5},
    {"type": "replay"},
    {"type": "replay", "lastSeq": -1},
    {"type": "replay", "lastSeq": None},
    {"type": "subscribe_agent_log"},
    {"type": "subscribe_agent_log", "sessionId": "s", "agentId": ""},
    {"type": "get_snapshot", "id": True},
    {"type": "get_snapshot", "id": [1]},
    {"type": "get_snapshot", "id": "i" * 257},
]

NOT_JSON = [
    b"",
    b" ",
    b"{",
    b"subscribe",
    b"{'type': 'get_usage'}",
    b'{"type":"get_usage"} {}',
    b'{"type":"get_usage",}',
    b'{"type":"get_usage","x":NaN}',
    b'\xef\xbb\xbf{"type":"get_usage"}',
    b'{"type":"get_usage","sessionId":"\xff"}',
]

DEEP = b"[" * 30_000 + b"]" * 30_000


@pytest.mark.parametrize(("sent", "message"), MESSAGES)
def test_a_message_is_understood(sent: dict[str, Any], message: AnyMessage) -> None:
    assert messages.decode(json.dumps(sent).encode()) == message


@pytest.mark.parametrize("sent", INVALID, ids=lambda sent: json.dumps(sent)[:60])
def test_what_is_json_and_no_message_is_invalid(sent: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        messages.decode(json.dumps(sent).encode())


@pytest.mark.parametrize("sent", NOT_JSON)
def test_what_is_not_json_is_told_apart(sent: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)) as raised:
        messages.decode(sent)
    assert not isinstance(raised.value, msgspec.ValidationError)


def test_the_limits_themselves_are_taken() -> None:
    sent = {"type": "subscribe", "topics": ["a" * 256] * 100, "sessionId": ["s" * 256] * 1000, "id": "i" * 256}
    assert isinstance(messages.decode(json.dumps(sent).encode()), Subscribe)


def test_an_unknown_field_is_ignored() -> None:
    assert messages.decode(b'{"type":"get_usage","later":{"a":[1]}}') == GetUsage()


def test_a_field_that_is_null_is_as_good_as_absent() -> None:
    sent = b'{"type":"subscribe","topics":["*"],"sessionId":null,"sinceSeq":null,"epoch":null,"id":null}'
    assert messages.decode(sent) == Subscribe(topics=["*"])


@pytest.mark.parametrize("id", ["", "one", 0, -1, 1.5, 2**53, 2**64 + 1])
def test_any_message_may_carry_an_id(id: str | int | float) -> None:
    for sent, _ in MESSAGES:
        assert messages.decode(json.dumps({**sent, "id": id}).encode()).id == id


def test_a_message_nested_too_deeply_is_invalid_and_has_no_id() -> None:
    sent = b'{"type":"get_usage","id":1,"x":' + DEEP + b"}"
    with pytest.raises(msgspec.ValidationError):
        messages.decode(sent)
    assert messages.request_id(sent) is None


@pytest.mark.parametrize("id", ["one", 7, 1.5])
def test_the_id_of_a_message_that_is_refused_can_be_echoed(id: str | int | float) -> None:
    assert messages.request_id(json.dumps({"type": "nope", "id": id}).encode()) == id


@pytest.mark.parametrize("sent", [b"", b"[]", b'{"id":[1]}', b'{"id":true}', b'{"id":"\xff"}', b'{"id":1e999}'])
def test_what_has_no_usable_id_has_none(sent: bytes) -> None:
    assert messages.request_id(sent) is None


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_whatever_comes_is_a_message_or_a_known_error(sent: bytes) -> None:
    try:
        message = messages.decode(sent)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return
    assert isinstance(message, AnyMessage)
