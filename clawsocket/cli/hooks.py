"""``claw-socket --install-hooks`` and ``--uninstall-hooks``."""

from __future__ import annotations

from clawsocket.config import Settings, claude_dirs
from clawsocket.paths import Home
from clawsocket.setup import hooks
from clawsocket.setup.settings_file import remembered

_WORDS = {
    ("install", "created"): "hooks installed",
    ("install", "updated"): "hooks installed",
    ("install", "unchanged"): "the hooks are installed already",
    ("uninstall", "removed"): "hooks removed",
    ("uninstall", "restored"): "hooks removed, the file is again what it was before",
    ("uninstall", "unchanged"): "there are no hooks of ours in it",
}


def change(action: str, settings: Settings, home: Home) -> int:
    """Install or remove the hooks, and say what was done where."""
    dirs = claude_dirs(settings)
    if action == "install":
        home.create()
        changes = hooks.install(
            home, dirs, stream=settings.stream, watch_files=settings.watch_files, limit=settings.spool_limit
        )
    else:
        changes = hooks.remove(home, dirs, remembered(home))
    for done in changes:
        backup = f"; a copy of what it was is {done.backup}" if done.backup else ""
        print(f"{done.path}: {_WORDS[action, done.action]}{backup}")
    return 0
