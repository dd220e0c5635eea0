"""A participant's blocks on their way to the listeners: a few wait, so that each is there in time."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from streamer.mixing.mixer import MIX_BLOCK, VoiceBlock
from streamer.rtc.blocks import CALL_RATE

BLOCK_SECONDS = MIX_BLOCK / CALL_RATE

LEAST_WAITING, MOST_WAITING = 1, 4
"""Blocks that wait before a source begins to play, at least and at most; it grows when a source runs dry."""

BACKLOG = 6
"""Blocks that may wait for one source; the oldest are dropped beyond. One more than come at once where a network delays
them by up to 0.1 s."""

JUDGED, SHRINKS = 50, 500
"""Blocks after which the buffer's surplus is judged (1 s), and a grown one may shrink again (10 s): by then `Pace` has
taken out what it can, without a break in the sound."""

CONTINUOUS = 0.01
"""A step of `t` beyond this between two blocks means that something is missing, in seconds."""


class Due(NamedTuple):
    """What a source has for one frame.

    Attributes:
        block: None where none has come in time.
        broken: whether it does not follow the one before.
        came: when it came, in seconds of whoever fed it.
        missed: whether there is none though there should be, behind one with sound in it.
    """

    block: VoiceBlock | None
    broken: bool
    came: float = 0.0
    missed: bool = False

    @property
    def loud(self) -> bool:
        """Whether there is anything to hear."""
        return self.block is not None and bool(self.block.mix.any())


NOTHING = Due(None, True)


class Source:
    """One participant's jitter buffer, the same for all who listen.

    Attributes:
        leaving: whether they are gone, and fade out with the next frame.
        underruns: blocks that were missing when their turn came.
        dropped: blocks thrown away to keep the delay small, but for silence: who says nothing may send next to nothing,
            and what stands for it comes at once, and too late.
    """

    def __init__(self) -> None:
        self.blocks: deque[Due] = deque()
        self.leaving = False
        self.underruns = 0
        self.dropped = 0
        self._target = LEAST_WAITING
        self._playing = False
        self._loud = False
        self._last_t: float | None = None
        self._fewest = BACKLOG
        self._since = 0
        self._calm = 0

    def feed(self, block: VoiceBlock, came: float = 0.0) -> None:
        """Take the next block, which comes now, in seconds on any clock."""
        broken = self._last_t is None or abs(block.t - self._last_t - BLOCK_SECONDS) > CONTINUOUS
        self._last_t = block.t
        self.blocks.append(Due(block, broken, came))
        if len(self.blocks) > BACKLOG:
            while len(self.blocks) > self._target:
                self._drop()

    def step(self) -> Due:
        """Return what it has for the next 20 ms."""
        if not self._playing and len(self.blocks) >= self._target:
            self._playing = True
        if not self._playing:
            return NOTHING
        if not self.blocks:
            self._playing = False
            self.underruns += 1
            self._calm = 0
            self._target = min(self._target + 1, MOST_WAITING)
            return NOTHING._replace(missed=self._loud)
        self._judge()
        due = self.blocks.popleft()
        self._loud = due.loud
        return due

    def _drop(self) -> None:
        self.dropped += self.blocks.popleft().loud
        if self.blocks:
            self.blocks[0] = self.blocks[0]._replace(broken=True)

    def _judge(self) -> None:
        """Take a block out if one was too many all the time: clocks drift, bursts leave delay behind."""
        self._fewest = min(self._fewest, len(self.blocks))
        self._since += 1
        self._calm += 1
        if self._calm >= SHRINKS:
            self._calm = 0
            self._target = max(self._target - 1, LEAST_WAITING)
        if self._since >= JUDGED:
            if self._fewest > self._target:
                self._drop()
            self._since, self._fewest = 0, BACKLOG
