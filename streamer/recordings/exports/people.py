"""Who is in a recording: one number a person, faces and voices alike, and the names that were given to them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from streamer.engine.types import speaker_name
from streamer.errors import UserError
from streamer.messages.base import LONGEST_NAME
from streamer.transcripts.subtitle_text import one_line


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is seen or heard.

    Attributes:
        number: From 1: a face's own; voices without a face go on after the faces.
        id: As the engine has it.
        name: As given by the user; None without.
        sound: Name of the file with the voice; None if there is none.
    """

    number: int
    id: int
    name: str | None = None
    sound: str | None = None

    @property
    def label(self) -> str:
        """The name, or "Face 2" or "Voice 3"."""
        return self.name or speaker_name(self.number if self.id > 0 else -self.number)


def number_people(faces: Iterable[int], voices: Iterable[int], folder: Path) -> list[Person]:
    """Give everybody a number, and the voices' files with it.

    Args:
        faces: Ids of the faces.
        voices: Numbers of the voices without a face, from 1: `voice-<n>.wav` in the folder is renamed.
        folder: Where the files are.
    """
    faces, voices = sorted(faces), sorted(voices)
    highest = max(faces, default=0)
    people = [Person(id, id) for id in faces]
    # From the last on: no name is taken before it is free.
    for voice in reversed(voices):
        old, new = folder / f"voice-{voice}.wav", folder / f"voice-{highest + voice}.wav"
        if old.is_file() and old != new:
            old.rename(new)
    people += [Person(highest + voice, -voice) for voice in voices]
    return [_with_sound(person, folder) for person in people]


def _with_sound(person: Person, folder: Path) -> Person:
    name = f"{'face' if person.id > 0 else 'voice'}-{person.number}.wav"
    return replace(person, sound=name) if (folder / name).is_file() else person


def named(people: Iterable[Person], names: Mapping[int, str]) -> list[Person]:
    """Give people names, by number; an empty one takes the name away, numbers that nobody has do nothing."""
    return [replace(person, name=names.get(person.number, person.name) or None) for person in people]


def parse_names(pairs: Iterable[str]) -> dict[int, str]:
    """Read "1=Anna", several in one text with commas between.

    Raises:
        UserError: It is none of that kind, a number comes twice, or a name is too long.
    """
    names: dict[int, str] = {}
    for pair in (part for text in pairs for part in re.split(r",(?=\s*\d+\s*=)", text)):
        number, equals, name = pair.partition("=")
        if not equals or not re.fullmatch(r"\s*\d{1,9}\s*", number) or int(number) < 1:
            raise UserError(f'"{pair}" names nobody: write a number and a name, as in 1=Anna')
        name = one_line(name)
        if len(name) > LONGEST_NAME:
            raise UserError(f"a name has at most {LONGEST_NAME} characters, not {len(name)}")
        if int(number) in names:
            raise UserError(f"{int(number)} is named twice")
        names[int(number)] = name
    return names


def to_event(people: Iterable[Person]) -> dict[str, Any]:
    """Return the event that lists everybody."""
    listed = [{"number": p.number, "id": p.id, "name": p.name, "sound": p.sound} for p in people]
    return {"t": 0.0, "type": "speakers", "speakers": listed}


def from_event(event: Mapping[str, Any]) -> list[Person]:
    """Undo `to_event`."""
    return [Person(p["number"], p["id"], p["name"], p["sound"]) for p in event["speakers"]]
