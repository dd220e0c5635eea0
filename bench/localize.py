"""Milliseconds a map of where the sound comes from takes on one core. `python -m bench.localize`."""

from __future__ import annotations

import time

import cv2
import numpy as np

from bench.page import publish, table, verdict
from models.localization.runtime import Localizer
from models.vision.image_runtime import ImageRuntime

LIMIT = 25.0
"""Milliseconds a map, image encoder and motion of its pictures included."""

ROUNDS = 25
PICTURES = 5
"""From one map to the next: 200 ms at 25 a second."""

SESSIONS = (1, 2, 4, 8)


def main() -> None:
    cv2.setNumThreads(1)
    rng = np.random.default_rng(0)
    shown = [cv2.GaussianBlur(rng.integers(0, 255, (224, 224, 3)).astype(np.uint8), (0, 0), 4) for _ in range(8)]
    sound = rng.normal(0, 0.03, 3200).astype(np.float32)
    images = ImageRuntime()
    localizer = Localizer(images=images)
    rows, single = [], 0.0
    for count in SESSIONS:
        states = [localizer.open() for _ in range(count)]
        spent: list[list[float]] = [[], [], []]
        frame = 0
        for _ in range(ROUNDS):
            marks = [time.process_time()]
            for k in range(PICTURES):
                for state in states:
                    localizer.see(state, (frame + k) * 0.04, shown[(frame + k) % len(shown)])
            marks.append(time.process_time())
            for state in states:
                localizer.hear(state, frame * 0.04, sound)
            frame += PICTURES
            localizer.locate(states)
            marks.append(time.process_time())
            images.encode(np.stack(shown[:1] * count))
            marks.append(time.process_time())
            for part, times in enumerate(spent):
                times.append((marks[part + 1] - marks[part]) * 1e3)
        see, locate, encode = (float(np.median(times)) for times in spent)
        single = single or see + locate
        cells = [f"{see:.1f} ms", f"{locate - encode:.1f} ms", f"{encode:.1f} ms", f"{(see + locate) / count:.1f} ms"]
        rows.append([str(count), *cells])
    text = table(["sessions", f"motion, {PICTURES} pictures", "sound and attention", "image encoder", "a map"], rows)
    text += "\n\nCPU time on one thread, medians; each session has a map every 200 ms. "
    text += f"Limit: {LIMIT:.0f} ms a map of one session: {verdict(single, LIMIT)}."
    publish("localize", "python -m bench.localize", text)


if __name__ == "__main__":
    main()
