"""The client's types compile as strictly as they can, catch mistakes, and are those of the module."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.client_js.running import CLIENT
from tests.support import npm

HERE = Path(__file__).parent / "types"
TYPESCRIPT = "typescript@5.9.3"
NODE_TYPES = "@types/node@20.19.43"

STRICT = {
    "strict": True,
    "noUncheckedIndexedAccess": True,
    "exactOptionalPropertyTypes": True,
    "noImplicitOverride": True,
    "noEmit": True,
    "skipDefaultLibCheck": True,  # TypeScript's own are right, and most of the work
    "target": "ES2022",
    "module": "nodenext",
    "lib": ["ES2023", "DOM", "DOM.Iterable", "DOM.AsyncIterable"],
}

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def modules() -> Path:
    return npm.install(npm.SCRATCH / "typescript", TYPESCRIPT, NODE_TYPES)


def complaints(modules: Path, folder: Path, *files: str, **options: object) -> list[tuple[str, int, str]]:
    """Compile, and return what the compiler complains about: file, line, words."""
    config = {"compilerOptions": {**STRICT, "types": [], **options}, "files": list(files)}
    (folder / "tsconfig.json").write_text(json.dumps(config))
    command = ["node", str(modules / "typescript" / "bin" / "tsc"), "--pretty", "false", "-p", "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    found = re.findall(r"^(\S+?)\((\d+),\d+\): error (.*)$", done.stdout, re.MULTILINE)
    assert bool(found) == (done.returncode != 0), done.stdout + done.stderr
    return [(file, int(line), words) for file, line, words in found]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that has the client as a package."""
    (tmp_path / "package.json").write_text('{"type": "module"}')
    package = tmp_path / "node_modules" / "claw-socket"
    package.mkdir(parents=True)
    shutil.copy(Path(__file__).parents[2] / "packaging" / "npm" / "package.json", package)
    for file in (CLIENT, CLIENT.with_suffix(".d.ts")):
        shutil.copy(file, package)
    for file in HERE.iterdir():
        shutil.copy(file, tmp_path)
    return tmp_path


def test_the_module_itself_is_right(modules: Path, project: Path) -> None:
    """With the types of Node, as it is for both worlds; and it does what its declarations say."""
    made = project / "made"
    made.mkdir()
    # Under another name, so that its own declarations do not hide it.
    source = CLIENT.read_text("utf-8").replace("./claw-socket.d.ts", "claw-socket")
    (made / "client.js").write_text(source, "utf-8")
    node = {"types": ["node"], "typeRoots": [str(modules / "@types")]}
    assert complaints(modules, project, "made/client.js", "module.ts", allowJs=True, checkJs=True, **node) == []


def test_what_users_write_compiles_without_any_types_but_these(modules: Path, project: Path) -> None:
    assert complaints(modules, project, "right.ts") == []
    assert complaints(modules, project, "right.ts", module="esnext", moduleResolution="bundler") == []


def test_a_wrong_field_does_not_compile(modules: Path, project: Path) -> None:
    marks = [
        number for number, line in enumerate((HERE / "wrong.ts").read_text().splitlines(), 1) if "// WRONG" in line
    ]
    found = complaints(modules, project, "wrong.ts")
    assert sorted({line for _, line, _ in found}) == [mark + 1 for mark in marks]
