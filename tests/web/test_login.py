"""A page comes in by a link that works once, or by the token; others are refused, and told why."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, WebSocket, expect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.support.browser import Watched, page_of
from tests.support.service import Service, run_command
from tests.web.dashboard import dashboard, new_code
from tests.web.stage import scene

CONNECTIONS = 3
"""WebSockets of the first view: one for what all views are told, one for what it alone shows, one for what it asks."""


def is_live(page: Page) -> None:
    expect(page.locator(".link")).to_have_text("live")


def forgive(watched: Watched, *parts: str) -> None:
    """Forget what the browser itself says of refusals and lost connections."""
    watched.problems[:] = [one for one in watched.problems if not any(part in one for part in parts)]


def test_the_link_of_open_lets_the_page_in_and_leaves_no_trace(browser: Browser, service: Service) -> None:
    link = run_command(service.home, "open", "--print").stdout.strip()
    assert service.token not in link
    with page_of(browser) as (page, watched):
        page.goto(link)
        is_live(page)
        assert page.evaluate("location.href") == link.partition("#")[0]
        (cookie,) = page.context.cookies()
        assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/")
        assert page.evaluate("document.cookie") == ""
        kept = page.evaluate("JSON.stringify(localStorage)")
        assert service.token not in kept + cookie["value"] + " ".join(watched.requests)
        page.reload()
        is_live(page)


def test_a_link_that_is_put_into_the_address_of_a_page_that_is_there_lets_it_in(
    browser: Browser, service: Service
) -> None:
    with page_of(browser) as (page, _):
        root = f"http://{service.address}/"
        page.goto(root)
        page.get_by_label("Token").wait_for()
        page.evaluate("window.isSame = true")
        for _ in ("one that asks", "one that is in"):
            with page.expect_response("**/session") as answer:
                page.goto(f"{root}#code={new_code(service)}")
            assert answer.value.ok
            is_live(page)
            assert page.evaluate("[location.href, window.isSame]") == [root, True]
        page.go_back()
        assert page.url == root


def test_a_link_that_was_used_is_refused_and_who_used_it_is_signed_out(browser: Browser, service: Service) -> None:
    link = f"http://{service.address}/#code={new_code(service)}"
    with page_of(browser) as (thief, lost), page_of(browser) as (owner, watched):
        thief.goto(link)
        is_live(thief)
        owner.goto(link)
        expect(owner.get_by_role("alert")).to_contain_text("used already")
        owner.evaluate("location.hash = '#/service'")
        expect(owner.get_by_label("Token")).to_be_visible()
        expect(thief.get_by_role("heading", name="Let this page in")).to_be_visible()
        thief.reload()
        expect(thief.get_by_role("heading", name="Let this page in")).to_be_visible()
        forgive(watched, "401")
        forgive(lost, "401")


def test_who_is_signed_out_tries_no_websocket_however_long_the_answer_takes(browser: Browser, service: Service) -> None:
    with page_of(browser) as (page, watched):
        sockets: list[WebSocket] = []
        held: list[Route] = []

        def saw(socket: WebSocket) -> None:
            sockets.append(socket)

        def hold(route: Route) -> None:
            held.append(route)

        page.on("websocket", saw)
        page.goto(f"http://{service.address}/#code={new_code(service)}")
        is_live(page)
        page.evaluate("async () => (await import('/app/store.js')).store.refresh()")
        while len(sockets) < CONNECTIONS:
            page.wait_for_event("websocket", timeout=10_000)
        sockets.clear()
        page.route("**/session", hold)
        assert run_command(service.home, "--rotate-token").returncode == 0
        expect(page.locator(".link")).not_to_have_text("live")
        page.wait_for_function("() => new Promise((done) => setTimeout(done, 500, true))")  # longer than a first retry
        assert len(held) == 1
        held.pop().continue_()
        expect(page.get_by_role("heading", name="Let this page in")).to_be_visible()
        assert sockets == []
        forgive(watched, "401")


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_service_that_can_not_say_whether_a_page_may_come_in_is_asked_again(
    browser: Browser, service: Service, status: int
) -> None:
    def refuse(route: Route) -> None:
        route.fulfill(status=status, content_type="text/html", body="<h1>later</h1>")

    with page_of(browser) as (page, watched):
        for address in (f"http://{service.address}/#code={new_code(service)}", f"http://{service.address}/"):
            page.goto("about:blank")
            page.route("**/session", refuse)
            with page.expect_response("**/session"):
                page.goto(address)
            page.unroute("**/session")
            is_live(page)
        forgive(watched, str(status))


def test_a_page_that_waits_to_come_in_says_so(browser: Browser, service: Service) -> None:
    with page_of(browser) as (page, watched):
        page.route("**/session", lambda route: route.fulfill(status=502))
        page.goto(f"http://{service.address}/#code={new_code(service)}")
        expect(page.locator(".notice")).to_contain_text("The service does not answer for")
        page.unroute("**/session")
        is_live(page)
        expect(page.locator(".notice")).to_be_empty()
        forgive(watched, "502")


def test_a_link_that_is_too_old_or_made_up_is_refused(browser: Browser, service: Service) -> None:
    with page_of(browser) as (page, watched):
        page.goto(f"http://{service.address}/#code={'0' * 32}")
        expect(page.get_by_role("alert")).to_contain_text("older than a minute")
        forgive(watched, "401")


def test_without_a_link_the_page_asks_for_the_token_and_keeps_it_not(browser: Browser, service: Service) -> None:
    with page_of(browser) as (page, watched):
        page.goto(f"http://{service.address}/")
        field = page.get_by_label("Token")
        field.fill("0" * 64)
        field.press("Enter")
        expect(page.get_by_role("alert")).to_have_text("That is not the token of this service.")
        forgive(watched, "401")
        field = page.get_by_label("Token")
        field.fill(service.token)
        field.press("Enter")
        is_live(page)
        assert service.token not in page.evaluate("JSON.stringify(localStorage) + location.href")
        page.reload()
        is_live(page)


def test_a_page_that_signed_out_is_out(browser: Browser, service: Service) -> None:
    with dashboard(browser, service) as (page, _):
        page.get_by_role("button", name="Options").click()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("Token")).to_be_visible()


def test_all_pages_of_a_browser_sign_out_and_come_in_together(browser: Browser, service: Service) -> None:
    with dashboard(browser, service) as (page, _):
        other = page.context.new_page()
        other.goto(f"http://{service.address}/#/service")
        is_live(other)
        page.get_by_role("button", name="Options").click()
        page.get_by_role("button", name="Sign out").click()
        expect(other.get_by_label("Token")).to_be_visible()
        page.get_by_label("Token").fill(service.token)
        page.get_by_role("button", name="Come in").click()
        is_live(page)
        is_live(other)


def test_a_link_that_is_too_old_takes_nothing_from_a_browser_that_is_in(browser: Browser, service: Service) -> None:
    with dashboard(browser, service) as (page, watched):
        other = page.context.new_page()
        other.goto(f"http://{service.address}/#code={'0' * 32}")
        is_live(other)
        page.reload()
        is_live(page)
        forgive(watched, "401")


@contextmanager
def another_port() -> Iterator[tuple[str, list[str]]]:
    """A server of somebody else on this machine, and the cookies that it is sent."""
    got: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            got.append(self.headers.get("Cookie", ""))
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}", got
        finally:
            server.shutdown()
            thread.join()


TRY = """async (address) => {
    const keys = ["", "0".repeat(64)];
    const opened = await Promise.all(keys.map((key) => new Promise((resolve) => {
        const socket = new WebSocket(`ws://${address}/?page=${key}`);
        socket.onopen = () => resolve(true);
        socket.onclose = () => resolve(false);
    })));
    const session = await fetch(`http://${address}/session`, { method: "POST", body: "{}", credentials: "include" })
        .then(() => "answered", () => "refused");
    return [...opened, session];
}"""


def test_a_page_of_another_port_gets_nothing_and_its_server_can_do_nothing_with_the_cookie(
    browser: Browser, service: Service
) -> None:
    with dashboard(browser, service) as (page, watched), another_port() as (foreign, got):
        key = page.evaluate("localStorage.getItem('claw-socket-key')")
        other = page.context.new_page()
        other.goto(foreign)
        assert other.evaluate(TRY, service.address) == [False, False, "refused"]
        assert other.evaluate("localStorage.length") == 0
        forgive(watched, "WebSocket", "CORS", "Failed to load resource")
        (cookie,) = page.context.cookies()
        stolen = f"{cookie['name']}={cookie['value']}"
        assert stolen in got, "a browser sends a cookie to every port"
        origin = f"http://{service.address}"
        for headers, given, where in (
            ({"Cookie": stolen}, "", origin),
            ({"Cookie": stolen}, key, foreign),
            ({}, key, origin),
        ):
            with (
                pytest.raises(InvalidStatus),
                connect(f"ws://{service.address}/?page={given}", additional_headers=headers, origin=Origin(where)),
            ):
                pass
        is_live(page)


def test_a_new_token_ends_the_page_which_says_so(browser: Browser, tmp_path: Path) -> None:
    with Service(tmp_path, "--no-hooks") as service, dashboard(browser, service) as (page, watched):
        assert run_command(service.home, "token", "rotate").returncode == 0
        expect(page.get_by_role("alert")).to_contain_text("The token was replaced")
        page.get_by_label("Token").fill(service.token)
        page.get_by_role("button", name="Come in").click()
        is_live(page)
        forgive(watched, "401", "WebSocket")


def test_each_page_of_a_browser_is_told_why_it_is_out(browser: Browser, tmp_path: Path) -> None:
    with Service(tmp_path, "--no-hooks") as service, dashboard(browser, service) as (page, watched):
        assert run_command(service.home, "token", "rotate").returncode == 0
        expect(page.get_by_role("alert")).to_contain_text("The token was replaced")
        later = page.context.new_page()
        later.goto(f"http://{service.address}/")
        expect(later.get_by_role("alert")).to_contain_text("The token was replaced")
        forgive(watched, "401", "WebSocket")


def test_a_page_that_is_out_tells_nothing_of_before(browser: Browser, tmp_path: Path) -> None:
    with (
        Service(tmp_path, "--no-hooks") as service,
        dashboard(browser, service) as (page, watched),
        scene(service) as one,
    ):
        one.main.prompt("go")
        one.main.ask("Bash", command="ls")
        expect(page).to_have_title("(1) Now · claw-socket")
        assert run_command(service.home, "token", "rotate").returncode == 0
        expect(page.get_by_role("alert")).to_contain_text("The token was replaced")
        expect(page.locator(".notice")).to_be_empty()
        expect(page).to_have_title("claw-socket")
        assert "circle" not in str(page.locator("link[rel=icon]").get_attribute("href")), "it counts nobody"
        forgive(watched, "401", "WebSocket")


def test_where_no_token_is_needed_the_page_asks_for_none(browser: Browser, tmp_path: Path) -> None:
    with Service(tmp_path, "--no-hooks", "--no-auth") as service, page_of(browser) as (page, _):
        page.goto(f"http://{service.address}/")
        is_live(page)


def test_open_says_when_nothing_runs(tmp_path: Path) -> None:
    said = run_command(tmp_path, "open", "--print")
    assert said.returncode == 13
    assert "the service does not answer" in said.stderr


def test_open_prints_the_link_where_no_browser_can_be_shown(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    said = run_command(service.home, "open")
    assert said.returncode == 1
    assert said.stdout.startswith(f"http://{service.address}/#code=")


def test_open_opens_a_browser(service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    browser, asked = tmp_path / "browser", tmp_path / "asked"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {asked}\n')
    browser.chmod(0o700)
    monkeypatch.setenv("BROWSER", str(browser))
    said = run_command(service.home, "open")
    assert (said.returncode, said.stdout) == (0, "opened in the browser\n")
    assert asked.read_text().startswith(f"http://{service.address}/#code=")
