"""What `earshot process` writes of a recording: `events.jsonl`, a line an event, and `transcript.json`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Seconds = Annotated[float, Field(description="From the beginning of the recording.")]
Share = Annotated[float, Field(ge=0, le=1)]
Box = Annotated[
    tuple[float, float, float, float], Field(description="Left, top, width, height as fractions of the picture.")
]
Speaker = Annotated[int, Field(ge=1, description="Number of a person, the same in all files of a result.")]


class Written(BaseModel):
    """Something that is written to a file; further fields may come with later versions."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)


class Event(Written):
    """What every event has."""

    t: Seconds


class Start(Event):
    """First line: what was read. It has the facts of the file, too, as they were found."""

    model_config = ConfigDict(extra="allow")
    type: Literal["start"]
    made_by: Literal["earshot process"]
    file: str
    fingerprint: Annotated[str, Field(description="SHA-256 of the file's size, first and last MiB.")] = ""


class Person(Written):
    """Somebody who is seen or heard."""

    number: Speaker
    id: Annotated[int, Field(description="As in face and voice events: below 0 a voice that belongs to no face.")]
    name: Annotated[str | None, Field(description="As given by --names or `earshot rename`.")]
    sound: Annotated[str | None, Field(description="File with the voice.")]


class People(Event):
    """Second line: everybody in the recording."""

    type: Literal["speakers"]
    speakers: list[Person]


class Tuning(Event):
    """Whether the separator was tuned to the voices of the recording."""

    type: Literal["tuning"]
    voices: Annotated[list[int], Field(description="To whose; empty if it was not tried.")]
    gain: Annotated[float | None, Field(description="dB on speech that was held back; null if it was not tried.")]
    kept: Annotated[bool, Field(description="Whether the tuned weights were used.")]
    text: Annotated[str, Field(description="The same in words, or why not.")]


class Audio(Event):
    """Where the sound begins."""

    type: Literal["audio"]
    seconds_before: Seconds


class Face(Event):
    """A face in a picture."""

    type: Literal["face"]
    id: Annotated[int, Field(ge=1)]
    box: Box
    speaking: Annotated[Share, Field(description="Probability that it is talking.")]
    voice: Literal["unknown", "listening", "known", "dropped"]
    voice_known: bool
    lips_visible: bool
    score: Annotated[float, Field(description="How sure the detector is.")]


class Voice(Event):
    """Something new about a voice print."""

    type: Literal["voice"]
    id: int
    state: Literal["unknown", "listening", "known", "dropped"]
    why: Literal["heard", "learned", "more", "lost"]
    confidence: Share


class Heard(Event):
    """How far somebody speaks who is not in the picture."""

    type: Literal["heard"]
    id: int
    speaking: Share


class Turn(Event):
    """A stretch in which somebody speaks, from `t` on."""

    type: Literal["turn"]
    id: int
    end: Seconds


class Place(Event):
    """Where the sound comes from."""

    type: Literal["localization"]
    peak: Annotated[tuple[float, float] | None, Field(description="The hottest place; null: nothing to be seen.")]
    box: Box | None
    score: Share
    heat: Annotated[str, Field(description="14 x 14 bytes, row by row, 255 the hottest, in base64; empty: none.")]


class Sound(Event):
    """What is heard, most probable first."""

    type: Literal["sound"]
    tags: list[tuple[str, Share]]


class Scene(Event):
    """What is to be seen, where that changes."""

    type: Literal["scene"]
    text: str


class Caption(Event):
    """What somebody says, again and again until it is final."""

    type: Literal["caption"]
    face: Annotated[int | None, Field(description="Whose voice; null where nobody is heard apart from the rest.")]
    text: str
    start: Seconds
    end: Seconds
    final: bool
    words: Annotated[list[tuple[str, Seconds, Seconds]], Field(description="Of a final one: word, start, end.")]


class Note(Event):
    """What a recording lacks, or what was mended or lost; of a call, what happened."""

    type: Literal["note"]
    text: str


class End(Event):
    """Last line."""

    type: Literal["end"]
    faces: list[int]
    voices: list[int]
    notes: list[str]
    written: Annotated[dict[str, str], Field(description="SHA-256 of the files that are text, as they were written.")]


RecordedEvent = Annotated[
    Start | People | Tuning | Audio | Face | Voice | Heard | Turn | Place | Sound | Scene | Caption | Note | End,
    Field(discriminator="type"),
]
"""A line of `events.jsonl`. Lines are in order of time, between `start`, `speakers` and `end`."""


class SaidWord(Written):
    """A word with its punctuation; its times are estimates."""

    text: str
    start: Seconds
    end: Seconds


class Sentence(Written):
    """What somebody said in one go."""

    speaker: Speaker | None
    start: Seconds
    end: Seconds
    text: str
    words: list[SaidWord]


class SpeakerTurn(Written):
    """A stretch in which somebody speaks."""

    speaker: Speaker
    start: Seconds
    end: Seconds


class SoundBegins(Written):
    """A sound other than speech that begins."""

    start: Seconds
    text: str


class TranscriptSpeaker(Written):
    """Somebody who is heard; `label` is the name, or what stands for it."""

    number: Speaker
    label: str
    name: str | None
    sound: str | None


class TranscriptFile(Written):
    """`transcript.json`: who said what and when."""

    format: Literal["earshot-transcript-1"] = "earshot-transcript-1"
    file: str
    duration: Seconds
    speakers: list[TranscriptSpeaker]
    sentences: list[Sentence]
    turns: list[SpeakerTurn]
    sounds: list[SoundBegins]
