"""What `earshot process` makes of a recording."""
