"""Downloads of this program in several versions, as folders that have what a binary's folder has.

The versions are copies of the source with another number, and other changes where a test wants them. An interpreter
runs them, which costs no build; the binary that ``make test-binary`` tests takes the place of this version.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tarfile
from pathlib import Path

from clawsocket import __version__
from tests.support.service import ROOT

BINARY = os.environ.get("CLAW_SOCKET_TEST_BINARY")

OLDER, NEWER = "0.0.9", "9.9.9"

_PROGRAM = f"""\
#!{sys.executable}
import os, sys
here = os.path.dirname(os.path.realpath(__file__))
sys.dont_write_bytecode = True
sys.frozen, sys.executable = True, os.path.join(here, "claw-socket")
sys.path.insert(0, os.path.join(here, "_internal"))
from clawsocket.cli import main
sys.exit(main())
"""


def make(folder: Path, version: str, *, change: tuple[str, str, str] | None = None) -> Path:
    """Make the folder of a version's program, and return it.

    Args:
        folder: where; it must not be there.
        version: its version.
        change: a file of the source, a text in it, and what is to stand in its place.
    """
    package = folder / "_internal" / "clawsocket"
    shutil.copytree(ROOT / "clawsocket", package)  # with what is compiled already
    for name, old, new in filter(None, [("__init__.py", f'"{__version__}"', f'"{version}"'), change]):
        text = (package / name).read_text("utf-8")
        assert old in text
        (package / name).write_text(text.replace(old, new, 1), "utf-8")
    (folder / "claw-socket").write_text(_PROGRAM)
    (folder / "claw-socket").chmod(0o755)
    return folder


def one_file(folder: Path) -> Path:
    """Return the program in one file, of this version: where there is no binary, as when it has unpacked itself."""
    if BINARY is not None:
        return Path(BINARY).parent.parent / "claw-socket-onefile"
    return make(folder / "_MEI123456", __version__) / "claw-socket"


def tarball(folder: Path, version: str, *, change: tuple[str, str, str] | None = None) -> Path:
    """Make the ``.tar.gz`` of a version, with its sum beside it, and return it."""
    name = f"claw-socket-{version}"
    path = folder / f"{name}.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        archive.add(make(folder / name, version, change=change), name)
    with (folder / "SHA256SUMS").open("a") as sums:
        sums.write(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")
    return path
