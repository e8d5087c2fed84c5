"""What is shipped, made so that the same commit gives the same bytes, in any folder, at any time: ``make dist``."""
