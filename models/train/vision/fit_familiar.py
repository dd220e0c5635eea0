"""Measure which pictures the captioner knows: `python -m models.train.vision.fit_familiar --data DIR --out FILE`.

On Flickr8k's training pictures, the limit on half of its dev pictures; prints how many of the other half lie within.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

from models.common.arrays import F32, U8
from models.train.data.flickr8k import flickr8k
from models.vision.captioning_runtime import gist
from models.vision.familiar import Familiar, measured
from models.vision.image_runtime import ImageRuntime

AXES = 64
_ROWS = 16


def gists(encoder: ImageRuntime, pictures: U8) -> F32:
    """Look at pictures (N, 224, 224, 3): (N, 1280)."""
    return np.concatenate([gist(encoder.encode(pictures[at : at + _ROWS])) for at in range(0, len(pictures), _ROWS)])


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pictures", type=int, default=6000, help="of the training part")
    options = parser.parse_args()
    torch.set_num_threads(1)
    encoder = ImageRuntime()
    train, dev = (gists(encoder, flickr8k(options.data, part)[0][: options.pictures]) for part in ("train", "dev"))
    stored = measured(train, dev[::2], AXES)
    save_file(
        {name: value.astype(np.float32 if value.ndim == 1 else np.float16) for name, value in stored.items()},
        options.out,
    )
    familiar = Familiar.load(options.out)
    print(f"limit {familiar.limit:.3f}; within it: of the other half {familiar.of(dev[1::2]).mean():.1%}")


if __name__ == "__main__":
    main()
