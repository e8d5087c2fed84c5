import json
from typing import Any

import pytest
from hypothesis import assume, given

from clawsocket.claude.hook_command import MARKER, hook_command
from clawsocket.claude.hook_events import FIRST_KNOWN
from clawsocket.claude.settings import entries, foreign, hooks_are_off, is_empty, merge, registered, strip
from tests.support.json_texts import settings_texts

COMMAND = hook_command("/home/u/.claw-socket/hook")
WANTED = entries(COMMAND, ["Stop", "SessionEnd", "FileChanged"], watch_files=[".env", "a b.txt"])
OURS = WANTED["Stop"]
USERS = {"hooks": [{"type": "command", "command": "say done"}]}
CURL = "curl -s -X POST http://localhost:3838/hook -H 'Content-Type: application/json' -d @- || true"
Document = dict[str, Any]


def hook(command: str) -> Document:
    return {"type": "command", "command": command}


def merged(document: Document) -> Document:
    result: Document = json.loads(merge(json.dumps(document), WANTED))
    return result


def stripped(document: Document) -> Document:
    result: Document = json.loads(strip(json.dumps(document)))
    return result


def test_an_entry_is_registered_for_every_known_event() -> None:
    wanted = entries(COMMAND, FIRST_KNOWN, stream=True, watch_files=["a"])
    assert set(wanted) == set(FIRST_KNOWN)
    assert wanted["Stop"] == {"hooks": [{"type": "command", "command": COMMAND, "timeout": 10}], "_tag": "claw-socket"}


def test_live_text_and_watched_files_are_registered_only_when_asked_for() -> None:
    wanted = entries(COMMAND, FIRST_KNOWN)
    assert set(FIRST_KNOWN) - set(wanted) == {"MessageDisplay", "FileChanged"}
    assert WANTED["FileChanged"]["matcher"] == ".env|a b.txt"
    assert "matcher" not in OURS
    assert "MessageDisplay" not in entries(COMMAND, ["Stop"], stream=True)


@given(settings_texts())
def test_any_file_gets_our_entries_and_keeps_everything_else_in_its_order(text: str) -> None:
    new = merge(text, WANTED)
    assert foreign(new) == foreign(text)
    hooks = json.loads(new)["hooks"]
    for event, entry in WANTED.items():
        assert [found for found in hooks[event] if {**as_dict(found), "_tag": "claw-socket"} == entry]


@given(settings_texts())
def test_a_second_time_changes_nothing(text: str) -> None:
    new = merge(text, WANTED)
    assert merge(new, WANTED) == new


@given(settings_texts())
def test_taking_out_what_was_put_in_leaves_the_text_as_it_was(text: str) -> None:
    assume(strip(text) == text)
    assert strip(merge(text, WANTED), text) == text


@given(settings_texts())
def test_it_can_be_taken_out_after_claude_code_wrote_the_file_anew(text: str) -> None:
    rewritten = json.dumps(json.loads(merge(text, WANTED)), indent=2)
    rest = strip(rewritten)
    assert foreign(rest) == foreign(rewritten)
    assert COMMAND not in rest
    assert strip(rest) == rest


def as_dict(value: object) -> Document:
    return value if isinstance(value, dict) else {}


def test_the_text_around_stays_byte_for_byte() -> None:
    head = '{\n    "n": 1.0,\n    "e": 1e3, "u": "\\u00fc",\n    "hooks": {\n        "Stop": [\n            '
    tail = "\n        ]\n    }\n}\n"
    new = merge(head + '{"hooks": []}' + tail, {"Stop": OURS})
    assert new.startswith(head + '{"hooks": []},\n            {\n                "hooks": [')
    assert new.endswith('"_tag": "claw-socket"\n            }' + tail)


@pytest.mark.parametrize("text", ["", " \r\n", "{}"])
def test_an_empty_file_is_as_good_as_an_empty_object(text: str) -> None:
    assert json.loads(merge(text, WANTED)) == {"hooks": {event: [entry] for event, entry in WANTED.items()}}
    assert is_empty(text)
    assert strip(text) == text


def test_users_hooks_on_the_same_event_stay_before_ours() -> None:
    assert merged({"hooks": {"Stop": [USERS, 7]}})["hooks"]["Stop"] == [USERS, 7, OURS]


def test_an_older_entry_of_ours_is_put_right_where_it_stands() -> None:
    old = {
        "hooks": [hook(f"{MARKER} {{ umask 077; cd /elsewhere && cat >$$; }} >/dev/null 2>&1; exit 0")],
        "_tag": "claw-socket",
    }
    assert merged({"hooks": {"Stop": [old, USERS]}})["hooks"]["Stop"] == [OURS, USERS]


def test_an_entry_without_its_tag_is_known_by_its_command() -> None:
    untagged = {"hooks": OURS["hooks"]}
    assert merged({"hooks": {"Stop": [untagged]}})["hooks"]["Stop"] == [untagged], "right as it is"
    assert stripped({"hooks": {"Stop": [untagged, USERS]}}) == {"hooks": {"Stop": [USERS]}}


def test_an_entry_that_is_there_twice_stays_once() -> None:
    assert merged({"hooks": {"Stop": [OURS, USERS, OURS]}})["hooks"]["Stop"] == [OURS, USERS]


def test_an_entry_that_is_not_wanted_any_more_goes() -> None:
    assert "MessageDisplay" not in merged({"hooks": {"MessageDisplay": [OURS]}})["hooks"]
    assert merged({"hooks": {"MessageDisplay": [OURS, USERS]}})["hooks"]["MessageDisplay"] == [USERS]


@pytest.mark.parametrize(
    "entry",
    [
        {"hooks": [hook(CURL)], "_tag": "claw-socket"},
        {"hooks": [hook(CURL)]},
        {"hooks": [hook(CURL.replace("localhost", "127.0.0.1"))], "matcher": "*"},
        {"hooks": [hook(CURL.replace("3838", "4000"))], "_tag": "claw-socket"},
        {"hooks": [hook("anything")], "_tag": "claw-socket"},
        {"hooks": [], "_tag": "claw-socket"},
        {"_tag": "claw-socket"},
    ],
)
def test_an_entry_of_the_original_program_is_replaced(entry: Document) -> None:
    assert merged({"hooks": {"Stop": [entry]}})["hooks"]["Stop"] == [OURS]
    assert stripped({"a": 1, "hooks": {"Stop": [entry]}}) == {"a": 1}


@pytest.mark.parametrize(
    "entry",
    [
        {"hooks": [hook("curl http://localhost:3839/hook")]},
        {"hooks": [hook("curl http://localhost:3838/hooks-of-mine")]},
        {"hooks": [hook("echo claw-socket")]},
        {"hooks": [hook(CURL)["command"]]},
        {"hooks": {"command": CURL}},
        {"hooks": [hook("x")], "_tag": "another"},
        {"_tag": ["claw-socket"]},
        [],
        "claw-socket",
    ],
)
def test_what_is_like_ours_is_not_ours(entry: object) -> None:
    document = {"hooks": {"Stop": [entry]}}
    assert stripped(document) == document
    assert merged(document)["hooks"]["Stop"] == [entry, OURS]


@pytest.mark.parametrize("ours", [OURS["hooks"][0], hook(CURL)])
def test_a_command_of_ours_among_others_goes_alone_and_takes_the_tag_with_it(ours: Document) -> None:
    mixed = {"matcher": "x", "hooks": [hook("one"), ours, hook("two")], "_tag": "claw-socket"}
    users = {"matcher": "x", "hooks": [hook("one"), hook("two")]}
    assert stripped({"hooks": {"Stop": [mixed]}}) == {"hooks": {"Stop": [users]}}
    assert merged({"hooks": {"Stop": [mixed]}})["hooks"]["Stop"] == [users, OURS]
    foreign_in = [foreign(json.dumps({"hooks": {"Stop": [entry]}})) for entry in (mixed, users, {**users, "hooks": []})]
    assert foreign_in[0] == foreign_in[1] != foreign_in[2]


def test_what_was_empty_before_stays_empty() -> None:
    with_ours = merge('{"hooks": {"Stop": []}}', {"Stop": OURS, "SessionEnd": OURS})
    assert strip(with_ours, '{"hooks": {"Stop": []}}') == '{"hooks": {"Stop": []}}'
    assert strip(with_ours, '{"hooks": {}}') == '{"hooks": {}}'
    assert strip(with_ours, "{}") == strip(with_ours) == "{}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "is not JSON: a key was expected: line 1"),
        ('{"a": 1} // mine', "is not JSON: more after the end"),
        ("[]", "is not a JSON object"),
        ("null", "is not a JSON object"),
        ('{"hooks": []}', '"hooks" is not an object'),
        ('{"hooks": null}', '"hooks" is not an object'),
        ('{"hooks": {"Stop": {}}}', 'hooks for "Stop" are not a list'),
        ('{"hooks": {}, "hooks": {}}', '"hooks" is there 2 times'),
        ('{"hooks": {"Stop": [], "Stop": []}}', '"Stop" is in its hooks twice'),
    ],
)
def test_what_is_not_as_claude_code_has_it_is_refused(text: str, problem: str) -> None:
    for edit in (lambda text: merge(text, WANTED), strip, foreign):
        with pytest.raises(ValueError, match=problem):
            edit(text)


def test_what_is_foreign_is_seen_in_order_and_as_it_is_written() -> None:
    texts = [
        '{"a": 1, "b": 2}', '{"b": 2, "a": 1}', '{"a": 1.0, "b": 2}', '{"a": "1", "b": 2}', '{"a": true, "b": 2}',
        '{"a": 1, "b": 2, "b": 2}', '{"a": 1, "b": [2]}', '{"hooks": {"Stop": [1, 2]}}', '{"hooks": {"Stop": [2, 1]}}',
        '{"hooks": {"A": [1], "B": [1]}}', '{"hooks": {"B": [1], "A": [1]}}', '{"a": {}}', '{"a": []}',
    ]  # fmt: skip
    assert len({foreign(text) for text in texts}) == len(texts)
    assert foreign('{ "a":1, "hooks": {"Stop": []} }') == foreign('{"a": 1}')


def test_what_is_registered_is_ours_alone_however_it_is_mixed() -> None:
    mixed = {"hooks": [hook("say done"), hook(COMMAND)]}
    text = json.dumps(
        {"hooks": {"Stop": [USERS, mixed], "SessionEnd": [USERS], "PreToolUse": [{"hooks": [hook(CURL)]}]}}
    )
    assert registered(text) == {"Stop", "PreToolUse"}
    assert registered("") == registered("{}") == frozenset()
    assert registered(merge("", WANTED)) == set(WANTED)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("", None),
        ("{}", None),
        ('{"disableAllHooks": false}', None),
        ('{"disableAllHooks": "true"}', None),
        ('{"hooks": {"disableAllHooks": true}}', None),
        ('{"disableAllHooks": true}', "disableAllHooks"),
        ('{"allowManagedHooksOnly": true}', "allowManagedHooksOnly"),
    ],
)
def test_what_turns_hooks_off_is_named(text: str, key: str | None) -> None:
    assert hooks_are_off(text) == key


@pytest.mark.parametrize("text", ["{", "[]", "null"])
def test_settings_that_are_no_object_turn_nothing_off(text: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        hooks_are_off(text)
