"""Who listens, where there is no /proc: ``lsof`` shows one's own processes, and the rest is somebody else's."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from clawsocket.doctor.ports import Listener, _elsewhere, _in_hex


@pytest.fixture
def lsof(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    path = tmp_path / "lsof"
    path.touch(0o755)
    return path


def test_a_process_of_ones_own_is_shown(lsof: Path) -> None:
    lsof.write_text(f'#!/bin/sh\necho "$@" >{lsof}.called\necho p501\necho f7\necho p502\necho f8\n')
    assert _elsewhere(3838) == [Listener(os.getuid(), frozenset((501, 502)))]
    assert lsof.with_suffix(".called").read_text() == "-nP -iTCP:3838 -sTCP:LISTEN -Fp\n"


def test_who_answers_and_is_not_shown_is_somebody_else(lsof: Path) -> None:
    lsof.write_text("#!/bin/sh\nexit 1\n")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert _elsewhere(port) == [Listener(None, frozenset())]
    assert _elsewhere(port) == []


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("192.0.2.2", "020200C0"),
        ("::1", "00000000000000000000000001000000"),
        ("fe80::1%eth0", "000080FE000000000000000001000000"),
        ("localhost", None),
    ],
)
def test_an_address_is_known_in_the_tables_of_the_kernel(host: str, shown: str | None) -> None:
    assert _in_hex(host) == shown
