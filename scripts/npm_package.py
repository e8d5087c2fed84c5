"""Pack the JavaScript client for npm: ``make npm-package``. It is published by nobody but its owner, by hand."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from clawsocket import __version__

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "build" / "npm"


def assemble(folder: Path) -> None:
    """Put what belongs to the package into a folder, which is made anew; its version is that of the program."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    web = ROOT / "clawsocket" / "web"
    for path in (
        web / "claw-socket.js",
        web / "claw-socket.d.ts",
        ROOT / "packaging" / "npm" / "README.md",
        ROOT / "LICENSE",
    ):
        (folder / path.name).write_bytes(path.read_bytes())
    about = json.loads((ROOT / "packaging" / "npm" / "package.json").read_bytes())
    name = about.pop("name")
    text = json.dumps({"name": name, "version": __version__, **about}, indent=2)
    (folder / "package.json").write_text(text + "\n", "utf-8")


def pack(folder: Path) -> Path:
    """Return the package, made from a folder: the same bytes from the same files, for npm leaves out their times.

    Raises:
        CalledProcessError: npm refuses it.
    """
    command = ["npm", "pack", "--json", "--offline", "--ignore-scripts", "--no-update-notifier"]
    done = subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE)
    (made,) = json.loads(done.stdout)
    return folder / str(made["filename"])


def main() -> None:
    """Pack it."""
    assemble(FOLDER)
    print(pack(FOLDER).relative_to(ROOT))


if __name__ == "__main__":
    main()
