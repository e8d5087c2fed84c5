"""The AsyncAPI 3.0 document."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

import msgspec

from clawsocket import __version__
from clawsocket.protocol import replies
from clawsocket.protocol.envelope import Envelope
from clawsocket.protocol.events import EVENTS, HookData, hook_type
from clawsocket.protocol.replies import CLOSE_CODES, ERRORS
from scripts.contract.schemas import Json, event, markdown, reference, schemas
from scripts.contract.words import (
    AGENT,
    ALIASES,
    CHANNELS,
    COMMANDS,
    HOOKS,
    NOT_SENT,
    OF_SUBAGENT,
    REPLIES,
    SEQ,
    SESSION,
    TIME,
    identity,
)

COMMAND_CHANNEL = "client/commands"
REPLY_CHANNEL = "server/responses"

DESCRIPTION = """
Every Claude Code session of this user, live on a WebSocket.

## Connecting

Connect to `ws://localhost:3838/` with the token from `~/.claw-socket/token`, as `Authorization: Bearer TOKEN` or, where
headers can't be set, as `?token=TOKEN`. The Unix socket `~/.claw-socket/socket` needs no token. The file
`~/.claw-socket/endpoint` (JSON: `url`, `socket`, `pid`, `version`) says where the running server is.

All channels of this document are that one connection; frames are JSON text. The first message is always a `snapshot`;
events come after a `subscribe`.

## Topics

`*` is everything, {topics} every type below that name, `*` inside a pattern one segment, anything else an exact name.
A second `subscribe` adds topics; its `sessionId` belongs to the topics it came with.

## Requests

| send | get | to |
|---|---|---|
{requests}

## Replay: missing nothing

`seq` rises with every event, over restarts too; `epoch` names the log. After a lost connection, `subscribe` with
`sinceSeq` and `epoch`: `recovered` says whether nothing is missing, and where something is, a `gap` comes first.
`replay` does the same for a connection that stays. A fact has the same `id` whichever source told of it, and is sent
once; a level (`*.state_changed`, `usage.*`, `session.renamed`) is right when the stream is quiet.

## Batches

Each event is a message. To who subscribes with `batchMs` they come several at a time, as `events`: the first at once,
what follows within so many ms together, and a backlog in large pieces. A page of a browser, to which each message costs
as much as what is in it, wants 50.

## Errors

| code | means |
|---|---|
{errors}

| close code | means |
|---|---|
{close_codes}

An upgrade is refused by HTTP: 401 without the token, 403 for a foreign `Origin` or `Host`, 429 and 503 for too many
connections.

Unknown fields are to be ignored: new ones may come, old ones stay.
"""

_USAGE = "The usage of one session, or of all."


def document() -> Json:
    """Return the document.

    Raises:
        KeyError: a field, a message, a reply or a channel has no words yet.
    """
    messages = {_key(name): message for name, message in _messages()}
    channels = _channels(message["name"] for message in messages.values())
    return {
        "asyncapi": "3.0.0",
        "id": "urn:claw-socket",
        "info": {
            "title": "claw-socket",
            "version": __version__,
            "description": _description(),
            "contact": {"name": "claw-socket contributors"},
            "license": {"name": "MIT", "url": "https://opensource.org/license/mit"},
            "tags": [
                {"name": "event", "description": "Something that happened."},
                {"name": "deprecated", "description": "For programs that know it already; there is something better."},
            ],
        },
        "defaultContentType": "application/json",
        "servers": {"localhost": _server()},
        "channels": channels,
        "operations": _operations(channels),
        "components": {
            "messages": messages,
            "schemas": _schemas(),
            "messageTraits": {
                "eventEnvelope": {"tags": [{"name": "event"}]},
                "request": {
                    "correlationId": {
                        "description": "A reply has the `id` of its request, if that had one.",
                        "location": "$message.payload#/id",
                    }
                },
            },
            "channelBindings": {"websocket": {"ws": _binding()}},
            "securitySchemes": {
                "token": {
                    "type": "httpApiKey",
                    "in": "query",
                    "name": "token",
                    "description": "The token in the address, for clients that can't set headers.",
                },
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The token in the `Authorization` header.",
                },
            },
        },
    }


def struct_name(type: str) -> str:
    """Return the name of an event's schema: that of ``tool.use`` is ``ToolUseEvent``."""
    return "".join(word.capitalize() for word in type.replace(".", "_").split("_")) + "Event"


# Servers and channels


def _server() -> Json:
    return {
        "host": "localhost:3838",
        "pathname": "/",
        "protocol": "ws",
        "description": "The service of this user. The port is a setting.",
        "security": [
            {"$ref": "#/components/securitySchemes/bearer"},
            {"$ref": "#/components/securitySchemes/token"},
        ],
        "x-close-codes": {str(code): meaning for code, meaning in CLOSE_CODES.items()},
    }


def _channels(names: Iterable[str]) -> Json:
    members: dict[str, list[str]] = {f"{area}/events": [] for area in CHANNELS}
    members |= {COMMAND_CHANNEL: [], REPLY_CHANNEL: []}
    commands = {_type(kind) for kind in COMMANDS}
    for name in names:
        area, dot, _ = name.partition(".")
        members[f"{area}/events" if dot else COMMAND_CHANNEL if name in commands else REPLY_CHANNEL].append(name)
    told = {f"{area}/events": description for area, description in CHANNELS.items()}
    told |= {
        COMMAND_CHANNEL: "What clients send.",
        REPLY_CHANNEL: "What the server answers, and the notices it sends of itself.",
    }
    return {
        key: {
            "address": "/",
            "title": key.replace("/", " ").capitalize(),
            "description": told[key],
            "messages": {_key(name): {"$ref": f"#/components/messages/{_key(name)}"} for name in sorted(found)},
            "bindings": {"$ref": "#/components/channelBindings/websocket"},
        }
        for key, found in members.items()
    }


def _binding() -> Json:
    return {
        "method": "GET",
        "query": {
            "type": "object",
            "properties": {"token": {"type": "string", "description": "The token, if it is not in a header."}},
        },
        "headers": {
            "type": "object",
            "properties": {"Authorization": {"type": "string", "description": "`Bearer TOKEN`"}},
        },
        "bindingVersion": "0.1.0",
    }


# Operations: as the server sees them, as AsyncAPI has it


def _operations(channels: Json) -> Json:
    operations: Json = {}
    for key, channel in channels.items():
        if key != COMMAND_CHANNEL:
            operations[f"send_{key.replace('/', '_')}"] = {
                "action": "send",
                "title": f"Send {channel['title'].lower()}",
                "summary": channel["description"],
                "channel": _channel(key),
                "messages": [_message(key, name) for name in channel["messages"]],
            }
    for kind, command in COMMANDS.items():
        operations[f"receive_{_type(kind)}"] = {
            "action": "receive",
            "title": command.summary.rstrip("."),
            "summary": command.summary,
            "description": markdown(inspect.getdoc(kind)),
            "channel": _channel(COMMAND_CHANNEL),
            "messages": [_message(COMMAND_CHANNEL, _key(_type(kind)))],
            "reply": {
                "channel": _channel(REPLY_CHANNEL),
                "messages": [_message(REPLY_CHANNEL, _key(name)) for name in (*command.replies, "error")],
            },
        }
    return operations


def _channel(key: str) -> Json:
    return {"$ref": f"#/channels/{key.replace('/', '~1')}"}


def _message(channel: str, key: str) -> Json:
    return {"$ref": f"{_channel(channel)['$ref']}/messages/{key}"}


# Messages


def _messages() -> Iterable[tuple[str, Json]]:
    for name, entry in EVENTS.items():
        yield name, _event_message(name, _event_description(name), entry.example)
    for name, alias in ALIASES.items():
        yield name, _event_message(name, _alias_description(name), alias.example, deprecated=True)
    for name, why in NOT_SENT.items():
        yield name, _event_message(name, _unsent_description(why), {}, deprecated=True)
    for kind, command in COMMANDS.items():
        name = _type(kind)
        examples: list[Any] = list(command.examples)
        yield name, _plain_message(name, f"{kind.__name__}Message", command.summary, examples)
    for reply, instances in REPLIES.items():
        if reply is replies.TotalUsageReply:
            continue
        name = _type(reply)
        summary = _first(markdown(inspect.getdoc(reply)))
        schema = reply.__name__
        if reply is replies.SessionUsageReply:
            instances = [*instances, *REPLIES[replies.TotalUsageReply]]
            schema, summary = "UsageReply", _USAGE
        yield name, _plain_message(name, schema, summary, instances)


def _event_message(name: str, description: str, data: Any, *, deprecated: bool = False) -> Json:
    return {
        "name": name,
        "title": _title(name),
        "summary": _first(description),
        "description": description,
        "contentType": "application/json",
        "tags": [{"name": "event"}, *([{"name": "deprecated"}] if deprecated else [])],
        "traits": [{"$ref": "#/components/messageTraits/eventEnvelope"}],
        "payload": reference(struct_name(name)),
        "examples": [{"name": _key(name), "summary": _title(name), "payload": _example(name, data)}],
    }


def _plain_message(name: str, schema: str, summary: str, examples: Iterable[Any]) -> Json:
    return {
        "name": name,
        "title": _title(name),
        "summary": summary,
        "contentType": "application/json",
        "traits": [{"$ref": "#/components/messageTraits/request"}],
        "payload": reference(schema),
        "examples": [
            {"name": f"{name}_{number}", "summary": _title(name), "payload": _builtins(example)}
            for number, example in enumerate(examples, 1)
        ],
    }


def _example(name: str, data: Any) -> Json:
    id, source = identity(name)
    return {
        "type": name,
        "timestamp": TIME,
        "sessionId": "" if name.startswith("system.") else SESSION,
        **({"agentId": AGENT} if name in OF_SUBAGENT else {}),
        "seq": SEQ,
        "data": _builtins(data),
        "id": id,
        "source": source,
    }


# Schemas


def _schemas() -> Json:
    structs: list[type[Any]] = [
        Envelope,
        *(entry.data for entry in EVENTS.values()),
        *(alias.data for alias in ALIASES.values()),
    ]
    found = schemas([*structs, *COMMANDS, *REPLIES])
    found["EventEnvelope"] = {**found.pop("Envelope"), "title": "EventEnvelope"}
    found["EventEnvelope"]["properties"]["data"] |= {"type": "object"}
    found["SessionHistory"]["properties"]["events"]["items"] = reference("EventEnvelope")
    found["EventBatch"]["properties"]["events"]["items"] = {"anyOf": [reference("EventEnvelope"), reference("Gap")]}
    found["Error"]["properties"]["error"] |= {"title": "ErrorCode", "enum": list(ERRORS)}
    found["AgentLog"]["properties"]["line"] |= {"type": "object"}
    found["HookData"]["additionalProperties"] = True
    for name, entry in EVENTS.items():
        found[struct_name(name)] = event(
            struct_name(name), name, _event_description(name), reference(entry.data.__name__)
        )
    for name, alias in ALIASES.items():
        title, data = struct_name(name), reference(alias.data.__name__)
        found[title] = event(title, name, _alias_description(name), data, deprecated=True)
    for name, why in NOT_SENT.items():
        title, data = struct_name(name), {"description": "Nobody knows.", "type": "object"}
        found[title] = event(title, name, _unsent_description(why), data, deprecated=True)
    commands = [f"{kind.__name__}Message" for kind in COMMANDS]
    for kind in COMMANDS:
        found[f"{kind.__name__}Message"] = {**found.pop(kind.__name__), "title": f"{kind.__name__}Message"}
    found["ClientMessage"] = _one_of("ClientMessage", "What clients send.", commands)
    found["UsageReply"] = _one_of("UsageReply", _USAGE, ["SessionUsageReply", "TotalUsageReply"])
    return dict(sorted(found.items()))


def _one_of(title: str, description: str, names: list[str]) -> Json:
    return {"title": title, "description": description, "oneOf": [reference(name) for name in names]}


# Words


def _description() -> str:
    answered = [(_type(kind), command) for kind, command in COMMANDS.items()]
    return DESCRIPTION.strip().format(
        topics=", ".join(f"`{area}.*`" for area in CHANNELS),
        requests="\n".join(
            f"| `{name}` | {', '.join(f'`{one}`' for one in command.replies)} | {_lower(command.summary)} |"
            for name, command in answered
        ),
        errors="\n".join(f"| `{code}` | {meaning} |" for code, meaning in ERRORS.items()),
        close_codes="\n".join(f"| {code} | {meaning} |" for code, meaning in CLOSE_CODES.items()),
    )


_HOOKS = {hook_type(name): words for name, words in HOOKS.items()}


def _event_description(name: str) -> str:
    told = markdown(inspect.getdoc(EVENTS[name].data))
    return f"{_HOOKS[name]}\n\n{told}" if EVENTS[name].data is HookData else told


def _alias_description(name: str) -> str:
    return f"Deprecated: use {ALIASES[name].instead}. Sent to whoever subscribes to this exact name."


def _unsent_description(why: str) -> str:
    return f"Deprecated: not sent. {why}"


def _lower(summary: str) -> str:
    return summary[0].lower() + summary[1:].rstrip(".")


def _first(text: str) -> str:
    return text.partition("\n\n")[0].replace("\n", " ")


def _title(name: str) -> str:
    return name.replace(".", " ").replace("_", " ").capitalize()


def _key(name: str) -> str:
    return name.replace(".", "_")


def _type(struct: type[Any]) -> str:
    return str(struct.__struct_config__.tag)


def _builtins(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))
