"""claw-socket: every Claude Code session of this user, live on a WebSocket."""

__version__ = "0.1.0"
