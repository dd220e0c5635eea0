"""What a room refuses because there is enough of it."""

from __future__ import annotations


class Full(Exception):
    """There is no place; the message says for what."""


class TooMany(Exception):
    """A participant cannot keep more of something; the message says of what."""
