"""A browser for all tests of pages, and for each module a service of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.browser import chromium
from tests.support.service import Service

pytest.register_assert_rewrite("tests.web.conversation")


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A real Chromium. It ends with this package: its loop is in the way of tests that have their own."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A running service."""
    with Service(tmp_path_factory.mktemp("home")) as service:
        service.wait_for_hooks()
        yield service
