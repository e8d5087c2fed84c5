"""The page /docs, in a real browser: it reads well, is searched, and shows what happens now."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from clawsocket.protocol.events import EVENTS
from tests.support.browser import page_of
from tests.support.contract import DOCUMENT
from tests.support.feed import SESSION, hook, spool
from tests.support.service import Service, environment, run_command
from tests.support.waiting import wait_for
from tests.web.axe import violations

NAMES = [message["name"] for message in DOCUMENT["components"]["messages"].values()]
LOOKS = [(scheme, width) for scheme in ("light", "dark") for width in (390, 1440)]

EVIL = "<img src=x onerror=alert(1)><script>alert(2)</script>\u202etxt.exe\u0007\u2066"


@contextmanager
def docs(browser: Browser, service: Service, **options: Any) -> Iterator[Page]:
    with page_of(browser, **options) as (page, _):
        page.goto(f"http://{service.address}/docs")
        yield page


@contextmanager
def live(browser: Browser, service: Service, **options: Any) -> Iterator[Page]:
    """The page, connected."""
    with docs(browser, service, **options) as page:
        connect(page, service.token)
        expect(page.locator("#connection")).to_have_text("Connected.")
        yield page


def connect(page: Page, token: str) -> None:
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Connect", exact=True).click()


def run_hook(service: Service, payload: dict[str, Any]) -> None:
    """Run the installed hook as Claude Code does."""
    (entry,) = json.loads(service.settings.read_text())["hooks"][payload["hook_event_name"]]
    command = entry["hooks"][0]["command"]
    given = json.dumps({"session_id": SESSION, "cwd": "/w", **payload}).encode()
    subprocess.run(["/bin/sh", "-c", command], env=environment(service.home), input=given, check=True, timeout=20)


def tool_call(number: str, command: str) -> dict[str, Any]:
    return {
        "hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_use_id": f"toolu_{number}",
        "tool_input": {"command": command},
    }  # fmt: skip


# To read


def test_every_event_message_and_reply_is_listed(browser: Browser, service: Service) -> None:
    with docs(browser, service) as page:
        shown = page.locator("main h3 a").all_text_contents()
        listed = page.locator("nav a").all_text_contents()
    assert set(NAMES) <= set(shown)
    assert set(NAMES) <= set(listed)


def test_it_is_whole_without_javascript(browser: Browser, service: Service) -> None:
    with docs(browser, service, java_script_enabled=False) as page:
        for name in ("tool.use", "hook.stop", "get_snapshot", "gap"):
            expect(page.locator(f'[id="{name}"]')).to_be_visible()
        expect(page.get_by_text("This needs JavaScript.")).to_be_visible()
        expect(page.locator("input:visible")).to_have_count(0)
        page.locator("nav").get_by_role("link", name="tool.result", exact=True).click()
        expect(page.locator('[id="tool.result"]')).to_be_in_viewport()


def test_the_search_leaves_what_has_all_words(browser: Browser, service: Service) -> None:
    with docs(browser, service) as page:
        shown = page.locator("main article:visible h3 > a")
        everything = shown.count()
        page.keyboard.press("/")
        page.keyboard.type("Refused  API")
        expect(page.get_by_role("link", name="hook.stop_failure", exact=True)).to_have_count(2)
        assert "hook.stop_failure" in shown.all_text_contents()
        assert "tool.use" not in shown.all_text_contents()
        expect(page.locator("#found")).to_have_text(f"{shown.count()} of {everything}")
        page.locator("#query").fill("no such thing")
        expect(page.locator("#found")).to_have_text("Nothing found")
        assert shown.count() == 0
        page.keyboard.press("Escape")
        expect(page.locator("#found")).to_have_text("")
        assert shown.count() == everything


def test_every_name_is_found_by_itself(browser: Browser, service: Service) -> None:
    with docs(browser, service) as page:
        for name in EVENTS:
            page.locator("#query").fill(name)
            expect(page.locator(f'[id="{name}"]')).to_be_visible()


def test_a_link_to_what_the_search_hides_ends_the_search(browser: Browser, service: Service) -> None:
    with docs(browser, service) as page:
        page.locator("#query").fill("replay lastSeq")
        expect(page.locator("#snapshot")).to_be_hidden()
        page.evaluate("location.hash = '#snapshot'")
        expect(page.locator("#snapshot")).to_be_in_viewport()
        expect(page.locator("#query")).to_have_value("")


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_it_has_room_and_contrast_and_says_what_everything_is(
    browser: Browser, service: Service, scheme: str, width: int
) -> None:
    looks = {"color_scheme": scheme, "viewport": {"width": width, "height": 900}, "bypass_csp": True}
    with live(browser, service, **looks) as page:
        run_hook(service, tool_call(f"{scheme}{width}", "make"))
        page.locator("#stream summary").first.click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert violations(page) == []


# To try


def test_it_shows_a_live_event_of_a_real_hook(browser: Browser, service: Service) -> None:
    with live(browser, service) as page:
        run_hook(service, tool_call("1", "ls -l"))
        row = page.locator("#stream li", has_text="tool.use")
        expect(row).to_contain_text("Bash · ")
        row.locator("summary").click()
        told = json.loads(row.locator("pre").inner_text())
        assert told["type"] == "tool.use"
        assert told["data"]["input"] == {"command": "ls -l"}
        expect(page.locator("#stream")).not_to_contain_text("hook.pre_tool_use")  # a topic that is not chosen yet
        page.get_by_role("checkbox", name="hook").check()
        expect(page.locator("#connection")).to_have_text("Connected.")
        run_hook(service, tool_call("2", "ls -l"))
        expect(page.locator("#stream li", has_text="hook.pre_tool_use")).to_have_count(1)


def test_it_is_filtered_paused_and_cleared(browser: Browser, service: Service) -> None:
    with live(browser, service) as page:
        rows = page.locator("#stream li:visible", has_text="tool.use")
        run_hook(service, tool_call("3", "first"))
        run_hook(service, tool_call("4", "second"))
        expect(rows).to_have_count(2)
        expect(rows.first).to_contain_text("second")
        page.get_by_placeholder("Filter").fill("FIRST")
        expect(rows).to_have_count(1)
        page.get_by_placeholder("Filter").fill("")
        page.get_by_role("button", name="Pause").click()
        run_hook(service, tool_call("5", "third"))
        expect(page.locator("#count")).to_contain_text(re.compile(r"\d wait"))
        expect(rows).to_have_count(2)
        page.get_by_role("button", name="Pause").click()
        expect(rows).to_have_count(3)
        page.get_by_role("button", name="Clear").click()
        expect(page.locator("#stream li")).to_have_count(0)
        expect(page.locator("#count")).to_have_text("Nothing yet.")


def test_what_is_shown_is_text_that_hides_nothing(browser: Browser, service: Service) -> None:
    with live(browser, service) as page:
        run_hook(service, tool_call("6", EVIL))
        row = page.locator("#stream li", has_text="tool.use")
        row.locator("summary").click()
        assert row.locator("img, script").count() == 0
        assert "\u202e" not in row.inner_text()
        assert "\\u202etxt.exe\\u0007\\u2066" in row.locator("pre").inner_text()
        assert json.loads(row.locator("pre").inner_text())["data"]["input"] == {"command": EVIL}


def test_an_event_of_five_megabytes_is_cut_and_holds_nobody(browser: Browser, service: Service) -> None:
    with live(browser, service) as page:
        page.evaluate(
            """() => { let last = performance.now(); window.longest = 0; const look = (now) => {
            longest = Math.max(longest, now - last); last = now; requestAnimationFrame(look); };
            requestAnimationFrame(look); }"""
        )
        spool(service.home, "large", hook(7, **tool_call("7", "x" * 5_000_000)))
        row = page.locator("#stream li", has_text="tool.use")
        row.locator("summary").click()
        told = row.locator("pre").inner_text()
        assert "characters more" in told
        assert len(told) < 10_000
        assert page.evaluate("longest") < 2000


def test_a_burst_leaves_the_newest(browser: Browser, service: Service) -> None:
    with live(browser, service) as page:
        for number in range(1000):
            spool(service.home, f"burst{number:04}", hook(number, **tool_call(f"b{number}", f"call {number:04}")))
        expect(page.locator("#stream")).to_contain_text("call 0999", timeout=20_000)
        expect(page.locator("#stream li")).to_have_count(300)


def test_a_wrong_token_and_none_are_told_apart(browser: Browser, service: Service) -> None:
    with page_of(browser) as (page, watched):
        page.goto(f"http://{service.address}/docs")
        connect(page, "0" * 64)
        expect(page.locator("#connection")).to_contain_text("This is not the token of this server.")
        connect(page, "")
        expect(page.locator("#connection")).to_contain_text("This server wants its token.")
        connect(page, service.token)
        expect(page.locator("#connection")).to_have_text("Connected.")
        # The browser itself tells of the two refusals, and shows the address; ours never has the right token then.
        assert not [problem for problem in watched.problems if "WebSocket connection to" not in problem]
        assert not [problem for problem in watched.problems if service.token in problem]
        watched.problems.clear()


def test_the_token_stays_in_its_field(browser: Browser, service: Service) -> None:
    with live(browser, service) as page:
        assert service.token not in page.url
        assert page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie, history.state])") == (
            '[{},{},"",null]'
        )
        assert service.token not in page.content()
        assert page.get_by_label("Token").get_attribute("type") == "password"
        page.reload()
        expect(page.get_by_label("Token")).to_have_value("")


def test_it_comes_back_with_the_server_and_ends_with_the_token(
    browser: Browser, tmp_path: Path, unused_tcp_port: int
) -> None:
    with page_of(browser) as (page, watched):
        with Service(tmp_path, "--port", str(unused_tcp_port)) as service:
            page.goto(f"http://{service.address}/docs")
            connect(page, service.token)
            expect(page.locator("#connection")).to_have_text("Connected.")
        expect(page.locator("#connection")).to_contain_text("lost")
        with Service(tmp_path, "--port", str(unused_tcp_port)) as service:
            expect(page.locator("#connection")).to_have_text("Connected.", timeout=15_000)
            spool(tmp_path, "back", hook(8, **tool_call("8", "after")))
            expect(page.locator("#stream")).to_contain_text("after")
            assert run_command(tmp_path, "token", "rotate").returncode == 0
            expect(page.locator("#connection")).to_contain_text("This is not the token of this server.", timeout=15_000)
            expect(page.get_by_role("button", name="Connect", exact=True)).to_be_visible()
        watched.problems.clear()  # of connections that were refused


def test_it_disconnects(browser: Browser, service: Service) -> None:
    with live(browser, service) as page:
        page.get_by_role("button", name="Disconnect").click()
        expect(page.locator("#connection")).to_have_text("Not connected.")
        run_hook(service, tool_call("9", "unseen"))
        wait_for(lambda: not list((service.folder / "spool").glob("[!.]*")), "the hook to be taken")
        expect(page.locator("#stream li")).to_have_count(0)
