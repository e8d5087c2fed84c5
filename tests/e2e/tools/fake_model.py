#!/usr/bin/env python3
"""A scriptable fake of the Anthropic Messages API, for driving the real Claude Code program in tests.

Standard library only. Binds to a loopback address and refuses any other.

    fake_model.py --scenario scenario.json [--port 0] [--log requests.jsonl] [--dump-dir DIR]
                  [--var KEY=VALUE ...] [--seed N]

Prints one line `{"port": N}` on stdout when ready; stop it with SIGTERM / SIGINT.

SCENARIO (JSON)
    {"rules": [{"match": REGEX, "kind": KIND?, "turns": [TURN, ...]}, ...],
     "usage": {...default usage...},          # optional
     "aux_text": "..."}                       # optional: answer to requests without a matching rule

How the answer is picked (stateless: from the request body only, so that a title request, a
subagent or a retry can never put the script out of step):
  1. The *prompt* is the last user message with a text block that isn't a <system-reminder> (tool results
     are no text blocks). It is searched with each rule's `match`, in order; a rule may ask for a KIND
     (see below), and one that doesn't never answers "aux" requests. Subagents are matched by the prompt the
     Agent tool gave them, /compact by its summary instruction, background-task wake-ups by "<task-notification>".
  2. The turn is rule.turns[number of assistant messages after that prompt]; past the end, the last one.
  3. No rule matches -> the text `aux_text` (default "OK.").
KIND is "aux" (no tools in the request: titles, summaries, classifiers, haiku helpers), "subagent"
(header x-claude-code-agent-id present or a subagent system prompt) or "main".

TURN
    {"text": "..."}                                       plain text
    {"thinking": "...", "text": "..."}                    thinking block first
    {"tools": [{"name": "Bash", "input": {...}}, ...]}    one or several parallel tool_use blocks (+ text)
    {"blocks": [{"text": ..}|{"thinking": ..}|{"tool": {..}}, ...]}   explicit order
  optional keys on every turn:
    "headers": {"name": "value"} of the answer
    "usage": {"input_tokens": n, "cache_creation_input_tokens": n, "cache_read_input_tokens": n,
              "output_tokens": n}    "model": "claude-..."    "stop_reason": "..."
    "delay_ms": before the first byte   "chunk_chars": per delta (40)   "chunk_delay_ms": between deltas (0)
    "error": {"status": 429, "type": "rate_limit_error", "message": "..",
              "headers": {"retry-after": "1"}, "times": 2}
        answers this turn with the error `times` times (default: always), then with the turn itself.
        "mid_stream": true sends it as an SSE `error` event after the first delta instead.
  Strings may hold {{NAME}}, replaced by --var NAME=VALUE, and {"$repeat": ["text", n]} is the text n times.

The only state kept is the count of errors already sent for each (rule, turn).
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import random
import re
import signal
import string
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

DEFAULT_USAGE = {
    "input_tokens": 12,
    "cache_creation_input_tokens": 640,
    "cache_read_input_tokens": 15320,
    "output_tokens": 87,
}
REMINDER = re.compile(r"<system-reminder>.*?</system-reminder>", re.DOTALL)
INTERRUPTED = re.compile(r"\[Request interrupted by user[^\]]*\]")
ALNUM = string.ascii_letters + string.digits


def expand(value: Any, variables: dict[str, str]) -> Any:
    """Replace {{NAME}} and {"$repeat": [text, n]} in a scenario, recursively."""
    if isinstance(value, str):
        for name, text in variables.items():
            value = value.replace("{{" + name + "}}", text)
        return value
    if isinstance(value, list):
        return [expand(item, variables) for item in value]
    if isinstance(value, dict):
        if set(value) == {"$repeat"}:
            text, count = value["$repeat"]
            return expand(text, variables) * int(count)
        return {key: expand(item, variables) for key, item in value.items()}
    return value


def text_of(message: dict[str, Any]) -> str:
    """The prompt text of one API message, reminders and interrupt marks removed; '' if it has none.

    A text block beside tool_result blocks is a prompt too: /compact and a prompt typed after an
    interrupt are sent in one message with the last tool result.
    """
    content = message.get("content")
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    texts = [REMINDER.sub("", b.get("text", "")).strip() for b in content or [] if b.get("type") == "text"]
    return "\n".join(text for text in texts if text and not INTERRUPTED.fullmatch(text))


def find_prompt(messages: list[dict[str, Any]]) -> tuple[str, int]:
    """The last real user prompt and how many assistant messages follow it."""
    assistants = 0
    previous = ""
    for message in reversed(messages):
        role = message.get("role")
        if role == "assistant":
            assistants += previous != "assistant"
        elif role == "user":
            text = text_of(message)
            if text:
                return text, assistants
        previous = role or ""
    return "", assistants


def request_kind(body: dict[str, Any], headers: dict[str, str]) -> str:
    if not body.get("tools"):
        return "aux"
    if any("agent-id" in name for name in headers):
        return "subagent"
    system = body.get("system")
    text = system if isinstance(system, str) else " ".join(b.get("text", "") for b in system or [])
    if "cc_is_subagent=true" in text or "You are an agent for Claude Code" in text:
        return "subagent"
    return "main"


def blocks_of(turn: dict[str, Any]) -> list[dict[str, Any]]:
    if "blocks" in turn:
        return list(turn["blocks"])
    blocks: list[dict[str, Any]] = []
    if "thinking" in turn:
        blocks.append({"thinking": turn["thinking"]})
    if "text" in turn:
        blocks.append({"text": turn["text"]})
    blocks += [{"tool": tool} for tool in turn.get("tools", [])]
    return blocks


class FakeModel:
    """Scenario plus error counters; makes API messages out of turns."""

    def __init__(self, scenario: dict[str, Any], seed: int | None, log_path: str | None, dump_dir: str | None):
        self.rules = scenario.get("rules", [])
        self.usage = {**DEFAULT_USAGE, **scenario.get("usage", {})}
        self.aux_text = scenario.get("aux_text", "OK.")
        self.random = random.Random(seed)
        self.errors_sent: dict[tuple[int, int], int] = {}
        self.lock = threading.Lock()
        self.log_path = Path(log_path) if log_path else None
        self.dump_dir = Path(dump_dir) if dump_dir else None
        self.count = 0

    def new_id(self, prefix: str) -> str:
        with self.lock:
            return prefix + "".join(self.random.choice(ALNUM) for _ in range(22))

    def log(self, **fields: Any) -> None:
        if self.log_path:
            with self.lock, self.log_path.open("a") as file:
                file.write(json.dumps({"ts": time.time(), **fields}, ensure_ascii=False) + "\n")

    def dump(self, body: dict[str, Any], headers: dict[str, str]) -> int:
        with self.lock:
            self.count += 1
            number = self.count
        if self.dump_dir:
            self.dump_dir.mkdir(parents=True, exist_ok=True)
            path = self.dump_dir / f"{number:04d}.json"
            path.write_text(json.dumps({"headers": headers, "body": body}, ensure_ascii=False, indent=1))
        return number

    def pick(self, body: dict[str, Any], kind: str) -> tuple[int, int, dict[str, Any], str]:
        prompt, done = find_prompt(body.get("messages", []))
        for index, rule in enumerate(self.rules):
            wanted = rule.get("kind", "any")
            if (wanted == kind or (wanted == "any" and kind != "aux")) and re.search(rule.get("match", ""), prompt):
                step = min(done, len(rule["turns"]) - 1)
                return index, step, rule["turns"][step], prompt
        return -1, done, {"text": self.aux_text}, prompt

    def take_error(self, rule: int, step: int, turn: dict[str, Any]) -> dict[str, Any] | None:
        error: dict[str, Any] | None = turn.get("error")
        if not error:
            return None
        with self.lock:
            sent = self.errors_sent.get((rule, step), 0)
            if sent >= error.get("times", sys.maxsize):
                return None
            self.errors_sent[(rule, step)] = sent + 1
        return error

    def content(self, turn: dict[str, Any]) -> list[dict[str, Any]]:
        result: list[dict[str, Any]] = []
        for block in blocks_of(turn):
            if "thinking" in block:
                signature = block.get("signature", "ZmFrZS1zaWduYXR1cmU=")
                result.append({"type": "thinking", "thinking": block["thinking"], "signature": signature})
            elif "tool" in block:
                tool = block["tool"]
                identity = tool.get("id") or self.new_id("toolu_01")
                given = tool.get("input", {})
                result.append({"type": "tool_use", "id": identity, "name": tool["name"], "input": given})
            else:
                result.append({"type": "text", "text": block["text"]})
        return result

    def message(self, turn: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        content = self.content(turn)
        uses_tool = any(block["type"] == "tool_use" for block in content)
        usage = {**self.usage, **turn.get("usage", {})}
        usage.setdefault("service_tier", "standard")
        return {
            "id": self.new_id("msg_01"),
            "type": "message",
            "role": "assistant",
            "model": turn.get("model") or body.get("model", "claude-fake"),
            "content": content,
            "stop_reason": turn.get("stop_reason") or ("tool_use" if uses_tool else "end_turn"),
            "stop_sequence": None,
            "usage": usage,
        }


def stream_events(message: dict[str, Any], chunk: int) -> Iterator[dict[str, Any]]:
    """The SSE events of one message, as the real API orders them."""
    usage = message["usage"]
    early = {**usage, "output_tokens": min(3, usage["output_tokens"])}
    first = {**message, "content": [], "stop_reason": None, "usage": early}
    yield {"type": "message_start", "message": first}
    yield {"type": "ping"}
    start: dict[str, Any]
    for index, block in enumerate(message["content"]):
        kind = block["type"]
        if kind == "text":
            start, field, delta, payload = {"type": "text", "text": ""}, "text", "text_delta", block["text"]
        elif kind == "thinking":
            start = {"type": "thinking", "thinking": "", "signature": ""}
            field, delta, payload = "thinking", "thinking_delta", block["thinking"]
        else:
            start = block | {"input": {}}
            field, delta = "partial_json", "input_json_delta"
            payload = json.dumps(block["input"], ensure_ascii=False)
        yield {"type": "content_block_start", "index": index, "content_block": start}
        for at in range(0, len(payload), chunk):
            piece = {"type": delta, field: payload[at : at + chunk]}
            yield {"type": "content_block_delta", "index": index, "delta": piece}
        if kind == "thinking":
            piece = {"type": "signature_delta", "signature": block["signature"]}
            yield {"type": "content_block_delta", "index": index, "delta": piece}
        yield {"type": "content_block_stop", "index": index}
    final = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    numbers = {key: value for key, value in usage.items() if key.endswith("_tokens")}
    yield {"type": "message_delta", "delta": final, "usage": numbers}
    yield {"type": "message_stop"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    model: FakeModel  # set by serve()

    def log_message(self, *args: Any) -> None:
        """Silence the default stderr log."""

    def send_json(self, status: int, data: Any, extra: dict[str, str] | None = None) -> None:
        payload = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(payload)))
        self.send_header("request-id", self.model.new_id("req_01"))
        for name, value in (extra or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(payload)

    def other(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        self.rfile.read(length)
        self.model.log(method=self.command, path=self.path, kind="other")
        status = 200 if self.command == "HEAD" else 404
        self.send_json(status, {"type": "error", "error": {"type": "not_found_error", "message": "fake"}})

    do_GET = do_HEAD = do_PUT = do_PATCH = do_DELETE = other  # noqa: N815 - http.server finds them by these names

    def do_POST(self) -> None:
        path = urlsplit(self.path).path
        if path not in ("/v1/messages", "/v1/messages/count_tokens"):
            self.other()
            return
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        body = json.loads(raw or b"{}")
        headers = {k.lower(): v for k, v in self.headers.items() if k.lower() not in ("x-api-key", "authorization")}
        if path.endswith("count_tokens"):
            self.model.log(method="POST", path=self.path, kind="count_tokens", model=body.get("model"))
            self.send_json(200, {"input_tokens": max(1, len(raw) // 4)})
            return
        kind = request_kind(body, headers)
        rule, step, turn, prompt = self.model.pick(body, kind)
        error = self.model.take_error(rule, step, turn)
        number = self.model.dump(body, headers)
        self.model.log(
            n=number, method="POST", path=self.path, kind=kind, model=body.get("model"), stream=body.get("stream"),
            messages=len(body.get("messages", [])), tools=len(body.get("tools") or []), rule=rule, step=step,
            status=error["status"] if error else 200, session=headers.get("x-claude-code-session-id"),
            agent=headers.get("x-claude-code-agent-id"), prompt=prompt[:120],
        )  # fmt: skip
        time.sleep(turn.get("delay_ms", 0) / 1000)
        if error and not error.get("mid_stream"):
            detail = {"type": error.get("type", "api_error"), "message": error.get("message", "fake error")}
            self.send_json(error["status"], {"type": "error", "error": detail}, error.get("headers"))
            return
        message = self.model.message(turn, body)
        if body.get("stream"):
            self.stream(message, turn, error)
        else:
            self.send_json(200, message)

    def stream(self, message: dict[str, Any], turn: dict[str, Any], error: dict[str, Any] | None) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("cache-control", "no-cache")
        self.send_header("request-id", self.model.new_id("req_01"))
        self.send_header("transfer-encoding", "chunked")
        for name, value in turn.get("headers", {}).items():
            self.send_header(name, value)
        self.end_headers()
        try:
            for event in stream_events(message, int(turn.get("chunk_chars", 40))):
                self.send_event(event)
                if event["type"] == "content_block_delta":
                    time.sleep(turn.get("chunk_delay_ms", 0) / 1000)
                    if error:
                        kind, text = error.get("type", "overloaded_error"), error.get("message", "fake")
                        self.send_event({"type": "error", "error": {"type": kind, "message": text}})
                        break
            self.wfile.write(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def send_event(self, event: dict[str, Any]) -> None:
        data = f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode()
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--scenario", required=True, help="scenario JSON file")
    parser.add_argument("--host", default="127.0.0.1", help="loopback address to bind")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--log", help="append one JSON line per request here")
    parser.add_argument("--dump-dir", help="write every request body here (without credentials)")
    parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE", help="fills {{NAME}}")
    parser.add_argument("--seed", type=int, help="make message and tool ids repeatable")
    args = parser.parse_args()
    if not ipaddress.ip_address(args.host).is_loopback:
        parser.error("--host must be a loopback address")
    variables = dict(item.split("=", 1) for item in args.var)
    scenario = expand(json.loads(Path(args.scenario).read_text()), variables)
    model = FakeModel(scenario, args.seed, args.log, args.dump_dir)
    server = ThreadingHTTPServer((args.host, args.port), type("Bound", (Handler,), {"model": model}))
    server.daemon_threads = True

    def stop(*_: object) -> None:
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(json.dumps({"port": server.server_address[1], "pid": os.getpid()}), flush=True)
    server.serve_forever(poll_interval=0.1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
