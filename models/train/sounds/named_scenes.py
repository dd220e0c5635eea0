"""Recordings of which it is known what sounds in them, to measure names on.

DATA holds UrbanSound8K, speech and nonspeech100 (`models.train.sounds.data`); NAMED one folder for each name, called as
in `models.sounds.tags` (two that sound together: "frog+rain"; "other" for what has none), with WAV, FLAC or Ogg files
of that sound at any rate.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
import torch
import torchaudio

from models.common.arrays import I16
from models.common.audio import SAMPLE_RATE
from models.train.sounds.data import CLASSES, CLIP, joined_speech, urban_sounds

MOST = 3
"""Clips cut from one recording."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split(", "))


MUSIC = _names(
    "music, singing, guitar, piano, organ, accordion or harmonica, harp, violin or cello, drums, bell, "
    "brass instrument, woodwind instrument, cymbal"
)
ANIMALS = _names(
    "dog bark, cat, bird, crow, owl, poultry, duck, cow, sheep or goat, pig, horse, roar, frog, insect, snoring"
)
MACHINES = _names(
    "vehicle, engine, motorcycle, train, aircraft, helicopter, boat, air conditioner, vacuum cleaner, drilling, "
    "jackhammer, sawing"
)
ALARMS = _names("siren, alarm, car horn, telephone, doorbell, bell, vehicle, train, boat, whistling")
WATER = _names("running water, splashing, waves, rain, water tap, toilet flush")
STREET = _names(
    "speech, laughter, shouting, singing, crowd, children playing, music, vehicle, engine, motorcycle, footsteps, "
    "bird, wind, whistling, applause"
)

ALSO: dict[str, frozenset[str]] = {
    **dict.fromkeys(MUSIC - {"bell"}, frozenset(["music"])),
    **dict.fromkeys(["crow", "owl", "poultry"], frozenset(["bird"])),
    "duck": frozenset(["bird", "poultry"]),
    **dict.fromkeys(
        ["siren", "car horn", "engine", "motorcycle", "train", "boat", "aircraft"], frozenset(["vehicle", "engine"])
    ),
    **dict.fromkeys(WATER, frozenset(["running water"])),
    "helicopter": frozenset(["aircraft", "vehicle", "engine"]),
    "music": MUSIC,
    "bell": frozenset(["telephone", "doorbell", "alarm", "music", "clinking glass", "clock ticking"]),
    "crowd": STREET,
    "applause": frozenset(["crowd", "speech"]),
    "thunder": frozenset(["rain", "explosion"]),
    "fireworks": frozenset(["explosion", "gun shot"]),
    "door": frozenset(["knocking"]),
    "telephone": frozenset(["alarm"]),
    "cough": frozenset(["speech"]),
    "wind": frozenset(["thunder", "waves"]),
}
"""What may be said of a sound besides its name: neither counted as right nor as wrong."""

_URBAN: dict[str, tuple[str, frozenset[str]]] = {
    "air conditioner": ("air conditioner", STREET | {"vacuum cleaner"}),
    "car horn": ("car horn", STREET | {"alarm"}),
    "children playing": ("children playing", STREET | {"crying", "splashing"}),
    "dog bark": ("dog bark", STREET),
    "drilling": ("drilling", STREET | {"hammering", "sawing", "jackhammer"}),
    "engine": ("engine+vehicle", STREET),
    "gun shot": ("gun shot", STREET | {"explosion", "fireworks"}),
    "jackhammer": ("jackhammer", STREET | {"drilling"}),
    "siren": ("siren", STREET | {"alarm", "car horn"}),
    "street music": ("music", STREET | MUSIC),
}
"""Street recordings, of which only the loudest was noted: the name, and what else may be there."""

_NOISES: tuple[tuple[int, str, frozenset[str]], ...] = (
    (17, "crowd", STREET),
    (24, "", MACHINES | {"wind"}),
    (43, "", ALARMS),
    (46, "vehicle", MACHINES | {"car horn", "wind"}),
    (55, "", ANIMALS),
    (69, "running water", WATER | {"boat"}),
    (78, "wind", frozenset()),
    (82, "bell", frozenset()),
    (85, "cough", frozenset()),
    (86, "applause", frozenset()),
    (87, "snoring", frozenset()),
    (90, "", frozenset(["laughter"])),
    (92, "", frozenset(["speech"])),
    (93, "crying", frozenset(["speech"])),
    (94, "running water", WATER),
    (95, "", frozenset()),
    (97, "footsteps", frozenset()),
    (98, "door", frozenset()),
    (100, "telephone", frozenset()),
)
"""nonspeech100 by number, as its author groups it: up to which, what it is, and what else it may be."""


@dataclass
class NamedScenes:
    """Scenes of 4 s.

    Attributes:
        sound: (64000,) int16 each.
        there: names that are there.
        maybe: names that may be.
        source: the recording each was cut from.
    """

    sound: list[I16] = field(default_factory=list)
    there: list[frozenset[str]] = field(default_factory=list)
    maybe: list[frozenset[str]] = field(default_factory=list)
    source: list[str] = field(default_factory=list)

    def add(self, sound: I16, there: frozenset[str], maybe: frozenset[str], source: str) -> None:
        """Cut a recording (N,) into scenes."""
        more = frozenset[str]().union(*(ALSO.get(name, frozenset()) for name in there)) | maybe
        for start in range(0, max(1, min(len(sound) - CLIP // 2, MOST * CLIP)), CLIP):
            part = sound[start : start + CLIP]
            self.sound.append(np.pad(part, (0, CLIP - len(part))))
            self.there.append(there)
            self.maybe.append(more - there)
            self.source.append(source)


def named_scenes(data: Path | None, named: Path | None) -> NamedScenes:
    """Collect what is at hand."""
    scenes = NamedScenes()
    if named is not None:
        for path in sorted(p for p in named.rglob("*.*") if p.suffix in (".wav", ".flac", ".ogg")):
            scenes.add(_read(path), frozenset(path.parent.name.split("+")) - {"other"}, frozenset(), path.stem)
    if data is not None:
        _add_known(scenes, data)
    return scenes


def _add_known(scenes: NamedScenes, data: Path) -> None:
    urban = urban_sounds(data)
    for k in np.flatnonzero(urban.fold == 3).tolist():
        name, maybe = _URBAN[CLASSES[urban.label[k]]]
        scenes.add(urban.sound[k], frozenset(name.split("+")), maybe, f"urban {urban.source[k]}")
    path = data / "noise" / "nonspeech100"
    sound, _ = soundfile.read(path.with_suffix(".ogg"), dtype="int16")
    for one in json.loads(path.with_suffix(".json").read_text()):
        number = one["file"].removeprefix("n").partition(".")[0]
        if number.isdigit():
            name, maybe = next((n, m) for most, n, m in _NOISES if int(number) <= most)
            there = frozenset([name]) if name else frozenset[str]()
            scenes.add(sound[one["start"] : one["start"] + one["samples"]][:CLIP], there, maybe, f"noise {number}")
    speech = joined_speech(data, True, 20)
    for k, start in enumerate(range(0, min(len(speech) - CLIP, 60 * CLIP), CLIP)):
        scenes.add(speech[start : start + CLIP], frozenset(["speech"]), frozenset(), f"talker {k}")


def _read(path: Path) -> I16:
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = torchaudio.functional.resample(torch.from_numpy(sound.mean(axis=1)), rate, SAMPLE_RATE).numpy()
    return np.asarray(np.clip(mono, -1, 1) * 32767, np.int16)
