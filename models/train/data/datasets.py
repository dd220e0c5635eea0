"""Speech, lips and noise to train and measure the separator with, and their terms.

`python -m models.train.data.datasets --data DIR` decodes all sound of a writable DIR once, for runs in several slices.

DIR holds `speech/NAME.ogg` with `speech/NAME.json` (speaker, start, samples of each clip), `av/NAME` the same with 40
lip points a video frame, and `noise/NAME`. Who of them is trained on stands in speakers.json.
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from models.common.arrays import F32, I16
from models.common.audio import SAMPLE_RATE
from models.train.data.speakers import news_name

FRAME = 640
"""Samples in a video frame of 40 ms."""

LIPS = 4


@dataclass(frozen=True)
class Source:
    """One set.

    Attributes:
        name: Of its files.
        lips: Whether its talkers were filmed.
        share: How often a talker is drawn from it while training; 0 keeps it out: weights may be used commercially.
        terms: Its licence.
    """

    name: str
    lips: bool
    share: float
    terms: str


SOURCES = (
    Source("librispeech", False, 0.50, "CC BY 4.0"),
    Source("speechocean762", False, 0.38, "free for any use (its README); CC BY 4.0 by report"),
    Source("intent", False, 0.08, "Apache-2.0"),
    Source("grid_s1_train", True, 0.04, "CC BY 4.0"),
    Source("news_arabic", True, 0.0, "broadcast footage in a public research set: research only"),
)

NOISE = "nonspeech100"
"""Recorded noises: research only, but for one kitchen under Apache-2.0."""

FREE_NOISE = "kitchen"


@dataclass(frozen=True)
class Clip:
    """One utterance.

    Attributes:
        speaker: Who, as speakers.json names them; of GRID, which is one man, the clip.
        sound: Shape (N,), int16, 16 kHz.
        lips: Shape (N // 640, 4), or None where there is no picture.
    """

    speaker: str
    sound: I16
    lips: F32 | None = None


def lip_numbers(points: F32) -> F32:
    """Return the four lip numbers of models/separation/lip_encoder.py.

    Args:
        points: Shape (T, 40, 2): outer lip 0-19, inner lip 20-39, nose tip as origin, eye distance 1.

    Returns:
        Shape (T, 4).
    """
    inner, outer = points[:, 25, 1] - points[:, 35, 1], points[:, 5, 1] - points[:, 15, 1]
    wide, low = points[:, 10, 0] - points[:, 0, 0], points[:, 5, 1]
    return np.asarray(12 * np.stack([inner, outer, wide, low], axis=1), dtype=np.float32)


def clips(folder: Path, source: Source) -> list[Clip]:
    """Load all clips of one set.

    Raises:
        ValueError: Its sound is not at 16 kHz.
    """
    return _filmed(folder / "av", source.name) if source.lips else _heard(folder / "speech", source.name)


def source(name: str) -> Source:
    """Return the set of that name."""
    return next(one for one in SOURCES if one.name == name)


def _sound(path: Path) -> I16:
    if path.with_suffix(".npy").exists():
        return np.asarray(np.load(path.with_suffix(".npy"), mmap_mode="r"))
    sound, rate = soundfile.read(path, dtype="int16")
    if rate != SAMPLE_RATE:
        raise ValueError(f"{path.name}: need {SAMPLE_RATE} Hz, got {rate}")
    return np.asarray(sound, np.int16)


def _heard(folder: Path, name: str) -> list[Clip]:
    sound = _sound(folder / f"{name}.ogg")
    index = json.loads((folder / f"{name}.json").read_text())
    return [Clip(one["speaker"], sound[one["start"] : one["start"] + one["samples"]]) for one in index]


def _filmed(folder: Path, name: str) -> list[Clip]:
    """Load clips with lips; those of unknown people are left out, since they could be anybody on the lists."""
    sound, delta = _sound(folder / f"{name}.ogg"), np.load(folder / f"{name}_lips.npz")["delta"]
    found = []
    for one in json.loads((folder / f"{name}.json").read_text()):
        person = one.get("person")
        if person is not None and person < 0:
            continue
        frames = min(one["frames"], one["samples"] // FRAME)
        part = delta[one["frame"] : one["frame"] + frames].astype(np.float64)
        lips = lip_numbers((np.cumsum(part, axis=0) / 2000).astype(np.float32).reshape(frames, 40, 2))
        who = one["clip"] if person is None else news_name(person)
        found.append(Clip(who, sound[one["start"] : one["start"] + frames * FRAME], lips))
    return found


def noises(folder: Path, test: bool = False) -> list[I16]:
    """Load recorded noises to train with, at least half a second each: only what may be used commercially.

    Args:
        folder: Data.
        test: Give those to measure with instead, a fifth of all (n5, n10, …).
    """
    sound = _sound(folder / "noise" / f"{NOISE}.ogg")
    parts = []
    for one in json.loads((folder / "noise" / f"{NOISE}.json").read_text()):
        stem = Path(one["file"]).stem
        kept = stem[1:].isdigit() and int(stem[1:]) % 5 == 0
        if kept if test else stem == FREE_NOISE:
            parts.append(sound[one["start"] : one["start"] + one["samples"]])
    return [part for part in parts if len(part) >= SAMPLE_RATE // 2]


def _decode(path: Path) -> None:
    np.save(path.with_suffix(".npy"), _sound(path))


def main() -> None:
    """Decode."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    with ProcessPoolExecutor() as pool:
        list(pool.map(_decode, sorted(parser.parse_args().data.glob("*/*.ogg"))))


if __name__ == "__main__":
    main()
