"""A Debian with nothing in it but what every Debian has and a systemd: no Python, no compiler, no curl."""

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path
from typing import Self

from tests.support import npm, user_manager
from tests.support.user_manager import AS_ROOT, Account, root

SUITE = os.environ.get("CLAW_SOCKET_TEST_SUITE", "bookworm")
"""Which Debian: ``bullseye`` is the oldest that the binaries of a release have to run on."""

_PACKAGES = "systemd,systemd-sysv,dbus,dbus-user-session,iproute2,procps"
_numbers = itertools.count(61000 + os.getpid() % 1000)

# The folder of the test is the root's /release; all that is written is in memory, and gone with the namespace.
_SCRIPT = """
set -eu
base=$1 scratch=$2 script=$3 release=$4 logs=$5 uid=$6; shift 6
mount -t tmpfs tmpfs "$scratch"
cd "$scratch"
mkdir upper work root
mount -t overlay -o "lowerdir=$base,upperdir=upper,workdir=work" overlay root
cp "$script" root/user_manager.sh
mkdir -p root/release root/logs root/sys/fs/cgroup
printf '127.0.0.1 localhost\\n::1 localhost\\n' >root/etc/hosts # as an installer does
mount --bind "$release" root/release
mount --bind "$logs" root/logs
mount -t proc proc root/proc
mount --rbind /dev root/dev
mount --bind "$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)" root/sys/fs/cgroup
chroot root useradd --key UID_MAX=65000 --uid "$uid" --create-home --shell /bin/sh "$1"
exec chroot root env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin /user_manager.sh "$@"
"""


def base() -> Path:
    """Return the root, which is made once, and is not written to."""
    folder = npm.SCRATCH / f"bare-{SUITE}"
    made = folder.with_suffix(".made")
    if not made.exists():
        root("rm", "-rf", str(folder))
        folder.parent.mkdir(exist_ok=True)
        root("debootstrap", "--variant=minbase", f"--include={_PACKAGES}", SUITE, str(folder), timeout=300)
        root("rm", "-rf", str(folder / "var/cache/apt/archives"))
        made.touch()
    return folder


class BareAccount(Account):
    """A user who has logged in there; leaving the context removes the whole machine.

    Args:
        folder: an empty folder for what is logged, and for the root.
        release: what the root has as /release.
    """

    def __init__(self, folder: Path, release: Path) -> None:
        super().__init__(folder)
        self._release = release
        self._name, self.uid = "somebody", next(_numbers)
        self.home = Path("/home", self._name)
        self.program = self.home / ".local" / "bin" / "claw-socket"

    def __enter__(self) -> Self:
        with self._stack:
            scratch, logs = self._logs / "root", self._logs / "logs"
            scratch.mkdir()
            logs.mkdir()
            names = ("--mount", "--pid", "--net", "--fork", "--kill-child", "--propagation", "private")
            paths = (base(), scratch, Path(user_manager.__file__).with_suffix(".sh"), self._release, logs)
            words = (*map(str, paths), str(self.uid), self._name, "/logs")
            self._run_machine([*AS_ROOT, "unshare", *names, "sh", "-c", _SCRIPT, "sh", *words])
            self.login()
            self._stack = self._stack.pop_all()
        return self

    def _enter(self, *words: str) -> list[str]:
        return [*super()._enter()[:-1], "--root", "--", *words]

    def outside(self, code: str) -> list[str]:
        """Return what runs Python outside of the root, on the network that it is on."""
        return [*AS_ROOT, "nsenter", f"--target={self._init}", "--net", "--", sys.executable, "-c", code]

    def files(self) -> set[str]:
        """Return all that lies in the root, but what the system keeps for itself."""
        skipped = r"^/(proc|sys|dev|run|tmp|logs|release|var/log|var/cache|var/lib/dpkg|var/lib/systemd)(/|$)"
        return set(self.as_root("sh", "-c", f"find / -xdev | grep -vE '{skipped}'").splitlines())
