"""The program and the real Claude Code, each in the same scratch home."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import claude_code
from tests.support.client import Client
from tests.support.service import Service

pytest.register_assert_rewrite("tests.support.told", "tests.web.conversation")


@pytest.fixture(scope="module", autouse=True)
def as_at_its_users(unmeasured: None) -> None:
    """What is told within so many ms is told so by the program alone."""


@pytest.fixture(scope="session")
def claude_binary() -> Path:
    """Claude Code: the one that CLAW_SOCKET_TEST_CLAUDE names, or one that is installed once below .scratch/."""
    given = os.environ.get("CLAW_SOCKET_TEST_CLAUDE")
    return Path(given) if given else claude_code.install(claude_code.NEWEST)


@pytest.fixture(scope="session", autouse=True)
def claude_on_the_path(claude_binary: Path) -> Iterator[None]:
    """The program finds Claude Code, as it does at its users', and installs the hooks that this version has."""
    with pytest.MonkeyPatch.context() as patch:
        _put_on_path(patch, claude_binary)
        yield


@pytest.fixture
def client(service: Service) -> Iterator[Client]:
    """A client of the module's service that is subscribed to everything, and told nothing but what the protocol has."""
    with service.connect() as client:
        client.follow()
        yield client
        assert client.problems == []


@pytest.fixture
def older_claude(monkeypatch: pytest.MonkeyPatch) -> Path:
    """An older Claude Code, which the program finds, too."""
    binary = claude_code.install(claude_code.OLDER)
    _put_on_path(monkeypatch, binary)
    return binary


def _put_on_path(patch: pytest.MonkeyPatch, binary: Path) -> None:
    patch.setenv("PATH", f"{binary.parent}{os.pathsep}{os.environ['PATH']}")
