"""The copy in the keyring, with a real one: it is kept, and whatever is wrong with it nobody waits."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clawsocket.setup import keyring
from clawsocket.setup.keyring import Result
from tests.support.secret_service import Desktop
from tests.support.service import PROGRAM

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the Secret Service is Linux's")

FIRST, SECOND = "ab" * 32, "cd" * 32

CALLS: dict[str, Callable[[], Result]] = {
    "store": lambda: keyring.store(FIRST),
    "load": keyring.load,
    "update": lambda: keyring.update(FIRST),
    "delete": keyring.delete,
}


@pytest.fixture(params=CALLS)
def call(request: pytest.FixtureRequest) -> Callable[[], Result]:
    return CALLS[request.param]


@pytest.fixture
def desktop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path) -> Iterator[Desktop]:
    with Desktop(tmp_path) as desktop:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", desktop.address)
        yield desktop


def timed(call: Callable[[], Result]) -> tuple[str, float]:
    began = time.monotonic()
    result = call()
    assert FIRST not in repr(result)
    return result.state, time.monotonic() - began


def test_a_copy_is_stored_found_replaced_and_deleted(desktop: Desktop) -> None:
    assert keyring.load().state == "missing"
    assert keyring.update(FIRST).state == "missing"
    assert keyring.delete().state == "missing"
    assert keyring.store(FIRST).state == "done"
    assert keyring.load().token == FIRST
    assert keyring.update(SECOND).state == "done"
    assert keyring.load().token == SECOND
    with desktop.collection() as collection:
        assert [item.get_secret() for item in collection.get_all_items()] == [SECOND.encode()]
    assert keyring.delete().state == "done"
    assert keyring.load().state == "missing"
    with desktop.collection() as collection:
        assert list(collection.get_all_items()) == []


def test_each_folder_has_a_copy_of_its_own(desktop: Desktop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keyring.store(FIRST)
    monkeypatch.setenv("CLAW_SOCKET_DIR", str(tmp_path / "other"))
    assert keyring.load().state == "missing"
    keyring.store(SECOND)
    monkeypatch.delenv("CLAW_SOCKET_DIR")
    assert keyring.load().token == FIRST


def test_no_bus_is_no_keyring(call: Callable[[], Result], home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    assert timed(call)[0] == "absent"
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={home / 'nothing'}")
    assert timed(call)[0] == "absent"


def test_a_bus_without_a_keyring_is_no_keyring(
    call: Callable[[], Result], tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Desktop(tmp_path, keyring=False) as desktop:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", desktop.address)
        state, took = timed(call)
    assert (state, took < 2) == ("absent", True)


def test_a_keyring_that_does_not_run_is_not_started(
    call: Callable[[], Result], tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Desktop(tmp_path, keyring=False, services=True) as desktop:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", desktop.address)
        with desktop.calls() as calls:
            assert timed(call)[0] == "absent"
    assert not {"StartServiceByName", "ReadAlias", "OpenSession"} & set(calls)
    assert not (tmp_path / "data").exists()


def test_a_backend_that_keeps_plain_text_is_never_used(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plain.py").write_text(
        "from keyring.backend import KeyringBackend\n"
        "class Plain(KeyringBackend):\n"
        "    priority = 9\n"
        "    def set_password(self, service, name, password): open('stored', 'w').write(password)\n"
        "    def get_password(self, service, name): return 'plain'\n"
    )
    code = f"from clawsocket.setup import keyring; print(keyring.store({FIRST!r}).state, keyring.load().state)"
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "plain.Plain")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(__file__).parents[2]}")
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["absent", "absent"]
    assert not (tmp_path / "stored").exists()


def test_a_locked_keyring_is_told_at_once_and_asks_nobody(call: Callable[[], Result], desktop: Desktop) -> None:
    keyring.store(FIRST)
    desktop.lock()
    with desktop.mute_prompter(), desktop.calls() as calls:
        state, took = timed(call)
    assert (state, took < 1) == ("locked", True)
    assert "ReadAlias" in calls
    assert not {"Unlock", "Prompt", "CreateCollection", "BeginPrompting"} & set(calls)


def test_a_keyring_that_was_never_made_is_not_made(call: Callable[[], Result], desktop: Desktop) -> None:
    with desktop.collection() as collection:
        collection.delete()
    with desktop.mute_prompter(), desktop.calls() as calls:
        assert timed(call)[0] == "locked"
    assert not {"Unlock", "Prompt", "CreateCollection", "BeginPrompting"} & set(calls)


def test_a_frozen_keyring_is_given_up(call: Callable[[], Result], desktop: Desktop) -> None:
    keyring.store(FIRST)
    with desktop.frozen():
        state, took = timed(call)
    assert (state, took < 2.5) == ("silent", True)


def test_a_keyring_that_asks_all_the_same_is_given_up(desktop: Desktop) -> None:
    code = (
        "import time; from clawsocket.setup import keyring; from keyring.backends import SecretService\n"
        "keyring._secret_service = lambda: SecretService.Keyring\n"
        "for call in (lambda: keyring.store('x'), keyring.load, lambda: keyring.update('x'), keyring.delete):\n"
        "    began = time.monotonic(); print(call().state, time.monotonic() - began < 2.5)"
    )
    keyring.store(FIRST)
    desktop.lock()
    with desktop.mute_prompter(), desktop.calls() as calls:
        done = subprocess.run(
            [sys.executable, "-c", code], env=desktop.environment, capture_output=True, text=True, check=True
        )
    assert done.stdout.splitlines() == ["silent True"] * 4
    assert {"Unlock", "Prompt", "BeginPrompting"} <= set(calls)


def test_a_process_ends_though_its_keyring_does_not_answer(desktop: Desktop) -> None:
    command = [*PROGRAM, "token", "rotate"]
    with desktop.frozen():
        began = time.monotonic()
        done = subprocess.run(command, env=desktop.environment, capture_output=True, text=True, check=True)
        assert time.monotonic() - began < 4
    assert "did not answer within 2 s" in done.stderr
    assert "claw-socket token store" in done.stderr


def test_an_error_of_a_library_is_told_without_its_text(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    def broken() -> None:
        raise ValueError(FIRST)

    monkeypatch.setattr(keyring, "_found", broken)
    assert keyring.store(FIRST) == Result("failed", "the keyring could not do it (ValueError)")


def test_the_service_and_the_version_do_without_the_library() -> None:
    code = (
        "import sys; from clawsocket.cli import main; main(['--version']); import clawsocket.app, clawsocket.cli.serve;"
        "print([name for name in sys.modules if name.split('.')[0] in ('keyring', 'secretstorage', 'jeepney')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1] == "[]"
