"""The one sound track that a listener gets back: all others, mixed at its faders, paced at real time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from models.common.arrays import F32
from models.common.audio import to_pcm16
from streamer.mixing.completeness import Completeness
from streamer.mixing.faders import Faders
from streamer.mixing.mixer import MIX_BLOCK, Limiter, SourceMixer, VoiceBlock
from streamer.rtc import rtp
from streamer.rtc.blocks import CALL_RATE

__all__ = ["Faders", "ListenStatistics", "ListenTrack", "VoiceBlock"]

BLOCK_SECONDS = MIX_BLOCK / CALL_RATE

LEAST_WAITING, MOST_WAITING = 1, 4
"""Blocks that wait before a source begins to play, at least and at most; it grows when a source runs dry."""

BACKLOG = 5
"""Blocks that may wait for one source; the oldest are dropped beyond."""

JUDGED, SHRINKS = 50, 250
"""Blocks after which the buffer's surplus is judged (1 s), and a grown one may shrink again (5 s)."""

MOST_LATE = 0.1
"""Later than this the track gives up catching up and skips, in seconds."""

CONTINUOUS = 0.01
"""A step of `t` beyond this between two blocks means that something is missing, in seconds."""

DELAYS = 3000
"""Latest delays kept for the metrics: a minute of one source."""

_TIME_BASE = Fraction(1, CALL_RATE)


@dataclass(frozen=True, slots=True)
class ListenStatistics:
    """One listener's track since it was made.

    Attributes:
        played: frames of 20 ms given out.
        skipped: frames left out because the loop was late.
        underruns: blocks that were missing when their turn came.
        dropped: blocks thrown away to keep the delay small.
        waiting: samples at 48 kHz that wait in the fullest buffer: the delay added here.
    """

    played: int
    skipped: int
    underruns: int
    dropped: int
    waiting: int


class _Source:
    """A participant's blocks on their way into the mix: a few wait, so that each is there in time."""

    def __init__(self) -> None:
        self.mixer = SourceMixer()
        self.blocks: deque[tuple[VoiceBlock, bool]] = deque()
        self.underruns = 0
        self.dropped = 0
        self.received = 0.0
        self.leaving = False
        self._target = LEAST_WAITING
        self._playing = False
        self._last_t: float | None = None
        self._fewest = BACKLOG
        self._since = 0
        self._calm = 0

    def feed(self, block: VoiceBlock) -> None:
        broken = self._last_t is None or abs(block.t - self._last_t - BLOCK_SECONDS) > CONTINUOUS
        self._last_t = block.t
        self.blocks.append((block, broken))
        if len(self.blocks) > BACKLOG:
            while len(self.blocks) > self._target:
                self._drop()

    def step(self, participant: str, faders: Faders) -> F32 | None:
        """Return the source's next 20 ms; None once it has left and faded out."""
        self.received = 0.0
        if self.leaving:
            return None
        if not self._playing and len(self.blocks) >= self._target:
            self._playing = True
        if not self._playing:
            return self.mixer.conceal()
        if not self.blocks:
            self._playing = False
            self.underruns += 1
            self._calm = 0
            self._target = min(self._target + 1, MOST_WAITING)
            return self.mixer.conceal()
        self._judge()
        block, broken = self.blocks.popleft()
        self.received = block.received
        faces = block.faces if block.separated else self.mixer.faces
        return self.mixer.play(block, faders.gains(participant, faces), broken)

    def _drop(self) -> None:
        self.blocks.popleft()
        self.dropped += 1
        if self.blocks:
            self.blocks[0] = (self.blocks[0][0], True)

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


class ListenTrack(MediaStreamTrack):
    """A listener's sound: 48 kHz s16 frames of 20 ms, in real time, silence where nobody speaks.

    The frames have two equal channels: aiortc's Opus encoder spreads a single one over both at -3 dB.

    Args:
        faders: the listener's; kept by the room when the listener reconnects. None makes new ones.
        on_complete: called with False when the listener loses sound here, and with True when that is over.

    Attributes:
        delays: of the last blocks played, seconds from receiving a block to sending its sound.
    """

    kind = "audio"

    def __init__(
        self, faders: Faders | None = None, on_complete: Callable[[bool], None] = lambda complete: None
    ) -> None:
        super().__init__()
        self._completeness = Completeness(on_complete)
        self.faders = faders if faders is not None else Faders()
        self._sources: dict[str, _Source] = {}
        self._limiter = Limiter()
        self._said = np.zeros(0, np.float32)
        self.delays: deque[float] = deque(maxlen=DELAYS)
        self._start: float | None = None
        self._next = 0
        self._played = self._skipped = self._missed = 0
        self._gone_underruns = self._gone_dropped = 0
        rtp.speed_up_audio_level()

    def feed(self, participant: str, block: VoiceBlock) -> None:
        """Take 20 ms of a participant; the first one makes it heard. Never feed a listener its own sound."""
        source = self._sources.get(participant)
        if source is None or source.leaving:
            source = self._sources[participant] = _Source()
        source.feed(block)

    def remove(self, participant: str) -> None:
        """Let a participant fade out and go; its faders stay. Unknown ones are ignored."""
        source = self._sources.get(participant)
        if source is not None:
            source.leaving = True

    def say(self, pcm: F32) -> None:
        """Play something (N,) to this listener alone, whatever the faders; it replaces what was being said."""
        self._said = pcm

    def hush(self) -> None:
        """Fade out what is being said, within a block."""
        self._said = self._said[:MIX_BLOCK] * np.linspace(1, 0, MIX_BLOCK, dtype=np.float32)[: self._said.size]

    async def recv(self) -> av.AudioFrame:
        """Wait until the next frame is due.

        Raises:
            MediaStreamError: the track was stopped.
        """
        if self.readyState != "live":
            raise MediaStreamError
        loop = asyncio.get_running_loop()
        if self._start is None:
            self._start = loop.time()
        wait = self._start + self._next * BLOCK_SECONDS - loop.time()
        if wait > 0:
            await asyncio.sleep(wait)
        elif wait < -MOST_LATE:
            late = int(-wait / BLOCK_SECONDS)
            self._skipped += late
            # Where nobody can be heard nothing is lost.
            self._missed += late if self._sources else 0
            self._next += late
        if self.readyState != "live":
            raise MediaStreamError
        frame = self._frame(self.mix())
        now = loop.time()
        self.delays.extend(now - source.received for source in self._sources.values() if source.received)
        self._next += 1
        self._played += 1
        self._completeness.step(self._played, self._missed + self._dropped())
        return frame

    def mix(self) -> F32:
        """Take one block from every source.

        Returns:
            shape (960,), float32, [-1, 1].
        """
        total: F32 | None = None
        for participant, source in list(self._sources.items()):
            part = source.step(participant, self.faders)
            if part is None:
                part = source.mixer.conceal()
                del self._sources[participant]
                self._gone_underruns += source.underruns
                self._gone_dropped += source.dropped
            total = part if total is None else total + part
        total = total if total is not None else np.zeros(MIX_BLOCK, np.float32)
        if self._said.size:
            now, self._said = self._said[:MIX_BLOCK], self._said[MIX_BLOCK:]
            total = total + np.pad(now, (0, MIX_BLOCK - now.size))
        return self._limiter.step(total)

    def statistics(self) -> ListenStatistics:
        """Return the counts since the track was made."""
        sources = self._sources.values()
        return ListenStatistics(
            self._played,
            self._skipped,
            self._gone_underruns + sum(source.underruns for source in sources),
            self._dropped(),
            max((len(source.blocks) for source in sources), default=0) * MIX_BLOCK,
        )

    def _dropped(self) -> int:
        return self._gone_dropped + sum(source.dropped for source in self._sources.values())

    def _frame(self, mixed: F32) -> av.AudioFrame:
        samples = to_pcm16(mixed)
        frame = av.AudioFrame(format="s16", layout="stereo", samples=MIX_BLOCK)
        frame.planes[0].update(np.repeat(samples, 2).tobytes())
        frame.pts = self._next * MIX_BLOCK
        frame.sample_rate = CALL_RATE
        frame.time_base = _TIME_BASE
        return frame
