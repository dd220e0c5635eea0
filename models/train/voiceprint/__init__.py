"""Evaluates the speaker encoder."""
