"""What a binary is made of: which packages, which versions, under which licences.

``build.spec`` writes down from where it took each file; what installed that file says the rest.
"""

from __future__ import annotations

import json
import os
import platform
import re
import ssl
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from scripts.dist.binary import WORK
from scripts.dist.place import ROOT


@dataclass
class Part:
    """Something of others that is in the binary.

    Attributes:
        name: its name.
        version: its version.
        purl: what it is and where it came from (https://github.com/package-url/purl-spec).
        licence: in SPDX's words; empty: its text says it.
        text: its licence and copyright, whole.
        inside: what it was made of itself, as components of CycloneDX.
        files: its files in the folder of the binary.
    """

    name: str
    version: str
    purl: str
    licence: str = ""
    text: str = ""
    inside: list[dict[str, Any]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


def parts() -> list[Part]:
    """Return all parts of the binary that was built last, sorted by name.

    Raises:
        SystemExit: nobody knows where a file comes from.
    """
    finder = _Finder()
    found: dict[str, Part] = {}
    for name, source in _taken():
        part = finder.find(Path(source))
        if part is not None:
            found.setdefault(part.purl, part).files.append(name)
    bootloader = finder.distribution("pyinstaller")
    found.setdefault(bootloader.purl, bootloader).files.append("claw-socket")
    return sorted(found.values(), key=lambda part: part.name.lower())


def _taken() -> Iterator[tuple[str, str]]:
    """Yield each file or module in the binary, and where it came from, as ``build.spec`` has written it down."""
    for name, source in json.loads((WORK / "build" / "taken.json").read_bytes()):
        if source and Path(source).is_absolute():
            yield name, source


class _Finder:
    """Tells whose a file is."""

    def __init__(self) -> None:
        self._owners: dict[str, Distribution] = {}
        for one in distributions():
            for file in one.files or ():
                self._owners[os.path.realpath(str(one.locate_file(file)))] = one
        self._parts: dict[str, Part] = {}

    def find(self, path: Path) -> Part | None:
        """Return the part that a file is of; None: it is ours."""
        real = Path(os.path.realpath(path))
        if (owner := self._owners.get(str(real))) is not None:
            return self._once(owner.name, lambda: _of_distribution(owner))
        if real.name == "base_library.zip":
            return self._once("python", _python)
        if real.is_relative_to(ROOT):
            return None
        if re.match(r"lib(crypto|ssl)[.-]", real.name):
            return self._once("openssl", lambda: _openssl(real))
        if real.is_relative_to(os.path.realpath(sysconfig.get_path("stdlib"))) or real.name.startswith("libpython"):
            return self._once("python", _python)
        return self._once(real.name, lambda: _of_system(real))

    def distribution(self, name: str) -> Part:
        """Return what is installed under a name."""
        (one,) = [one for one in distributions() if one.name.lower() == name]
        return self._once(one.name, lambda: _of_distribution(one))

    def _once(self, key: str, make: Any) -> Part:
        if key not in self._parts:
            made: Part = make()
            self._parts[key] = next((one for one in self._parts.values() if one.purl == made.purl), made)
        return self._parts[key]


def _of_distribution(one: Distribution) -> Part:
    meta = one.metadata
    texts, inside = [], []
    for file in sorted(one.files or (), key=str):
        path = Path(str(one.locate_file(file)))
        if re.search(r"\.dist-info/(licenses/|LICEN[CS]E|COPYING|NOTICE)", str(file)) and path.is_file():
            texts.append(path.read_text("utf-8").strip())
        elif re.search(r"\.dist-info/sboms/.*\.json$", str(file)):  # https://peps.python.org/pep-0770/
            inside += _inside(json.loads(path.read_bytes()))
    licence = meta["License-Expression"] or _classified(meta.get_all("Classifier") or [])
    name = re.sub(r"[-_.]+", "-", one.name).lower()
    return Part(one.name, one.version, f"pkg:pypi/{name}@{one.version}", licence, "\n\n".join(texts), inside)


def _inside(document: dict[str, Any]) -> list[dict[str, Any]]:
    wanted = ("type", "name", "version", "purl")
    return [{key: one[key] for key in wanted if key in one} for one in document.get("components", ())]


def _classified(classifiers: list[str]) -> str:
    """Return the licence that old metadata tells as a classifier, where that says exactly which."""
    known = {"MIT License": "MIT", "Apache Software License": "Apache-2.0", "zlib/libpng License": "Zlib"}
    found = [line.rpartition(" :: ")[2] for line in classifiers if line.startswith("License :: ")]
    return " OR ".join(sorted(known[one] for one in found)) if found and all(one in known for one in found) else ""


def _python() -> Part:
    library = Path(sysconfig.get_path("stdlib"))
    version, purl = _built("python3.13", "python", platform.python_version())
    if (debian := _of_debian(library / "os.py")) is not None:
        version, purl = debian.version, debian.purl
    return Part("CPython", version, purl, "PSF-2.0", _read(library / "LICENSE.txt"))


def _openssl(path: Path) -> Part:
    if (part := _of_debian(path)) is not None:
        return part
    version, purl = _built("openssl", "openssl", ssl.OPENSSL_VERSION.split()[1])
    text = path.parent.parent / "share" / "licenses" / "openssl" / "LICENSE.txt"
    return Part("OpenSSL", version, purl, "Apache-2.0", _read(text))


def _built(source: str, name: str, version: str) -> tuple[str, str]:
    """Return version and purl of what ``packaging/debian11.sh`` built from Debian's sources, with Debian's patches.

    What comes from elsewhere has the version that it says itself.
    """
    built = dict(line.split() for line in _read(Path(sys.base_prefix, "share", "sources")).splitlines())
    if source in built:
        return built[source], f"pkg:deb/debian/{source}@{built[source]}?arch=source"
    return version, f"pkg:generic/{name}@{version}"


def _of_system(path: Path) -> Part:
    """A library of the system."""
    part = _of_debian(path)
    if part is None and sys.platform == "linux":
        raise SystemExit(f"nobody knows whose {path} is: it can't be shipped")
    stem = path.name.split(".")[0]
    return part or Part(stem, "", f"pkg:generic/{stem}")


def _of_debian(path: Path) -> Part | None:
    """Return the Debian package that has a file; None: none has, or this is no Debian."""
    for name in (str(path), str(path).removeprefix("/usr")):  # where /lib is a link, dpkg may know the older path
        found = _output("dpkg-query", "--search", name)
        if found:
            package, _, _ = found.partition(":")
            version = _output("dpkg-query", "--show", "--showformat=${Version}", f"{package}")
            version = version or _output("dpkg-query", "--show", "--showformat=${Version}", found.rpartition(":")[0])
            suite = dict(re.findall(r'^(\w+)="?([^"\n]*)', Path("/etc/os-release").read_text(), re.MULTILINE))
            purl = f"pkg:deb/debian/{package}@{version}?distro={suite.get('ID')}-{suite.get('VERSION_ID')}"
            return Part(package, version, purl, "", _read(Path("/usr/share/doc", package, "copyright")))
    return None


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _read(path: Path) -> str:
    return path.read_text("utf-8").strip() if path.is_file() else ""
