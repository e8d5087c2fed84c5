from clawsocket.claude.hook_events import FIRST_KNOWN, known_events


def test_the_event_that_would_replace_worktrees_can_not_be_registered() -> None:
    assert "WorktreeCreate" not in FIRST_KNOWN


def test_a_version_gets_the_names_that_it_knows() -> None:
    assert known_events((2, 1, 332)) == known_events((3, 0, 0)) == set(FIRST_KNOWN)
    assert known_events((2, 1, 332)) - known_events((2, 1, 331)) == {"PreSkillShellCommand"}
    assert known_events((2, 1, 251)) - known_events((2, 1, 250)) == {"PreModelSwitch", "PostModelSwitch"}
    assert known_events((2, 1, 219)) - known_events((2, 1, 218)) == {"DirectoryAdded"}
    assert known_events((2, 1, 197)) - known_events((2, 1, 151)) == {"MessageDisplay"}
    assert "StopFailure" in known_events((2, 1, 78))
    assert "StopFailure" not in known_events((2, 1, 77))
    assert known_events((1, 0, 40)) == {"PreToolUse", "PostToolUse", "Notification", "Stop"}


def test_an_unknown_version_gets_the_oldest_names() -> None:
    assert known_events(None) == known_events((1, 0, 85))
    assert len(known_events(None)) == 9
