"""What a room refuses because there is enough of it."""

from __future__ import annotations


class Full(Exception):
    """There is no place; the message says for what."""


class SeatsTaken(Full):
    """Somebody who is in the room cannot send as well: all seats are taken."""


class TooMany(Exception):
    """A participant cannot keep more of something; the message says of what."""


class Forbidden(Exception):
    """A participant may not do this; the message says why."""
