"""Words by a Whisper model that the user chooses and downloads: other languages, fewer errors, more work.

Needs the extra `whisper` (faster-whisper, MIT; Whisper's weights are MIT, too). Behind the same interface as
`models.speech.moonshine.Moonshine`.
"""

from __future__ import annotations

import numpy as np

from models.common.arrays import F32
from models.speech.types import Reading

SHORTEST = 1_600
"""Samples below which nothing can have been said: 0.1 s."""


class Whisper:
    """The recogniser, shared by all voices; one CPU thread.

    Args:
        model: Size ("tiny", "base", "small", …, "small.en" for English alone) or folder of a converted model; a size
            is downloaded from Hugging Face when it is first used.
        language: Two letters, or None to hear it out for each sentence.

    Raises:
        ImportError: if faster-whisper is not installed; says how to install it.
        ValueError: there is no model of that name.
    """

    def __init__(self, model: str, language: str | None = None) -> None:
        try:
            from faster_whisper import WhisperModel
        except ImportError as error:
            raise ImportError("faster-whisper is not installed: pip install 'earshot[whisper]'") from error
        try:
            self._model = WhisperModel(model, device="cpu", compute_type="int8", cpu_threads=1, num_workers=1)
        except RuntimeError as error:
            raise ValueError(f"{model} is no Whisper model: {error}") from error
        self._language = language

    def read(self, pcm: F32, draft: tuple[int, ...] = ()) -> Reading:
        """Find the words, greedily.

        Args:
            pcm: (N,) speech at 16 kHz, [-1, 1]; up to 30 s.
            draft: Not used.

        Returns:
            What was read.
        """
        if len(pcm) < SHORTEST:
            return Reading("", 0.0, ())
        segments, _ = self._model.transcribe(
            pcm,
            language=self._language,
            beam_size=1,
            temperature=0.0,
            without_timestamps=True,
            condition_on_previous_text=False,
            vad_filter=False,
        )
        found = list(segments)
        text = " ".join(segment.text.strip() for segment in found).strip()
        if not text:
            return Reading("", 0.0, ())
        return Reading(text, float(np.mean([segment.avg_logprob for segment in found])), ())
