"""An event on the wire has the promised form, whatever it holds."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from clawsocket.protocol.envelope import Event, encode
from clawsocket.protocol.events import EVENTS, MessageUser


def event(data: Any, **other: Any) -> Event:
    return Event("message.user", 5, "s", "m:s:1", "transcript", data, **other)


def test_an_event_has_the_promised_fields() -> None:
    sent = json.loads(encode(event(MessageUser(text="hi"), agent_id="a1"), 7))
    assert sent == {
        "type": "message.user",
        "timestamp": 5,
        "sessionId": "s",
        "agentId": "a1",
        "seq": 7,
        "data": {"text": "hi"},
        "id": "m:s:1",
        "source": "transcript",
    }


def test_an_event_of_the_main_agent_has_no_agent_id_and_one_of_a_history_no_seq() -> None:
    sent = json.loads(encode(event(MessageUser(text="hi"))))
    assert "agentId" not in sent
    assert "seq" not in sent


def test_an_event_of_the_server_has_an_empty_session_id() -> None:
    data = EVENTS["system.error"].example
    assert json.loads(encode(Event("system.error", 1, "", "e:1", "server", data), 1))["sessionId"] == ""


def test_a_raw_payload_goes_out_as_it_came() -> None:
    raw = b'{ "a" : 1e999, "a":12345678901234567890123, "b": "\\u2028" }'
    assert raw in encode(event(msgspec.Raw(raw)), 1)


@given(st.text(), st.text())
def test_any_text_goes_out_as_utf8_json(text: str, session: str) -> None:
    sent = encode(Event("message.user", 1, session, "id", "hook", MessageUser(text=text)), 1)
    read = json.loads(sent.decode("utf-8"))
    assert (read["data"]["text"], read["sessionId"]) == (text, session)


def test_a_line_separator_and_a_nul_are_no_trouble() -> None:
    text = "a\u2028b\u2029c\x00d\U0001f600"
    assert json.loads(encode(event(MessageUser(text=text))).decode())["data"]["text"] == text
