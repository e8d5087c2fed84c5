"""What was spent, over all transcripts: read once, kept in a cache, summed up by day, project, model, session."""
