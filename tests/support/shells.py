"""The shells that are here and that can be somebody's /bin/sh."""

import shutil

SHELLS = [["/bin/sh"]] + [
    shell
    for shell in (["dash"], ["bash", "--posix"], ["bash"], ["busybox", "sh"], ["zsh", "--emulate", "sh"], ["mksh"])
    if shutil.which(shell[0])
]
