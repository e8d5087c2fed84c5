"""Short texts for people."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawsocket.claude.transcript import Block
from clawsocket.state.text import LIMIT, content_text, cut, input_summary, response_summary


@given(st.text(max_size=600))
def test_a_cut_text_is_never_longer_than_promised_and_says_that_it_was_cut(text: str) -> None:
    short = cut(text)
    assert len(short) <= LIMIT == 500
    assert short == text or (short.endswith("\u2026") and text.startswith(short[:-1]))


@given(st.text(min_size=1, max_size=6).map(lambda text: text * 1000))
def test_an_input_is_cut_between_characters(text: str) -> None:
    raw = msgspec.json.encode({"a": text})
    short = input_summary(raw)
    assert len(short) <= LIMIT
    assert raw.decode().startswith(short.removesuffix("\u2026"))


@pytest.mark.parametrize(
    ("response", "summary"),
    [
        (b'"plain\\ntext"', "plain\ntext"),
        (b'{"stdout":"a","stderr":"b"}', "a\nb"),
        (b'{"stdout":"a","stderr":""}', "a"),
        (b'{"stdout":"","stderr":""}', ""),
        (b'{"stdout":5}', '{"stdout":5}'),
        (b'[{"type":"text","text":"a"},{"type":"image"},{"type":"text","text":"b"}]', "a\nb"),
        (b'[{"type":"image","source":{"data":"AAAA"}}]', ""),
        (b"[1,2]", "[1,2]"),
        (b'[{"type":"text","text":5}]', '[{"type":"text","text":5}]'),
        (b"[1e999]", "[1e999]"),
        (b'{"type":"text","file":{"filePath":"/x","content":"a\\n","numLines":1}}', "a\n"),
        (b'{"type":"image","file":{"base64":"AAAA"}}', '{"type":"image","file":{"base64":"AAAA"}}'),
        (b'{"status":"completed","content":[{"type":"text","text":"Found."}],"totalTokens":5}', "Found."),
        (b'{"questions":[{"question":"Which?"}],"answers":{"Which?":"this","And?":"that"}}', "this\nthat"),
        (b'{"worktreePath":"/w","message":"Created worktree at /w"}', "Created worktree at /w"),
        (b'{"filePath":"/x","oldString":"a","newString":"b"}', "/x"),
        (b'{"type":"create","filePath":"/x","content":"what was written"}', "/x"),
        (b'{"isAsync":true,"status":"async_launched","agentId":"a1","prompt":"Look"}', "async launched"),
        (b'{"status":"done","id":"a1"}', '{"status":"done","id":"a1"}'),
        (b'{"status":5,"agentId":"a1"}', '{"status":5,"agentId":"a1"}'),
        (b'{"status":5,"message":"Gone"}', "Gone"),
        (b'{"task":{"id":"1"}}', '{"task":{"id":"1"}}'),
        (b'{"content":{"a":1}}', '{"content":{"a":1}}'),
        (b"null", "null"),
        (b"5", "5"),
        (b"", ""),
    ],
)
def test_a_response_is_summed_up_by_its_output_or_else_its_json(response: bytes, summary: str) -> None:
    assert response_summary(response) == summary
    assert response_summary(msgspec.Raw(response)) == summary


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("words", "words"),
        (None, ""),
        (5, ""),
        ({}, ""),
        ([], ""),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "a\nb"),
        ([{"type": "text", "text": ""}, {"type": "image", "text": "no"}, "odd", {"type": "text"}], ""),
        ([Block(type="text", text="a"), Block(type="tool_use", text="no"), Block(type="text")], "a"),
    ],
)
def test_of_content_only_the_texts_count(content: Any, text: str) -> None:
    assert content_text(content) == text
