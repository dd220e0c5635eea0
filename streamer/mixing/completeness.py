"""Whether a listener gets all of the sound, judged over seconds, with hysteresis against flicker."""

from __future__ import annotations

from collections.abc import Callable

WINDOW = 100
"""Frames of 20 ms over which it is judged (2 s)."""

TOO_MUCH, LITTLE = 0.05, 0.01
"""Share left out from which it is told, and up to which all is well again; clocks that differ make up to 2 %."""


class Completeness:
    """Watches one listener's counts.

    Args:
        on_change: called with False when too much is left out, and with True when that is over.
    """

    def __init__(self, on_change: Callable[[bool], None]) -> None:
        self._on_change = on_change
        self._complete = True
        self._played = self._lost = 0

    def step(self, played: int, lost: int) -> None:
        """Take the counts after a frame.

        Args:
            played: frames given out since the start.
            lost: frames and blocks left out since the start.
        """
        if played - self._played < WINDOW:
            return
        share = (lost - self._lost) / (played - self._played + lost - self._lost)
        self._played, self._lost = played, lost
        complete = share <= (TOO_MUCH if self._complete else LITTLE)
        if complete != self._complete:
            self._complete = complete
            self._on_change(complete)
