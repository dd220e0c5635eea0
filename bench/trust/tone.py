"""A participant who sends a steady tone, and a listener who notices when it is away."""

from __future__ import annotations

import asyncio
import contextlib
import time
from fractions import Fraction

import av
import numpy as np
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from models.common.arrays import F32
from streamer.rtc.blocks import CALL_BLOCK, CALL_RATE, MonoDecoder

HERTZ, LEVEL = 1000, 0.2
PIECE = CALL_BLOCK / CALL_RATE
"""Seconds of a piece of sound; the tone has whole periods in it."""


class ToneTrack(MediaStreamTrack):
    """The tone, 20 ms at a time."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        wave = LEVEL * np.sin(2 * np.pi * HERTZ * np.arange(CALL_BLOCK) / CALL_RATE)
        self._pcm = (32767 * wave).astype(np.int16).reshape(1, -1)
        self._began: float | None = None
        self._count = 0

    async def recv(self) -> av.AudioFrame:
        """Return the next piece when it is due."""
        if self._began is None:
            self._began = time.monotonic()
        await asyncio.sleep(max(0.0, self._began + self._count * PIECE - time.monotonic()))
        frame = av.AudioFrame.from_ndarray(self._pcm, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = CALL_RATE, self._count * CALL_BLOCK, Fraction(1, CALL_RATE)
        self._count += 1
        return frame


class Ear:
    """Reads sound, and measures since the last `take` for how long none came, and for how long it was without the tone.

    Attributes:
        pieces: of 20 ms that came.
    """

    def __init__(self) -> None:
        self._turn = np.exp(-2j * np.pi * HERTZ * np.arange(CALL_BLOCK) / CALL_RATE) * 2 / CALL_BLOCK
        self._rest = np.zeros(0, np.float32)
        self._came: float | None = None
        self._readers: list[asyncio.Task[None]] = []
        self._longest = self._silent = self._longest_silent = 0.0
        self.pieces = 0

    def listen(self, track: MediaStreamTrack) -> None:
        """Read a track until it ends; only sound is listened to."""
        self._readers.append(asyncio.create_task(self._read(track)))

    def take(self) -> tuple[float, float]:
        """Return the longest seconds between two pieces beyond their own, and the longest without the tone."""
        gap, silent = max(self._longest, self._waited()), self._longest_silent
        self._longest, self._longest_silent = 0.0, self._silent
        return gap, silent

    async def close(self) -> None:
        """Stop reading."""
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)

    def hear(self, pcm: F32) -> None:
        """Take sound (N,) at 48 kHz that has come just now."""
        self._longest, self._came = max(self._longest, self._waited()), time.monotonic()
        self._rest = np.concatenate([self._rest, pcm])
        while len(self._rest) >= CALL_BLOCK:
            piece, self._rest = self._rest[:CALL_BLOCK], self._rest[CALL_BLOCK:]
            self.pieces += 1
            self._silent = 0.0 if abs(piece @ self._turn) > LEVEL / 2 else self._silent + PIECE
            self._longest_silent = max(self._longest_silent, self._silent)

    def _waited(self) -> float:
        return max(0.0, time.monotonic() - self._came - PIECE) if self._came is not None else 0.0

    async def _read(self, track: MediaStreamTrack) -> None:
        decoder = MonoDecoder()
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                if isinstance(frame, av.AudioFrame):
                    for _, pcm in decoder.step(frame):
                        self.hear(pcm)
