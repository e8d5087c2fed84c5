"""What is put on the machine and taken away again: hooks and status line recorder in the settings of Claude Code."""
