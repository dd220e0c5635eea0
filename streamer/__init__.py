"""Earshot: the live system, everything with a clock, a socket or a session."""
