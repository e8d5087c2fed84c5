"""``claw-socket --install-hooks``, ``--install-statusline``, and what takes either out again."""

from __future__ import annotations

from collections.abc import Callable

from clawsocket.config import Settings, claude_dirs
from clawsocket.paths import Home
from clawsocket.setup import hooks, statusline
from clawsocket.setup.settings_file import Change, every, remembered

_WORDS = {
    "install": ("hooks installed", "the hooks are installed already"),
    "uninstall": ("hooks removed", "there are no hooks of ours in it"),
    "install statusline": ("status line recorder installed", "the status line recorder is installed already"),
    "uninstall statusline": ("status line recorder removed", "there is no status line recorder of ours in it"),
}


def change(action: str, settings: Settings, home: Home) -> int:
    """Install or remove the hooks, or the recorder of the status line, and say what was done where."""
    dirs = claude_dirs(settings)
    acts: dict[str, Callable[[], list[Change]]] = {
        "install": lambda: hooks.install(home, dirs, settings),
        "uninstall": lambda: hooks.remove(home, every(dirs, remembered(home))),
        "install statusline": lambda: statusline.install(home, dirs),
        "uninstall statusline": lambda: statusline.remove(home, every(dirs, remembered(home))),
    }
    changed, unchanged = _WORDS[action]
    for done in acts[action]():
        said = unchanged if done.action == "unchanged" else changed
        restored = ", the file is again what it was before" if done.action == "restored" else ""
        backup = f"; a copy of what it was is {done.backup}" if done.backup else ""
        print(f"{done.path}: {said}{restored}{backup}")
    return 0
