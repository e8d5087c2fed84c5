"""What Claude Code writes, and how to read it. Pure: bytes in, observations out."""
