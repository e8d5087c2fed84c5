"""A real Chromium, without a network, for pages that this program serves."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

FLAGS = (
    # Chromium refuses its sandbox to root, and some machines' kernels to anyone.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    # It would look for updates, and ask its maker's hosts.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start it, for a with block."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    assert path is not None, "the tests of pages need Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Watched:
    """What a browser's context did that its owner should know.

    Attributes:
        problems: errors and warnings of the console, exceptions of scripts, violations of the policy.
        foreign: requests that would have left the machine.
        requests: all others.
    """

    problems: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def assert_clean(self) -> None:
        """Nothing was wrong, and nothing left the machine."""
        assert self.problems == []
        assert self.foreign == []


def watch(context: BrowserContext) -> Watched:
    """Watch all pages of a context from now on."""
    watched = Watched()

    def said(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            watched.problems.append(f"{message.type}: {message.text}")

    def asked(request: Request) -> None:
        parts = urlsplit(request.url)
        ours = parts.scheme in ("data", "blob") or parts.hostname in LOOPBACK
        (watched.requests if ours else watched.foreign).append(request.url)

    context.on("console", said)
    context.on("weberror", lambda error: watched.problems.append(f"exception: {error.error}"))
    context.on("request", asked)
    return watched


@contextmanager
def page_of(browser: Browser, **options: object) -> Iterator[tuple[Page, Watched]]:
    """Open a page in a fresh context, for a with block; it must be clean at its end.

    Args:
        browser: the browser.
        options: of ``Browser.new_context``, such as ``viewport`` and ``color_scheme``.
    """
    context = browser.new_context(**options)  # type: ignore[arg-type]
    try:
        watched = watch(context)
        yield context.new_page(), watched
        watched.assert_clean()
    finally:
        context.close()
