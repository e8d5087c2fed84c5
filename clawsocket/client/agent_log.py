"""The raw lines of a transcript, as Claude Code writes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from clawsocket.client import incoming
from clawsocket.client.events import Back, Lost, Notice
from clawsocket.client.link import Link, Patience
from clawsocket.errors import ClawSocketError, RequestError
from clawsocket.protocol.messages import SubscribeAgentLog


async def follow(
    dial: Callable[[], Awaitable[Link]],
    is_closed: Callable[[], bool],
    subscribe: SubscribeAgentLog,
    notice: Callable[[Notice], None],
) -> AsyncGenerator[dict[str, Any], None]:
    """Yield each line from now on, over as many connections as it takes.

    Args:
        dial: makes a connection, which ends with the client.
        is_closed: tells whether that was left: then this ends.
        subscribe: what to ask for.
        notice: is told of each :class:`Lost` and :class:`Back`.

    Raises:
        TokenRefusedError: the server refuses the token.
        RequestError: it refuses the log.
    """
    patience, is_lost = Patience(), False
    while not is_closed():
        link: Link | None = None
        try:
            link = await dial()
            await link.send(subscribe)
            patience.connected()
            if is_lost:
                is_lost = False
                notice(Back(link.snapshot))
            while True:
                line = _line(await link.receive())
                if line is not None:
                    patience.worked()
                    yield line
        except ClawSocketError as error:
            if is_closed():
                return
            pause = patience.pause(error)
            if not is_lost:
                is_lost = True
                notice(Lost(error))
            await asyncio.sleep(pause)
        finally:
            if link is not None:
                await link.close()


def _line(message: str | bytes) -> dict[str, Any] | None:
    """Return the line that a message holds; None for another message."""
    told = incoming.untyped(message)
    if told["type"] == "error":
        raise RequestError(told["error"], told.get("message"))
    line: dict[str, Any] | None = told["line"] if told["type"] == "agent_log" else None
    return line
