"""Sound as the mouth's network hears it: 40 log-mel bands every 10 ms, free of how loud and how coloured a voice is.

From every frame x_k a running mean is taken away that loud frames dominate:

    m_k = (p m_0 + sum_j w_j x_j) / (p + sum_j w_j),   w_j = sqrt(mean over bands of exp(x_j)),   j <= k

so that a gain, which adds a constant to all x, drops out as soon as there is more speech than prior (weight p).
Sums forget with a horizon of `HORIZON` frames.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from models.common.arrays import F32, F64
from models.common.audio import SAMPLE_RATE
from models.common.stft import STFT, STFTState

BANDS = 40
HOP, WINDOW, POINTS = 160, 400, 512

FLOOR = 1e-5
"""Added to the power of a band: about what a sound of -95 dB has."""

USUAL = 0.3
"""Log power m_0 of a band before any speech was heard: rather loud, so that the sounds before it count as soft."""

PRIOR = 20.0
"""Weight p of that: as much as 0.2 s of speech at -22 dB, or one second at -37 dB."""

HORIZON = 1_000

_LOWEST, _HIGHEST = 80.0, 7_600.0


def mel_filters() -> F32:
    """Return triangles (257, 40) that are evenly spaced on the mel scale 2595 log10(1 + f/700), each of height 1."""

    def mel(hertz: float | F32 | F64) -> F64:
        return np.asarray(2595 * np.log10(1 + np.asarray(hertz, np.float64) / 700), np.float64)

    corners = np.linspace(mel(_LOWEST), mel(_HIGHEST), BANDS + 2)
    at = mel(np.arange(POINTS // 2 + 1, dtype=np.float64) * (SAMPLE_RATE / POINTS))[:, None]
    rising = (at - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - at) / (corners[2:] - corners[1:-1])
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)


@dataclass
class Heard:
    """What is remembered of one voice.

    Attributes:
        pending: Samples that the next frame still needs.
        total: Of the frames heard so far, each times its weight, (40,).
        weight: Of them.
    """

    pending: STFTState
    total: F64 = field(default_factory=lambda: np.full(BANDS, USUAL * PRIOR))
    weight: float = PRIOR


class LogMel:
    """The bands, for any number of voices."""

    def __init__(self) -> None:
        self._stft = STFT(WINDOW, HOP, POINTS, "hann")
        self._filters = torch.from_numpy(mel_filters())

    def begin(self) -> Heard:
        """Return the memory of a voice that was not heard yet."""
        return Heard(self._stft.init_state(1))

    @torch.inference_mode()
    def bands(self, pcm: F32, heard: Heard) -> F32:
        """Return the log power of all bands, nothing taken away.

        Args:
            pcm: (N,), any length.
            heard: Of that voice; moves on.

        Returns:
            (T, 40), a row for every 160 samples that are complete now.
        """
        spectrum, heard.pending = self._stft.step(torch.from_numpy(np.asarray(pcm, np.float32))[None], heard.pending)
        power = spectrum[0].abs().pow(2).T @ self._filters
        return np.asarray(torch.log(power + FLOOR).numpy(), np.float32)

    @staticmethod
    def level(bands: F32, heard: Heard) -> F32:
        """Take the running mean away: bands (T, 40) that follow those before, and the same without it."""
        weights = loudness(bands)
        keep = 1 - 1 / HORIZON
        out = np.empty_like(bands)
        for k, (row, weight) in enumerate(zip(bands, weights, strict=True)):
            heard.total = keep * heard.total + weight * row
            heard.weight = keep * heard.weight + float(weight)
            out[k] = row - heard.total / heard.weight
        return out


def loudness(bands: F32) -> F32:
    """Return the weights (T,) of frames (T, 40)."""
    return np.asarray(np.sqrt(np.exp(bands).mean(axis=1)), np.float32)
