"""Fit the weights of models/active_speaker/detector.py: `python -m models.train.active_speaker.fit --data DIR`.

DIR holds `av/grid_s1_train` (.ogg sound, .json clips, _lips.npz with 40 lip points a frame, 25 a second) and
`speech/librispeech` (.ogg, .json), the voices beside. Scenes go through the shipped separator, as in a call: levels
made up without it gave weights that found half of the speech.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch

from models.active_speaker.detector import CUES, LIPS_ONLY, SOUND_ONLY, WITH_LIPS, Cues, NoiseFloor
from models.common.arrays import F32, F64, Bools
from models.faces.mesh import lip_numbers
from models.separation.level import VoiceLevel
from models.separation.runtime import BLOCK, SeparatorRuntime

FRAME = 2 * BLOCK
"""Samples in 40 ms."""

CLIPS = 6
"""Clips in a scene."""

ROWS = 16
"""Scenes at a time."""

WARM = 50
"""Updates at the start of a scene that are left out."""

RIDGE = 1.0


@dataclass
class TalkingClip:
    """Speech of the filmed talker.

    Attributes:
        lips: (T, 4) lip numbers.
        sound: (T * FRAME,).
        talks: (T,) whether he is speaking.
    """

    lips: F32
    sound: F32
    talks: Bools


@dataclass
class TalkingScene:
    """What a call would show and let hear of one face.

    Attributes:
        lips: (T, 4).
        visible: whether they are shown.
        mix: (T * FRAME,) all sound.
        print: (192,) voice print, zeros if unknown.
        talks: (T,) whether this face is speaking.
    """

    lips: F32
    visible: bool
    mix: F32
    print: F32
    talks: Bools


def decibels(x: F32) -> F64:
    """Return the level of the last axis."""
    return np.asarray(10 * np.log10(np.mean(np.square(x, dtype=np.float64), axis=-1) + 1e-10))


def talking(level: F64) -> Bools:
    """Return where somebody talks, from levels of 40 ms in dB, with pauses up to 0.25 s filled."""
    room, voice = np.percentile(level, (10, 95))
    loud = level > max(voice - 25, room + 0.4 * (voice - room))
    wide = np.convolve(loud, np.ones(7), "same") > 0
    return np.asarray((np.convolve(~wide, np.ones(7), "same") == 0) | loud)


def load_clips(folder: Path) -> list[TalkingClip]:
    """Load the filmed talker's clips."""
    sound, _ = soundfile.read(folder / "grid_s1_train.ogg", dtype="float32")
    points = np.cumsum(np.load(folder / "grid_s1_train_lips.npz")["delta"].astype(np.float64), axis=0) / 2000
    clips = []
    for entry in json.loads((folder / "grid_s1_train.json").read_text()):
        count = min(entry["samples"] // FRAME, entry["frames"])
        part = sound[entry["start"] : entry["start"] + count * FRAME]
        contours = points[entry["frame"] : entry["frame"] + count].astype(np.float32)
        lips = np.stack([lip_numbers(one) for one in contours])
        clips.append(TalkingClip(lips, part, talking(decibels(part.reshape(count, FRAME)))))
    return clips


def load_voices(folder: Path) -> dict[str, list[F32]]:
    """Load other people's speech, by speaker."""
    sound, _ = soundfile.read(folder / "librispeech.ogg", dtype="float32")
    voices: dict[str, list[F32]] = {}
    for entry in json.loads((folder / "librispeech.json").read_text()):
        part = sound[entry["start"] : entry["start"] + entry["samples"]]
        voices.setdefault(entry["speaker"], []).append(part)
    return voices


def scene(clips: list[TalkingClip], voices: list[list[F32]], print_of: F32, rng: np.random.Generator) -> TalkingScene:
    """Make up one scene: the face alone, beside another voice, mouthing to it, or listening to it."""
    chosen = [clips[i] for i in rng.integers(len(clips), size=CLIPS)]
    lips = np.concatenate([clip.lips for clip in chosen])
    own = np.concatenate([clip.sound for clip in chosen])
    talks = np.concatenate([clip.talks for clip in chosen])
    beside = voices[rng.integers(len(voices))]
    other = np.concatenate([beside[rng.integers(len(beside))] for _ in range(12)])[: len(own)]
    other = np.pad(other, (0, len(own) - len(other)))
    other *= np.sqrt(np.mean(own**2) / np.mean(other**2)) * 10 ** (rng.uniform(-8, 8) / 20)
    kind = rng.choice(["alone", "beside", "mouthing", "listening"], p=[0.25, 0.35, 0.15, 0.25])
    if kind == "alone":
        other *= 0
    elif kind == "beside":
        # The other one is there for a stretch, or always.
        start, stop = np.sort(rng.integers(-len(own) // 2, 3 * len(own) // 2, 2)).clip(0, len(own))
        other[:start] = other[stop:] = 0
    else:
        own, talks = own * 0, talks & False
    if kind == "listening":
        lips = np.repeat(lips[rng.integers(len(lips))][None], len(lips), axis=0)
        lips = lips + np.cumsum(rng.normal(0, 0.02, lips.shape), axis=0)
    # Lips up to 80 ms ahead, other mouths, and the tremble of landmarks on small faces.
    lips = np.roll(lips, -int(rng.integers(0, 3)), axis=0) * rng.uniform(0.7, 1.3)
    lips = lips + rng.normal(0, rng.uniform(0, 0.15), lips.shape)
    mix = (own + other + rng.normal(0, 10 ** rng.uniform(-4, -2.5), len(own))) * 10 ** (rng.uniform(-10, 6) / 20)
    known = print_of if rng.random() < 0.5 else np.zeros_like(print_of)
    return TalkingScene(lips.astype(np.float32), bool(rng.random() < 0.85), mix.astype(np.float32), known, talks)


def levels(separator: SeparatorRuntime, scenes: list[TalkingScene]) -> tuple[F64, F64]:
    """Return levels of the separated voice and of the mixture in time with it, each (R, T), dB."""
    rows, gain = np.arange(len(scenes)), VoiceLevel()
    separator.reset(rows)
    gain.reset(rows)
    count = min(len(s.talks) for s in scenes)
    mix = np.stack([s.mix[: count * FRAME] for s in scenes])
    late = np.pad(mix, ((0, 0), (separator.DELAY, 0)))[:, : mix.shape[1]]
    prints, nobody = np.stack([s.print for s in scenes]), np.full(len(scenes), -1)
    visible = np.array([s.visible for s in scenes])
    voices = np.zeros_like(mix)
    for i in range(2 * count):
        if i % 2 == 0:
            separator.lips(rows, np.stack([s.lips[i // 2] for s in scenes]), visible)
        part = np.s_[:, i * BLOCK : (i + 1) * BLOCK]
        voices[part] = gain.step(rows, late[part], separator.step(rows, mix[part], nobody, prints))
    voices[~visible & ~prints.any(axis=1)] = 0
    shape = (len(scenes), count, FRAME)
    return decibels(voices.reshape(shape)), decibels(late.reshape(shape))


def evidence(separator: SeparatorRuntime, scenes: list[TalkingScene]) -> tuple[F64, Bools, Bools, Bools]:
    """Return the bias and cues (N, 6), whether lips counted, whether the print was known, whether the face spoke."""
    rows, seen, known, talks = [], [], [], []
    for voice, mix, one in zip(*levels(separator, scenes), scenes, strict=True):
        cues, noise = Cues(), NoiseFloor()
        for i in range(len(voice)):
            now, floor = noise.step(float(mix[i]))
            numbers, watched, _ = cues.step((one.lips[i], one.visible), float(voice[i]), now, floor)
            if i >= WARM:
                rows.append([1.0, *numbers])
                seen.append(watched)
                known.append(bool(one.print.any()))
                talks.append(bool(one.talks[i]))
    return np.array(rows), np.array(seen), np.array(known), np.array(talks)


def fit(x: F64, y: Bools) -> F64:
    """Fit a logistic regression by Newton's steps, (N,) weights."""
    w = np.zeros(x.shape[1])
    for _ in range(30):
        p = 1 / (1 + np.exp(-np.clip(x @ w, -30, 30)))
        gradient = x.T @ (p - y) + RIDGE * w
        hessian = (x * (p * (1 - p))[:, None]).T @ x + RIDGE * np.eye(len(w))
        step = np.linalg.solve(hessian, gradient)
        w -= step
        if float(np.abs(step).max()) < 1e-6:
            break
    return w


def report(name: str, x: F64, y: Bools, w: F64) -> None:
    """Print accuracy and area under the curve."""
    score = x @ w
    order = np.argsort(np.argsort(score)) + 1.0
    positive = int(y.sum())
    area = (order[y].sum() - positive * (positive + 1) / 2) / (positive * (len(y) - positive))
    hit, alarm = float(np.mean(score[y] > 0)), float(np.mean(score[~y] > 0))
    right = float(np.mean((score > 0) == y))
    print(f"{name}: updates {len(y)}, right {right:.3f}, found {hit:.3f}, false {alarm:.3f}, area {area:.4f}")


def main() -> None:
    """Fit and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--batches", type=int, default=6, help=f"of {ROWS} scenes of {3 * CLIPS} s")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    clips, voices = load_clips(options.data / "av"), load_voices(options.data / "speech")
    separator = SeparatorRuntime(rows=ROWS)
    rng = np.random.default_rng(options.seed)
    people = list(voices.values())
    sets = []
    for share, some in ((slice(None, 4), options.batches), (slice(4, 5), -(-options.batches // 3))):
        # Every fifth clip and person is kept for the check.
        mine = [clip for i, clip in enumerate(clips) if i % 5 in range(5)[share]]
        beside = [person for i, person in enumerate(people) if i % 5 in range(5)[share]]
        parts = []
        for _ in range(some):
            heard = np.concatenate([mine[i].sound for i in rng.integers(len(mine), size=3)])
            voice = separator.voice_print(heard)
            parts.append(evidence(separator, [scene(mine, beside, voice, rng) for _ in range(ROWS)]))
        sets.append([np.concatenate(column) for column in zip(*parts, strict=True)])
    (x, seen, known, y), (held_x, held_seen, held_known, held_y) = sets
    for name, current, columns, used, held in (
        ("WITH_LIPS", WITH_LIPS, list(range(len(CUES) + 1)), seen, held_seen),
        ("SOUND_ONLY", SOUND_ONLY, [0, 3, 4], ~seen & known, ~held_seen & held_known),
        ("LIPS_ONLY", LIPS_ONLY, [0, 1, 2, 3], seen, held_seen),
    ):
        w = fit(x[used][:, columns], y[used])
        print(f"{name} = ({', '.join(f'{v:.2f}' for v in w)})")
        report("  fitted, held-out clips", held_x[held][:, columns], held_y[held], w)
        report("  models/active_speaker/detector.py    ", held_x[held][:, columns], held_y[held], np.array(current))


if __name__ == "__main__":
    main()
