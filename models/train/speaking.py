"""Fits the weights of models/speaking.py: `python -m models.train.speaking --data DIR`.

DIR holds `NAME.ogg` (sound), `NAME.json` (its clips), `NAME_lips.npz` (40 lip points a frame, 25 a second).
What a separator would give is made from known sound: the face's own voice with a loss, the other with a leak.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from models.face_mesh import lip_numbers
from models.speaking import CUES, LIPS_ONLY, SOUND_ONLY, WITH_LIPS, Cues, NoiseFloor

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

FRAME = 640  # samples in 40 ms
CLIPS = 4  # a sequence
RIDGE = 1.0


def load(folder: Path, name: str) -> list[tuple[F32, F64]]:
    """Clips as (lip numbers (T, 4), power (T,)) at 25 a second."""
    sound, rate = soundfile.read(folder / f"{name}.ogg", dtype="float32")
    if rate != 16_000:
        raise ValueError(f"need 16 kHz, got {rate}")
    points = np.cumsum(np.load(folder / f"{name}_lips.npz")["delta"].astype(np.float64), axis=0) / 2000
    clips = []
    for clip in json.loads((folder / f"{name}.json").read_text()):
        count = min(clip["samples"] // FRAME, clip["frames"])
        part = sound[clip["start"] : clip["start"] + count * FRAME].reshape(count, FRAME)
        contours = points[clip["frame"] : clip["frame"] + count].astype(np.float32)
        lips = np.stack([lip_numbers(one) for one in contours])
        clips.append((lips, np.mean(np.square(part, dtype=np.float64), axis=1) + 1e-10))
    return clips


def talks(power: F64) -> npt.NDArray[np.bool_]:
    """Where somebody talks, with pauses up to 0.2 s filled."""
    # The GRID recordings have 22 dB between speech and the room.
    loud = power > np.quantile(power, 0.95) * 10 ** (-1.4)
    padded = np.convolve(loud, np.ones(5), "same") > 0
    return np.asarray(np.convolve(~padded, np.ones(5), "same") == 0) | loud


def sequence(clips: list[tuple[F32, F64]], rng: np.random.Generator) -> tuple[F32, F64, F64, npt.NDArray[np.bool_]]:
    """One made-up scene.

    Returns:
        lips (T, 4), level of the separated voice (T,) dB, of the mixture (T,) dB, whether the face talks.
    """

    def pick() -> tuple[F32, F64]:
        chosen = rng.choice(len(clips), CLIPS)
        return np.concatenate([clips[i][0] for i in chosen]), np.concatenate([clips[i][1] for i in chosen])

    lips, own = pick()
    _, other = pick()
    length = min(len(own), len(other))
    lips, own, other = lips[:length].copy(), own[:length].copy(), other[:length] * 10 ** rng.uniform(-1, 1)
    kind = rng.choice(["own", "still", "swapped"], p=[0.6, 0.3, 0.1])
    # The other one is there for a stretch, or always, or not at all.
    start, stop = np.sort(rng.integers(-length, 2 * length, 2)).clip(0, length)
    present = np.zeros(length)
    present[start:stop] = 1
    leak = 10 ** (rng.uniform(-25, -3) / 10)
    if kind == "still":
        lips[:] = lips[rng.integers(length)]
        lips += np.cumsum(rng.normal(0, 0.02, lips.shape), axis=0).astype(np.float32)
        own[:] = 0
    elif kind == "swapped":
        own[:] = 0
        # Moving lips beside the only voice there is: a separator lets much of it through.
        leak = 10 ** (rng.uniform(-15, -3) / 10)
    label = talks(own) if kind == "own" else np.zeros(length, bool)
    noise = 10 ** (rng.uniform(-75, -45) / 10)
    background = noise * rng.uniform(0.5, 1.5, length)
    separated = own * 10 ** (rng.uniform(-6, 0) / 10) + leak * present * other + 0.1 * background
    mixture = own + present * other + background
    lips = np.roll(lips, -int(rng.integers(0, 4)), axis=0) * np.float32(rng.uniform(0.6, 1.3))
    lips += rng.normal(0, rng.uniform(0, 0.2), lips.shape).astype(np.float32)
    return lips.astype(np.float32), 10 * np.log10(separated), 10 * np.log10(mixture), label


def vectors(scene: tuple[F32, F64, F64, npt.NDArray[np.bool_]]) -> F64:
    """Bias and cues of every update of a scene, (T, 6)."""
    lips, level, mix, _ = scene
    cues, noise = Cues(), NoiseFloor()
    rows = []
    for i in range(len(lips)):
        now, floor = noise.step(float(mix[i]))
        rows.append([1.0, *cues.step((lips[i], True), float(level[i]), now, floor)[0]])
    return np.array(rows)


def fit(x: F64, y: npt.NDArray[np.bool_]) -> F64:
    """Logistic regression by Newton's steps, (N,) weights."""
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


def report(name: str, x: F64, y: npt.NDArray[np.bool_], w: F64) -> None:
    """Print accuracy and area under the curve on scenes that were not fitted."""
    score = x @ w
    order = np.argsort(np.argsort(score)) + 1.0
    positive = int(y.sum())
    area = (order[y].sum() - positive * (positive + 1) / 2) / (positive * (len(y) - positive))
    hit, alarm = float(np.mean(score[y] > 0)), float(np.mean(score[~y] > 0))
    print(f"{name}: updates {len(y)}, found {hit:.3f}, false {alarm:.3f}, area {area:.4f}")


def main() -> None:
    """Fit and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--name", default="grid_s1_train")
    parser.add_argument("--scenes", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    clips = load(options.data, options.name)
    cut = len(clips) * 4 // 5
    train, held = np.random.default_rng(options.seed), np.random.default_rng(options.seed + 1)
    scenes = [sequence(clips[:cut], train) for _ in range(options.scenes)]
    fresh = [sequence(clips[cut:], held) for _ in range(options.scenes // 4)]
    x, held_x = (np.concatenate([vectors(scene) for scene in some]) for some in (scenes, fresh))
    y, held_y = (np.concatenate([scene[3] for scene in some]) for some in (scenes, fresh))
    models = (
        ("WITH_LIPS", WITH_LIPS, list(range(len(CUES) + 1))),
        ("SOUND_ONLY", SOUND_ONLY, [0, 3, 4]),
        ("LIPS_ONLY", LIPS_ONLY, [0, 1, 2, 3]),
    )
    for name, current, columns in models:
        w = fit(x[:, columns], y)
        print(f"{name} = ({', '.join(f'{v:.2f}' for v in w)})")
        report("  fitted, held-out clips", held_x[:, columns], held_y, w)
        report("  models/speaking.py    ", held_x[:, columns], held_y, np.array(current))


if __name__ == "__main__":
    main()
