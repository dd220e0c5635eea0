"""What a listener gets of a call: how late its sound is, how long it was away, how many pictures come."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

import av
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from models.common.arrays import F32
from streamer.client.marks import EVERY, RATE, MarkFinder
from streamer.rtc.blocks import MonoDecoder

FRAME = 0.02
"""Seconds between two pieces of sound when all is well."""


class Listening:
    """Counts what comes; across reconnections.

    Args:
        origin: monotonic time at which the first mark of the room's loop begins; one follows every `EVERY` seconds.
        clock: monotonic time.

    Attributes:
        delays: seconds from a mark's recording to its being decoded here.
        longest_gap: seconds beyond those between two pieces of sound in which none came.
        pictures: that were decoded.
        heard: pieces of sound.
    """

    def __init__(self, origin: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._origin, self._clock = origin, clock
        self._finder = MarkFinder()
        self._passed = 0
        self._last: float | None = None
        self._readers: set[asyncio.Task[None]] = set()
        self.delays: list[float] = []
        self.longest_gap = 0.0
        self.pictures = self.heard = 0

    def take(self, track: MediaStreamTrack) -> None:
        """Read a track until it ends."""
        task = asyncio.get_running_loop().create_task(self._read(track))
        self._readers.add(task)
        task.add_done_callback(self._readers.discard)

    def hear(self, pcm: F32) -> None:
        """Take sound (N,) of 48 kHz that has come just now."""
        now = self._clock()
        if self._last is not None:
            self.longest_gap = max(self.longest_gap, now - self._last - FRAME)
        self._last = now
        self.heard += 1
        for place in self._finder.step(pcm):
            # The first sample of what came now can be played now, and the others after it.
            heard = now - (self._passed - place) / RATE
            late = heard - self._origin
            if late > 0:
                self.delays.append(late % EVERY)
        self._passed += pcm.size

    def end(self) -> None:
        """Say that nothing more is to come: from here on no sound is no gap."""
        for reader in self._readers:
            reader.cancel()

    async def _read(self, track: MediaStreamTrack) -> None:
        decoder = MonoDecoder()
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                if isinstance(frame, av.AudioFrame):
                    for _, pcm in decoder.step(frame):
                        self.hear(pcm)
                else:
                    self.pictures += 1
