"""The program and the real Claude Code, each in the same scratch home."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.e2e import claude_code

pytest.register_assert_rewrite("tests.support.told", "tests.web.conversation")


@pytest.fixture(scope="session")
def claude_binary() -> Path:
    """Claude Code: the one that CLAW_SOCKET_TEST_CLAUDE names, or one that is installed once below .scratch/."""
    given = os.environ.get("CLAW_SOCKET_TEST_CLAUDE")
    return Path(given) if given else claude_code.install(claude_code.CACHE)
