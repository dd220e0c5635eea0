"""`transcript.json`: who said what and when, word by word. Its schema is `web/transcript.schema.json`."""

from __future__ import annotations

from streamer.messages.recorded import (
    SaidWord,
    Sentence,
    SoundBegins,
    SpeakerTurn,
    TranscriptFile,
    TranscriptSpeaker,
)
from streamer.recordings.exports.result import Result, Said


def sentence(said: Said) -> Sentence:
    """Return a sentence as it is written."""
    words = [SaidWord(text=word.text, start=round(word.start, 3), end=round(word.end, 3)) for word in said.words]
    return Sentence(
        speaker=said.person, start=round(said.start, 3), end=round(said.end, 3), text=said.text, words=words
    )


def transcript_json(result: Result) -> str:
    """Return the file."""
    made = TranscriptFile(
        file=result.file,
        duration=round(result.duration, 3),
        speakers=[
            TranscriptSpeaker(number=one.number, label=one.label, name=one.name, sound=one.sound)
            for one in result.people
        ],
        sentences=[sentence(said) for said in result.said],
        turns=[SpeakerTurn(speaker=t.person, start=round(t.start, 3), end=round(t.end, 3)) for t in result.turns],
        sounds=[SoundBegins(start=round(t, 3), text=text) for t, text in result.sounds],
    )
    return made.model_dump_json(indent=1) + "\n"
