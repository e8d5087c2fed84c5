#!/usr/bin/env python3
"""A tiny stdio MCP server for tests: tools add_note, fail, ask (elicitation)."""

import json
import sys
from typing import Any

INFO = {"capabilities": {"tools": {}}, "serverInfo": {"name": "notes", "version": "0.1"}}
ANSWER = {
    "type": "object",
    "properties": {"answer": {"type": "string", "description": "Your answer"}},
    "required": ["answer"],
}
asked: dict[str, Any] = {}


def send(**message: Any) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def tool(name: str, description: str, **properties: Any) -> dict[str, Any]:
    return {"name": name, "description": description, "inputSchema": {"type": "object", "properties": properties}}


TOOLS = [
    tool("add_note", "Save a note", text={"type": "string"}, tags={"type": "array", "items": {"type": "string"}}),
    tool("fail", "Always fails", why={"type": "string"}),
    tool("ask", "Ask the user", question={"type": "string"}),
]


def call(ident: Any, params: dict[str, Any]) -> None:
    if params.get("name") == "ask":
        asked["e1"] = ident
        question = params["arguments"].get("question", "?")
        send(id="e1", method="elicitation/create", params={"message": question, "requestedSchema": ANSWER})
        return
    bad = params.get("name") == "fail"
    text = "note failed: test" if bad else "saved note #1"
    send(id=ident, result={"content": [{"type": "text", "text": text}], "isError": bad})


def receive(message: dict[str, Any]) -> None:
    method, ident, params = message.get("method"), message.get("id"), message.get("params") or {}
    if method == "initialize":
        send(id=ident, result={"protocolVersion": params.get("protocolVersion", "2025-06-18"), **INFO})
    elif method == "tools/list":
        send(id=ident, result={"tools": TOOLS})
    elif method == "tools/call":
        call(ident, params)
    elif method is None and ident in asked:
        text = "elicitation: " + json.dumps(message.get("result"))
        send(id=asked.pop(ident), result={"content": [{"type": "text", "text": text}]})
    elif ident is not None and method:
        send(id=ident, result={})


for line in sys.stdin:
    receive(json.loads(line))
