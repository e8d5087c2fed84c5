"""Claude Code: whether it is there, has our hooks as they should be, and runs them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from clawsocket.claude.hook_events import FIRST_KNOWN
from clawsocket.claude.settings import hooks_are_off
from clawsocket.doctor.case import Case
from clawsocket.doctor.finding import Finding, Level
from clawsocket.errors import ClawSocketError, SettingsFileError
from clawsocket.paths import Home
from clawsocket.setup import hooks
from clawsocket.setup.claude_version import USUAL, find_program, version_of
from clawsocket.setup.hooks import Look
from clawsocket.setup.settings_file import every, paths, remembered

MANAGED = Path("/Library/Application Support/ClaudeCode" if sys.platform == "darwin" else "/etc/claude-code")
"""Where whoever manages this machine puts settings that go before the user's."""

INSTALL, REMOVE = "claw-socket --install-hooks", "claw-socket --uninstall-hooks"


def there(case: Case) -> Iterator[Finding]:
    """Look whether there is a Claude Code, or was one: its folder alone may be of our making."""
    program = find_program()
    if program is not None:
        version = version_of(program)
        named = f"{program}, version {'.'.join(map(str, version))}" if version else str(program)
        yield Finding("claude", "ok", named)
    elif any((folder / "projects").is_dir() for folder in case.dirs):
        yield Finding("claude", "ok", f"its program is not on the PATH; its folder is {case.dirs[0]}")
    else:
        yield Finding("claude", "warning", "there is no Claude Code yet", "npm install -g @anthropic-ai/claude-code")


def _is_there(case: Case) -> bool:
    return find_program() is not None or any(folder.is_dir() for folder in case.dirs)


def registered(case: Case) -> Iterator[Finding]:
    """Look whether its settings have our hooks as they should be."""
    if case.settings_problem:  # how that is stands in our own settings, perhaps that there are to be none
        return
    if not case.settings.hooks:
        yield from _left_out(case)
        return
    if not _is_there(case):
        return
    try:
        found = hooks.look(case.home, case.dirs, case.settings)
    except ClawSocketError as error:
        yield Finding("hooks", "error", str(error), "export CLAW_SOCKET_DIR=/another/folder")
        return
    fix = partial(hooks.install, case.home, case.dirs, case.settings)
    for one in found:
        what = _wrong(one, case.home)
        if one.problem:
            yield Finding("hooks", "error", f"{one.path} {one.problem}", f"edit {one.path}")
        elif what:
            level: Level = "warning" if _lacks_new(one) else "error"
            yield Finding("hooks", level, f"{one.path}: {what}", INSTALL, fix)
        elif not one.off:
            yield Finding("hooks", "ok", f"in {one.path}, as they should be")
        if one.off:
            what = f"{one.path}: {one.off} keeps every hook from running"
            yield Finding("hooks", "error", what, f'remove "{one.off}" from {one.path}')


def followed(case: Case) -> Iterator[Finding]:
    """Look whether the service follows the folder that Claude Code has in this shell."""
    shell = os.environ.get("CLAUDE_CONFIG_DIR")
    if shell and case.manager.enabled and paths([Path(shell)])[0] not in paths(case.dirs):
        what = f"the service does not follow {shell}, which is Claude Code's folder in this shell (CLAUDE_CONFIG_DIR)"
        yield Finding("claude", "warning", what, "claw-socket install")


def _left_out(case: Case) -> Iterator[Finding]:
    """Look whether hooks that are turned off still write what nobody reads."""
    found = [one for path in every(case.dirs, remembered(case.home)) for one in _left_in(case, path)]
    yield from found or [Finding("hooks", "ok", "turned off by the setting hooks")]


def _left_in(case: Case, path: Path) -> Iterator[Finding]:
    try:
        if hooks.preview_removal(case.home, [path]):
            what = f"{path} has our hooks, which are turned off by the setting hooks: nobody reads what they write"
            yield Finding("hooks", "error", what, REMOVE, partial(hooks.remove, case.home, [path]))
    except SettingsFileError as error:
        yield Finding("hooks", "error", str(error), f"edit {path}")


def _wrong(found: Look, home: Home) -> str | None:
    if found.is_right:
        return None
    if found.unknown:
        return f"the installed Claude Code does not know the hooks {_names(found.unknown)}"
    if _lacks_new(found):
        return f"Claude Code has new hooks, which the service installs when it starts next: {_names(found.missing)}"
    if found.missing:
        return f"the hooks are missing for {_names(found.missing)}"
    if found.lacks_script:
        return f"the script that the hooks run, {home.hook}, is missing, of an older version, or changed by hand"
    return "the hooks are not as they should be: of an older version, or changed by hand"


def _lacks_new(found: Look) -> bool:
    """Tell whether nothing is wrong but that Claude Code has brought itself up to date, and has more hooks now."""
    return bool(found.missing) and not found.unknown and all(FIRST_KNOWN[event] > USUAL for event in found.missing)


def _names(events: frozenset[str]) -> str:
    first = sorted(events)[:3]
    return ", ".join(first) + (f" and {len(events) - 3} more" if len(events) > 3 else "")


def managed(_case: Case) -> Iterator[Finding]:
    """Look whether whoever manages the machine lets our hooks run."""
    for path in (MANAGED / "managed-settings.json", *sorted((MANAGED / "managed-settings.d").glob("*.json"))):
        try:
            key = hooks_are_off(path.read_text("utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError):
            yield Finding("hooks", "warning", f"{path} can't be read", f"look at {path}")
            continue
        if key:
            what = f"{path}: {key} keeps our hooks from running; transcripts are read all the same"
            yield Finding("hooks", "error", what, "ask whoever manages this machine")
