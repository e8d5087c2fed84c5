import json
from typing import Any

import pytest
from hypothesis import given

from clawsocket.claude.recorder_command import MARKER, recorder_command, users_command
from clawsocket.claude.settings import entries, foreign, merge, strip, strip_hooks
from clawsocket.claude.status_line_setting import put, take
from tests.support.json_texts import settings_texts

WANTED = entries(": claw-socket spool hook; x", ["Stop"])
USERS = "echo '\u00fc' | sed 's/a/b/' # mine\n"
LINE = {"type": "command", "padding": 2, "command": USERS, "refreshInterval": 5}


def recorder(users: str | None, spool: str = "/home/u/.claw-socket/spool") -> str:
    return recorder_command(spool, users)


def command(text: str) -> str:
    found: str = json.loads(text)["statusLine"]["command"]
    return found


def with_line(text: str, line: object = None) -> str:
    """A settings file with a status line at its beginning."""
    head, _, rest = text.partition("{")
    return f'{head}{{"statusLine": {json.dumps(line or LINE)}{"," if rest.strip()[:-1].strip() else ""}{rest}'


def test_the_users_command_comes_after_the_recorder_as_it_was_written() -> None:
    text = put(json.dumps({"a": 1, "statusLine": LINE}), recorder)
    assert json.loads(text) == {"a": 1, "statusLine": {**LINE, "command": recorder(USERS)}}
    assert command(text).startswith(MARKER)
    assert command(text).endswith("\n" + USERS)
    assert users_command(command(text)) == USERS


def test_where_there_is_no_status_line_the_recorder_is_alone() -> None:
    text = put("{}", recorder)
    assert json.loads(text) == {"statusLine": {"type": "command", "command": recorder(None)}}
    assert users_command(command(text)) is None


@pytest.mark.parametrize("users", ["", "x", recorder("nested"), recorder(None), "a\n_claw_socket\nb"])
def test_whatever_the_users_command_is_it_comes_back(users: str) -> None:
    assert users_command(recorder(users)) == users


@given(settings_texts())
def test_any_file_keeps_everything_else_and_is_after_removal_what_it_was(text: str) -> None:
    for before in (text, with_line(text)):
        new = put(before, recorder)
        assert foreign(new) == foreign(before)
        assert put(new, recorder) == new
        assert take(new, before) == before


@given(settings_texts())
def test_hooks_and_recorder_are_put_in_and_taken_out_in_any_order(text: str) -> None:
    text = text.replace("claw-socket", "other")
    for before in (text, with_line(text)):
        for both in (merge(put(before, recorder), WANTED), put(merge(before, WANTED), recorder)):
            assert foreign(both) == foreign(before)
            assert take(both, before).count("claw-socket") == merge(before, WANTED).count("claw-socket")
            assert strip_hooks(both, before).count("claw-socket") == put(before, recorder).count("claw-socket")
            assert foreign(strip(both, before)) == foreign(before)
            assert "claw-socket" not in strip(both, before)


def test_a_new_recorder_takes_the_place_of_an_old_one() -> None:
    old = put(json.dumps({"statusLine": LINE}), lambda users: recorder(users, "/elsewhere"))
    new = put(old, recorder)
    assert command(new) == recorder(USERS)


def test_what_the_user_changed_in_his_command_meanwhile_stays() -> None:
    before = json.dumps({"statusLine": LINE})
    text = put(before, recorder).replace("sed", "awk")
    assert json.loads(take(text, before)) == json.loads(before.replace("sed", "awk"))


@pytest.mark.parametrize("escaped", ['"say \\u00fc"', '"say ü"', '"say \\/ \\u0041"'])
def test_the_users_command_comes_back_byte_for_byte(escaped: str) -> None:
    before = f'{{"statusLine": {{"command":{escaped},"type":"command"}} }}'
    changed = put(before, recorder)[:-1] + ', "new": 1}'
    assert take(changed, before) == before[:-1] + ', "new": 1}'


def test_a_status_line_that_the_user_wrote_himself_is_not_touched() -> None:
    text = json.dumps({"statusLine": LINE})
    assert take(text) == text
    assert take("") == ""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "is not JSON"),
        ("[]", "is not a JSON object"),
        ('{"statusLine": "x"}', "is not a command"),
        ('{"statusLine": {"type": "command"}}', "is not a command"),
        ('{"statusLine": {"type": "command", "command": 1}}', "is not a command"),
        ('{"statusLine": {"type": "other", "command": "x"}}', "is not a command"),
        ('{"statusLine": {"type": "command", "command": "x", "command": "y"}}', "is not a command"),
        ('{"statusLine": {}, "statusLine": {}}', "is there 2 times"),
    ],
)
def test_what_is_not_as_claude_code_has_it_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        put(text, recorder)


@pytest.mark.parametrize("line", ["x", None, {}, {"type": "command"}, [{"command": MARKER}], {"command": 5}])
def test_an_odd_status_line_does_not_keep_hooks_from_being_installed(line: Any) -> None:
    before = json.dumps({"statusLine": line})
    after = merge(before, WANTED)
    assert foreign(after) == foreign(before)
    assert strip(after, before) == before


def test_a_change_of_the_users_part_is_seen() -> None:
    before = json.dumps({"statusLine": LINE})
    assert foreign(put(before, lambda _: recorder("other"))) != foreign(before)
    assert foreign(put(before, lambda _: recorder(None))) != foreign(before)
