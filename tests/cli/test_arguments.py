"""The flags of the original mean what they meant, and a wrong one is told in one line."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from clawsocket import __version__, config
from clawsocket.cli import COMMANDS, main
from clawsocket.cli.arguments import help_text, parse
from clawsocket.cli.look import folded
from clawsocket.errors import EXIT_CODES, UsageError
from tests.support.service import run_command


def test_nothing_means_serve() -> None:
    assert parse([]) == ("serve", {}, None)


@pytest.mark.parametrize(
    ("argv", "given"),
    [
        (["--port", "4000"], {"port": "4000"}),
        (["--port=4000"], {"port": "4000"}),
        (["--host", "127.0.0.1"], {"host": "127.0.0.1"}),
        (["--verbose"], {"verbose": "true"}),
        (["--no-hooks"], {"hooks": "false"}),
        (["--no-auth"], {"auth": "false"}),
        (["--set", "hook_rate=7", "--set", "ping-interval=2"], {"hook_rate": "7", "ping_interval": "2"}),
        (["--set", "allowed_hosts=a=b"], {"allowed_hosts": "a=b"}),
    ],
)
def test_a_flag_gives_a_setting(argv: list[str], given: dict[str, str]) -> None:
    assert parse(argv) == ("serve", given, None)
    assert config.load(given, environ={}) != config.Settings()


@pytest.mark.parametrize(
    ("flag", "action"),
    [
        ("--rotate-token", "rotate"),
        ("--install-hooks", "install"),
        ("--uninstall-hooks", "uninstall"),
        ("--install-statusline", "install statusline"),
        ("--uninstall-statusline", "uninstall statusline"),
    ],
)
def test_a_flag_is_an_action(flag: str, action: str) -> None:
    assert parse([flag]).action == action


@pytest.mark.parametrize("argv", [["--frob"], ["serve"], ["--port"], ["--port="], ["--set", "x"], ["--verbose=1"]])
def test_a_wrong_flag_exits_1_with_one_line(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError):
        parse(argv)
    assert main(argv) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "--help" in err


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["--frob"], "unknown option --frob"),
        (["stauts"], "stauts is no command"),
        (["--verbose", "ps"], "ps is no command, or one that does not come first"),
        (["--verbose=1"], "--verbose takes no value"),
    ],
)
def test_what_is_wrong_is_called_what_it_is(argv: list[str], told: str) -> None:
    with pytest.raises(UsageError, match=f"^{told}"):
        parse(argv)


@pytest.mark.parametrize("argv", [["--port", "x"], ["--port", "70000"], ["--set", "nope=1"], ["--set", "port=-1"]])
def test_a_wrong_value_exits_1_with_one_line(argv: list[str], home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert not (home / ".claw-socket").exists()


def test_what_has_the_port_steers_no_terminal_by_its_name(home: Path) -> None:
    health = b'{"status":"ok","sessions":0,"version":"\\u001b[2Jx"}'

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n" + health)  # in one piece

    with HTTPServer(("127.0.0.1", 0), Other) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        done = run_command(home, "--host", "127.0.0.1", "--port", str(other.server_port))
        other.shutdown()
    assert done.returncode == 3
    assert "is taken by claw-socket ?[2Jx;" in done.stderr
    assert "\x1b" not in done.stderr


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"{__version__}\n"


def test_the_help_names_every_flag_and_setting() -> None:
    text = help_text()
    assert all(f"\n  {row.name} " in text for row in config.rows())
    for flag in ("--port", "--host", "--verbose", "--no-hooks", "--no-auth", "--rotate-token", "--install-hooks"):
        assert f"  {flag}" in text
    assert max(map(len, text.splitlines())) <= 140


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_the_help_fits_the_terminal_but_for_what_is_to_be_typed(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = {}
    for width in (60, 80, 200):
        monkeypatch.setenv("COLUMNS", str(width))
        with suppress(SystemExit):
            main([*command.split(), "--help"])
        told[width] = capsys.readouterr().out
    words = told[200].split()
    for width in (60, 80):
        assert told[width].split() == words
    wide = [one for one in told[80].splitlines() if len(one) > 80]
    assert [one for one in wide if one in told[200].splitlines() and one.startswith("  ")] == wide


def test_what_a_flag_does_begins_a_line_in_prose_too() -> None:
    prose = "--one does this, which takes a while to say\n--two does that\nand more\n"
    assert folded(prose, 30) == "--one does this, which takes a\nwhile to say\n--two does that and more\n"


def test_the_help_names_the_exit_codes_of_all_errors() -> None:
    codes = help_text().partition("Exit codes: ")[2].partition(".\n")[0].replace("\n", " ")
    assert {int(one.split()[0]) for one in codes.split(", ")} >= {1, *EXIT_CODES.values()}


def test_it_runs_as_a_module_without_loading_what_it_does_not_need() -> None:
    code = "import sys; from clawsocket.cli import main; main(['--version']); print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "msgspec" not in done.stdout
    assert "asyncio" not in done.stdout
    module = subprocess.run(
        [sys.executable, "-m", "clawsocket", "--version"], capture_output=True, text=True, check=True
    )
    assert module.stdout == f"{__version__}\n"


def test_a_new_token_replaces_the_old_one(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--rotate-token"]) == 0
    path = home / ".claw-socket" / "token"
    first = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert main(["--rotate-token"]) == 0
    assert path.read_text() != first
    assert first.strip() not in capsys.readouterr().out


def test_hooks_are_installed_and_removed_with_a_word_on_each(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = home / ".claude" / "settings.json"
    settings.parent.mkdir()
    settings.write_text('{"model": "opus"}')
    assert main(["--install-hooks"]) == 0
    assert "PreToolUse" in settings.read_text()
    assert main(["--install-hooks"]) == 0
    assert main(["--uninstall-hooks"]) == 0
    assert settings.read_text() == '{"model": "opus"}'
    assert main(["--uninstall-hooks"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.startswith(f"{settings}: ") for line in told] == [True] * 4
    assert "hooks installed" in told[0]
    assert "installed already" in told[1]
    assert "hooks removed" in told[2]
    assert "no hooks of ours" in told[3]
    settings.write_text("{broken")
    assert main(["--install-hooks"]) == 6
    assert settings.read_text() == "{broken"
