"""``claw-socket --install-statusline`` and ``--uninstall-statusline``."""

from __future__ import annotations

from clawsocket.config import Settings, claude_dirs
from clawsocket.paths import Home
from clawsocket.setup import statusline
from clawsocket.setup.settings_file import remembered

_WORDS = {
    ("install", "created"): "status line recorder installed",
    ("install", "updated"): "status line recorder installed",
    ("install", "unchanged"): "the status line recorder is installed already",
    ("uninstall", "removed"): "status line recorder removed",
    ("uninstall", "restored"): "status line recorder removed, the file is again what it was before",
    ("uninstall", "unchanged"): "there is no status line recorder of ours in it",
}


def change(action: str, settings: Settings, home: Home) -> int:
    """Install or remove the recorder of the status line, and say what was done where."""
    word, dirs = action.removesuffix(" statusline"), claude_dirs(settings)
    changes = statusline.install(home, dirs) if word == "install" else statusline.remove(home, dirs, remembered(home))
    for done in changes:
        backup = f"; a copy of what it was is {done.backup}" if done.backup else ""
        print(f"{done.path}: {_WORDS[word, done.action]}{backup}")
    return 0
