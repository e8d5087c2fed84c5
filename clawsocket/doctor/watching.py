"""Whether the system still lets us watch folders, and what the running service has complained of."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import sys
from collections.abc import Iterator
from typing import Any

from clawsocket.doctor.case import Case
from clawsocket.doctor.finding import Finding
from clawsocket.errors import StoreError
from clawsocket.log.viewer import Viewer
from clawsocket.protocol.frame import payload_of

_CREATE = 0x100
_UPGRADE = "upgrade claw-socket"


def limits(case: Case) -> Iterator[Finding]:
    """Try to watch one more folder."""
    refused = _try_to_watch(os.fsencode(case.home.root if case.home.root.exists() else "/"))
    if refused == errno.EMFILE:
        what = "the limit of inotify instances is reached; folders are polled"
        yield Finding("watch", "warning", what, "sudo sysctl fs.inotify.max_user_instances=1024")
    elif refused:
        what = "the limit of watched folders is reached; some are polled"
        yield Finding("watch", "warning", what, "sudo sysctl fs.inotify.max_user_watches=524288")
    else:
        yield Finding("watch", "ok", "folders can be watched")


def _try_to_watch(folder: bytes) -> int:
    """Return 0, or the error by which the system refuses; only Linux counts."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        descriptor = libc.inotify_init1(os.O_CLOEXEC)
        if descriptor < 0:
            return ctypes.get_errno()
        try:
            return 0 if libc.inotify_add_watch(descriptor, folder, _CREATE) >= 0 else ctypes.get_errno()
        finally:
            os.close(descriptor)
    else:
        return 0


def troubles(case: Case) -> Iterator[Finding]:
    """Tell what the running service told its clients that went wrong, since it was started."""
    if case.running is None or not case.settings.log_to_disk:
        return
    since = case.home.endpoint.stat().st_mtime * 1000 - 10_000
    try:
        with contextlib.closing(Viewer(case.home.log)) as viewer:
            rows = viewer.events("", types=("system.error",))
    except StoreError as error:
        yield Finding("log", "error", str(error), case.restart)
        return
    told: list[dict[str, Any]] = [json.loads(bytes(payload_of(row.frame)))["data"] for row in rows if row.at > since]
    for source, message in dict.fromkeys((one["source"], one["message"]) for one in told):
        mend = _UPGRADE if "not known to this version" in message else "claw-socket logs"
        yield Finding("troubles", "warning", f"{source}: {message}", mend)
    untold = [source for source, count in case.running.troubles.items() if count and not told]
    if untold:  # as on a full disk
        what = f"{', '.join(untold)}: something went wrong of which the log on disk does not tell"
        yield Finding("troubles", "warning", what, "claw-socket logs")
    elif not told:
        yield Finding("troubles", "ok", "the service has told of none since it was started")
