"""Whether a recording is one person's speech, and which parts of it are."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from models.common.arrays import F32, Bools
from models.common.audio import SAMPLE_RATE
from models.speech.segmentation import FIELD, STEP, WINDOW
from models.speech.segmentation_runtime import LEAST, Segmenter
from models.speech2face.drawn import MOST, Unusable
from models.voiceprint.campplus_runtime import SpeakerEncoder

ENOUGH = 2.0
"""Seconds of speech below which a voice says too little of a face."""

SILENT = 10 ** (-65 / 20)
"""Root mean square of the loudest tenth of a second below which there is silence."""

TALKS = 0.5
"""Probability from which somebody talks."""

PIECE, SHORTEST = 3.0, 2.0
"""Seconds of the pieces of speech whose voices are compared, and of the shortest."""

UNLIKE = 0.3
"""Scalar product of CAM++ embeddings below which two voices are two people's."""

MIXED = 0.1
"""Share of speech during which two talk at once that is too much."""


class Solo:
    """Finds the speech of the only person.

    Args:
        speaker: to be shared; a new one by default.

    Raises:
        FileNotFoundError: the weights are not there.
    """

    def __init__(self, speaker: SpeakerEncoder | None = None) -> None:
        self._segmenter, self._speaker = Segmenter(), speaker or SpeakerEncoder()

    def speech(self, pcm: F32) -> F32:
        """Return what the one person says, pauses left out.

        Args:
            pcm: (N,) at 16 kHz, [-1, 1]; the first minute is heard.

        Returns:
            (M,), at least two seconds.

        Raises:
            Unusable: it is silent, holds too little speech, or two voices.
        """
        pcm = pcm[: round(MOST * SAMPLE_RATE)]
        if len(pcm) < ENOUGH * SAMPLE_RATE:
            raise Unusable(f"too short: {len(pcm) / SAMPLE_RATE:.1f} s, at least {ENOUGH:g} s of speech are needed")
        tenths = pcm[: len(pcm) // 1600 * 1600].reshape(-1, 1600)
        if np.sqrt(np.mean(np.square(tenths), axis=1)).max() < SILENT:
            raise Unusable("silent")
        alone, pieces, both = self._talking(pcm)
        speech = pcm[alone]
        if both > MIXED * (both + len(speech)):
            raise Unusable("two voices at once")
        if len(speech) < ENOUGH * SAMPLE_RATE:
            heard = len(speech) / SAMPLE_RATE
            raise Unusable(f"too little speech: {heard:.1f} s of one person, at least {ENOUGH:g} s are needed")
        voices = self._speaker.embed_all(pieces)
        if any(float(a @ b) < UNLIKE for a, b in combinations(voices, 2)):
            raise Unusable("two voices")
        return speech

    def _talking(self, pcm: F32) -> tuple[Bools, list[F32], int]:
        """Which samples are one person's, (N,); pieces of each person's turns; samples of two at once."""
        alone, turns, both = np.zeros(len(pcm), bool), [], 0
        starts = range(0, max(len(pcm) - LEAST, 0) + 1, WINDOW)
        for start in starts:
            part = pcm[start : start + WINDOW]
            found = self._segmenter.segment(part)
            talks = found.talkers > TALKS
            one = talks.sum(axis=1) == 1
            both += STEP * int((talks.sum(axis=1) > 1).sum())
            frame = np.clip((np.arange(len(part)) - FIELD // 2 + STEP // 2) // STEP, 0, len(one) - 1)
            alone[start : start + len(part)] = one[frame]
            turns += [part[(one & talks[:, who])[frame]] for who in range(talks.shape[1])]
        pieces = [piece for turn in turns for piece in _pieces(turn)]
        return alone, pieces, both


def _pieces(turn: F32) -> list[F32]:
    """Cut a turn: the segmentation may take two voices one after the other for one."""
    count = max(1, round(len(turn) / (PIECE * SAMPLE_RATE)))
    return [piece for piece in np.array_split(turn, count) if len(piece) >= SHORTEST * SAMPLE_RATE]
