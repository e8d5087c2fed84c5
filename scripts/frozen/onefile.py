"""Where the binary in one file begins: it has been unpacked, and becomes the program that was in it.

The process that waits for it, to remove what was unpacked, is its parent.
"""

import os
import sys

from scripts.frozen import environment

environment.restore()
program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "claw-socket")
os.execv(program, sys.argv)
