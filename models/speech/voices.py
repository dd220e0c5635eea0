"""The best voice that is installed to read aloud with."""

from __future__ import annotations

from typing import Protocol

from models.common.arrays import F32
from models.speech.tts import SpeechSynthesizer, VoiceMissing


class Voice(Protocol):
    """Something that reads aloud."""

    def say(self, text: str) -> F32:
        """Make speech of a text: (N,) at 48 kHz, empty if there is nothing to say."""


def open_voice() -> Voice:
    """Return Kokoro's voice where the extra `voice` is installed, else Flite's.

    Raises:
        VoiceMissing: there is none; the message says how to get one.
    """
    # What nobody hears read aloud costs the server neither time nor memory at its start.
    from models.speech.kokoro import Kokoro

    try:
        return Kokoro()
    except VoiceMissing:
        return SpeechSynthesizer()
