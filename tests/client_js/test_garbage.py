"""Whatever a server sends, the JavaScript client gets over it, or says what is wrong."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from tests.client_js.running import hurried, opened_up, run

Script = Callable[[socket.socket, bytes], object]
"""What a server does with a connection, once it has the head of its request."""

EPOCH = "0123456789abcdef"


def frame(payload: bytes, first: int = 0x81, *, second: int = 0) -> bytes:
    """A frame of a server; ``second`` is for what no server may send."""
    size = len(payload)
    if size < 126:
        return bytes([first, second | size]) + payload
    if size < 1 << 16:
        return struct.pack(">BBH", first, second | 126, size) + payload
    return struct.pack(">BBQ", first, second | 127, size) + payload


def text(**message: Any) -> bytes:
    return json.dumps(message).encode()


def snapshot(head: int = 0) -> bytes:
    return text(type="snapshot", sessions=[], agents=[], headSeq=head, epoch=EPOCH, server={"version": "9"})


def event(seq: int, type: str = "hook.notification", **more: Any) -> bytes:
    data = {"message": str(seq)}
    return text(type=type, timestamp=1, sessionId="s", seq=seq, id=f"i{seq}", source="hook", data=data, **more)


def accepted(request: bytes) -> bytes:
    fields = dict(line.split(b": ", 1) for line in request.split(b"\r\n")[1:] if line)
    key = fields[b"Sec-WebSocket-Key"] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    proof = base64.b64encode(hashlib.sha1(key).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        + proof
        + b"\r\n\r\n"
    )


def opened(*frames: bytes) -> Script:
    """A script that opens the WebSocket, sends frames, and then reads until the client goes."""

    def script(connection: socket.socket, request: bytes) -> None:
        connection.sendall(accepted(request) + b"".join(frames))
        _drain(connection)

    return script


def raw(answer: bytes) -> Script:
    def script(connection: socket.socket, request: bytes) -> None:
        connection.sendall(answer)

    return script


def _drain(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


class Server(AbstractContextManager["Server"]):
    """A server that does with each connection what its script says; the last script is for all further ones.

    Attributes:
        url: where it is.
        requests: the heads of the requests.
    """

    def __init__(self, *scripts: Script, host: str = "127.0.0.1") -> None:
        self._scripts = scripts
        self._listener = socket.create_server((host, 0))
        self.url = f"ws://{host}:{self._listener.getsockname()[1]}"
        self.requests: list[bytes] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        for number, connection in enumerate(self._connections()):
            script = self._scripts[min(number, len(self._scripts) - 1)]
            threading.Thread(target=self._serve, args=(connection, script), daemon=True).start()

    def _connections(self) -> Iterator[socket.socket]:
        while True:
            try:
                yield self._listener.accept()[0]
            except OSError:
                return

    def _serve(self, connection: socket.socket, script: Script) -> None:
        with connection:
            request = b""
            while b"\r\n\r\n" not in request:
                request += connection.recv(4096)
            self.requests.append(request)
            with suppress(OSError):
                script(connection, request)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()


ANSWERS = {
    b"SSH-2.0-OpenSSH_9.6\r\n\r\n": "another program is there",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi": "another program is there",
    b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: AAAA\r\n\r\n": "another program is there",
    b"HTTP/1.1 101 Switching Protocols\r\n\r\n": "another program is there",
    b"HTTP/1.1 503 Service Unavailable\r\n\r\n": "it has as many clients as it takes",
    b"HTTP/1.1 403 Forbidden\r\n\r\n": "see allowed_hosts",
    b"x" * 20_000: "another program is there",
    b"": "another program is there",
}


def test_what_is_no_claw_socket_is_said(tmp_path: Path) -> None:
    for answer, told in ANSWERS.items():
        with Server(raw(answer)) as server:
            assert told in run(tmp_path, f'tell(await failure(connect({{ url: "{server.url}" }})))')[0], answer


FIRSTS = [b"hello", b"[]", b"null", text(type="snapshot"), text(type="welcome", headSeq=1.5, epoch=EPOCH), b"\xff\xfe"]


def test_another_websocket_server_is_no_claw_socket(tmp_path: Path) -> None:
    with Server(*(opened(frame(first)) for first in FIRSTS)) as server:
        source = f'for (let n = 0; n < {len(FIRSTS)}; n++) tell(await failure(connect({{ url: "{server.url}" }})))'
        told = run(tmp_path, source)
    assert len(told) == len(FIRSTS)
    assert all(one.startswith(f"NoServerError: the service does not answer ({server.url}/: ") for one in told)


GARBAGE = {
    "not JSON": frame(b'{"type":'),
    "no message": frame(b"7"),
    "not UTF-8": frame(b"\xff\xff"),
    "a reserved bit": frame(b"{}", 0xC1),
    "a reserved kind": frame(b"{}", 0x83),
    "a masked frame": frame(b"{}", second=0x80),
    "a part of nothing": frame(b"{}", 0x80),
    "a message inside another": frame(b"{", 0x01) + frame(b"}", 0x81),
    "a ping in parts": frame(b"", 0x09),
    "a long ping": frame(b"x" * 126, 0x89),
    "a message without an end": frame(b"", 0x01) + frame(b"", 0x00) * 70_000,
    "a batch of nothing": frame(text(type="events", events=[None])),
    "a batch of no messages": frame(text(type="events", events=[{"seq": 9}])),
    "half a frame": frame(event(9))[:20],
}


@pytest.mark.parametrize("what", GARBAGE)
def test_after_garbage_it_goes_on_where_it_was(what: str, tmp_path: Path) -> None:
    def first(connection: socket.socket, request: bytes) -> None:
        connection.sendall(accepted(request) + frame(snapshot()) + frame(event(1)) + GARBAGE[what])
        if what == "half a frame":
            return
        assert b"\x88" in _drain(connection)  # it says goodbye

    asked: list[bytes] = []

    def second(connection: socket.socket, request: bytes) -> None:
        connection.sendall(accepted(request) + frame(snapshot(3)))
        asked.append(_unmasked(connection))
        connection.sendall(frame(event(1)) + frame(event(2)))
        _drain(connection)

    source = """
        const claw = await connect({ url: URL, wait: true });
        tell(await numbers(claw.events("*", { notice: noticed }), 2));
    """
    with Server(first, second) as server:
        told = run(tmp_path, source.replace("URL", json.dumps(server.url)))
    assert told == [["notice", "lost", None], ["notice", "back", None], [1, 2]]
    assert json.loads(asked[0]) == {"type": "subscribe", "topics": ["*"], "sinceSeq": 1, "epoch": EPOCH}


def _unmasked(connection: socket.socket) -> bytes:
    data = connection.recv(4096)
    assert data[0] == 0x81
    size = data[1] & 0x7F
    at = 2
    if size == 126:
        size, at = struct.unpack(">H", data[2:4])[0], 4
    mask, payload = data[at : at + 4], data[at + 4 : at + 4 + size]
    return bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


def test_a_message_that_is_too_big_is_an_error_and_not_read(tmp_path: Path) -> None:
    huge = struct.pack(">BBQ", 0x81, 127, 1 << 40)
    with Server(opened(frame(snapshot()), huge)) as server:
        source = f'tell(await failure((await connect({{ url: "{server.url}", wait: true }})).events().next()))'
        assert run(tmp_path, source) == [f"RequestError: {server.url}/ sends a message of more than 256 MB"]


def test_frames_in_parts_byte_by_byte_and_with_pings_between_are_one_message(tmp_path: Path) -> None:
    big = event(2, more="é" * 70_000)
    whole = (
        frame(snapshot()[:10], 0x01)
        + frame(b"are you there", 0x89)
        + frame(snapshot()[10:20], 0x00)
        + frame(b"", 0x8A)
        + frame(snapshot()[20:], 0x80)
    )
    pongs: list[bytes] = []

    def script(connection: socket.socket, request: bytes) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in accepted(request) + whole:
            connection.sendall(bytes([byte]))
        connection.sendall(frame(event(1)[:7], 0x01) + frame(event(1)[7:], 0x80) + frame(big) + frame(event(3), 0x82))
        pongs.append(_drain(connection))

    with Server(script) as server:
        source = f'tell(await numbers((await connect({{ url: "{server.url}", wait: true }})).events(), 3))'
        assert run(tmp_path, source) == [[1, 2, 3]]
    assert pongs[0][:2] == bytes([0x8A, 0x80 | 13])


def test_what_newer_servers_send_is_no_trouble(tmp_path: Path) -> None:
    future = event(2, "quantum.leap", dimension=5)
    frames = [frame(snapshot()), frame(text(type="weather", is_="fine")), frame(event(1)), frame(future)]
    with Server(opened(*frames, frame(event(3, "hook.of_tomorrow")))) as server:
        source = f"""
            const events = (await connect({{ url: "{server.url}", wait: true }})).events();
            for (let n = 0; n < 3; n++) tell((await events.next()).value.type);
        """
        assert run(tmp_path, source) == ["hook.notification", "quantum.leap", "hook.of_tomorrow"]


def test_of_a_batch_each_event_is_given_and_a_gap_is_told_in_its_place(tmp_path: Path) -> None:
    gap = {"type": "gap", "from": 2, "to": 2, "oldestSeq": 1, "reason": "crash"}
    batch = text(type="events", events=[json.loads(event(1)), gap, json.loads(event(3))])
    asked: list[bytes] = []

    def script(connection: socket.socket, request: bytes) -> None:
        connection.sendall(accepted(request) + frame(snapshot()))
        asked.append(_unmasked(connection))
        connection.sendall(frame(batch) + frame(text(type="events", events=[])) + frame(event(4)))
        _drain(connection)

    with Server(script) as server:
        source = f"""
            const claw = await connect({{ url: "{server.url}", wait: true }});
            const events = claw.events("*", {{ batch: 50, notice: ({{ type, from }}) => tell([type, from]) }});
            for (let n = 0; n < 3; n++) tell([(await events.next()).value.seq, events.position.seq]);
        """
        assert run(tmp_path, source) == [[1, 1], ["gap", 2], [3, 3], [4, 4]]
    assert json.loads(asked[0])["batchMs"] == 50


def test_what_is_lost_between_an_event_and_its_alias_is_given_by_the_next_connection(tmp_path: Path) -> None:
    def result(seq: int, type: str, *, success: bool) -> bytes:
        ident = f"r{seq}"
        data = {"success": success}
        return frame(text(type=type, timestamp=1, sessionId="s", seq=seq, id=ident, source="hook", data=data))

    failed, done = result(1, "tool.result", success=False), result(2, "tool.result", success=True)
    asked: list[int] = []

    def script(*frames: bytes) -> Script:
        def talk(connection: socket.socket, request: bytes) -> None:
            connection.sendall(accepted(request) + frame(snapshot()))
            asked.append(json.loads(_unmasked(connection))["sinceSeq"])
            connection.sendall(b"".join(frames))
            if len(asked) == 2:
                _drain(connection)

        return talk

    source = """
        const claw = await connect({ url: URL, wait: true });
        const events = claw.events(["tool.result", "tool.completed"]);
        for (let n = 0; n < 3; n++) {
            const { type, seq } = (await events.next()).value;
            tell(type, seq, events.position.seq);
        }
    """
    with Server(script(failed, done), script(done, result(2, "tool.completed", success=True))) as server:
        told = run(tmp_path, source.replace("URL", json.dumps(server.url)))
    assert told == [["tool.result", 1, 1], ["tool.result", 2, 1], ["tool.completed", 2, 2]]
    assert asked == [0, 1]


def test_a_fact_comes_once_and_a_level_as_often_as_it_says_something_new(tmp_path: Path) -> None:
    def level(seq: int, name: str) -> bytes:
        return text(
            type="session.renamed", timestamp=1, sessionId="s", seq=seq, id="l", source="hook", data={"n": name}
        )

    frames = [level(1, "a"), level(2, "a"), level(3, "b"), event(4), event(4), event(5)]
    with Server(opened(frame(snapshot()), *map(frame, frames))) as server:
        source = f"""
            const events = (await connect({{ url: "{server.url}", wait: true }})).events();
            for (let n = 0; n < 4; n++) tell((await events.next()).value.seq);
        """
        assert run(tmp_path, source) == [1, 3, 4, 5]


VALUES: list[Any] = [
    *(0, 1, -1, 1.5, 1e300, False, True, None, "", "0", "a", [], {}),
    *(["a"], {"0": "a"}, [["a"], "b"], [["a", "b"]], ["a", "b"], ["ab"], [0, 0], [0]),
]
LEVELS: list[Any] = [*({"n": value} for value in VALUES), {"m": 0}, {}]
"""Data of which each says something else."""


def test_each_level_that_says_something_else_is_given_whatever_it_is_made_of(tmp_path: Path) -> None:
    def levels(first: int) -> Iterator[bytes]:
        for seq, data in enumerate(LEVELS, first):
            yield text(type="usage.updated", timestamp=1, sessionId="s", seq=seq, id="l", source="hook", data=data)

    frames = [snapshot(), *levels(1), *levels(1 + len(LEVELS)), event(1000)]
    with Server(opened(*map(frame, frames))) as server:
        source = f"""
            const events = (await connect({{ url: "{server.url}", wait: true }})).events();
            for (let n = 0; n <= {len(LEVELS)}; n++) tell((await events.next()).value.seq);
        """
        assert run(tmp_path, source) == [*range(1, 1 + len(LEVELS)), 1000]


def test_of_what_a_server_sends_again_after_a_crash_nothing_is_given_twice(tmp_path: Path) -> None:
    """More than it ever sends again, of which it has remembered all and more has come before."""

    def batch(seqs: range, facts: range) -> bytes:
        head = b'{"timestamp":1,"sessionId":"s","source":"hook","data":{},"type":"tool.use"'
        told = (b'%b,"seq":%d,"id":"h:post-4f2c-%d"}' % (head, seq, id) for seq, id in zip(seqs, facts, strict=True))
        return b'{"type":"events","events":[%b]}' % b",".join(told)

    batches = [
        batch(range(1, 60_001), range(60_000)),
        batch(range(60_001, 85_001), range(35_000, 60_000)),
        batch(range(85_001, 85_011), range(60_000, 60_010)),
    ]
    with Server(opened(*map(frame, (snapshot(), *batches)))) as server:
        source = f"""
            let given = 0;
            for await (const {{ seq }} of (await connect({{ url: "{server.url}", wait: true }})).events()) {{
                given++;
                if (seq === 85_010) break;
            }}
            tell(given);
        """
        assert run(tmp_path, source) == [60_010]


def test_a_reader_that_is_always_one_behind_keeps_nothing_of_what_it_took(tmp_path: Path) -> None:
    source = """
        import v8 from "node:v8";
        import vm from "node:vm";
        v8.setFlagsFromString("--expose-gc");
        const used = () => {
            vm.runInNewContext("gc")();
            return process.memoryUsage().heapUsed;
        };
        const { signal } = new AbortController();
        const inbox = new client.Inbox({ full() {} });
        inbox.put("0".padEnd(1000));
        const before = used();
        let inOrder = true;
        for (let n = 1; n <= 50_000; n++) {
            inbox.put(Buffer.from(String(n).padEnd(1000)).toString());
            inOrder &&= Number(await inbox.take(signal)) === n - 1;
        }
        const kept = used() - before;
        tell(inOrder && Number(await inbox.take(signal)) === 50_000, kept < 1 << 20);
    """
    assert run(tmp_path, source, client=opened_up(tmp_path, "Inbox")) == [[True, True]]


def test_why_it_was_closed_is_told(tmp_path: Path) -> None:
    scripts = [opened(frame(snapshot()), frame(struct.pack(">H", code), 0x88)) for code in (1001, 4409, 3000)]
    source = """
        const events = (await connect({ url: URL, wait: true })).events("*", {
            notice: (told) => tell(told.type, told.error?.problem ?? null),
        });
        await numbers(events, 1);
    """
    with Server(*scripts, opened(frame(snapshot()), frame(event(1)))) as server:
        told = run(tmp_path, source.replace("URL", json.dumps(server.url)))
    assert [why for kind, why in told if kind == "lost"] == ["going away", "token rotated", "closed with 3000"]


def test_a_question_that_was_given_up_does_not_keep_the_next_one_waiting(tmp_path: Path) -> None:
    left = threading.Event()

    def busy(connection: socket.socket, request: bytes) -> None:
        connection.sendall(accepted(request) + frame(snapshot()))
        assert json.loads(_unmasked(connection))["type"] == "get_findings"
        _drain(connection)
        left.set()

    def answering(connection: socket.socket, request: bytes) -> None:
        connection.sendall(accepted(request) + frame(snapshot()))
        asked = json.loads(_unmasked(connection))
        connection.sendall(frame(text(type="session_list", id=asked["id"], sessions=[])))
        _drain(connection)

    source = """
        const claw = await connect({ url: URL });
        const within = (ms) => ({ signal: AbortSignal.timeout(ms) });
        tell((await failure(claw.findings(within(200)))).split(":")[0]);
        tell(await claw.sessions(within(10_000)));
    """
    with Server(busy, answering) as server:
        assert run(tmp_path, source.replace("URL", json.dumps(server.url))) == ["TimeoutError", []]
        assert left.wait(10)


def test_a_found_token_is_shown_to_this_machine_alone(tmp_path: Path) -> None:
    secret = "0123456789abcdef" * 4
    (tmp_path / ".claw-socket").mkdir()
    (tmp_path / ".claw-socket" / "token").write_text(secret)
    with Server(opened(frame(snapshot()))) as here, Server(opened(frame(snapshot())), host="127.0.0.2") as elsewhere:
        source = f'for (const url of ["{here.url}", "{elsewhere.url}"]) await connect({{ url }})'
        run(tmp_path, source)
        assert f"Authorization: Bearer {secret}".encode() in here.requests[0]
        assert b"Authorization" not in elsewhere.requests[0]
        assert secret.encode() not in elsewhere.requests[0]


# A server that is not there any more


def test_a_server_that_says_nothing_is_given_up(tmp_path: Path) -> None:
    silent, half = (lambda connection, _: _drain(connection)), opened()
    with Server(silent, half) as server:
        source = f'for (const n of [1, 2]) tell(await failure(connect({{ url: "{server.url}" }})))'
        for told in run(tmp_path, source, client=hurried(tmp_path)):
            assert told.startswith(f"NoServerError: the service does not answer ({server.url}/: no answer within")


def test_a_connection_that_died_unnoticed_is_replaced_and_a_quiet_one_is_not(tmp_path: Path) -> None:
    def living(connection: socket.socket, request: bytes) -> None:
        connection.sendall(accepted(request) + frame(snapshot()))
        pings = 0
        while pings < 4:
            pings += connection.recv(4096).count(b"\x89\x80")
            connection.sendall(frame(b"", 0x8A))
        connection.sendall(frame(event(1)))
        _drain(connection)

    source = """
        const events = (await connect({ url: URL, wait: true })).events("*", { notice: noticed });
        tell(await numbers(events, 1));
    """
    with Server(opened(frame(snapshot())), living) as server:
        told = run(tmp_path, source.replace("URL", json.dumps(server.url)), client=hurried(tmp_path))
    assert told == [["notice", "lost", None], ["notice", "back", None], [1]]
