"""A recording's result as its events tell it: who, what was said, who spoke when, where the faces were."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streamer.errors import UserError
from streamer.recordings.exports.event_log import EVENTS, events
from streamer.recordings.exports.people import Person, from_event
from streamer.recordings.out_folder import MADE_BY
from streamer.transcripts.sound_lines import LASTS, SoundLines
from streamer.transcripts.subtitles import Spoken
from streamer.transcripts.words import Word

Box = tuple[float, float, float, float]

SAMPLED = 0.5
"""Seconds between two boxes of a face that are kept."""


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence.

    Attributes:
        person: Whose number; None where nobody is heard apart from the rest.
        start: Seconds.
        end: Likewise.
        text: In one line.
        words: Its words with times.
    """

    person: int | None
    start: float
    end: float
    text: str
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True, order=True)
class Turn:
    """From when to when somebody speaks, seconds."""

    start: float
    end: float
    person: int


@dataclass
class Result:
    """All that is exported.

    Attributes:
        file: Name of the recording.
        duration: Of it, seconds.
        people: Everybody, by number.
        said: Sentences in the order in which they began.
        turns: Likewise.
        sounds: When a sound other than speech began, and its name in brackets.
        boxes: By face, where it was: time and box, rising.
        has_sound: Whether there was anything to be heard.
        sound_begins: When the first sample of the voices is, seconds.
        end: The last event.
    """

    file: str = ""
    duration: float = 0.0
    people: list[Person] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    sounds: list[tuple[float, str]] = field(default_factory=list)
    boxes: dict[int, list[tuple[float, Box]]] = field(default_factory=dict)
    has_sound: bool = False
    sound_begins: float = 0.0
    end: dict[str, Any] = field(default_factory=dict)

    def label(self, person: object) -> str:
        """Return the name of somebody, or what stands for it; nobody has none."""
        return next((one.label for one in self.people if one.number == person), "")

    def spoken(self) -> list[Spoken]:
        """Return what is to be read: sentences, and sounds where they begin."""
        sounds = [
            Spoken("sound", (Word(text, t, t + LASTS),) if " " not in text else _bracketed(text, t))
            for t, text in self.sounds
        ]
        return [Spoken(one.person, one.words) for one in self.said] + sounds


def _bracketed(text: str, t: float) -> tuple[Word, ...]:
    return tuple(Word(part, t, t + LASTS) for part in text.split())


def read_result(folder: Path) -> Result:
    """Read the result in a folder.

    Raises:
        UserError: There is none, or not a whole one.
    """
    path, result, ids = folder / EVENTS, Result(), dict[int, int]()
    sounds, whole = SoundLines(), False
    try:
        for event in events(path):
            match event["type"]:
                case "start":
                    if event.get("made_by") != MADE_BY:
                        break
                    result.file = event["file"]
                case "speakers":
                    result.people = from_event(event)
                    ids = _persons(result.people)
                case "audio":
                    result.has_sound, result.sound_begins = True, event["t"]
                case "face":
                    _seen(result, event)
                case "turn" if event["id"] in ids:
                    result.turns.append(Turn(event["t"], event["end"], ids[event["id"]]))
                case "sound":
                    if (text := sounds.step(event["t"], [(name, p) for name, p in event["tags"]])) is not None:
                        result.sounds.append((event["t"], text))
                case "caption" if event["final"] and event["words"]:
                    words = tuple(Word(*word) for word in event["words"])
                    person = None if event["face"] is None else ids.get(event["face"])
                    result.said.append(Said(person, event["start"], event["end"], event["text"], words))
                case "end":
                    result.duration, result.end, whole = event["t"], event, True
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is not as `earshot process` writes it") from error
    if not whole or not result.file:
        raise UserError(f"{folder} holds no result of `earshot process`")
    result.said.sort(key=lambda said: (said.start, said.end))
    result.turns.sort()
    return result


def _persons(people: list[Person]) -> dict[int, int]:
    """Return each id's number; who has another's name is the same person, with the lowest number of them."""
    by_name: dict[str, int] = {}
    for person in sorted(people, key=lambda person: person.number):
        if person.name is not None:
            by_name.setdefault(person.name, person.number)
    return {person.id: by_name.get(person.name or "", person.number) for person in people}


def _seen(result: Result, event: dict[str, Any]) -> None:
    boxes = result.boxes.setdefault(event["id"], [])
    if not boxes or event["t"] - boxes[-1][0] >= SAMPLED:
        x, y, w, h = event["box"]
        boxes.append((event["t"], (x, y, w, h)))
