"""What leads people to the downloads: the install script, the formula for Homebrew, and the sums of all."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from scripts.dist.place import NAME, OUT, PACKAGING, VERSION

SUMS = "SHA256SUMS"
_BESIDE = "file://#{__dir__}"
"""Where files are that have no address yet, in Ruby: beside the formula."""
_SYSTEMS = {"macos": "on_macos", "linux": "on_linux"}
_MACHINES = {"arm64": "on_arm", "x86_64": "on_intel"}


def release_url() -> str:
    """Return the address that the files of this release will have, without a slash: ``$RELEASE_URL``; empty: none."""
    return os.environ.get("RELEASE_URL", "").rstrip("/")


def install_script() -> None:
    """Write the script that installs what this machine needs."""
    text = (PACKAGING / "install.sh").read_text("utf-8")
    for name, value in {"VERSION": VERSION, "URL": release_url()}.items():
        text = text.replace(f"@{name}@", value)
    path = OUT / "install.sh"
    path.write_text(text, "utf-8")
    path.chmod(0o755)


def formula() -> None:
    """Write the formula, for those systems whose folder is there already."""
    blocks = "".join(_on_system(system, block) for system, block in _SYSTEMS.items())
    homepage = release_url().partition("/releases/")[0] or _BESIDE
    text = (PACKAGING / f"{NAME}.rb").read_text("utf-8")
    for name, value in {"VERSION": VERSION, "HOMEPAGE": homepage, "DOWNLOADS": blocks.strip("\n")}.items():
        text = text.replace(f"@{name}@", value)
    (OUT / f"{NAME}.rb").write_text(text, "utf-8")


def _on_system(system: str, block: str) -> str:
    lines = ""
    for machine, inner in _MACHINES.items():
        file = OUT / f"{NAME}-{VERSION}-{system}-{machine}.tar.gz"
        if file.exists():
            url = f"{release_url() or _BESIDE}/{file.name}"
            lines += f'    {inner} do\n      url "{url}"\n      sha256 "{_sum(file)}"\n    end\n'
    return f"  {block} do\n{lines}  end\n" if lines else ""


def sums() -> None:
    """Write the sum of every file, as ``sha256sum --check`` reads it."""
    files = sorted(path for path in OUT.iterdir() if path.is_file() and path.name != SUMS)
    (OUT / SUMS).write_text("".join(f"{_sum(path)}  {path.name}\n" for path in files))


def _sum(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
