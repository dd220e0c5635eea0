"""Decoded sound of any size and rate into exact 20 ms blocks on the publisher's timeline."""

from __future__ import annotations

from dataclasses import dataclass

import av
import numpy as np

from models.common.arrays import F32

CALL_RATE = 48_000
CALL_BLOCK = 960
"""Samples a second, and in a block of 20 ms."""

LONGEST_FILL = CALL_RATE
"""A gap up to this is filled with silence; after a longer one counting starts anew, in samples."""

_ROUNDING = 48
"""Offsets below this are the rounding of a resampler, in samples."""

_FADE = 240
"""The sound fades into a gap and out of it over 5 ms, in samples."""


@dataclass(frozen=True, slots=True)
class AudioBlock:
    """20 ms of a publisher's sound.

    Attributes:
        t: seconds on the publisher's timeline, of the first sample; strictly increasing.
        index: counts 20 ms blocks, also those that were lost in a long gap.
        pcm: shape (960,), float32, 48 kHz, [-1, 1].
        epoch: rises by one when a gap was too long to fill (or the stream went back).
    """

    t: float
    index: int
    pcm: F32
    epoch: int = 0


class MonoDecoder:
    """Decoded frames to mono float32 at 48 kHz."""

    def __init__(self) -> None:
        self._resampler: av.AudioResampler | None = None
        self._format: tuple[str, str, int] | None = None
        self._start = 0
        self._made = 0
        self._expected: int | None = None

    def step(self, frame: av.AudioFrame) -> list[tuple[int, F32]]:
        """Convert a frame.

        Args:
            frame: any format, layout and rate, with pts and time base.

        Returns:
            (pts in samples at 48 kHz, pcm of shape (N,) in [-1, 1]) pairs; none while a resampler fills up.
        """
        if frame.pts is None or frame.time_base is None:
            return []
        pts = round(frame.pts * frame.time_base * CALL_RATE)
        if frame.sample_rate == CALL_RATE and frame.format.name == "s16":
            channels = frame.layout.nb_channels
            # A plane may be longer than its samples: libav pads it.
            samples = np.frombuffer(memoryview(frame.planes[0]), np.int16)[: frame.samples * channels]
            mono = samples.astype(np.float32)
            if channels == 2:
                mono = mono[0::2] + mono[1::2]
            elif channels > 2:
                mono = mono.reshape(-1, channels).sum(axis=1)
            return [(pts, mono * np.float32(1 / (32768 * channels)))]
        return self._resample(frame, pts)

    def _resample(self, frame: av.AudioFrame, pts: int) -> list[tuple[int, F32]]:
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        jumped = self._expected is None or abs(pts - self._expected) > _ROUNDING
        if self._resampler is None or kind != self._format or jumped:
            self._resampler = av.AudioResampler(format="flt", layout="mono", rate=CALL_RATE)
            self._format, self._start, self._made = kind, pts, 0
        self._expected = pts + round(frame.samples * CALL_RATE / frame.sample_rate)
        frame.pts = None  # the resampler would insist on its own idea of continuity
        pieces = []
        for out in self._resampler.resample(frame):
            mono = np.frombuffer(memoryview(out.planes[0]), np.float32)[: out.samples].copy()
            pieces.append((self._start + self._made, mono))
            self._made += out.samples
        return pieces


@dataclass(frozen=True, slots=True)
class CutBlock:
    """A block cut from the stream, before it has a time.

    Attributes:
        pts: samples at 48 kHz, of the first sample.
        index: as in `AudioBlock`.
        epoch: as in `AudioBlock`.
        pcm: shape (960,), float32.
    """

    pts: int
    index: int
    epoch: int
    pcm: F32


class BlockCutter:
    """Cuts a stream of samples with timestamps into blocks of 960, filling gaps with silence."""

    def __init__(self) -> None:
        self.filled = 0
        self.epoch = 0
        self._index = 0
        self._next: int | None = None
        self._rest: F32 = np.zeros(0, np.float32)
        self._last = self._rest

    def step(self, pts: int, pcm: F32) -> list[CutBlock]:
        """Take samples.

        Args:
            pts: samples at 48 kHz, of the first sample.
            pcm: shape (N,), float32.

        Returns:
            the blocks that are complete now.
        """
        if self._next is None:
            self._next = pts
        gap = pts - self._next
        if abs(gap) > LONGEST_FILL:
            blocks = self._flush()
            self.epoch += 1
            self._index += max(0, gap) // CALL_BLOCK
            self._next = pts
            return blocks + self._cut(pcm)
        if gap > _ROUNDING:
            self.filled += gap
            pcm = np.concatenate([self._bridge(gap), pcm])
            pcm[gap : gap + _FADE] *= np.linspace(0, 1, len(pcm[gap : gap + _FADE]), dtype=np.float32)
        elif gap < -_ROUNDING:
            pcm = pcm[-gap:]
        return self._cut(pcm)

    def _cut(self, pcm: F32) -> list[CutBlock]:
        assert self._next is not None
        joined = np.concatenate([self._rest, pcm]) if len(self._rest) else pcm
        first = self._next - len(self._rest)
        self._next += len(pcm)
        self._last = joined[-_FADE:]
        blocks = []
        end = len(joined) - len(joined) % CALL_BLOCK
        for start in range(0, end, CALL_BLOCK):
            blocks.append(CutBlock(first + start, self._index, self.epoch, joined[start : start + CALL_BLOCK]))
            self._index += 1
        self._rest = joined[end:]
        return blocks

    def _bridge(self, gap: int) -> F32:
        """Return silence that begins with the mirror image of the last sound, fading: a step would click."""
        bridge = np.zeros(gap, np.float32)
        count = min(gap, len(self._last))
        if count:
            bridge[:count] = self._last[::-1][:count] * np.linspace(1, 0, count, dtype=np.float32)
        return bridge

    def _flush(self) -> list[CutBlock]:
        if not len(self._rest):
            return []
        return self._cut(np.zeros(CALL_BLOCK - len(self._rest), np.float32))
