"""The JavaScript client in a page, in a real Chromium, against the real service."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, WebSocket
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from clawsocket import token
from tests.support.browser import Watched, chromium, page_of
from tests.support.feed import hook, spool
from tests.support.service import Service

CODE = """async ({ body, given }) => {
    const { connect, OLDEST } = await import("/claw-socket.js");
    const run = Object.getPrototypeOf(async () => {}).constructor;
    const failure = (promise) => promise.then(() => "none", (error) => `${error.name}: ${error.message}`);
    return await new run("connect", "OLDEST", "failure", "given", body)(connect, OLDEST, failure, given);
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@contextmanager
def open_page(browser: Browser, service: Service) -> Iterator[tuple[Page, Watched]]:
    """Open an answer of the service's own that does nothing itself, and has no policy that would forbid this test."""
    with page_of(browser) as (page, watched):
        page.goto(f"http://{service.address}/health")
        yield page, watched
        forgive(watched, "404")  # Chromium asks for an icon, at some time


def run(page: Page, body: str, **given: Any) -> Any:
    """Run the body of an async function in a page, and return what it returns."""
    return page.evaluate(CODE, {"body": body, "given": given})


def forgive(watched: Watched, *texts: str) -> None:
    """Forget what Chromium itself says of a connection that it is refused; it must not show what is secret."""
    watched.problems[:] = [one for one in watched.problems if not any(text in one for text in texts)]


@pytest.fixture
def page(browser: Browser, shared: Service) -> Iterator[tuple[Page, Watched]]:
    with open_page(browser, shared) as opened:
        yield opened


def test_a_page_of_the_server_itself_needs_no_address(page: tuple[Page, Watched], shared: Service) -> None:
    spool(shared.home, "c1", hook(1))
    body = """
        const claw = await connect({ token: given.token });
        const events = claw.events("hook.notification", { since: OLDEST });
        const { value } = await events.next();
        const told = [value.data.message, events.position.seq === value.seq, (await claw.sessions()).length];
        await claw.close();
        return [...told, (await events.next()).done];
    """
    assert run(page[0], body, token=shared.token) == ["1", True, 1, True]


def test_a_page_loads_the_client_and_nothing_else(page: tuple[Page, Watched], shared: Service) -> None:
    run(page[0], "await (await connect({ token: given.token })).snapshot()", token=shared.token)
    assert {one.rpartition("/")[2] for one in page[1].requests} <= {"health", "claw-socket.js", "favicon.ico"}


def test_who_tells_the_address_each_time_has_asked_whether_a_server_is_there(
    page: tuple[Page, Watched], shared: Service
) -> None:
    body = """
        const url = async () => `ws://${location.host}/?token=${given.token}`;
        return (await (await connect({ url })).snapshot()).headSeq > 0;
    """
    page[1].requests.clear()
    assert run(page[0], body, token=shared.token) is True
    assert {one.rpartition("/")[2] for one in page[1].requests} <= {"claw-socket.js", "favicon.ico"}


def test_a_question_on_a_connection_that_closes_is_no_error_of_the_console(
    page: tuple[Page, Watched], shared: Service
) -> None:
    body = """
        let last;
        window.WebSocket = class extends WebSocket {
            constructor(...how) {
                super(...how);
                last = this;
            }
        };
        const claw = await connect({ token: given.token });
        await claw.sessions();
        last.close();
        return await failure(claw.sessions());
    """
    assert run(page[0], body, token=shared.token) == "none", "it is asked again on another one"
    assert not [one for one in page[1].problems if "CLOSING" in one]


def test_without_a_token_a_server_that_wants_none_lets_a_page_in(browser: Browser, tmp_path: Path) -> None:
    with Service(tmp_path, "--no-auth") as service, open_page(browser, service) as (page, _):
        body = "return (await (await connect({ url: location.origin })).snapshot()).headSeq > 0"
        assert run(page, body) is True


def test_a_refused_token_is_a_clear_error_that_does_not_show_it(page: tuple[Page, Watched], shared: Service) -> None:
    wrong = token.new_token()
    body = """return [
        await failure(connect({ token: given.wrong })),
        await failure((await connect({ wait: true, token: given.wrong })).events().next()),
    ]"""
    told = run(page[0], body, wrong=wrong)
    forgive(page[1], "HTTP Authentication failed")
    where = f"TokenRefusedError: ws://{shared.address}/ refuses the token"
    assert all(
        one.startswith(f"{where} (given by the caller, or this page's origin is not in allowed_o") for one in told
    )
    assert wrong not in "".join(told)


@contextmanager
def scripted(*script: int | str) -> Iterator[str]:
    """A server that meets each WebSocket by a script: refuses it with a status, ends it with a code, or sends an event.

    Yields:
        Its URL.
    """
    left = list(script)
    first = {"type": "snapshot", "sessions": [], "agents": [], "headSeq": 1, "epoch": "e", "server": {"version": "9"}}

    def refuse(connection: ServerConnection, request: Request) -> Response | None:
        if request.path == "/health":
            return connection.respond(HTTPStatus.OK, "")
        step = left[0]
        if not isinstance(step, HTTPStatus):
            return None
        left.pop(0)
        return connection.respond(step, "")

    def talk(connection: ServerConnection) -> None:
        step = left.pop(0)
        connection.send(json.dumps(first))
        connection.recv()
        if isinstance(step, int):
            connection.close(step)
        else:
            event = {"type": "hook.stop", "timestamp": 1, "sessionId": "s", "seq": 2, "source": "hook", "data": {}}
            connection.send(json.dumps({**event, "id": step}))
            for _ in connection:  # until the page goes
                pass

    with serve(talk, "127.0.0.1", 0, process_request=refuse) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join()


FOLLOW = """
    const told = [];
    const notice = ({ type, error }) => told.push(error?.problem ?? type);
    const claw = await connect({ url: given.url, token: "t", wait: true });
    const next = claw.events("*", { notice }).next();
    const end = await next.then(({ value }) => value.id, (error) => error.name);
    await claw.close();
    return [...told, end];
"""


def test_a_page_that_was_let_in_comes_back_to_a_server_that_was_full(page: tuple[Page, Watched]) -> None:
    with scripted(1001, *[HTTPStatus.SERVICE_UNAVAILABLE] * 4, "event") as url:
        assert run(page[0], FOLLOW, url=url) == ["going away", "back", "event"]
    forgive(page[1], "Unexpected response code: 503")


def test_a_page_whose_token_was_replaced_is_told_so(page: tuple[Page, Watched]) -> None:
    with scripted(4409, *[HTTPStatus.UNAUTHORIZED] * 3) as url:
        assert run(page[0], FOLLOW, url=url) == ["token rotated", "TokenRefusedError"]
    forgive(page[1], "HTTP Authentication failed")


def test_a_proxy_that_answers_for_a_server_that_is_away_is_no_server(
    page: tuple[Page, Watched], shared: Service
) -> None:
    page[0].route("**/health", lambda route: route.fulfill(status=502))
    body = "return await failure(connect({ token: given.token }))"
    assert ": it answers with 502)" in run(page[0], body, token=shared.token)
    forgive(page[1], "502")


def test_where_no_server_is_nothing_shows_the_token(page: tuple[Page, Watched]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nobody = f"ws://127.0.0.1:{listener.getsockname()[1]}"
    secret = token.new_token()
    body = """return [
        await failure(connect({ url: given.nobody, token: given.secret })),
        await failure(connect({ url: given.nobody + "?token=" + given.secret })),
        await failure(connect({ url: "mailto:me?token=" + given.secret })),
    ]"""
    first, second, third = run(page[0], body, secret=secret, nobody=nobody)
    assert first.startswith(f"NoServerError: the service does not answer ({nobody}/: no connection")
    assert second == first
    assert third == "RequestError: mailto:me is no address of a WebSocket (ws://HOST:PORT)"
    assert secret not in "".join(page[1].problems)
    forgive(page[1], "ERR_CONNECTION_REFUSED")


def test_a_slow_reader_misses_nothing_and_the_page_keeps_little(browser: Browser, tmp_path: Path) -> None:
    begin = """
        const claw = await connect({ token: given.token });
        globalThis.events = claw.events("hook.notification", { notice: ({ type }) => globalThis.told.push(type) });
        globalThis.told = [];
        await events.open();
    """
    read = """
        const found = [];
        while (found.length < given.count) found.push(Number((await events.next()).value.data.message));
        return { told, good: found.every((number, at) => number === at), closed: events.closed };
    """
    count = 400
    with Service(tmp_path) as service, open_page(browser, service) as (page, _):
        service.wait_for_hooks()
        sockets: list[WebSocket] = []
        frames: list[int] = []

        def opened(socket: WebSocket) -> None:
            sockets.append(socket)
            socket.on("framereceived", lambda data: frames.append(len(data)))

        page.on("websocket", opened)
        run(page, begin, token=service.token)
        for number in range(count):
            spool(tmp_path, f"{number:05}", hook(number, more="x" * 50_000))
        end = time.monotonic() + 20
        while not any(one.is_closed() for one in sockets):
            page.wait_for_timeout(20)
            assert time.monotonic() < end, "the page takes more and more"
        assert 4 << 20 < sum(frames) < 10 << 20  # of 20 MB
        assert run(page, read, count=count) == {"told": [], "good": True, "closed": False}
        assert len(sockets) > 2  # one for the client, and several for the stream, one after the other
