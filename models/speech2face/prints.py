"""What is heard of a voice: two speaker embeddings side by side, each of length 1, of some stretches of speech."""

from __future__ import annotations

import numpy as np
import torch

from models.common.arrays import F32
from models.voiceprint import campplus, encoder
from models.voiceprint.campplus_runtime import SpeakerEncoder

SIZE = campplus.SIZE + encoder.PRINT
"""Numbers of a print."""

MORE = (64_000, 130_000)
"""Samples of speech from which there are two stretches, and three."""

LONGEST = 56_000
"""Samples of a stretch."""


def stretches(pcm: F32) -> list[F32]:
    """Return one to three parts of speech, as far apart as they can be."""
    count = 1 + sum(len(pcm) >= bound for bound in MORE)
    size = min(len(pcm) // count, LONGEST)
    return [pcm[start : start + size] for start in (i * len(pcm) // count for i in range(count))]


class VoicePrints:
    """CAM++ and the GE2E encoder; the second is surer of gender, the first of everything else.

    Args:
        speaker: to be shared; a new one by default.

    Raises:
        FileNotFoundError: the weights are not there.
    """

    def __init__(self, speaker: SpeakerEncoder | None = None) -> None:
        self._speaker, self._ge2e = speaker or SpeakerEncoder(), encoder.load_voice_encoder()

    def of(self, pcm: F32) -> F32:
        """Hear one person's speech.

        Args:
            pcm: (N,) at 16 kHz, [-1, 1]; a second or more.

        Returns:
            (K, 448), a row for each of its `stretches`.
        """
        return np.stack([self._one(part) for part in stretches(pcm)])

    def _one(self, pcm: F32) -> F32:
        with torch.inference_mode():
            ge2e = self._ge2e.enrol(torch.from_numpy(pcm.copy()[None]))[0].numpy() / encoder.LENGTH
        return np.concatenate([self._speaker.embed(pcm), ge2e]).astype(np.float32)
