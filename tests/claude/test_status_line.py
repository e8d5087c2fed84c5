import json
from pathlib import Path

import pytest

from clawsocket.claude.status_line import Limit, parse
from tests.state.playback import RECORDINGS

RECORDED = sorted(RECORDINGS.glob("*/statusline.jsonl"))


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.parent.name)
def test_what_claude_code_gives_is_read(path: Path) -> None:
    for text in path.read_text().splitlines():
        payload = json.loads(text)["payload"]
        line = parse(json.dumps(payload).encode())
        assert line.session_id == payload["session_id"]
        assert line.context_window
        for name in ("context_window_size", "total_input_tokens", "used_percentage", "current_usage"):
            assert getattr(line.context_window, name) == payload["context_window"][name]
        assert line.cost
        assert line.cost.total_api_duration_ms == payload["cost"]["total_api_duration_ms"]
        assert line.rate_limits is None


def test_the_limits_of_a_subscriber_are_read() -> None:
    five = {"used_percentage": 28.999999999999996, "resets_at": 1999990000}
    line = parse(json.dumps({"session_id": "s", "rate_limits": {"five_hour": five}}).encode())
    assert line.rate_limits
    assert line.rate_limits.five_hour == Limit(28.999999999999996, 1999990000)
    assert line.rate_limits.seven_day is None


@pytest.mark.parametrize(
    "odd", [{"context_window": 5}, {"rate_limits": []}, {"cost": {"total_api_duration_ms": "x"}}, {"session_name": 7}]
)
def test_an_odd_field_does_not_cost_the_others(odd: dict[str, object]) -> None:
    assert parse(json.dumps({"session_id": "s", **odd}).encode()).session_id == "s"


@pytest.mark.parametrize("body", [b"", b"x", b"[]", b"{}", b'{"session_id":""}', b'{"session_id":null}', b'"\xff"'])
def test_what_tells_of_no_session_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="no status line"):
        parse(body)
