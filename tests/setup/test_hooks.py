import fcntl
import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from clawsocket.claude.hook_command import MARKER
from clawsocket.claude.hook_events import FIRST_KNOWN, known_events
from clawsocket.claude.settings import foreign
from clawsocket.config import Settings
from clawsocket.errors import FolderError, SettingsFileError
from clawsocket.paths import Home
from clawsocket.setup import hooks as module
from clawsocket.setup import settings_file
from clawsocket.setup.settings_file import Change, paths
from tests.support.json_texts import settings_texts

USERS = '{\n    "n": 1.0, "hooks": {"Stop": [{"hooks": [{"type": "command", "command": "say \\u00fc"}]}]}\n}'


@pytest.fixture(autouse=True)
def claude_knows_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "installed_events", lambda *_: frozenset(FIRST_KNOWN))
    monkeypatch.setattr(settings_file, "_TORN_WAIT", 0.01)


@pytest.fixture
def ours(home: Path) -> Home:
    return Home(home / ".claw-socket")


@pytest.fixture
def claude(home: Path) -> Path:
    folder = home / ".claude"
    folder.mkdir()
    return folder


@pytest.fixture
def file(claude: Path) -> Path:
    path = claude / "settings.json"
    path.write_text(USERS)
    return path


def install(ours: Home, dirs: list[Path], **given: Any) -> list[Change]:
    return module.install(ours, dirs, Settings(**given))


def remove(ours: Home, dirs: list[Path]) -> list[Change]:
    return module.remove(ours, paths(dirs))


def document(path: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(path.read_bytes())
    return result


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def only(changes: list[Change]) -> Change:
    (change,) = changes
    return change


def state(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes()) for path in found}


def test_the_hook_of_our_spool_is_registered_for_every_event_that_is_safe(ours: Home, file: Path) -> None:
    assert only(install(ours, [file.parent])).action == "updated"
    hooks = document(file)["hooks"]
    assert set(hooks) == set(FIRST_KNOWN) - {"MessageDisplay", "FileChanged"}
    for entries in hooks.values():
        command = entries[-1]["hooks"][0]["command"]
        assert command.startswith(MARKER)
        assert str(ours.hook) in command
    assert mode(ours.hook) == 0o600
    assert str(ours.spool) in ours.hook.read_text()
    assert "ulimit -f 31250" in ours.hook.read_text()


def test_the_installed_hook_writes_into_the_spool(ours: Home, claude: Path) -> None:
    install(ours, [claude], spool_limit=1_000_000)
    (entry,) = document(claude / "settings.json")["hooks"]["Stop"]
    subprocess.run(["/bin/sh", "-c", entry["hooks"][0]["command"]], input=b"payload", check=True)
    assert [path.read_bytes() for path in ours.spool.iterdir()] == [b"payload"]
    assert mode(ours.spool) == 0o700


def test_only_what_the_installed_claude_code_knows_is_registered(
    ours: Home, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "installed_events", lambda *_: known_events((2, 1, 0)))
    install(ours, [file.parent])
    assert set(document(file)["hooks"]) == known_events((2, 1, 0))


def test_the_settings_for_live_text_and_watched_files_are_followed(ours: Home, file: Path) -> None:
    install(ours, [file.parent], stream=True, watch_files=(".env", "b"))
    hooks = document(file)["hooks"]
    assert set(hooks) == set(FIRST_KNOWN)
    assert hooks["FileChanged"][0]["matcher"] == ".env|b"
    assert only(install(ours, [file.parent])).action == "updated"
    assert not {"MessageDisplay", "FileChanged"} & set(document(file)["hooks"])


def test_a_second_time_nothing_is_written(ours: Home, file: Path, home: Path) -> None:
    install(ours, [file.parent])
    before = state(home)
    assert install(ours, [file.parent]) == [Change(file, "unchanged")]
    assert state(home) == before


def test_without_hooks_of_ours_nothing_is_removed_or_written(ours: Home, file: Path, home: Path) -> None:
    ours.create()
    before = state(file.parent)
    assert remove(ours, [file.parent, home / "none"]) == [
        Change(file, "unchanged"),
        Change(home / "none" / "settings.json", "unchanged"),
    ]
    assert state(file.parent) == before
    assert not ours.backups.exists()
    assert not (home / "none").exists()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(text=settings_texts())
def test_any_file_is_after_install_and_removal_what_it_was(ours: Home, claude: Path, text: str) -> None:
    path = claude / "settings.json"
    text = text.replace("claw-socket", "other")
    for mark in ("", "\ufeff"):
        path.write_bytes((mark + text).encode())
        assert only(install(ours, [claude])).action == "updated"
        assert foreign(path.read_bytes().decode().removeprefix(mark)) == foreign(text)
        assert only(install(ours, [claude])).action == "unchanged"
        assert only(remove(ours, [claude])).action == "restored"
        assert path.read_bytes() == (mark + text).encode()


@pytest.mark.parametrize(
    "content", [b"", b" \r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf{ }\r\n", b"{ }", b'{"hooks": { "Stop": [ ] } }']
)
def test_a_file_with_nothing_in_it_is_restored_too(ours: Home, file: Path, content: bytes) -> None:
    file.write_bytes(content)
    install(ours, [file.parent])
    assert "Stop" in json.loads(file.read_bytes().decode("utf-8-sig"))["hooks"]
    assert only(remove(ours, [file.parent])).action == "restored"
    assert file.read_bytes() == content


def test_after_several_updates_the_first_state_is_restored(ours: Home, file: Path) -> None:
    for stream in (False, True, False):
        install(ours, [file.parent], stream=stream)
    assert only(remove(ours, [file.parent])).action == "restored"
    assert file.read_text() == USERS


def test_what_claude_code_changed_meanwhile_stays(ours: Home, file: Path) -> None:
    install(ours, [file.parent])
    changed = document(file) | {"model": "opus"}
    del changed["n"]
    file.write_text(json.dumps(changed, indent=2) + "\n")
    assert only(install(ours, [file.parent])).action == "unchanged"
    assert only(remove(ours, [file.parent])).action == "removed"
    users = {"hooks": {"Stop": json.loads(USERS)["hooks"]["Stop"]}, "model": "opus"}
    assert file.read_text() == json.dumps(users, indent=2) + "\n"


def test_what_changed_before_an_update_is_what_is_restored(ours: Home, file: Path) -> None:
    install(ours, [file.parent])
    file.write_text(file.read_text().replace("1.0", "2.50"))
    install(ours, [file.parent], stream=True)
    assert only(remove(ours, [file.parent])).action == "restored"
    assert file.read_text() == USERS.replace("1.0", "2.50")


def test_an_entry_of_the_original_program_does_not_come_back(ours: Home, file: Path) -> None:
    curl = {"hooks": [{"type": "command", "command": "curl -d @- http://localhost:3838/hook"}], "_tag": "claw-socket"}
    file.write_text(json.dumps({"a": 1, "hooks": {"Stop": [curl]}}))
    install(ours, [file.parent])
    assert "curl" not in file.read_text()
    remove(ours, [file.parent])
    assert document(file) == {"a": 1}


def test_a_missing_file_is_made_for_its_owner_and_removed_again(ours: Home, home: Path) -> None:
    file = home / "new" / ".claude" / "settings.json"
    assert install(ours, [file.parent]) == [Change(file, "created")]
    assert (mode(file), mode(file.parent)) == (0o600, 0o700)
    assert only(remove(ours, [file.parent])).action == "restored"
    assert not file.exists()
    assert list(file.parent.iterdir()) == []


@pytest.mark.parametrize("added", [{}, {"model": "opus"}])
def test_a_file_that_we_made_stays_if_it_has_something_else(ours: Home, claude: Path, added: dict[str, str]) -> None:
    file = claude / "settings.json"
    install(ours, [claude])
    file.write_text(json.dumps(document(file) | added, indent=4))
    install(ours, [claude], stream=True)
    file.write_text(json.dumps(document(file), indent=2))
    assert only(remove(ours, [claude])).action == "removed"
    assert file.exists() == bool(added)
    if added:
        assert document(file) == added


def test_a_users_empty_file_is_not_taken_for_ours(ours: Home, claude: Path) -> None:
    file = claude / "settings.json"
    install(ours, [claude])
    file.write_text("{}")
    assert only(remove(ours, [claude])).action == "unchanged"
    assert file.read_text() == "{}"


def test_a_file_that_was_there_stays_though_it_held_nothing(ours: Home, claude: Path) -> None:
    file = claude / "settings.json"
    file.write_text("{}")
    install(ours, [claude])
    file.write_text(json.dumps(document(file), indent=1))
    remove(ours, [claude])
    assert document(file) == {}


def test_a_link_is_followed_and_stays(ours: Home, file: Path, home: Path) -> None:
    target = home / "dotfiles" / "claude.json"
    target.parent.mkdir()
    file.rename(target)
    file.symlink_to(target)
    assert only(install(ours, [file.parent])).path == target
    assert file.is_symlink()
    assert "SessionEnd" in document(target)["hooks"]
    remove(ours, [file.parent])
    assert file.is_symlink()
    assert target.read_text() == USERS


def test_several_folders_are_done_and_one_that_is_there_twice_once(ours: Home, file: Path, home: Path) -> None:
    (home / "link").symlink_to(file.parent)
    folders = [file.parent, home / "other", home / "link"]
    assert [change.action for change in install(ours, folders)] == ["updated", "created"]
    assert [change.action for change in remove(ours, folders)] == ["restored", "restored"]


def test_hooks_are_refreshed_where_they_are_and_nowhere_else(ours: Home, file: Path, home: Path) -> None:
    taken_out, never = home / "b" / "settings.json", home / "c" / "settings.json"
    never.parent.mkdir()
    never.write_text(USERS)
    install(ours, [file.parent, taken_out.parent])
    current = file.read_bytes()
    taken_out.write_text(USERS)
    assert module.preview_refresh(ours, Settings()) == []
    watching = Settings(watch_files=(".env",))
    (shown,) = module.preview_refresh(ours, watching)
    module.refresh(ours, watching)
    assert (shown[0], shown[2].encode()) == (file, file.read_bytes())
    assert file.read_bytes() != current
    assert (taken_out.read_text(), never.read_text()) == (USERS, USERS)
    taken_out.unlink()
    assert [change.path for change in module.refresh(ours, watching)] == [file]
    assert not taken_out.exists()


@pytest.mark.parametrize("damage", ["unlink", "empty", "limit"])
def test_the_script_is_put_right_where_the_settings_are(ours: Home, file: Path, damage: str) -> None:
    install(ours, [file.parent])
    right, settings = ours.hook.read_text(), file.read_bytes()
    assert [found.is_right for found in module.look(ours, [file.parent], Settings())] == [True]
    mends: list[Callable[[], list[Change]]] = [
        lambda: install(ours, [file.parent]),
        lambda: module.refresh(ours, Settings()),
    ]
    for mend in mends:
        if damage == "unlink":
            ours.hook.unlink()
        else:
            ours.hook.write_text("" if damage == "empty" else right.replace("31250", "1"))
        before = ours.hook.read_text() if ours.hook.exists() else ""
        (found,) = module.look(ours, [file.parent], Settings())
        assert (found.is_right, found.lacks_script) == (False, True)
        assert module.preview(ours, [file.parent], Settings()) == [(ours.hook, before, right)]
        assert module.preview_refresh(ours, Settings()) == [(ours.hook, before, right)]
        assert only(mend()).action == "unchanged"
        assert (ours.hook.read_text(), mode(ours.hook), file.read_bytes()) == (right, 0o600, settings)


def test_a_changed_limit_changes_the_script_alone(ours: Home, file: Path) -> None:
    install(ours, [file.parent])
    settings = file.read_bytes()
    assert only(install(ours, [file.parent], spool_limit=512 * 4242)).action == "unchanged"
    assert "ulimit -f 4242;" in ours.hook.read_text()
    assert file.read_bytes() == settings


def test_a_hook_of_an_older_version_is_replaced_and_leaves_the_file_as_it_was(ours: Home, file: Path) -> None:
    install(ours, [file.parent])
    new = document(file)["hooks"]["Stop"][-1]["hooks"][0]["command"]
    old = f"{MARKER} {{ umask 077; cd {ours.spool} && cat >>.$$ && mv .$$ $$.json || cat; }} >/dev/null 2>&1; exit 0"
    file.write_text(file.read_text().replace(json.dumps(new), json.dumps(old)))
    ours.hook.unlink()
    assert only(module.refresh(ours, Settings(spool_limit=1024))).action == "updated"
    assert {entries[-1]["hooks"][0]["command"] for entries in document(file)["hooks"].values()} == {new}
    assert ours.hook.exists()
    assert only(remove(ours, [file.parent])).action == "restored"
    assert file.read_text() == USERS


def test_the_script_is_there_before_the_settings_name_it(ours: Home, file: Path) -> None:
    ours.create()
    ours.hook.mkdir()
    with pytest.raises(FolderError, match="hook: cannot be written"):
        install(ours, [file.parent])
    assert file.read_text() == USERS


def test_a_backup_from_before_every_change_is_kept_of_the_last_ten(ours: Home, file: Path) -> None:
    for number in range(14):
        before = file.read_bytes()
        change = only(install(ours, [file.parent], stream=bool(number % 2)))
        assert change.backup
        assert change.backup.read_bytes() == before
        assert mode(change.backup) == 0o600
    assert len(list(ours.backups.glob("*.json"))) == 10
    assert mode(ours.backups) == 0o700
    assert {mode(path) for path in ours.backups.iterdir()} == {0o600}
    remove(ours, [file.parent])
    assert file.read_text() == USERS
    assert not list(ours.backups.glob("*.record")), "it holds the user's text"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'{"a": 1,}', "is not JSON: a key was expected"),
        (b'{"a": 1} // mine', "is not JSON"),
        (b"[]", "is not a JSON object"),
        (b'{"hooks": []}', '"hooks" is not an object'),
        (b'{"hooks": {"Stop": {}}}', "are not a list"),
        (b'{"hooks": {}, "hooks": {}}', "is there 2 times"),
        (b'{"a": "\xff"}', "is not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "is not UTF-8"),
    ],
)
def test_what_does_not_parse_is_left_as_it_is(ours: Home, file: Path, content: bytes, problem: str) -> None:
    file.write_bytes(content)
    before = state(file.parent)
    for act in (install, remove):
        with pytest.raises(SettingsFileError, match=problem) as raised:
            act(ours, [file.parent])
        assert raised.value.path == file
    assert state(file.parent) == before
    assert not ours.backups.exists()


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_is_read_only_is_left_as_it_is(ours: Home, file: Path, what: str) -> None:
    item = file if what == "file" else file.parent
    item.chmod(item.stat().st_mode & 0o555)
    with pytest.raises(SettingsFileError, match="read-only"):
        install(ours, [file.parent])
    assert file.read_text() == USERS
    assert not ours.backups.exists()
    item.chmod(0o700)


def test_a_folder_in_the_place_of_the_file_is_an_error(ours: Home, claude: Path) -> None:
    (claude / "settings.json").mkdir()
    with pytest.raises(SettingsFileError, match="not a regular file"):
        install(ours, [claude])


def test_one_bad_file_does_not_keep_the_others_from_being_done(ours: Home, file: Path, home: Path) -> None:
    bad = home / "bad"
    bad.mkdir()
    (bad / "settings.json").write_text("{")
    with pytest.raises(SettingsFileError, match="bad"):
        install(ours, [bad, file.parent])
    assert "SessionEnd" in document(file)["hooks"]


def test_a_spool_that_json_cannot_name_is_refused(home: Path, file: Path) -> None:
    with pytest.raises(FolderError, match="UTF-8"):
        install(Home(home / os.fsdecode(b"caf\xe9")), [file.parent])
    assert file.read_text() == USERS


def test_without_a_backup_nothing_is_changed(ours: Home, file: Path) -> None:
    ours.create()
    ours.backups.write_text("not a folder")
    with pytest.raises(FolderError, match="backups: cannot be written"):
        install(ours, [file.parent])
    with pytest.raises(FolderError, match="backups: cannot be written"):
        install(ours, [file.parent.parent / "new"])
    assert file.read_text() == USERS


def test_an_edit_that_would_change_something_else_is_not_made(
    ours: Home, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "merge", lambda text, *_: text.replace("1.0", "1"))
    with pytest.raises(SettingsFileError, match="more than our entries"):
        install(ours, [file.parent])
    assert file.read_text() == USERS


def test_a_file_that_is_just_being_written_is_waited_for(
    ours: Home, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_file, "_TORN_WAIT", 0.2)
    file.write_text(USERS[:20])
    writer = threading.Timer(0.05, file.write_text, [USERS])
    writer.start()
    install(ours, [file.parent])
    writer.join()
    remove(ours, [file.parent])
    assert file.read_text() == USERS


def test_another_claw_socket_is_waited_for_but_not_for_ever(
    ours: Home, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours.create()
    with (ours.root / "settings.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        monkeypatch.setattr(settings_file, "_LOCK_WAIT", 0.05)
        with pytest.raises(SettingsFileError, match="another claw-socket"):
            install(ours, [file.parent])
        monkeypatch.setattr(settings_file, "_LOCK_WAIT", 10)
        threading.Timer(0.05, fcntl.flock, [lock, fcntl.LOCK_UN]).start()
        assert only(install(ours, [file.parent])).action == "updated"


def test_a_program_that_never_stops_writing_is_given_up(
    ours: Home, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_file, "swap", lambda *arguments: not arguments)
    monkeypatch.setattr(settings_file, "_BETWEEN_TRIES", 0)
    with pytest.raises(SettingsFileError, match="keeps changing"):
        install(ours, [file.parent])
    assert not list(ours.backups.glob("*.json")), "nothing was changed, so nothing has to be kept"


WRITER = """
import json, os, sys
path, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
for number in range(count):
    with open(path) as file:
        document = json.load(file)
    document[f"{name}{number}"] = number
    with open(path + name, "w") as file:
        json.dump(document, file, indent=2)
    os.rename(path + name, path)
"""
INSTALLER = """
import sys
from pathlib import Path
from clawsocket.config import Settings
from clawsocket.paths import Home
from clawsocket.setup import settings_file
from clawsocket.setup.hooks import install, remove
settings_file._LOCK_WAIT, settings_file._TRIES = 60, 10_000
for number in range(int(sys.argv[3])):
    install(Home(Path(sys.argv[1])), [Path(sys.argv[2])], Settings())
    remove(Home(Path(sys.argv[1])), settings_file.paths([Path(sys.argv[2])]))
install(Home(Path(sys.argv[1])), [Path(sys.argv[2])], Settings())
"""


def test_nothing_is_lost_among_writers_that_know_no_lock(ours: Home, file: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(file), "w", "400"])
    installers = [
        subprocess.Popen([sys.executable, "-c", INSTALLER, str(ours.root), str(file.parent), "4"]) for _ in range(2)
    ]
    assert [process.wait(50) for process in (writer, *installers)] == [0, 0, 0]
    install(ours, [file.parent])
    found = document(file)
    assert [key for key in found if key.startswith("w")] == [f"w{number}" for number in range(400)]
    assert found["n"] == 1.0
    assert all(str(ours.hook) in json.dumps(entries[-1]) for entries in found["hooks"].values())
    remove(ours, [file.parent])
    assert document(file)["hooks"] == json.loads(USERS)["hooks"]
    assert [path.name for path in file.parent.iterdir()] == ["settings.json"]
