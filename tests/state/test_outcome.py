"""How a call ended, told from the words of 2.1.197."""

from __future__ import annotations

import pytest

from clawsocket.state.outcome import of_batch, of_result

INVALID = "<tool_use_error>InputValidationError</tool_use_error>"
DENIED = "The user doesn't want to proceed with this tool use. The tool use was rejected"
DENIED_IN_AGENT = "Permission for this tool use was denied. The tool use was rejected"


@pytest.mark.parametrize(
    ("text", "is_error", "note", "outcome"),
    [
        ("fine", False, "", "ok"),
        (INVALID, False, "", "ok"),
        (INVALID, True, "", "invalid"),
        ("Exit code 1", True, "Error: Exit code 1", "error"),
        ("", True, "", "error"),
        (DENIED, True, "", "denied"),
        ("", True, "User rejected tool use", "denied"),
        ("Permission for this action was denied", True, "", "denied"),
        (DENIED_IN_AGENT, True, "", "denied"),
        ("[Request interrupted by user for tool use]", True, "", "interrupted"),
        ("Exit code 137\n[Request interrupted by user for tool use]", True, "", "interrupted"),
        (DENIED, True, "[Request interrupted by user]", "interrupted"),
    ],
)
def test_the_outcome_of_a_result(text: str, is_error: bool, note: str, outcome: str) -> None:
    assert of_result(text, is_error, note) == outcome


@pytest.mark.parametrize(
    ("text", "note", "outcome"),
    [
        (DENIED, "", "interrupted"),
        ("", "User rejected tool use", "interrupted"),
        ("Permission for this action was denied", "", "denied"),
        ("Exit code 1", "", "error"),
    ],
)
def test_the_outcome_of_a_result_of_which_the_owner_was_not_asked(text: str, note: str, outcome: str) -> None:
    assert of_result(text, True, note, asked=False) == outcome


@pytest.mark.parametrize(
    ("text", "started", "outcome"),
    [
        (INVALID, False, "invalid"),
        (INVALID, True, "invalid"),
        ("anything", True, "denied"),
        ("anything", False, None),
    ],
)
def test_the_outcome_that_a_batch_shows(text: str, started: bool, outcome: str | None) -> None:
    assert of_batch(text, started) == outcome
