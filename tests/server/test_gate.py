"""What comes over a plain connection, good and bad."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import socket
from pathlib import Path

import pytest

from clawsocket.server import gate
from tests.server.harness import Raw, Rig, body, running, status
from tests.sources.running import eventually

HOOK = b'{"hook_event_name":"Stop","session_id":"s"}'


async def test_a_hook_is_accepted_and_taken(rig: Rig) -> None:
    answer = await rig.http(rig.post(HOOK))
    assert (status(answer), body(answer)) == (202, {"status": "accepted"})
    assert rig.fake.hooks == [HOOK]


async def test_a_connection_takes_hook_after_hook(rig: Rig) -> None:
    async with rig.plain() as raw:
        for _ in range(3):
            raw.write(rig.post(HOOK, close=False))
            assert status(await raw.answer()) == 202
    assert rig.fake.hooks == [HOOK] * 3


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_who_has_a_page_already_is_not_sent_it_again(rig: Rig, method: str) -> None:
    page = await rig.http(rig.get("/docs"))
    tag = next(line for line in page.split(b"\r\n") if line.startswith(b"ETag: ")).removeprefix(b"ETag: ").decode()
    known = f"{method} /docs HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: {tag}\r\n\r\n".encode()
    same, _, health = (await rig.http(known + rig.get())).partition(b"\r\n\r\n")
    assert same.startswith(b"HTTP/1.1 304 Not Modified\r\n")
    assert status(health) == 200
    assert status(await rig.http(rig.get("/docs", "Host: localhost", 'If-None-Match: "another"'))) == 200


async def test_pipelined_requests_are_answered_in_order(rig: Rig) -> None:
    good, bad = rig.post(HOOK, close=False), rig.post(b"{", close=False)
    async with rig.plain() as raw:
        raw.write(good + bad + b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n" + rig.post(HOOK))
        assert [status(await raw.answer()) for _ in range(4)] == [202, 400, 200, 202]
        assert await raw.rest() == b""
    assert rig.fake.hooks == [HOOK] * 2


async def test_one_who_says_no_more_gets_the_answers_to_what_was_said(rig: Rig) -> None:
    with socket.create_connection(("127.0.0.1", rig.port)) as said_at_once:
        said_at_once.sendall(rig.post(HOOK, close=False) * 2)
        said_at_once.shutdown(socket.SHUT_WR)
        said_at_once.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=said_at_once)
        raw = Raw(reader, writer)
        assert [status(await raw.answer()) for _ in range(2)] == [202, 202]
        assert await raw.rest() == b""
        writer.close()
        await writer.wait_closed()


async def test_a_request_in_single_bytes_is_understood(rig: Rig) -> None:
    async with rig.plain() as raw:
        for byte in rig.post(HOOK):
            raw.write(bytes((byte,)))
            await asyncio.sleep(0)
        assert status(await raw.rest()) == 202
    assert rig.fake.hooks == [HOOK]


@pytest.mark.parametrize("sizes", [(1,), (7, 1, 30), (len(HOOK),)])
async def test_a_chunked_body_is_put_together(rig: Rig, sizes: tuple[int, ...]) -> None:
    chunks, rest = b"", HOOK
    for size in (*sizes, len(HOOK)):
        part, rest = rest[:size], rest[size:]
        chunks += b"%x\r\n%s\r\n" % (len(part), part) if part else b""
    request = rig.post(b"", "Transfer-Encoding: chunked", close=False) + chunks + b"0\r\nHost: evil\r\n\r\n"
    async with rig.plain() as raw:
        raw.write(request + rig.post(HOOK))
        assert status(await raw.answer()) == 202
        assert status(await raw.answer()) == 202, "what follows a chunked body is the next request"
    assert rig.fake.hooks == [HOOK, HOOK]


async def test_a_client_that_asks_before_it_sends_is_told_to_go_on(rig: Rig) -> None:
    head, _, rest = rig.post(HOOK, "Expect: 100-continue").partition(b"\r\n\r\n")
    async with rig.plain() as raw:
        raw.write(head + b"\r\n\r\n")
        assert await raw.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert status(await raw.ask(rest)) == 202


async def test_a_client_that_asks_before_it_sends_too_much_is_told_not_to(rig: Rig) -> None:
    head = rig.post(b"", "Expect: 100-continue").replace(b"Content-Length: 0", b"Content-Length: 8000001")
    assert status(await rig.http(head)) == 413


async def test_a_body_of_2_mb_is_taken(rig: Rig) -> None:
    big = json.dumps({"hook_event_name": "Stop", "x": "y" * 2_000_000}).encode()
    assert status(await rig.http(rig.post(big))) == 202
    assert rig.fake.hooks == [big]


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_over_the_limit_is_413(rig: Rig, chunked: bool) -> None:
    big = b" " * 8_000_001
    request = rig.post(big)
    if chunked:
        request = rig.post(b"", "Transfer-Encoding: chunked") + b"%x\r\n" % len(big) + big + b"\r\n0\r\n\r\n"
    answer = await rig.http(request)
    assert (status(answer), body(answer)) == (413, {"error": "too large"})
    assert rig.fake.hooks == []
    assert status(await rig.http(rig.post(HOOK))) == 202


async def test_a_body_at_the_limit_is_taken(rig: Rig) -> None:
    assert status(await rig.http(rig.post(HOOK + b" " * (8_000_000 - len(HOOK))))) == 202


@pytest.mark.parametrize(
    ("sent", "code"),
    [(b"{", "invalid JSON"), (b"", "invalid JSON"), (b"[]", "invalid hook payload"), (b"{}", "invalid hook payload")],
)
async def test_a_bad_hook_is_400_and_the_connection_goes_on(rig: Rig, sent: bytes, code: str) -> None:
    async with rig.plain() as raw:
        raw.write(rig.post(sent, close=False))
        answer = await raw.answer()
        assert (status(answer), body(answer)) == (400, {"error": code})
        assert status(await raw.ask(rig.post(HOOK))) == 202


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Authorization: Bearer",
        "Authorization: Bearer ",
        "Authorization: Bearer wrong",
        "Authorization: bearer {token}",
        "Authorization: Basic {token}",
        "Authorization: {token}",
        "Authorization: Bearer {token}x",
        "Authorization: Bearer {token}\r\nAuthorization: Bearer {token}",
    ],
)
async def test_a_hook_without_the_token_is_401(rig: Rig, authorization: str) -> None:
    good = f"Authorization: Bearer {rig.token}"
    request = rig.post(HOOK).replace(good.encode(), authorization.format(token=rig.token).encode() or b"X: y")
    answer = await rig.http(request)
    assert (status(answer), body(answer)) == (401, {"error": "unauthorized"})
    assert rig.fake.hooks == []


async def test_the_token_of_a_hook_is_not_taken_from_its_address(rig: Rig) -> None:
    request = rig.post(HOOK, token="wrong").replace(b"/hook", f"/hook?token={rig.token}".encode())
    assert status(await rig.http(request)) == 401


async def test_a_refused_upload_gets_its_answer_whole(rig: Rig) -> None:
    answer = await rig.http(rig.post(b" " * 4_000_000, token="wrong"))
    assert (status(answer), body(answer)) == (401, {"error": "unauthorized"})


async def test_a_hook_of_a_foreign_page_is_403_after_the_token(rig: Rig) -> None:
    assert status(await rig.http(rig.post(HOOK, "Origin: https://evil.example"))) == 403
    assert status(await rig.http(rig.post(HOOK, "Origin: https://evil.example", token="wrong"))) == 401
    assert status(await rig.http(rig.post(HOOK, "Origin: http://localhost:3000"))) == 202


async def test_every_request_with_a_foreign_host_is_403(rig: Rig) -> None:
    host = "Host: evil.example"
    for request in (
        rig.get("/health", host),
        rig.get("/nothing", host),
        rig.post(HOOK).replace(b"Host: localhost", host.encode()),
        rig.upgrade(host="evil.example"),
        rig.upgrade("/?token=wrong", host="evil.example"),
        rig.get("/health", "X: no host"),
        rig.get("/health", "Host: localhost", host),
    ):
        answer = await rig.http(request)
        assert (status(answer), body(answer)) == (403, {"error": "foreign host"})
    assert rig.fake.hooks == []


async def test_bound_to_every_address_the_one_that_was_reached_is_no_foreign_host(tmp_path: Path) -> None:
    async with running(tmp_path, host="0.0.0.0") as rig:
        assert status(await rig.http(rig.get("/health", f"Host: 127.0.0.1:{rig.port}"))) == 200
        assert status(await rig.http(rig.get("/health", "Host: 10.0.0.1"))) == 403
        async with rig.plain("127.0.0.2") as raw:
            assert status(await raw.ask(rig.get("/health", "Host: evil.example"))) == 403


async def test_hooks_over_the_rate_are_429(tmp_path: Path) -> None:
    async with running(tmp_path, hook_rate=2) as rig:
        for _ in range(5):
            assert status(await rig.http(rig.post(HOOK, token="wrong"))) == 401, "counted after the token"
        answers = [await rig.http(rig.post(HOOK)) for _ in range(3)]
    assert [status(answer) for answer in answers] == [202, 202, 429]
    assert body(answers[2]) == {"error": "rate_limited"}
    assert len(rig.fake.hooks) == 2


async def test_an_unexpected_exception_is_a_500_that_tells_nothing(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.fake.error = RuntimeError("secret detail")
    answer = await rig.http(rig.post(HOOK))
    assert (status(answer), body(answer)) == (500, {"error": "internal error"})
    answer = await rig.http(rig.get())
    assert (status(answer), body(answer)) == (500, {"error": "internal error"})
    assert caplog.text.count("secret detail") == 2
    rig.fake.error = None
    assert status(await rig.http(rig.post(HOOK))) == 202


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\nHost localhost\r\n\r\n",
        b"GET http://localhost/health HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /hook HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /hook HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /hook HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
    ],
)
async def test_what_is_no_good_http_is_400(rig: Rig, garbage: bytes) -> None:
    answer = await rig.http(garbage)
    assert (status(answer), body(answer)) == (400, {"error": "bad request"})
    assert status(await rig.http(rig.get())) == 200


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"])
async def test_a_head_that_is_too_large_is_431(rig: Rig, end: bytes) -> None:
    answer = await rig.http(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 20_000 + end)
    assert status(answer) == 431


async def test_a_head_that_never_ends_is_ended(tmp_path: Path) -> None:
    async with running(tmp_path, header_timeout=0.5) as rig, rig.plain() as raw, rig.plain() as drip:
        raw.write(b"GET /health HTTP/1.1\r\nHost: local")
        dripping = asyncio.create_task(drip_into(drip))
        assert status(await raw.rest()) == 408
        assert status(await drip.rest()) == 408, "time is for the whole head, not for each byte of it"
        dripping.cancel()


async def drip_into(raw: Raw) -> None:
    raw.write(b"GET /health HTTP/1.1\r\nX: ")
    while True:
        raw.write(b"x")
        await asyncio.sleep(0.02)


async def test_a_body_that_stops_arriving_is_ended(tmp_path: Path) -> None:
    async with running(tmp_path, header_timeout=0.5) as rig:
        assert status(await rig.http(rig.post(HOOK)[:-1])) == 408
        assert rig.fake.hooks == []


async def test_a_producer_may_rest_between_two_hooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(tmp_path, header_timeout=0.1) as rig, rig.plain() as raw:
        raw.write(rig.post(HOOK, close=False))
        assert status(await raw.answer()) == 202
        await asyncio.sleep(0.3)
        raw.write(rig.post(HOOK, close=False))
        assert status(await raw.answer()) == 202
        monkeypatch.setattr(gate, "KEEP_ALIVE", 0.1)
        raw.write(rig.post(HOOK, close=False))
        assert status(await raw.answer()) == 202
        assert await raw.rest() == b"", "but not forever"


async def test_a_connection_that_says_nothing_is_ended(tmp_path: Path) -> None:
    async with running(tmp_path, header_timeout=0.5) as rig:
        assert await rig.http(b"") == b""


async def test_a_thousand_wrong_tokens_do_not_keep_the_owner_out(rig: Rig) -> None:
    async def wrong(number: int) -> int:
        return status(await rig.http(rig.post(HOOK, token=f"{number:064}")))

    for batch in range(20):
        assert set(await asyncio.gather(*(wrong(batch * 50 + number) for number in range(50)))) == {401}
    assert status(await rig.http(rig.post(HOOK))) == 202
    async with rig.raw_client() as client:
        assert (await client.receive())["type"] == "snapshot"


async def test_of_too_many_strangers_the_oldest_is_turned_out(tmp_path: Path) -> None:
    async with running(tmp_path, max_strangers=3) as rig, rig.plain() as oldest, rig.plain() as second:
        oldest.write(b"GET /")
        second.write(b"GET /")
        async with rig.plain(), rig.plain():
            assert await oldest.gone()
            second.write(b"health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert status(await second.answer()) == 200


async def test_a_flood_of_strangers_leaves_producers_and_clients_alone(tmp_path: Path) -> None:
    async with running(tmp_path, max_strangers=5) as rig, rig.client("*") as client, rig.plain() as producer:
        producer.write(rig.post(HOOK, close=False))
        assert status(await producer.answer()) == 202
        strangers = [await asyncio.open_connection("127.0.0.1", rig.port) for _ in range(50)]
        assert status(await rig.http(rig.post(HOOK))) == 202
        assert status(await producer.ask(rig.post(HOOK))) == 202
        rig.append()
        assert (await client.receive())["type"] == "session.renamed"
        for _, writer in strangers:
            writer.close()


async def test_what_was_read_of_a_hook_that_its_sender_gave_up_waits_for_no_garbage_collector(rig: Rig) -> None:
    gc.collect()
    gc.disable()
    try:
        async with rig.plain() as raw:
            raw.write(rig.post(b" " * 1_000_000)[:500_000])
            await eventually(lambda: rig.server._keeper.producers, "the token")
        async with rig.client():
            await eventually(lambda: not [one for one in gc.get_objects() if isinstance(one, gate.Gate)], "their ends")
    finally:
        gc.enable()


async def test_one_who_does_not_take_answers_is_not_read_from(rig: Rig) -> None:
    async with rig.plain() as raw:
        request = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000
        async with asyncio.timeout(10):
            while raw.writer.transport.get_write_buffer_size() < 8_000_000:
                raw.write(request)
                await asyncio.sleep(0)
        assert status(await rig.http(rig.get())) == 200
        raw.writer.transport.abort()


async def test_answers_that_nobody_takes_are_not_made(rig: Rig) -> None:
    async with rig.plain() as raw:
        raw.write(b"GET /asyncapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100)
        async with asyncio.timeout(10):
            while not (waiting := untaken(rig)):  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0)
        assert waiting < 2 * gate.UNTAKEN, "of 38 MB"
        answers = await raw.rest()
    assert answers.count(b"HTTP/1.1 200 OK") > 1, "there is room for some"
    last = answers[answers.rindex(b"HTTP/1.1") :]
    assert (status(last), body(last)) == (429, {"error": "rate_limited"})


def untaken(rig: Rig) -> int:
    """The bytes of answers that wait for strangers."""
    return sum(one.transport.get_write_buffer_size() for one in rig.server._keeper.strangers)


@pytest.mark.parametrize(
    ("request_line", "allowed"), [("GET /hook", "POST"), ("DELETE /hook", "POST"), ("POST /health", "GET, HEAD")]
)
async def test_another_method_is_405(rig: Rig, request_line: str, allowed: str) -> None:
    method, _, path = request_line.partition(" ")
    answer = await rig.http(rig.get(path, method=method))
    assert (status(answer), body(answer)) == (405, {"error": "method not allowed"})
    assert f"\r\nAllow: {allowed}\r\n".encode() in answer


async def test_another_path_is_404(rig: Rig) -> None:
    for path in ("/index.html", "/hooks", "/health/", "/%68ealth", "/asyncapi.yaml"):
        answer = await rig.http(rig.get(path))
        assert (status(answer), body(answer)) == (404, {"error": "not found"})


async def test_an_old_client_gets_its_connection_closed(rig: Rig) -> None:
    answer = await rig.http(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")
    assert status(answer) == 200
    assert b"\r\nConnection: close\r\n" in answer


async def test_an_offer_of_another_protocol_is_let_pass(rig: Rig) -> None:
    async with rig.plain() as raw:
        raw.write(rig.post(HOOK, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", close=False))
        assert status(await raw.answer()) == 202
        assert status(await raw.ask(rig.post(HOOK))) == 202
    assert rig.fake.hooks == [HOOK, HOOK]


async def test_any_number_of_offers_at_once_is_let_pass(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    offer = rig.get("/health", "Host: localhost", "Upgrade: h2c").replace(b": close", b": Upgrade")
    async with rig.plain() as raw:
        raw.write(offer * 600 + rig.get())
        assert [status(await raw.answer()) for _ in range(601)] == [200] * 601
        assert await raw.rest() == b""
    assert caplog.text == ""


# Upgrades: in this order


async def test_an_upgrade_is_refused_for_its_token_first(tmp_path: Path) -> None:
    evil = "Origin: https://evil.example"
    async with running(tmp_path, max_connections=1) as rig, rig.client():
        for path in ("/", "/?token=", "/?token=wrong", f"/?Token={rig.token}", f"/?x=token={rig.token}"):
            answer = await rig.http(rig.upgrade(path, evil, "Sec-WebSocket-Key: broken"))
            assert (status(answer), body(answer)) == (401, {"error": "unauthorized"})


async def test_then_for_its_origin(tmp_path: Path) -> None:
    async with running(tmp_path, max_connections=1) as rig, rig.client():
        answer = await rig.http(rig.upgrade(None, "Origin: https://evil.example", "Sec-WebSocket-Key: broken"))
        assert (status(answer), body(answer)) == (403, {"error": "foreign origin"})


async def test_then_because_all_places_are_taken(tmp_path: Path) -> None:
    async with running(tmp_path, max_connections=1, max_connections_per_address=1) as rig:
        async with rig.client():
            answer = await rig.http(rig.upgrade(None, "Sec-WebSocket-Key: broken"))
            assert (status(answer), body(answer)) == (503, {"error": "too many connections"})
        async with rig.client():
            assert rig.server.clients == 1


async def test_then_because_the_address_has_too_many(tmp_path: Path) -> None:
    async with running(tmp_path, max_connections_per_address=1) as rig, rig.client():
        answer = await rig.http(rig.upgrade(None, "Sec-WebSocket-Key: broken"))
        assert (status(answer), body(answer)) == (429, {"error": "too many connections from this address"})


async def test_and_last_for_its_handshake(rig: Rig) -> None:
    for old, new in (
        (b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Version: 8"),
        (b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", b"Sec-WebSocket-Key: x"),
        (b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", b"X: y"),
        (b"GET", b"PUT"),
    ):
        answer = await rig.http(rig.upgrade().replace(old, new))
        assert (status(answer), body(answer)) == (400, {"error": "invalid handshake"})
    assert rig.server.clients == 0


async def test_any_path_that_no_route_has_speaks_websocket(rig: Rig) -> None:
    for path in ("/", "/ws", "/any/where"):
        async with rig.raw_client(f"{path}?a=b&token={rig.token}") as client:
            assert (await client.receive())["type"] == "snapshot"
    answer = await rig.http(rig.upgrade(f"/health?token={rig.token}"))
    assert (status(answer), body(answer)["status"]) == (200, "ok")


async def test_the_token_may_be_encoded_or_in_a_header(rig: Rig) -> None:
    encoded = "".join(f"%{ord(letter):02x}" for letter in rig.token)
    async with rig.raw_client(f"/?token={encoded}") as client:
        assert (await client.receive())["type"] == "snapshot"
    async with rig.raw_client("/", additional_headers={"Authorization": f"Bearer {rig.token}"}) as client:
        assert (await client.receive())["type"] == "snapshot"


async def test_what_follows_the_handshake_in_the_same_packet_is_heard(rig: Rig) -> None:
    async with rig.plain() as raw:
        raw.write(rig.upgrade() + b"\x89\x80\x00\x00\x00\x00")
        async with asyncio.timeout(10):
            await raw.reader.readuntil(b"\r\n\r\n")
            assert b'"type":"snapshot"' in await raw.reader.readuntil(b"\x8a\x00"), "a pong answers the ping"


async def test_compression_is_not_negotiated(rig: Rig) -> None:
    async with rig.raw_client(compression="deflate") as client:
        assert client.socket.response is not None
        assert "Sec-WebSocket-Extensions" not in client.socket.response.headers


async def test_a_page_without_origin_may_come_with_a_token_only(tmp_path: Path) -> None:
    async with running(tmp_path) as rig, rig.raw_client(origin="null") as client:
        assert (await client.receive())["type"] == "snapshot"
    async with running(tmp_path, auth=False) as rig:
        assert status(await rig.http(rig.upgrade("/", "Origin: null"))) == 403


async def test_without_auth_nobody_needs_a_token_but_pages_and_hosts_are_looked_at(tmp_path: Path) -> None:
    async with running(tmp_path, auth=False) as rig:
        async with rig.raw_client("/") as client:
            assert (await client.receive())["type"] == "snapshot"
        assert status(await rig.http(rig.post(HOOK, token=""))) == 202
        assert status(await rig.http(rig.upgrade("/", "Origin: https://evil.example"))) == 403
        assert status(await rig.http(rig.upgrade("/", host="evil.example"))) == 403


async def test_the_token_is_never_logged(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with rig.client("*") as client:
        rig.append()
        await client.receive()
    await rig.http(rig.post(HOOK))
    await rig.http(rig.upgrade(f"/?token={rig.token}", "Sec-WebSocket-Version: 8"))
    ours = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("clawsocket"))
    assert ours
    assert rig.token not in ours


async def test_what_is_private_needs_the_token_in_the_header(rig: Rig) -> None:
    good = f"Authorization: Bearer {rig.token}"
    answer = await rig.http(rig.get("/metrics", "Host: localhost", good))
    assert (status(answer), answer.partition(b"\r\n\r\n")[2]) == (200, b"claw_socket_clients 0\n")
    assert (await rig.http(rig.get("/metrics", "Host: localhost", good, method="HEAD"))).endswith(b"\r\n\r\n")
    for path, *headers in (
        ("/metrics",),
        (f"/metrics?token={rig.token}",),
        ("/metrics", f"Authorization: Bearer {rig.token[:-1]}"),
    ):
        answer = await rig.http(rig.get(path, "Host: localhost", *headers))
        assert (status(answer), body(answer)) == (401, {"error": "unauthorized"})
    answer = await rig.http(rig.get("/metrics", "Host: localhost", good, "Origin: https://evil.example"))
    assert status(answer) == 403
    assert status(await rig.http(rig.get("/metrics", "Host: localhost", good, method="POST"))) == 405


async def test_what_is_private_is_open_over_the_unix_socket(rig: Rig) -> None:
    reader, writer = await asyncio.open_unix_connection(str(rig.home.socket))
    writer.write(rig.get("/metrics"))
    async with asyncio.timeout(10):
        assert status(await reader.read()) == 200
    writer.close()
