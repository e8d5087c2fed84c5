"""``claw-socket --install-hooks``, ``--install-statusline``, and what takes either out again."""

from __future__ import annotations

from clawsocket.config import Settings, claude_dirs
from clawsocket.paths import Home
from clawsocket.setup import hooks, statusline
from clawsocket.setup.settings_file import every, remembered

_HOOKS = {
    ("install", "unchanged"): "the hooks are installed already",
    ("install", ""): "hooks installed",
    ("uninstall", "unchanged"): "there are no hooks of ours in it",
    ("uninstall", ""): "hooks removed",
}
_RECORDER = {
    ("install", "unchanged"): "the status line recorder is installed already",
    ("install", ""): "status line recorder installed",
    ("uninstall", "unchanged"): "there is no status line recorder of ours in it",
    ("uninstall", ""): "status line recorder removed",
}


def change(action: str, settings: Settings, home: Home) -> int:
    """Install or remove the hooks, or the recorder of the status line, and say what was done where."""
    action, _, what = action.partition(" ")
    dirs, part = claude_dirs(settings), statusline if what else hooks
    if action == "uninstall":
        changes = part.remove(home, every(dirs, remembered(home)))
    else:
        changes = statusline.install(home, dirs) if what else hooks.install(home, dirs, settings)
    words = _RECORDER if what else _HOOKS
    for done in changes:
        said = words.get((action, done.action)) or words[action, ""]
        restored = ", the file is again what it was before" if done.action == "restored" else ""
        backup = f"; a copy of what it was is {done.backup}" if done.backup else ""
        print(f"{done.path}: {said}{restored}{backup}")
    return 0
