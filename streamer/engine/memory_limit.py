"""What is separated when memory ran out: calls with fewer voices in all, then none, and more again by and by.

Calls that are left out carry plain sound, as when the machine is too busy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

RETRY_SECONDS, LONGEST_RETRY_SECONDS = 10.0, 160.0
"""After which twice as many voices are tried again: at first, and doubled each time that fails, up to this."""

_SAID = ("out of memory", "can't allocate memory", "Failed to allocate memory", "bad allocation")
"""What torch and ONNX Runtime say where they raise no exception of its own."""


def is_out_of_memory(error: Exception) -> bool:
    """Say whether an exception of torch, ONNX Runtime or numpy tells that there is no memory."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return any(text in str(error) for text in _SAID)


class MemoryLimit:
    """How many voices may be separated at once.

    Args:
        clock: monotonic time, seconds.

    Attributes:
        most: voices; None for any number.
        failures: how often memory ran out.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._retry_at, self._pause = 0.0, RETRY_SECONDS
        self.most: int | None = None
        self.failures = 0

    def fitting(self, voices: Mapping[str, int]) -> list[str]:
        """Choose the calls that are separated: as many as fit, the first ones first.

        Args:
            voices: of each call.

        Returns:
            Their names.
        """
        if self.most is not None and self._clock() >= self._retry_at:
            self.most = max(1, 2 * self.most)
            self._retry_at = self._clock() + self._pause
            if self.most > sum(voices.values()):
                # All there are fit in, as before.
                self.most = None
        if self.most is None:
            return list(voices)
        chosen, left = [], self.most
        for name, count in voices.items():
            if self.most and count <= left:
                chosen.append(name)
                left -= count
        return chosen

    def failed(self, voices: int) -> None:
        """Take half as many, of so many that were too much."""
        self.failures += 1
        self.most = voices // 2
        self._retry_at = self._clock() + self._pause
        self._pause = min(2 * self._pause, LONGEST_RETRY_SECONDS)
