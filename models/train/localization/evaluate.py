"""Score the localizer on composed dev scenes: `python -m models.train.localization.evaluate --data DIR --work DIR`.

Pictures, people and sounds are of the development half. Every scene goes through `models.localization.runtime` as in a
call: pictures at 224 x 224, sound in blocks of 20 ms, a map every 200 ms; the last map of the 3 s counts.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.common.audio import SAMPLE_RATE
from models.localization.box import Box, overlap
from models.localization.runtime import SHOWN, WEIGHTS, Localizer, SoundMap
from models.train.localization.scene_drawing import VideoScene
from models.train.localization.scene_stock import load_stock
from models.train.localization.scenes import KINDS, Composer

THRESHOLDS = np.linspace(0, 1, 21)
EVERY = 5
"""Pictures of 40 ms from one map to the next."""

FIRST = 15
"""Pictures that are left out: a scene is longer than what counts."""

MISSING = ("silence", "off-screen", "still music")
OTHERS = [kind for kind in KINDS if kind != "speech"]


@dataclass(frozen=True)
class PlayedScene:
    """A scene and what was made of it."""

    kind: str
    moves: bool
    box: Box | None
    faces: list[Box]
    found: SoundMap
    whole: Box | None


def play(localizer: Localizer, scene: VideoScene) -> PlayedScene:
    """Show a scene to the localizer as a call would."""
    state = localizer.open()
    found = None
    block, heard = SAMPLE_RATE // 50, FIRST * SAMPLE_RATE // 25
    for frame, picture in scene.pictures(224, FIRST):
        t = frame * 0.04
        localizer.see(state, t, picture)
        while heard + block <= (frame + scene.every) * SAMPLE_RATE // 25:
            localizer.hear(state, heard / SAMPLE_RATE, scene.sound[heard : heard + block])
            heard += block
        if frame >= FIRST + 30 and (frame - FIRST) % EVERY < scene.every:
            found = localizer.locate([state])[0]
    assert found is not None
    return PlayedScene(scene.kind, scene.moves, scene.box, scene.faces, found, state.region)


def whole_picture(_: PlayedScene) -> Box:
    """Return all of it."""
    return 0.0, 0.0, 1.0, 1.0


def centre(_: PlayedScene) -> Box:
    """Return half of either side, in the middle."""
    return 0.25, 0.25, 0.5, 0.5


def largest_face(one: PlayedScene) -> Box:
    """Return the true box of the largest face; the centre where there is none."""
    return max(one.faces, key=lambda b: b[2] * b[3]) if one.faces else centre(one)


def success(played: Sequence[PlayedScene], guess: Callable[[PlayedScene], Box | None]) -> tuple[float, float]:
    """Return the share of scenes with an overlap of at least 0.5, and area under that share over all overlaps."""
    overlaps = []
    for one in played:
        box = guess(one)
        assert one.box is not None
        overlaps.append(0.0 if box is None else overlap(box, one.box))
    values = np.array(overlaps)
    curve = [(values >= t).mean() if t > 0 else 1.0 for t in THRESHOLDS]
    return float((values >= 0.5).mean()), float(np.mean((np.array(curve[1:]) + curve[:-1]) / 2))


def best_f1(played: Sequence[PlayedScene]) -> tuple[float, float]:
    """Return the best F1 over all thresholds of the score, and that threshold.

    Right is a source with a score above it and an overlap of at least 0.5; wrong is every other score above it;
    missed is a source with a score below it.
    """
    scores = np.array([t.found.score for t in played])
    good = np.array([t.box is not None and t.whole is not None and overlap(t.whole, t.box) >= 0.5 for t in played])
    there = np.array([t.box is not None for t in played])
    best = (0.0, 0.0)
    for limit in np.unique(scores):
        shown = scores >= limit
        right, wrong, missed = (shown & good).sum(), (shown & ~good).sum(), (there & ~shown).sum()
        best = max(best, (float(2 * right / max(2 * right + wrong + missed, 1)), float(limit)))
    return best


def report(played: Sequence[PlayedScene]) -> list[list[str]]:
    """Return rows of a table: name, cIoU@0.5 and AUC of talkers, of other sources."""
    seen = [t for t in played if t.box is not None]
    groups = [[t for t in seen if t.kind == "speech"], [t for t in seen if t.kind != "speech"]]
    ways: list[tuple[str, Callable[[PlayedScene], Box | None]]] = [
        ("attention", lambda t: t.whole),
        (f"attention, score of {SHOWN} or more", lambda t: t.found.box),
        ("whole picture", whole_picture),
        ("centre", centre),
        ("largest face", largest_face),
    ]
    rows = []
    for name, guess in ways:
        row = [name]
        for group in groups:
            at_half, area = success(group, guess)
            row += [f"{at_half:.3f}", f"{area:.3f}"]
        rows.append(row)
    return rows


def photographs(composer: Composer, localizer: Localizer, rng: np.random.Generator, count: int) -> None:
    """Print how often a place is shown in photographs of what is heard, and in photographs without it."""
    lit: dict[tuple[str, bool], list[bool]] = {}
    for i in range(2 * count):
        kind, shows = OTHERS[i // 2 % len(OTHERS)], i % 2 == 0
        found = play(localizer, composer.photograph(rng, kind, shows)).found
        lit.setdefault((kind, shows), []).append(found.peak is not None)
    for shows in (True, False):
        parts = ", ".join(f"{kind} {sum(lit[kind, shows])} of {len(lit[kind, shows])}" for kind in OTHERS)
        every = [shown for kind in OTHERS for shown in lit[kind, shows]]
        print(f"photographs {'of' if shows else 'without'} what is heard: {np.mean(every):.3f} shown ({parts})")


def _is(one: PlayedScene, kind: str) -> bool:
    return one.kind == kind or (kind == "still" and one.kind != "speech" and not one.moves)


def main() -> None:
    """Score."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="folder for the faces found in the pictures")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--half", default="dev", choices=["train", "dev"])
    parser.add_argument("--scenes", type=int, default=120, help="with a source; half of them talkers")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    composer, localizer = Composer(load_stock(options.data, options.half, options.work)), Localizer(options.weights)
    rng = np.random.default_rng(options.seed)
    played = []
    for i in range(options.scenes):
        scene = composer.scene(rng, "speech" if i % 2 == 0 else OTHERS[i // 2 % len(OTHERS)])
        played.append(play(localizer, scene))
    for i in range(round(options.scenes * 3 / 7)):
        scene = composer.without_source(rng, MISSING[i % len(MISSING)])
        played.append(play(localizer, scene))
    photographs(composer, localizer, rng, options.scenes // 2)
    print("| | talkers cIoU@0.5 | talkers AUC | others cIoU@0.5 | others AUC |\n|---|---|---|---|---|")
    for row in report(played):
        print("| " + " | ".join(row) + " |")
    for kind in (*OTHERS, "still"):
        part = [t for t in played if t.box and _is(t, kind)]
        print(f"{kind}: {len(part)} scenes, cIoU@0.5 {success(part, lambda t: t.whole)[0]:.2f}")
    f1, limit = best_f1(played)
    print(f"max-F1 {f1:.3f} at a score of {limit:.2f}, {sum(t.box is None for t in played)} of {len(played)} negative")
    for kind in MISSING:
        part = [t for t in played if t.kind == kind]
        print(f"false hot spots, {kind}: {sum(t.found.peak is not None for t in part)} of {len(part)}")
    for least in (0.05, 0.1, 0.2, 0.3, 0.5, 0.7):
        shown = [np.mean([t.found.score >= least for t in played if (t.box is None) == none]) for none in (False, True)]
        print(f"score of {least} or more: {shown[0]:.3f} of the sources, {shown[1]:.3f} of those without one")
    negative = [t.found.peak is not None for t in played if t.box is None]
    print(f"false hot spots: {np.mean(negative):.3f} of {len(negative)}")


if __name__ == "__main__":
    main()
