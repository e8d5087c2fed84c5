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


@pytest.mark.parametrize(("begin", "end"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_what_can_be_decoded_here_can_be_decoded_and_encoded_where_the_stack_is_deeper(
    begin: bytes, end: bytes
) -> None:
    deepest = max(depth for depth in range(1000) if not is_too_deep(begin * depth + b"1" + end * depth))
    text = begin * deepest + b"1" + end * deepest
    inside = b'{"data":{"raw":' + b"[" * 50 + text + b"]" * 50 + b"}}"
    assert msgspec.json.encode(msgspec.json.decode(inside)) == inside


def test_many_brackets_are_not_deep() -> None:
    text = b'{"raw":[' + b",".join([b'[{"a":[]}]'] * 500) + b"]}"
    value, _ = lenient.decode(msgspec.json.Decoder(Odd), text)
    assert bytes(value.raw) == text[7:-1]


def is_too_deep(text: bytes) -> bool:
    try:
        lenient.decode(msgspec.json.Decoder(Odd), b'{"raw":' + text + b"}")
    except msgspec.DecodeError:
        return True
    return False


class Odd(msgspec.Struct, rename="camel"):
    needed: int = 0
    not_needed: int | None = None
    raw: msgspec.Raw = msgspec.Raw(b"")


class Strict(msgspec.Struct):
    needed: int


def test_an_odd_field_is_as_good_as_absent_and_the_text_stays_as_it_was() -> None:
    text = b'{"notNeeded": "x", "needed": 5, "raw": {"a" : 1}, "other": 1e999}'
    value, same = lenient.decode(msgspec.json.Decoder(Odd), text)
    assert (value.needed, value.not_needed, bytes(value.raw)) == (5, None, b'{"a" : 1}')
    assert same == text


@pytest.mark.parametrize("text", [b'{"needed":"x"}', b"{}", b"[]", b"null", b'"x"', b"5"])
def test_without_what_is_needed_it_is_of_another_shape(text: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        lenient.decode(msgspec.json.Decoder(Strict), text)


@pytest.mark.parametrize("text", [b'{"needed":5,"x":"\xff"}', b'{"needed":5}\xff', b'{"x":"\xed\xa0\xbd","needed":5}'])
def test_what_is_not_utf8_is_refused_even_where_nobody_looks(text: bytes) -> None:
    with pytest.raises(UnicodeDecodeError):
        lenient.decode(msgspec.json.Decoder(Strict), text)
