"""What is looked at to know whether all is well: ``claw-socket status`` and ``claw-socket doctor``."""
