"""``claw-socket token``: the file is what counts, the keyring brings it back, and a running service follows."""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from clawsocket.cli import main
from clawsocket.setup import keyring
from tests.support.secret_service import Desktop
from tests.support.service import Service
from tests.support.waiting import wait_for

OLD = "ab" * 32
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the Secret Service is Linux's")


@pytest.fixture
def path(home: Path) -> Path:
    return home / ".claw-socket" / "token"


@pytest.fixture
def desktop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desktop]:
    with Desktop(tmp_path) as desktop:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", desktop.address)
        yield desktop


def out(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.strip()


def test_it_is_shown_and_so_is_its_place(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token", "path"]) == 0
    assert out(capsys) == str(path)
    assert main(["token", "show"]) == 5
    told = capsys.readouterr()
    assert (told.out, "holds no token; claw-socket token restore" in told.err) == ("", True)
    assert not path.parent.exists()
    assert main(["token", "rotate"]) == 0
    assert path.read_text() not in out(capsys)
    assert main(["token", "show"]) == 0
    assert out(capsys) == path.read_text().strip()


@pytest.mark.parametrize("argv", [[], ["frob"], ["show", "me"], ["rotate", "--frob"]])
def test_a_wrong_argument_is_one_line(argv: list[str], home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token", *argv]) == 1
    assert "--help tells more\n" in capsys.readouterr().err


@LINUX
def test_a_lost_file_comes_back_and_the_running_service_never_minded(
    home: Path, path: Path, desktop: Desktop, capsys: pytest.CaptureFixture[str]
) -> None:
    with Service(home) as service, service.connect() as client:
        before = path.read_text()
        assert main(["token", "store"]) == 0
        path.unlink()
        assert main(["token", "restore"]) == 0
        assert path.read_text() == before
        assert path.stat().st_mode & 0o777 == 0o600
        assert client.ask("get_snapshot")["type"] == "snapshot"
    assert before.strip() not in capsys.readouterr().out


@LINUX
def test_a_new_token_reaches_the_service_and_the_keyring_and_hooks_go_on(
    home: Path, path: Path, desktop: Desktop
) -> None:
    with Service(home) as service:
        old = service.token
        assert main(["token", "store"]) == 0
        with connect(f"ws://{service.address}/", additional_headers={"Authorization": f"Bearer {old}"}) as client:
            assert json.loads(client.recv(10))["type"] == "snapshot"
            assert main(["token", "rotate"]) == 0
            with pytest.raises(ConnectionClosed) as closed:
                client.recv(10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4409
        assert service.token != old
        assert keyring.load().token == service.token
        with service.connect() as client:
            client.follow()
            body = {"hook_event_name": "Notification", "session_id": "s", "message": "after"}
            request = urllib.request.Request(
                f"http://{service.address}/hook",
                json.dumps(body).encode(),
                {"Authorization": f"Bearer {service.token}"},
            )
            with urllib.request.urlopen(request, timeout=5) as answer:
                assert answer.status == 202
            wait_for(lambda: client.of("s", "hook.notification"), "the hook")


@LINUX
def test_rotation_leaves_a_keyring_alone_that_has_no_copy(path: Path, desktop: Desktop) -> None:
    assert main(["token", "rotate"]) == 0
    assert keyring.load().state == "missing"


@LINUX
def test_rotation_tells_of_a_copy_that_could_not_be_replaced(
    path: Path, desktop: Desktop, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["token", "rotate"])
    main(["token", "store"])
    desktop.lock()
    capsys.readouterr()
    assert main(["--rotate-token"]) == 0
    told = capsys.readouterr()
    assert "new token in" in told.out
    assert "locked" in told.err
    assert "claw-socket token store" in told.err


@LINUX
def test_what_the_keyring_can_not_do_has_an_exit_code(path: Path, desktop: Desktop) -> None:
    main(["token", "rotate"])
    assert main(["token", "restore"]) == 12
    desktop.lock()
    assert main(["token", "store"]) == 12


@LINUX
def test_a_valid_token_is_not_replaced_by_the_copy(path: Path, desktop: Desktop) -> None:
    path.parent.mkdir()
    path.write_text(OLD)
    keyring.store(OLD)
    assert main(["token", "restore"]) == 0
    path.write_text("cd" * 32)
    assert main(["token", "restore"]) == 1
    assert path.read_text() == "cd" * 32
    path.write_text("broken")
    assert main(["token", "restore"]) == 0
    assert path.read_text().strip() == OLD


@LINUX
def test_what_is_no_token_is_not_restored(path: Path, desktop: Desktop) -> None:
    keyring.store("something else")
    assert main(["token", "restore"]) == 12
    assert not path.exists()
