import json
import subprocess
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from clawsocket.claude.hook_events import FIRST_KNOWN
from clawsocket.claude.recorder_command import MARKER
from clawsocket.config import Settings
from clawsocket.errors import SettingsFileError
from clawsocket.paths import Home
from clawsocket.setup import hooks, settings_file, statusline
from clawsocket.setup.settings_file import Change
from tests.support.json_texts import settings_texts

USERS = '{\n    "n": 1.0,  "statusLine": {"type":"command", "command": "say \\u00fc; exit 3", "padding":0} }'


@pytest.fixture(autouse=True)
def claude_knows_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "installed_events", lambda *_: frozenset(FIRST_KNOWN))
    monkeypatch.setattr(settings_file, "_TORN_WAIT", 0.01)


@pytest.fixture
def ours(home: Path) -> Home:
    return Home(home / ".claw-socket")


@pytest.fixture
def file(home: Path) -> Path:
    path = home / ".claude" / "settings.json"
    path.parent.mkdir()
    path.write_text(USERS)
    return path


def only(changes: list[Change]) -> Change:
    (change,) = changes
    return change


def command(file: Path) -> str:
    found: str = json.loads(file.read_bytes())["statusLine"]["command"]
    return found


def test_the_recorder_is_put_before_the_users_command_once(ours: Home, file: Path) -> None:
    assert only(statusline.install(ours, [file.parent])).action == "updated"
    assert command(file).startswith(MARKER)
    assert command(file).endswith("\nsay ü; exit 3")
    assert only(statusline.install(ours, [file.parent])).action == "unchanged"
    assert only(statusline.remove(ours, [file])).action == "restored"
    assert file.read_text() == USERS
    assert only(statusline.remove(ours, [file])).action == "unchanged"


def test_the_installed_recorder_writes_into_the_spool(ours: Home, file: Path) -> None:
    file.write_text("{}")
    statusline.install(ours, [file.parent])
    said = b'{"session_id":"s"}\n'
    done = subprocess.run(["/bin/sh", "-c", command(file)], input=said, capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")
    assert [path.read_bytes() for path in ours.spool.iterdir()] == [said]


def test_a_file_that_was_made_for_it_goes_with_it(ours: Home, home: Path) -> None:
    file = home / ".claude" / "settings.json"
    assert only(statusline.install(ours, [file.parent])).action == "created"
    assert only(statusline.remove(ours, [file])).action == "restored"
    assert not file.exists()


@pytest.mark.parametrize("first", ["hooks", "statusline"])
@pytest.mark.parametrize("last", ["hooks", "statusline"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(text=settings_texts())
def test_with_hooks_in_any_order_the_file_is_in_the_end_what_it_was(
    ours: Home, home: Path, first: str, last: str, text: str
) -> None:
    file = home / ".claude" / "settings.json"
    file.parent.mkdir(exist_ok=True)
    text = text.replace("claw-socket", "other")
    file.write_bytes(text.encode())
    parts = [hooks, statusline]
    installs = [
        partial(hooks.install, ours, [file.parent], Settings()),
        partial(statusline.install, ours, [file.parent]),
    ]
    for install in installs if first == "hooks" else installs[::-1]:
        install()
    for part in parts[::-1] if last == "hooks" else parts:
        is_last = part.__name__.endswith(last)
        assert only(part.remove(ours, [file])).action == ("restored" if is_last else "removed")
    assert file.read_bytes() == text.encode()


def test_each_stays_when_the_other_goes(ours: Home, file: Path) -> None:
    hooks.install(ours, [file.parent], Settings())
    statusline.install(ours, [file.parent])
    hooks.remove(ours, [file])
    assert command(file).startswith(MARKER)
    assert "hooks" not in json.loads(file.read_text())
    hooks.install(ours, [file.parent], Settings())
    statusline.remove(ours, [file])
    assert command(file) == "say ü; exit 3"
    assert "Stop" in json.loads(file.read_text())["hooks"]
    hooks.remove(ours, [file])
    assert file.read_text() == USERS


def test_what_claude_code_changed_meanwhile_stays(ours: Home, file: Path) -> None:
    statusline.install(ours, [file.parent])
    file.write_text(json.dumps(json.loads(file.read_text()) | {"model": "opus"}, indent=2))
    assert only(statusline.remove(ours, [file])).action == "removed"
    assert json.loads(file.read_text()) == json.loads(USERS) | {"model": "opus"}
    assert '"say \\u00fc; exit 3"' in file.read_text()


def test_a_status_line_that_the_user_has_replaced_is_left_alone(ours: Home, file: Path) -> None:
    statusline.install(ours, [file.parent])
    file.write_text('{"statusLine": {"type": "command", "command": "new"}}')
    assert only(statusline.remove(ours, [file])).action == "unchanged"
    assert command(file) == "new"


def test_an_odd_status_line_is_left_as_it_is(ours: Home, file: Path) -> None:
    file.write_text('{"statusLine": "mine"}')
    with pytest.raises(SettingsFileError, match="not a command"):
        statusline.install(ours, [file.parent])
    assert file.read_text() == '{"statusLine": "mine"}'
    assert only(hooks.install(ours, [file.parent], Settings())).action == "updated"
    assert only(hooks.remove(ours, [file])).action == "restored"
