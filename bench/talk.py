"""How well the portrait's mouth follows speech: `python -m bench.talk --data DIR` (DIR as models/train/data has it).

Measured on sentences of the filmed reader that were kept apart, and on people whom the network never heard. Those have
mouths of their own, so every rule's openings are brought to each person's range first, by the best factor and offset.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import skimage.data
import torch

from bench.page import publish, table
from bench.puppet_rule import LIP_LEAD, mouth_openings
from models.common.arrays import F32, F64
from models.common.audio import SAMPLE_RATE
from models.faces.detect import FaceDetector
from models.faces.mesh import FaceMesher, aligned_lips, roi_of_detection, roi_of_mesh
from models.portrait.draw import Portrait
from models.portrait.find import find_portrait
from models.portrait.life import stances
from models.portrait.mouth import RATE, STEP, Mouth, opening
from models.train.portrait.data import READER, Talk, filmed, held_out
from models.train.portrait.judge import Judge, fit, lip_features, sound_features

AROUND = range(-2, 5)
"""Steps around a moment whose loudness the fitted energy rule weighs."""

FIT = 4
"""One in so many of the reader's training clips fits the rules."""

SHIFTS = (-12, -8, -5, 5, 8, 12)
"""Steps of 40 ms by which lips are moved away from their sound."""

GRID = ("GA", "GB")
"""The strangers who read GRID's sentences; the judge is fitted on the others."""

Rule = Callable[[F32], F64]


@dataclass(frozen=True)
class Scores:
    """What the judge says of lips beside a sound; see `judged`."""

    real: float
    made: float
    shifted: float
    foreign: float
    made_shifted: float
    right_shifted: float
    right_foreign: float


def energy(pcm: F32) -> F64:
    """Return (T, 8): the loudness of the steps around each, in log units below the loudest, and a one."""
    blocks = pcm[: len(pcm) // STEP * STEP].reshape(-1, STEP).astype(np.float64)
    level = np.log((blocks**2).mean(axis=1) + 1e-8)
    level = np.maximum(level - np.quantile(level, 0.95), -8)
    at = np.arange(len(level))[:, None] + np.array(AROUND)
    return np.concatenate([level[at.clip(0, len(level) - 1)], np.ones((len(level), 1))], axis=1)


def puppets(pcm: F32) -> F64:
    """Return (T, 2): how the demo's puppets opened before they were driven by the network, and a one."""
    found, _ = mouth_openings(pcm, SAMPLE_RATE, RATE, LIP_LEAD)
    count = len(pcm) // STEP
    return np.stack([np.pad(found, (0, max(0, count - len(found))))[:count], np.ones(count)], axis=1)


def fitted(features: Callable[[F32], F64], talks: Sequence[Talk]) -> Rule:
    """Return the rule that weighs features as is best for the openings of these stretches."""
    rows = np.concatenate([features(talk.sound) for talk in talks])
    weights = np.linalg.lstsq(rows, np.concatenate([opening(talk.points) for talk in talks]), rcond=None)[0]
    return lambda pcm: np.asarray(features(pcm) @ weights, np.float64)


def brought(found: F64, truth: F64) -> F64:
    """Return openings brought to the range of the real ones."""
    rows = np.stack([found, np.ones(len(found))], axis=1)
    return np.asarray(rows @ np.linalg.lstsq(rows, truth, rcond=None)[0], np.float64)


def film(path: Path) -> Talk:
    """Return sound and lips of a video of one person at 25 pictures a second."""
    detector, mesher, mesh, missed = FaceDetector(), FaceMesher(), None, 0
    rows: list[F32] = []
    sound: list[F32] = []
    resampler = av.AudioResampler("flt", "mono", SAMPLE_RATE)
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            rgb = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
            if mesh is None or mesh.score < 0.5:
                best = max(detector.whole(rgb), key=lambda one: one.box[2], default=None)
                if best is None:
                    # Nobody is seen yet, or for a moment: the lips are as they are seen next, or were last.
                    missed += not rows
                    rows += rows[-1:]
                    continue
                mesh = mesher.mesh(rgb, roi_of_detection(best.box, best.keypoints))
            mesh = mesher.mesh(rgb, roi_of_mesh(mesh))
            rows.append(aligned_lips(mesh))
    rows = rows[:1] * missed + rows
    with av.open(str(path)) as container:
        for block in container.decode(audio=0):
            sound += [out.to_ndarray()[0] for out in resampler.resample(block)]
    pcm = np.concatenate([*sound, *[out.to_ndarray()[0] for out in resampler.resample(None)]])
    steps = min(len(rows), len(pcm) // STEP)
    return Talk(pcm[: steps * STEP], np.stack(rows[:steps]))


def strangers(folder: Path) -> dict[str, list[Talk]]:
    """Return the stretches of everybody else who was filmed."""
    people: dict[str, list[str]] = json.loads((folder / "av" / "strangers" / "people.json").read_text())
    return {who: [film(folder / "av" / "strangers" / name) for name in names] for who, names in people.items()}


def of_reader(talks: Sequence[Talk], shapes: Sequence[F32], rules: dict[str, Rule], mean: F64) -> list[list[str]]:
    """Return rows on the filmed reader's own sentences: openings as they are, nothing is brought to his range."""
    truth = [talk.points for talk in talks]
    count = len(talks)
    gaps = np.concatenate([opening(points) for points in truth]).astype(np.float64)

    def points_off(found: Sequence[F32 | F64]) -> str:
        off = [np.linalg.norm(a[: len(b)] - b[: len(a)], axis=-1).ravel() for a, b in zip(found, truth, strict=True)]
        return f"{np.concatenate(off).mean():.4f}"

    def row(name: str, found: F64, off: str) -> list[str]:
        alike = np.corrcoef(found, gaps)[0, 1] if found.std() > 1e-9 else 0.0
        return [name, f"{np.abs(found - gaps).mean():.4f}", f"{alike:.2f}", off]

    rows = [row("the network", np.concatenate([opening(s) for s in shapes]).astype(np.float64), points_off(shapes))]
    rows += [row(name, np.concatenate([rule(t.sound) for t in talks]), "") for name, rule in rules.items()]
    still = [np.broadcast_to(mean, points.shape) for points in truth]
    rows.append(row("the mean mouth", np.full(len(gaps), float(mean[25, 1] - mean[35, 1])), points_off(still)))
    others = [np.resize(truth[(i + count // 2) % count], truth[i].shape) for i in range(count)]
    rows.append(row("another sentence", np.concatenate([opening(o) for o in others]), points_off(others)))
    return rows


def of_people(people: dict[str, list[Talk]], mouth: Mouth, rules: dict[str, Rule]) -> list[list[str]]:
    """Return a row a person: error of the opening and correlation, of the network and of each rule."""
    rows = []
    for who, talks in people.items():
        truth = np.concatenate([opening(talk.points) for talk in talks]).astype(np.float64)
        found = {"the network": np.concatenate([opening(mouth.shapes(talk.sound)) for talk in talks])}
        found |= {name: np.concatenate([rule(talk.sound) for talk in talks]) for name, rule in rules.items()}
        errors = {}
        cells = [who, f"{len(truth) / RATE:.0f} s", f"{np.abs(truth - truth.mean()).mean():.4f}"]
        for name, values in found.items():
            errors[name] = float(np.abs(brought(values.astype(np.float64), truth) - truth).mean())
            cells.append(f"{errors[name]:.4f} ({np.corrcoef(values, truth)[0, 1]:.2f})")
        rows.append([*cells, f"{100 * (1 - errors['the network'] / errors['energy, fitted']):+.0f} %"])
    return rows


def judged(judge: Judge, talks: Sequence[Talk], shapes: Sequence[F32]) -> Scores:
    """Return mean scores of real, made, shifted and foreign lips, and how often real ones win."""

    heard = [sound_features(talk.sound) for talk in talks]
    seen, drawn = [lip_features(talk.points) for talk in talks], [lip_features(shape) for shape in shapes]

    def scores(lips: Sequence[F32]) -> F64:
        return np.array([judge.score(x, y) for x, y in zip(heard, lips, strict=True)])

    real, made = scores(seen), scores(drawn)
    shifted = np.stack([scores([np.roll(y, by, 0) for y in seen]) for by in SHIFTS], axis=1)
    late = np.stack([scores([np.roll(y, by, 0) for y in drawn]) for by in SHIFTS], axis=1)
    foreign = scores([seen[i - 1] for i in range(len(seen))])
    return Scores(
        real=float(real.mean()),
        made=float(made.mean()),
        shifted=float(shifted.mean()),
        foreign=float(foreign.mean()),
        made_shifted=float(late.mean()),
        right_shifted=float((real[:, None] > shifted).mean()),
        right_foreign=float((real > foreign).mean()),
    )


def cost(mouth: Mouth, talk: Talk) -> tuple[float, float]:
    """Return milliseconds of one core: of a second of sound, heard 40 ms at a time; and of a drawn picture."""
    voice, began = mouth.begin(), time.process_time()
    for at in range(0, len(talk.sound), STEP):
        mouth.hear(talk.sound[at : at + STEP], voice)
    hearing = (time.process_time() - began) / (len(talk.sound) / SAMPLE_RATE)
    shapes = mouth.shapes(talk.sound)
    shown, mesh = find_portrait(np.ascontiguousarray(skimage.data.astronaut()))
    portrait, moves = Portrait(shown, mesh, mouth.rest), stances(opening(shapes), RATE, 0)
    began = time.process_time()
    for shape, stance in zip(shapes, moves, strict=True):
        portrait.draw(shape, stance)
    return 1e3 * hearing, 1e3 * (time.process_time() - began) / len(shapes)


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    mouth = Mouth()
    clips = filmed(options.data, READER)
    talks = [talk for number, talk in enumerate(clips) if held_out(number)]
    trained = [talk for number, talk in enumerate(clips) if not held_out(number)][::FIT]
    rules = {"energy, fitted": fitted(energy, trained), "the puppets' rule, fitted": fitted(puppets, trained)}
    shapes = [mouth.shapes(talk.sound) for talk in talks]
    mean = np.concatenate([talk.points for talk in trained]).mean(axis=0).astype(np.float64)
    head = ["of the opening", "error, eye distances", "correlation", "all points"]
    parts = [f"{len(talks)} sentences of the filmed reader that were kept apart:"]
    parts.append(table(head, of_reader(talks, shapes, rules, mean)))
    people = strangers(options.data)
    head = ["who", "of", "mean mouth", "the network", *rules, "network below energy"]
    parts.append("People never trained on, each rule brought to their range; error of the opening (correlation):")
    parts.append(table(head, of_people(people, mouth, rules)))
    judge = fit([talk for who, some in people.items() if who not in GRID for talk in some])
    theirs = [talk for who in GRID for talk in people[who]]
    rows = []
    for name, some, lips in (
        ("the filmed reader", talks, shapes),
        ("two other readers", theirs, [mouth.shapes(talk.sound) for talk in theirs]),
    ):
        found = judged(judge, some, lips)
        means = (found.real, found.made, found.shifted, found.foreign, found.made_shifted)
        cells = [f"{value:.2f}" for value in means]
        rows.append([name, *cells, f"{found.right_shifted:.0%}", f"{found.right_foreign:.0%}"])
    head = [
        "lips",
        "real",
        "made",
        "real, shifted",
        "of another sentence",
        "made, shifted",
        "told from shifted",
        "from others",
    ]
    parts.append("A judge of synchrony, fitted on six others (correlation of the lips with what they say):")
    parts.append(table(head, rows))
    hearing, drawing = cost(mouth, talks[0])
    parts.append(f"A second of sound takes {hearing:.0f} ms of one core, a drawn picture {drawing:.0f} ms.")
    publish("talk", "python -m bench.talk --data DIR", "\n\n".join(parts))


if __name__ == "__main__":
    main()
