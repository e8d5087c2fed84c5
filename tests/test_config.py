"""Settings: where they come from, what they take, and what a wrong one says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from clawsocket.config import NAMES, Settings, claude_dirs, load, rows
from clawsocket.errors import SettingError

DOCUMENTED = {
    "max_topics": 200,
    "max_agent_logs": 50,
    "message_rate": 100,
    "message_limit": 65_536,
    "max_histories": 2,
    "ping_interval": 30.0,
    "ping_timeout": 10.0,
    "hook_body_limit": 8_000_000,
    "hook_rate": 5000,
    "history_limit": 10_000,
    "history_bytes": 16_000_000,
    "port": 3838,
    "host": "localhost",
    "linger": 60.0,
    "silence": 1800.0,
    "end_wait": 0.5,
    "allowed_origins": ("vscode-webview://*", "tauri://localhost"),
    "stream": False,
    "auth": True,
    "hooks": True,
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def line(error: SettingError) -> str:
    text = str(error)
    assert "\n" not in text
    return text


def test_without_anything_the_documented_defaults_hold() -> None:
    settings = load({}, environ={})
    assert settings == Settings()
    assert {name: getattr(settings, name) for name in DOCUMENTED} == DOCUMENTED


def test_a_file_that_is_missing_is_as_good_as_an_empty_one(file: Path) -> None:
    assert load({}, file=file, environ={}) == Settings()
    file.write_text("")
    assert load({}, file=file, environ={}) == Settings()


def test_the_command_line_goes_before_the_environment_the_file_and_the_default(file: Path) -> None:
    file.write_text("port = 1001\nmax_topics = 2\nmax_histories = 3\n")
    environ = {"CLAW_SOCKET_PORT": "1002", "CLAW_SOCKET_MAX_TOPICS": "4"}
    settings = load({"port": "1003"}, file=file, environ=environ)
    assert (settings.port, settings.max_topics, settings.max_histories) == (1003, 4, 3)
    assert settings.max_agent_logs == 50


def test_the_process_has_an_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAW_SOCKET_PORT", "1234")
    assert load({}).port == 1234


def test_an_empty_variable_is_no_value_and_a_foreign_one_no_setting() -> None:
    environ = {"CLAW_SOCKET_PORT": "", "CLAW_SOCKET_DIR": "/x", "CLAW_SOCKET_LATER": "1", "port": "5"}
    assert load({}, environ=environ) == Settings()


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_setting_can_be_given_as_text_in_the_environment_and_on_the_command_line(name: str) -> None:
    default = getattr(Settings(), name)
    text = ",".join(default) if isinstance(default, tuple) else str(default)
    assert getattr(load({name: text or "a"}, environ={}), name) == (default if text else ("a",))
    assert getattr(load({}, environ={f"CLAW_SOCKET_{name.upper()}": text}), name) == default


@pytest.mark.parametrize("text", ["true", "True", "1", "yes", "on", "YES", "On"])
def test_words_for_yes(text: str) -> None:
    assert load({"stream": text}, environ={}).stream is True


@pytest.mark.parametrize("text", ["false", "False", "0", "no", "off", "NO", "Off"])
def test_words_for_no(text: str) -> None:
    assert load({"auth": text}, environ={}).auth is False


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("a", ("a",)),
        ("a,b", ("a", "b")),
        (" a , b,", ("a", "b")),
        (",", ()),
        ("", ()),
        ("a b", ("a b",)),
    ],
)
def test_a_list_as_text_is_parted_by_commas(text: str, items: tuple[str, ...]) -> None:
    assert load({"watch_files": text}, environ={}).watch_files == items


def test_the_file_has_types_of_its_own_and_takes_text_too(file: Path) -> None:
    file.write_text('watch_files = ["a,b", "c"]\nallowed_hosts = "x,y"\nstream = true\nport = "99"\nlinger = 5\n')
    settings = load({}, file=file, environ={})
    assert (settings.watch_files, settings.allowed_hosts) == (("a,b", "c"), ("x", "y"))
    assert (settings.stream, settings.port, settings.linger) == (True, 99, 5.0)


WRONG: list[tuple[str, str, str]] = [
    ("port", "http", "`int`"),
    ("port", "-1", ">= 0"),
    ("port", "65536", "<= 65535"),
    ("port", "80.5", "`int`"),
    ("port", "1" * 5000, ""),
    ("stream", "maybe", "`bool`"),
    ("stream", "2", "`bool`"),
    ("max_topics", "0", ">= 1"),
    ("message_limit", "10", ">= 1024"),
    ("ping_interval", "0", "> 0"),
    ("ping_interval", "nan", ""),
    ("ping_interval", "inf", ""),
    ("ping_interval", "soon", "`float`"),
]


@pytest.mark.parametrize(("name", "text", "reason"), WRONG)
def test_a_wrong_value_says_where_what_and_why_in_one_line(name: str, text: str, reason: str) -> None:
    flag = "--port" if name == "port" else f"--set {name}"
    for given, environ, where in (
        ({name: text}, {}, flag),
        ({}, {f"CLAW_SOCKET_{name.upper()}": text}, f"CLAW_SOCKET_{name.upper()}"),
    ):
        with pytest.raises(SettingError) as raised:
            load(given, environ=environ)
        said = line(raised.value)
        assert said.startswith(f"{where}: {text!r} is wrong: ")
        assert reason in said


@pytest.mark.parametrize(
    ("toml", "name", "reason"),
    [
        ("port = true", "port", "`int`"),
        ("port = 3.5", "port", "`int`"),
        ("port = 1979-05-27", "port", "`int`"),
        ("stream = 1", "stream", "`bool`"),
        ("host = 5", "host", "`str`"),
        ("watch_files = 5", "watch_files", "`array`"),
        ("watch_files = ['a', 5]", "watch_files", "`str`"),
        ("linger = nan", "linger", "> 0"),
        ("linger = inf", "linger", "<="),
    ],
)
def test_a_wrong_value_in_the_file_names_the_file_and_the_setting(
    file: Path, toml: str, name: str, reason: str
) -> None:
    file.write_text(toml)
    with pytest.raises(SettingError) as raised:
        load({}, file=file, environ={})
    said = line(raised.value)
    assert said.startswith(f"{file}: {name}: ")
    assert reason in said
    assert (raised.value.name, raised.value.where) == (name, str(file))


@pytest.mark.parametrize("name", ["host", "auth", "port"])
def test_the_setting_is_named_even_if_its_name_stands_in_the_files_path(tmp_path: Path, name: str) -> None:
    file = tmp_path / f"g{name}s" / "config.toml"
    file.parent.mkdir()
    file.write_text(f"{name} = [1]")
    with pytest.raises(SettingError, match=f"config.toml: {name}: "):
        load({}, file=file, environ={})


@pytest.mark.parametrize("toml", ["prot = 1", "[server]\nport = 1", "PORT = 1", '"po rt" = 1', '"a\\nb" = 1', '"" = 1'])
def test_an_unknown_name_in_the_file_is_told(file: Path, toml: str) -> None:
    file.write_text(toml)
    with pytest.raises(SettingError, match="no such setting; --help lists them") as raised:
        load({}, file=file, environ={})
    assert line(raised.value).startswith(f"{file}: ")


def test_an_unknown_name_on_the_command_line_is_told() -> None:
    with pytest.raises(SettingError, match=r"^--set prot: no such setting; --help lists them$"):
        load({"prot": "1"}, environ={})


def test_a_file_that_is_not_toml_is_told(file: Path) -> None:
    for content in (b"port: 5", b"port = ", b"port = 1\nport = 2", b"\xff\xfe", b"\x00"):
        file.write_bytes(content)
        with pytest.raises(SettingError, match=f"^{re.escape(str(file))}: is not TOML: ") as raised:
            load({}, file=file, environ={})
        line(raised.value)


def test_a_file_that_cannot_be_read_is_told(file: Path) -> None:
    file.mkdir()
    with pytest.raises(SettingError, match=f"^{re.escape(str(file))}: cannot be read: Is a directory$"):
        load({}, file=file, environ={})


def test_every_setting_is_in_the_table_with_words_and_its_default() -> None:
    table = {row.name: row for row in rows()}
    assert table.keys() == NAMES
    for name, row in table.items():
        assert row.help, name
        assert row.default == getattr(Settings(), name)
    assert table["ping_interval"].unit == "s"
    assert table["message_limit"].unit == "bytes"


def test_settings_do_not_change() -> None:
    with pytest.raises(AttributeError):
        Settings().port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("variable", "given", "expected"),
    [
        (None, "", ["{home}/.claude"]),
        ("/elsewhere", "", ["/elsewhere"]),
        ("", "", ["{home}/.claude"]),
        ("/elsewhere", "/a,~/b", ["/a", "{home}/b"]),
    ],
)
def test_the_folders_of_claude_code_are_those_set_or_its_own(
    home: Path, monkeypatch: pytest.MonkeyPatch, variable: str | None, given: str, expected: list[Any]
) -> None:
    if variable is not None:
        monkeypatch.setenv("CLAUDE_CONFIG_DIR", variable)
    settings = load({"claude_dirs": given} if given else {}, environ={})
    assert claude_dirs(settings) == [Path(item.format(home=home)) for item in expected]


def test_a_home_of_nobody_is_told() -> None:
    with pytest.raises(SettingError, match=r"^settings: claude_dirs: ~ stands for the home of nobody$"):
        claude_dirs(Settings(claude_dirs=("~nobody-of-this-name/x",)))
