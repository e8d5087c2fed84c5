"""The wire: every event, message and reply as one catalogue of Structs. Pure."""
