"""``claw-socket history``: what the log knows is listed, shown, exported, and forgotten for good."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
from argparse import Namespace
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from clawsocket.cli import history
from clawsocket.cli.look import columns
from clawsocket.cli.parsing import when
from clawsocket.errors import StoreError, UsageError
from clawsocket.log.block import Row
from clawsocket.log.store import SavedSession
from clawsocket.log.viewer import Viewer
from clawsocket.paths import Home
from tests.support.feed import SESSION, hook, session_file, spool
from tests.support.screen import Screen
from tests.support.service import Service, run_command
from tests.support.waiting import wait_for

OTHER = "bbbb1111-2222-4333-8444-555555555555"
SECRET = "correct-horse-battery-staple"


@pytest.fixture
def used(tmp_path: Path) -> Path:
    """A home in which two sessions have been."""
    with Service(tmp_path) as service, service.connect() as client:
        client.follow()
        spool(tmp_path, "1", hook(1, prompt=SECRET))
        spool(tmp_path, "2", hook(2, session_id=OTHER, cwd="/other"))
        wait_for(lambda: client.of(OTHER, "hook.notification"), "the hooks")
    return tmp_path


def lines(home: Path, *arguments: str) -> list[str]:
    done = run_command(home, "history", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def holding(home: Path) -> list[str]:
    folder = home / ".claw-socket"
    return [path.name for path in folder.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]


def test_sessions_are_listed_newest_first_and_by_project_and_time(used: Path) -> None:
    assert [one.split()[0] for one in lines(used)] == [OTHER, SESSION]
    assert [json.loads(one)["sessionId"] for one in lines(used, "--json", "--project", "/w")] == [SESSION]
    assert len(lines(used, "--since", "1d")) == 2
    none = run_command(used, "history", "--since", "2100-01-01")
    assert (none.returncode, none.stdout) == (0, "")
    assert "no such session" in none.stderr


@pytest.mark.parametrize(
    ("since", "project", "said"),
    [(None, None, "no session yet"), (1, None, "no such session"), (None, "/w", "no such session")],
)
def test_where_there_is_none_it_is_said_whether_there_is_any_at_all(
    capsys: pytest.CaptureFixture[str], since: int | None, project: str | None, said: str
) -> None:
    viewer = cast(Viewer, SimpleNamespace(sessions=list))
    history._list(viewer, Namespace(since=since, project=project, json=False))
    assert capsys.readouterr() == ("", f"The log knows {said}.\n")


def test_the_names_of_sessions_stand_below_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    known = [
        SavedSession(
            id, project, ended=False, last_at=0, saved=json.dumps({"info": {"name": "n-1", "state": "idle"}}).encode()
        )
        for id, project in ((SESSION, "/w"), (OTHER, "/日本/other"))
    ]
    viewer = cast(Viewer, SimpleNamespace(sessions=lambda: known))
    history._list(viewer, Namespace(since=None, project=None, json=False))
    shown = capsys.readouterr().out.splitlines()
    assert len({columns(one.partition("n-1")[0]) for one in shown}) == 1


def test_a_session_is_shown_and_exported_by_the_beginning_of_its_id(used: Path) -> None:
    (shown,) = [one for one in lines(used, "show", "aaaa") if "hook.notification" in one]
    assert SECRET in shown
    file = used / "out.jsonl"
    assert lines(used, "export", "aaaa", str(file)) == []
    assert file.read_text().splitlines() == lines(used, "show", "--json", SESSION) == lines(used, "export", "aaaa")
    assert lines(used, "--json", "show", SESSION) == lines(used, "export", "aaaa")
    events = [json.loads(one) for one in file.read_text().splitlines()]
    assert "hook.notification" in [event["type"] for event in events]
    assert all(event["sessionId"] == SESSION and "seq" not in event for event in events)
    again = run_command(used, "history", "export", "aaaa", str(file))
    assert (again.returncode, again.stderr) == (1, f"claw-socket: {file}: File exists\n")


def test_a_session_is_shown_by_its_name_which_shells_complete(tmp_path: Path) -> None:
    with Service(tmp_path) as service, session_file(tmp_path, name="w-1"):
        service.wait_for_hooks()
        wait_for(lambda: run_command(tmp_path, "completion", "sessions").stdout.startswith("w-1\t"), "its name")
        wait_for(lambda: run_command(tmp_path, "history").stdout, "it in the log")
        assert lines(tmp_path, "show", "--json", "w-1") == lines(tmp_path, "show", "--json", SESSION)
        with session_file(tmp_path, OTHER, name="w-1"):
            wait_for(lambda: run_command(tmp_path, "history").stdout.count("w-1") == 2, "another of its name")
            two = run_command(tmp_path, "history", "show", "w-1")
            assert two.stderr.startswith("claw-socket: 2 sessions have the id or name 'w-1', or an id that begins so;")


@pytest.mark.parametrize("running", [False, True])
def test_what_is_purged_is_in_no_file_any_more(used: Path, running: bool) -> None:
    folder = used / ".claw-socket"
    assert holding(used) != []
    for name in ("log.db.damaged-1", "log.db.newer-1", "log.db.newer-1-wal"):
        (folder / name).write_text(SECRET)
    if running:
        with Service(used) as service, service.connect() as client:
            client.follow()
            assert lines(used, "purge", "--session", "aaaa", "--yes")[-1].startswith("1 session forgotten: ")
            assert holding(used) == []
            wait_for(lambda: client.of(SESSION, "session.removed"), "what clients are told")
            assert [one["sessionId"] for one in client.ask("get_session_list", all=True)["sessions"]] == [OTHER]
    else:
        (folder / "spool" / "3.json").write_bytes(hook(3, prompt=SECRET))
        assert lines(used, "purge", "--session", "aaaa", "--yes")[-1].startswith("1 session forgotten: ")
    assert holding(used) == []
    assert [one.split()[0] for one in lines(used)] == [OTHER]


@pytest.mark.parametrize("running", [False, True])
def test_of_several_purges_at_once_each_is_done(tmp_path: Path, running: bool) -> None:
    sessions = [f"{number}{SESSION[1:]}" for number in range(4)]
    with contextlib.ExitStack() as stack:
        with Service(tmp_path) as service, service.connect() as client:
            client.follow()
            for number, session in enumerate(sessions):
                spool(tmp_path, str(number), hook(number, session_id=session, prompt=SECRET))
            wait_for(lambda: all(client.of(one, "hook.notification") for one in sessions), "the hooks")
        if running:
            stack.enter_context(Service(tmp_path))
        purge = partial(run_command, tmp_path, "history", "purge", "--yes", "--session")
        with ThreadPoolExecutor() as threads:
            done = list(threads.map(purge, sessions))
        assert [(one.returncode, one.stderr) for one in done] == [(0, "")] * 4
        assert holding(tmp_path) == []
        assert lines(tmp_path, "--json") == []


def test_beside_a_reader_a_purge_says_so_and_can_be_asked_again(used: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(used))
    with Service(used), contextlib.closing(sqlite3.connect(used / ".claw-socket" / "log.db")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM blocks").fetchone()
        with pytest.raises(StoreError, match="somebody else reads it; try again when that has ended"):
            history.main(["purge", "--session", "aaaa", "--yes"])
        assert not Home.default().purge.exists()
        reader.rollback()
        assert history.main(["purge", "--session", "aaaa", "--yes"]) == 0
    assert holding(used) == []


def test_no_request_to_the_service_takes_the_place_of_another(tmp_path: Path) -> None:
    home = Home(tmp_path / "claw")
    home.create()
    served: list[str] = []
    with home.lock(), ThreadPoolExecutor() as threads:
        done = [threads.submit(history.forget, home, [one]) for one in "abcd"]
        while len(served) < len(done):
            wait_for(home.purge.exists, "a request")
            served += json.loads(home.purge.read_bytes())["sessions"]
            home.purge.unlink()
        assert [one.result() for one in done] == [None] * 4
    assert sorted(served) == ["a", "b", "c", "d"]


def test_a_purge_leaves_the_log_as_it_goes_on(used: Path) -> None:
    def meta() -> dict[str, object]:
        db = sqlite3.connect(used / ".claw-socket" / "log.db")
        try:
            return dict(db.execute("SELECT name, value FROM meta"))
        finally:
            db.close()

    before = meta()
    lines(used, "purge", "--project", "/other", "--yes")
    assert meta() == before


def test_a_purge_asks_and_can_only_tell(used: Path) -> None:
    assert lines(used, "purge", "--before", "0d", "--dry-run")[-1] == "2 sessions would be forgotten."
    assert lines(used, "purge", "--before", "30d", "--yes") == ["Nothing is to be forgotten."]
    done = run_command(used, "history", "purge", "--session", "aaaa")
    assert done.returncode == 1
    assert "--yes" in done.stderr
    assert holding(used) != []


@pytest.mark.skipif(shutil.which("tmux") is None and not os.environ.get("CI"), reason="needs tmux")
def test_a_purge_that_gets_no_answer_changes_nothing(used: Path) -> None:
    for key in ("C-d", "Enter"):
        with Screen(used, "history", "purge", "--session", "aaaa") as screen:
            screen.shows("[y/N]")
            screen.press(key)
            shown = screen.shows("EXIT:1")
            assert "Nothing was changed." in shown
            assert "Traceback" not in shown
    assert holding(used) != []


def test_without_a_log_it_says_what_to_do(tmp_path: Path) -> None:
    done = run_command(tmp_path, "history")
    assert done.returncode == 8
    assert "there is no log yet" in done.stderr
    assert not (tmp_path / ".claw-socket").exists()


def test_wrong_words_are_one_clear_line(used: Path) -> None:
    for wrong in (["--since", "soon"], ["show", "zzzz"], ["show"], ["purge"], ["--nonsense"]):
        done = run_command(used, "history", *wrong)
        assert done.returncode == 1, wrong
        assert len(done.stderr.splitlines()) == 1, wrong


def test_help_teaches(tmp_path: Path) -> None:
    done = run_command(tmp_path, "history", "--help")
    assert done.returncode == 0
    assert "history purge --project" in done.stdout


def test_a_service_that_does_not_answer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path / "claw")
    home.create()
    monkeypatch.setattr(history, "PATIENCE", 0.1)
    with home.lock(), pytest.raises(StoreError, match="did not forget"):
        history.forget(home, [SESSION])
    assert not home.purge.exists()


def test_times_are_days_and_ages() -> None:
    assert when("1d") < when("1h")
    with pytest.raises(UsageError):
        history.main(["--since", "2026-13-01"])


def test_a_reader_beside_the_service_changes_nothing(used: Path) -> None:
    path = used / ".claw-socket" / "log.db"
    before = path.read_bytes()
    lines(used, "show", SESSION)
    assert path.read_bytes() == before
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_a_hook_says_steers_no_terminal(tmp_path: Path) -> None:
    with Service(tmp_path) as service, service.connect() as client:
        client.follow()
        evil = "/p/\x1b]0;title\x07\x1b[31mred"
        spool(tmp_path, "1", hook(1, cwd=evil, agent_id="\x1b[2J"))
        wait_for(lambda: client.of(SESSION, "hook.notification"), "the hook")
    for command in ([], ["show", "aaaa"], ["purge", "--session", "aaaa", "--dry-run"]):
        told = lines(tmp_path, *command)
        assert told
        assert all(one.isprintable() for one in told)


def test_what_is_not_exported_leaves_no_file(used: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = used / "out.jsonl"
    assert run_command(used, "history", "export", "nobody", str(file)).returncode == 1
    assert not file.exists()
    with contextlib.closing(Viewer(used / ".claw-socket" / "log.db")) as viewer:
        monkeypatch.setattr(history, "_sent", broken)
        with pytest.raises(ValueError, match="broken"):
            history._export(viewer, SESSION, file)
    assert not file.exists()


def broken(_row: Row) -> dict[str, object]:
    raise ValueError("broken")
