"""What runs the client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.client_js.running import bun
from tests.support.service import Service


@pytest.fixture(scope="session", params=["node", "bun"])
def runtime(request: pytest.FixtureRequest) -> str:
    """The program that runs JavaScript: each test runs in all of them."""
    return bun() if request.param == "bun" else str(request.param)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service for tests that leave it as it is."""
    with Service(tmp_path_factory.mktemp("shared")) as service:
        service.wait_for_hooks()
        yield service
