"""How far apart `models.vision.captioning_runtime.gist` puts two pictures, of one scene and of two.

    python -m models.train.vision.scene_change --data DIR

The same scene a moment later is made up: moved and zoomed by up to 6 %, lighter or darker by up to 30 %, with a
sensor's noise and a codec's blocks. Other scenes are other pictures of Flickr8k's dev part, and, harder, the most alike
of 50 of them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch

from models.common.arrays import U8
from models.train.data.flickr8k import flickr8k
from models.vision.captioning_runtime import CHANGED, gist
from models.vision.image_runtime import ImageRuntime

PICTURES = 300
RIVALS = 50


def a_moment_later(picture: U8, rng: np.random.Generator) -> U8:
    """Return the same scene (224, 224, 3), as a held camera might see it next."""
    side = picture.shape[0]
    zoom, (right, down) = rng.uniform(1.0, 1.06), rng.uniform(-0.06, 0.06, 2) * side
    centre = (1 - zoom) * side / 2
    move = np.array([[zoom, 0, centre + right], [0, zoom, centre + down]])
    moved = cv2.warpAffine(picture, move, (side, side), borderMode=cv2.BORDER_REFLECT)
    noisy = moved * rng.uniform(0.7, 1.3) + rng.normal(0, 5, moved.shape)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 80))]
    _, packed = cv2.imencode(".jpg", np.clip(noisy, 0, 255).astype(np.uint8), quality)
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rng, encoder = np.random.default_rng(0), ImageRuntime()
    pictures = flickr8k(options.data, "dev")[0][:PICTURES]
    later = np.stack([a_moment_later(picture, rng) for picture in pictures])
    now, then = (gist(encoder.encode(several)) for several in (pictures, later))
    between = 1 - now @ now.T
    others = between[~np.eye(PICTURES, dtype=bool)]
    nearest = np.array(
        [between[i, rng.permutation(np.delete(np.arange(PICTURES), i))[:RIVALS]].min() for i in range(PICTURES)]
    )
    for name, far in (("same scene", 1 - (now * then).sum(1)), ("another", others), ("most alike of 50", nearest)):
        shown = "  ".join(f"{p}%: {np.percentile(far, p):.3f}" for p in (1, 5, 50, 95, 99))
        print(f"{name}: {shown}  at least {CHANGED}: {(far >= CHANGED).mean():.1%}")


if __name__ == "__main__":
    main()
