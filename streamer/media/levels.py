"""What a sound track holds, learnt by decoding it once: levels, how its channels agree, numbers that are none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import asin, pi
from pathlib import Path

import av
import numpy as np

from models.common.arrays import F32
from streamer.media.source import Losses, Times, decode, opened

WINDOW = 1.0
"""Seconds in which channels are compared."""

MOST_CHANNELS = 64
"""Channels of a track that is read."""

LARGEST = 1e6
"""Sample beyond which it is damage, not loud; some write the numbers of 16 bits as floats."""

MOST_PLANES = 8
"""Channels that PyAV can read each from a place of its own."""


@dataclass
class Levels:
    """What a track holds.

    Attributes:
        channels: How many.
        rate: Hz, of the last of it.
        layout: FFmpeg's name of their order.
        seconds: Of sound that decoded.
        peak: Largest sample of any channel.
        powers: Mean square of each channel, per window: (windows, channels).
        products: Mean product of the first channel with each, per window: likewise.
        pitch: Hz, rough middle of each channel's spectrum; 0 where it is silent.
        not_numbers: Samples that are no numbers, and are read as 0.
        losses: What did not decode.
    """

    channels: int = 0
    rate: int = 0
    layout: str = ""
    seconds: float = 0.0
    peak: float = 0.0
    powers: F32 = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    products: F32 = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    pitch: F32 = field(default_factory=lambda: np.zeros(0, np.float32))
    not_numbers: int = 0
    losses: Losses = field(default_factory=Losses)

    @property
    def silent(self) -> bool:
        """Whether there is no sample but 0."""
        return self.peak == 0

    def exceeded(self, share: float) -> float:
        """Return the root mean square that this share of the windows exceeds, of the loudest channel; 0 of nothing."""
        if not len(self.powers):
            return 0.0
        return float(np.quantile(self.powers.max(axis=1), 1 - share) ** 0.5)


def samples(frame: av.AudioFrame) -> F32:
    """Return a frame's samples as (channels, N) float32, full scale being 1."""
    channels = frame.layout.nb_channels
    if channels > MOST_PLANES and frame.format.is_planar:
        frame = packed(frame)
    pcm = frame.to_ndarray()
    if not frame.format.is_planar:
        pcm = pcm.reshape(-1, channels).T
    if pcm.dtype == np.uint8:
        return np.asarray((pcm.astype(np.float32) - 128) / 128, np.float32)
    full = 1.0 if pcm.dtype.kind == "f" else 2.0 ** (8 * pcm.dtype.itemsize - 1)
    return np.asarray(pcm.astype(np.float32, copy=False) / np.float32(full) if full != 1 else pcm, np.float32)


def sane(pcm: F32) -> tuple[F32, int]:
    """Return samples with 0 for what is no number, or beyond all measure, and how many those are."""
    good = np.abs(pcm) <= LARGEST
    wrong = int(pcm.size - good.sum())
    return (np.where(good, pcm, np.float32(0)) if wrong else pcm), wrong


def packed(frame: av.AudioFrame) -> av.AudioFrame:
    """Return a frame with its channels side by side, float32."""
    (same,) = av.AudioResampler("flt", frame.layout, frame.sample_rate).resample(frame)
    return same


def measure(path: Path, index: int, most: float | None = None) -> Levels:
    """Decode a sound track, or its first `most` seconds, and return what it holds."""
    levels = Levels()
    powers: list[F32] = []
    products: list[F32] = []
    steps = total = np.zeros(0)
    for pcm in _windows(path, index, levels, most):
        if total.shape != (levels.channels,):
            steps = total = np.zeros(levels.channels)
        pcm, wrong = sane(pcm)
        levels.not_numbers += wrong
        levels.peak = max(levels.peak, float(np.abs(pcm).max(initial=0)))
        powers.append((pcm**2).mean(axis=1))
        products.append((pcm * pcm[:1]).mean(axis=1))
        total = total + (pcm**2).sum(axis=1)
        steps = steps + (np.diff(pcm, axis=1) ** 2).sum(axis=1)
    if powers:
        levels.powers, levels.products = np.stack(powers), np.stack(products)
        # The step from sample to sample of a sine of f Hz has (2 sin(pi f / rate))^2 of its power.
        half = [min(1.0, (s / t) ** 0.5 / 2) if t else 0.0 for s, t in zip(steps, total, strict=True)]
        levels.pitch = np.array([levels.rate / pi * asin(value) for value in half], np.float32)
    return levels


def _windows(path: Path, index: int, levels: Levels, most: float | None) -> Iterator[F32]:
    """Yield the track in windows; frames of another number of channels than the first are left out."""
    held: list[F32] = []
    size = 0
    seconds = 0.0
    with opened(path) as container:
        for frame in decode(container, index, Times(), levels.losses):
            if not isinstance(frame, av.AudioFrame) or frame.layout.nb_channels > MOST_CHANNELS:
                continue
            if not levels.channels:
                levels.channels, levels.layout = frame.layout.nb_channels, frame.layout.name
            levels.seconds += frame.samples / frame.sample_rate
            if frame.layout.nb_channels != levels.channels or not frame.samples:
                continue
            levels.rate = frame.sample_rate
            held.append(samples(frame))
            size += frame.samples
            if size >= levels.rate * WINDOW:
                yield np.concatenate(held, axis=1)
                seconds += size / levels.rate
                held, size = [], 0
            if most is not None and seconds >= most:
                return
    if held:
        yield np.concatenate(held, axis=1)
