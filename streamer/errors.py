"""What went wrong, for the person at the keyboard."""

from __future__ import annotations

from typing import ClassVar


class UserError(Exception):
    """The input cannot be used; the message is one line that says why and ends the command with code 2."""

    exit_code: ClassVar[int] = 2


class ConnectionLost(UserError):
    """What was asked for was right, and worked for a while; ends the command with code 1."""

    exit_code = 1


class Removed(UserError):
    """The host of a call ended it for this participant, who is not to come back; ends the command with code 3."""

    exit_code = 3
