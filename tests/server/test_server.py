from __future__ import annotations

from pathlib import Path

from tests.server.harness import running


async def test_a_client_gets_a_snapshot_and_then_events(tmp_path: Path) -> None:
    async with running(tmp_path) as rig, rig.client("*") as client:
        seq = rig.append(name="new")
        event = await client.receive()
        assert (event["seq"], event["data"]) == (seq, {"name": "new"})
        assert await client.silent()
        r = await rig.http(rig.post(b'{"hook_event_name":1}'))
        print(r)
        r = await rig.http(rig.post(b'{"hook_event_name":1', token="x"))
        print(r)
        print(await rig.http(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
        print(rig.home.endpoint.read_text())
