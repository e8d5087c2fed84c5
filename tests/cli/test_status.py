"""``claw-socket status``: short for people, whole for programs, and it exits 1 where nothing runs."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from clawsocket import __version__
from clawsocket.cli import main
from clawsocket.doctor import running
from clawsocket.paths import Home as Folder
from tests.support.feed import hook, session_file, spool
from tests.support.service import Service
from tests.support.waiting import wait_for


def asked(capsys: pytest.CaptureFixture[str], *flags: str) -> tuple[int, str]:
    capsys.readouterr()
    return main(["status", *flags]), capsys.readouterr().out


def test_nothing_runs_and_nothing_is_made(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = asked(capsys)
    assert code == 1
    assert text.startswith(f"claw-socket  {__version__}, does not run\n")
    assert "token        none yet\n" in text
    assert list(home.iterdir()) == []


def test_what_runs_is_shown_with_its_sessions(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with session_file(home), Service(home) as service:
        service.wait_for_hooks()
        wait_for(lambda: (found := running.look(Folder(home / ".claw-socket"))) and found.states, "the session")
        code, text = asked(capsys)
        assert code == 0
        lines = dict(line.split(maxsplit=1) for line in text.splitlines())
        assert lines["claw-socket"] == f"{__version__}, runs at {service.endpoint['url']}, pid {service.process.pid}"
        assert lines["sessions"] == "1: 1 idle"
        assert lines["hooks"] == f"in {service.settings}"
        assert lines["token"] == str(home / ".claw-socket" / "token")
        code, text = asked(capsys, "--json")
        facts = json.loads(text)
        assert facts.pop("service") is None or facts["running"]
        assert facts == {
            "running": True,
            "version": __version__,
            "pid": service.process.pid,
            "url": service.endpoint["url"],
            "sessions": {"idle": 1},
            "hooks": {str(service.settings): True},
            "token": str(home / ".claw-socket" / "token"),
            "waiting": 0,
        }
        assert service.token not in text
        service.settings.write_text("{}")
        assert "not as they should be" in asked(capsys)[1]


def test_hooks_that_wait_are_counted(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--rotate-token"])
    spool(home, "one", hook(1))
    assert "spool        hooks that wait: 1" in asked(capsys)[1]


def test_settings_that_can_not_be_read_are_no_reason_to_say_nothing(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--rotate-token"])
    (home / ".claw-socket" / "config.toml").write_text("port = 'x'")
    assert "hooks        unknown; claw-socket doctor tells why" in asked(capsys)[1]


@pytest.mark.parametrize("content", ["", "{}", '{"url": 1}', '{"url": "ws://x/", "pid": 1, "version": "1"}'])
def test_an_endpoint_that_leads_nowhere_is_nothing_that_runs(
    home: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--rotate-token"])
    (home / ".claw-socket" / "endpoint").write_text(content)
    began = time.monotonic()
    assert asked(capsys)[0] == 1
    assert time.monotonic() - began < 2
