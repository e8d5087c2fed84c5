"""packaging/install.sh, as far as it needs no download: that it removes all, or says why not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.service import ROOT

PROGRAM = """\
#!/bin/sh
case "$*" in
  --version) echo 0.1.0 ;;
  "uninstall --purge") rm -r "$HOME/.claw-socket" ;;
  *) exit 1 ;;
esac
"""


@pytest.fixture
def installed(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that removes our folder, and a link to it; the folder of the program."""
    for name in ("XDG_DATA_HOME", "CLAW_SOCKET_DIR"):
        monkeypatch.delenv(name, raising=False)
    folder = home / ".local" / "share" / "claw-socket" / "0.1.0"
    for one in (folder, home / ".local" / "bin", home / ".claw-socket"):
        one.mkdir(parents=True)
    (folder / "claw-socket").write_text(PROGRAM)
    (folder / "claw-socket").chmod(0o755)
    (home / ".local" / "bin" / "claw-socket").symlink_to(folder / "claw-socket")
    return folder


def uninstall() -> subprocess.CompletedProcess[str]:
    command = ["sh", str(ROOT / "packaging" / "install.sh"), "--uninstall", "--yes"]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


def left(home: Path) -> list[str]:
    paths = (".claw-socket", ".local/share/claw-socket", ".local/bin/claw-socket")
    return [path for path in paths if (home / path).exists() or (home / path).is_symlink()]


@pytest.mark.parametrize("link", ["as it was", "gone", "dangling"])
def test_it_is_removed_by_the_program_itself_wherever_the_link_leads(home: Path, installed: Path, link: str) -> None:
    if link != "as it was":
        (home / ".local" / "bin" / "claw-socket").unlink()
    if link == "dangling":
        (home / ".local" / "bin" / "claw-socket").symlink_to(installed.with_name("0.0.9") / "claw-socket")
    done = uninstall()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("claw-socket is gone.\n")
    assert left(home) == []


def test_a_folder_of_data_that_is_named_with_a_slash_is_the_same(
    home: Path, installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", f"{home}/.local/share/")
    done = uninstall()
    assert (done.returncode, done.stderr) == (0, "")
    assert left(home) == []


def test_where_no_program_can_remove_the_rest_nothing_is_removed(home: Path, installed: Path) -> None:
    (installed / "claw-socket").write_text("#!/bin/sh\nexit 1\n")
    before = left(home)
    done = uninstall()
    assert done.returncode == 1
    assert "no program in" in done.stderr
    assert left(home) == before


def test_a_program_that_was_never_used_needs_none_to_remove_it(home: Path, installed: Path) -> None:
    (installed / "claw-socket").write_text("#!/bin/sh\nexit 1\n")
    (home / ".claw-socket").rmdir()
    assert uninstall().returncode == 0
    assert left(home) == []
