"""Composed conversations: recordings of which is known who says what, and who is to be seen when.

A folder holds NAME.mp4 and NAME.npz for each; NAME is a kind and a number ("pair3"). The arrays of NAME.npz:

- `voices` (P, N) float32 at 16 kHz: what each person says; their sum is the sound of the recording
- `people` (P,): names of the persons
- `side` (P,): 0 on the left, 1 on the right, -1 off camera
- `shots` (K, 3): begin and end in seconds, and the person whose whole picture it is; -1 where all are beside each other
- `overlap` (2,): begin and end, in seconds, of the stretch in which all on camera talk at once
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.common.arrays import F32, F64, Bools
from models.common.audio import SAMPLE_RATE

FRAME = 640
"""Samples of 40 ms, in which who talks is told."""

QUIETER = 30.0
"""dB under the loudest moment of a voice, from which it is silent."""

AVERAGED = 5
"""Frames over which the level is averaged: the pause within a word is no silence."""

NOTHING = 1e-4
"""Largest sample of a voice that never speaks."""


@dataclass(frozen=True)
class Conversation:
    """One of them; see above.

    Attributes:
        path: of the recording.
        voices: (P, N).
        people: names.
        sides: by person.
        shots: (K, 3).
        overlap: seconds.
    """

    path: Path
    voices: F32
    people: tuple[str, ...]
    sides: tuple[int, ...]
    shots: F64
    overlap: tuple[float, float]

    @property
    def kind(self) -> str:
        """Name without its number."""
        return self.path.stem.rstrip("0123456789")

    @property
    def mixture(self) -> F32:
        """Sound of the recording, (N,)."""
        mixture: F32 = self.voices.sum(axis=0)
        return mixture

    @property
    def seen(self) -> list[int]:
        """Who is on camera."""
        return [person for person, side in enumerate(self.sides) if side >= 0]

    def person_at(self, t: float, box: Sequence[float]) -> int | None:
        """Tell whose face it is.

        Args:
            t: time of the picture, seconds.
            box: x, y, width, height as fractions of the picture.

        Returns:
            Number of the person, None outside of all shots.
        """
        shown = next((int(who) for begin, end, who in self.shots if begin <= t < end), None)
        if shown is None or shown >= 0:
            return shown
        side = int(box[0] + box[2] / 2 >= 0.5)
        return self.sides.index(side) if side in self.sides else None

    def talks(self) -> Bools:
        """Tell who talks in each 40 ms, (P, T)."""
        return np.stack([_loud(voice) for voice in self.voices])


def load(folder: Path) -> list[Conversation]:
    """Read all conversations of a folder, by name.

    Raises:
        FileNotFoundError: there are none.
    """
    found = [_read(path) for path in sorted(folder.glob("*.npz")) if path.with_suffix(".mp4").exists()]
    if not found:
        raise FileNotFoundError(f"{folder} holds no conversation: NAME.mp4 and NAME.npz")
    return found


def _read(path: Path) -> Conversation:
    with np.load(path) as stored:
        return Conversation(
            path.with_suffix(".mp4"),
            stored["voices"].astype(np.float32),
            tuple(str(name) for name in stored["people"]),
            tuple(int(side) for side in stored["side"]),
            # They are written in single precision; pictures lie exactly on them.
            np.round(stored["shots"].astype(np.float64), 4),
            (float(stored["overlap"][0]), float(stored["overlap"][1])),
        )


def _loud(voice: F32) -> Bools:
    count = len(voice) // FRAME
    if np.abs(voice).max(initial=0.0) <= NOTHING:
        return np.zeros(count, bool)
    power = np.square(voice[: count * FRAME].reshape(count, FRAME).astype(np.float64)).mean(axis=1)
    decibels = np.pad(10 * np.log10(power + 1e-12), AVERAGED // 2, mode="edge")
    level = np.convolve(decibels, np.full(AVERAGED, 1 / AVERAGED), "valid")
    loud: Bools = level > level.max() - QUIETER
    return loud


def seconds(frames: Bools) -> float:
    """Return the seconds of the 40 ms that are true."""
    return float(frames.sum()) * FRAME / SAMPLE_RATE
