"""``claw-socket status``: does it run, where, and what does it see?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clawsocket import __version__, config, token
from clawsocket.cli import skew
from clawsocket.cli.parsing import Parser, RawHelp
from clawsocket.doctor import running
from clawsocket.doctor.running import Running
from clawsocket.errors import ClawSocketError
from clawsocket.paths import Home
from clawsocket.setup import hooks
from clawsocket.setup.service import seen
from clawsocket.setup.service.seen import ManagerState

EPILOG = """\
claw-socket doctor looks closer, and says how to mend what is wrong.

exit codes: 0 it runs, 1 it does not
"""


def main(argv: Sequence[str]) -> int:
    """Run ``claw-socket status``; return the exit code."""
    parser = Parser(
        prog="claw-socket status", description="Shows whether the service runs.", epilog=EPILOG, formatter_class=RawHelp
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(argv)
    home = Home.default()
    found, state = running.look(home), seen.look()
    if found is not None:
        skew.tell(found.endpoint.version)
    facts = {
        "running": found is not None,
        "version": found.endpoint.version if found else None,
        "pid": found.endpoint.pid if found else None,
        "url": found.endpoint.url if found else None,
        "sessions": dict(found.states) if found else None,
        "service": _service(state),
        "hooks": _hooks(home),
        "token": str(home.token) if _has_token(home) else None,
        "waiting": _waiting(home),
    }
    print(json.dumps(facts, indent=2) if options.json else _text(facts, found, state))
    return 0 if found else 1


def _service(state: ManagerState) -> dict[str, Any] | None:
    if state.manager is None:
        return None
    return {name: str(value) if isinstance(value, Path) else value for name, value in state._asdict().items()}


def _hooks(home: Home) -> dict[str, bool] | None:
    """Return which settings have our hooks as they should be; None where that can't be known."""
    try:
        settings = config.load({}, file=home.config)
        found = hooks.look(home, config.claude_dirs(settings), settings)
    except ClawSocketError:
        return None
    return {str(one.path): one.is_right for one in found}


def _has_token(home: Home) -> bool:
    try:
        return token.load(home.token) is not None
    except ClawSocketError:
        return False


def _waiting(home: Home) -> int:
    """Return how many hooks wait in the spool."""
    return sum(1 for _ in home.spool.glob("[!.]*.json"))


def _text(facts: dict[str, Any], found: Running | None, state: ManagerState) -> str:
    lines = {
        "claw-socket": f"{found.endpoint.version}, runs at {found.endpoint.url}, pid {found.endpoint.pid}"
        if found
        else f"{__version__}, does not run",
        "service": _words(state),
    }
    if found:
        total = sum(found.states.values())
        parts = ", ".join(f"{count} {name}" for name, count in sorted(found.states.items()))
        lines["sessions"] = f"{total}: {parts}" if total else "none"
    hooks = facts["hooks"] or {}
    registered = [
        f"in {path}" if right else f"not as they should be in {path}; claw-socket doctor tells why"
        for path, right in hooks.items()
    ]
    lines["hooks"] = "; ".join(registered) or "unknown; claw-socket doctor tells why"
    lines["token"] = facts["token"] or "none yet"
    if facts["waiting"]:
        lines["spool"] = f"hooks that wait: {facts['waiting']}"
    return "\n".join(f"{name:<12} {text}" for name, text in lines.items())


def _words(state: ManagerState) -> str:
    if state.manager is None:
        return "no service manager answers here"
    if not state.installed:
        return "not installed"
    start = "starts at login" if state.enabled else "does not start at login"
    if state.waits:
        start = "starts with the first connection"
        if not state.running_pid:
            return f"{state.manager}, {start}"
    now = f"failed: {state.failed_why}" if state.failed_why else "active" if state.active else "not active"
    return f"{state.manager}, {start}, {now}"
