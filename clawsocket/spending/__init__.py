"""What was spent, over all transcripts: read once, kept in a cache, and summed up by what is asked for."""
