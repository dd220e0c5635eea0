"""What went wrong, for the person at the keyboard."""

from __future__ import annotations


class UserError(Exception):
    """The input cannot be used; the message is one line that says why and ends the command with code 2."""
