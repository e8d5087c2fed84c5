"""Frames are what a WebSocket client understands."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.uri import parse_uri

from clawsocket.protocol.frame import gathered, payload_of, text_frame

BOUNDARIES = [0, 1, 125, 126, 127, 65_535, 65_536, 65_537, 1_000_000]


def received(data: bytes) -> list[Frame]:
    """What a client takes the bytes for."""
    client = ClientProtocol(parse_uri("ws://localhost/"), state=OPEN, max_size=None)
    client.receive_data(data)
    return [event for event in client.events_received() if isinstance(event, Frame)]


@pytest.mark.parametrize("size", BOUNDARIES)
def test_a_payload_of_any_length_is_one_text_frame(size: int) -> None:
    payload = b"x" * size
    [frame] = received(text_frame(payload))
    assert (frame.opcode, frame.fin, bytes(frame.data)) == (Opcode.TEXT, True, payload)


@pytest.mark.parametrize("size", BOUNDARIES)
def test_the_payload_is_found_again(size: int) -> None:
    payload = bytes(range(33, 127)) * (size // 94 + 1)
    assert bytes(payload_of(text_frame(payload[:size]))) == payload[:size]


@given(st.lists(st.text(max_size=200), max_size=5))
def test_joined_frames_are_as_good_as_frames_one_by_one(texts: list[str]) -> None:
    frames = received(b"".join(text_frame(text.encode()) for text in texts))
    assert [bytes(frame.data).decode() for frame in frames] == texts


@pytest.mark.parametrize("size", BOUNDARIES)
def test_frames_of_any_length_are_gathered_in_one_message(size: int) -> None:
    held = [json.dumps("x" * length) for length in (size, 1, size)]
    [frame] = received(gathered(b"".join(text_frame(one.encode()) for one in held)))
    assert bytes(frame.data).decode() == f'{{"type":"events","events":[{",".join(held)}]}}'


@given(st.lists(st.dictionaries(st.text(max_size=20), st.text(max_size=200), max_size=5), max_size=8))
def test_what_is_gathered_is_what_was_sent_in_its_order(sent: list[dict[str, str]]) -> None:
    [frame] = received(gathered(b"".join(text_frame(json.dumps(one).encode()) for one in sent)))
    assert json.loads(bytes(frame.data)) == {"type": "events", "events": sent}
