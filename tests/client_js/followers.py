"""The JavaScript client, wherever it runs, as a follower of a service that is restarted all the time."""

from __future__ import annotations

import json
import threading
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.client_js.running import CLIENT, bun
from tests.support.browser import chromium
from tests.support.restless import Follower, Program, Seen
from tests.support.service import Service

SCRIPT = f"""
import {{ connect, OLDEST }} from {json.dumps(CLIENT.as_uri())};
const claw = await connect();
for await (const event of claw.events("*", {{ since: OLDEST }})) console.log(JSON.stringify(event));
"""

READ = """async (token) => {
    const { connect, OLDEST } = await import("/claw-socket.js");
    const claw = await connect({ token });
    globalThis.told = [];
    (async () => {
        for await (const event of claw.events("*", { since: OLDEST })) {
            told.push(event);
            if (event.type === "tool.use") break; // the last of all
        }
    })();
}"""


def programs(folder: Path, env: dict[str, str]) -> list[Program]:
    """Return the client in Node and in Bun, each to be entered.

    Args:
        folder: for the script.
        env: its environment, which holds the home of the service.
    """
    script = folder / "follow.mjs"
    script.write_text(SCRIPT)
    return [Program("Node", ["node", script], env), Program("Bun", [bun(), script], env)]


class InChromium(Follower, AbstractContextManager["InChromium"]):
    """The client in a page of the service; for a with block."""

    def __init__(self, service: Service) -> None:
        super().__init__("Chromium")
        self._place = f"http://{service.address}/health"
        self._token = service.token
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def _read(self) -> None:
        with chromium() as browser:
            page = browser.new_page()
            page.goto(self._place)
            page.evaluate(READ, self._token)
            while not (self.has_ended() or self._stopped.is_set()):
                self.seen += [Seen.of(event) for event in page.evaluate("told.splice(0)")]
                page.wait_for_timeout(20)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join(20)
