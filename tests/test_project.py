"""The checks of this project find what they are there to find."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from ruamel.yaml import YAML

from tests import conftest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ONLY = [contract for contract in PROJECT["tool"]["importlinter"]["contracts"] if contract["type"] == "only"]
BIN = Path(sys.executable).parent


def run(*command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, text=True, timeout=50, check=False
    )


# ---- who imports whom ----


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package with our names and nothing in it, under our contracts."""
    names = {"app", "cli", "__main__"} | {contract["importer"].rpartition(".")[2] for contract in ONLY}
    for name in names:
        (tmp_path / "clawsocket" / name).mkdir(parents=True)
        (tmp_path / "clawsocket" / name / "__init__.py").touch()
    (tmp_path / "clawsocket" / "__init__.py").touch()
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    return run(BIN / "lint-imports", "--no-cache", "--no-logo", cwd=root, env={"PYTHONPATH": str(root)})


@pytest.mark.parametrize(
    ("importer", "line"),
    [
        ("protocol", "import clawsocket.errors"),
        ("protocol", "from clawsocket import __version__"),
        ("claude", "import clawsocket.protocol"),
        ("claude", "import asyncio"),
        ("state", "from clawsocket import config"),
        ("log", "import clawsocket.claude"),
        ("sources", "import clawsocket.state"),
        ("server", "import clawsocket.claude"),
        ("server", "import clawsocket.state.world"),
        ("setup", "import clawsocket.server"),
        ("errors", "import clawsocket.paths"),
        ("app", "import clawsocket.cli"),
        ("history", "import clawsocket.server"),
    ],
)
def test_a_forbidden_import_is_found(package: Path, importer: str, line: str) -> None:
    (package / "clawsocket" / importer / "deep.py").write_text(f"{line}\n")
    result = lint_imports(package)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "1 broken" in result.stdout


def test_what_the_design_permits_may_be_imported(package: Path) -> None:
    for importer, imported in [
        ("state", "protocol"), ("state", "claude"), ("log", "protocol"), ("sources", "claude"), ("sources", "log"),
        ("server", "protocol"), ("server", "log"), ("setup", "claude"), ("app", "sources"), ("cli", "app"),
    ]:  # fmt: skip
        (package / "clawsocket" / importer / f"deep_{imported}.py").write_text(f"import clawsocket.{imported}\n")
    result = lint_imports(package)
    assert result.returncode == 0, result.stdout + result.stderr


def test_no_module_escapes_the_import_rules() -> None:
    anything = {"clawsocket.__init__", "clawsocket.__main__", "clawsocket.app", "clawsocket.cli"}
    ruled = {contract["importer"] for contract in ONLY}
    there = {
        f"clawsocket.{path.stem}"
        for path in (ROOT / "clawsocket").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert there - anything <= ruled, "give it a contract in pyproject.toml"


# ---- secrets ----


def check_secrets(root: Path) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, ROOT / "scripts" / "check_secrets.py", root)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    shutil.copy(ROOT / ".gitleaks.toml", tmp_path)
    git(tmp_path, "init", "--quiet")
    return tmp_path


def git(root: Path, *args: str) -> None:
    identity = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.invalid")
    result = run("git", *identity, *args, cwd=root)
    assert result.returncode == 0, result.stderr


# In two parts each, so that this file is none of what it plants.
SECRETS = [
    "key = sk-ant-" + "api03-Zq81bXc07Lm2vTfR9sKd",
    '{"token": "' + '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}',
    "-----BEGIN RSA " + "PRIVATE KEY-----",
    "ghp_" + "Zq81bXc07Lm2vTfR9sKdZq81bXc07Lm2vTfR",
    "AKIA" + "Q3EGLZ5VNTYXWB7D",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_planted_secret_is_found_and_not_shown(repository: Path, secret: str) -> None:
    (repository / "notes.txt").write_text(f"nothing here\n{secret}\n")
    result = check_secrets(repository)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "notes.txt:2: " in result.stdout
    assert secret not in result.stdout


def test_a_secret_that_was_removed_again_is_found_in_the_history(repository: Path) -> None:
    (repository / "notes.txt").write_text(SECRETS[0])
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "add")
    (repository / "notes.txt").unlink()
    git(repository, "commit", "--quiet", "-a", "-m", "remove")
    result = check_secrets(repository)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "notes.txt:1 (added in " in result.stdout


def test_the_key_that_tests_use_is_no_secret(repository: Path) -> None:
    (repository / "notes.txt").write_text("ANTHROPIC_API_KEY=sk-ant-fake-for-loopback\n")
    result = check_secrets(repository)
    assert result.returncode == 0, result.stdout + result.stderr


# ---- the workflow ----


def test_a_broken_workflow_is_found(tmp_path: Path) -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    (tmp_path / "ci.yml").write_text(workflow.replace("runs-on:", "runs-in:", 1))
    result = run(BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", tmp_path / "ci.yml")
    assert result.returncode == 1, result.stdout + result.stderr


def test_each_python_of_the_matrix_is_what_its_checks_run_with() -> None:
    steps = YAML(typ="safe").load(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]["checks"]["steps"]
    (checks, after) = steps[-2:]
    assert (checks["run"], checks["env"]) == (".ci/run", {"PYTHON": "python3"})
    assert after["env"] == {"WANTED": "${{ matrix.python }}"}
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    for wanted, code in ((own, 0), ("3.99", 1)):
        assert run("sh", "-c", after["run"], env={"WANTED": wanted}).returncode == code


# ---- the runs of the tests ----


@pytest.mark.parametrize(
    ("codes", "result"),
    [((0,), 0), ((1, 0), 0), ((1, 1), 2), ((2,), 2), ((3,), 2), ((5,), 2)],
    ids=["all passed", "failed beside others", "failed", "interrupted", "broken off", "none"],
)
@pytest.mark.parametrize("target", ["test", "test-binary"])
def test_what_failed_runs_once_more_and_what_was_broken_off_fails(
    tmp_path: Path, target: str, codes: tuple[int, ...], result: int
) -> None:
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$@" >>calls\nexit $(sed -n "$(wc -l <calls)p" codes)\n')
    python.chmod(0o755)
    (tmp_path / "codes").write_text("".join(f"{code}\n" for code in codes))
    made = ("--assume-old=.venv/.dev", "--assume-old=dist/SHA256SUMS")
    for path in (".venv/.dev", "dist/SHA256SUMS"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
    done = run("make", f"--file={ROOT}/Makefile", *made, target, "ARGS=", cwd=tmp_path, env={"MAKEFLAGS": ""})
    assert done.returncode == result, done.stdout + done.stderr
    calls = (tmp_path / "calls").read_text().splitlines()
    assert ["--last-failed" in call for call in calls] == [False, True][: len(codes)]


# ---- dependencies ----


def locked_for(group: str) -> dict[str, str]:
    locked = {}
    for line in (ROOT / f"requirements-{group}.lock").read_text().splitlines():
        if line and not line.startswith(("#", " ")):
            pin = Requirement(line.removesuffix("\\"))
            locked[pin.name] = next(iter(pin.specifier)).version
    return locked


@pytest.mark.parametrize("group", ["dev", "dist"])
def test_the_lock_holds_every_dependency_in_its_range(group: str) -> None:
    locked = locked_for(group)
    wanted = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"][group]]
    for requirement in map(Requirement, wanted):
        assert requirement.name in locked
        assert requirement.specifier.contains(locked[requirement.name]), requirement


def test_what_is_shipped_is_what_was_tested() -> None:
    tested, shipped = locked_for("dev"), locked_for("dist")
    assert {name: tested[name] for name in shipped.keys() & tested.keys()} == {
        name: shipped[name] for name in shipped.keys() & tested.keys()
    }


def test_what_is_shipped_is_known_by_its_hash() -> None:
    text = (ROOT / "requirements-dist.lock").read_text()
    for name in locked_for("dist"):
        entry = text.partition(f"\n{name}==")[2].partition("\n")[2]
        assert entry.startswith("    --hash=sha256:"), name


# ---- the home of whoever runs the tests ----


def test_the_home_of_the_run_is_a_scratch_folder() -> None:
    assert "claw-socket-tests-" in str(Path.home())
    assert not [name for name in os.environ if name.startswith(("CLAUDE", "CLAW_SOCKET_"))]


def test_a_change_to_the_real_home_is_seen(tmp_path: Path) -> None:
    claude, ours = tmp_path / ".claude", tmp_path / ".claw-socket"
    claude.mkdir()
    (claude / "settings.json").write_text("{}")

    def touched(before: dict[str, tuple[int, int, int]]) -> list[str]:
        return conftest.changes(before, conftest.snapshot((claude,), (ours,)))

    before = conftest.snapshot((claude,), (ours,))
    (claude / "history.jsonl").write_text("a running Claude Code's own\n")
    assert touched(before) == []
    (claude / "settings.json").write_text('{"hooks": {}}')
    (claude / "settings.json.claw-socket-backup").write_text("{}")
    (ours / "spool").mkdir(parents=True)
    assert touched(before) == [
        str(claude / "settings.json"),
        str(claude / "settings.json.claw-socket-backup"),
        str(ours),
        str(ours / "spool"),
    ]
