"""Average weights of one network at several points of its training, all begun from the same: a point between them.

    python -m models.train.separation.average --out FILE POINT…

Source: Wortsman et al., "Model soups", ICML 2022 (arXiv:2203.05482); between the start and the end of fine-tuning:
"Robust fine-tuning of zero-shot models", CVPR 2022 (arXiv:2109.01903).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file


def averaged(points: list[Path]) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Mean of each weight, fp16, and the metadata of the first.

    A point of before a layer was added does not count in that layer.

    Raises:
        ValueError: the files belong to different networks or vocabularies.
    """
    stored = []
    for point in points:
        with safe_open(point, "pt") as file:
            stored.append(file.metadata() or {})
    weights = [load_file(point) for point in points]
    if any(one != stored[0] for one in stored) or any(one.keys() - weights[0].keys() for one in weights):
        raise ValueError("weights of different networks cannot be averaged")
    having = {name: [one[name].float() for one in weights if name in one] for name in weights[0]}
    return {name: torch.stack(values).mean(0).half() for name, values in having.items()}, stored[0]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("points", type=Path, nargs="+")
    options = parser.parse_args()
    weights, metadata = averaged(options.points)
    save_file(weights, options.out, metadata)


if __name__ == "__main__":
    main()
