"""A client of the service: ``async with connect() as claw: async for event in claw.events("tool.*")``.

It finds the server and the token by itself, comes back when the connection is lost, and goes on where it was. In a
program without asyncio: :mod:`clawsocket.client.blocking`.
"""

from clawsocket.client.claw import Claw, connect
from clawsocket.client.events import OLDEST, Back, Events, Lost, Notice, Position
from clawsocket.client.incoming import Event
from clawsocket.protocol.replies import Gap

__all__ = ["OLDEST", "Back", "Claw", "Event", "Events", "Gap", "Lost", "Notice", "Position", "connect"]
