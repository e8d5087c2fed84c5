"""The environment as it was before PyInstaller's start-up: no child may get our libraries, or take itself for us."""

import os

_CHANGED = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_ADDED = ("_PYI_", "_MEIPASS")


def restore() -> None:
    """Undo what was done to it. Our own libraries are found all the same: the loader read it when the process began."""
    if "_PYI_ARCHIVE_FILE" not in os.environ:
        return
    for name in _CHANGED:
        before = os.environ.pop(f"{name}_ORIG", None)
        os.environ.pop(name, None)
        if before is not None:
            os.environ[name] = before
    for name in [name for name in os.environ if name.startswith(_ADDED)]:
        del os.environ[name]
