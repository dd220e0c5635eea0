"""Composed scenes as numbers on disk, to train on.

    python -m models.train.localization.scene_store --data DIR --work DIR

A shard of scenes is one .npz: motion of every 40 ms (int8, 1/32), the image encoder's grids of one picture, levels of
the sound's bands. What the source is and where goes along for scoring only. Shards that exist are kept.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from models.common.arrays import F32, Numbers
from models.localization.band_levels import BEFORE, band_levels
from models.localization.motion import BIN, motion
from models.train.localization.scene_actors import FRAMES
from models.train.localization.scene_drawing import VideoScene
from models.train.localization.scene_stock import load_stock
from models.train.localization.scenes import Composer
from models.vision.image_runtime import ImageRuntime

SHARD = 100


def scene_motion(scene: VideoScene) -> F32:
    """Return motion within a scene, float32 (75, 4, 28, 28); the first step has none."""
    out = np.zeros((FRAMES, 4, 28, 28), np.float32)
    grey = scene.in_grey()
    before, last = None, 0
    for frame, picture in grey.pictures(112):
        after = picture.astype(np.float32)
        if before is not None:
            out[last + 1 : frame + 1] = motion(before, after, (frame - last) * BIN)
        before, last = after, frame
    return out


def shard(composer: Composer, encoder: ImageRuntime, rng: np.random.Generator, count: int) -> dict[str, F32]:
    """Compose so many scenes, as arrays."""
    rows: dict[str, list[Numbers]] = {}
    for _ in range(count):
        scene = composer.scene(rng)
        wanted = int(rng.integers(FRAMES // scene.every)) * scene.every
        picture = scene.picture(wanted)
        grids = encoder.encode(picture[None])
        levels = band_levels(np.pad(scene.sound, (BEFORE, 0))[None])[0]
        for name, value in (
            ("motion", np.clip(np.rint(scene_motion(scene) * 32), -127, 127).astype(np.int8)),
            ("middle", grids.middle[0].astype(np.float16)),
            ("top", grids.top[0].astype(np.float16)),
            ("levels", levels.astype(np.float16)),
            ("kind", np.array(scene.kind)),
            ("box", np.array(scene.box, np.float32)),
            ("moves", np.array(scene.moves)),
            ("picture", picture[::2, ::2]),
        ):
            rows.setdefault(name, []).append(value)
    return {name: np.stack(values) for name, values in rows.items()}


def main() -> None:
    """Compose."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="folder outside of the project")
    parser.add_argument("--half", default="train", choices=["train", "dev"])
    parser.add_argument("--scenes", type=int, default=3000)
    options = parser.parse_args()
    composer = Composer(load_stock(options.data, options.half, options.work), 128)
    encoder = ImageRuntime()
    for number in range(options.scenes // SHARD):
        path = options.work / f"{options.half}-{number:03d}.npz"
        if path.is_file():
            continue
        started = time.monotonic()
        rng = np.random.default_rng((number, options.half == "dev"))
        arrays = shard(composer, encoder, rng, SHARD)
        fresh = path.with_suffix(".part.npz")
        np.savez(fresh, **arrays)  # type: ignore[arg-type]  # as if one could be `allow_pickle`
        fresh.rename(path)
        print(f"{path.name}: {(time.monotonic() - started) / SHARD * 1e3:.0f} ms a scene", flush=True)


if __name__ == "__main__":
    main()
