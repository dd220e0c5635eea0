"""A spectrogram for eyes, column by column, from the incremental STFT."""

from __future__ import annotations

import numpy as np
import torch

from models.common.arrays import F32, F64, U8
from models.common.audio import SAMPLE_RATE
from models.common.stft import STFT
from streamer.observer.types import Columns

BANDS = 64
HOP = 160
"""Samples a column of the transform."""

FRAMES_A_COLUMN = 2
"""Columns of the transform that make one to be seen: 20 ms."""

HIGH = 8000.0
QUIETEST, LOUDEST = -90.0, -10.0
"""Decibels of full scale of the bytes 0 and 255."""


class Spectrogram:
    """One sound as columns of 64 bands from 0 to 8 kHz; the level of a band is that of a sine of that power in it.

    Args:
        face: Whose voice it is; None for the mixture.
    """

    def __init__(self, face: int | None) -> None:
        self.face = face
        self._stft = STFT()
        self._state = self._stft.init_state(1)
        self._power = np.zeros((0, BANDS))
        self._begin: float | None = None
        self._heard = 0
        # A sine of amplitude 1 has the power 1/2, and its peak in the spectrum is half the window's sum.
        self._scale = 2.0 / float(self._stft.window.sum()) ** 2

    def hear(self, t: float, pcm: F32) -> Columns | None:
        """Take in sound.

        Args:
            t: Time of the first sample, seconds.
            pcm: Shape (N,), 16 kHz.

        Returns:
            The columns that are complete now, if any; a column's time is that of the first sample it looks at anew.
        """
        if self._begin is None or abs(self._begin + self._heard / SAMPLE_RATE - t) > 0.1:
            self._state = self._stft.init_state(1)
            self._power, self._begin, self._heard = np.zeros((0, BANDS)), t, 0
        columns_before = self._heard // HOP // FRAMES_A_COLUMN
        self._heard += len(pcm)
        spectrum, self._state = self._stft.step(torch.tensor(pcm)[None], self._state)
        power = (spectrum[0, 1:].abs().square() * self._scale).numpy().astype(np.float64)
        grouped = power.reshape(BANDS, power.shape[0] // BANDS, power.shape[1]).max(axis=1).T
        self._power = np.concatenate([self._power, grouped])
        count = len(self._power) // FRAMES_A_COLUMN
        if not count:
            return None
        taken = self._power[: count * FRAMES_A_COLUMN].reshape(count, FRAMES_A_COLUMN, BANDS).mean(axis=1)
        self._power = self._power[count * FRAMES_A_COLUMN :]
        hop = FRAMES_A_COLUMN * HOP / SAMPLE_RATE
        return Columns(
            face=self.face,
            t=self._begin + columns_before * hop,
            hop=hop,
            bands=BANDS,
            low=0.0,
            high=HIGH,
            data=quantised(taken).tobytes(),
        )


def quantised(power: F64) -> U8:
    """Return the bytes for powers (any shape): 0 for -90 dB of full scale and less, 255 for -10 dB and more."""
    level = 10 * np.log10(np.maximum(power, 1e-12))
    share = (level - QUIETEST) / (LOUDEST - QUIETEST)
    levels: U8 = np.clip(np.rint(share * 255), 0, 255).astype(np.uint8)
    return levels
