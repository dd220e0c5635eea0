"""Talkers with lips, and voices without, as rows to train the mouth on.

    python -m models.train.portrait.data --data DIR --cache CACHE

computes once what sound looks like to the networks, the filmed reader's at three speeds (played faster, a voice is
higher and its owner smaller); DIR is laid out as models/train/data/datasets.py says.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly

from models.common.arrays import F16, F32
from models.common.audio import SAMPLE_RATE
from models.common.weights import onnx_session, packaged
from models.portrait.log_mel import BANDS, FLOOR, LogMel
from models.portrait.mouth import FRAMES, STEP
from models.train.data.speakers import split_of

SPEEDS = (Fraction(1), Fraction(7, 8), Fraction(8, 7))

READER = "grid_s1_train"
VOICES = "librispeech"

PIECE = 100
"""Steps (4 s) at most of a voice without lips."""

MOST = 2
"""Pieces of one person."""

EVERY = 3
"""Of these pieces, one is taken."""

SILENT = float(np.log(FLOOR))

WORDS = 288
"""Width of the recogniser's sound frames."""


@dataclass(frozen=True)
class Talk:
    """A stretch of speech.

    Attributes:
        sound: (N,), 16 kHz, float32.
        points: (N // 640, 40, 2) lips, or None where there is no picture.
    """

    sound: F32
    points: F32 | None = None


@dataclass(frozen=True)
class Rows:
    """Many stretches, of T steps each at most; behind the end of a shorter one it is silent.

    Attributes:
        bands: (N, T * 4, 40) log-mel bands, their level not taken away.
        words: (N, T, 288) the recogniser's frames at the moments of the shapes.
        points: (N, T, 80) lips; zeros where there is no picture.
        steps: (N,).
    """

    bands: F16
    words: F16
    points: F32
    steps: F32


def held_out(number: int) -> bool:
    """Say whether the reader's clip of that number is measured on: 140 of 940, spread over all."""
    return number % 47 < 7


def filmed(folder: Path, name: str) -> list[Talk]:
    """Load the clips of a filmed set; lips are stored as differences over the whole set."""
    sound, rate = soundfile.read(folder / "av" / f"{name}.ogg", dtype="float32")
    if rate != SAMPLE_RATE:
        raise ValueError(f"{name}: need {SAMPLE_RATE} Hz, got {rate}")
    delta = np.load(folder / "av" / f"{name}_lips.npz")["delta"]
    points = (np.cumsum(delta, axis=0, dtype=np.int64) / 2000).astype(np.float32)
    talks = []
    for one in json.loads((folder / "av" / f"{name}.json").read_text()):
        steps = min(one["frames"], one["samples"] // STEP)
        pcm = sound[one["start"] : one["start"] + steps * STEP]
        talks.append(Talk(pcm, points[one["frame"] : one["frame"] + steps]))
    return talks


def heard(folder: Path, name: str) -> Iterator[Talk]:
    """Yield pieces of those speakers of a set who may be trained on."""
    sound, _ = soundfile.read(folder / "speech" / f"{name}.ogg", dtype="float32")
    given: dict[str, int] = {}
    for one in json.loads((folder / "speech" / f"{name}.json").read_text()):
        who = one["speaker"]
        if split_of(name, who) != "train":
            continue
        for first in range(one["start"], one["start"] + one["samples"] - 40 * STEP, PIECE * STEP):
            if given.get(who, 0) == MOST:
                break
            given[who] = given.get(who, 0) + 1
            end = min(first + PIECE * STEP, one["start"] + one["samples"])
            yield Talk(sound[first : first + (end - first) // STEP * STEP])


def faster(talk: Talk, speed: Fraction) -> Talk:
    """Return the stretch played at another speed."""
    if speed == 1:
        return talk
    sound = resample_poly(talk.sound, speed.denominator, speed.numerator).astype(np.float32)
    steps = len(sound) // STEP
    if talk.points is None:
        return Talk(sound[: steps * STEP])
    at = np.minimum(np.arange(steps) * float(speed), len(talk.points) - 1)
    return Talk(sound[: steps * STEP], between(talk.points, at.astype(np.float32)))


def between(rows: F32, at: F32) -> F32:
    """Return rows (T, ...) at places between them, linearly."""
    low = np.clip(np.floor(at).astype(int), 0, len(rows) - 1)
    high = np.minimum(low + 1, len(rows) - 1)
    share = (at - low).clip(0, 1).reshape(-1, *[1] * (rows.ndim - 1)).astype(np.float32)
    return np.asarray(rows[low] * (1 - share) + rows[high] * share, np.float32)


class Words:
    """The sound encoder of the recogniser for captions (Moonshine tiny), which hears what is said and not by whom."""

    def __init__(self) -> None:
        self._encoder = onnx_session(packaged("moonshine_voice", "assets", "tiny-en") / "encoder_model.ort")

    def at_steps(self, pcm: F32) -> F32:
        """Return (N // 640, 288) of (N,), at the moments of the shapes."""
        loud = pcm * np.float32(0.1 / max(float(np.sqrt(np.mean(pcm**2))), 1e-4))
        feed = {"input_values": loud[None], "attention_mask": np.ones((1, len(pcm)), np.int64)}
        frames: F32 = self._encoder.run(None, feed)[0][0]
        at = np.arange(len(pcm) // STEP) * (STEP / 384) - 0.5
        return between(frames, np.clip(at, 0, len(frames) - 1).astype(np.float32))


def rows_of(talks: list[Talk], words: Words | None) -> Rows:
    """Compute what the networks need of stretches; without `words` those are zeros."""
    bands = LogMel()
    steps = np.array([len(talk.sound) // STEP for talk in talks])
    most = int(steps.max())
    out = Rows(
        np.full((len(talks), most * FRAMES, BANDS), SILENT, np.float16),
        np.zeros((len(talks), most, WORDS), np.float16),
        np.zeros((len(talks), most, 80), np.float32),
        steps.astype(np.float32),
    )
    for i, (talk, count) in enumerate(zip(talks, steps, strict=True)):
        out.bands[i, : count * FRAMES] = bands.bands(talk.sound[: count * STEP], bands.begin())
        if words is not None:
            out.words[i, :count] = words.at_steps(talk.sound)
        if talk.points is not None:
            out.points[i, :count] = talk.points[:count].reshape(count, 80)
    return out


def stored(cache: Path, name: str) -> Rows:
    """Load rows that `main` computed."""
    with np.load(cache / f"{name}.npz") as file:
        return Rows(**{key: file[key] for key in ("bands", "words", "points", "steps")})


def main() -> None:
    """Compute."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    words = Words()
    reader = filmed(options.data, READER)
    for number, speed in enumerate(SPEEDS):
        # What the recogniser hears of him is needed at his own speed only.
        keep(
            options.cache / f"{READER}-{number}.npz",
            [faster(talk, speed) for talk in reader],
            words if not number else None,
        )
    keep(options.cache / f"{VOICES}-0.npz", list(heard(options.data, VOICES))[::EVERY], words)


def keep(path: Path, talks: list[Talk], words: Words | None) -> None:
    """Compute rows of stretches into a file, unless it is there."""
    if path.exists():
        return
    rows = rows_of(talks, words)
    np.savez(path, bands=rows.bands, words=rows.words, points=rows.points, steps=rows.steps)
    print(f"{path.name}: {len(talks)} stretches, {rows.steps.sum() / 25 / 60:.0f} min", flush=True)


if __name__ == "__main__":
    main()
