"""When a room's frames are due: soon after everybody's blocks have come, and not up to a whole block later.

Blocks come every 20 ms, and so are frames; but at which moment within these, chance decides, and clocks drift. So the
frames are slid, slower than anybody notices, until the block that comes last has so much time to spare, even the latest
one of some seconds. Whole blocks are no business of this: `Source` keeps more of them where they come unevenly.
"""

from __future__ import annotations

import math
from collections import deque

WINDOW, WINDOWS = 50, 3
"""Frames of which the least time to spare is kept, and how many of these count: 3 s."""

LEAST_SPARE, MOST_SPARE = 0.004, 0.02
"""Seconds that are aimed at. From the first on, after each block that was missing, towards a whole block."""

MORE, LESS = 0.004, 0.00025
"""Seconds more after a missing block, and less after each window without: 16 s undo it."""

EARLIER, LATER = 0.0004, 0.001
"""Most seconds that a frame is moved. A receiver's jitter buffer does not notice: sound cards drift, loops are late."""

SLACK = 0.002
"""Seconds too many that are left alone."""


class Pace:
    """Slides the frames of one desk.

    Attributes:
        aim: seconds that the latest block shall have to spare.
    """

    def __init__(self) -> None:
        self.aim = LEAST_SPARE
        self._least = math.inf
        self._before: deque[float] = deque(maxlen=WINDOWS)
        self._frames = 0

    def played(self, spare: float) -> None:
        """Note how long before its frame was due a block came, seconds; below 0 if it was in time by luck."""
        self._least = min(self._least, spare)

    def missed(self) -> None:
        """Note that a block was not there in time."""
        self.aim = min(self.aim + MORE, MOST_SPARE)

    def step(self) -> float:
        """Return by how many seconds more than usual the next frame follows on the last one, below 0: less."""
        self._frames += 1
        if self._frames % WINDOW == 0:
            self._before.append(self._least)
            self._least = math.inf
            self.aim = max(self.aim - LESS, LEAST_SPARE)
        least = min(self._least, *self._before) if self._before else self._least
        if math.isinf(least):
            return 0.0
        surplus = least - self.aim
        move = 0.0
        if surplus < 0:
            move = min(-surplus, LATER)
        elif surplus > SLACK and len(self._before) == WINDOWS:
            move = -min(surplus, EARLIER)
        self._least += move
        for place, before in enumerate(self._before):
            self._before[place] = before + move
        return move
