"""What is put on the machine and taken away again: the hooks in the settings of Claude Code."""
