import json

import pytest

from clawsocket.claude.context_windows import window
from tests.state.playback import RECORDINGS

BEHIND_A_GATEWAY = {"l2_resume"}
"""Claude Code knew that its API was not Anthropic's, and a resumed session's model has no ``[1m]``."""


@pytest.mark.parametrize(
    ("model", "size"),
    [
        ("claude-opus-4-8", 1_000_000),
        ("claude-opus-4-7-20260101", 1_000_000),
        ("claude-sonnet-5", 1_000_000),
        ("claude-sonnet-5-5", 1_000_000),
        ("claude-opus-5", 1_000_000),
        ("claude-opus-5-5", 1_000_000),
        ("claude-haiku-5-5", 1_000_000),
        ("claude-fable-5-2", 1_000_000),
        ("us.anthropic.claude-sonnet-5-v1:0", 1_000_000),
        ("claude-opus-4-6", 200_000),
        ("claude-sonnet-4-6", 200_000),
        ("claude-opus-4-20250514", 200_000),
        ("claude-opus-4-5-20251101", 200_000),
        ("claude-haiku-4-5-20251001", 200_000),
        ("claude-3-7-sonnet-20250219", 200_000),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", 200_000),
        ("claude-opus-4-80", None),
        ("claude-opus-4-9", None),
        ("claude-nova-7", None),
        ("gpt-9", None),
        ("", None),
    ],
)
def test_a_known_model_has_its_window(model: str, size: int | None) -> None:
    assert window(model, "", 16_000) == size


def test_what_sessionstart_names_a_million_has_one() -> None:
    assert window("claude-sonnet-4-6", "claude-sonnet-4-6[1m]", 16_000) == 1_000_000
    assert window("claude-sonnet-4-6", "claude-opus-4-6[1m]", 16_000) == 200_000


def test_more_than_200000_tokens_prove_a_million() -> None:
    assert window("claude-sonnet-4-6", "", 200_001) == 1_000_000
    assert window("something", "", 200_001) == 1_000_000


def windows_told() -> list[tuple[str, str, int]]:
    """What Claude Code told at the end of recorded runs: the scenario, a model and its window."""
    found = []
    for path in sorted(RECORDINGS.glob("*/stream.jsonl")):
        for text in path.read_text().split("\n"):
            for model, used in (json.loads(text).get("modelUsage") or {}).items() if text else ():
                found.append((path.parent.name, model, used["contextWindow"]))
    return found


@pytest.mark.parametrize(("scenario", "model", "size"), windows_told())
def test_recorded_runs_had_these_windows(scenario: str, model: str, size: int) -> None:
    if scenario not in BEHIND_A_GATEWAY:
        assert window(model.removesuffix("[1m]"), "", 1) == size
