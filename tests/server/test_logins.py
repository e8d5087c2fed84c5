"""A page comes in by a code or the token, and by its cookie only with its key, from its own origin."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from clawsocket.server.http import UNAUTHORIZED
from clawsocket.server.logins import CODE_TIME, LOGIN_TIME, MAX_CODES, NEEDED, Logins
from tests.server.harness import Rig, body, running, status

OTHER_TOKEN = "f" * 64


@dataclass
class Time:
    file: Path
    now: float = 1_000_000.0
    token: str = "0" * 64
    ended: list[str] = field(default_factory=list)

    def logins(self) -> Logins:
        logins = Logins(lambda: self.token, self.file, now=lambda: self.now, clock=lambda: self.now)
        logins.on_ended = self.ended.append
        return logins


def code_of(logins: Logins) -> str:
    return str(body(logins.code())["code"])


def enter(logins: Logins, cookie: str = "", by_token: bool = False, **ask: str) -> bytes:
    return logins.enter(json.dumps(ask).encode(), cookie.encode(), by_token=by_token)


def cookie_of(answer: bytes) -> str:
    return answer.partition(b"Set-Cookie: ")[2].partition(b";")[0].decode()


def came_in(answer: bytes) -> tuple[str, str]:
    """The cookie and the key of a page that was let in."""
    assert status(answer) == 200
    return cookie_of(answer), body(answer)["key"]


@pytest.fixture
def time(tmp_path: Path) -> Time:
    return Time(tmp_path / "signed-out")


def test_a_code_lets_one_page_in(time: Time) -> None:
    logins = time.logins()
    cookie, key = came_in(enter(logins, code=code_of(logins)))
    assert logins.admitted(cookie.encode(), key)


def test_a_cookie_is_out_of_reach_of_scripts_and_of_other_sites(time: Time) -> None:
    answer = enter(time.logins(), by_token=True)
    assert f"; Path=/; Max-Age={LOGIN_TIME}; HttpOnly; SameSite=Strict\r\n".encode() in answer
    assert time.token.encode() not in answer


def test_a_code_is_good_for_a_minute(time: Time) -> None:
    logins = time.logins()
    late, early = code_of(logins), code_of(logins)
    time.now += CODE_TIME
    assert status(enter(logins, code=early)) == 200
    time.now += 1
    assert body(enter(logins, code=late)) == {"error": "code expired"}


def test_a_code_that_comes_twice_was_stolen_and_who_came_in_by_it_goes(time: Time) -> None:
    logins = time.logins()
    code = code_of(logins)
    cookie, key = came_in(enter(logins, code=code))
    login = logins.admitted(cookie.encode(), key)
    assert body(enter(logins, code=code)) == {"error": "code used"}
    assert time.ended == [login]
    assert logins.admitted(cookie.encode(), key) is None
    assert status(enter(logins, cookie, key=key)) == 401


def signed_out(time: Time) -> tuple[str, str]:
    """The cookie and the key of a page whose code came twice."""
    logins = time.logins()
    code = code_of(logins)
    cookie, key = came_in(enter(logins, code=code))
    for _ in range(2):
        assert status(enter(logins, code=code)) == 401
    return cookie, key


def test_who_was_signed_out_is_so_after_a_restart(time: Time) -> None:
    pages = [signed_out(time) for _ in range(2)]
    logins = time.logins()
    for cookie, key in pages:
        assert logins.admitted(cookie.encode(), key) is None
        assert status(enter(logins, cookie, key=key)) == 401
    assert len(time.ended) == 2, "each is ended once"
    assert time.file.stat().st_mode & 0o777 == 0o600


def test_who_was_signed_out_is_remembered_for_as_long_as_a_cookie_is_good_and_bounded(
    time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clawsocket.server.logins.MAX_ENDED", 2)
    for _ in range(3):
        signed_out(time)
    assert list(json.loads(time.file.read_bytes())) == time.ended[1:]
    time.now += LOGIN_TIME
    signed_out(time)
    assert list(json.loads(time.file.read_bytes())) == time.ended[3:]


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", None])
def test_a_file_that_cannot_be_read_or_written_is_told_and_a_page_is_signed_out_all_the_same(
    time: Time, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    if content is None:
        time.file.mkdir()
    else:
        time.file.write_bytes(content)
    logins = time.logins()
    assert "cannot be read" in caplog.text
    code = code_of(logins)
    cookie, key = came_in(enter(logins, code=code))
    assert body(enter(logins, code=code)) == {"error": "code used"}
    assert logins.admitted(cookie.encode(), key) is None
    assert ("cannot be written" in caplog.text) == (content is None)


@pytest.mark.parametrize("code", ["", "0" * 32, "\u00e9"])
def test_a_code_that_was_never_given_is_refused(time: Time, code: str) -> None:
    logins = time.logins()
    logins.code()
    assert status(enter(logins, code=code)) == 401


def test_codes_are_bounded_and_the_newest_count(time: Time) -> None:
    logins = time.logins()
    codes = [code_of(logins) for _ in range(MAX_CODES + 1)]
    assert status(enter(logins, code=codes[0])) == 401
    assert status(enter(logins, code=codes[1])) == status(enter(logins, code=codes[-1])) == 200


@pytest.mark.parametrize("text", [b"[", b"\xff", b'{"code": 1}', b'"code"', b"[" * 4000])
def test_what_is_no_request_is_refused(time: Time, text: bytes) -> None:
    assert status(time.logins().enter(text, None, by_token=True)) == 400


def test_neither_the_cookie_nor_the_key_is_enough(time: Time) -> None:
    logins = time.logins()
    cookie, key = came_in(enter(logins, by_token=True))
    other_cookie, other_key = came_in(enter(logins, by_token=True))
    for one, with_key in ((cookie, ""), (cookie, other_key), (other_cookie, key), ("", key), (cookie[:-1], key)):
        assert logins.admitted(one.encode(), with_key) is None
        assert enter(logins, one, key=with_key) in (UNAUTHORIZED, NEEDED)


def test_no_part_of_a_cookie_can_be_changed(time: Time) -> None:
    logins = time.logins()
    cookie, key = came_in(enter(logins, by_token=True))
    name, _, value = cookie.partition("=")
    id, end, mac = value.split(".")
    for forged in (f"{id}.{int(end) + 1}.{mac}", f"{id}.x.{mac}", f"x.{end}.{mac}", f"{id}.{end}.", mac, "", "\xff"):
        assert logins.admitted(f"{name}={forged}".encode("latin-1"), key) is None


def test_it_is_found_among_the_cookies_of_other_ports(time: Time) -> None:
    logins = time.logins()
    cookie, key = came_in(enter(logins, by_token=True))
    assert logins.admitted(f"a=b; claw-socket-0=x;{cookie}; c".encode(), key)


def test_it_is_looked_for_among_thousands_of_cookies_without_work_for_each(time: Time) -> None:
    asked: list[str] = []

    def token() -> str:
        asked.append(time.token)
        return time.token

    assert Logins(token, time.file).admitted(b"a=b;" * 4000, "key") is None
    assert len(asked) == 1, "what is made of the token is made once"


def test_servers_have_cookies_of_their_own(time: Time) -> None:
    other = Time(time.file, token=OTHER_TOKEN)
    assert time.logins().cookie_name != other.logins().cookie_name
    cookie, key = came_in(enter(other.logins(), by_token=True))
    renamed = cookie.replace(other.logins().cookie_name, time.logins().cookie_name)
    assert time.logins().admitted(renamed.encode(), key) is None


def test_a_login_outlives_the_server(time: Time) -> None:
    cookie, key = came_in(enter(time.logins(), by_token=True))
    assert time.logins().admitted(cookie.encode(), key)


def test_a_new_token_ends_logins_and_codes(time: Time) -> None:
    logins = time.logins()
    code = code_of(logins)
    cookie, key = came_in(enter(logins, by_token=True))
    time.token = OTHER_TOKEN
    assert logins.admitted(cookie.encode(), key) is None
    assert status(enter(logins, code=code)) == 401


def test_a_login_ends_unless_it_is_used_and_is_prolonged_by_use(time: Time) -> None:
    logins = time.logins()
    cookie, key = came_in(enter(logins, by_token=True))
    time.now += LOGIN_TIME - 1
    prolonged, same_key = came_in(enter(logins, cookie, key=key))
    time.now += 2
    assert same_key == key
    assert logins.admitted(cookie.encode(), key) is None
    assert logins.admitted(prolonged.encode(), key)


# Over a connection


def ask(rig: Rig, path: str, data: object = None, *headers: str) -> bytes:
    text = b"" if data is None else json.dumps(data).encode()
    lines = [f"POST {path} HTTP/1.1", f"Host: localhost:{rig.port}", *headers]
    return "\r\n".join((*lines, f"Content-Length: {len(text)}", "Connection: close", "", "")).encode() + text


def bearer(rig: Rig) -> str:
    return f"Authorization: Bearer {rig.token}"


def own(rig: Rig) -> str:
    return f"Origin: http://localhost:{rig.port}"


async def page(rig: Rig) -> tuple[str, str]:
    return came_in(await rig.http(ask(rig, "/session", {}, bearer(rig), own(rig))))


async def connected(rig: Rig, cookie: str, key: str, origin: str | None) -> int:
    """The status of a WebSocket's handshake."""
    headers = [f"Cookie: {cookie}", *([f"Origin: {origin}"] if origin else [])]
    async with rig.plain() as raw:
        raw.write(rig.upgrade(f"/?page={key}", *headers, host=f"localhost:{rig.port}"))
        return status(await raw.reader.readuntil(b"\r\n\r\n"))


async def test_codes_are_for_the_owner(rig: Rig) -> None:
    assert status(await rig.http(ask(rig, "/code"))) == 401
    assert status(await rig.http(ask(rig, "/code", None, bearer(rig), "Origin: https://evil.example"))) == 403
    cookie, _ = await page(rig)
    assert status(await rig.http(ask(rig, "/code", None, f"Cookie: {cookie}", own(rig)))) == 401
    code = body(await rig.http(ask(rig, "/code", None, bearer(rig))))["code"]
    assert status(await rig.http(ask(rig, "/session", {"code": code}, own(rig)))) == 200


async def test_a_page_connects_with_cookie_and_key_from_its_own_origin(rig: Rig) -> None:
    cookie, key = await page(rig)
    assert await connected(rig, cookie, key, f"http://localhost:{rig.port}") == 101


@pytest.mark.parametrize(
    "origin",
    [None, "null", "http://localhost", "http://localhost:1", "http://127.0.0.1:{port}", "https://evil.example"],
)
async def test_no_other_origin_may_use_them(rig: Rig, origin: str | None) -> None:
    cookie, key = await page(rig)
    assert await connected(rig, cookie, key, origin and origin.format(port=rig.port)) == 401


@pytest.mark.parametrize("origin", ["null", "http://localhost:1", "http://127.0.0.1:{port}", "https://evil.example"])
async def test_no_other_origin_may_come_in(rig: Rig, origin: str) -> None:
    headers = (bearer(rig), f"Origin: {origin.format(port=rig.port)}")
    assert status(await rig.http(ask(rig, "/session", {}, *headers))) == 403


async def test_a_page_may_be_opened_at_any_name_of_the_server(tmp_path: Path) -> None:
    async with running(tmp_path, allowed_hosts=("claw.example",)) as rig:
        host = f"claw.example:{rig.port}"
        come_in = ask(rig, "/session", {}, bearer(rig), f"Origin: http://{host}")
        cookie, key = came_in(await rig.http(come_in.replace(f"localhost:{rig.port}".encode(), host.encode())))
        for path, origin, wanted in (
            (f"/?page={key}", f"http://{host}", 101),
            (f"/?token={rig.token}", f"http://{host}", 101),
            (f"/?page={key}", "http://claw.example:1", 401),
            (f"/?token={rig.token}", "http://claw.example:1", 403),
        ):
            async with rig.plain() as raw:
                raw.write(rig.upgrade(path, f"Cookie: {cookie}", f"Origin: {origin}", host=host))
                assert status(await raw.reader.readuntil(b"\r\n\r\n")) == wanted


async def test_a_cookie_alone_which_every_port_gets_opens_nothing(rig: Rig) -> None:
    cookie, _ = await page(rig)
    assert await connected(rig, cookie, "", f"http://localhost:{rig.port}") == 401


async def test_a_cookie_is_for_the_websocket_alone(rig: Rig) -> None:
    cookie, key = await page(rig)
    for request in (
        rig.get(f"/metrics?page={key}", f"Host: localhost:{rig.port}", f"Cookie: {cookie}", own(rig)),
        rig.post(b'{"hook_event_name":"Stop","session_id":"s"}', f"Cookie: {cookie}", token="x"),
    ):
        assert status(await rig.http(request)) == 401
    assert rig.fake.hooks == []


async def test_a_new_token_closes_the_pages(rig: Rig) -> None:
    cookie, key = await page(rig)
    headers = {"Cookie": cookie}
    origin = f"http://127.0.0.1:{rig.port}"
    async with rig.raw_client(f"/?page={key}", additional_headers=headers, origin=origin) as client:
        rig.token = OTHER_TOKEN
        rig.server.rotate_token()
        assert (await client.closed())[0] == 4409
    with pytest.raises(InvalidStatus):
        async with rig.raw_client(f"/?page={key}", additional_headers=headers, origin=origin):
            pass


async def test_a_code_that_comes_twice_closes_the_page_that_it_opened(rig: Rig) -> None:
    code = body(await rig.http(ask(rig, "/code", None, bearer(rig))))["code"]
    cookie, key = came_in(await rig.http(ask(rig, "/session", {"code": code})))
    origin = f"http://127.0.0.1:{rig.port}"
    async with rig.raw_client(f"/?page={key}", additional_headers={"Cookie": cookie}, origin=origin) as client:
        assert status(await rig.http(ask(rig, "/session", {"code": code}))) == 401
        assert (await client.closed())[0] == 4409


async def test_a_page_that_was_signed_out_is_so_after_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        code = body(await rig.http(ask(rig, "/code", None, bearer(rig))))["code"]
        cookie, key = came_in(await rig.http(ask(rig, "/session", {"code": code})))
        assert status(await rig.http(ask(rig, "/session", {"code": code}))) == 401
    async with running(tmp_path) as rig:
        assert await connected(rig, cookie, key, f"http://localhost:{rig.port}") == 401


async def test_a_page_that_has_nothing_to_show_is_told_that_it_needs_something(rig: Rig) -> None:
    answer = await rig.http(ask(rig, "/session", {}, own(rig)))
    assert (status(answer), body(answer)) == (200, {"key": None})
    assert b"Set-Cookie" not in answer


async def test_a_wrong_token_is_refused(rig: Rig) -> None:
    assert status(await rig.http(ask(rig, "/session", {}, own(rig), f"Authorization: Bearer {OTHER_TOKEN}"))) == 401


async def test_only_post_comes_in_and_not_much(rig: Rig) -> None:
    for path in ("/session", "/code"):
        assert status(await rig.http(rig.get(path))) == 405
    assert status(await rig.http(ask(rig, "/session", {"code": "x" * 5000}))) == 413


async def test_a_websocket_may_have_these_paths_as_all_others(rig: Rig) -> None:
    async with rig.raw_client(f"/session?token={rig.token}") as client:
        assert (await client.receive())["type"] == "snapshot"


async def test_where_nobody_needs_a_token_no_page_does(tmp_path_factory: pytest.TempPathFactory) -> None:
    async with running(tmp_path_factory.mktemp("open"), auth=False) as rig:
        cookie, key = came_in(await rig.http(ask(rig, "/session", {}, own(rig))))
        assert await connected(rig, cookie, key, f"http://localhost:{rig.port}") == 101
