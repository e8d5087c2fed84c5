"""What shells complete the command line by, made from the parsers of the commands."""
