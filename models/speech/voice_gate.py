"""Keeps words under the right face: mutes each separated voice while somebody else is talking.

What is left of another talker in a separated voice is quiet, but a recogniser understands it all the same. Every 40 ms
a voice is let through if

    BIAS + A_DECIBEL * (its level over the loudest other one) + TALKS * (probability that this face talks) > OPEN

The weights are a logistic regression, rounded, on 24 LibriSpeech talkers in 12 made-up scenes (two at once or in turns,
-6 to 6 dB, separated with the weights of 2026-11): area under the curve 0.98 there and on the two talkers of
bench/captions.py. `OPEN`, `EARLY` and `LATE` were chosen by the words that came out of the 12 scenes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from models.common.arrays import F32
from models.common.audio import SAMPLE_RATE

FRAME = 640
"""Samples in one decision, 40 ms."""

BIAS, A_DECIBEL, TALKS = -0.6, 0.155, 2.7

OPEN = 1.0
"""Log-odds that the sound is this face's own from which it is let through."""

PAST, AHEAD = 4, 2
"""Frames before and after over which levels are taken."""

EARLY, LATE = 4, 4
"""Frames let through before and after those that are open: words begin and end softly."""

FLOOR = 1e-8
"""Energy a sample that nobody is louder than, -80 dB."""

QUIET = 1e-6
"""Energy a sample below which nothing is said, -60 dB."""

FADE = 80
"""Samples over which a voice is faded in and out."""

HOLE = 0.06
"""Seconds by which the time may jump; more is missing sound, after which everything begins anew."""


@dataclass
class _Voice:
    """What is remembered of one voice.

    Attributes:
        first: Number of the frame that is given out next.
        held: Frames from `first` on: where the voice is closed, it is not known yet whether a word begins in them.
        energy: Mean square of the newest frames.
        last_open: Number of the newest frame that was found open.
        gain: Of the frame given out last, 0 or 1.
    """

    first: int
    held: deque[F32] = field(default_factory=deque)
    energy: deque[float] = field(default_factory=lambda: deque(maxlen=PAST + AHEAD + 1))
    last_open: int | None = None
    gain: float = 0.0

    def give(self, decided: int) -> list[F32]:
        """Return frames whose fate is known, when all up to number `decided` have been found open or not."""
        out = []
        while self.held:
            after_open = self.last_open is not None and self.first - LATE <= self.last_open
            quiet = float(np.mean(np.square(self.held[0]))) < QUIET
            if not after_open and not quiet and self.first + EARLY > decided:
                break
            out.append(self._faded(self.held.popleft(), 1.0 if after_open else 0.0))
            self.first += 1
        return out

    def _faded(self, frame: F32, gain: float) -> F32:
        before, self.gain = self.gain, gain
        if before == gain:
            return frame if gain else np.zeros_like(frame)
        gains = np.full(len(frame), gain, np.float32)
        gains[:FADE] = np.linspace(before, gain, FADE)
        return frame * gains


class CaptionGate:
    """The gate of one call. Faces may come and go.

    A voice that is let through comes out at once (but for a frame that is not full yet); one that is not, up to
    `EARLY + AHEAD` frames late, unless there is silence in it.

    Args:
        nobody: Key of the voice of those who are not seen (the rest of the sound). Whether it talks is not known from
            lips and counts as 0, so that it must be 4 dB above all faces'.
    """

    def __init__(self, nobody: int | None = None) -> None:
        self._nobody = nobody
        self._voices: dict[int | None, _Voice] = {}
        self._begin: float | None = None
        self._taken = 0
        self._pending: dict[int | None, F32] = {}

    def step(
        self, t: float, voices: Mapping[int | None, F32], speaking: Mapping[int, float]
    ) -> dict[int | None, tuple[float, F32]]:
        """Take in more of all voices.

        Args:
            t: Time of their first sample, seconds.
            voices: By face, (N,) each at 16 kHz, any N; a face that is new was silent before, one that is missing is
                forgotten. A rest of the sound that belongs to no face comes under `nobody`.
            speaking: By face, probability that it talks, 0..1.

        Returns:
            By face: time of the first sample, and sound (M,), M a multiple of 640 and maybe 0. Each face's pieces join
            end to end; where somebody else talks they are silent.

        Raises:
            ValueError: if the voices are not equally long.
        """
        sizes = {len(pcm) for pcm in voices.values()}
        if len(sizes) > 1:
            raise ValueError(f"voices of one stretch must be equally long, not {sorted(sizes)} samples")
        waiting = self._follow(t)
        self._voices = {face: self._voices.get(face) or _Voice(self._taken) for face in voices}
        sound = {}
        for face, pcm in voices.items():
            before = self._pending.get(face, np.zeros(waiting, np.float32))
            sound[face] = np.concatenate([before, np.nan_to_num(pcm, nan=0.0, posinf=0.0, neginf=0.0)])
        begins = {face: self._time(voice.first) for face, voice in self._voices.items()}
        out: dict[int | None, list[F32]] = {face: [] for face in voices}
        frames = min((len(pcm) // FRAME for pcm in sound.values()), default=0)
        for i in range(frames):
            self._take({face: pcm[i * FRAME : (i + 1) * FRAME] for face, pcm in sound.items()}, speaking)
            for face, voice in self._voices.items():
                out[face] += voice.give(self._taken - 1 - AHEAD)
        self._pending = {face: pcm[frames * FRAME :] for face, pcm in sound.items()}
        nothing = np.zeros(0, np.float32)
        return {face: (begins[face], np.concatenate([nothing, *out[face]])) for face in voices}

    def _time(self, frame: int) -> float:
        assert self._begin is not None
        return self._begin + frame * FRAME / SAMPLE_RATE

    def _follow(self, t: float) -> int:
        """Keep the clock; samples that wait for their frame to be full."""
        waiting = max((len(pcm) for pcm in self._pending.values()), default=0)
        off = None if self._begin is None else t - self._time(self._taken) - waiting / SAMPLE_RATE
        if off is None or abs(off) > HOLE or not self._voices:
            self._voices, self._pending, self._taken, self._begin = {}, {}, 0, t
            return 0
        assert self._begin is not None
        self._begin += 0.05 * off
        return waiting

    def _take(self, frames: dict[int | None, F32], speaking: Mapping[int, float]) -> None:
        for face, frame in frames.items():
            voice = self._voices[face]
            voice.held.append(frame)
            voice.energy.append(float(np.mean(np.square(frame, dtype=np.float64))))
        self._taken += 1
        decided = self._taken - 1 - AHEAD
        means = {face: float(np.mean(voice.energy)) + FLOOR for face, voice in self._voices.items()}
        for face, voice in self._voices.items():
            loudest = max((mean for other, mean in means.items() if other != face), default=FLOOR)
            decibels = float(np.clip(10 * np.log10(means[face] / loudest), -25.0, 25.0))
            talks = 0.0 if face is None or face == self._nobody else speaking.get(face, 0.0)
            if decided >= 0 and BIAS + A_DECIBEL * decibels + TALKS * talks > OPEN:
                voice.last_open = decided
