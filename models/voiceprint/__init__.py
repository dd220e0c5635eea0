"""Whose voice: the speaker encoder, and what it learns of each face."""
