"""The package for Debian and Ubuntu."""

from __future__ import annotations

import hashlib
import os
import shutil
from email.utils import format_datetime
from pathlib import Path

from clawsocket.cli import completion
from clawsocket.setup.service import TEMPLATES
from scripts.dist.archive import gzipped
from scripts.dist.binary import FOLDER
from scripts.dist.elf import oldest_glibc
from scripts.dist.parts import Part
from scripts.dist.place import BUILD, DEBIAN_MACHINE, NAME, OUT, PACKAGING, ROOT, VERSION, epoch, run, when

DEBIAN_VERSION = f"{VERSION}-1"
DEB = OUT / f"{NAME}_{DEBIAN_VERSION}_{DEBIAN_MACHINE}.deb"
_TREE = BUILD / "deb"
_COMPLETIONS = {
    "bash": f"bash-completion/completions/{NAME}",
    "zsh": f"zsh/vendor-completions/_{NAME}",
    "fish": f"fish/vendor_completions.d/{NAME}.fish",
}
SCRIPTS = ("postinst", "prerm")


def build(parts: list[Part], licences: str, manual: str) -> Path:
    """Make the package; return it.

    Args:
        parts: what is in the binary.
        licences: the text of all licences.
        manual: the man page.
    """
    shutil.rmtree(_TREE, ignore_errors=True)
    library, doc = _TREE / "usr/lib" / NAME, _TREE / "usr/share/doc" / NAME
    shutil.copytree(FOLDER, library)
    _link(_TREE / "usr/bin" / NAME, f"../lib/{NAME}/{NAME}")
    _write(_TREE / "usr/lib/systemd/user/claw-socket.service", unit())
    _write(_TREE / f"usr/share/man/man1/{NAME}.1.gz", gzipped(manual.encode()))
    _write(doc / "copyright", _copyright(parts))
    _write(doc / "licenses.txt.gz", gzipped(licences.encode()))
    _write(doc / "changelog.gz", gzipped((ROOT / "CHANGELOG.md").read_bytes()))
    _write(doc / "changelog.Debian.gz", gzipped(_changelog().encode()))
    for shell, place in _COMPLETIONS.items():
        _write(_TREE / "usr/share" / place, (completion.FOLDER / completion.FILES[shell]).read_text("utf-8"))
    glibc = oldest_glibc(library)
    overrides = (PACKAGING / "debian/lintian-overrides").read_text().replace("@GLIBC@", glibc)
    _write(_TREE / "usr/share/lintian/overrides" / NAME, overrides)
    _control(_TREE, glibc)
    _level(_TREE)
    run("dpkg-deb", "--root-owner-group", "-Zxz", "--build", _TREE, DEB)
    return DEB


def unit() -> str:
    """Return the unit that needs nobody's ``claw-socket install``: ``systemctl --user enable --now claw-socket``.

    It has no sandbox. That lets it install the hooks by itself, and some systems give a user's unit none.
    """
    text = (TEMPLATES / "claw-socket.service").read_text("utf-8")
    head, _, rest = text.partition("[Unit]\n")
    rest = rest.replace("@PROGRAM@", f"/usr/bin/{NAME}").replace("@ENVIRONMENT@\n", "")
    before, _, sandbox = rest.partition("# The sandbox:")
    install = sandbox.partition("[Install]\n")[2]
    assert head, "the template begins with who wrote it"
    said = "# `claw-socket install` writes a stricter one for you alone, which this one then stands behind.\n\n"
    return f"{said}[Unit]\n{before}[Install]\n{install}"


def maintainer() -> str:
    """Return who makes this package: ``$DEBFULLNAME`` and ``$DEBEMAIL``, as for all of Debian's tools."""
    name = os.environ.get("DEBFULLNAME", "claw-socket contributors")
    return f"{name} <{os.environ.get('DEBEMAIL', 'claw-socket@localhost')}>"


def _control(tree: Path, glibc: str) -> None:
    control = tree / "DEBIAN"
    files = [path for path in sorted(tree.rglob("*")) if path.is_file() and not path.is_symlink()]
    values = {
        "VERSION": DEBIAN_VERSION, "ARCHITECTURE": DEBIAN_MACHINE, "MAINTAINER": maintainer(),
        "SIZE": str(sum(-(-path.stat().st_size // 1024) for path in files)),
        "GLIBC": glibc,
    }  # fmt: skip
    text = (PACKAGING / "debian/control").read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    sums = "".join(
        f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(tree)}\n"  # noqa: S324 - dpkg's format
        for path in files
    )
    _write(control / "control", text)
    _write(control / "md5sums", sums)
    for name in SCRIPTS:
        _write(control / name, (PACKAGING / "debian" / name).read_text())


def _changelog() -> str:
    return (
        f"{NAME} ({DEBIAN_VERSION}) unstable; urgency=medium\n\n"
        f"  * What is new is in changelog.gz.\n\n -- {maintainer()}  {format_datetime(when())}\n"
    )


def _copyright(parts: list[Part]) -> str:
    licence = (ROOT / "LICENSE").read_text().partition("\n\nPermission")[2]
    body = "".join(f" {line or '.'}\n" for line in f"Permission{licence}".strip().splitlines())
    listed = "".join(f"  {one.name} {one.version}{f': {one.licence}' if one.licence else ''}\n" for one in parts)
    text = (PACKAGING / "debian/copyright").read_text()
    return text.replace("@PARTS@\n", listed) + body


def _write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def _link(path: Path, target: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def _level(tree: Path) -> None:
    program = tree / "usr/lib" / NAME / NAME
    for path in [*tree.rglob("*"), tree]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path == program or path.name in SCRIPTS else 0o644)
        os.utime(path, (epoch(), epoch()), follow_symlinks=False)
