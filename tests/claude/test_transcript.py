"""Transcript lines: every type that is known, and everything that may go wrong with one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawsocket.claude import transcript
from clawsocket.claude.transcript import (
    AgentMeta,
    AssistantLine,
    AttachmentLine,
    CacheCreation,
    LastPromptLine,
    Line,
    ModeLine,
    OtherLine,
    QuietLine,
    RelocatedLine,
    SnapshotLine,
    SystemLine,
    TitleLine,
    Usage,
    UserLine,
    parse,
)

RECORDINGS = Path(__file__).parent.parent / "recordings"
TRANSCRIPTS = sorted(RECORDINGS.glob("*/projects/**/*.jsonl"))

TYPES: dict[str, type[Line]] = {
    "user": UserLine,
    "assistant": AssistantLine,
    "system": SystemLine,
    "attachment": AttachmentLine,
    "queue-operation": QuietLine,
    "last-prompt": LastPromptLine,
    "mode": QuietLine,
    "permission-mode": ModeLine,
    "file-history-snapshot": SnapshotLine,
    "worktree-state": QuietLine,
    "relocated": RelocatedLine,
    "custom-title": TitleLine,
    "agent-name": TitleLine,
    "summary": QuietLine,
}
"""Every line type that was ever seen."""

NEEDED: dict[str, dict[str, Any]] = {"user": {"message": {"content": ""}}, "assistant": {"message": {}}}

COMMON = {
    "uuid": "6ae0569b-721a-4a36-a459-94822648e862",
    "parentUuid": None,
    "isSidechain": True,
    "timestamp": "2026-11-22T20:37:17.903Z",
    "cwd": "/app",
    "sessionId": "s",
    "version": "2.1.197",
    "gitBranch": "HEAD",
    "entrypoint": "cli",
    "agentId": "a1",
}
FACTS = ("uuid", "timestamp", "session_id", "agent_id", "is_sidechain", "cwd", "version", "git_branch", "entrypoint")

LINE: dict[str, Any] = {"type": "user", "message": {"content": "hi"}}


def line(**fields: Any) -> bytes:
    return json.dumps({**LINE, **fields}, ensure_ascii=False).encode()


def user(raw: bytes) -> UserLine:
    parsed = parse(raw)
    assert isinstance(parsed, UserLine)
    return parsed


def assistant(message: dict[str, Any], **fields: Any) -> AssistantLine:
    parsed = parse(json.dumps({"type": "assistant", "message": message, **fields}).encode())
    assert isinstance(parsed, AssistantLine)
    return parsed


@pytest.mark.parametrize("kind", TYPES)
def test_every_known_type_is_read_with_what_any_line_may_carry(kind: str) -> None:
    parsed = parse(json.dumps({"type": kind, **COMMON, **NEEDED.get(kind, {})}).encode())
    assert type(parsed) is TYPES[kind]
    camel = [part.replace("session_id", "sessionId") for part in FACTS]
    assert [getattr(parsed, name) for name in FACTS] == [
        COMMON[{"agent_id": "agentId", "is_sidechain": "isSidechain", "git_branch": "gitBranch"}.get(name, name)]
        for name in camel
    ]


@pytest.mark.parametrize("kind", TYPES)
def test_every_known_type_is_read_where_it_carries_nothing(kind: str) -> None:
    parsed = parse(json.dumps({"type": kind, **NEEDED.get(kind, {})}).encode())
    assert [getattr(parsed, name) for name in FACTS] == [None] * 4 + [False] + [None] * 4
    assert parsed.at is None


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem[:8])
def test_every_recorded_line_is_read_and_of_a_known_type(path: Path) -> None:
    for raw in path.read_bytes().split(b"\n"):
        if raw:
            parsed, sent = parse(raw), json.loads(raw)
            assert type(parsed) is TYPES[sent["type"]]
            assert (parsed.uuid, parsed.timestamp) == (sent.get("uuid"), sent.get("timestamp"))


def test_a_user_line_tells_of_the_prompt_and_where_it_came_from() -> None:
    parsed = user(
        line(
            promptId="p",
            isMeta=True,
            isCompactSummary=True,
            origin={"kind": "task-notification", "x": 1},
            permissionMode="plan",
            toolUseResult={"stdout": "x"},
        )
    )
    assert (parsed.message.content, parsed.prompt_id, parsed.is_meta, parsed.is_compact_summary) == (
        "hi",
        "p",
        True,
        True,
    )
    assert parsed.origin is not None
    assert (parsed.origin.kind, parsed.permission_mode) == ("task-notification", "plan")
    assert json.loads(bytes(parsed.tool_use_result)) == {"stdout": "x"}


def test_an_attachment_may_be_a_prompt_that_was_queued() -> None:
    queued = {"type": "queued_command", "prompt": "also", "commandMode": "prompt", "origin": {"kind": "human"}}
    parsed = parse(json.dumps({"type": "attachment", "attachment": queued}).encode())
    assert isinstance(parsed, AttachmentLine)
    assert parsed.attachment is not None
    assert (parsed.attachment.type, parsed.attachment.prompt, parsed.attachment.is_meta) == (
        "queued_command",
        "also",
        False,
    )
    assert parsed.attachment.origin is not None
    assert parsed.attachment.origin.kind == "human"


def test_a_tool_result_is_a_block() -> None:
    block = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "out"}], "is_error": True}
    content = user(line(message={"content": [block]})).message.content
    assert isinstance(content, list)
    assert (content[0].type, content[0].tool_use_id, content[0].content, content[0].is_error) == (
        "tool_result",
        "t",
        [{"type": "text", "text": "out"}],
        True,
    )


def test_an_assistant_line_tells_of_the_message_and_its_block() -> None:
    usage = {"input_tokens": 1, "output_tokens": 2, "cache_creation": {"x": 1}, "service_tier": None}
    call = {"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "ls"}}
    message = {"id": "m", "model": "opus", "stop_reason": "tool_use", "usage": usage, "content": [call]}
    parsed = assistant(message, requestId="r")
    assert (parsed.message.id, parsed.message.model, parsed.message.stop_reason, parsed.request_id) == (
        "m",
        "opus",
        "tool_use",
        "r",
    )
    assert transcript.usage(parsed.message.usage) == Usage(1, 2, cache_creation=CacheCreation())
    [block] = transcript.blocks(parsed.message.content)
    assert (block.type, block.id, block.name, json.loads(bytes(block.input))) == (
        "tool_use",
        "t",
        "Bash",
        {"command": "ls"},
    )


def test_an_api_error_stands_in_the_place_of_a_message() -> None:
    parsed = assistant(
        {"model": "<synthetic>"}, isApiErrorMessage=True, apiErrorStatus=529, error={"type": "overloaded"}
    )
    assert (parsed.is_api_error_message, parsed.api_error_status, parsed.error) == (
        True,
        529,
        {"type": "overloaded"},
    )


def test_system_title_and_mode_lines_tell_what_they_are_for() -> None:
    duration = parse(b'{"type":"system","subtype":"turn_duration","durationMs":1138}')
    assert isinstance(duration, SystemLine)
    assert (duration.subtype, duration.duration_ms) == ("turn_duration", 1138)
    compact = parse(b'{"type":"system","subtype":"compact_boundary","compactMetadata":{"trigger":"auto"}}')
    assert isinstance(compact, SystemLine)
    assert compact.compact_metadata is not None
    assert compact.compact_metadata.trigger == "auto"
    title, name = (
        parse(b'{"type":"custom-title","customTitle":"One"}'),
        parse(b'{"type":"agent-name","agentName":"Two"}'),
    )
    assert isinstance(title, TitleLine)
    assert isinstance(name, TitleLine)
    assert (title.custom_title, name.agent_name) == ("One", "Two")
    mode = parse(b'{"type":"permission-mode","permissionMode":"acceptEdits"}')
    assert isinstance(mode, ModeLine)
    assert mode.permission_mode == "acceptEdits"


@pytest.mark.parametrize(
    "kind", ["cost-state", "tools-used", "atis-latch", "api-request", "api-request-shape", "api-request-blob", "mode"]
)
def test_a_type_that_says_nothing_needed_is_known(kind: str) -> None:
    assert isinstance(parse(json.dumps({**COMMON, "type": kind, "message": {"role": "user"}}).encode()), QuietLine)


@pytest.mark.parametrize("kind", ["later-type", "", "USER", "\u2028"])
def test_an_unknown_type_is_read_for_what_any_line_may_carry(kind: str) -> None:
    parsed = parse(json.dumps({**COMMON, "type": kind, "message": 5}).encode())
    assert isinstance(parsed, OtherLine)
    assert (parsed.type, parsed.uuid) == (kind, COMMON["uuid"])


@pytest.mark.parametrize("raw", [b"{}", b'{"type":null}', b'{"type":5}', b'{"type":["user"]}'])
def test_an_object_without_a_type_is_of_no_known_type(raw: bytes) -> None:
    assert isinstance(parse(raw), OtherLine)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"null",
        b"5",
        b'"user"',
        b"[]",
        b'[{"type":"user"}]',
        b"{",
        line()[:-1],
        line() + line(),
        line() + b"\x00",
        b"\x00" * 40,
        b"\xef\xbb\xbf" + line(),
        b'{"type":"user"}',
        b'{"type":"user","message":null}',
        b'{"type":"user","message":"hi"}',
        b'{"type":"assistant","message":[]}',
        b'{"type":"user","message":{"content":NaN}}',
        b'{"type":"mode","x":"\xff"}',
        b'{"type":"user","message":{"content":"\xff"}}',
        b'{"type":"assistant","message":{"content":[{"type":"text","text":"\xff"}]}}',
        b'{"type":"assistant","message":{"content":[],"usage":{"x":"\xc3"}}}',
        b'{"type":"user","message":{"content":""},"toolUseResult":"\xed\xa0\xbd"}',
        b'{"type":"user","message":{"content":"a\tb"}}',
    ],
)
def test_a_broken_line_is_a_value_error_and_nothing_else(raw: bytes) -> None:
    with pytest.raises(ValueError, match="broken line"):
        parse(raw)


@pytest.mark.parametrize("depth", [1000, 100_000])
@pytest.mark.parametrize("kind", ["user", "assistant", "mode", "later-type"])
@pytest.mark.parametrize("field", ["x", "message", "toolUseResult", "error", "type"])
def test_a_line_nested_too_deeply_is_broken(kind: str, field: str, depth: int) -> None:
    deep = b"[" * depth + b"]" * depth
    with pytest.raises(ValueError, match="broken line"):
        parse(b'{"type":"%b","%b":%b}' % (kind.encode(), field.encode(), deep))


def test_every_cut_of_a_line_is_broken() -> None:
    whole = line(text="\u00e9\U0001f600", **COMMON)
    for end in range(len(whole)):
        with pytest.raises(ValueError, match="broken line"):
            parse(whole[:end])


@pytest.mark.parametrize("text", ["a\u2028b", "a\u2029b", "a\x85b", "\U0001f600", "\x7f"])
def test_separators_of_other_kinds_are_text(text: str) -> None:
    raw = line(message={"content": text})
    assert text.encode() in raw
    assert user(raw).message.content == text


def test_a_field_of_a_type_that_is_not_known_counts_as_absent_and_the_rest_is_read() -> None:
    parsed = user(line(promptId=5, isMeta=None, origin="human", permissionMode=["x"], uuid="u", timestamp=7))
    assert (parsed.prompt_id, parsed.is_meta, parsed.origin, parsed.permission_mode) == (None, False, None, None)
    assert (parsed.uuid, parsed.at, parsed.message.content) == ("u", None, "hi")


def test_a_line_of_many_megabytes_is_read() -> None:
    text = '\u00e9[{"' * 1_000_000
    assert user(line(message={"content": text})).message.content == text


def test_an_escaped_half_pair_costs_one_character_even_beside_an_odd_field() -> None:
    parsed = user(rb'{"type":"user","promptId":5,"message":{"content":"cut \ud83d"}}')
    assert (parsed.message.content, parsed.prompt_id) == ("cut \ufffd", None)


@pytest.mark.parametrize(
    ("timestamp", "at"),
    [
        ("2026-11-22T20:37:17.903Z", 1_795_379_837_903),
        ("2026-11-22T20:37:17Z", 1_795_379_837_000),
        ("2026-11-22T22:37:17.903+02:00", 1_795_379_837_903),
        ("2026-11-22T20:37:17.903", 1_795_379_837_903),
        ("2026-11-22T20:37:17.9034Z", 1_795_379_837_903),
        ("", None),
        ("yesterday", None),
        ("1795379837903", None),
    ],
)
def test_a_timestamp_is_ms_since_1970_or_nothing(timestamp: str, at: int | None) -> None:
    assert user(line(timestamp=timestamp)).at == at


@given(st.text(max_size=40))
def test_no_timestamp_stops_anything(timestamp: str) -> None:
    at = user(line(timestamp=timestamp)).at
    assert at is None or isinstance(at, int)


@pytest.mark.parametrize(
    ("raw", "usage"),
    [
        (b"", None),
        (b"null", None),
        (b"[]", None),
        (b"{}", Usage()),
        (b'{"output_tokens":5,"input_tokens":null}', Usage(output_tokens=5)),
        (b'{"output_tokens":"5"}', Usage(output_tokens=5)),
        (b'{"output_tokens":-5,"cache_read_input_tokens":3}', Usage(cache_read_input_tokens=3)),
        (b'{"output_tokens":1e999,"input_tokens":3}', Usage(input_tokens=3)),
        (b'{"output_tokens":99999999999999999999,"input_tokens":3}', Usage(input_tokens=3)),
    ],
)
def test_usage_counts_what_can_be_counted(raw: bytes, usage: Usage | None) -> None:
    assert transcript.usage(msgspec.Raw(raw)) == usage


@pytest.mark.parametrize("raw", [b"", b"null", b'"text"', b"{}", b"[5]"])
def test_content_that_holds_no_blocks_has_none(raw: bytes) -> None:
    assert transcript.blocks(msgspec.Raw(raw)) == []


def test_a_meta_file_links_an_agent_to_the_call_that_made_it() -> None:
    raw = b'{"agentType":"Explore","description":"Look","toolUseId":"t","spawnDepth":1,"later":[]}'
    assert transcript.parse_meta(raw) == AgentMeta(agent_type="Explore", description="Look", tool_use_id="t")
    for end in range(len(raw)):
        assert transcript.parse_meta(raw[:end]) is None


@given(st.binary(max_size=60))
def test_whatever_stands_in_a_line_is_broken_unless_it_is_an_object(raw: bytes) -> None:
    with pytest.raises(ValueError, match="broken line"):
        parse(b"[" + raw)


def test_a_snapshot_tells_when_it_was_made_and_has_no_time_of_its_own() -> None:
    line = parse(b'{"type":"file-history-snapshot","snapshot":{"timestamp":"2026-11-23T03:01:44.707Z"}}')
    assert (line.at, line.written) == (None, 1_795_402_904_707)
    line = parse(b'{"type":"queue-operation","timestamp":"2026-11-23T03:01:44.707Z"}')
    assert line.at == line.written == 1_795_402_904_707
    assert parse(b'{"type":"file-history-snapshot"}').written is None


def test_advice_is_told_with_its_model_and_what_is_odd_is_passed_over() -> None:
    advice = b'{"type":"advisor_message","model":"opus","input_tokens":1,"output_tokens":"2","speed":7}'
    entries = b'{"type":"message","output_tokens":9},' + advice + b',null,{"type":"advisor_message"},{"type":7}'
    found = list(transcript.advice(msgspec.Raw(b'{"output_tokens":9,"iterations":[' + entries + b"]}")))
    assert [(index, one.model, one.input_tokens, one.output_tokens) for index, one in found] == [(1, "opus", 1, 2)]
    for none in (
        b"{}",
        b'{"iterations":[]}',
        b'{"iterations":"advisor_message"}',
        b'{"iterations":{"advisor_message":1}}',
    ):
        assert list(transcript.advice(msgspec.Raw(none))) == []
