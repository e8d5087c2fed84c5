"""The rules of who may come in."""

from __future__ import annotations

import tracemalloc

import pytest

from clawsocket.config import Settings
from clawsocket.server.access import Access, host_name

TOKEN = "a" * 64


def access(**changed: object) -> Access:
    return Access(Settings(**changed), lambda: TOKEN)  # type: ignore[arg-type]


def test_a_host_is_read_without_port_and_brackets() -> None:
    assert host_name("LocalHost:3838") == "localhost"
    assert host_name("localhost.") == "localhost"
    assert host_name("[::1]:3838") == "::1"
    assert host_name("[::1]") == "::1"
    for bad in ("", ":3838", "a b", "a:b", "a:1:2", "::1", "a@b", "a/b", "a, b", "[::1", "a:123456"):
        assert host_name(bad) is None, bad


def test_what_is_longer_than_any_name_is_none_and_takes_no_memory() -> None:
    rules, long = access(host="0.0.0.0"), b"x" * 16_000
    tracemalloc.start()
    try:
        for number in range(100):
            assert not rules.host(b"%d" % number + long, lambda: "192.168.1.5")
            assert not rules.origin(b"http://%d" % number + long, by_token=True)
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1", "127.1.2.3:3838", "[::1]:3838", "LOCALHOST"])
def test_loopback_names_us(host: str) -> None:
    assert access().host(host.encode(), lambda: "127.0.0.1")


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "0.0.0.0", "", "127.0.0.1@x"],
)
def test_anything_else_does_not(host: str) -> None:
    assert not access().host(host.encode(), lambda: "127.0.0.1")


def test_no_host_is_foreign() -> None:
    assert not access().host(None, lambda: "127.0.0.1")


def test_the_bound_address_and_allowed_hosts_name_us() -> None:
    rules = access(host="192.168.1.5", allowed_hosts=("host.docker.internal", "Box:3838"))
    for host in (b"192.168.1.5:3838", b"host.docker.internal:1", b"box"):
        assert rules.host(host, lambda: "192.168.1.5")
    assert not rules.host(b"192.168.1.6", lambda: "192.168.1.5")
    assert access(host="FD00::5").host(b"[fd00::5]:3838", lambda: "fd00::5")


@pytest.mark.parametrize("bound", ["0.0.0.0", "::"])
def test_bound_to_every_address_we_are_the_one_that_was_reached(bound: str) -> None:
    rules = access(host=bound)
    assert rules.host(b"192.168.1.5:3838", lambda: "192.168.1.5")
    assert not rules.host(b"192.168.1.6:3838", lambda: "192.168.1.5")
    assert not rules.host(b"rebound.example", lambda: "192.168.1.5")


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost",
        "http://localhost:3000",
        "https://LOCALHOST:1",
        "http://127.0.0.1:5173",
        "http://[::1]:8080",
        "vscode-webview://1a2b3c",
        "tauri://localhost",
    ],
)
def test_pages_of_this_machine_may_speak_to_us(origin: str) -> None:
    assert access().origin(origin.encode(), by_token=False)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://localhost@evil.example",
        "http://evil.example/localhost",
        "http://evil.example#localhost",
        "http://localhost:80, http://evil.example",
        "tauri://localhost.evil.example",
        "ftp://localhost",
        "file://",
        "localhost",
        "",
        "NULL, null",
    ],
)
def test_other_pages_may_not(origin: str) -> None:
    assert not access().origin(origin.encode(), by_token=True)


def test_pages_that_a_setting_names_may() -> None:
    rules = access(allowed_origins=("https://dash.example", "app://*"))
    assert rules.origin(b"https://Dash.example", by_token=False)
    assert rules.origin(b"app://x", by_token=False)
    assert not rules.origin(b"https://dash.example.evil", by_token=False)
    assert not rules.origin(b"tauri://localhost", by_token=False)


def test_no_page_may_speak_and_a_nameless_one_with_a_token_only() -> None:
    assert access().origin(None, by_token=False)
    assert access().origin(b"null", by_token=True)
    assert not access().origin(b"null", by_token=False)


def test_a_bearer_token_is_taken_as_it_is_spelled() -> None:
    assert access().bearer(b"Bearer " + TOKEN.encode())
    for bad in (
        None,
        b"",
        b"Bearer",
        b"Bearer ",
        b"bearer " + TOKEN.encode(),
        b"Bearer\t" + TOKEN.encode(),
        b"Bearer \xff",
    ):
        assert not access().bearer(bad)


def test_a_token_is_found_in_a_query() -> None:
    assert access().query(b"token=" + TOKEN.encode())
    assert access().query(b"a=b&token=" + TOKEN.replace("a", "%61").encode() + b"&c")
    for bad in (b"", b"token", b"token=", b"token=wrong", b"xtoken=" + TOKEN.encode(), b"token=%", b"token=%ff"):
        assert not access().query(bad)
