"""``python -m clawsocket``."""

import sys

from clawsocket.cli import main

sys.exit(main())
