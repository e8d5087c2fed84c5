"""Hook payloads: Claude Code's own form and the original program's, good and bad."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawsocket.claude.hooks import KNOWN, Hook, NotAHookError, NotJsonError, parse

RECORDINGS = Path(__file__).parent.parent / "recordings"

COMMON = {"session_id": "s", "transcript_path": "/t/s.jsonl", "cwd": "/app"}
NEVER_RECORDED: dict[str, dict[str, Any]] = {
    "PreCompact": {"trigger": "manual", "custom_instructions": ""},
    "PostCompact": {"trigger": "auto", "compact_summary": "What was done so far."},
    "TeammateIdle": {"teammate_name": "ann", "team_name": "red"},
    "ConfigChange": {"source": "user_settings", "file_path": "/home/dev/.claude/settings.json"},
    "WorktreeCreate": {"name": "wt"},
    "WorktreeRemove": {"worktree_path": "/app/.claude/worktrees/wt"},
    "DirectoryAdded": {"directory": "/home/dev/other", "source": "add_dir_command"},
    "PreModelSwitch": {"from_model": "opus", "to_model": "sonnet", "requested_model": "sonnet", "source": "command"},
    "PostModelSwitch": {"from_model": "opus", "to_model": "sonnet", "requested_model": None, "source": "auto"},
    "PreSkillShellCommand": {"tool_name": "Bash", "tool_input": {"command": "ls"}, "tool_use_id": "t:inner:preamble-0"},
}


def recorded() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(RECORDINGS.glob("*/hooks.jsonl")):
        for text in path.read_text().split("\n"):
            if text:
                payload = json.loads(text)["payload"]
                found.setdefault(payload["hook_event_name"], []).append(payload)
    return found


PAYLOADS = recorded() | {
    name: [{**COMMON, "hook_event_name": name, **fields}] for name, fields in NEVER_RECORDED.items()
}


def native(**fields: Any) -> bytes:
    return json.dumps({"hook_event_name": "Stop", "session_id": "s", **fields}).encode()


def with_text(text: bytes) -> bytes:
    """A payload with a field ``x`` that is not looked at, given as JSON text."""
    return b'{"hook_event_name":"Stop","session_id":"s","x":' + text + b"}"


def raw(hook: Hook) -> Any:
    return json.loads(bytes(hook.raw))


def values(hook: Hook) -> dict[str, Any]:
    """What was read of a hook: Raw fields by their text."""
    fields = {name: getattr(hook, name) for name in hook.__struct_fields__ if name != "raw"}
    return {name: bytes(value) if isinstance(value, msgspec.Raw) else value for name, value in fields.items()}


def test_all_hooks_are_shown_here() -> None:
    assert PAYLOADS.keys() == KNOWN
    assert len(KNOWN) == 34


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_claude_codes_own_payload_is_read_and_kept_as_it_came(name: str) -> None:
    for payload in PAYLOADS[name]:
        body = json.dumps(payload, ensure_ascii=False).encode()
        hook = parse(body)
        assert bytes(hook.raw) == body
        assert (hook.hook_event_name, hook.session_id) == (name, payload["session_id"])
        for field in {*payload} & {*hook.__struct_fields__} - {"tool_calls"}:
            value = getattr(hook, field)
            assert (json.loads(bytes(value)) if isinstance(value, msgspec.Raw) else value) == payload[field], field


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_the_originals_form_says_the_same(name: str) -> None:
    for payload in PAYLOADS[name]:
        data = {key: value for key, value in payload.items() if key not in ("hook_event_name", "session_id")}
        own = {"type": name, "sessionId": payload["session_id"], "data": data}
        hook = parse(json.dumps(own, separators=(",", ":")).encode())
        wanted = parse(json.dumps(payload, separators=(",", ":")).encode())
        assert values(hook) == values(wanted)
        assert raw(hook) == data


def test_a_batch_tells_of_its_calls() -> None:
    [batch, *_] = [payload for payload in PAYLOADS["PostToolBatch"] if payload["tool_calls"]]
    hook = parse(json.dumps(batch).encode())
    assert hook.tool_calls is not None
    assert [(call.tool_name, call.tool_use_id, call.tool_response) for call in hook.tool_calls] == [
        (call["tool_name"], call["tool_use_id"], call["tool_response"]) for call in batch["tool_calls"]
    ]


def test_the_originals_agent_and_folder_are_taken() -> None:
    own = {"type": "CwdChanged", "sessionId": "s", "agentId": "a1", "data": {"cwd": "/new", "old_cwd": "/old"}}
    hook = parse(json.dumps(own).encode())
    assert (hook.agent_id, hook.new_cwd, hook.old_cwd) == ("a1", "/new", "/old")


def test_what_the_original_says_outside_the_data_counts() -> None:
    data = {"hook_event_name": "Stop", "session_id": "other", "agent_id": "inner"}
    hook = parse(json.dumps({"type": "SessionEnd", "sessionId": "s", "agentId": "outer", "data": data}).encode())
    assert (hook.hook_event_name, hook.session_id, hook.agent_id) == ("SessionEnd", "s", "inner")


def test_the_originals_data_may_be_absent() -> None:
    hook = parse(b'{"type":"Stop","sessionId":"s"}')
    assert (hook.hook_event_name, bytes(hook.raw)) == ("Stop", b"{}")


def test_both_forms_at_once_are_claude_codes_own() -> None:
    assert parse(native(type="SessionEnd", sessionId="other", data={})).session_id == "s"


@pytest.mark.parametrize("name", ["BrandNew", "A", "x" * 64])
def test_claude_code_may_have_new_hooks(name: str) -> None:
    assert parse(native(hook_event_name=name, new_field=[1])).hook_event_name == name


@pytest.mark.parametrize("name", ["", "x" * 65, "Pre Tool", "Pre.Tool", "Stop\n", "Stöp", "../x", None, 5, ["Stop"]])
def test_a_name_that_no_hook_can_have_is_refused(name: Any) -> None:
    with pytest.raises(NotAHookError):
        parse(native(hook_event_name=name))


@pytest.mark.parametrize("session", ["", "s" * 257, None, 5, ["s"]])
def test_a_hook_without_a_usable_session_is_refused_in_both_forms(session: Any) -> None:
    with pytest.raises(NotAHookError):
        parse(native(session_id=session))
    with pytest.raises(NotAHookError):
        parse(json.dumps({"type": "Stop", "sessionId": session, "data": {}}).encode())


@pytest.mark.parametrize(
    "body",
    [
        {"type": "BrandNew", "sessionId": "s"},
        {"type": "hook.stop", "sessionId": "s"},
        {"type": "Stop"},
        {"type": 5, "sessionId": "s"},
        {"type": "Stop", "sessionId": "s", "agentId": 5},
        {"type": "Stop", "sessionId": "s", "data": []},
        {"type": "Stop", "sessionId": "s", "data": "text"},
        {"type": "Stop", "sessionId": "s", "data": {"tool_name": 5}},
        {"type": "CwdChanged", "sessionId": "s", "data": {"cwd": 5}},
        {"hook_event_name": "Stop"},
        {"session_id": "s"},
        {},
        [],
        [{"hook_event_name": "Stop", "session_id": "s"}],
        None,
        5,
        "Stop",
    ],
    ids=lambda body: json.dumps(body)[:60],
)
def test_what_is_json_and_no_hook_is_refused(body: Any) -> None:
    with pytest.raises(NotAHookError):
        parse(json.dumps(body).encode())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"\x00",
        b"{",
        b"Stop",
        native()[:-1],
        native() + b"{}",
        native() + b"\x00",
        b"\xef\xbb\xbf" + native(),
        native().replace(b'"s"', b"'s'"),
        native().decode().encode("utf-16"),
        with_text(b"NaN"),
        with_text(b"Infinity"),
        with_text(b"01"),
        with_text(b"[1,]"),
        with_text(b'"\xff"'),
        with_text(b'"\xed\xa0\xbd"'),
        with_text(b'"a\nb"'),
        with_text(b'"\\x"'),
    ],
)
def test_what_is_not_json_is_told_apart(body: bytes) -> None:
    with pytest.raises(NotJsonError):
        parse(body)


@pytest.mark.parametrize("depth", [1000, 100_000])
@pytest.mark.parametrize("field", ["x", "tool_input", "permission_suggestions", "data", "type", "hook_event_name"])
def test_what_is_nested_too_deeply_is_refused(depth: int, field: str) -> None:
    deep = b"[" * depth + b"]" * depth
    with pytest.raises((NotJsonError, NotAHookError)):
        parse(b'{"' + field.encode() + b'":' + deep + b',"hook_event_name":"Stop","session_id":"s"}')
    with pytest.raises((NotJsonError, NotAHookError)):
        parse(b'{"type":"Stop","sessionId":"s","data":{"' + field.encode() + b'":' + deep + b"}}")


def test_a_field_of_a_type_that_is_not_known_counts_as_absent_and_the_rest_is_read() -> None:
    payload = {"error": {"code": 5}, "duration_ms": "soon", "prompt": ["a"], "tool_calls": [5], "reason": "other"}
    hook = parse(native(**payload))
    assert (hook.error, hook.duration_ms, hook.prompt, hook.tool_calls) == (None, None, None, None)
    assert hook.reason == "other"
    assert raw(hook)["error"] == {"code": 5}


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"1" * 5000, b"1e-999", b"0.1e1", b"-0"])
def test_a_number_of_any_size_is_passed_on(number: bytes) -> None:
    assert number in bytes(parse(with_text(number)).raw)


@pytest.mark.parametrize("duration", [-1, "nan", "-inf", 2**60, 1e300])
def test_a_duration_that_cannot_be_counts_as_absent(duration: Any) -> None:
    assert parse(native(duration_ms=duration)).duration_ms is None


@pytest.mark.parametrize("duration", [0, 83, 83.5, 2**40])
def test_a_duration_is_taken_as_it_is(duration: int | float) -> None:
    taken = parse(native(duration_ms=duration)).duration_ms
    assert (taken, type(taken)) == (duration, type(duration))


def test_of_a_field_that_comes_twice_the_last_counts() -> None:
    assert parse(b'{"hook_event_name":"Stop","session_id":"a","session_id":"b"}').session_id == "b"


def test_space_around_a_payload_is_nothing() -> None:
    hook = parse(b"\r\n\t " + native() + b" \n")
    assert bytes(hook.raw) == native()


@given(st.binary(max_size=100))
def test_whatever_comes_is_a_hook_or_a_known_error(body: bytes) -> None:
    with pytest.raises((NotJsonError, NotAHookError)):
        parse(body)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(Hook.__struct_fields__), VALUES, max_size=4))
def test_fields_of_any_shape_leave_a_payload_that_any_reader_takes(fields: dict[str, Any]) -> None:
    body = json.dumps({**fields, "hook_event_name": "Stop", "session_id": "s"}).encode()
    try:
        hook = parse(body)
    except NotJsonError:  # NaN and the infinities are Python's, not JSON's
        assert b"NaN" in body or b"Infinity" in body
        return
    assert json.loads(bytes(hook.raw).decode()).keys() == json.loads(body).keys()
    msgspec.json.encode([hook.permission_suggestions, hook.requested_schema, hook.options, hook.duration_ms])


def test_the_names_are_those_of_the_catalogue() -> None:
    from clawsocket.protocol.events import HOOKS

    assert set(HOOKS) == KNOWN
