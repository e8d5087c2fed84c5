"""What is put on the machine and taken away again: the hooks and the status line recorder, the service, the program."""
