"""Where the binary begins: the environment as it was, then the command line."""

import sys

from scripts.frozen import environment

environment.restore()

from clawsocket.cli import main  # noqa: E402

sys.exit(main())
