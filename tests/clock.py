"""A clock that goes when a test says so."""

from __future__ import annotations


class Clock:
    """Called, it says what time it is.

    Attributes:
        now: seconds.
    """

    def __init__(self, now: float = 100.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
