"""The binaries: a folder that is run where it is, and one file."""

from __future__ import annotations

import shutil
import sys

from scripts.dist.place import BUILD, NAME, ROOT, run

FOLDER = BUILD / "binary" / NAME
ONE_FILE = BUILD / "binary" / f"{NAME}-onefile"
WORK = BUILD / "work"
"""What PyInstaller writes down of what it took, and from where."""


def build() -> None:
    """Make both of them anew."""
    for old in (FOLDER.parent, WORK):
        shutil.rmtree(old, ignore_errors=True)
    tool = (sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level=WARN")
    run(*tool, f"--distpath={FOLDER.parent}", f"--workpath={WORK}", ROOT / "build.spec")
    for path in (FOLDER, *FOLDER.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.name == NAME else 0o644)
