"""Whether a face's print is wrong: told from moments in which, by its lips, that face alone talks.

With a wrong print the voice of its own talker is left out, and what is silent can teach nothing better.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from models.voice_print import F32, cosine

LEFT_OUT = 10 ** (-9 / 10)
"""Share of the sound outside of the face's voice from which its print is doubted."""

SILENCED = 10 ** (-3 / 10)
"""Share from which the print is taken for wrong whatever it is."""

DECIDED_AFTER = 3.0
"""Seconds of doubt, less those in which the voice came out, after which it is decided."""

ANOTHERS = 0.1
"""By how much the sound must be more like the print of another face than like the doubted one (cosine)."""


@dataclass(frozen=True)
class _Moment:
    pcm: F32
    energy: float
    outside: float


class Doubts:
    """Doubts of one participant's prints.

    Args:
        embed: Makes a print of sound (N,) at 16 kHz.
    """

    def __init__(self, embed: Callable[[F32], F32]) -> None:
        self._embed = embed
        self._moments: dict[int, list[_Moment]] = {}

    def hear(self, id: int, pcm: F32, voice: F32, prints: Mapping[int, F32]) -> Literal["silenced", "mistaken"] | None:
        """Take in a moment in which a face seems to make all of the sound.

        Args:
            id: The face.
            pcm: The sound, float32 (N,) at 16 kHz.
            voice: What was separated of it with the face's print, like `pcm`.
            prints: In use, by face; the doubted one among them.

        Returns:
            What is wrong with the print, once: it keeps its face silent, or is that of another face here, whose own
            is more like what this one says. None while nothing is.
        """
        moments = self._moments.setdefault(id, [])
        energy, outside = (float(np.sum(np.square(x, dtype=np.float64))) for x in (pcm, pcm - voice))
        if outside >= LEFT_OUT * energy:
            moments.append(_Moment(np.array(pcm, np.float32), energy, outside))
        elif moments:
            moments.pop()
        if sum(len(moment.pcm) for moment in moments) < DECIDED_AFTER * 16_000:
            return None
        del self._moments[id]
        if sum(m.outside for m in moments) >= SILENCED * sum(m.energy for m in moments):
            return "silenced"
        heard = self._embed(np.concatenate([moment.pcm for moment in moments]))
        alike = {face: cosine(heard, print) for face, print in prints.items()}
        nearest = max(alike, key=lambda face: alike[face])
        return "mistaken" if alike[nearest] >= alike[id] + ANOTHERS else None

    def forget(self, id: int) -> None:
        """The face has another print, or none."""
        self._moments.pop(id, None)
