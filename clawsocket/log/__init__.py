"""The event log: what happened, in order, once."""
