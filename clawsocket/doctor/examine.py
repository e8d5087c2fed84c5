"""All checks, in the order in which one thing rests on another."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator

from clawsocket.doctor import arrival, claude_code, folder, ports, secret, service, watching
from clawsocket.doctor.case import Case
from clawsocket.doctor.finding import Finding
from clawsocket.paths import Home

CHECKS: tuple[Callable[[Case], Iterator[Finding]], ...] = (
    folder.settings,
    folder.privacy,  # before anything opens the token: that repairs its mode
    service.installed,
    service.answers,
    ports.check,
    secret.check,
    secret.copy,
    claude_code.there,
    claude_code.followed,
    claude_code.registered,
    claude_code.managed,
    folder.spool,
    arrival.check,
    watching.limits,
    watching.troubles,
    folder.disk,
    folder.clock,
)


def examine(home: Home) -> Iterator[Finding]:
    """Look at everything; findings come as they are found."""
    case = Case.of(home)
    if case.elsewhere is not None:  # what is here is not what it uses: no hook must be led here
        what = f"the service uses the folder {case.elsewhere}, and this shell looks at {home.root}"
        is_named = case.manager.folder is not None
        mend = f"export CLAW_SOCKET_DIR={shlex.quote(str(case.elsewhere))}" if is_named else "unset CLAW_SOCKET_DIR"
        yield Finding("folder", "error", what, mend)
        return
    for check in CHECKS:
        try:
            yield from check(case)
        except OSError as error:  # a check that can't look says so, and the others go on
            what = f"{error.filename or home.root}: {error.strerror}"
            yield Finding("folder", "error", what, f"ls -la {shlex.quote(str(home.root))}")
