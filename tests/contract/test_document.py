"""The contract is the code's, whole, and keeps the names that clients rely on."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from clawsocket.protocol.aliases import ALIASES_OF
from clawsocket.protocol.base import Wire
from clawsocket.protocol.events import EVENTS, EventType
from clawsocket.protocol.messages import AnyMessage
from clawsocket.protocol.replies import CLOSE_CODES, ERRORS
from scripts import export_spec
from scripts.contract.words import FIELDS, NOT_SENT
from tests.support.contract import DOCUMENT, closed

made = cache(export_spec.files)
MESSAGES: dict[str, Any] = {message["name"]: message for message in DOCUMENT["components"]["messages"].values()}
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]

CHANNELS = (
    "session/events message/events tool/events stream/events agent/events usage/events hook/events mcp/events "
    "file/events cwd/events prompt/events system/events client/commands server/responses"
).split()
"""The keys that the first version of the contract had."""

NAMES = (
    "session.discovered session.removed session.started session.state_changed message.user message.assistant "
    "message.result tool.started tool.completed tool.failed stream.delta stream.thinking_delta stream.tool_use_delta "
    "hook.pre_tool_use hook.post_tool_use hook.post_tool_use_failure hook.started hook.completed hook.session_start "
    "hook.session_end hook.stop hook.subagent_start hook.subagent_stop hook.teammate_idle hook.permission_request "
    "hook.permission_denied hook.notification hook.user_prompt_submit hook.pre_compact hook.post_compact "
    "hook.elicitation hook.elicitation_result hook.config_change hook.instructions_loaded hook.cwd_changed "
    "hook.file_changed hook.task_created hook.task_completed hook.worktree_create hook.worktree_remove agent.started "
    "agent.stopped agent.state_changed usage.update usage.rate_limit usage.context mcp.server_status mcp.elicitation "
    "mcp.elicitation_result file.changed cwd.changed prompt.suggestion system.error snapshot subscribed unsubscribed "
    "session_list session_history usage subscribed_agent_log unsubscribed_agent_log agent_log error subscribe "
    "unsubscribe get_snapshot get_session_list get_session_history subscribe_agent_log unsubscribe_agent_log get_usage "
    "replay"
).split()
"""The names of messages that it had."""


@pytest.mark.parametrize(
    "name",
    ["asyncapi.json", "asyncapi.yaml", "EVENTS.md", "docs.html", "claw-socket.d.ts", "events-schemas.json"],
)
def test_what_is_committed_is_what_the_code_says(name: str) -> None:
    ((path, text),) = [(path, text) for path, text in made().items() if path.name == name]
    assert path.read_text("utf-8") == text, "run `make export-spec`"


def test_the_package_holds_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=export_spec.ROOT, check=True, capture_output=True, timeout=50)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as files:
        packed = files.read("clawsocket/server/asyncapi.json")
        page = files.read("clawsocket/web/docs.html")
    assert packed == (export_spec.FOLDER / "asyncapi.json").read_bytes()
    assert page == export_spec.PAGE.read_bytes()


def test_the_channels_and_names_of_the_first_version_are_there() -> None:
    assert set(CHANNELS) <= DOCUMENT["channels"].keys()
    assert set(NAMES) <= MESSAGES.keys()


def test_everything_that_is_on_the_wire_is_in_it() -> None:
    sent = set(EVENTS) | {alias for found in ALIASES_OF.values() for alias in found}
    replies = {one.__struct_config__.tag for one in structs(Wire) if one.__module__.endswith(".replies")} - {
        None,
        "Reply",
    }
    commands = {one.__struct_config__.tag for one in AnyMessage.__args__}
    assert MESSAGES.keys() == sent | set(NOT_SENT) | replies | commands
    assert {name for channel in DOCUMENT["channels"].values() for name in channel["messages"]} == set(
        DOCUMENT["components"]["messages"]
    )


def structs(base: type[Any]) -> set[type[Any]]:
    return {kind for one in base.__subclasses__() for kind in (one, *structs(one))}


def test_what_nobody_should_begin_to_use_says_so() -> None:
    aliases = {alias for found in ALIASES_OF.values() for alias in found}
    deprecated = {name for name, message in MESSAGES.items() if {"name": "deprecated"} in message.get("tags", ())}
    assert deprecated == aliases | set(NOT_SENT)
    schemas = {schema["properties"]["type"]["const"] for schema in SCHEMAS.values() if schema.get("deprecated")}
    assert schemas == deprecated


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_is_described_and_its_examples_are_valid(name: str) -> None:
    message = MESSAGES[name]
    assert len(message["summary"]) > 10
    validator = Draft7Validator(closed(message["payload"]))
    assert message["examples"]
    for example in message["examples"]:
        assert [error.message for error in validator.iter_errors(example["payload"])] == []
        assert example["payload"]["type"] == name


def test_every_field_is_described() -> None:
    for name, schema in SCHEMAS.items():
        for field, part in schema.get("properties", {}).items():
            assert "const" in part or part.get("description") or field == "data", f"{name}.{field}"


def test_every_link_of_the_reference_leads_somewhere() -> None:
    text = (export_spec.FOLDER / "EVENTS.md").read_text("utf-8")
    headings = {heading.lower() for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}
    links = set(re.findall(r"\]\(#([^)]*)\)", text))
    assert len(links) > 5
    assert links - headings == set()


def test_no_words_are_left_of_what_is_gone() -> None:
    known = {(one.__name__, field) for one in structs(Wire) for field in one.__struct_encode_fields__}
    known |= {("", field) for _, field in known}
    assert [words for words in FIELDS if (words.rpartition(".")[0], words.rpartition(".")[2]) not in known] == []


def test_the_error_and_close_codes_are_in_it() -> None:
    assert set(SCHEMAS["Error"]["properties"]["error"]["enum"]) == set(ERRORS)
    assert DOCUMENT["servers"]["localhost"]["x-close-codes"] == {str(code): text for code, text in CLOSE_CODES.items()}


def test_every_request_has_its_reply() -> None:
    requests = {key: one for key, one in DOCUMENT["operations"].items() if one["action"] == "receive"}
    assert len(requests) == len(AnyMessage.__args__)
    for operation in requests.values():
        assert len(operation["reply"]["messages"]) >= 2


def test_a_new_event_without_words_stops_the_export(monkeypatch: pytest.MonkeyPatch) -> None:
    class Undocumented(Wire, kw_only=True):
        """It has a field that nobody has described."""

        unheard_of: str

    monkeypatch.setitem(EVENTS, "tool.new", EventType("tool.new", Undocumented, {"unheardOf": "x"}, True))
    with pytest.raises(KeyError, match="unheardOf"):
        export_spec.files()
    monkeypatch.setitem(EVENTS, "weather.changed", EVENTS.pop("tool.new"))
    monkeypatch.setitem(FIELDS, "unheardOf", "A word.")
    with pytest.raises(KeyError, match="weather"):
        export_spec.files()
