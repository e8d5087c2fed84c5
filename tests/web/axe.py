"""What axe-core finds in a page: the rules of WCAG that a program can check."""

from __future__ import annotations

from functools import cache

from playwright.sync_api import Page

from tests.support import npm

AXE = "axe-core@4.14.1"


@cache
def _script() -> str:
    name, _, version = AXE.rpartition("@")
    return (npm.install(npm.SCRATCH / f"{name}-{version}", AXE) / name / "axe.min.js").read_text()


def violations(page: Page) -> list[str]:
    """Return what is wrong, a line for each element; the page's context has ``bypass_csp``."""
    page.evaluate(_script())
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] }).then((found) => found.violations)")
    return [f"{one['id']}: {one['help']}: {node['html'][:150]}" for one in found for node in one["nodes"]]
