"""Archives that are the same whoever makes them, wherever and whenever."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path

from scripts.dist.place import epoch


def gzipped(content: bytes) -> bytes:
    """Compress, with no time and no name in it."""
    return gzip.compress(content, 9, mtime=0)


def tar_gz(folder: Path, name: str, to: Path) -> None:
    """Pack a folder, as ``name``: its files sorted, of root, and all of one time."""
    with (
        to.open("wb") as raw,
        gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        for path in [folder, *sorted(folder.rglob("*"))]:
            entry = archive.gettarinfo(path, (Path(name) / path.relative_to(folder)).as_posix())
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = "root"
            entry.mtime = epoch()
            if entry.isreg():
                with path.open("rb") as content:
                    archive.addfile(entry, content)
            else:
                archive.addfile(entry)
