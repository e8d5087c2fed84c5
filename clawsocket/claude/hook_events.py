"""Which hook events there are to register, and which of them a version of Claude Code knows."""

from __future__ import annotations

Version = tuple[int, int, int]

FIRST_KNOWN: dict[str, Version] = {
    "PreToolUse": (1, 0, 38),
    "PostToolUse": (1, 0, 38),
    "Notification": (1, 0, 38),
    "Stop": (1, 0, 38),
    "SubagentStop": (1, 0, 41),
    "PreCompact": (1, 0, 48),
    "UserPromptSubmit": (1, 0, 54),
    "SessionStart": (1, 0, 62),
    "SessionEnd": (1, 0, 85),
    "SubagentStart": (2, 0, 43),
    "PermissionRequest": (2, 0, 45),
    "PostToolUseFailure": (2, 1, 0),
    "Setup": (2, 1, 10),
    "TeammateIdle": (2, 1, 33),
    "TaskCompleted": (2, 1, 33),
    "ConfigChange": (2, 1, 49),
    "WorktreeRemove": (2, 1, 50),
    "InstructionsLoaded": (2, 1, 69),
    "PostCompact": (2, 1, 76),
    "Elicitation": (2, 1, 76),
    "ElicitationResult": (2, 1, 76),
    "StopFailure": (2, 1, 78),
    "CwdChanged": (2, 1, 83),
    "FileChanged": (2, 1, 83),
    "TaskCreated": (2, 1, 84),
    "PermissionDenied": (2, 1, 89),
    "UserPromptExpansion": (2, 1, 116),
    "PostToolBatch": (2, 1, 118),
    "MessageDisplay": (2, 1, 152),
    "DirectoryAdded": (2, 1, 219),
    "PreModelSwitch": (2, 1, 251),
    "PostModelSwitch": (2, 1, 251),
    "PreSkillShellCommand": (2, 1, 332),
}
"""Every event that is safe to register, and the first version of Claude Code that has its name.

From the changelog of Claude Code and the lists in its releases, up to 2.1.332. Not WorktreeCreate: a hook on it
replaces the making of worktrees. A name that a version does not have makes it warn in a dialog, or (2.1.0 and before)
ignore the whole file.
"""


CHECK = "ClawSocketCheck"
"""A hook of our own, of no session and never registered: ``claw-socket doctor`` sends it to see whether they arrive."""


def known_events(version: Version | None) -> frozenset[str]:
    """Return the events that a version of Claude Code has; None: what every version since 1.0.85 has."""
    version = version or FIRST_KNOWN["SessionEnd"]
    return frozenset(event for event, first in FIRST_KNOWN.items() if first <= version)
