"""The two voices of the demo call: recorded sentences, each heard alone and then both at once."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

import numpy as np
import soundfile
from scipy.signal import resample_poly

from models.common import weights
from models.common.arrays import F32
from streamer.errors import UserError

RATE = 48_000
"""Of the clip's sound, Hz."""

SECONDS = 44.4
"""Length of the clip: whole video frames (40 ms) and whole audio blocks (20 ms), so that it loops."""

LOUDNESS = 0.06
"""RMS of each voice while it speaks, full scale 1 (-24 dB)."""

RECORDINGS = (("clone-test.wav", 1.0), ("two_cities.wav", 0.92))
"""A woman's and a man's recorded voice in moonshine-voice's wheel, and the speed at which each is played.

The man is slowed a little, which also lowers his voice: the two are then further apart. Left portrait first.
"""

LINES: tuple[tuple[int, float, float, float], ...] = (
    (1, 0.40, 1.12, 4.62),
    (1, 4.35, 4.96, 6.30),
    (0, 6.10, 0.38, 4.08),
    (0, 10.10, 0.38, 1.10),
    (1, 11.20, 26.48, 35.64),
    (0, 11.40, 0.38, 4.08),
    (0, 15.30, 1.09, 4.08),
    (0, 18.45, 1.09, 4.08),
    (0, 22.00, 0.38, 4.08),
    (0, 25.90, 0.38, 1.10),
    (1, 27.10, 17.48, 24.06),
    (1, 34.70, 26.48, 34.80),
    (0, 34.80, 1.09, 4.08),
    (0, 37.95, 0.38, 4.08),
    (0, 41.80, 1.09, 3.16),
)
"""Voice, second of the clip at which it begins, and the stretch of its recording that is played (seconds)."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Who is heard from `start` to `end`, seconds of the clip; speakers count from the left portrait."""

    start: float
    end: float
    speakers: tuple[int, ...]


TURNS = (
    Turn(0.4, 5.8, (1,)),
    Turn(6.1, 10.8, (0,)),
    Turn(11.4, 21.1, (0, 1)),
    Turn(22.0, 26.7, (0,)),
    Turn(27.1, 34.2, (1,)),
    Turn(34.8, 43.6, (0, 1)),
)


def _recording(name: str, speed: float) -> F32:
    """Return a recording of the moonshine-voice wheel as mono float32 at `RATE`, played at `speed`.

    Raises:
        UserError: the package is not installed or lacks the file.
    """
    try:
        path = weights.packaged("moonshine_voice", "assets", name)
    except FileNotFoundError as error:
        raise UserError(f"the demo's voices are missing: {error}") from error
    pcm, rate = soundfile.read(path, dtype="float32", always_2d=True)
    played = round(rate * speed)
    common = gcd(RATE, played)
    mono: F32 = resample_poly(pcm.mean(axis=1), RATE // common, played // common)
    return mono.astype(np.float32)


def speech_rms(pcm: F32, rate: int) -> float:
    """Return the RMS over the 20 ms frames within 25 dB of the loud ones: pauses do not count."""
    size = rate // 50
    power = np.mean(pcm[: len(pcm) // size * size].reshape(-1, size).astype(np.float64) ** 2, axis=1)
    return float(np.sqrt(power[power > np.quantile(power, 0.97) * 10**-2.5].mean()))


def voices() -> F32:
    """Return both voices, clean and equally loud, each silent where it has no line.

    Returns:
        Shape (2, SECONDS * RATE), float32.

    Raises:
        UserError: the recordings are not installed.
    """
    recordings = [_recording(name, speed) for name, speed in RECORDINGS]
    sources = np.zeros((2, round(SECONDS * RATE)), np.float32)
    ramp = np.linspace(0, 1, RATE // 50, dtype=np.float32)
    for voice, at, start, end in LINES:
        scale = RATE / RECORDINGS[voice][1]
        line = recordings[voice][round(start * scale) : round(end * scale)].copy()
        # Each line for itself: readers grow softer over a sentence, and neither is to drown the other.
        line *= np.float32(LOUDNESS / speech_rms(line, RATE))
        line[: len(ramp)] *= ramp
        line[-len(ramp) :] *= ramp[::-1]
        first = round(at * RATE)
        sources[voice, first : first + len(line)] += line
    return sources
