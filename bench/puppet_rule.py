"""The rule by which the demo's puppets once opened their mouths: how loud and how bright the sound is."""

from __future__ import annotations

import numpy as np

from models.common.arrays import F32

LIP_LEAD = 0.06
"""Seconds by which the lips move before their sound, as measured on recorded video."""


def mouth_openings(pcm: F32, rate: int, frame_rate: int, lead: float) -> tuple[F32, F32]:
    """Return how a mouth would move to this sound.

    Args:
        pcm: Shape (N,), one voice.
        rate: Of the sound, Hz.
        frame_rate: Of the video, Hz.
        lead: Seconds by which lips move before they are heard.

    Returns:
        Two of shape (frames,), 0..1 each: how far open, and how bright the sound is (wide lips).
    """
    count = round(len(pcm) * frame_rate / rate)
    half = rate // 40
    window = np.hanning(2 * half).astype(np.float32)
    padded = np.pad(pcm, half)
    frequency = np.fft.rfftfreq(2 * half, 1 / rate)
    open_band, bright_band = (frequency > 200) & (frequency < 4000), (frequency > 1500) & (frequency < 4000)
    power, bright = np.zeros(count, np.float32), np.zeros(count, np.float32)
    for i in range(count):
        centre = round((i / frame_rate + lead) * rate)
        piece = padded[centre : centre + 2 * half]
        if len(piece) < 2 * half:
            continue
        spectrum = np.abs(np.fft.rfft(piece * window)) ** 2
        power[i] = spectrum[open_band].sum()
        bright[i] = spectrum[bright_band].sum() / (power[i] + 1e-6)
    loud = power[power > power.max() * 1e-3].mean()
    level = np.log1p(3 * power / loud)
    smooth = np.convolve(level, [0.15, 0.7, 0.15], "same")
    opening = np.clip(smooth / np.quantile(smooth[smooth > 0.05], 0.95), 0, 1.1)
    width = np.convolve(np.clip(bright * 4, 0, 1), [0.25, 0.5, 0.25], "same")
    return opening.astype(np.float32), width.astype(np.float32)
