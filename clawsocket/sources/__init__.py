"""Watching the disk: what Claude Code and the hooks write becomes observations, told on the event loop."""
