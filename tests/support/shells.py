"""The shells that are here and that can be somebody's /bin/sh. In CI all are to be here."""

import os
import shutil

SHELLS = [["/bin/sh"]] + [
    shell
    for shell in (["dash"], ["bash", "--posix"], ["bash"], ["busybox", "sh"], ["zsh", "--emulate", "sh"], ["mksh"])
    if os.environ.get("CI") or shutil.which(shell[0])
]
