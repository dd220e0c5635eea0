"""Filmed talkers as rows to train the mouth on.

    python -m models.train.portrait.data --data DIR --cache CACHE

computes once what sound looks like to the network, at three speeds (played faster, a voice is higher and its owner
smaller); DIR is laid out as models/train/data/datasets.py says.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly

from models.common.arrays import F16, F32
from models.common.audio import SAMPLE_RATE
from models.portrait.log_mel import BANDS, FLOOR, LogMel
from models.portrait.mouth import FRAMES, STEP

SPEEDS = (Fraction(1), Fraction(7, 8), Fraction(8, 7))

READER = "grid_s1_train"
SILENT = float(np.log(FLOOR))


@dataclass(frozen=True)
class Talk:
    """A stretch of speech.

    Attributes:
        sound: (N,), 16 kHz, float32.
        points: (N // 640, 40, 2) lips.
    """

    sound: F32
    points: F32


@dataclass(frozen=True)
class Rows:
    """Many stretches, of T steps each at most; behind the end of a shorter one it is silent.

    Attributes:
        bands: (N, T * 4, 40) log-mel bands, their level not taken away.
        points: (N, T, 80) lips.
        steps: (N,).
    """

    bands: F16
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


def faster(talk: Talk, speed: Fraction) -> Talk:
    """Return the stretch played at another speed."""
    if speed == 1:
        return talk
    sound = resample_poly(talk.sound, speed.denominator, speed.numerator).astype(np.float32)
    steps = len(sound) // STEP
    at = np.minimum(np.arange(steps) * float(speed), len(talk.points) - 1)
    return Talk(sound[: steps * STEP], between(talk.points, at.astype(np.float32)))


def between(rows: F32, at: F32) -> F32:
    """Return rows (T, ...) at places between them, linearly."""
    low = np.clip(np.floor(at).astype(int), 0, len(rows) - 1)
    high = np.minimum(low + 1, len(rows) - 1)
    share = (at - low).clip(0, 1).reshape(-1, *[1] * (rows.ndim - 1)).astype(np.float32)
    return np.asarray(rows[low] * (1 - share) + rows[high] * share, np.float32)


def rows_of(talks: list[Talk]) -> Rows:
    """Compute the bands of stretches."""
    ear = LogMel()
    steps = np.array([len(talk.sound) // STEP for talk in talks])
    most = int(steps.max())
    out = Rows(
        np.full((len(talks), most * FRAMES, BANDS), SILENT, np.float16),
        np.zeros((len(talks), most, 80), np.float32),
        steps.astype(np.float32),
    )
    for i, (talk, count) in enumerate(zip(talks, steps, strict=True)):
        out.bands[i, : count * FRAMES] = ear.bands(talk.sound[: count * STEP], ear.begin())
        out.points[i, :count] = talk.points[:count].reshape(count, 80)
    return out


def stored(cache: Path, name: str) -> Rows:
    """Load rows that `main` computed."""
    with np.load(cache / f"{name}.npz") as file:
        return Rows(file["bands"], file["points"], file["steps"])


def main() -> None:
    """Compute."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    reader = filmed(options.data, READER)
    for number, speed in enumerate(SPEEDS):
        rows = rows_of([faster(talk, speed) for talk in reader])
        np.savez(options.cache / f"{READER}-{number}.npz", bands=rows.bands, points=rows.points, steps=rows.steps)
        print(f"{READER}-{number}: {len(reader)} clips, {rows.steps.sum() / 25 / 60:.0f} min", flush=True)


if __name__ == "__main__":
    main()
