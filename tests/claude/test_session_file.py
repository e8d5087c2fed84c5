"""Session files: whole, torn and foreign."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawsocket.claude.session_file import SessionFile, parse

RECORDINGS = Path(__file__).parent.parent / "recordings"

INTERACTIVE = {
    "pid": 23796,
    "sessionId": "e7ffb160-17cf-4c26-8c31-c345980e7a7d",
    "cwd": "/home/dev/\u00e9\U0001f600",
    "startedAt": 1_795_380_827_645,
    "procStart": "8126753",
    "version": "2.1.197",
    "kind": "interactive",
    "entrypoint": "cli",
    "name": "app-70",
    "nameSource": "auto",
    "status": "waiting",
    "statusUpdatedAt": 1_795_380_830_000,
    "updatedAt": 1_795_380_830_000,
    "waitingFor": "permission prompt",
}
WHOLE = json.dumps(INTERACTIVE, ensure_ascii=False).encode()


def test_an_interactive_session_is_read_whole() -> None:
    assert parse(WHOLE) == SessionFile(
        pid=23796,
        session_id="e7ffb160-17cf-4c26-8c31-c345980e7a7d",
        cwd="/home/dev/\u00e9\U0001f600",
        started_at=1_795_380_827_645,
        proc_start="8126753",
        version="2.1.197",
        kind="interactive",
        entrypoint="cli",
        name="app-70",
        status="waiting",
        status_updated_at=1_795_380_830_000,
        waiting_for="permission prompt",
    )


def test_a_print_run_has_no_status() -> None:
    file = parse(b'{"pid":5,"sessionId":"s","entrypoint":"sdk-cli"}')
    assert file is not None
    assert (file.status, file.status_updated_at, file.waiting_for, file.name) == (None, None, None, None)


def test_every_recorded_content_is_read() -> None:
    contents = [
        json.loads(text)["content"]
        for path in RECORDINGS.glob("*/sessions.jsonl")
        for text in path.read_text().split("\n")
        if text
    ]
    written = [content for content in contents if content and "unparsed" not in content]
    assert len(written) > 50
    for content in written:
        file = parse(json.dumps(content).encode())
        assert file is not None
        assert (file.pid, file.session_id, file.status) == (
            content["pid"],
            content["sessionId"],
            content.get("status"),
        )


def test_a_file_torn_at_any_byte_has_no_content_yet() -> None:
    for end in range(len(WHOLE)):
        assert parse(WHOLE[:end]) is None


def test_a_file_that_is_being_overwritten_in_place_has_no_content_yet() -> None:
    shorter = WHOLE[:-60] + b"}"
    for end in range(1, len(WHOLE)):
        mixed = shorter[:end] + WHOLE[end:]
        file = parse(mixed)
        assert file is None or file.pid == 23796


@pytest.mark.parametrize(
    "change",
    [
        {"pid": None},
        {"pid": 0},
        {"pid": -5},
        {"pid": 1.5},
        {"pid": 2**31},
        {"pid": "some"},
        {"sessionId": None},
        {"sessionId": ""},
        {"sessionId": "s" * 257},
        {"sessionId": 5},
    ],
)
def test_a_file_without_a_usable_process_or_session_is_foreign(change: dict[str, Any]) -> None:
    assert parse(json.dumps({**INTERACTIVE, **change}).encode()) is None


@pytest.mark.parametrize("raw", [b"", b"null", b"[]", b"5", b"{}", b"\x00" * 100, b"\xff" + WHOLE, WHOLE * 2])
def test_what_is_no_session_file_has_no_content(raw: bytes) -> None:
    assert parse(raw) is None


@pytest.mark.parametrize("field", sorted(INTERACTIVE.keys() - {"pid", "sessionId"}))
@pytest.mark.parametrize("value", [None, {"a": 1}, [1], True, 1e300])
def test_an_odd_field_costs_itself_alone(field: str, value: Any) -> None:
    file = parse(json.dumps({**INTERACTIVE, field: value}).encode())
    assert file is not None
    assert (file.pid, file.session_id) == (23796, INTERACTIVE["sessionId"])


def test_a_file_nested_too_deeply_has_no_content() -> None:
    assert parse(WHOLE[:-1] + b',"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}") is None


@given(st.binary(max_size=60))
def test_whatever_is_in_the_file_stops_nothing(raw: bytes) -> None:
    assert parse(raw) is None
