"""What becomes of a recording's events: transcripts, exports to other programs, tracks, a report."""
