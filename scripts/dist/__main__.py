"""``python -m scripts.dist``: make all that this machine can."""

from __future__ import annotations

import argparse
import shutil
import sys

from scripts.dist import archive, binary, deb, release
from scripts.dist.documents import bill, licences
from scripts.dist.manual import manual
from scripts.dist.parts import parts
from scripts.dist.place import BUILD, FULL_NAME, OUT, ROOT, SYSTEM, run


def main() -> None:
    """Make it."""
    parser = argparse.ArgumentParser(prog="python -m scripts.dist", description="Make what is shipped, in dist/.")
    parser.add_argument(
        "what",
        choices=("all", "collect"),
        help="all of it; or, where the downloads for other systems were put into dist/, what needs to know them all: "
        "the formula for Homebrew, the install script, the sums",
    )
    if parser.parse_args().what == "all":
        shutil.rmtree(OUT, ignore_errors=True)
        OUT.mkdir()
        binary.build()
        _python_packages()
        _downloads()
    release.install_script()
    release.formula()
    release.sums()
    for path in sorted(OUT.iterdir()):
        print(f"{path.stat().st_size:>12,}  {path.relative_to(ROOT)}")


def _python_packages() -> None:
    """Make wheel and sdist."""
    run(sys.executable, "-m", "hatchling", "build", "-d", OUT)


def _downloads() -> None:
    """Make what needs no Python, with what must be known of it."""
    found = parts()
    texts = {"licenses.txt": licences(found), "cdx.json": bill(found)}
    for suffix, text in texts.items():
        (OUT / f"{FULL_NAME}.{suffix}").write_text(text, "utf-8")
    folder = BUILD / "download"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(binary.FOLDER, folder, symlinks=True)
    shutil.copy(ROOT / "LICENSE", folder)
    for name, text in (("THIRD-PARTY-LICENSES.txt", texts["licenses.txt"]), ("claw-socket.1", manual())):
        (folder / name).write_text(text, "utf-8")
    for path in folder.iterdir():
        if path.is_file() and path.name != "claw-socket":
            path.chmod(0o644)
    archive.tar_gz(folder, FULL_NAME, OUT / f"{FULL_NAME}.tar.gz")
    shutil.copy2(binary.ONE_FILE, OUT / FULL_NAME)
    (OUT / FULL_NAME).chmod(0o755)
    if SYSTEM == "linux" and shutil.which("dpkg-deb"):
        deb.build(found, texts["licenses.txt"], manual())


if __name__ == "__main__":
    main()
