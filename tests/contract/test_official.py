"""The official tools take the contract: AsyncAPI's JSON Schema and parser, and a generator of types."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from tests.support import npm
from tests.support.contract import DOCUMENT

HERE = Path(__file__).parent
ASYNCAPI = HERE.parents[1] / "asyncapi"
PARSER = "@asyncapi/parser@3.6.3"
SPECS = "@asyncapi/specs@6.11.1"
MODELINA = "@asyncapi/modelina@5.10.1"
TYPESCRIPT = "typescript@5.9.3"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="session")
def modules() -> Path:
    """The tools, installed."""
    return npm.install(npm.SCRATCH / "asyncapi", PARSER, SPECS, MODELINA, TYPESCRIPT)


def node(modules: Path, *arguments: str | Path) -> str:
    """Run a script with the tools at hand, and return what it prints."""
    environment = {**os.environ, "NODE_PATH": str(modules)}
    done = subprocess.run(
        ["node", *arguments], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_valid_by_the_official_schema(modules: Path) -> None:
    schema = json.loads((modules / "@asyncapi" / "specs" / "schemas" / "3.0.0.json").read_bytes())
    validator = Draft7Validator(schema)
    assert [error.message for error in validator.iter_errors(DOCUMENT)] == []
    wrong = {**DOCUMENT, "operations": {"subscribe": {"action": "publish"}}}
    assert list(validator.iter_errors(wrong)) != []


@pytest.mark.parametrize("name", ["asyncapi.json", "asyncapi.yaml"])
def test_the_official_parser_has_nothing_to_say_but_that_there_is_a_newer_version(modules: Path, name: str) -> None:
    told: dict[str, Any] = json.loads(node(modules, HERE / "parse.cjs", ASYNCAPI / name))
    assert [one for one in told["diagnostics"] if one["code"] != "asyncapi-latest-version"] == []
    assert set(told["messages"]) == {message["name"] for message in DOCUMENT["components"]["messages"].values()}


def test_the_parser_finds_what_is_wrong(modules: Path, tmp_path: Path) -> None:
    text = (ASYNCAPI / "asyncapi.json").read_text()
    (tmp_path / "asyncapi.json").write_text(text.replace('"#/components/schemas/ToolUse"', '"#/components/schemas/No"'))
    told: dict[str, Any] = json.loads(node(modules, HERE / "parse.cjs", tmp_path / "asyncapi.json"))
    assert told["diagnostics"][-1]["code"] == "invalid-ref"


PROGRAM = """
import {ToolResultEvent} from './ToolResultEvent';
import {SessionInfo} from './SessionInfo';
import {SubscribeMessage} from './SubscribeMessage';

export const subscribe: SubscribeMessage = {reservedType: 'subscribe', topics: ['tool.*']};
export function show(event: ToolResultEvent, session: SessionInfo): string {
  const pid: number | null = session.pid;
  return `${pid} ${session.state === 'requires_action'} ${event.data.toolName}: ${event.data.outcome === 'ok'}`;
}
"""


def test_types_are_made_of_it_that_compile_and_say_something(modules: Path, tmp_path: Path) -> None:
    node(modules, HERE / "generate.cjs", ASYNCAPI / "asyncapi.json", tmp_path / "types")
    made = {path.stem for path in (tmp_path / "types").glob("*.ts")}
    assert {"ToolUseEvent", "SessionStateChangedEvent", "SubscribeMessage", "Snapshot", "UsageReply"} <= made
    assert not [name for name in made if name.startswith("Anonymous")]
    compiler: list[str | Path] = [modules / "typescript" / "bin" / "tsc", "--strict", "--noEmit"]
    compiler += ["--target", "es2022", "--skipDefaultLibCheck"]
    program = tmp_path / "types" / "program.ts"
    program.write_text(PROGRAM)
    node(modules, *compiler, *(tmp_path / "types").glob("*.ts"))
    program.write_text(PROGRAM.replace("'ok'", "'fine'"))
    with pytest.raises(AssertionError, match="TS2367"):
        node(modules, *compiler, program)
