"""Each recorded run gives exactly the stream of events that was once read through and found right.

After a change that is meant to be one: ``python -m tests.state.test_golden``, and read the difference.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from clawsocket.protocol.envelope import encode
from tests.state.playback import SCENARIOS, observations, play

GOLDEN = Path(__file__).parent / "golden"


def short(value: Any) -> Any:
    """A value with its long texts replaced by their hashes."""
    if isinstance(value, dict):
        return {key: short(one) for key, one in value.items()}
    if isinstance(value, list):
        return [short(one) for one in value]
    if isinstance(value, str) and len(value) > 160:
        return f"{value[:60]}… {len(value)} {hashlib.sha256(value.encode()).hexdigest()[:12]}"
    return value


def stream(scenario: str) -> list[str]:
    """The events of a scenario, one line each; hooks by name alone, since their payload is the recording's."""
    events = play(observations(scenario))
    lines = []
    for event in events:
        told = json.loads(encode(event))
        if event.type.startswith("hook."):
            del told["data"]
        lines.append(json.dumps(short(told), ensure_ascii=False, separators=(",", ":")))
    return lines


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_recording_gives_the_events_that_were_found_right(scenario: str) -> None:
    assert stream(scenario) == (GOLDEN / f"{scenario}.jsonl").read_text("utf-8").split("\n")[:-1]


def test_every_golden_stream_has_its_recording() -> None:
    assert sorted(path.stem for path in GOLDEN.glob("*.jsonl")) == SCENARIOS


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for name in SCENARIOS:
        (GOLDEN / f"{name}.jsonl").write_text("".join(line + "\n" for line in stream(name)), "utf-8")
