"""What was said and seen: transcript and search index."""
