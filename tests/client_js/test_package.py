"""The package for npm holds what it should, works where it is installed, and is the same each time."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tarfile
from pathlib import Path

import pytest

from clawsocket import __version__
from scripts.npm_package import assemble, pack
from tests.client_js.running import CLIENT
from tests.support.feed import hook, spool
from tests.support.service import ROOT, Service, environment
from tests.support.waiting import wait_for

README = (ROOT / "packaging" / "npm" / "README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("npm") / "package"
    assemble(folder)
    return pack(folder)


def test_it_holds_the_client_and_nothing_else(package: Path) -> None:
    with tarfile.open(package) as tar:
        found = {one.name.removeprefix("package/"): one.mode for one in tar.getmembers()}
        about = json.loads(tar.extractfile("package/package.json").read())  # type: ignore[union-attr]
        client = tar.extractfile("package/claw-socket.js").read()  # type: ignore[union-attr]
    assert found == dict.fromkeys(("LICENSE", "README.md", "package.json", "claw-socket.d.ts", "claw-socket.js"), 0o644)
    assert client == CLIENT.read_bytes()
    assert about["name"] == "claw-socket"
    assert about["version"] == __version__
    assert "dependencies" not in about
    assert "scripts" not in about


def test_it_is_the_same_each_time(package: Path, tmp_path: Path) -> None:
    assemble(tmp_path / "again")
    for file in (tmp_path / "again").iterdir():
        os.utime(file, (1, 1))
    assert pack(tmp_path / "again").read_bytes() == package.read_bytes()


def test_npm_would_publish_it(package: Path) -> None:
    command = ["npm", "publish", "--dry-run", "--offline", "--ignore-scripts", "--no-update-notifier", str(package)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "auto-corrected" not in done.stderr


def test_its_readme_names_all_that_a_client_can_do() -> None:
    (claw,) = re.findall(
        r"^export interface Claw \{(.*?)^\}", CLIENT.with_suffix(".d.ts").read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    methods = set(re.findall(r"^  (\w+)[<(]", claw, re.MULTILINE))
    assert methods >= {"open", "events", "usageReport", "close"}
    assert [name for name in methods if f"{name}(" not in README] == []


def test_the_program_of_its_readme_works_where_it_is_installed(package: Path, tmp_path: Path) -> None:
    (code,) = re.findall(r"```js\n(.*?)```", README, re.DOTALL)
    (tmp_path / "program.mjs").write_text(code)
    modules = tmp_path / "node_modules"
    modules.mkdir()
    subprocess.run(["tar", "--extract", "--file", package, "--directory", modules], check=True, timeout=60)
    (modules / "package").rename(modules / "claw-socket")
    output = tmp_path / "output"
    with Service(tmp_path) as service, output.open("wb") as out:
        service.wait_for_hooks()
        command = ["node", "program.mjs"]
        process = subprocess.Popen(command, cwd=tmp_path, env=environment(tmp_path), stdout=out, stderr=out)
        try:
            numbers = iter(range(1000))

            def shown() -> bool:
                number = next(numbers)
                tool = {"tool_name": "Bash", "tool_use_id": f"t{number}", "tool_input": {"command": "ls"}}
                spool(tmp_path, f"{number}", hook(number, hook_event_name="PreToolUse", **tool))
                return "Bash" in output.read_text()

            wait_for(shown, "a tool call")
        finally:
            process.kill()
            process.wait()
