"""Time of a scene caption on one core, by width of the beam. `python -m bench.caption`."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import skimage.data
import torch

from bench.page import publish, table, verdict
from models.vision.captioning_runtime import Captioner
from models.vision.image_runtime import ImageRuntime, fit

RUNS = 30
LIMIT = 60.0
"""Milliseconds of CPU for a caption at beam 3, the image encoder not counted."""


def milliseconds(work: Callable[[], object]) -> float:
    """CPU time of one call, median."""
    taken = []
    for _ in range(RUNS):
        begin = time.process_time()
        work()
        taken.append(1000 * (time.process_time() - begin))
    return statistics.median(taken)


def main() -> None:
    torch.set_num_threads(1)
    encoder, captioner = ImageRuntime(), Captioner()
    picture = fit(skimage.data.astronaut())[np.newaxis]
    grids = encoder.encode(picture)
    seeing = milliseconds(lambda: encoder.encode(picture))
    rows, taken = [], {}
    for beam in (1, 3, 5):
        scene = captioner.caption(grids, beam)[0]
        taken[beam] = milliseconds(partial(captioner.caption, grids, beam))
        rows.append([str(beam), f"{taken[beam]:.0f} ms", str(len(scene.words)), scene.text])
    text = table(["beam", "a caption", "words", "of scikit-image's astronaut"], rows)
    text += (
        f"\n\nCPU time on one core, median of {RUNS}; the image encoder takes {seeing:.0f} ms more, once a picture. "
    )
    text += f"Limit: {LIMIT:.0f} ms at beam 3: {verdict(taken[3], LIMIT)}."
    publish("caption", "python -m bench.caption", text)


if __name__ == "__main__":
    main()
