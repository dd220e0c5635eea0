"""One participant's sound as it came or without its noise, and no click between the two.

What the suppressor gives is later than the voices. While it is on, everything of this participant waits as long: the
voices, and the sound as it came, which stands in where nothing clean is there in time.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from models.common.arrays import F32
from models.common.resample import Resampler
from streamer.mixing.mixer import FACE_BLOCK, LET_DOWN, MIX_BLOCK

BEHIND = 208
"""Samples at 16 kHz by which sound without noise is later than voices (28 ms against 15)."""

_UP: F32 = np.linspace(0.0, 1.0, MIX_BLOCK, endpoint=False, dtype=np.float32)
_FACE_UP: F32 = np.linspace(0.0, 1.0, FACE_BLOCK, endpoint=False, dtype=np.float32)
_RATIO = MIX_BLOCK // FACE_BLOCK

State = Literal["plain", "waiting", "clean"]
"""The sound at once as it came, the same `BEHIND` samples later, or clean."""


class NoiseSwitch:
    """Fades from one to the other over a block.

    Attributes:
        on: whether noise is to be taken out.
    """

    def __init__(self) -> None:
        self.on = False
        self._state: State = "plain"
        self._mix = np.zeros(BEHIND * _RATIO, np.float32)
        self._faces: dict[int, F32] = {}
        self._up = Resampler(16_000, 48_000)
        self._last = 0.0

    def step(self, mix: F32, faces: dict[int, F32], clean: F32 | None) -> tuple[F32, dict[int, F32], float]:
        """Take the next 20 ms.

        Args:
            mix: shape (960,), float32, 48 kHz: the sound as it came.
            faces: the voice of each face, shape (320,), 16 kHz, in time with `mix`.
            clean: shape (320,), 16 kHz, `BEHIND` samples later than both; None where there is none.

        Returns:
            The sound and the voices to be heard, in time with each other, and by how many seconds they are later.
        """
        late, self._mix = _delayed(self._mix, mix)
        late_faces = {}
        for face in faces.keys() | self._faces.keys():
            past = self._faces.get(face, np.zeros(BEHIND, np.float32))
            late_faces[face], self._faces[face] = _delayed(past, faces.get(face, np.zeros(FACE_BLOCK, np.float32)))
        before, self._state = self._state, self._next(clean)
        sounds = {"plain": mix, "waiting": late}
        if "clean" in (before, self._state):
            if before != "clean":
                self._up.reset()
            sounds["clean"] = self._upsampled(clean)
        self._faces = {face: past for face, past in self._faces.items() if face in faces}
        heard = _faded(sounds[before], sounds[self._state], _UP)
        was_late, is_late = before != "plain", self._state != "plain"
        nothing = np.zeros(FACE_BLOCK, np.float32)
        old, new = (late_faces if so else faces for so in (was_late, is_late))
        voices = {face: _faded(old.get(face, nothing), new.get(face, nothing), _FACE_UP) for face in old | new}
        # Half way through a fade: a step of the time by all of it would pass for a gap.
        return heard, voices, (was_late + is_late) / 2 * BEHIND / 16_000

    def _next(self, clean: F32 | None) -> State:
        if not self.on or (self._state == "plain" and clean is None):
            return "plain"
        return "waiting" if clean is None else "clean"

    def _upsampled(self, clean: F32 | None) -> F32:
        if clean is None:
            # It ends here: let down, for the upsampler rings on.
            clean = np.zeros(FACE_BLOCK, np.float32)
            clean[:LET_DOWN] = np.linspace(self._last, 0.0, LET_DOWN, dtype=np.float32)
        self._last = float(clean[-1])
        return self._up.step(clean)


def _delayed(past: F32, now: F32) -> tuple[F32, F32]:
    """Return a block as late as `past` is long, and what is left for the next one."""
    joined = np.concatenate([past, now])
    return joined[: now.size], joined[now.size :]


def _faded(old: F32, new: F32, up: F32) -> F32:
    if old is new:
        return old
    faded: F32 = old + (new - old) * up
    return faded
