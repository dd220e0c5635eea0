"""Learns which pictures the captioner may describe.

    python -m models.train.vision.train_familiar --data DIR --out FILE

Learnt from what the captioner learnt from, Flickr8k's train part. Half of the dev part sets the limit, the other half
is judged, beside pictures of another kind: rooms where mostly nobody is (DAQUAR), and what a camera on a bench sees
(scikit-image's). Four minutes of one core. With `--evaluate FILE` those weights are judged alone.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import skimage.data
import torch
from safetensors.torch import save_file

from models.common.arrays import F32, U8
from models.train.data.daquar import rooms
from models.train.data.flickr8k import flickr8k
from models.vision.captioning_runtime import gist
from models.vision.familiar import WEIGHTS, Familiarity, residual
from models.vision.image_runtime import ImageRuntime, fit

DIRECTIONS = 64
"""Of 16 to 256 that were tried none told rooms from holidays better by more than 0.005 (area under the curve)."""

KEPT = 0.9
"""Share of the training's kind of pictures that is to count as familiar."""

EVERY_ROOM = 5
"""One in so many is judged."""

OTHERS = (
    *("brick", "cell", "clock", "coins", "colorwheel", "grass", "gravel", "hubble_deep_field", "immunohistochemistry"),
    *("logo", "microaneurysms", "moon", "page", "retina", "text"),
)
"""Of scikit-image: textures, things from above, print, sky, what microscopes see."""


def gists(encoder: ImageRuntime, pictures: U8) -> F32:
    """Return what each of the pictures (N, 224, 224, 3) shows: (N, 1280)."""
    return np.concatenate([gist(encoder.encode(pictures[i : i + 16])) for i in range(0, len(pictures), 16)])


def things() -> U8:
    """Return scikit-image's pictures (N, 224, 224, 3) in which a holiday is not to be seen."""
    found = []
    for name in OTHERS:
        picture = np.asarray(getattr(skimage.data, name)())
        picture = picture.astype(np.uint8) * (255 if picture.dtype == bool else 1)
        picture = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)
        found.append(fit(np.ascontiguousarray(picture[..., :3])))
    return np.stack(found)


def learnt(seen: F32, choosing: F32, count: int = DIRECTIONS) -> dict[str, torch.Tensor]:
    """Return the weights: `count` principal directions of `seen`, and the limit that keeps `KEPT` of `choosing`."""
    mean = seen.mean(0)
    directions = np.linalg.svd(seen - mean, full_matrices=False)[2][:count]
    stored = {"mean": torch.tensor(mean).half(), "directions": torch.tensor(directions.copy()).half()}
    near = residual(choosing, *(stored[name].float().numpy() for name in ("mean", "directions")))
    return stored | {"limit": torch.tensor(float(np.quantile(near, KEPT))).half()}


def separation(near: F32, far: F32) -> float:
    """Return how often one of `far` has a larger distance than one of `near`: the area under the curve."""
    return float((far[:, None] > near[None]).mean())


def main() -> None:
    """Learn, and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=None)
    parser.add_argument("--evaluate", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    encoder = ImageRuntime()
    dev = gists(encoder, flickr8k(options.data, "dev")[0])
    if options.out is not None:
        save_file(learnt(gists(encoder, flickr8k(options.data, "train")[0]), dev[::2]), options.out)
        options.evaluate = options.out
    familiar = Familiarity(options.evaluate)
    kinds = {"holidays": dev[1::2], "rooms": gists(encoder, rooms(options.data)[1][::EVERY_ROOM])}
    kinds["things"] = gists(encoder, things())
    near = familiar.distance(kinds["holidays"])
    print(f"limit {familiar.limit:.3f}")
    for kind, shown in kinds.items():
        far = familiar.distance(shown)
        line = f"{kind}: {len(shown)}, familiar {familiar.knows(shown).mean():.1%}, median {np.median(far):.3f}"
        print(line if kind == "holidays" else f"{line}, farther than holidays {separation(near, far):.1%}")


if __name__ == "__main__":
    main()
