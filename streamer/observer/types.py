"""What the observer says about one participant: plain data, so that it travels as it is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from models.speech.types import Line

GRID = 14
"""Rows and columns of every heat map."""

PATIENCE = 5.0
"""How many times longer than the voices' process the observer may take to answer or to end a piece of work: it computes
on idle time, gets little for a while where the voices need the whole machine, and is not dead."""


@dataclass(frozen=True, slots=True)
class Localization:
    """Where the sound of the last second comes from, in the picture taken at `t`.

    Attributes:
        t: Seconds on the publisher's clock.
        score: Probability that something to be seen makes the sound, 0..1.
        peak: x, y of the hottest place, fractions of the picture; None where nothing to be seen makes the sound.
        box: x, y, width, height of what is hot, fractions; None likewise.
        heat: 14 x 14 bytes, row by row from the top left; 255 is the hottest.
    """

    t: float
    score: float
    peak: tuple[float, float] | None
    box: tuple[float, float, float, float] | None
    heat: bytes


@dataclass(frozen=True, slots=True)
class Sounds:
    """What is heard in the seconds before `t`, most probable first; empty when it is over."""

    t: float
    tags: list[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class Description:
    """What is to be seen in the picture taken at `t`: the words, and for each a heat map like `Localization.heat`.

    There are none for a picture unlike those that the captioner learnt from.
    """

    t: float
    text: str
    words: list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Keyframe:
    """A picture worth finding again: its vector (float32, unit length) and a small JPEG."""

    t: float
    vector: bytes
    thumbnail: bytes


@dataclass(frozen=True, slots=True)
class Caption(Line):
    """A line of one voice of a participant, among whom its `id` is the only one; `id` comes again until it is final.

    Attributes:
        face: Whose voice, below 0 one that belongs to no face; None where nobody is heard apart from the rest.
        vector: Of a final line, for the search (float32, unit length); empty before.
    """

    face: int | None
    vector: bytes = b""


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns of a spectrogram; `data` holds `bands` bytes each, see `spectrogram.Spectrogram`."""

    face: int | None
    t: float
    hop: float
    bands: int
    low: float
    high: float
    data: bytes


Observation = Localization | Sounds | Description | Keyframe | Caption | Columns

KINDS: dict[str, type[Observation]] = {
    "localization": Localization,
    "sounds": Sounds,
    "description": Description,
    "keyframe": Keyframe,
    "caption": Caption,
    "columns": Columns,
}
_NAMES = {kind: name for name, kind in KINDS.items()}


def pack(observation: Observation) -> dict[str, Any]:
    """Turn an observation into a plain message."""
    return {"type": _NAMES[type(observation)], "fields": asdict(observation)}


def unpack(message: dict[str, Any]) -> Observation:
    """Undo `pack`; what was a tuple and came back as a list becomes a tuple again."""
    fields = message["fields"]
    for name in ("peak", "box"):
        if fields.get(name) is not None:
            fields[name] = tuple(fields[name])
    for name in ("tags", "words"):
        if name in fields:
            fields[name] = [tuple(pair) for pair in fields[name]]
    return KINDS[message["type"]](**fields)
