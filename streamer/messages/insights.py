"""The messages about what is heard, seen and said: places, tags, captions, descriptions, answers, moments."""

from __future__ import annotations

import base64
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from streamer.messages.base import Estimate, Fraction, Message, ParticipantId, SpeakerId

RequestId = Annotated[int, Field(ge=0, le=2**53)]
"""Made by the page, so that it knows its answer again."""


def _encode(data: object) -> object:
    return base64.b64encode(data).decode("ascii") if isinstance(data, bytes) else data


Base64 = Annotated[str, BeforeValidator(_encode)]
"""Bytes of a grid or of columns; may be made from the bytes."""

LineId = Annotated[int, Field(ge=0, le=2**53)]
"""Of a line of captions, among its participant's."""

LONGEST_QUESTION = 200
"""Characters of a question or of what is searched for."""

Words = Annotated[str, Field(min_length=1, max_length=LONGEST_QUESTION, pattern=r"\S")]


# From the page to the server.


class Ask(Message):
    """Ask about what a participant's camera sees; the answer goes to who asked."""

    type: Literal["ask"]
    id: RequestId
    participant: ParticipantId
    question: Words


class Search(Message):
    """Find a moment of the call."""

    type: Literal["search"]
    id: RequestId
    query: Words


class SetSpectrogram(Message):
    """Show the spectrogram of a participant's mixture (face null) or of one voice; participant null shows none."""

    type: Literal["spectrogram"]
    participant: ParticipantId | None
    face: SpeakerId | None


class SetAnnouncer(Message):
    """Have descriptions of what is seen read aloud while nobody speaks, or not."""

    type: Literal["announcer"]
    on: bool


# From the server to the page.


class LocalizationMap(Message):
    """Where the sound of the last second comes from, in the picture captured at `t`.

    `heat` holds `rows` x `columns` bytes, row by row, 255 the hottest; `peak` [x, y] and `box` [x, y, width, height]
    are fractions of the picture, null where nothing is to be seen that makes the sound.
    """

    type: Literal["localization"] = "localization"
    participant: ParticipantId
    t: float
    score: Estimate
    peak: tuple[float, float] | None
    box: tuple[float, float, float, float] | None
    rows: int
    columns: int
    heat: Base64


class SoundTags(Message):
    """What is heard at `t`, most probable first; empty when it is over."""

    type: Literal["sound"] = "sound"
    participant: ParticipantId
    t: float
    tags: list[tuple[str, Fraction]]


class SpectrogramColumns(Message):
    """Columns of a spectrogram, the first at `t`, one each `hop` seconds.

    `data` holds `bands` bytes a column, from `low` to `high` Hz in equal steps; 0 is -90 dB of full scale, 255 is -10.
    """

    type: Literal["spectrogram"] = "spectrogram"
    participant: ParticipantId
    face: SpeakerId | None
    t: float
    hop: float
    bands: int
    low: float
    high: float
    data: Base64


class CaptionLine(Message):
    """Words of one voice (face null: of what no speaker accounts for); the same id comes again until it is final.

    A final line comes again, in the same words, when it is given to another speaker.
    """

    type: Literal["caption"] = "caption"
    participant: ParticipantId
    face: SpeakerId | None
    id: int
    text: str
    start: float
    end: float
    final: bool


class SceneWord(Message):
    """One word of a description, and where the network looked for it: 14 x 14 bytes, 255 the hottest."""

    word: str
    heat: Base64


class SceneDescription(Message):
    """What is to be seen in the picture captured at `t`."""

    type: Literal["scene"] = "scene"
    participant: ParticipantId
    t: float
    text: str
    words: list[SceneWord]


class Answer(Message):
    """The three most probable answers; `known` is false where none is to be trusted.

    A question that was said aloud ("Earshot, …") is answered to everyone, with `id` null.
    """

    type: Literal["answer"] = "answer"
    id: RequestId | None
    participant: ParticipantId
    question: str
    answers: list[tuple[str, Fraction]]
    known: bool


class FoundMoment(Message):
    """A picture, or a line that was spoken or written in the call; `thumbnail` is a data URL."""

    participant: ParticipantId
    t: float
    kind: Literal["picture", "words", "chat"]
    text: str
    speaker: str | None
    score: float
    thumbnail: str | None


class FoundMoments(Message):
    """Moments that fit a query, the best first."""

    type: Literal["found"] = "found"
    id: RequestId
    query: str
    moments: list[FoundMoment]


FromInsights = LocalizationMap | SoundTags | SpectrogramColumns | CaptionLine | SceneDescription | Answer | FoundMoments
