"""A call that was recorded: its journal, and what is made of it."""
