from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawsocket.claude import hooks, lenient, session_file, transcript

ANY_UNIT = st.text(st.characters(exclude_categories=()), max_size=30)


@given(ANY_UNIT)
def test_what_javascript_can_write_can_be_read(text: str) -> None:
    units = text.encode("utf-16-le", "surrogatepass")
    wanted = units.decode("utf-16-le", "replace")
    value, _ = lenient.decode(msgspec.json.Decoder(list[str]), json.dumps([text]).encode())
    assert value[0].replace("\ufffd", "") == wanted.replace("\ufffd", "")


def test_only_half_pairs_are_replaced() -> None:
    text = rb'["\\ud83d", "\ud83d\ude00", "\\\ud83d", "\ud83d\ud83d\ude00", "\ude00", "\n"]'
    value, mended = lenient.decode(msgspec.json.Decoder(list[str]), text)
    assert value == ["\\ud83d", "\U0001f600", "\\\ufffd", "\ufffd\U0001f600", "\ufffd", "\n"]
    assert json.loads(mended) == value


def test_a_cut_emoji_costs_no_line_and_no_hook() -> None:
    line = transcript.parse(rb'{"type":"user","message":{"content":"cut \ud83d"},"toolUseResult":"\ud83d"}')
    assert isinstance(line, transcript.UserLine)
    assert line.message.content == "cut \ufffd"
    hook = hooks.parse(rb'{"hook_event_name":"Stop","session_id":"s","tool_response":{"stdout":"\ud83d"}}')
    assert json.loads(bytes(hook.raw))["tool_response"] == {"stdout": "\ufffd"}
    file = session_file.parse(rb'{"pid":1,"sessionId":"s","name":"\ud83d"}')
    assert file is not None
    assert file.name == "\ufffd"


def test_what_is_nested_too_deeply_is_an_error_like_any_other() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    with pytest.raises(ValueError, match="broken line"):
        transcript.parse(b'{"type":"user","x":' + deep + b"}")
    with pytest.raises(hooks.NotJsonError):
        hooks.parse(b'{"hook_event_name":"Stop","session_id":"s","x":' + deep + b"}")
    assert session_file.parse(b'{"pid":1,"sessionId":"s","x":' + deep + b"}") is None
    assert transcript.parse_meta(b'{"x":' + deep + b"}") is None
