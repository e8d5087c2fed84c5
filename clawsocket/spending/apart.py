"""Reports that a running service asks for, each made by a process of its own.

Reading all transcripts takes memory that a process does not give back, and time in which Python runs nothing else; and
a process can be ended at any moment, when nobody wants its report any more.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import clawsocket
from clawsocket.errors import RequestError

LIMIT = 8_000_000
"""Bytes of the longest report."""

PATIENCE = 600.0
"""Seconds that a report may take: the first one reads everything."""

logger = logging.getLogger(__name__)


class Reports:
    """Makes reports, one at a time."""

    def __init__(self, folder: Path, claude_dirs: Sequence[str]) -> None:
        """Make none yet.

        Args:
            folder: ours, with the settings, the prices and the cache.
            claude_dirs: the setting.
        """
        self._environment = {**os.environ, "CLAW_SOCKET_DIR": str(folder)}
        self._dirs = ("--set", f"claude_dirs={','.join(claude_dirs)}") if claude_dirs else ()
        self._turn = asyncio.Lock()

    async def make(self, by: Sequence[str], since: str | None) -> bytes:
        """Return what ``claw-socket usage --json`` prints. Cancelled, it ends the process.

        Args:
            by: the parts to sum up by.
            since: the first day; None: all of them.

        Raises:
            RequestError: it is too long, or could not be made.
        """
        flags = ["usage", "--json", "--by", ",".join(by), *(["--since", since] if since else []), *self._dirs]
        async with self._turn:
            try:
                async with asyncio.timeout(PATIENCE):
                    return await self._run(flags)
            except TimeoutError:
                raise _failed(f"it took longer than {PATIENCE:.0f} s") from None
            except OSError as error:
                raise _failed(str(error)) from None

    async def _run(self, flags: list[str]) -> bytes:
        process = await asyncio.create_subprocess_exec(
            *program(),
            *flags,
            env=self._environment,
            cwd=None if _is_binary() else Path(clawsocket.__file__).parent.parent,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            report = await self._read(process)
            code = await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if code != 0:
            raise _failed(f"claw-socket {' '.join(flags)} ended with {code}")
        return report

    async def _read(self, process: asyncio.subprocess.Process) -> bytes:
        assert process.stdout is not None
        report = bytearray()
        while data := await process.stdout.read(1 << 16):
            report += data
            if len(report) > LIMIT:
                raise RequestError("limit_exceeded", "the report is too long; ask for fewer parts or a later day")
        return bytes(report)


def _failed(why: str) -> RequestError:
    logger.warning("a report of usage could not be made: %s", why)
    return RequestError("failed", "the report could not be made; the log of the service says why")


def program() -> tuple[str, ...]:
    """Return the command that is this program, whichever way it was started."""
    return (sys.executable,) if _is_binary() else (sys.executable, "-m", "clawsocket")


def _is_binary() -> bool:
    return bool(getattr(sys, "frozen", False))
